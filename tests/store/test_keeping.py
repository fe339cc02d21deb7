"""Holds, promises, runs, switches and settings: kept as given, changed once, journaled."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.dunning.arrangements import Instalment, PaymentPlan
from core.errors import StoreError, UsageError
from core.holds import Hold, HoldKind
from core.money import Money
from core.outbox import Promise
from core.records import RecordKey, Ref, Stream
from core.store import Store
from core.store.plans import StoredPlan
from tests.store.world import BOOKS, NOW

LATER = NOW + timedelta(hours=1)
INVOICE = RecordKey(BOOKS, Stream.INVOICES, Ref("10"))
HOLD = Hold(id="h1", kind=HoldKind.DISPUTE, account="a", invoice=INVOICE, reason="wrong rate", placed_at=NOW, placed_by="ann")


def test_a_hold_comes_back_as_it_was_placed(store: Store) -> None:
    assert store.place_hold(HOLD)
    whole = replace(HOLD, id="h2", account="b", invoice=None, until=date(2026, 6, 1))
    assert store.place_hold(whole)
    assert store.holds() == (HOLD, whole)
    assert store.holds(account="b") == store.holds(accounts=["b", "c"]) == (whole,)


def test_placing_a_hold_twice_changes_nothing_not_even_after_it_was_lifted(store: Store) -> None:
    store.place_hold(HOLD)
    assert not store.place_hold(replace(HOLD, reason="other"))
    assert store.holds() == (HOLD,)
    store.lift_hold("h1", by="bob", now=LATER)
    assert not store.place_hold(HOLD)
    assert store.holds() == ()
    assert store.holds(include_lifted=True) == (replace(HOLD, lifted_at=LATER),)


def test_lifting_twice_keeps_the_first_moment(store: Store) -> None:
    store.place_hold(HOLD)
    store.lift_hold("h1", by="bob", now=LATER)
    assert store.lift_hold("h1", by="eve", now=LATER + timedelta(days=1)).lifted_at == LATER
    assert [(entry.kind, entry.actor) for entry in store.journal_entries()] == [("hold.placed", "ann"), ("hold.lifted", "bob")]


def test_lifting_nothing_says_so(store: Store) -> None:
    with pytest.raises(UsageError, match="no hold nope"):
        store.lift_hold("nope", by="bob", now=NOW)


def test_a_promise_is_taken_down_once(store: Store) -> None:
    promise = Promise(
        account="a", invoice=INVOICE, amount_minor=500, currency="USD", due_on=date(2026, 5, 20), made_at=NOW, made_by="ann"
    )
    assert store.add_promise(promise)
    assert not store.add_promise(promise)
    assert store.add_promise(replace(promise, account="b", invoice=None, amount_minor=None, currency=None))
    assert store.promises(account="a") == store.promises(accounts=["a"]) == (promise,)
    assert len(store.promises()) == 2


def test_a_run_has_a_beginning_and_an_end(store: Store) -> None:
    first = store.start_run("sync", NOW)
    second = store.start_run("review", LATER)
    store.finish_run(first, "ok", {"pages": 3}, LATER)
    newest, oldest = store.runs()
    assert (newest.id, newest.outcome) == (second, None)
    assert (oldest.job, oldest.outcome, dict(oldest.detail), oldest.finished_at) == ("sync", "ok", {"pages": 3}, LATER)
    assert [item.id for item in store.runs(job="sync")] == [first]
    assert store.forget_runs(LATER) == 1
    assert [item.id for item in store.runs()] == [second]


def test_a_switch_stays_thrown_until_it_is_put_back(store: Store) -> None:
    store.pause("all", by="ann", reason="looks odd", now=NOW)
    store.pause("all", by="bob", reason="other", now=LATER)
    pause = store.paused()["all"]
    assert (pause.by, pause.reason, pause.at) == ("ann", "looks odd", NOW)
    assert store.unpause("all", by="bob", now=LATER)
    assert not store.unpause("all", by="bob", now=LATER)
    assert store.paused() == {}
    assert [entry.kind for entry in store.journal_entries(subject="pause/all")] == ["paused", "unpaused"]


def test_a_setting_keeps_any_plain_value(store: Store) -> None:
    assert store.setting("watermark") is None
    store.put_setting("watermark", {"seq": 12, "names": ["ä"]})
    assert store.setting("watermark") == {"seq": 12, "names": ["ä"]}
    store.put_setting("watermark", None)
    assert store.setting("watermark") is None


# ── units ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_unit_commits_all_or_nothing(store: Store) -> None:
    def fail() -> None:
        with store.unit():
            store.place_hold(HOLD)
            store.put_setting("a", 1)
            assert store.setting("a") == 1
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        fail()
    assert (store.holds(), store.setting("a")) == ((), None)
    with store.unit(), store.unit():
        store.place_hold(HOLD)
        store.put_setting("a", 1)
    assert (store.holds(), store.setting("a")) == ((HOLD,), 1)


def test_a_snapshot_sees_one_moment_and_takes_no_write(store: Store, store_url: str, clock) -> None:
    from core.store import open_store

    other = open_store(store_url, clock=clock)
    with store.snapshot():
        assert store.setting("a") is None
        other.put_setting("a", 1)
        assert store.setting("a") is None
        with pytest.raises(StoreError, match="inside a read"):
            store.put_setting("a", 2)
    assert store.setting("a") == 1
    other.close()


PLAN = StoredPlan(
    id="p1",
    plan=PaymentPlan(
        account="a",
        invoices=(INVOICE,),
        instalments=(
            Instalment(due_on=date(2026, 6, 1), amount=Money(50_000, "USD")),
            Instalment(due_on=date(2026, 7, 1), amount=Money(25_050, "USD")),
        ),
        agreed_at=NOW,
        agreed_on=NOW.date() - timedelta(days=1),  # the organisation's day is not that of UTC
        breach_days=3,
        breach_rest=Money(100, "USD"),
    ),
    agreed_by="ann",
    note="by phone",
)


@pytest.mark.req("A95")
def test_a_plan_comes_back_as_it_was_agreed_and_once(store: Store) -> None:
    assert store.add_plan(PLAN)
    assert not store.add_plan(replace(PLAN, note="again"))
    assert store.plans() == store.plans("a") == store.plans(accounts=["a", "b"]) == (PLAN,)
    assert store.plans("b") == ()


def test_a_cancelled_plan_is_kept_but_no_longer_holds(store: Store) -> None:
    store.add_plan(PLAN)
    assert store.cancel_plan("p1", by="bob", now=LATER).cancelled_at == LATER
    assert store.cancel_plan("p1", by="eve", now=LATER + timedelta(days=1)).cancelled_at == LATER
    assert store.plans() == ()
    assert store.plans(include_cancelled=True) == (replace(PLAN, cancelled_at=LATER),)
    assert [(entry.kind, entry.actor) for entry in store.journal_entries()] == [("plan.agreed", "ann"), ("plan.cancelled", "bob")]


def test_a_plan_in_two_currencies_is_refused(store: Store) -> None:
    mixed = replace(PLAN.plan, breach_rest=Money(100, "EUR"))
    with pytest.raises(UsageError, match="one currency"):
        store.add_plan(replace(PLAN, plan=mixed))


def test_a_promise_taken_back_no_longer_counts_and_only_that_one(store: Store) -> None:
    word = Promise(
        account="a", invoice=INVOICE, amount_minor=None, currency=None, due_on=date(2026, 5, 20), made_at=NOW, made_by="ann"
    )
    whole = replace(word, invoice=None)
    other = replace(word, due_on=date(2026, 5, 21))
    for item in (word, whole, other):
        store.add_promise(item)
    assert store.withdraw_promises("a", INVOICE, date(2026, 5, 20), by="bob", now=LATER) == 1
    assert set(store.promises()) == {whole, other}
    assert store.withdraw_promises("a", None, date(2026, 5, 20), by="bob", now=LATER) == 1
    assert store.promises() == (other,)
