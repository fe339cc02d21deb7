"""A migrated store on SQLite and on PostgreSQL: every test that asks for `store` or `store_url` runs on both."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.store import Store, open_store
from core.store.engine import Database
from core.store.migrate import VERSION_TABLE, migrate, revisions
from core.store.record_tables import METADATA
from tests.postgres_server import Server

_numbers = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in here ask for both databases themselves, or are about a file."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.own_store)


@pytest.fixture(scope="session")
def emptied(postgres: Server) -> Iterator[Database]:
    """One migrated schema for all tests that only want tables: emptying them is far quicker than making them."""
    database = Database(f"{postgres.url}?schema=emptied")
    migrate(database)
    yield database
    database.close()


def _empty(database: Database) -> None:
    names = ", ".join(f'"{table.name}"' for table in METADATA.sorted_tables)
    with database.write() as tx:
        tx.exec_driver_sql(f"truncate {names} restart identity")
        tx.exec_driver_sql(f"update {VERSION_TABLE} set version_num = '{revisions()[-1]}'")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty place for a store; for tests that also want the store, the place it is in."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/duesync.db"
    server: Server = request.getfixturevalue("postgres")
    if {"store", "keyed"} & set(request.fixturenames):
        _empty(request.getfixturevalue("emptied"))
        return f"{server.url}?schema=emptied"
    return f"{server.url}?schema=t{next(_numbers)}"


@pytest.fixture
def store(store_url: str, clock: ManualClock) -> Iterator[Store]:
    opened = open_store(store_url, clock=clock)
    opened.migrate()
    yield opened
    opened.close()
