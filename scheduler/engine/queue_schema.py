"""The queue's own schema in PostgreSQL: Procrastinate's tables, and beside them what is due when for which tenant.

It holds nothing that cannot be made again from the tenants' files: who loses it loses no fact, only the phase of the clock.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import sql

from core.errors import SchemaMismatch, StoreError
from core.store.failures import translated

_OURS = """
create table if not exists duesync_queue (id integer primary key check (id = 1), procrastinate text not null);
create table if not exists duesync_tenants (
  name text primary key, digest text not null, store text unique, problem text not null default '',
  changed_at timestamptz not null default now());
create table if not exists duesync_ticks (
  tenant text not null, job text not null, lock text not null, every double precision not null,
  next_at timestamptz not null, tick bigint, job_id bigint, missed bigint not null default 0,
  done_tick bigint, done_at timestamptz, outcome text not null default '', error text not null default '',
  primary key (tenant, job)) with (fillfactor = 70);
create index if not exists duesync_ticks_due on duesync_ticks (next_at);
create index if not exists duesync_ticks_job on duesync_ticks (job_id);
create index if not exists duesync_jobs_lock on procrastinate_jobs (lock) where status in ('todo', 'doing');
"""
# the last index lets a worker find the other jobs of a lock at once: without it a fetch reads every waiting job
# (Procrastinate's issue 1242)


def connection_info(url: str) -> str:
    """A store's URL as libpq reads it: without SQLAlchemy's driver and without the tenant's schema."""
    parts = urlsplit(url)
    kept = [(key, value) for key, value in parse_qsl(parts.query) if key != "schema"]
    return urlunsplit(parts._replace(scheme="postgresql", query=urlencode(kept)))


def in_schema(schema: str) -> dict[str, str]:
    """Connection arguments that put a session into the queue's schema."""
    return {"options": f"-c search_path={schema}", "application_name": "duesync-queue"}


def bring_up_to_date(url: str, schema: str, where: str) -> None:
    """Make the schema, or move it to the installed Procrastinate. Any number of workers may do so at once: they queue.

    StoreError when the server cannot be used, SchemaMismatch when a newer Procrastinate wrote the queue.
    """
    with translated(where), psycopg.connect(connection_info(url), connect_timeout=10) as tx:
        tx.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{schema}/schema",))
        tx.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        tx.execute(sql.SQL("set local search_path = {}").format(sql.Identifier(schema)))
        if tx.execute("select to_regclass('procrastinate_jobs')").fetchone() == (None,):
            tx.execute(SchemaManager.get_schema())
        else:
            _migrate(tx, where)
        tx.execute(_OURS)
        tx.execute(
            "insert into duesync_queue (id, procrastinate) values (1, %s)"
            " on conflict (id) do update set procrastinate = excluded.procrastinate",
            (version("procrastinate"),),
        )


def _migrate(tx: psycopg.Connection, where: str) -> None:
    """Run the migrations Procrastinate ships for releases after the one that is recorded, in the order of their names."""
    row = tx.execute("select procrastinate from duesync_queue").fetchone()
    if row is None:
        raise StoreError(
            f"The queue in {where} is not duesync's.", remedy="Name another schema in cluster.schema_name, or drop that one."
        )
    found, wanted = _numbers(row[0]), _numbers(version("procrastinate"))
    if found > wanted:
        raise SchemaMismatch(
            f"The queue in {where} was made by Procrastinate {row[0]}, here is {version('procrastinate')}.",
            remedy="Install the same release on every machine.",
        )
    for path in sorted(Path(SchemaManager.get_migrations_path()).glob("[0-9]*.sql")):
        if found < _numbers(path.name.partition("_")[0]) <= wanted:
            tx.execute(path.read_text(encoding="utf-8").encode())


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".")[:3] if part.isdigit())
