"""How long cash application takes, as a multiple of merely sorting the same rows, and how that grows.

`python -m tests.benchmarks.bench_matching [SIZES]`.
The ledger has a fault in every tenth payment. A curve no steeper than n log n doubles a little more than the size does.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.matching import solve
from tests.corpus.payments import Ledger, make_ledger
from tests.corpus.score_payments import WORLDS

SIZES = (3_000, 10_000, 30_000, 100_000)
INVOICES_PER_CLIENT = 300


@dataclass(frozen=True)
class Timing:
    """Seconds of processor time; `growth` is the exponent against the size before, 1.0 being linear."""

    invoices: int
    payments: int
    seconds: float
    floor: float
    growth: float | None

    @property
    def row(self) -> str:
        growth = f"{self.growth:.2f}" if self.growth is not None else ""
        per_payment = 1e6 * self.seconds / self.payments
        times = f"{self.seconds:.1f} | {per_payment:.0f} | {self.seconds / self.floor:.0f}"
        return f"| {self.invoices} | {self.payments} | {times} | {growth} |"


def floor(ledger: Ledger) -> float:
    """Seconds to sort the same rows by all they have: what no matching can do without."""
    start = time.process_time()
    sorted((item.party, item.open.minor, item.number or "", item.id) for item in ledger.invoices)
    sorted((item.payer, item.amount.minor, item.memo, item.id) for item in ledger.payments)
    return max(time.process_time() - start, 1e-6)


def measure(size: int, before: Timing | None) -> Timing:
    """One size, in invoices."""
    world = replace(WORLDS["one fault in ten"], clients=max(size // INVOICES_PER_CLIENT, 1))
    ledger = make_ledger(world, 7)
    start = time.process_time()
    solve(ledger.invoices, ledger.payments)
    seconds = time.process_time() - start
    growth = None
    if before is not None:
        growth = math.log(seconds / before.seconds) / math.log(len(ledger.invoices) / before.invoices)
    return Timing(len(ledger.invoices), len(ledger.payments), seconds, floor(ledger), growth)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES), help="invoices; a million takes some minutes")
    print("| invoices | payments | s | us per payment | x sorting | growth exponent |\n|---:|---:|---:|---:|---:|---:|")
    before = None
    for size in parser.parse_args(arguments).sizes:
        before = measure(size, before)
        print(before.row, flush=True)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


if __name__ == "__main__":
    main()
