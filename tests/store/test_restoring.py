"""The restore drill, on both databases: checked before anything is touched, paused before it stands, nothing lost for good."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.errors import SchemaMismatch, StoreBusy, StoreError, UsageError
from core.lost_span import end_lost_span, lost_span
from core.store import Restored, Store, open_store, restore_backup
from tests.store.test_copying import fill
from tests.store.world import NOW

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def backup(store: Store, store_url: str, tmp_path: Path, request) -> Path:
    """A backup of a full store that went on afterwards, and was closed by everybody."""
    fill(store)
    store.backup(tmp_path / "b.db")
    store.put_setting("since", 1)
    store.close()
    if store_url.startswith("postgresql"):
        request.getfixturevalue("emptied").close()
    return tmp_path / "b.db"


@pytest.fixture
def damaged(backup: Path) -> Path:
    """The backup with its second half overwritten."""
    content = bytearray(backup.read_bytes())
    content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
    backup.write_bytes(content)
    return backup


def restore(backup: Path, url: str, clock: ManualClock, *, force: bool = True) -> Restored:
    return restore_backup(backup, url, clock=clock, by="ann", now=LATER, force=force, busy_seconds=0.3)


@pytest.fixture
def reopened(store_url: str, clock: ManualClock) -> Iterator[list[Store]]:
    """Stores to close at the end."""
    opened: list[Store] = []
    yield opened
    for store in opened:
        store.close()


def look(store_url: str, clock: ManualClock, opened: list[Store]) -> Store:
    opened.append(open_store(store_url, clock=clock))
    return opened[-1]


def test_a_restored_store_is_yesterdays_paused_and_says_what_it_does_not_know(backup, store_url, clock, reopened):
    done = restore(backup, store_url, clock)
    store = look(store_url, clock, reopened)
    assert (store.setting("since"), store.setting("a")) == (None, [1, "ü"])
    assert "what was sent since" in store.paused()["all"].reason
    assert done.known_until == NOW
    span = lost_span(store)
    assert span is not None
    assert (span.since, span.until, span.backup, span.by) == (NOW, LATER, "b.db", "ann")
    check = store.verify_journal()
    assert (check.ok, check.entries) == (True, done.journal_entries)
    assert store.changed_accounts(0)[0]  # it works on
    assert backup.stat().st_mode & 0o777 == 0o600
    assert not (backup.parent / "b.db-wal").exists()


def test_a_backup_goes_into_the_other_kind_of_database_too(backup, store_url, tmp_path, clock, reopened, request):
    other = f"sqlite:///{tmp_path}/other.db"
    if store_url.startswith("sqlite"):
        other = request.getfixturevalue("postgres").url + "?schema=restored_elsewhere"
    assert restore(backup, other, clock, force=store_url.startswith("sqlite")).kept is None
    store = look(other, clock, reopened)
    assert store.setting("a") == [1, "ü"]
    assert store.verify_journal().ok


def test_what_a_store_holds_is_not_replaced_unasked(backup, store_url, clock, reopened):
    with pytest.raises(UsageError, match=r"There is a store at|holds [\d,]+ rows") as told:
        restore(backup, store_url, clock, force=False)
    assert "--force" in told.value.remedy
    assert look(store_url, clock, reopened).setting("since") == 1


def test_the_replaced_file_is_kept_beside_with_everything_in_it(store: Store, store_url: str, tmp_path: Path, clock: ManualClock):
    if not store_url.startswith("sqlite"):
        pytest.skip("a server keeps no file")
    store.backup(tmp_path / "b.db")
    store.put_setting("since", 1)
    store.close()
    kept = restore(tmp_path / "b.db", store_url, clock).kept
    assert kept is not None
    assert kept.name.startswith("duesync.db.before-")
    old = open_store(f"sqlite:///{kept}", clock=clock)
    assert old.setting("since") == 1
    old.close()
    assert {item.stat().st_mode & 0o077 for item in tmp_path.iterdir()} == {0}


def test_a_store_that_a_process_has_open_is_not_replaced_be_it_idle(store: Store, store_url: str, tmp_path, clock):
    store.backup(tmp_path / "b.db")
    store.put_setting("since", 1)
    with pytest.raises(StoreBusy):
        restore(tmp_path / "b.db", store_url, clock)
    assert store.setting("since") == 1
    assert store.paused() == {}
    assert not list(tmp_path.glob("*restor*"))


def test_a_damaged_backup_is_refused_and_touches_nothing(damaged, store_url, clock, reopened):
    with pytest.raises(StoreError):
        restore(damaged, store_url, clock)
    store = look(store_url, clock, reopened)
    assert (store.setting("since"), store.paused()) == (1, {})


def test_a_damaged_store_is_replaced_and_kept(backup, tmp_path, clock, reopened):
    place = tmp_path / "broken.db"
    place.write_bytes(b"not a database " * 500)
    kept = restore(backup, f"sqlite:///{place}", clock).kept
    assert kept is not None
    assert kept.read_bytes().startswith(b"not a database")
    assert look(f"sqlite:///{place}", clock, reopened).setting("a") == [1, "ü"]


def test_a_backup_whose_journal_was_changed_is_refused(backup, store_url, clock, reopened):
    with closing(sqlite3.connect(backup)) as file, file:
        file.execute("update journal set kind = 'nothing' where seq = 2")
    with pytest.raises(StoreError, match=r"journal in .* does not hold: entry 2"):
        restore(backup, store_url, clock)
    assert look(store_url, clock, reopened).setting("since") == 1


def test_what_is_no_backup_or_a_newer_one_is_refused(backup, store_url, tmp_path, clock):
    (tmp_path / "letter.txt").write_text("Dear bookkeeper, " * 100)
    for name in ("letter.txt", "missing.db"):
        with pytest.raises(StoreError):
            restore(tmp_path / name, store_url, clock)
    with closing(sqlite3.connect(backup)) as file, file:
        file.execute("update schema_version set version_num = '9999'")
    with pytest.raises(SchemaMismatch, match=r"newer release of duesync \(schema 9999, ours is "):
        restore(backup, store_url, clock)


def test_the_span_ends_when_a_person_says_so_and_that_is_on_record(backup, store_url, clock, reopened):
    restore(backup, store_url, clock)
    store = look(store_url, clock, reopened)
    ended = end_lost_span(store, by="bea", now=LATER)
    assert ended is not None
    assert (lost_span(store), end_lost_span(store, by="bea", now=LATER)) == (None, None)
    assert [(item.kind, item.actor) for item in store.journal_entries(subject="store/restored")] == [
        ("restored", "ann"),
        ("restored.finished", "bea"),
    ]
