"""The tests, and the tools that live beside them: corpus, benchmarks, soak, generated pages."""
