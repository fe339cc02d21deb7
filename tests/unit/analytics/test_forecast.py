"""Expected payment dates: from the client's own past, never a past day, honest about how sure; better than simple rules."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analytics.forecast import Payers, backtest, cash, cash_by_client, expected_payments
from core.analytics.history import histories
from tests.corpus.score_expected import LAST_DAY, sample_history
from tests.unit.analytics.ledgers import TODAY, books, client, invoice, monthly


def history(*clients, as_of=TODAY):
    return next(iter(histories(books(*clients), as_of).values()))


def waiting(party="p", *, issued_on=TODAY - timedelta(days=10), total=10_000, **more):
    return (invoice(f"open-{party}-{issued_on}", party, issued_on=issued_on, total=total, **more), None)


def expected(*clients):
    _, found = expected_payments(history(*clients), TODAY)
    return {item.line.invoice.ref: item for item in found}


def test_each_client_is_expected_at_its_own_pace():
    prompt = client("p", [*monthly("p", 18, late=-20), waiting("p")])
    slow = client("q", [*monthly("q", 18, late=15), waiting("q")])
    found = expected(prompt, slow)
    due = TODAY + timedelta(days=20)
    assert found[f"open-p-{TODAY - timedelta(days=10)}"].expected_on < due
    assert found[f"open-q-{TODAY - timedelta(days=10)}"].expected_on > due
    assert "12 payments of its own" in found[f"open-q-{TODAY - timedelta(days=10)}"].basis


def test_a_client_without_a_past_is_expected_as_others_are_and_it_says_so():
    found = expected(client("p", monthly("p", 24, late=10)), client("q", monthly("q", 24, late=10)), client("n", [waiting("n")]))
    item = found[f"open-n-{TODAY - timedelta(days=10)}"]
    assert item.basis == "payments of other clients"
    assert abs((item.expected_on - (TODAY + timedelta(days=30))).days) <= 1


def test_too_few_payments_or_a_debt_older_than_anything_seen_is_not_forecast():
    few = expected(client("p", [*monthly("p", 3), waiting("p")]))
    assert {(item.expected_on, item.basis) for item in few.values()} == {(None, "too few payments known")}
    debt = waiting("p", issued_on=date(2024, 1, 1))
    old = expected(client("p", [*monthly("p", 24), debt]), client("q", monthly("q", 24)))
    assert old["open-p-2024-01-01"].expected_on is None
    assert "longer than anything" in old["open-p-2024-01-01"].basis


@pytest.mark.req("A61")
def test_an_automatic_charge_is_expected_on_its_day():
    day = TODAY + timedelta(days=4)
    found = expected(client("p", [*monthly("p", 3), waiting("p", autopay_on=day)]))
    assert found[f"open-p-{TODAY - timedelta(days=10)}"].expected_on == day


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-40, 90), st.integers(1, 10**6), st.integers(0, 300)), min_size=1, max_size=12))
def test_dates_lie_ahead_in_order_and_the_cash_adds_up_to_what_is_open(items):
    bills = [
        waiting(issued_on=TODAY - timedelta(days=age), total=total, number=str(n)) for n, (_, total, age) in enumerate(items)
    ]
    past = client("q", [pair for n, (late, _, _) in enumerate(items) for pair in monthly(f"q{n}", 24, late=late)])
    payers, found = expected_payments(history(client("p", bills), past), TODAY)
    for item in found:
        if item.expected_on is not None:
            assert TODAY < item.earliest_on <= item.expected_on <= item.latest_on
    whole = cash(payers, found)
    assert sum(month.expected for month in whole.months) + whole.later + whole.unknown == sum(item.minor for item in found)
    assert all(month.low <= month.high for month in whole.months)
    parts = cash_by_client(payers, found)
    assert sum(part.unknown for part in parts) == whole.unknown


def test_nothing_after_the_day_is_looked_at():
    late = client("p", [*monthly("p", 24, late=-10), waiting()])
    day = date(2025, 12, 31)
    early = Payers(history(late), day)
    cut = [(bill, paid) for bill, paid in monthly("p", 24, late=-10) if paid and paid <= day]
    assert early.deviations == Payers(history(client("p", cut)), day).deviations


def test_on_the_public_sample_it_beats_the_simple_rules_and_its_interval_is_honest(shared):
    score = backtest(sample_history(shared), LAST_DAY, months=24)
    assert score.forecasts > 2_000
    assert score.errors["forecast"] < 5.9
    assert score.errors["forecast"] < 0.96 * score.errors["client's mean delay"]
    assert score.errors["forecast"] < 0.7 * score.errors["due date"]
    assert 0.77 <= score.held <= 0.85


def test_the_reader_of_the_sample_agrees_with_its_stated_facts(shared):
    lines = sample_history(shared).lines
    assert len(lines) == 2466
    assert len({line.account for line in lines}) == 100
    assert sum(line.settled_on > line.due_on for line in lines) == 877
