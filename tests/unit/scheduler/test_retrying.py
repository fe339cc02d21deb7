"""When a failed job is tried again: ever later, never beyond its next tick, not where a person must act first."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import AuthExpired, RateLimited, StoreBusy, Transient
from scheduler.engine.retrying import Again, BackOff, retry_after, since

NOW = 1_800_000_000.0
TICK = int(NOW * 1000)


def transient(retry_after=None):
    return Transient("no answer", connection="books", retry_after=retry_after)


def test_each_attempt_waits_longer_and_none_beyond_the_next_tick():
    waits = [retry_after(transient(), attempts, TICK, 900.0, NOW) for attempts in range(9)]
    assert waits == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]
    assert retry_after(transient(), 6, TICK, 900.0, NOW + 601) is None
    assert retry_after(transient(), 0, TICK, 4.0, NOW) is None


def test_a_vendors_own_word_counts():
    assert retry_after(transient(60.0), 0, TICK, 900.0, NOW) == 60.0
    assert retry_after(RateLimited("slow down", connection="books", retry_after=3600.0), 0, TICK, 900.0, NOW) is None


@pytest.mark.parametrize("error", [None, AuthExpired("gone", connection="books")])
def test_what_a_person_must_mend_is_not_tried_again(error):
    assert retry_after(error, 0, TICK, 900.0, NOW) is None


def test_a_tenant_that_cannot_be_opened_is_tried_again_for_a_minute_however_late_its_tick_is():
    late = NOW + 500.0
    waits = [retry_after(StoreBusy("locked"), attempts, TICK, since(TICK, late) + 60.0, late) for attempts in range(5)]
    assert waits == [5.0, 10.0, 20.0, 40.0, None]


def test_a_busy_store_is_tried_again():
    assert retry_after(StoreBusy("locked"), 0, TICK, 900.0, NOW) == 5.0


def test_a_job_cut_off_by_a_stop_goes_back_at_once():
    decide = BackOff().get_retry_decision
    assert decide(exception=asyncio.CancelledError(), job=None).retry_at is not None
    assert decide(exception=Again(7.2), job=None).retry_at is not None
    assert decide(exception=ValueError(), job=None) is None
