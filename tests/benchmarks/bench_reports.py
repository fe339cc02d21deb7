"""Whole commands over a large store, from the start of the process to its end; the floor: sqlite3 alone reads the same rows."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from core.clock import ManualClock
from scheduler.app import open_app
from scheduler.jobs import sync_connection
from tests.benchmarks.bench_ledger import CONFIG, NOW, write_books

INVOICES = 100_000
RUNS = 3  # the least of them: what else the machine did is not the command's
DAY = NOW.date().isoformat()
REPORTS = {
    "report ageing": ("report", "ageing", "--as-of", DAY),
    "report health": ("report", "health", "--as-of", DAY),
    "report forecast": ("report", "forecast", "--as-of", DAY),
    "report statement": ("report", "statement", "books:P7", "--as-of", DAY),
}
FLOOR = """
import sqlite3, sys
store = sqlite3.connect(sys.argv[1])
for table in ("parties", "invoices", "payments", "allocations"):
    store.execute(f"select * from {table}").fetchall()
"""
COMMAND = "import sys; from scheduler.cli import main; main(sys.argv[1:])"


def least(arguments: list[str], folder: Path) -> tuple[float, str]:
    """Seconds of processor time of a process, user and system, the least of some runs; and what it said."""

    def once() -> tuple[float, str]:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(arguments, cwd=folder, check=True, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout

    return min((once() for _ in range(RUNS)), key=lambda run: run[0])


def measure(invoices: int = INVOICES, told: Callable[[str], None] = print) -> dict[str, float]:
    """Seconds by command, the floor first; every report is checked to have answered."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_books(folder, invoices)
        (folder / "duesync.toml").write_text(CONFIG)
        with open_app(folder / "duesync.toml", clock=ManualClock(NOW)) as app:
            sync_connection(app, "books")
        found = {"floor: sqlite3 reads the rows": least([sys.executable, "-c", FLOOR, "duesync.db"], folder)[0]}
        for report, words in REPORTS.items():
            found[report], said = least([sys.executable, "-c", COMMAND, "--json", *words], folder)
            told(f"{report}: {len(json.dumps(json.loads(said))):,} characters of JSON")
    return found


def main() -> None:
    """Print a table: processor time of the whole process, and as a multiple of the floor."""
    found = measure(told=lambda _: None)
    floor = found["floor: sqlite3 reads the rows"]
    print(f"\nReports on a store of {INVOICES:,} invoices and as many payments: processor time of the whole process")
    print(f"{'command':<34}{'seconds':>10}{'x floor':>10}")
    for name, seconds in found.items():
        print(f"{name:<34}{seconds:>10.2f}{seconds / floor:>10.1f}")


if __name__ == "__main__":
    main()
