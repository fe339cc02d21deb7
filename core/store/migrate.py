"""Bringing the tables to this release: Alembic revisions from core.store.migrations, all pending ones in one transaction.

Forward only. A store that carries a revision this release does not know was written by a newer one: it is refused, not touched.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from core.errors import SchemaMismatch
from core.store.engine import Database
from core.store.failures import translated
from core.store.values import SchemaState, SchemaStatus

_FOLDER = Path(__file__).parent / "migrations"
VERSION_TABLE = "schema_version"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def state_of(database: Database) -> SchemaState:
    """How the store's tables relate to this release. Reads only."""
    with database.read() as tx:
        return _state(tx)


def _state(tx: Connection) -> SchemaState:
    scripts = ScriptDirectory.from_config(_config())
    wanted = scripts.get_current_head() or ""
    found = _found(tx)
    if found == wanted:
        return SchemaState(status=SchemaStatus.CURRENT, found=found, wanted=wanted)
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        return SchemaState(status=SchemaStatus.NEWER, found=found, wanted=wanted)
    pending = [script.revision for script in scripts.iterate_revisions(wanted, found or "base")]
    status = SchemaStatus.EMPTY if found is None else SchemaStatus.BEHIND
    return SchemaState(status=status, found=found, wanted=wanted, pending=tuple(reversed(pending)))


def _found(tx: Connection) -> str | None:
    if not inspect(tx).has_table(VERSION_TABLE):
        return None
    found: str | None = tx.execute(text(f"select version_num from {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return found


def refuse_newer(database: Database) -> None:
    """SchemaMismatch when the store was written by a newer release."""
    state = state_of(database)
    if state.status is SchemaStatus.NEWER:
        raise SchemaMismatch(
            f"The store {database.where} is of a newer release of duesync (schema {state.found}, ours is {state.wanted}).",
            remedy="Install that release again, or restore a backup made before the upgrade.",
        )


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
            command.upgrade(_config(tx), "head")
        return pending
