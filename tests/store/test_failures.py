"""When the database fails: one clear line, what to do, nothing lost, and no driver's exception."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import insert

from core.clock import ManualClock
from core.errors import StoreBusy, StoreError
from core.records import Stream
from core.store import Store, open_store
from core.store.bulk import write_rows
from core.store.record_tables import table
from tests.conftest import ROOT
from tests.store.world import BOOKS, NOW, invoice, page


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/duesync.db"


def opened(url: str, clock: ManualClock, **options) -> Store:
    store = open_store(url, clock=clock, **options)
    store.migrate()
    return store


def commit(store: Store, *refs: str, cursor: str = "c") -> None:
    records = [invoice(ref, memo="x" * 500) for ref in refs]
    store.commit_page(page(*records, cursor=cursor), connection=BOOKS, run_id="r", now=NOW)


def told(error: pytest.ExceptionInfo[StoreError], *words: str) -> None:
    message = str(error.value)
    assert error.value.remedy
    assert "\n" not in message
    assert "sqlalchemy" not in message.lower()
    for word in words:
        assert word in message


LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("begin immediate")
print("locked", flush=True)
sys.stdin.readline()
"""


def test_a_store_locked_by_another_process_is_busy_and_free_again(url: str, clock: ManualClock, tmp_path: Path) -> None:
    store = opened(url, clock, busy_seconds=0.1)
    command = [sys.executable, "-c", LOCKER, str(tmp_path / "duesync.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(StoreBusy) as error:
            commit(store, "10")
        told(error, "locked by another process")
        assert store.refs(BOOKS, Stream.INVOICES) == frozenset()
        other.stdin.close()
    commit(store, "10")
    assert store.refs(BOOKS, Stream.INVOICES) == {"10"}
    store.close()


FULL = """
import resource, signal, sys
from datetime import UTC, datetime
from core.clock import SystemClock
from core.errors import StoreError
from core.store import open_store
from tests.store.test_failures import commit
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store(sys.argv[1], clock=SystemClock())
store.migrate()
commit(store, "1", cursor="first")
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
try:
    commit(store, *(str(number) for number in range(2, 5_000)), cursor="second")
except StoreError as error:
    print(error)
"""


def test_a_full_disk_is_told_and_loses_nothing(url: str, clock: ManualClock) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, url], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert "full" in done.stdout or "disk" in done.stdout, done.stderr
    assert len(done.stdout.splitlines()) == 1
    store = opened(url, clock)
    assert store.refs(BOOKS, Stream.INVOICES) == {"1"}
    assert store.cursor(BOOKS, Stream.INVOICES) == "first"
    commit(store, "2", cursor="second")
    store.close()


def test_a_store_that_reaches_its_limit_goes_on_once_there_is_room(url: str, clock: ManualClock) -> None:
    store = opened(url, clock)
    with store._db.write() as tx:
        pages = tx.exec_driver_sql("pragma page_count").scalar()
        tx.exec_driver_sql(f"pragma max_page_count = {pages + 5}")
    with pytest.raises(StoreError) as error:
        commit(store, *(str(number) for number in range(2_000)))
    told(error, "full")
    with store._db.write() as tx:
        tx.exec_driver_sql("pragma max_page_count = 1000000")
    commit(store, "10")
    assert store.refs(BOOKS, Stream.INVOICES) == {"10"}
    store.close()


def test_a_read_only_store_is_told(url: str, clock: ManualClock) -> None:
    store = opened(url, clock)
    with store._db.read() as tx:
        tx.exec_driver_sql("pragma query_only = 1")
    with pytest.raises(StoreError) as error:
        commit(store, "10")
    told(error, "read-only", "right to write")
    store.close()


def test_a_missing_folder_is_told(clock: ManualClock, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as error:
        open_store(f"sqlite:///{tmp_path}/no/such/duesync.db", clock=clock)
    told(error, "does not exist", "mkdir -p")


def test_a_folder_in_the_files_place_is_told(clock: ManualClock, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as error:
        open_store(f"sqlite:///{tmp_path}", clock=clock)
    told(error, "is a folder")


def test_a_file_that_is_no_store_is_told_and_left_alone(clock: ManualClock, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"Dear bookkeeper,\n" * 500)
    with pytest.raises(StoreError) as error:
        open_store(f"sqlite:///{path}", clock=clock)
    told(error, "not a duesync store")
    assert path.read_bytes() == b"Dear bookkeeper,\n" * 500


def test_a_damaged_store_is_told(url: str, clock: ManualClock, tmp_path: Path) -> None:
    store = opened(url, clock)
    commit(store, *(str(number) for number in range(500)))
    store.close()
    path = tmp_path / "duesync.db"
    content = bytearray(path.read_bytes())
    content[8192:-4096] = b"\xff" * (len(content) - 12288)
    path.write_bytes(content)
    with pytest.raises(StoreError) as error:
        open_store(url, clock=clock).load_books(now=NOW)
    told(error)


def test_a_server_that_is_not_there_is_told_without_the_password(clock: ManualClock) -> None:
    with pytest.raises(StoreError) as error:
        open_store("postgresql://ann:hunter2@127.0.0.1:1/books", clock=clock)
    told(error, "cannot be reached")
    assert "hunter2" not in str(error.value)


def test_a_database_that_is_not_there_is_told(postgres, clock: ManualClock) -> None:
    with pytest.raises(StoreError) as error:
        open_store(postgres.url.replace("/postgres", "/nowhere"), clock=clock)
    told(error, "does not exist", "createdb")


def test_a_server_that_goes_away_is_told_and_taken_up_again(postgres, clock: ManualClock) -> None:
    import psycopg

    url = postgres.database("going")
    store = opened(url, clock)
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'going'")
    commit(store, "10")
    assert store.refs(BOOKS, Stream.INVOICES) == {"10"}
    store.close()


def test_swallowing_a_failed_write_does_not_commit_the_half_before_it(url: str, clock: ManualClock) -> None:
    store = opened(url, clock)

    def half() -> None:
        with store.unit():
            store.put_setting("before", 1)
            try:
                with store._db.write() as tx:
                    tx.exec_driver_sql("insert into settings (key, value) values ('before', '2')")
            except StoreError:
                store.put_setting("after", 1)

    with pytest.raises(StoreError, match="went on after"):
        half()
    assert (store.setting("before"), store.setting("after")) == (None, None)
    store.close()


def test_a_row_the_database_refuses_is_no_drivers_exception_and_the_store_goes_on(store: Store) -> None:
    row = {"account": "a", "kind": "call", "at": NOW, "channel": "phone", "invoices": "[]", "recipients": "[]", "subject": ""}
    twice = [{**row, "content_hash": "", "outcome": "", "waived": False, "outbox_id": "same"}] * 2

    def write() -> None:
        with store._db.write() as tx:
            write_rows(tx, insert(table("contact_log")), twice)

    with pytest.raises(StoreError, match="failed"):
        write()
    assert store.contacts() == {}
    store.put_setting("after", 1)
    assert store.setting("after") == 1
