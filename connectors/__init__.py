"""Connectors: one folder per vendor, each a `ConnectorSpec` and a sandbox. They do not know each other.

How to write one: docs/writing-a-connector.md. What one must keep: connectors/testing/contract.py.
"""
