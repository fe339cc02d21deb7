"""How the store talks to its database: one SQLAlchemy engine, one transaction per unit of work, on SQLite or PostgreSQL.

A write takes the lock at its beginning (BEGIN IMMEDIATE) instead of failing half-way; a read sees one moment. Nested calls of
a thread join the transaction that is open. Nothing above this module knows which database it is, save for the few that ask
`is_sqlite`.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from core.errors import StoreError
from core.store.failures import translated

# An upsert has the same shape in both dialects; SQLAlchemy only types them apart.
Upsert = postgresql.Insert | sqlite.Insert
# An advisory lock of PostgreSQL is a number per database: made of the schema (null before it exists) and a name.
LOCK_KEY = "hashtextextended(coalesce(cast(:schema as text), current_schema(), '') || '/' || :name, 0)"
ANY_STORE = "duesync/*"  # a session that serves the stores of many tenants
_FIRST_ANALYZE = 500  # rows; below that any plan is good


@dataclass(slots=True)
class _Active:
    connection: Connection
    writing: bool
    broken: bool = False


class Database:
    """One database and this process's connections to it, one per thread at a time. Safe to share between threads.

    `path` is the SQLite file, None on PostgreSQL. `busy_seconds` is how long a lock held elsewhere is waited for. With `pools`
    a PostgreSQL store takes its connections from those of its server, shared with other stores (tenants) of this process.
    """

    def __init__(self, url: str, *, busy_seconds: float = 10.0, pools: Pools | None = None) -> None:
        parsed = _parse(url)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._fresh_rows: dict[str, int] = {}
        self._analyzed_rows: dict[str, int] = {}
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.busy_seconds = busy_seconds
        self.schema: str | None = None
        self._pools = None if self.is_sqlite else pools
        if self.is_sqlite:
            self.path: Path | None = Path(parsed.database or "").absolute()
            self.where = str(self.path)
            self.engine = _sqlite_engine(self.path, busy_seconds)
        else:
            self.path = None
            self.schema, parsed = _schema_of(parsed)
            self.where = parsed.render_as_string(hide_password=True).replace("+psycopg", "")
            if self._pools is None:
                self.engine = _postgres_engine(parsed, self.schema, busy_seconds)
            else:
                self.engine = self._pools.engine(parsed, busy_seconds)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; committed when the outermost block ends, rolled back when it raises."""
        with self._transaction(writing=True) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment of the store."""
        with self._transaction(writing=False) as connection:
            yield connection

    @property
    def in_unit(self) -> bool:
        """Whether this thread has a transaction open."""
        return getattr(self._local, "active", None) is not None

    @contextmanager
    def _transaction(self, *, writing: bool) -> Iterator[Connection]:
        active: _Active | None = getattr(self._local, "active", None)
        if active is None:
            with translated(self.where), self._outermost(writing=writing) as connection:
                yield connection
            return
        if writing and not active.writing:
            raise StoreError(
                "A write was tried inside a read of the store.", remedy="This is a fault of duesync: please report it."
            )
        try:
            with translated(self.where):
                yield active.connection
        except StoreError:
            active.broken = True  # a caller that swallows this must not commit the half that went before
            raise

    @contextmanager
    def _outermost(self, *, writing: bool) -> Iterator[Connection]:
        with self.engine.connect() as connection, self._options(connection, writing).begin():
            if self._pools is not None and self.schema is not None:
                connection.exec_driver_sql(f"set local search_path = {self.schema}")  # a plain name: _schema_of saw to it
            active = _Active(connection, writing)
            self._local.active = active
            try:
                yield connection
            finally:
                self._local.active = None
            if active.broken:
                raise StoreError(
                    "A unit of work went on after one of its writes failed.", remedy="Nothing was stored; try again."
                )

    def _options(self, connection: Connection, writing: bool) -> Connection:
        if self.is_sqlite:
            return connection.execution_options(duesync_writing=writing)
        level = "READ COMMITTED" if writing else "REPEATABLE READ"
        return connection.execution_options(isolation_level=level, postgresql_readonly=not writing)

    def upsert(self, table: Table) -> Upsert:
        """An insert that can say what happens on conflict, in this database's dialect."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def replace(self, table: Table, *, keep: Sequence[str] = ()) -> Upsert:
        """Insert a row, or overwrite the one with its primary key; columns in `keep` stay as they were first written."""
        statement = self.upsert(table)
        key = [column.name for column in table.primary_key]
        names = (column.name for column in table.columns)
        fresh = {name: statement.excluded[name] for name in names if name not in {*key, *keep}}
        return statement.on_conflict_do_update(index_elements=key, set_=fresh) if fresh else statement.on_conflict_do_nothing()

    def add_new(self, connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
        """Insert a row unless one with its primary key is there; whether it was."""
        key = [column.name for column in table.primary_key]
        statement = self.upsert(table).values(row).on_conflict_do_nothing(index_elements=key)
        return connection.execute(statement.returning(table.columns[key[0]])).first() is not None

    def queue_behind(self, connection: Connection, name: str) -> None:
        """Wait until no other transaction holds `name`, and hold it to the end of this one. SQLite has one writer anyway."""
        if not self.is_sqlite:
            connection.execute(text(f"select pg_advisory_xact_lock({LOCK_KEY})"), self.lock_of(name))

    def lock_of(self, name: str) -> dict[str, str | None]:
        """What LOCK_KEY needs for the lock `name` of this store: other stores in the same database have their own."""
        return {"schema": self.schema, "name": name}

    def grew(self, connection: Connection, table: Table, rows: int) -> None:
        """Note that a table got more rows: PostgreSQL is told when they doubled, for it plans badly what it knows nothing of.

        Its own housekeeping comes a minute later, which is too late for a first sync. SQLite plans by the indexes alone.
        """
        if self.is_sqlite:
            return
        with self._lock:
            fresh = self._fresh_rows.get(table.name, 0) + rows
            due = fresh >= max(_FIRST_ANALYZE, self._analyzed_rows.get(table.name, 0))
            self._fresh_rows[table.name] = 0 if due else fresh
            if due:
                self._analyzed_rows[table.name] = self._analyzed_rows.get(table.name, 0) + fresh
        if due:
            connection.exec_driver_sql(f'analyze (skip_locked) "{table.name}"')

    def close(self) -> None:
        """Give every connection back. May be called twice. Shared connections stay for the other stores."""
        if self._pools is None:
            self.engine.dispose()


class Pools:
    """The connections of one process to each of its PostgreSQL servers, for any number of stores in schemas of their own.

    A store of its own pool holds up to 32 connections: a thousand tenants in one process must not. Here they share at most
    `connections` per database; each transaction names its schema (`set local search_path`), so a connection that goes back
    carries nothing of one tenant to the next. Prepared statements are off: they would be planned per schema and kept.
    """

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self._engines: dict[str, Engine] = {}
        self._lock = threading.Lock()

    def engine(self, url: URL, busy_seconds: float) -> Engine:
        """The engine of a database, made at the first call."""
        key = url.render_as_string(hide_password=False)
        with self._lock:
            if key not in self._engines:
                self._engines[key] = _postgres_engine(url, None, busy_seconds, shared=self.connections)
            return self._engines[key]

    def close(self) -> None:
        """Give every connection back."""
        with self._lock:
            for engine in self._engines.values():
                engine.dispose()
            self._engines.clear()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(
            "[store] url cannot be read.", remedy="Write sqlite:///FILE or postgresql://USER@HOST/DATABASE."
        ) from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise StoreError("[store] url names no file.", remedy="Write sqlite:///duesync.db.")
        return parsed
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise StoreError(
        f"[store] url names {backend!r}, which duesync cannot use.", remedy="Write sqlite:///FILE or postgresql://…."
    )


# ── SQLite ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _sqlite_engine(path: Path, busy_seconds: float) -> Engine:
    _prepare_file(path)
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_seconds, "check_same_thread": False, "isolation_level": None},
        pool_size=8,
        max_overflow=56,
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_file(path: Path) -> None:
    """Create the file for its owner alone before SQLite creates it for everyone.

    Take rights of others away (journal and WAL follow).
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            path.chmod(mode & 0o700)
    except FileNotFoundError as error:
        raise StoreError(
            f"The folder of the store {path} does not exist.", remedy=f"Create it: mkdir -p {path.parent}"
        ) from error
    except IsADirectoryError as error:
        raise StoreError(f"The store {path} is a folder.", remedy="Let [store] url name a file.") from error
    except PermissionError as error:
        raise StoreError(
            f"The store {path} may not be written.", remedy="Give duesync's user the right to write the file."
        ) from error
    except OSError as error:
        raise StoreError(
            f"The store {path} cannot be written: {error.strerror}.", remedy="Check the disk and its mount."
        ) from error


def _set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA journal_size_limit=67108864")  # 64 MiB: the WAL of one huge commit does not stay on the disk
        cursor.execute("PRAGMA cache_size=-65536")  # 64 MiB: a page of 100,000 rows stays out of the WAL until it commits
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get("duesync_writing", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


# ── PostgreSQL ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _schema_of(url: URL) -> tuple[str | None, URL]:
    """`?schema=NAME` keeps several stores (tenants) apart in one database."""
    schema = url.query.get("schema")
    if schema is None:
        return None, url
    if not isinstance(schema, str) or not schema.isidentifier():
        raise StoreError("[store] url: schema must be a plain name.", remedy="Use letters, digits and underscores.")
    return schema, url.difference_update_query(["schema"])


def session_name(schema: str | None) -> str:
    """What a session calls itself to the server, so that a restore sees who has the store open."""
    return f"duesync/{schema or ''}"


def _postgres_engine(url: URL, schema: str | None, busy_seconds: float, shared: int | None = None) -> Engine:
    who = ANY_STORE if shared is not None else session_name(schema)
    options = f"-c lock_timeout={int(busy_seconds * 1000)} -c application_name={who}" + (
        f" -c search_path={schema}" if schema else ""
    )
    given = url.query.get("options")
    arguments: dict[str, Any] = {"options": f"{given} {options}" if isinstance(given, str) else options, "connect_timeout": 10}
    size, more = (8, 24) if shared is None else (shared, 0)
    if shared is not None:
        arguments["prepare_threshold"] = None
    try:
        return create_engine(url, connect_args=arguments, pool_size=size, max_overflow=more, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise StoreError("PostgreSQL needs its driver.", remedy="Install it: pip install 'duesync[postgres]'") from error
