"""Taking in what was pulled: records, payloads, change log and cursor of a page in one commit, nothing for what did not change.

A row is looked at by its content digest and the vendor's version. Same digest, same version: no write. Same digest, newer
version: the version is kept, but it is no change to review. A deletion is a tombstone: the identity and last payload stay,
the typed row goes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from core.clock import Clock
from core.errors import StoreError
from core.records import STREAM_OF, Cursor, Entry, Malformed, Page, Record, Ref, Stream, Tombstone
from core.store import malformed
from core.store.among import among
from core.store.bulk import write_rows
from core.store.changes import CLASS_OF, Change, log_changes, touched_before, touched_by
from core.store.codec import Row, encoder, part_rows
from core.store.digest import storable, storable_text
from core.store.engine import Database
from core.store.part import Part, chunks
from core.store.payloads import Payloads
from core.store.record_tables import PART_TABLES, RECORD_TABLES, table
from core.store.shape import children
from core.store.values import PageOutcome, StreamState

# The range of a 64-bit column; an amount beyond it can only be a vendor's mistake.
_LARGEST = 2**63 - 1
_LONG_NUMBER = re.compile(rb"\d{19}")  # what may be beyond it: one look at the canonical bytes spares a look at every field


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store remembers of one record."""

    digest: str
    version: str | None
    updated_at: datetime | None
    first_seen_at: datetime
    changed_at: datetime
    deleted: bool


@dataclass(frozen=True, slots=True)
class _Read:
    """One row of a page, made storable, with the bytes its digest is taken of."""

    record: Record
    content: bytes
    raw: bytes


@dataclass(slots=True)
class _Sorted:
    """The rows of one page by what has to happen to them."""

    changes: list[Change] = field(default_factory=list)
    writes: list[tuple[Record, Row, bytes]] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)  # refs whose parts in child tables must go first
    restamps: list[Row] = field(default_factory=list)
    unreadable: list[Malformed] = field(default_factory=list)
    unchanged: int = 0

    def count(self, what: str) -> int:
        return sum(change.what == what for change in self.changes)


