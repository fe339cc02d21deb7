"""How long the reconciler takes on books with every fault and trap in, as a multiple of merely sorting them, and how that grows.

`python -m tests.benchmarks.bench_ledger_rules [SIZES]` in invoices; a million takes some minutes. Books are made by
`tests/corpus/books*.py`: one client per 70 invoices, one fault of each kind per 4,000, and once all of them of one single client.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass

from core.books import Books
from core.reconcile.engine import reconcile
from core.records import Record
from tests.corpus.books import TODAY, clean_books
from tests.corpus.books_assembly import assemble
from tests.corpus.books_drafts import ROLES
from tests.corpus.books_faults import plant
from tests.corpus.books_words import bill, day, party, pay

SIZES = (3_000, 10_000, 30_000, 100_000)
_PER_CLIENT = 70
_PER_FAULT = 4_000


@dataclass(frozen=True)
class Timing:
    """Seconds of processor time; `growth` is the exponent against the size before, 1.0 being linear."""

    invoices: int
    payments: int
    seconds: float
    floor: float
    findings: int
    growth: float | None

    @property
    def row(self) -> str:
        growth = f"{self.growth:.2f}" if self.growth is not None else ""
        each = 1e6 * self.seconds / max(self.invoices, 1)
        times = f"{self.seconds:.1f} | {each:.0f} | {self.seconds / self.floor:.0f}"
        return f"| {self.invoices} | {self.payments} | {times} | {self.findings} | {growth} |"


def many_clients(invoices: int) -> Books:
    """Books of a firm with so many invoices, two years of them."""
    drafts = plant(clean_books(7, clients=max(invoices // _PER_CLIENT, 1), months=24), 7, each=max(1, invoices // _PER_FAULT))
    return assemble(drafts.records(), roles=ROLES)


def one_client(invoices: int) -> Books:
    """Everything of one client: what would show a step that compares all pairs of an account."""
    records: list[Record] = [party()]
    for number in range(invoices):
        on = f"20{16 + number * 10 // invoices}-{number % 12 + 1:02}-{number % 28 + 1:02}"
        total = f"{100 + number % 977}.{number % 100:02}"
        later = str(day(on).replace(day=28))
        records += [
            bill(f"{number}", total, on, "0"),
            pay(f"P{number}", total, later, {f"{number}": total}, memo=f"INV-{number}"),
        ]
    return assemble(records, roles=ROLES)


def measure(books: Books, before: Timing | None) -> Timing:
    """One ledger; the floor is sorting its invoices and payments by all they have."""
    bills = [item for account in books.all() for item in account.invoices]
    cash = [item for account in books.all() for item in account.payments]
    start = time.process_time()
    sorted((item.party_ref, item.total.minor, item.issued_on, item.number or "", item.ref) for item in bills)
    sorted((item.party_ref or "", item.amount.minor, item.paid_on, item.memo or "", item.ref) for item in cash)
    floor = max(time.process_time() - start, 1e-6)
    start = time.process_time()
    found = reconcile(books, today=TODAY)
    seconds = time.process_time() - start
    growth = math.log(seconds / before.seconds) / math.log(len(bills) / before.invoices) if before else None
    return Timing(len(bills), len(cash), seconds, floor, len(found), growth)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES), help="invoices")
    sizes = parser.parse_args(arguments).sizes
    for title, made in (("books with every fault and trap", many_clients), ("one single client", one_client)):
        print(f"\nReconciling {title}")
        print("| invoices | payments | s | us per invoice | x sorting | findings | growth exponent |")
        print("|---:|---:|---:|---:|---:|---:|---:|")
        before = None
        for size in sizes:
            before = measure(made(size), before)
            print(before.row, flush=True)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB, the makers of the books included")


if __name__ == "__main__":
    main()
