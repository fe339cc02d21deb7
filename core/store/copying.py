"""Moving and saving a whole store: to another database, to a file, and back. Whatever is moved is compared before it counts."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import msgspec
from sqlalchemy import Connection, Table, func, insert, select, text

from core.clock import Clock
from core.errors import SchemaMismatch, StoreError
from core.store.bulk import write_rows
from core.store.codec import streamed
from core.store.engine import Database
from core.store.failures import translated
from core.store.migrate import VERSION_TABLE, revisions, state_of
from core.store.part import Part
from core.store.record_tables import METADATA
from core.store.runs import RunVerbs
from core.store.values import CopiedTable

_encode = msgspec.json.Encoder().encode
_MODULUS = 1 << 256


class CopyVerbs(Part):
    """Copying to another store, and online backups of SQLite."""

    def copy_to(self, other: Self, *, note: Callable[[CopiedTable], None] | None = None) -> tuple[CopiedTable, ...]:
        """Copy every row to an empty store of the same schema, in one transaction there, and compare counts and hashes.

        `note` hears of each table as it is done. StoreError when the other is not empty or does not come out equal.
        """
        done: list[CopiedTable] = []
        _check_schemas(self._db, other._db)
        with self._db.read() as source, other._db.write() as target:
            _check_empty(target, other._db.where)
            for table in METADATA.sorted_tables:
                copied = _copy_rows(source, target, table)
                other._db.grew(target, table, copied.rows)
                _compare(copied, _describe(target, table))
                done.append(copied)
                if note is not None:
                    note(copied)
            if not other._db.is_sqlite:
                _restart_sequences(target)
        return tuple(done)

    def fingerprint(self) -> tuple[CopiedTable, ...]:
        """Rows and a hash of every table: equal for stores that hold the same, whichever database they are in."""
        with self._db.read() as tx:
            return tuple(_describe(tx, table) for table in METADATA.sorted_tables)

    def backup(self, path: Path) -> None:
        """Write a consistent copy of a SQLite store to a new file (mode 0600) while others go on; checked before it counts."""
        if self._db.path is None:
            raise StoreError("Only a SQLite store is backed up by duesync.", remedy="For PostgreSQL use pg_dump.")
        if path.exists():
            raise StoreError(f"{path} exists already.", remedy="Give another name.")
        partial = path.with_name(f"{path.name}.partial")
        try:
            _backup_file(self._db.path, partial, self._db.where)
            partial.rename(path)
        except OSError as error:
            remedy = "Check that its folder exists and has space."
            raise StoreError(f"The backup {path} cannot be written: {error.strerror}.", remedy=remedy) from error
        finally:
            partial.unlink(missing_ok=True)


def restore_backup(backup: Path, url: str, *, clock: Clock, by: str, now: datetime, busy_seconds: float = 10.0) -> None:
    """Put a backup in the place of a SQLite store, and pause all sending until a person says what went out since it was made.

    StoreError when the backup is damaged, of a newer release, or the store is in use; then nothing was touched.
    """
    if not backup.is_file():
        raise StoreError(f"There is no backup {backup}.", remedy="Check its name.")
    with translated(str(backup)):
        revision = _checked(backup)
    if revision not in revisions():
        raise SchemaMismatch(f"The backup {backup} is of a newer release of duesync.", remedy="Install that release again.")
    database = Database(url, busy_seconds=busy_seconds)
    try:
        if database.path is None:
            raise StoreError("Only a SQLite store is restored by duesync.", remedy="For PostgreSQL use pg_restore.")
        with translated(database.where):
            _replace_content(backup, database.path, busy_seconds)
        reason = f"restored from {backup.name}: what was sent since it was made is not known here"
        RunVerbs(database, clock).pause("all", by=by, reason=reason, now=now)
    finally:
        database.close()


# ── copying ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _check_schemas(source: Database, target: Database) -> None:
    for database in (source, target):
        state = state_of(database)
        if not state.ok:
            raise StoreError(f"The schema of {database.where} is {state.status}.", remedy="Run: duesync migrate")


def _check_empty(target: Connection, where: str) -> None:
    full = [table.name for table in METADATA.sorted_tables if _count(target, table)]
    if full:
        raise StoreError(f"The store {where} is not empty: it has rows in {', '.join(full)}.", remedy="Copy to a new one.")


def _count(tx: Connection, table: Table) -> int:
    return tx.execute(select(func.count()).select_from(table)).scalar() or 0


def _copy_rows(source: Connection, target: Connection, table: Table) -> CopiedTable:
    """Copy a table a few thousand rows at a time; what was read, counted and hashed on the way."""
    names = [column.name for column in table.columns]
    seen = _Sum()
    for rows in streamed(source, select(table)):
        seen.add(rows)
        write_rows(target, insert(table), [dict(zip(names, row, strict=True)) for row in rows])
    return seen.of(table)


@dataclass(slots=True)
class _Sum:
    """Rows and the sum of their hashes: the same whatever the order, so that no database has to sort."""

    rows: int = 0
    total: int = 0

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        self.rows += len(rows)
        self.total += sum(int.from_bytes(hashlib.sha256(_encode(_plain(row))).digest()) for row in rows)

    def of(self, table: Table) -> CopiedTable:
        return CopiedTable(table=table.name, rows=self.rows, digest=f"{self.total % _MODULUS:064x}")


def _describe(tx: Connection, table: Table) -> CopiedTable:
    seen = _Sum()
    for some in streamed(tx, select(table)):
        seen.add(some)
    return seen.of(table)


def _plain(row: Sequence[Any]) -> list[Any]:
    return [bytes(value) if isinstance(value, memoryview) else value for value in row]


def _compare(before: CopiedTable, after: CopiedTable) -> None:
    if before != after:
        message = f"The copy of {before.table} differs: {before.rows} rows became {after.rows}."
        raise StoreError(message, remedy="Nothing was kept; please report it.")


def _restart_sequences(target: Connection) -> None:
    """Let PostgreSQL number on from where the copied rows end."""
    for table in METADATA.sorted_tables:
        if table.primary_key.columns.keys() == ["seq"] and table.name != "journal":
            last = target.execute(select(func.max(table.c.seq))).scalar()
            if last is not None:
                sequence = text("select setval(pg_get_serial_sequence(:table, 'seq'), :last)")
                target.execute(sequence, {"table": table.name, "last": last})


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _backup_file(source: Path, target: Path, where: str) -> None:
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with translated(where):
        _replace_content(source, target, 10.0)
        _checked(target)


def _replace_content(source: Path, target: Path, busy_seconds: float) -> None:
    """SQLite's own online copy, in one step: one moment of the source, all or nothing in the target."""
    deadline = time.monotonic() + busy_seconds

    def give_up(status: int, _remaining: int, _total: int) -> None:
        # Python tries again for ever while either side is locked
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")

    old, new = sqlite3.connect(source, timeout=0.1), sqlite3.connect(target, timeout=0.1)
    try:
        old.backup(new, progress=give_up)
    finally:
        new.close()
        old.close()


def _checked(path: Path) -> str | None:
    """The revision of a store in a file that is whole; sqlite3.DatabaseError when it is not."""
    opened = sqlite3.connect(path, timeout=10.0)
    try:
        verdict = opened.execute("pragma quick_check").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"database disk image is malformed: {verdict}")
        found = opened.execute(f"select version_num from {VERSION_TABLE}").fetchone()  # noqa: S608 - a constant
        return None if found is None else str(found[0])
    finally:
        opened.close()