class PullVerbs(Part):
    """Cursors, pages, tombstones and the freshness of streams."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self._payloads = Payloads(database)

    def cursor(self, connection: str, stream: Stream) -> Cursor | None:
        """How far the stream was pulled; None before its first page."""
        held = table("cursors")
        with self._db.read() as tx:
            found = tx.execute(
                select(held.c.cursor).where(held.c.connection == connection, held.c.stream == stream.value)
            ).scalar()
        return None if found is None else Cursor(found)

    def commit_page(self, page: Page, *, connection: str, run_id: str, now: datetime) -> PageOutcome:
        """Store a page and its cursor, all or nothing. The same page again writes nothing but a moved cursor.

        A ref given twice counts once, the last one holds; a tombstone beats a record. What no database can hold becomes a
        Malformed.
        """
        _check(page.entries, connection, page.stream)
        gone = {storable_text(tombstone.ref) for tombstone in page.deleted}
        read = _read(page.entries)
        entries = [item for ref, item in read.items() if ref not in gone]
        with self._db.write() as tx:
            sorted_rows = self._sort_entries(tx, (connection, page.stream), entries, now)
            self._write_entries(tx, (connection, page.stream), sorted_rows, run_id, now)
            deleted = self._bury(tx, (connection, page.stream), page.deleted, run_id, now)
            alive = sorted_rows.count("inserted") + sorted_rows.count("revived")
            self._count_rows(tx, connection, page.stream, alive - deleted)
            unreadable = (*page.malformed, *sorted_rows.unreadable)
            malformed.keep(self._db, tx, connection, page, frozenset(read), unreadable, now)
            self._save_cursor(tx, connection, page, run_id, now)
        return PageOutcome(
            inserted=sorted_rows.count("inserted"),
            updated=sorted_rows.count("updated"),
            revived=sorted_rows.count("revived"),
            unchanged=sorted_rows.unchanged,
            restamped=len(sorted_rows.restamps),
            deleted=deleted,
            malformed=len(unreadable),
        )

    def refs(self, connection: str, stream: Stream) -> frozenset[Ref]:
        """The refs of every live record of a stream."""
        typed = RECORD_TABLES[CLASS_OF[stream]]
        with self._db.read() as tx:
            return frozenset(Ref(row[0]) for row in tx.execute(select(typed.c.ref).where(typed.c.connection == connection)))

    def bury(self, connection: str, tombstones: Iterable[Tombstone], *, run_id: str, now: datetime) -> int:
        """Mark records deleted; those unknown or already buried are passed over. Returns how many were alive."""
        by_stream: dict[Stream, list[Tombstone]] = {}
        for tombstone in tombstones:
            by_stream.setdefault(tombstone.stream, []).append(tombstone)
        buried = 0
        with self._db.write() as tx:
            for stream, group in by_stream.items():
                count = self._bury(tx, (connection, stream), group, run_id, now)
                self._count_rows(tx, connection, stream, -count)
                malformed.clear(tx, connection, stream, [item.ref for item in group])
                buried += count
        return buried

    def mark_pull(self, connection: str, stream: Stream, *, now: datetime, error: str | None) -> None:
        """Note that a pull of the stream ended now, well (`error` None) or not."""
        row = {"connection": connection, "stream": stream.value, "last_try_at": now, "error": error, "row_count": 0}
        if error is None:
            row["last_ok_at"] = now
        statement = self._db.upsert(table("stream_states"))
        fresh = {name: statement.excluded[name] for name in ("last_try_at", "error", "last_ok_at") if name in row}
        with self._db.write() as tx:
            tx.execute(statement.on_conflict_do_update(index_elements=["connection", "stream"], set_=fresh), [row])

    def stream_states(self) -> tuple[StreamState, ...]:
        """Freshness of every stream that was ever pulled, by connection and stream."""
        held = table("stream_states")
        with self._db.read() as tx:
            rows = tx.execute(select(held)).all()
        found = (
            StreamState(
                connection=row.connection,
                stream=Stream(row.stream),
                last_ok_at=row.last_ok_at,
                last_try_at=row.last_try_at,
                error=row.error,
                rows=row.row_count,
            )
            for row in rows
        )
        return tuple(sorted(found, key=lambda state: (state.connection, state.stream)))

    def malformed(self) -> tuple[tuple[str, Malformed], ...]:
        """Every row that cannot be read, with its connection, until it can."""
        with self._db.read() as tx:
            return malformed.load(tx)

    # ── the steps of a page ─────────────────────────────────────────────────────────────────────────────────────────────
    def _sort_entries(self, tx: Connection, source: tuple[str, Stream], entries: Sequence[_Read], now: datetime) -> _Sorted:
        known = _known(tx, source, [item.record.ref for item in entries])
        result = _Sorted()
        for item in entries:
            problem = _unstorable(item)
            if problem is not None:
                result.unreadable.append(problem)
                continue
            digest = hashlib.blake2b(item.content, digest_size=16).hexdigest()
            _place(result, item.record, item.raw, digest, known.get(item.record.ref), now)
        return result

    def _write_entries(self, tx: Connection, source: tuple[str, Stream], rows: _Sorted, run_id: str, now: datetime) -> None:
        connection, stream = source
        before = touched_before(tx, connection, stream, rows.replaced)
        if rows.writes:
            packed = self._payloads.pack(tx, (connection, stream.value), [raw for _, _, raw in rows.writes], now)
            identities = [{**row, "raw": raw} for (_, row, _), raw in zip(rows.writes, packed, strict=True)]
            write_rows(tx, self._db.replace(table("records"), keep=("first_seen_at",)), identities)
            self._db.grew(tx, table("records"), len(identities))
            self._write_typed(tx, source, [record for record, _, _ in rows.writes], rows.replaced)
        if rows.restamps:
            _restamp(tx, source, rows.restamps)
        moved = (Change(item.ref, item.what, item.parties | before.get(item.ref, set())) for item in rows.changes)
        log_changes(self._db, tx, source, moved, run_id=run_id, now=now)

    def _write_typed(
        self, tx: Connection, source: tuple[str, Stream], records: Sequence[Record], replaced: Sequence[str]
    ) -> None:
        cls = type(records[0])
        encode = encoder(cls)
        write_rows(tx, self._db.replace(RECORD_TABLES[cls]), [encode(record) for record in records])
        self._db.grew(tx, RECORD_TABLES[cls], len(records))
        if not children(cls):
            return
        _delete_parts(tx, source, cls, replaced)
        parts: dict[type[Any], list[Row]] = {}
        for record in records:
            for part, row in part_rows(record):
                parts.setdefault(part, []).append(row)
        for part, part_row_list in parts.items():
            write_rows(tx, insert(PART_TABLES[part]), part_row_list)
            self._db.grew(tx, PART_TABLES[part], len(part_row_list))

    def _bury(
        self, tx: Connection, source: tuple[str, Stream], tombstones: Collection[Tombstone], run_id: str, now: datetime
    ) -> int:
        connection, stream = source
        when = {storable_text(tombstone.ref): tombstone.deleted_at or now for tombstone in tombstones}
        known = _known(tx, source, list(when))
        alive = [ref for ref in when if ref in known and not known[ref].deleted]
        if not alive:
            return 0
        before = touched_before(tx, connection, stream, alive)
        held = table("records")
        statement = (
            update(held)
            .where(held.c.connection == connection, held.c.stream == stream.value, held.c.ref == bindparam("old_ref"))
            .values(deleted_at=bindparam("gone_at"), changed_at=bindparam("at"))
        )
        tx.execute(statement, [{"old_ref": ref, "gone_at": when[ref], "at": now} for ref in alive])
        cls = CLASS_OF[stream]
        _delete_parts(tx, source, cls, alive)
        typed = RECORD_TABLES[cls]
        for some in chunks(alive):
            tx.execute(delete(typed).where(typed.c.connection == connection, among(typed.c.ref, some)))
        own = frozenset(alive) if stream is Stream.PARTIES else frozenset()
        changes = (Change(ref, "deleted", frozenset(before.get(ref, set()) | (own & {ref}))) for ref in alive)
        log_changes(self._db, tx, source, changes, run_id=run_id, now=now)
        return len(alive)

    def _count_rows(self, tx: Connection, connection: str, stream: Stream, difference: int) -> None:
        if not difference:
            return
        held = table("stream_states")
        statement = self._db.upsert(held)
        grown = {"row_count": held.c.row_count + statement.excluded.row_count}
        row = {"connection": connection, "stream": stream.value, "row_count": difference}
        tx.execute(statement.on_conflict_do_update(index_elements=["connection", "stream"], set_=grown), [row])

    def _save_cursor(self, tx: Connection, connection: str, page: Page, run_id: str, now: datetime) -> None:
        held = table("cursors")
        mine = (held.c.connection == connection, held.c.stream == page.stream.value)
        if tx.execute(select(held.c.cursor).where(*mine)).scalar() != page.cursor:
            row = {
                "connection": connection,
                "stream": page.stream.value,
                "cursor": page.cursor,
                "saved_at": now,
                "run_id": run_id,
            }
            tx.execute(self._db.replace(held), [row])


def _read(entries: Iterable[Entry]) -> dict[str, _Read]:
    """Rows by ref; of a ref given twice, the last."""
    found: dict[str, _Read] = {}
    for entry in entries:
        record, content = storable(entry.record)
        found[record.ref] = _Read(record, content, entry.raw)
    return found


def _check(entries: Iterable[Entry], connection: str, stream: Stream) -> None:
    for entry in entries:
        record = entry.record
        if record.connection != connection or STREAM_OF.get(type(record)) is not stream:
            raise StoreError(
                f"A page of {connection}/{stream} holds {type(record).__name__} {record.ref} of {record.connection}.",
                remedy="This is a fault of the connector: please report it.",
            )


def _known(tx: Connection, source: tuple[str, Stream], refs: Sequence[str]) -> Mapping[str, _Known]:
    held = table("records")
    wanted = (
        held.c.ref,
        held.c.digest,
        held.c.version,
        held.c.updated_at,
        held.c.first_seen_at,
        held.c.changed_at,
        held.c.deleted_at,
    )
    known: dict[str, _Known] = {}
    for some in chunks(refs):
        mine = (held.c.connection == source[0], held.c.stream == source[1].value, among(held.c.ref, some))
        for row in tx.execute(select(*wanted).where(*mine)):
            known[row[0]] = _Known(row[1], row[2], row[3], row[4], row[5], row[6] is not None)
    return known


def _place(result: _Sorted, record: Record, raw: bytes, digest: str, known: _Known | None, now: datetime) -> None:
    """Decide what one record needs."""
    if known is not None and not known.deleted and known.digest == digest:
        if (known.version, known.updated_at) == (record.version, record.updated_at):
            result.unchanged += 1
        else:
            result.restamps.append({"old_ref": record.ref, "new_version": record.version, "new_updated_at": record.updated_at})
        return
    what = "inserted" if known is None else "revived" if known.deleted else "updated"
    row = {
        "connection": record.connection,
        "stream": STREAM_OF[type(record)].value,
        "ref": record.ref,
        "version": record.version,
        "updated_at": record.updated_at,
        "digest": digest,
        "first_seen_at": now if known is None else known.first_seen_at,
        "changed_at": now,
        "deleted_at": None,
    }
    result.writes.append((record, row, raw))
    result.changes.append(Change(record.ref, what, frozenset(touched_by(record))))
    if what == "updated":
        result.replaced.append(record.ref)


def _restamp(tx: Connection, source: tuple[str, Stream], rows: Sequence[Row]) -> None:
    """Keep the vendor's newer version in both places; the payload stays the one the content was read from."""
    connection, stream = source
    held = table("records")
    cls = CLASS_OF[stream]
    typed = RECORD_TABLES[cls]
    fresh: dict[str, Any] = {"version": bindparam("new_version"), "updated_at": bindparam("new_updated_at")}
    mine = (held.c.connection == connection, held.c.stream == stream.value, held.c.ref == bindparam("old_ref"))
    tx.execute(update(held).where(*mine).values(fresh), rows)
    tx.execute(update(typed).where(typed.c.connection == connection, typed.c.ref == bindparam("old_ref")).values(fresh), rows)


