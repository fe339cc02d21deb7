"""The vault: tokens unreadable without the key, in one pair of hands at a time, on disk before anybody uses them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.errors import StoreError
from core.ports import Tokens, TokenVault
from core.store import Store, new_vault_key, open_store
from tests.conftest import ROOT
from tests.store.world import NOW

KEY, NEWER = new_vault_key(), new_vault_key()
TOKENS = Tokens(
    access="secret-access", refresh="secret-refresh", access_expires_at=NOW + timedelta(hours=1), scope="a b", realm="9"
)


@pytest.fixture
def keyed(store_url: str, clock: ManualClock) -> Iterator[Store]:
    opened = open_store(store_url, clock=clock, vault_key=KEY)
    opened.migrate()
    yield opened
    opened.close()


def write(store: Store, tokens: Tokens = TOKENS, name: str = "qbo") -> None:
    with store.vault.locked(name) as slot:
        slot.write(tokens)


def test_tokens_come_back_as_they_were_written(keyed: Store) -> None:
    vault: TokenVault = keyed.vault
    assert vault.read("qbo") is None
    write(keyed)
    assert vault.read("qbo") == TOKENS
    with vault.locked("qbo") as slot:
        assert slot.read() == TOKENS
    assert keyed.vault.connections() == ("qbo",)
    assert keyed.vault.forget("qbo")
    assert vault.read("qbo") is None


def test_no_secret_stands_in_the_file(tmp_path: Path, clock: ManualClock) -> None:
    store = open_store(f"sqlite:///{tmp_path}/s.db", clock=clock, vault_key=KEY)
    store.migrate()
    write(store)
    store.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"secret-" not in stored
    assert b"qbo" in stored


def test_without_a_key_only_the_vault_refuses_and_names_the_setting(store: Store) -> None:
    assert store.setting("anything") is None
    for use in (lambda: store.vault.read("qbo"), lambda: write(store)):
        with pytest.raises(StoreError, match=r"\[vault\] key is not set"):
            use()


def test_a_key_that_is_none_is_told_at_once(store_url: str, clock: ManualClock) -> None:
    with pytest.raises(StoreError, match="not a vault key") as told:
        open_store(store_url, clock=clock, vault_key=b"hunter2")
    assert "hunter2" not in str(told.value)


def test_another_key_does_not_open_the_tokens(keyed: Store, store_url: str, clock: ManualClock) -> None:
    write(keyed)
    other = open_store(store_url, clock=clock, vault_key=NEWER)
    with pytest.raises(StoreError, match="cannot be decrypted"):
        other.vault.read("qbo")
    other.close()


def test_a_key_is_rotated_without_losing_tokens(keyed: Store, store_url: str, clock: ManualClock) -> None:
    write(keyed)
    both = open_store(store_url, clock=clock, vault_key=(NEWER, KEY))
    assert both.vault.rotate() == 1
    both.close()
    after = open_store(store_url, clock=clock, vault_key=NEWER)
    assert after.vault.read("qbo") == TOKENS
    after.close()


def test_tokens_moved_to_another_connection_do_not_open(keyed: Store) -> None:
    write(keyed)
    with keyed._db.write() as tx:
        tx.exec_driver_sql("update tokens set connection = 'xero'")
    with pytest.raises(StoreError, match="cannot be decrypted"):
        keyed.vault.read("xero")


def test_tokens_are_not_locked_inside_a_unit_that_may_roll_back(keyed: Store) -> None:
    with keyed.unit(), pytest.raises(StoreError, match="inside a unit"):
        write(keyed)


def test_written_tokens_are_there_for_everyone_while_the_lock_is_still_held(keyed: Store, store_url: str, clock) -> None:
    other = open_store(store_url, clock=clock, vault_key=KEY)
    with keyed.vault.locked("qbo") as slot:
        slot.write(TOKENS)
        assert other.vault.read("qbo") == TOKENS
    other.close()


def test_one_thread_at_a_time_holds_a_connections_tokens_and_others_go_on(keyed: Store) -> None:
    inside, overlaps = [], []

    def refresh() -> None:
        with keyed.vault.locked("qbo") as slot:
            overlaps.append(len(inside))
            inside.append(1)
            time.sleep(0.01)
            slot.write(TOKENS)
            inside.pop()

    threads = [threading.Thread(target=refresh) for _ in range(5)]
    for thread in threads:
        thread.start()
    with keyed.vault.locked("xero"):
        pass
    for thread in threads:
        thread.join()
    assert overlaps == [0] * 5


HOLDER = """
import sys
from core.clock import SystemClock
from core.store import open_store
store = open_store(sys.argv[1], clock=SystemClock(), vault_key=sys.argv[2].encode())
with store.vault.locked("qbo"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_another_process_waits_for_the_lock_and_death_frees_it(keyed: Store, store_url: str) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, store_url, KEY.decode()],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        got = threading.Event()

        def wait() -> None:
            with keyed.vault.locked("qbo"):
                got.set()

        waiter = threading.Thread(target=wait)
        waiter.start()
        assert not got.wait(0.3)
        holder.kill()
        assert got.wait(10)
        waiter.join()


def test_a_rotation_of_the_key_never_puts_back_tokens_refreshed_meanwhile(keyed: Store, store_url: str, clock) -> None:
    write(keyed)
    both = open_store(store_url, clock=clock, vault_key=(NEWER, KEY))
    fresh = Tokens(access="newer", refresh="newer-refresh")
    inside, counts = threading.Event(), []

    def rotate() -> None:
        inside.wait(5)
        counts.append(both.vault.rotate())

    thread = threading.Thread(target=rotate)
    thread.start()
    with keyed.unit():
        keyed.vault._write("qbo", fresh)
        inside.set()
        time.sleep(0.2)
        assert counts == []
    thread.join()
    assert counts == [1]
    assert both.vault.read("qbo") == fresh
    assert both.vault.behind() == ()
    both.close()
