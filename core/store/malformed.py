"""Rows that could not be read: kept by their ref, or by where they stand, until the same row reads again or is gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select

from core.records import Malformed, Page, Ref, Stream
from core.store.among import among
from core.store.digest import storable_text
from core.store.engine import Database
from core.store.part import chunks
from core.store.record_tables import table


def keep(
    db: Database,
    tx: Connection,
    connection: str,
    page: Page,
    read: Collection[str],
    unreadable: Sequence[Malformed],
    now: datetime,
) -> None:
    """Bring the list of unreadable rows up to date with one page: `read` are the refs it held that could be read.

    A row already known as unreadable costs no write.
    At the end of a listing, rows that the listing no longer holds are forgotten.
    """
    rows = {_place(item): item for item in unreadable}
    bad = frozenset(rows)
    clear(tx, connection, page.stream, [*(ref for ref in read if ref not in bad), *(item.ref for item in page.deleted)])
    _store(db, tx, connection, page, rows, now)
    if page.listing is not None and not page.more:
        _forget_unlisted(tx, connection, page, bad)


def _place(item: Malformed) -> str:
    return storable_text(item.ref or item.where)


def clear(tx: Connection, connection: str, stream: Stream, refs: Sequence[str]) -> None:
    """Forget the unreadable rows of these refs: they read again, or are gone."""
    held = table("malformed")
    mine = (held.c.connection == connection, held.c.stream == stream.value)
    known = set(tx.execute(select(held.c.place).where(*mine)).scalars())
    for some in chunks([ref for ref in refs if ref in known]):
        tx.execute(delete(held).where(*mine, among(held.c.place, some)))


def load(tx: Connection) -> tuple[tuple[str, Malformed], ...]:
    """Every unreadable row with its connection, in order of connection, stream and place."""
    held = table("malformed")
    rows = sorted(tx.execute(select(held)).all(), key=lambda row: (row.connection, row.stream, row.place))
    return tuple(
        (row.connection, Malformed(stream=Stream(row.stream), ref=_ref(row.ref), where=row.position, problem=row.problem))
        for row in rows
    )


def _ref(stored: str | None) -> Ref | None:
    return None if stored is None else Ref(stored)


def _store(db: Database, tx: Connection, connection: str, page: Page, unreadable: Mapping[str, Malformed], now: datetime) -> None:
    held = table("malformed")
    wanted = (held.c.stream, held.c.place, held.c.position, held.c.problem, held.c.listing)
    known = {tuple(row) for row in tx.execute(select(*wanted).where(held.c.connection == connection))} if unreadable else set()
    # a listing in one page needs no mark: its rows are told from the others by the page itself
    listing = None if page.listing is None or (page.listing.first and not page.more) else page.listing.id
    rows = [
        {
            "connection": connection,
            "stream": item.stream.value,
            "place": place,
            "ref": None if item.ref is None else storable_text(item.ref),
            "position": storable_text(item.where),
            "problem": storable_text(item.problem),
            "listing": listing,
            "seen_at": now,
        }
        for place, item in unreadable.items()
    ]
    fresh = [row for row in rows if tuple(row[column.name] for column in wanted) not in known]
    if fresh:
        tx.execute(db.replace(held), fresh)


def _told_by(page: Page) -> tuple[str, ...]:
    """The streams a page speaks for: allocations are never pulled alone, they come with the payments."""
    return (page.stream.value, Stream.ALLOCATIONS.value) if page.stream is Stream.PAYMENTS else (page.stream.value,)


def _forget_unlisted(tx: Connection, connection: str, page: Page, bad: Collection[str]) -> None:
    held = table("malformed")
    assert page.listing is not None
    mine = (held.c.connection == connection, held.c.stream.in_(_told_by(page)))
    rows = tx.execute(select(held.c.place, held.c.listing).where(*mine))
    gone = [row.place for row in rows if row.place not in bad and (page.listing.first or row.listing != page.listing.id)]
    for some in chunks(gone):
        tx.execute(delete(held).where(*mine, among(held.c.place, some)))