def _delete_parts(tx: Connection, source: tuple[str, Stream], cls: type[Record], refs: Sequence[str]) -> None:
    for shape in children(cls):
        assert shape.of is not None
        parts = PART_TABLES[shape.of]
        mine = (parts.c.connection == source[0], parts.c.owner_stream == source[1].value)
        for some in chunks(refs):
            tx.execute(delete(parts).where(*mine, among(parts.c.owner_ref, some)))


def _unstorable(item: _Read) -> Malformed | None:
    """A Malformed when a number does not fit a 64-bit column, or an instant is none: both can only be a vendor's mistake."""
    stream, ref, encode = STREAM_OF[type(item.record)], item.record.ref, encoder(type(item.record))
    instant = encode.unreal_instant(item.record)
    if instant is not None:
        return Malformed(stream=stream, ref=ref, where=instant, problem="an instant without a zone, or out of range")
    if _LONG_NUMBER.search(item.content) is None:
        return None
    for name, value in _numbers(item.record):
        if abs(value) > _LARGEST:
            return Malformed(stream=stream, ref=ref, where=name, problem=f"{value} is too large to be an amount")
    return None


def _numbers(record: Record) -> Iterator[tuple[str, int]]:
    yield from encoder(type(record)).numbers(record)
    for _, row in part_rows(record):
        yield from ((name, value) for name, value in row.items() if isinstance(value, int))
