"""Bringing the tables to this release: Alembic revisions from core.store.migrations, all pending ones in one transaction.

Revisions are numbered by their file's name, so that opening a store need not load Alembic. Forward only: a store that carries
a revision this release does not know was written by a newer one: it is refused, not touched.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from core.errors import SchemaMismatch
from core.store.engine import Database
from core.store.failures import translated
from core.store.values import SchemaState, SchemaStatus

_FOLDER = Path(__file__).parent / "migrations"
VERSION_TABLE = "schema_version"
RELEASE = "release"  # the setting that names the release which last migrated the store
_ONE_AT_A_TIME = threading.Lock()  # Alembic hands its context to env.py through a module: two threads would share one connection


def revisions() -> tuple[str, ...]:
    """Every revision of this release, oldest first: "0001" is in versions/0001_first_release.py."""
    return tuple(sorted(path.name.partition("_")[0] for path in (_FOLDER / "versions").glob("[0-9]*_*.py")))


def _upgrade(tx: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = tx
    with _ONE_AT_A_TIME:
        command.upgrade(config, "head")


def state_of(database: Database) -> SchemaState:
    """How the store's tables relate to this release. Reads only."""
    with database.read() as tx:
        return _state(tx)


def _state(tx: Connection) -> SchemaState:
    known = revisions()
    wanted, found = known[-1], _found(tx)
    if found == wanted:
        return SchemaState(status=SchemaStatus.CURRENT, found=found, wanted=wanted)
    if found is not None and found not in known:
        return SchemaState(status=SchemaStatus.NEWER, found=found, wanted=wanted)
    pending = tuple(name for name in known if found is None or name > found)
    status = SchemaStatus.EMPTY if found is None else SchemaStatus.BEHIND
    return SchemaState(status=status, found=found, wanted=wanted, pending=pending)


def _found(tx: Connection) -> str | None:
    if not inspect(tx).has_table(VERSION_TABLE):
        return None
    found: str | None = tx.execute(text(f"select version_num from {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return found


def refuse_newer(database: Database) -> None:
    """SchemaMismatch when the store was written by a newer release."""
    with database.read() as tx:
        state = _state(tx)
        release = _release(tx) if state.status is SchemaStatus.NEWER else None
    if state.status is SchemaStatus.NEWER:
        needed = f"duesync {release}" if release else "that release"
        raise SchemaMismatch(
            f"The store {database.where} is of a newer release of duesync (schema {state.found}, ours is {state.wanted}).",
            remedy=f"Install {needed} or newer, or restore a backup made before the upgrade.",
        )


def _release(tx: Connection) -> str | None:
    """The release that last migrated the store, where it says so in a table this release still understands."""
    if not inspect(tx).has_table("settings"):
        return None
    kept: str | None = tx.execute(text("select value from settings where key = :key"), {"key": RELEASE}).scalar()
    return None if kept is None else kept.strip('"')


def migrate(database: Database) -> list[str]:
    """Run every pending revision; their names in order, none when the store is up to date. Two processes at once: one waits."""
    if state_of(database).status is SchemaStatus.CURRENT:
        return []
    refuse_newer(database)
    if database.schema is not None:
        with database.write() as tx:
            database.queue_behind(tx, "schema")
            tx.execute(text(f'create schema if not exists "{database.schema}"'))
    with translated(database.where), database.write() as tx:
        database.queue_behind(tx, "migrate")
        pending = list(_state(tx).pending)
        if pending:
            _upgrade(tx)
        return pending
