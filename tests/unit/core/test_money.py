"""Money is exact, knows its currency's decimals, and never mixes currencies."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import Money, MoneyError, total, totals

CURRENCIES = ("USD", "JPY", "KWD", "EUR", "CLF")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("10.50", "USD", 1050),
        ("10.5", "usd", 1050),
        ("-0.01", "USD", -1),
        ("100", "JPY", 100),
        ("100.00", "JPY", 100),
        ("1.234", "KWD", 1234),
        ("1e3", "USD", 100000),
        (" 7 ", "EUR", 700),
    ],
)
def test_an_amount_is_read_exactly(text, currency, minor):
    assert Money.parse(text, currency).minor == minor


@pytest.mark.parametrize(
    ("text", "currency"), [("0.001", "USD"), ("1.5", "JPY"), ("NaN", "USD"), ("inf", "USD"), ("", "USD"), ("1,5", "USD")]
)
def test_an_amount_that_cannot_be_exact_is_refused(text, currency):
    with pytest.raises(MoneyError):
        Money.parse(text, currency)


@pytest.mark.parametrize("code", ["US", "USDX", "", "12A"])
def test_a_word_that_is_no_currency_is_refused(code):
    with pytest.raises(MoneyError):
        Money.parse("1", code)


def test_two_currencies_are_never_added_or_compared():
    with pytest.raises(MoneyError):
        Money(1, "USD") + Money(1, "EUR")
    with pytest.raises(MoneyError):
        _ = Money(1, "USD") < Money(1, "EUR")


@given(st.integers(-(10**14), 10**14), st.sampled_from(CURRENCIES))
def test_an_amount_survives_its_decimal_form(minor, currency):
    money = Money(minor, currency)
    assert Money.parse(money.decimal, currency) == money
    assert Money.parse(str(money.decimal), currency) == money


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), st.sampled_from(CURRENCIES))))
def test_totals_per_currency_lose_nothing(pairs):
    amounts = [Money(minor, code) for minor, code in pairs]
    sums = totals(amounts)
    for code in CURRENCIES:
        expected = sum(item.minor for item in amounts if item.currency == code)
        assert sums.get(code, Money.zero(code)).minor == expected


def test_a_total_of_nothing_is_zero():
    assert total([], "USD") == Money(0, "USD")
    assert Money(1234567, "USD").decimal == Decimal("12345.67")
    assert str(Money(-1234567, "JPY")) == "-1,234,567 JPY"
