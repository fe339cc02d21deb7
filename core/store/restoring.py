"""Putting a backup in the place of a store: checked, brought to this release and paused before it stands there, never half.

What was sent and agreed since the backup is unknown to it. It begins paused, with the span it knows nothing of on record
(core.lost_span): nobody hears a thing twice because a store forgot.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select, text

from core.clock import Clock
from core.errors import SchemaMismatch, StoreBusy, StoreError, UsageError
from core.lost_span import SETTING
from core.store.engine import ANY_STORE, Database, session_name
from core.store.failures import translated
from core.store.files import move_aside, replace_content, revision_of, take_out_of_use
from core.store.migrate import revisions
from core.store.record_tables import table
from core.store.store import Store, open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came of it: where the store is, its schema and journal, the last moment it knows, and where the old one was kept."""

    where: str
    migrated: tuple[str, ...]
    journal_entries: int
    known_until: datetime | None
    kept: Path | None = None


def restore_backup(
    backup: Path, url: str, *, clock: Clock, by: str, now: datetime, force: bool = False, busy_seconds: float = 10.0
) -> Restored:
    """Put a backup in the place of the store at `url`, paused, with what it does not know on record.

    UsageError when that store holds anything and `force` is not given. StoreError when the backup is damaged or of a newer
    release, its journal does not hold, or the store is open in another process; then nothing was touched.
    """
    target = Database(url, busy_seconds=busy_seconds)
    kept = None
    try:
        with _checked_copy(backup, clock, None if target.path is None else target.path.parent) as (path, migrated):
            copy = open_store(f"sqlite:///{path}", clock=clock)
            try:
                entries, known_until = _mark(copy, backup, by, now)
                if target.path is None:
                    _fill_server(copy, Store(target, clock), force=force)
            finally:
                copy.close()
            if target.path is not None:
                kept = _fill_file(path, target.path, now, force=force, busy_seconds=busy_seconds)
    finally:
        target.close()
    return Restored(where=target.where, migrated=migrated, journal_entries=entries, known_until=known_until, kept=kept)


@contextmanager
def _checked_copy(backup: Path, clock: Clock, beside: Path | None) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """A copy of the backup at the schema of this release, its journal verified; the backup itself is only read."""
    if not backup.is_file():
        raise StoreError(f"There is no backup {backup}.", remedy="Check its name.")
    with translated(str(backup)):
        revision = revision_of(backup)
    if revision not in revisions():
        message = f"The backup {backup} is of a newer release of duesync (schema {revision}, ours is {revisions()[-1]})."
        raise SchemaMismatch(message, remedy="Restore it with that release.")
    with tempfile.TemporaryDirectory(prefix="duesync-restore-", dir=beside) as folder:
        path = Path(folder) / "copy.db"
        with translated(str(backup)):
            replace_content(backup, path, 10.0)
        store = open_store(f"sqlite:///{path}", clock=clock)
        try:
            migrated = tuple(store.migrate())
            check = store.verify_journal()
        finally:
            store.close()
        if not check.ok:
            message = f"The journal in {backup} does not hold: entry {check.broken_at}, {check.problem}."
            raise StoreError(message, remedy="Somebody changed this backup, or the store before it was made. Use an older one.")
        yield path, migrated


def _mark(copy: Store, backup: Path, by: str, now: datetime) -> tuple[int, datetime | None]:
    """Pause the copy and note the span it knows nothing of; its journal's length and the last moment it knows."""
    known_until = _last_moment(copy)
    since = None if known_until is None else known_until.isoformat()
    with copy.unit():
        copy.put_setting(SETTING, {"since": since, "until": now.isoformat(), "backup": backup.name, "by": by})
        detail = {"backup": backup.name, "known_until": since}
        copy.journal_append("restored", "store/restored", detail, now=now, actor=by)
        reason = f"restored from {backup.name}: what was sent since {since or 'it was made'} is not known here"
        copy.pause("all", by=by, reason=reason, now=now)
    return copy.verify_journal().entries, known_until


def _last_moment(copy: Store) -> datetime | None:
    """The latest instant at which the backed-up store is known to have done something."""
    columns = [
        table(name).c[column] for name, column in (("runs", "started_at"), ("journal", "at"), ("stream_states", "last_try_at"))
    ]
    with copy._db.read() as tx:
        found = [tx.execute(select(func.max(column))).scalar() for column in columns]
    return max((moment for moment in found if moment is not None), default=None)


# ── PostgreSQL: one transaction ─────────────────────────────────────────────────────────────────────────────────────────
def _fill_server(copy: Store, target: Store, *, force: bool) -> None:
    with translated(target.where):
        others = _other_sessions(target)
    if others:
        raise StoreBusy(
            f"The store {target.where} is open in {others} other session(s).", remedy="Stop the daemon and its workers."
        )
    target.migrate()
    if not force:
        _refuse_full(target)
    copy.copy_to(target, over=force)


def _other_sessions(target: Store) -> int:
    sessions = text(
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        " and application_name in (:mine, :any)"
    )
    with target._db.read() as tx:
        return int(tx.execute(sessions, {"mine": session_name(target._db.schema), "any": ANY_STORE}).scalar_one())


def _refuse_full(target: Store) -> None:
    held = target.rows()
    if held:
        raise UsageError(
            f"The store {target.where} holds {held:,} rows.", remedy="Back it up if you can, then say --force to replace it."
        )


# ── SQLite: one rename ──────────────────────────────────────────────────────────────────────────────────────────────────
def _fill_file(copy: Path, path: Path, now: datetime, *, force: bool, busy_seconds: float) -> Path | None:
    """Put the copy where the store is; what was there keeps its content under another name. A crash leaves one or the other."""
    used = path.exists() and path.stat().st_size > 0
    if used and not force:
        raise UsageError(
            f"There is a store at {path}.", remedy="Say --force to replace it; it is kept beside under another name."
        )
    with translated(str(path)):
        _out_of_use(path, busy_seconds)
        fresh = path.with_name(f"{path.name}.restoring")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        replace_content(copy, fresh, busy_seconds)
        kept = move_aside(path, f"{path.name}.before-{now:%Y%m%dT%H%M%S}") if used else None
        fresh.replace(path)
    return kept


def _out_of_use(path: Path, busy_seconds: float) -> None:
    try:
        take_out_of_use(path, busy_seconds)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return  # it is damaged, which is why it is replaced; nobody can be using it
