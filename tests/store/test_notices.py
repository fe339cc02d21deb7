"""A webhook's event is new once, for all processes of a store; what is remembered is bounded in time and in number."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.store import Store, notices, open_store
from tests.store.world import BOOKS, NOW


def test_an_event_is_new_once_also_to_a_process_that_comes_later(store: Store, store_url: str, clock) -> None:
    assert store.first_heard(BOOKS, ["a", "b", "a"], NOW) == 2
    later = open_store(store_url, clock=clock)
    assert later.first_heard(BOOKS, ["a", "c"], NOW) == 1
    assert later.first_heard(BOOKS, ["a", "b", "c"], NOW) == 0
    later.close()


def test_connections_do_not_hear_for_each_other(store: Store) -> None:
    assert store.first_heard(BOOKS, ["a"], NOW) == 1
    assert store.first_heard("psa", ["a"], NOW) == 1


def rows(store: Store, connection: str = BOOKS) -> int:
    with store._db.read() as tx:
        return tx.exec_driver_sql(f"select count(*) from heard_events where connection = '{connection}'").scalar_one()


def test_what_is_old_is_forgotten_with_the_next_event(store: Store) -> None:
    store.first_heard("psa", ["theirs"], NOW)
    store.first_heard(BOOKS, ["old", "older"], NOW)
    store.first_heard(BOOKS, ["new"], NOW + notices.KEPT + timedelta(seconds=1))
    assert (rows(store), rows(store, "psa")) == (1, 1)


def test_no_more_than_so_many_are_kept_and_the_latest_stay(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "MOST", 5)
    for number in range(20):
        assert store.first_heard(BOOKS, [f"e{number}"], NOW + timedelta(seconds=number)) == 1
    assert rows(store) == 5
    assert store.first_heard(BOOKS, ["e19", "e15"], NOW + timedelta(minutes=1)) == 0
    assert store.first_heard(BOOKS, ["e14"], NOW + timedelta(minutes=1)) == 1


def test_a_flood_in_one_call_is_taken_whole_and_an_id_of_any_length(store: Store) -> None:
    events = [f"e{number}" for number in range(2_500)]
    assert store.first_heard(BOOKS, [*events, "x" * 100_000], NOW) == 2_501
    assert store.first_heard(BOOKS, events, NOW) == 0
