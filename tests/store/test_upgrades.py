"""Every released schema opens with what was in it and comes up to this release; a newer one is refused with what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import insert, inspect, select, text

from core.clock import ManualClock
from core.errors import SchemaMismatch
from core.outbox import OutboxState
from core.store import SchemaStatus, Store, open_store
from core.store.engine import Database
from core.store.migrate import revisions
from core.store.record_tables import METADATA
from tests.conftest import ROOT
from tests.store.test_copying import fill
from tests.store.test_keeping import PLAN
from tests.store.world import NOW
from tests.system.commands import BASE
from tests.system.inline import inline


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> Iterator[Store]:
    """A store of this release with something in every corner: what the older ones are given as far as they had the columns."""
    place = tmp_path_factory.mktemp("full")
    store = open_store(f"sqlite:///{place}/full.db", clock=ManualClock(NOW))
    store.migrate()
    fill(store)
    store.add_plan(PLAN)
    yield store
    store.close()


def build(url: str, revision: str, full: Store) -> dict[str, int]:
    """A store as the release of `revision` left it; its rows by table."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "core/store/migrations"))
    database = Database(url)
    if database.schema is not None:
        with database.write() as tx:
            tx.execute(text(f'create schema "{database.schema}"'))
    rows = {}
    with database.write() as tx, full.snapshot(), full._db.read() as source:
        config.attributes["connection"] = tx
        command.upgrade(config, revision)
        there = inspect(tx)
        for table in METADATA.sorted_tables:
            if not there.has_table(table.name):
                continue
            names = {column["name"] for column in there.get_columns(table.name)}
            columns = [column for column in table.columns if column.name in names]
            kept = [dict(row._mapping) for row in source.execute(select(*columns))]
            if kept:
                tx.execute(insert(table), kept)
            rows[table.name] = len(kept)
    database.close()
    return rows


@pytest.mark.parametrize("revision", revisions())
def test_a_store_of_each_release_comes_up_with_everything_in_it(store_url: str, revision: str, full: Store, clock) -> None:
    rows = build(store_url, revision, full)
    store = open_store(store_url, clock=clock)
    assert store.schema().status is (SchemaStatus.CURRENT if revision == revisions()[-1] else SchemaStatus.BEHIND)
    assert store.migrate() == [name for name in revisions() if name > revision]
    assert store.schema().ok
    after = {item.table: item.rows for item in store.fingerprint()}
    assert {name: after[name] for name in rows} == rows
    assert rows["invoices"] == 301
    assert store.load_books(now=NOW).accounts.keys() == full.load_books(now=NOW).accounts.keys()
    assert store.outbox(states=[OutboxState.SETTLED]) == full.outbox(states=[OutboxState.SETTLED])
    assert store.holds() == full.holds()
    assert store.verify_journal() == full.verify_journal()
    store.close()


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(store_url: str, full: Store, clock, monkeypatch) -> None:
    build(store_url, revisions()[0], full)
    store = open_store(store_url, clock=clock)
    really = command.upgrade

    def fail(config: Config, revision: str) -> None:
        really(config, revision)
        raise RuntimeError("the power went")

    monkeypatch.setattr(command, "upgrade", fail)
    with pytest.raises(RuntimeError, match="power"):
        store.migrate()
    assert store.schema().found == revisions()[0]
    monkeypatch.setattr(command, "upgrade", really)
    store.migrate()
    assert store.schema().ok
    store.close()


def test_a_store_of_a_newer_release_is_refused_with_the_release_it_takes(store_url: str, clock: ManualClock) -> None:
    store = open_store(store_url, clock=clock)
    store.migrate()
    store.put_setting("release", "9.1.0")
    with store._db.write() as tx:
        tx.exec_driver_sql("update schema_version set version_num = '9999'")
    store.close()
    with pytest.raises(SchemaMismatch, match=r"schema 9999, ours is \d{4}") as told:
        open_store(store_url, clock=clock)
    assert "Install duesync 9.1.0 or newer" in told.value.remedy


def test_the_command_line_refuses_it_in_plain_words_and_exit_3(tmp_path: Path) -> None:
    (tmp_path / "duesync.toml").write_text(BASE)
    assert inline(tmp_path, "journal", "verify").code == 0
    store = open_store(f"sqlite:///{tmp_path}/duesync.db", clock=ManualClock(NOW))
    with store._db.write() as tx:
        tx.exec_driver_sql("update schema_version set version_num = '9999'")
    store.close()
    ran = inline(tmp_path, "journal", "verify")
    assert ran.code == 3
    assert "newer release of duesync (schema 9999" in ran.err
    assert "Install duesync 0.1.0 or newer" in ran.err.replace("\n", " ")
    assert "Traceback" not in ran.err
