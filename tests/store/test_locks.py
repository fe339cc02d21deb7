"""One holder at a time, over processes; a dead one gives its place back at once, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from core.errors import StoreBusy
from core.store import Store
from tests.store.test_processes import start

BUSY = StoreBusy("taken", remedy="wait")
HOLDER = """
import sys
from core.clock import ManualClock
from core.errors import StoreBusy
from core.store import open_store
from tests.store.world import NOW
store = open_store(sys.argv[1], clock=ManualClock(NOW))
with store.alone("review", wait=5, busy=StoreBusy("taken")):
    print("mine", flush=True)
    sys.stdin.readline()
"""


def test_what_another_process_does_alone_is_not_begun_until_it_dies(store: Store, store_url: str) -> None:
    holder = start(HOLDER, store_url)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "mine\n"
    with pytest.raises(StoreBusy, match="taken"), store.alone("review", wait=0, busy=BUSY):
        pass
    with store.alone("something else", wait=0, busy=BUSY) as check:
        check()
    holder.kill()
    holder.communicate(timeout=30)
    with store.alone("review", wait=5, busy=BUSY) as check:
        check()


def test_it_holds_between_threads_too_and_is_free_afterwards(store: Store) -> None:
    with store.alone("review", wait=0, busy=BUSY), pytest.raises(StoreBusy), store.alone("review", wait=0, busy=BUSY):
        pass
    with store.alone("review", wait=0, busy=BUSY):
        pass
