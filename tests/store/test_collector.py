"""The cycle collector pauses for a while and is left as it was found; cycles made meanwhile are found later."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from core.store.collector import collector_paused


class Ring:
    """Holds itself: only the collector frees it."""

    def __init__(self) -> None:
        self.me = self


def test_the_collector_runs_again_after_the_outermost_pause() -> None:
    assert gc.isenabled()
    with collector_paused():
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_it_runs_again_when_the_work_fails() -> None:
    with pytest.raises(ValueError, match="broken"), collector_paused():
        raise ValueError("broken")
    assert gc.isenabled()


def test_threads_that_pause_at_once_do_not_wake_it_for_each_other() -> None:
    other_in, other_may_go = threading.Event(), threading.Event()

    def other() -> None:
        with collector_paused():
            other_in.set()
            other_may_go.wait(5)

    thread = threading.Thread(target=other)
    thread.start()
    assert other_in.wait(5)
    with collector_paused():
        pass
    assert not gc.isenabled()
    other_may_go.set()
    thread.join()
    assert gc.isenabled()


def test_cycles_made_in_many_pauses_are_found_without_being_asked_for() -> None:
    rings = []
    for _ in range(10_000):
        with collector_paused():
            rings.append(weakref.ref(Ring()))
    assert sum(ring() is not None for ring in rings) < 2_000
