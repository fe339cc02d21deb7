"""KPI vectors of the product notes, exactly; and the properties that an upside-down formula cannot have."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analytics.kpis import (
    MonthSales,
    at_risk_rate,
    average_days_delinquent,
    best_possible_dso,
    collection_effectiveness,
    dso,
    dso_countback,
)

AMOUNT = st.integers(1, 10**9)


def every_kpi():
    return (
        dso(5_000_000, 20_000_000, 30),
        dso_countback(5_000_000, [MonthSales(30, 20_000_000)]),
        best_possible_dso(3_000_000, 20_000_000, 30),
        average_days_delinquent(5_000_000, 3_000_000, 20_000_000, 30),
        collection_effectiveness(620_000, 1_089_000, 3, 634_000, 359_000),
        at_risk_rate(1_000_000, 50_000),
    )


@pytest.mark.req("E47")
def test_dso_of_the_vector_is_seven_and_a_half_days_and_never_the_inverted_one():
    assert dso(5_000_000, 20_000_000, 30).value == Decimal("7.5")
    assert dso(5_000_000, 20_000_000, 30).value != Decimal(20_000_000) / Decimal(5_000_000) * 30


@pytest.mark.req("E47")
@given(AMOUNT, AMOUNT, st.integers(1, 366))
def test_more_owed_is_more_days_and_more_sold_is_fewer(owed, sold, days):
    """The inverted ratio moves the other way both times."""
    figure = dso(owed, sold, days).value
    assert dso(owed * 2, sold, days).value >= figure >= dso(owed, sold * 2, days).value
    assert dso(0, sold, days).value == 0


@pytest.mark.req("E47")
def test_cei_of_the_vector_is_55_9_percent():
    figure = collection_effectiveness(begin=620_000, sales=1_089_000, months=3, end=634_000, current=359_000)
    assert figure.value == Decimal("55.93")
    assert round(figure.value, 1) == Decimal("55.9")
    assert "not past due" in figure.convention


@pytest.mark.req("E47")
@pytest.mark.parametrize("figure", every_kpi(), ids=lambda figure: figure.name)
def test_every_figure_comes_with_formula_inputs_and_convention(figure):
    assert figure.value is not None
    assert figure.formula
    assert figure.inputs
    assert figure.convention
    assert figure.unit in ("days", "%")


@pytest.mark.parametrize(
    ("owed", "months", "days"),
    [
        (0, [(30, 100)], "0"),
        (50, [(30, 100)], "15"),
        (150, [(31, 100), (28, 100)], "45"),
        (150, [(10, 0), (31, 100), (28, 100)], "55"),  # a month without sales passes by whole
        (500, [(31, 100), (28, 100)], "59"),
    ],
)
def test_countback_takes_whole_months_newest_first_and_the_last_pro_rata(owed, months, days):
    assert dso_countback(owed, [MonthSales(*month) for month in months]).value == Decimal(days)


def test_countback_says_when_more_is_owed_than_was_ever_sold():
    assert "at least" in dso_countback(500, [MonthSales(31, 100)]).note
    assert dso_countback(100, [MonthSales(31, 100)]).note == ""


@given(AMOUNT, AMOUNT, AMOUNT, st.integers(1, 366))
def test_days_delinquent_are_dso_less_the_best_possible(owed, current, sold, days):
    whole = owed + current
    parts = dso(whole, sold, days).value - best_possible_dso(current, sold, days).value
    assert abs(average_days_delinquent(whole, current, sold, days).value - parts) <= Decimal("0.01")


def test_no_sales_is_no_figure_and_says_why():
    for figure in (dso(100, 0, 30), best_possible_dso(100, 0, 30), average_days_delinquent(100, 50, 0, 30), at_risk_rate(0, 0)):
        assert figure.value is None
        assert figure.note


def test_at_risk_is_the_share_of_what_was_invoiced():
    assert at_risk_rate(1_000_000, 50_000).value == Decimal(5)
