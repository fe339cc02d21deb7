"""The change log: what changed, and whose account it touches, so that a review looks at those accounts only.

A change is logged once for every party it touches, before and after: a payment moved from one client to another touches both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from core.records import STREAM_OF, Deposit, Party, Record, Stream
from core.store.among import among
from core.store.bulk import write_rows
from core.store.engine import Database
from core.store.part import chunks
from core.store.record_tables import RECORD_TABLES, table
from core.store.shape import column_names

CLASS_OF = {stream: cls for cls, stream in STREAM_OF.items()}


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one record: "inserted", "updated", "deleted", "revived" or "linked", and the parties it touches."""

    ref: str
    what: str
    parties: frozenset[str]


def touched_by(record: Record) -> set[str]:
    """The parties of its own connection that a record concerns."""
    if isinstance(record, Party):
        return {record.ref, *([record.parent_ref] if record.parent_ref else [])}
    if isinstance(record, Deposit):
        return {line.party_ref for line in record.lines if line.party_ref}
    party = getattr(record, "party_ref", None)
    return {party} if party else set()


def touched_before(tx: Connection, connection: str, stream: Stream, refs: Sequence[str]) -> dict[str, set[str]]:
    """The parties that stored records concern, by ref: what `touched_by` would say of the version now in the store."""
    found: dict[str, set[str]] = {}
    for some in chunks(refs):
        for ref, party in _stored_parties(tx, connection, stream, some):
            found.setdefault(ref, set()).add(party)
    return found


def _stored_parties(tx: Connection, connection: str, stream: Stream, refs: Sequence[str]) -> Iterator[tuple[str, str]]:
    if stream is Stream.DEPOSITS:
        lines = table("deposit_lines")
        mine = (lines.c.connection == connection, lines.c.owner_stream == stream.value, among(lines.c.owner_ref, refs))
        rows = tx.execute(select(lines.c.owner_ref, lines.c.party_ref).where(*mine, lines.c.party_ref.is_not(None)))
        yield from ((row[0], row[1]) for row in rows)
        return
    cls = CLASS_OF[stream]
    field = "parent_ref" if stream is Stream.PARTIES else "party_ref"
    if field not in column_names(cls):
        return
    typed = RECORD_TABLES[cls]
    column = typed.columns[field]
    rows = tx.execute(
        select(typed.c.ref, column).where(typed.c.connection == connection, among(typed.c.ref, refs), column.is_not(None))
    )
    yield from ((row[0], row[1]) for row in rows)


def log_changes(
    db: Database, tx: Connection, source: tuple[str, Stream], changes: Iterable[Change], *, run_id: str, now: datetime
) -> None:
    """Append changes of one (connection, stream).

    Appenders queue, so that `seq` follows the order of commits on PostgreSQL too.
    """
    connection, stream = source
    rows = [
        {
            "connection": connection,
            "stream": stream.value,
            "ref": change.ref,
            "what": change.what,
            "party_ref": party,
            "run_id": run_id,
            "at": now,
        }
        for change in changes
        for party in (*sorted(change.parties),) or (None,)
    ]
    if rows:
        db.queue_behind(tx, "change_log")
        write_rows(tx, insert(table("change_log")), rows)


def touched_since(tx: Connection, after: int) -> tuple[set[tuple[str, str]], int]:
    """The (connection, party) pairs touched after `after`, and the new watermark."""
    log = table("change_log")
    last = tx.execute(select(func.max(log.c.seq))).scalar() or after
    rows = tx.execute(
        select(log.c.connection, log.c.party_ref)
        .where(log.c.seq > after, log.c.seq <= last, log.c.party_ref.is_not(None))
        .distinct()
    )
    return {(row[0], row[1]) for row in rows}, max(last, after)


def lost_since(tx: Connection, after: int) -> bool:
    """Was a record deleted after `after`?"""
    log = table("change_log")
    found = select(log.c.seq).where(log.c.seq > after, log.c.what == "deleted").limit(1)
    return tx.execute(found).first() is not None


def unclaimed_money_since(tx: Connection, after: int) -> bool:
    """Did money that names no client come in, or change, after `after`? Only a review can tell whose it may be."""
    log = table("change_log")
    money = [stream.value for stream in (Stream.PAYMENTS, Stream.DEPOSITS, Stream.SALES)]
    came = (log.c.party_ref.is_(None), log.c.stream.in_(money), log.c.what != "deleted")
    return tx.execute(select(log.c.seq).where(log.c.seq > after, *came).limit(1)).first() is not None


def forget_changes(tx: Connection, before: int) -> int:
    """Delete what every reader has seen; numbering goes on from where it was. Returns how many rows went."""
    log = table("change_log")
    return tx.execute(delete(log).where(log.c.seq <= before)).rowcount
