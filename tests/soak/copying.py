"""`python -m tests.soak.copying [RECORDS]`: a million records, copied from SQLite to PostgreSQL and back, equal by hash.

Prints seconds and the peak of memory per step; exit code 1 when a hash differs, memory is not flat or the journal breaks.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from core.clock import ManualClock
from core.records import Entry, Record, Stream
from core.store import Store, open_store
from tests.postgres_server import NoPostgres, postgres_server
from tests.store.world import BOOKS, NOW, invoice, page, party, payment, usd

RECORDS = 1_000_000
PAGE = 5_000
CLIENT = 100  # records of one client
# How much the copy may take beyond what the process had before it: buffers of a few thousand rows, nothing that grows with them.
LARGEST_GROWTH_MIB = 150


def peak() -> int:
    """The most memory this process ever held, in MiB (getrusage(2) counts KiB on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@contextmanager
def step(name: str, records: int) -> Iterator[None]:
    """Say how long a step took."""
    began = time.perf_counter()
    yield
    took = time.perf_counter() - began
    print(f"{name:<32} {took:8.1f} s {records / took:10,.0f} records/s   peak {peak():5d} MiB", flush=True)


def _entries(stream: Stream, start: int, count: int) -> tuple[Entry, ...]:
    return tuple(Entry(record=_record(stream, number), raw=_raw(number)) for number in range(start, start + count))


def _record(stream: Stream, number: int) -> Record:
    client = str(number // CLIENT)
    if stream is Stream.PARTIES:
        return party(str(number), name=f"Client {number} GmbH & Co. KG")
    if stream is Stream.INVOICES:
        made = NOW.date() - timedelta(days=number % 1500)
        return invoice(f"i{number}", client, issued_on=made, due_on=made + timedelta(days=30), memo=f"Managed services {number}")
    return payment(f"p{number}", client, {f"i{number}": 10_000}, unapplied=usd(number % 7))


def _raw(number: int) -> bytes:
    return (
        b'{"Id":"%d","SyncToken":"0","DocNumber":"INV-%d","TotalAmt":100.00,"Balance":%d.00,"CurrencyRef":{"value":"USD"},'
        b'"CustomerRef":{"value":"%d","name":"Client %d"},"TxnDate":"2026-04-%02d","EmailStatus":"EmailSent",'
        b'"Line":[{"Amount":100.00,"DetailType":"SalesItemLineDetail","Description":"Managed services, seat %d"}]}'
    ) % (number, number, number % 100, number // CLIENT, number // CLIENT, number % 28 + 1, number)


def fill(store: Store, records: int) -> int:
    """Clients, invoices and payments; how many there are."""
    invoices = (records - records // CLIENT) // 2
    counts = {Stream.PARTIES: records // CLIENT, Stream.INVOICES: invoices}
    counts[Stream.PAYMENTS] = records - sum(counts.values())
    done = 0
    for stream, count in counts.items():
        for start in range(0, count, PAGE):
            some = _entries(stream, start, min(PAGE, count - start))
            store.commit_page(
                replace(page(stream=stream, cursor=str(start)), entries=some), connection=BOOKS, run_id="soak", now=NOW
            )
            done += len(some)
            if done % 100_000 < PAGE:
                print(f"  {done:,} records stored", end="\r", file=sys.stderr, flush=True)
    for number in range(1_000):
        store.journal_append("soak", f"entry/{number}", {"number": number}, now=NOW, actor="soak")
    return done


def _hop(source: Store, url: str, name: str, records: int) -> tuple[Store, int]:
    """Copy to an empty store; it, and by how many MiB the peak of memory grew."""
    target = open_store(url, clock=ManualClock(NOW))
    target.migrate()
    before = peak()
    with step(name, records):
        source.copy_to(target, note=lambda item: print(f"  {item.table}: {item.rows:,} rows equal", file=sys.stderr, flush=True))
    return target, peak() - before


def main(records: int = RECORDS) -> int:
    """Fill, copy there and back, compare; 1 when something does not hold."""
    with tempfile.TemporaryDirectory(prefix="duesync-copy-") as home, postgres_server() as server:
        first = open_store(f"sqlite:///{home}/first.db", clock=ManualClock(NOW))
        first.migrate()
        with step("stored in SQLite", records):
            fill(first, records)
        first.close()
        first = open_store(f"sqlite:///{home}/first.db", clock=ManualClock(NOW))
        print(f"{'size of the SQLite file':<32} {Path(home, 'first.db').stat().st_size / 2**20:8.0f} MiB", flush=True)
        second, grew = _hop(first, server.database("soak"), "copied SQLite to PostgreSQL", records)
        third, back = _hop(second, f"sqlite:///{home}/third.db", "copied PostgreSQL to SQLite", records)
        equal = first.fingerprint() == second.fingerprint() == third.fingerprint()
        whole = third.verify_journal().ok
        rows = sum(item.rows for item in third.fingerprint())
        for store in (first, second, third):
            store.close()
    flat = max(grew, back) <= LARGEST_GROWTH_MIB
    print(f"{rows:,} rows in all tables; equal: {equal}; journal holds: {whole}; memory grew {grew} and {back} MiB", flush=True)
    return 0 if equal and whole and flat else 1


if __name__ == "__main__":
    try:
        sys.exit(main(*(int(item) for item in sys.argv[1:])))
    except NoPostgres as reason:
        sys.exit(f"not run: {reason}")
