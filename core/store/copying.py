"""Moving and saving a whole store: to another database, or to a file. Whatever is moved is compared before it counts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
from sqlalchemy import Connection, Table, delete, func, insert, select, text

from core.errors import StoreError
from core.store.bulk import write_rows
from core.store.codec import streamed
from core.store.engine import Database
from core.store.failures import translated
from core.store.files import replace_content, revision_of
from core.store.migrate import migrate, state_of
from core.store.part import Part
from core.store.record_tables import METADATA
from core.store.values import CopiedTable

_encode = msgspec.json.Encoder().encode
_MODULUS = 1 << 256


class CopyVerbs(Part):
    """Copying to another store, and online backups of SQLite."""

    def copy_to(
        self, other: Self, *, note: Callable[[CopiedTable], None] | None = None, over: bool = False
    ) -> tuple[CopiedTable, ...]:
        """Copy every row to a store of the same schema, in one transaction there, and compare counts and hashes.

        `note` hears of each table as it is done. The other store must be empty, unless `over` says that what is in it may go.
        StoreError when it is not, or does not come out equal.
        """
        done: list[CopiedTable] = []
        _check_schemas(self._db, other._db)
        with self._db.read() as source, other._db.write() as target:
            if over:
                _empty(target)
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

    def rows(self) -> int:
        """How many rows all tables hold together: none in a store nobody used yet."""
        with self._db.read() as tx:
            return sum(_count(tx, table) for table in METADATA.sorted_tables)

    def backup(self, path: Path) -> None:
        """Write a consistent copy to a new SQLite file (mode 0600) while others go on; checked before it counts.

        A PostgreSQL store is copied row by row and compared, so that its backup can be read and restored anywhere.
        """
        if path.exists():
            raise StoreError(f"{path} exists already.", remedy="Give another name.")
        partial = path.with_name(f"{path.name}.partial")
        try:
            os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            if self._db.path is not None:
                with translated(self._db.where):
                    replace_content(self._db.path, partial, 10.0)
            else:
                self._copy_to_file(partial)
            with translated(str(partial)):
                revision_of(partial)
            partial.rename(path)
        except OSError as error:
            remedy = "Check that its folder exists and has space."
            raise StoreError(f"The backup {path} cannot be written: {error.strerror}.", remedy=remedy) from error
        finally:
            for name in (partial.name, f"{partial.name}-wal", f"{partial.name}-shm"):
                partial.with_name(name).unlink(missing_ok=True)

    def _copy_to_file(self, path: Path) -> None:
        target = type(self)(Database(f"sqlite:///{path}"), self._clock)
        try:
            migrate(target._db)
            self.copy_to(target)
        finally:
            target._db.close()


# ── copying ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _check_schemas(source: Database, target: Database) -> None:
    for database in (source, target):
        state = state_of(database)
        if not state.ok:
            raise StoreError(f"The schema of {database.where} is {state.status}.", remedy="Run: duesync migrate")


def _empty(target: Connection) -> None:
    for table in reversed(METADATA.sorted_tables):
        target.execute(delete(table))


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
