"""Locks that hold over threads, processes and machines, and that a dead holder gives back at once, however it died.

On SQLite a file beside the store, locked by flock: the kernel frees it with its holder. On PostgreSQL an advisory lock of a
session of its own: the server frees it when the session ends. No clock decides who holds a lock, so none can be wrong about it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from core.errors import StoreBusy, StoreError
from core.store.engine import LOCK_KEY, Database
from core.store.failures import translated

POLL_SECONDS = 0.05
Check = Callable[[], None]


@contextmanager
def across_processes(database: Database, name: str, *, wait: float, busy: StoreBusy) -> Iterator[Check]:
    """Hold the lock `name` of this store; `busy` is raised when others hold it for `wait` seconds.

    What is given says, when called, that the lock is still held: StoreError where the session that held it is lost.
    """
    held = _file_lock(_lock_path(database.path, name), wait, busy) if database.path else _session_lock(database, name, wait, busy)
    with held as check:
        yield check


def _lock_path(store: Path, name: str) -> Path:
    """A file of its own beside the store: one per name, made safe."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:40]
    return store.with_name(f"{store.name}.{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.lock")


@contextmanager
def _file_lock(path: Path, wait: float, busy: StoreBusy) -> Iterator[Check]:
    """flock is freed by the kernel when its holder dies; the file stays, for removing it would race."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(
            f"The lock file {path} cannot be opened: {error.strerror}.", remedy="Check the rights on its folder."
        ) from error
    try:
        deadline = time.monotonic() + wait
        while not _locked(handle):
            if time.monotonic() >= deadline:
                raise busy
            time.sleep(POLL_SECONDS)
        yield lambda: None
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _session_lock(database: Database, name: str, wait: float, busy: StoreBusy) -> Iterator[Check]:
    """The session is none of the pool's: holders that wait for a second connection of a full pool would wait for ever."""
    place = database.lock_of(name)
    engine = create_engine(database.engine.url, poolclass=NullPool, connect_args={"connect_timeout": 10})
    with translated(database.where), engine.connect() as opened:
        session = opened.execution_options(isolation_level="AUTOCOMMIT")
        deadline = time.monotonic() + wait
        while not session.execute(text(f"select pg_try_advisory_lock({LOCK_KEY})"), place).scalar():
            if time.monotonic() >= deadline:
                raise busy
            time.sleep(POLL_SECONDS)

        def check() -> None:
            with translated(database.where):
                session.exec_driver_sql("select 1")

        yield check
