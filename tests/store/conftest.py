"""A migrated store on SQLite and on PostgreSQL: every test that asks for `store` or `store_url` runs on both."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.store import Store, open_store
from tests.postgres_server import NoPostgres, Server, postgres_server

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    try:
        with postgres_server() as server:
            yield server
    except NoPostgres as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty place for a store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/duesync.db"
    server: Server = request.getfixturevalue("postgres")
    return f"{server.url}?schema=t{next(_numbers)}"


@pytest.fixture
def store(store_url: str, clock: ManualClock) -> Iterator[Store]:
    opened = open_store(store_url, clock=clock)
    opened.migrate()
    yield opened
    opened.close()
