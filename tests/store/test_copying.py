"""Moving and saving a whole store: equal afterwards, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.actions import Receipt
from core.books import Account
from core.clock import ManualClock
from core.errors import StoreError
from core.holds import Hold, HoldKind
from core.records import Entry, RecordKey, Ref, Stream
from core.store import Store, new_vault_key, open_store
from tests.store.test_books import EVERYTHING, commit
from tests.store.test_findings import finding, save
from tests.store.world import BOOKS, NOW, invoice, page, party, queued, reminder

LATER = NOW + timedelta(hours=1)


def fill(store: Store) -> None:
    """Something in every corner, payloads with a trained dictionary among them."""
    commit(store, *EVERYTHING)
    entries = tuple(Entry(record=invoice(f"n{n}"), raw=b'{"Id": "%d", "Balance": %d}' % (n, n)) for n in range(300))
    many = replace(page(cursor="c9"), entries=entries)
    store.commit_page(many, connection=BOOKS, run_id="r", now=NOW)
    store.save_accounts([Account(id="one", name="One", parties=(RecordKey(BOOKS, Stream.PARTIES, Ref("1")),))])
    store.place_hold(Hold(id="h", kind=HoldKind.LEGAL, account="one", placed_at=NOW, placed_by="ann"))
    save(store, finding())
    store.enqueue([queued(reminder("10")), queued(reminder("11"), draft=True)], now=NOW, run_id="r")
    row = store.reserve(now=NOW, by="w", lease_seconds=60)
    assert row is not None
    store.settle(store.start_sending(row, (), now=NOW), Receipt(ref="m"), NOW)
    store.mark_pull(BOOKS, Stream.INVOICES, now=NOW, error=None)
    store.start_run("sync", NOW)
    store.put_setting("a", [1, "ü"])
    store.first_heard(BOOKS, ["e1", "e2"], NOW)


@pytest.fixture
def other(request, tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    """An empty store in the other kind of database than `store`."""
    url = request.getfixturevalue("store_url")
    if url.startswith("sqlite"):
        target = f"{request.getfixturevalue('postgres').url}?schema=copy_{abs(hash(url)) % 10**9}"
    else:
        target = f"sqlite:///{tmp_path}/copy.db"
    opened = open_store(target, clock=clock)
    opened.migrate()
    yield opened
    opened.close()


def test_a_copy_in_the_other_kind_of_database_is_equal_row_by_row(store: Store, other: Store) -> None:
    fill(store)
    heard = []
    report = store.copy_to(other, note=heard.append)
    assert list(report) == heard
    assert store.fingerprint() == other.fingerprint() == report
    rows = {item.table: item.rows for item in report}
    assert (rows["invoices"], rows["records"], rows["payload_dictionaries"], rows["outbox"]) == (301, 312, 1, 2)
    assert store.load_books(now=NOW) == other.load_books(now=NOW)
    assert other.verify_journal().ok
    assert other.raw(RecordKey(BOOKS, Stream.INVOICES, Ref("n7"))) == b'{"Id": "7", "Balance": 7}'


def test_a_copy_works_on_where_the_original_stopped(store: Store, other: Store) -> None:
    fill(store)
    store.copy_to(other)
    watermark = other.changed_accounts(0)[1]
    assert other.enqueue([queued(reminder("10"))], now=NOW, run_id=None).added == ()
    commit(other, party("1"), invoice("n1", memo="changed"))
    assert other.changed_accounts(watermark)[0] == {"one"}
    assert other.verify_journal().ok


def test_nothing_is_copied_over_what_is_there(store: Store, other: Store) -> None:
    fill(store)
    other.put_setting("mine", 1)
    with pytest.raises(StoreError, match="not empty: it has rows in settings"):
        store.copy_to(other)
    assert other.setting("mine") == 1
    assert other.refs(BOOKS, Stream.INVOICES) == frozenset()


def test_a_copy_needs_the_schema_on_both_sides(store: Store, tmp_path: Path, clock: ManualClock) -> None:
    bare = open_store(f"sqlite:///{tmp_path}/bare.db", clock=clock)
    with pytest.raises(StoreError, match="duesync migrate"):
        store.copy_to(bare)
    bare.close()


# ── backups ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def lite(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/duesync.db", clock=clock, vault_key=new_vault_key())
    opened.migrate()
    yield opened
    opened.close()


def test_a_backup_is_a_whole_store_taken_while_another_writes(lite: Store, tmp_path: Path, clock: ManualClock) -> None:
    fill(lite)
    before = lite.fingerprint()
    with lite.unit():
        lite.put_setting("not yet", 1)
        open_backup = tmp_path / "b.db"
        other = open_store(f"sqlite:///{tmp_path}/duesync.db", clock=clock)
        other.backup(open_backup)
        other.close()
    assert open_backup.stat().st_mode & 0o777 == 0o600
    copy = open_store(f"sqlite:///{open_backup}", clock=clock)
    assert copy.fingerprint() == before
    copy.close()


def test_a_backup_never_overwrites(lite: Store, tmp_path: Path) -> None:
    (tmp_path / "b.db").write_text("mine")
    with pytest.raises(StoreError, match="exists already"):
        lite.backup(tmp_path / "b.db")
    with pytest.raises(StoreError, match="cannot be written"):
        lite.backup(tmp_path / "no" / "b.db")
    assert (tmp_path / "b.db").read_text() == "mine"
    assert not list(tmp_path.glob("*.partial"))
