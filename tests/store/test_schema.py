"""The schema: revisions and tables say the same, on both databases; a store of a newer release is refused untouched."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from core.clock import ManualClock
from core.errors import SchemaMismatch, StoreError
from core.records import STREAM_OF
from core.store import SchemaStatus, Store, open_store
from core.store.migrate import revisions
from core.store.record_tables import METADATA, RECORD_TABLES
from core.store.shape import shapes
from core.store.tables import RecordRow
from tests.conftest import ROOT
from tests.store.world import NOW


def test_the_revisions_make_exactly_the_tables_the_store_uses(store: Store) -> None:
    with store._db.read() as tx:
        context = MigrationContext.configure(tx, opts={"version_table": "schema_version", "compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_revisions_are_numbered_as_they_follow_each_other() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "core/store/migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == revisions()


def test_keys_and_unique_indexes_are_those_of_the_tables(store: Store) -> None:
    with store._db.read() as tx:
        found = inspect(tx)
        for table in METADATA.sorted_tables:
            assert found.get_pk_constraint(table.name)["constrained_columns"] == [item.name for item in table.primary_key], (
                table.name
            )
        indexes = {item["name"]: item for item in found.get_indexes("outbox")}
    assert indexes["uq_outbox_key"]["unique"]


def test_every_field_of_every_record_has_its_columns() -> None:
    for cls in STREAM_OF:
        wanted = {name for shape in shapes(cls) for name in shape.columns}
        assert wanted == set(RECORD_TABLES[cls].columns.keys()), cls
    assert RecordRow.__tablename__ == "records"


def test_migrating_twice_runs_nothing_the_second_time(store_url: str, clock: ManualClock) -> None:
    store = open_store(store_url, clock=clock)
    assert store.schema().status is SchemaStatus.EMPTY
    ran = store.migrate()
    assert ran == list(ran) != []
    assert store.migrate() == []
    state = store.schema()
    assert (state.status, state.ok, state.current) == (SchemaStatus.CURRENT, True, state.wanted)
    store.close()


def test_processes_that_migrate_at_once_make_one_schema(store_url: str, clock: ManualClock) -> None:
    stores = [open_store(store_url, clock=clock) for _ in range(3)]
    ran: list[list[str]] = []
    threads = [threading.Thread(target=lambda one=one: ran.append(one.migrate())) for one in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, ran)) == [0, 0, len(revisions())]
    for one in stores:
        assert one.schema().ok
        one.close()


def test_a_store_of_a_newer_release_is_refused_in_plain_words(store: Store, store_url: str, clock: ManualClock) -> None:
    with store._db.write() as tx:
        tx.exec_driver_sql("update schema_version set version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="newer release of duesync"):
        open_store(store_url, clock=clock)
    assert store.schema().status is SchemaStatus.NEWER
    with pytest.raises(SchemaMismatch):
        store.migrate()


def test_a_store_without_tables_says_what_to_run(store_url: str, clock: ManualClock) -> None:
    store = open_store(store_url, clock=clock)
    with pytest.raises(SchemaMismatch, match="duesync migrate"):
        store.load_books(now=NOW)
    store.close()


def test_stores_in_one_database_are_kept_apart_by_schema(postgres, clock: ManualClock) -> None:
    url = postgres.database("tenants")
    first, second = (open_store(f"{url}?schema={name}", clock=clock) for name in ("tenant_a", "tenant_b"))
    for store in (first, second):
        store.migrate()
    first.put_setting("who", "a")
    assert (first.setting("who"), second.setting("who")) == ("a", None)
    first.close()
    second.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite://", "postgresql://h/d?schema=a;drop"])
def test_a_url_that_cannot_be_used_says_why(url: str, clock: ManualClock) -> None:
    with pytest.raises(StoreError) as told:
        open_store(url, clock=clock)
    assert told.value.remedy


@pytest.mark.req("A100")
def test_the_file_is_its_owners_alone(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "duesync.db"
    path.touch(mode=0o644)
    store = open_store(f"sqlite:///{path}", clock=clock)
    store.migrate()
    assert {item.name: item.stat().st_mode & 0o777 for item in tmp_path.iterdir()} == {
        "duesync.db": 0o600,
        "duesync.db-wal": 0o600,
        "duesync.db-shm": 0o600,
    }
    store.close()


def test_a_relative_url_is_taken_from_where_the_process_started(tmp_path: Path, clock, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///here.db", clock=clock)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.migrate()
    store.close()
    assert (tmp_path / "here.db").exists()
    assert not (tmp_path / "elsewhere" / "here.db").exists()


def test_sqlite_is_set_up_to_lose_nothing(tmp_path: Path, clock: ManualClock) -> None:
    store = open_store(f"sqlite:///{tmp_path}/s.db", clock=clock)
    with store._db.read() as tx:
        found = {name: tx.exec_driver_sql(f"pragma {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    store.close()
