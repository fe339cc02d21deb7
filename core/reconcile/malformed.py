"""Rows no connector could read: each is a finding, because what cannot be read may be money (product.md E49)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from core.findings import Finding, FindingKind, Severity
from core.money import Money
from core.reconcile.world import World
from core.records import RecordKey, Ref, Stream

_SOURCES = (Stream.PAYMENTS, Stream.CREDIT_NOTES)


def malformed_records(world: World) -> Iterator[Finding]:
    """One finding per unreadable row, with the file and line or field path.

    An allocation whose payment or credit note cannot be read is not told beside it: mending the one mends the other.
    """
    unread = {(connection, row.ref) for connection, row in world.books.malformed if row.stream in _SOURCES}
    for connection, row in world.books.malformed:
        if row.stream is Stream.ALLOCATIONS and (connection, (row.ref or "").partition(">")[0]) in unread:
            continue
        yield Finding(
            kind=FindingKind.MALFORMED_RECORD,
            severity=Severity.MEDIUM,
            confidence=1.0,
            account=None,
            connection=connection,
            subjects=(RecordKey(connection, row.stream, row.ref or Ref(row.where)),),
            at_stake=Money.zero(_currency(world, connection)),
            evidence={"what": f"{row.where}: {row.problem}", "where": row.where, "problem": row.problem, "ref": row.ref},
            proposal=f"Correct {row.where} at the source; until then it counts for nothing and no reminder relies on it.",
        )


def _currency(world: World, connection: str) -> str:
    """The connection's commonest currency: an unreadable amount has none of its own."""
    counts = Counter(item.total.currency for (name, _), item in world.invoices.items() if name == connection)
    return min(counts, key=lambda code: (-counts[code], code)) if counts else "USD"
