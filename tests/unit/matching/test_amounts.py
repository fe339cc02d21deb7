"""Amounts that people typed are read right or not at all."""

from __future__ import annotations

import pytest

from core.matching.amounts import parse_amount


@pytest.mark.req("E48")
@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("100 000", "USD", 10_000_000),
        ("100\u00a0000", "SEK", 10_000_000),
        ("1\u202f234,56", "EUR", 123_456),
        ("1.234,56", "EUR", 123_456),
        ("1,234.56", "USD", 123_456),
        ("1'234.50", "CHF", 123_450),
        ("1’234.50", "CHF", 123_450),
        ("₹1,00,000.00", "INR", 10_000_000),
        ("12,34,56,789", "INR", 12_345_678_900),
        ("1.234.567", "EUR", 123_456_700),
        ("1,234,567.8", "USD", 123_456_780),
        ("$ 12", "USD", 1200),
        ("12,50 €", "EUR", 1250),
        ("EUR 12,5", "EUR", 1250),
        ("12.50 CHF", "CHF", 1250),
        ("1'200.-", "CHF", 120_000),
        ("-12.50", "USD", -1250),
        ("12.50-", "USD", -1250),
        ("(12.50)", "USD", -1250),
        ("+7", "USD", 700),
        (".50", "USD", 50),
        ("1,234", "USD", 123_400),
        ("1.234", "EUR", 123_400),
        ("1 234", "JPY", 1234),
        ("¥1,234", "JPY", 1234),
        ("12.345", "JPY", 12_345),
        ("1,234.567", "KWD", 1_234_567),
        ("0.500", "KWD", 500),
        ("10.500", "USD", 1_050_000),
    ],
)
def test_separators_of_any_locale_are_read_exactly(text: str, currency: str, minor: int) -> None:
    found = parse_amount(text, currency)
    assert found is not None
    assert (found.minor, found.currency) == (minor, currency)


@pytest.mark.req("E48")
@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "USD"),
        ("abc", "USD"),
        ("12.34.56", "USD"),
        ("1,23,4", "USD"),
        ("1.234", "KWD"),
        ("1,234", "KWD"),
        ("0.123", "USD"),
        ("1,234,56", "EUR"),
        ("1.2.3,4", "EUR"),
        ("--5", "USD"),
        ("(-5)", "USD"),
        ("1 2 3", "USD"),
        ("10 00", "USD"),
        ("1e5", "USD"),
        ("NaN", "USD"),
        ("=1+1", "USD"),
        ("1,234.5678", "USD"),
    ],
)
def test_what_cannot_be_read_without_guessing_is_not_read(text: str, currency: str) -> None:
    assert parse_amount(text, currency) is None
