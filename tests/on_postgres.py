"""Running tests that were written for a SQLite file on PostgreSQL: each file's place becomes a schema of its own.

`DUESYNC_TEST_STORE=postgresql pytest tests/unit/shell tests/system` does so for everything that opens a store in this process or
by tests.system.commands; what is about the file itself (backups, its mode, its locks) is not meant for it. `redirected` does it
for a block. The same path is the same store, so a test may close and open again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from core.store import store as opening
from core.store.engine import Database

WANTED = "DUESYNC_TEST_STORE"
SERVER = "DUESYNC_TEST_SERVER"  # where a process that a test starts finds the server


def place_of(url: str, server: str) -> str:
    """The schema that stands for a SQLite file; any other URL as it is."""
    if not url.startswith("sqlite:///"):
        return url
    return f"{server}?schema=t{hashlib.sha256(url.encode()).hexdigest()[:16]}"


@contextmanager
def redirected(server: str) -> Iterator[None]:
    """Stores opened inside are on PostgreSQL, whatever file they name."""

    def opened(url: str, **options: Any) -> Database:
        return Database(place_of(url, server), **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "Database", opened)
        patch.setenv(SERVER, server)
        yield


def enter() -> None:
    """In a process that a test started: as `redirected`, to its end."""
    server = os.environ[SERVER]
    redirected(server).__enter__()
