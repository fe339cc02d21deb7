"""Running tests that were written for a SQLite file on PostgreSQL: each file's place becomes a schema of its own.

`make test-postgresql` (DUESYNC_TEST_STORE=postgresql) does so for the whole suite: for every store that a test opens in this
process or in one it starts. `redirected` does it for a block. The same path is the same store, so a test may close and open
again. A test marked `own_store` is left alone: it asks for both databases itself, or is about the file (its mode, its locks,
a copy of it). Everything in tests/store is.
"""

from __future__ import annotations

import hashlib
import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock
from core.store import open_store
from core.store import store as opening
from core.store.engine import Database

WANTED = "DUESYNC_TEST_STORE"
SERVER = "DUESYNC_TEST_SERVER"  # where a process that a test starts finds the server
_opened: weakref.WeakSet[Database] = weakref.WeakSet()
_left_alone = {"now": False}


def wanted() -> bool:
    """Whether stores that tests open are to be on PostgreSQL."""
    return os.environ.get(WANTED) == "postgresql"


def place_of(url: str, server: str) -> str:
    """The schema that stands for a SQLite file; any other URL as it is."""
    if not url.startswith("sqlite:///"):
        return url
    return f"{server}?schema=t{hashlib.sha256(url.encode()).hexdigest()[:16]}"


def _opener(server: str) -> Callable[..., Database]:
    def opened(url: str, **options: Any) -> Database:
        made = Database(url if _left_alone["now"] else place_of(url, server), **options)
        _opened.add(made)
        return made

    return opened


@contextmanager
def redirected(server: str) -> Iterator[None]:
    """Stores opened inside are on PostgreSQL, whatever file they name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "Database", _opener(server))
        patch.setenv(SERVER, server)
        yield


@contextmanager
def left_alone() -> Iterator[None]:
    """Inside, stores are where their URL says, also in processes that are started here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_left_alone, "now", True)
        patch.delenv(WANTED, raising=False)
        yield


def enter_if_wanted() -> None:
    """In a process that a test started: as `redirected`, to its end."""
    if wanted():
        opening.Database = _opener(os.environ[SERVER])


def hang_up() -> None:
    """End idle connections of stores that a test has not closed, mostly because a process "died": a file needs none of it."""
    for database in list(_opened):
        database.engine.dispose()


def follow(source: Path, target: Path) -> None:
    """What was done to files: where `source`, a store, was copied to `target`, copy its schema there too."""
    if not wanted():
        return
    stores = [open_store(f"sqlite:///{path}", clock=SystemClock()) for path in (source, target)]
    stores[1].migrate()
    stores[0].copy_to(stores[1], over=True)
    for store in stores:
        store.close()
