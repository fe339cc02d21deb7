"""Benchmarks: apart from the tests, never a timed test."""
