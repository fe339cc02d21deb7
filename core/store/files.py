"""A SQLite store as a file: copied whole while in use, looked at without touching it, taken out of use."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from core.store.migrate import VERSION_TABLE

_COMPANIONS = ("-wal", "-shm")  # what SQLite keeps beside a file while it is open (sqlite.org/wal.html)


def replace_content(source: Path, target: Path, busy_seconds: float) -> None:
    """SQLite's own online copy, in one step: one moment of the source, all or nothing in the target."""
    deadline = time.monotonic() + busy_seconds

    def give_up(status: int, _remaining: int, _total: int) -> None:
        # Python tries again for ever while either side is locked
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")

    with closing(_reading(source)) as old, closing(sqlite3.connect(target, timeout=0.1)) as new:
        old.backup(new, progress=give_up)


def revision_of(path: Path) -> str | None:
    """The schema of a store in a file that is whole, None before it has one; sqlite3.DatabaseError when it is no whole store."""
    with closing(_reading(path)) as opened:
        verdict = opened.execute("pragma quick_check").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"database disk image is malformed: {verdict}")
        found = opened.execute(f"select version_num from {VERSION_TABLE}").fetchone()  # noqa: S608 - a constant
        return None if found is None else str(found[0])


def _reading(path: Path) -> sqlite3.Connection:
    """A connection that leaves nothing beside the file and may stand on a read-only disk; one in use is opened as usual."""
    in_use = any(path.with_name(path.name + end).exists() for end in _COMPANIONS)
    if in_use:
        return sqlite3.connect(path, timeout=10.0)
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True, timeout=10.0)


def take_out_of_use(path: Path, busy_seconds: float) -> None:
    """Fold the write-ahead log into the file. sqlite3.OperationalError ("locked") while any process has the store open.

    Leaving WAL mode needs the file to itself (sqlite.org/wal.html, 3.3): an idle daemon is noticed as well as a busy one.
    """
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            with closing(sqlite3.connect(path, timeout=0.1)) as opened:
                mode = opened.execute("pragma journal_mode=delete").fetchone()[0]
            if mode != "wal":
                return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")
        time.sleep(0.05)


def move_aside(path: Path, name: str) -> Path:
    """Give a file a second name beside it, so that it outlives its replacement; what SQLite kept beside it moves along."""
    kept = path.with_name(name)
    kept.hardlink_to(path)
    for end in _COMPANIONS:
        companion = path.with_name(path.name + end)
        if companion.exists():
            companion.rename(path.with_name(name + end))
    return kept


def fold_log(path: Path) -> None:
    """Fold the write-ahead log into the file and cut it to nothing; as far as readers allow, the rest at the next commit."""
    with closing(sqlite3.connect(path, timeout=1.0)) as opened:
        opened.execute("pragma wal_checkpoint(truncate)")
