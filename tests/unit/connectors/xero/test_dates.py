"""Xero's dates, in every form the vendor's pages and recordings show."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.xero.dates import header_time, parse_day, parse_instant


@pytest.mark.reliability("xero:T11")
def test_every_documented_form_is_read(shared: Path) -> None:
    cases = json.loads((shared / "fixtures/xero/docs_examples/date_strings.json").read_text())["cases"]
    assert len(cases) >= 9
    for case in cases:
        if "utc" in case:
            assert parse_instant(case["in"]) == datetime.fromisoformat(case["utc"]), case
        elif "local_date" in case or "date" in case:
            assert parse_day(case["in"]) == date.fromisoformat(case.get("local_date") or case["date"]), case
        else:
            assert parse_instant(case["in"]) is None
            assert parse_day(case["in"]) is None


@pytest.mark.reliability("xero:T11")
def test_a_day_is_never_moved_to_another_zone() -> None:
    midnight_in_auckland = "/Date(1419937200000+1300)/"
    assert parse_day(midnight_in_auckland) == date(2014, 12, 31)
    assert parse_instant(midnight_in_auckland) == datetime(2014, 12, 30, 11, 0, tzinfo=UTC)
    assert parse_day("/Date(1741478400000-0500)/") == date(2025, 3, 8)  # behind UTC, on the eve of a clock change


def test_the_text_twin_wins_and_a_broken_one_is_passed_over() -> None:
    assert parse_day("/Date(0+0000)/", "2026-05-01T00:00:00") == date(2026, 5, 1)
    assert parse_day("/Date(0+0000)/", "soon") == date(1970, 1, 1)


@pytest.mark.parametrize("text", ["/Date(soon)/", "tomorrow", "/Date(99999999999999999)/", "/Date(1)"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_instant(text)
    with pytest.raises(ValueError, match=r".+"):
        parse_day(text)


@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants bare bounds
)
def test_instants_survive_the_wire_form(instant: datetime) -> None:
    whole = instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    milliseconds = round((whole - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    assert parse_instant(f"/Date({milliseconds}+0000)/") == whole
    assert parse_day(f"/Date({milliseconds})/") == whole.date()


@pytest.mark.reliability("xero:T5")
def test_the_header_form_is_the_documented_one() -> None:
    assert header_time(datetime(2026, 5, 5, 12, 0, 1, 999_000, tzinfo=UTC)) == "2026-05-05T12:00:01"
    assert header_time(datetime.fromisoformat("2026-05-05T12:00:00+12:00")) == "2026-05-05T00:00:00"
