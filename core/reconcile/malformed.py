"""Rows no connector could read: each is a finding, because what cannot be read may be money (product.md E49)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from core.findings import Finding, FindingKind, Severity
from core.money import Money
from core.reconcile.world import World
from core.records import CreditNote, Invoice, Malformed, Payment, RecordKey, Ref, Stream, key_of
from core.unread import called_in

_MONEY = frozenset(
    {
        Stream.INVOICES,
        Stream.PAYMENTS,
        Stream.CREDIT_NOTES,
        Stream.ALLOCATIONS,
        Stream.DEPOSITS,
        Stream.SALES,
        Stream.REFUNDS,
        Stream.ADJUSTMENTS,
    }
)
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
            evidence={
                "what": f"{row.where}: {row.problem}",
                "where": row.where,
                "problem": row.problem,
                "ref": row.ref,
                **_client(world, connection, row),
            },
            proposal=f"Correct {row.where} at the source; until then it counts for nothing and no reminder relies on it.",
        )


def _client(world: World, connection: str, row: Malformed) -> dict[str, str]:
    """The client whose balance it may change, where the row says so or an allocation names a document of it."""
    if row.stream not in _MONEY:
        return {}
    client = called_in(row.problem).get("client")
    if client is None and row.stream is Stream.ALLOCATIONS:
        source, _, invoice = (row.ref or "").partition(">")
        keys = [
            *(RecordKey(connection, stream, Ref(source)) for stream in _SOURCES),
            RecordKey(connection, Stream.INVOICES, Ref(invoice)),
        ]
        client = next((owner for key in keys if (owner := _owners(world).get(key)) is not None), None)
    return {"client": client} if client else {}


def _owners(world: World) -> Mapping[RecordKey, str]:
    """The customer record of every invoice, payment and credit note."""
    if "owners_of_money" not in world.memory:
        found: dict[RecordKey, str] = {}
        for books in world.books.all():
            records: tuple[Invoice | Payment | CreditNote, ...] = (*books.invoices, *books.payments, *books.credit_notes)
            found |= {key_of(item): item.party_ref for item in records if item.party_ref is not None}
        world.memory["owners_of_money"] = found
    result: Mapping[RecordKey, str] = world.memory["owners_of_money"]
    return result


def _currency(world: World, connection: str) -> str:
    """The connection's commonest currency: an unreadable amount has none of its own."""
    counts = Counter(item.total.currency for (name, _), item in world.invoices.items() if name == connection)
    return min(counts, key=lambda code: (-counts[code], code)) if counts else "USD"
