"""A folder of CSV files, pulled, reconciled, decided on and aged; the floor is reading the same files with the csv module."""

from __future__ import annotations

import csv
import gc
import math
import random
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from core.analytics.ageing import ageing
from core.clock import ManualClock
from scheduler.app import open_app
from scheduler.jobs import review_accounts, sync_connection
from scheduler.previewing import preview

SIZES = (5_000, 20_000, 80_000)
NOW = datetime(2026, 4, 15, 15, 0, tzinfo=UTC)
CONFIG = """
[organisation]
name = "Bench"
timezone = "America/Chicago"
currency = "USD"
country = "US"
[connections.books]
type = "csv"
role = "books"
path = "books"
[log]
level = "error"
"""


def write_books(folder: Path, invoices: int) -> None:
    """Books of one client per hundred invoices, nearly all paid on time in full."""
    chance = random.Random(7)
    (folder / "books").mkdir(parents=True)
    clients = max(1, invoices // 100)
    files = {
        name: (folder / "books" / f"{name}.csv").open("w", newline="")
        for name in ("parties", "invoices", "payments", "allocations")
    }
    out = {name: csv.writer(file) for name, file in files.items()}
    out["parties"].writerow(("ref", "name", "email", "currency", "active"))
    out["invoices"].writerow(("ref", "party_ref", "number", "currency", "total", "open", "issued_on", "due_on", "status"))
    out["payments"].writerow(("ref", "party_ref", "currency", "amount", "unapplied", "paid_on", "reference", "status"))
    out["allocations"].writerow(("source_ref", "invoice_ref", "amount", "applied_on"))
    for number in range(clients):
        out["parties"].writerow((f"P{number}", f"Client {number} LLC", f"ap{number}@client{number}.example", "USD", "true"))
    first = date(2018, 1, 1)
    for number in range(invoices):
        issued = first + timedelta(days=30 * (number // clients) + chance.randrange(5))
        due, amount = issued + timedelta(days=30), f"{chance.randrange(10_000, 900_000) / 100:.2f}"
        paid = chance.random() < 0.97
        rest, status = ("0.00", "paid") if paid else (amount, "open")
        party, label = f"P{number % clients}", f"INV-{number}"
        out["invoices"].writerow((f"I{number}", party, label, "USD", amount, rest, issued, due, status))
        if paid:
            on = due + timedelta(days=chance.randrange(-5, 20))
            out["payments"].writerow((f"Q{number}", party, "USD", amount, "0.00", on, label, "received"))
            out["allocations"].writerow((f"Q{number}", f"I{number}", amount, on))
    for file in files.values():
        file.close()


def seconds(step: Callable[[], object]) -> float:
    """Processor time of one step."""
    gc.collect()
    before = time.process_time()
    step()
    return time.process_time() - before


def read_files(folder: Path) -> None:
    for path in (folder / "books").glob("*.csv"):
        with path.open(newline="") as file:
            for _ in csv.reader(file):
                pass


def measure(invoices: int) -> dict[str, float]:
    """Seconds of processor time by step."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_books(folder, invoices)
        (folder / "duesync.toml").write_text(CONFIG)
        found = {"floor: read the files": seconds(lambda: read_files(folder))}
        with open_app(folder / "duesync.toml", clock=ManualClock(NOW)) as app:
            found["pull"] = seconds(lambda: sync_connection(app, "books"))
            found["pull again, unchanged"] = seconds(lambda: sync_connection(app, "books"))
            found["reconcile everything"] = seconds(lambda: review_accounts(app, full=True, enqueue=False))
            found["preview"] = seconds(lambda: preview(app))
            found["ageing"] = seconds(lambda: ageing(app.store.load_books(now=NOW), NOW.date()))
    return found


def main() -> None:
    """Print a table: ratio to the floor at each size, and the exponent of growth from the first size to the last."""
    tables = {size: measure(size) for size in SIZES}
    print("\nLedger of n invoices and as many payments: processor time as a multiple of reading the files once")
    print(f"{'step':<26}" + "".join(f"{size:>12,}" for size in SIZES) + f"{'grows as n^':>14}")
    for step in tables[SIZES[0]]:
        ratios = [tables[size][step] / tables[size]["floor: read the files"] for size in SIZES]
        first, last = (max(tables[size][step], 1e-4) for size in (SIZES[0], SIZES[-1]))
        growth = math.log(last / first) / math.log(SIZES[-1] / SIZES[0])
        print(f"{step:<26}" + "".join(f"{ratio:>12.1f}" for ratio in ratios) + f"{growth:>14.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"largest memory of the process: {peak:,} MiB")


if __name__ == "__main__":
    main()
