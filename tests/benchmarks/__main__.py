"""`make bench`: what duesync costs, as ratios against a floor measured in the same run, and how it grows.

Absolute seconds depend on the machine; the ratios and the exponent of growth do not, much.
"""

from __future__ import annotations

import importlib
import pkgutil

import tests.benchmarks


def main() -> None:
    """Run every `bench_*` module beside this one."""
    for module in pkgutil.iter_modules(tests.benchmarks.__path__):
        if module.name.startswith("bench_"):
            importlib.import_module(f"tests.benchmarks.{module.name}").main()


if __name__ == "__main__":
    main()
