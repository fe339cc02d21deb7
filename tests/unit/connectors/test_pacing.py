"""Budgets of calls: what one opening spent counts at the next, in this process and in others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.pacing import TOLD_EVERY, Pacer, Pacing
from core.clock import ManualClock
from core.errors import RateLimited, StoreError
from core.store import open_store

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
DAILY = Pacing(per_day=100)


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
def store(tmp_path, clock):
    opened = open_store(f"sqlite:///{tmp_path / 'duesync.db'}", clock=clock)
    opened.migrate()
    yield opened
    opened.close()


def pacer(store, clock, pacing=DAILY):
    return Pacer(pacing, connection="xero", clock=clock, ledger=store)


def spend(one, count):
    for _ in range(count):
        with one.slot():
            pass


def test_a_days_budget_spent_is_still_spent_when_the_connection_is_opened_again(store, clock):
    first = pacer(store, clock)
    spend(first, 100)
    first.tell()
    with pytest.raises(RateLimited) as refused, pacer(store, clock).slot():
        pass
    assert refused.value.retry_after == pytest.approx(86_400, abs=20)


def test_calls_of_a_day_ago_are_given_back(store, clock):
    first = pacer(store, clock)
    spend(first, 100)
    first.tell()
    clock.advance(timedelta(seconds=86_420))
    spend(pacer(store, clock), 100)


def test_two_openings_side_by_side_learn_of_each_other(store, clock):
    one, other = pacer(store, clock), pacer(store, clock)
    spend(one, 60)  # told at 25 and 50
    one.tell()
    spend(other, TOLD_EVERY)
    with pytest.raises(RateLimited):
        spend(other, 100 - 60)
    other.tell()
    assert sum(store.calls_since("xero", NOW).values()) <= 100 + TOLD_EVERY


def test_what_a_pacer_told_is_not_held_against_it_twice(store, clock):
    one = pacer(store, clock)
    for _ in range(4):
        spend(one, 25)
        one.tell()
    assert sum(store.calls_since("xero", NOW).values()) == 100


def test_calls_are_counted_later_where_the_store_cannot_write_now(store, clock, monkeypatch):
    one = pacer(store, clock)
    spend(one, 3)
    with monkeypatch.context() as patch:
        patch.setattr(store, "count_calls", lambda *_: (_ for _ in ()).throw(StoreError("the disk is full")))
        one.tell()
    one.tell()
    assert sum(store.calls_since("xero", NOW).values()) == 3


def test_another_connections_calls_do_not_count(store, clock):
    spend(first := pacer(store, clock), 100)
    first.tell()
    spend(Pacer(DAILY, connection="other", clock=clock, ledger=store), 100)
    assert store.calls_by_connection(NOW)["xero"] == 100


def test_old_slots_are_forgotten(store, clock):
    spend(first := pacer(store, clock), 10)
    first.tell()
    clock.advance(timedelta(seconds=2 * 86_400))
    spend(second := pacer(store, clock), 1)
    second.tell()
    assert sum(store.calls_since("xero", NOW).values()) == 1
