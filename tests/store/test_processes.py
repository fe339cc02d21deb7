"""Several processes on one store, and processes that die: nothing twice, nothing half."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from core.outbox import OutboxState
from core.records import RecordKey, Ref, Stream
from core.store import Store
from tests.conftest import ROOT
from tests.store.world import BOOKS, NOW, queued, reminder

RESERVER = """
import sys
from core.clock import ManualClock
from core.store import open_store
from core.actions import Receipt
from tests.store.world import NOW
url, name = sys.argv[1:]
store = open_store(url, clock=ManualClock(NOW))
print("ready", flush=True)
sys.stdin.readline()
while (row := store.reserve(now=NOW, by=name, lease_seconds=600)) is not None:
    store.start_sending(row, (), now=NOW)
    store.settle(row, Receipt(ref=name), NOW)
    print(row.id, flush=True)
store.close()
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.req("E13")
def test_no_row_is_taken_by_two_processes(store: Store, store_url: str) -> None:
    store.enqueue([queued(reminder(str(number))) for number in range(40)], now=NOW, run_id=None)
    workers = [start(RESERVER, store_url, f"w{number}") for number in range(2)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    answers = [worker.communicate("go\n", timeout=60)[0].split() for worker in workers]
    taken = Counter(name for answer in answers for name in answer)
    assert len(taken) == 40
    assert set(taken.values()) == {1}
    assert {row.state for row in store.outbox()} == {OutboxState.SETTLED}
    assert len(store.contacts()["books:1"]) == 40
    check = store.verify_journal()
    assert (check.ok, check.entries) == (True, 200)


def test_threads_share_one_store_without_taking_a_row_twice(store: Store) -> None:
    store.enqueue([queued(reminder(str(number))) for number in range(30)], now=NOW, run_id=None)
    taken: list[str] = []

    def work(name: str) -> None:
        while (row := store.reserve(now=NOW, by=name, lease_seconds=60)) is not None:
            taken.append(row.id)

    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 30


def test_two_reviews_at_once_queue_one_intent_once(store: Store) -> None:
    added = []

    def work() -> None:
        outcome = store.enqueue([queued(reminder(str(number))) for number in range(10)], now=NOW, run_id=None)
        added.extend(outcome.added)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(added) == len(store.outbox()) == 10


WRITER = """
import sys
from core.clock import ManualClock
from core.store import open_store
from tests.store.world import BOOKS, NOW, page, payment, queued, reminder
from core.records import Stream
store = open_store(sys.argv[1], clock=ManualClock(NOW))
print("ready", flush=True)
done = store.cursor(BOOKS, Stream.PAYMENTS)
number = int(done) if done else 0
while True:
    number += 1
    records = [payment(f"{number}-{part}", to={"10": 100, "11": 200}) for part in range(20)]
    with store.unit():
        store.commit_page(page(*records, stream=Stream.PAYMENTS, cursor=str(number)), connection=BOOKS, run_id="r", now=NOW)
        store.enqueue([queued(reminder(str(number)))], now=NOW, run_id=None)
    if number % 3 == 0:
        print("on", flush=True)
"""


@pytest.mark.req("E39")
def test_a_process_killed_at_any_moment_leaves_cursor_and_records_in_step(store: Store, store_url: str) -> None:
    seed = random.Random(7)
    reached = 0
    for _ in range(3):
        writer = start(WRITER, store_url)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        assert writer.stdout.readline() == "on\n"
        time.sleep(seed.uniform(0.0, 0.1))
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
        pages = int(store.cursor(BOOKS, Stream.PAYMENTS) or 0)
        refs = store.refs(BOOKS, Stream.PAYMENTS)
        assert refs == {f"{number}-{part}" for number in range(1, pages + 1) for part in range(20)}
        assert pages >= reached
        reached = pages
        for ref in sorted(refs)[-20:]:
            found = store.find_record(RecordKey(BOOKS, Stream.PAYMENTS, Ref(ref)))
            assert found is not None
            assert len(found.allocations) == 2
        assert len(store.outbox()) == pages
        assert store.verify_journal().ok
    assert reached >= 9


def test_a_worker_killed_while_sending_leaves_a_row_that_asks(store: Store, store_url: str) -> None:
    store.enqueue([queued(reminder("10")), queued(reminder("11"))], now=NOW, run_id=None)
    code = """
import os, signal, sys
from core.clock import ManualClock
from core.store import open_store
from tests.store.world import NOW
store = open_store(sys.argv[1], clock=ManualClock(NOW))
store.start_sending(store.reserve(now=NOW, by="w", lease_seconds=60), (), now=NOW)
store.reserve(now=NOW, by="w", lease_seconds=60)
os.kill(os.getpid(), signal.SIGKILL)
"""
    start(code, store_url).communicate(timeout=60)
    assert store.recover(NOW, everything=True) == 2
    assert [row.state for row in store.outbox()] == [OutboxState.AMBIGUOUS, OutboxState.QUEUED]
