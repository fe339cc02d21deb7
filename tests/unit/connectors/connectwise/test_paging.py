"""Cursors, fingerprints and conditions: pure and small."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.connectwise import conditions, paging
from connectors.connectwise.paging import Place
from core.records import Cursor

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
DAILY = timedelta(days=1)


def row(number, updated="2026-05-01T00:00:00Z", balance=5):
    return {"id": number, "balance": balance, "_info": {"lastUpdated": updated}}


@given(st.sets(st.integers(1, 10**9), max_size=400))
@settings(max_examples=60)
def test_a_watch_survives_its_cursor_or_says_that_it_is_too_large(ids):
    made = paging.watch([row(number) for number in ids])
    place = paging.read(paging.write(paging.remember(Place(), made)))
    assert paging.remembered(place) == made
    assert made.ids is None or made.ids == ids
    assert len(place.open_ids) <= paging.IDS_MOST


def test_a_full_cursor_stays_within_a_kilobyte():
    seen = paging.note_seen("", [row(n) for n in range(paging.SEEN_MOST)], watermark="2026-05-01T00:00:00Z", overlap=900)
    ids = [10**9 + n * n * 37 for n in range(1000)]
    most = next(n for n in range(1, 1000) if paging.watch([row(i) for i in ids[: n + 1]]).ids is None)
    place = Place(
        listing=False, after=10**11, watermark="2026-05-01T00:00:00Z", upto="2026-05-01T00:00:00Z", swept="2026-05-01T00:00:00Z",
        overlap=86_400, seen=seen, started=True,
    )  # fmt: skip
    cursor = paging.write(paging.remember(place, paging.watch([row(number) for number in ids[:most]])))
    assert len(seen) == paging.SEEN_MOST * 4
    assert len(cursor) <= 1024


@pytest.mark.parametrize(
    "cursor", [None, "", "garbage", "[]", "7", '{"after":"x"}', '{"watermark":7}', '{"seen":"x"}', '{"seen":7}', '{"unknown":1}']
)
def test_a_cursor_that_is_not_ours_begins_anew(cursor):
    assert paging.read(None if cursor is None else Cursor(cursor)) == Place()


def test_a_listing_is_due_after_its_time_and_an_unfinished_pass_goes_on():
    done = Place(listing=False, watermark="2026-05-05T00:00:00Z", swept="2026-05-05T00:00:00Z", overlap=900)
    assert not paging.begin(done, now=NOW, sweep_every=DAILY).listing
    assert paging.begin(done, now=NOW + DAILY, sweep_every=DAILY) == Place(swept="2026-05-06T12:00:00Z", overlap=900)
    half = Place(after=5, swept="2026-05-01T00:00:00Z", upto="2026-05-01T00:00:00Z", started=True)
    assert paging.begin(half, now=NOW, sweep_every=DAILY) == half


@given(st.integers(0, 200), st.sets(st.integers(0, 199), max_size=5))
@settings(max_examples=60)
def test_few_or_many_rows_of_the_overlap_come_once_and_changed_ones_again(count, touched):
    many = [row(number) for number in range(count)]
    seen = paging.note_seen("", many, watermark="2026-05-01T00:00:00Z", overlap=900)
    place = Place(watermark="2026-05-01T00:00:00Z", overlap=900, seen=seen)
    assert paging.news(many, place) == []
    assert seen.startswith(paging.OVERFLOW) == (count > paging.SEEN_MOST)
    changed = [row(n, "2026-05-01T00:05:00Z") if n in touched else row(n) for n in range(count)]
    found = {item["id"] for item in paging.news(changed, place)}
    assert found >= touched & set(range(count))
    assert len(found) <= len(touched) * (1 if count <= paging.SEEN_MOST else 40)


def test_noting_page_by_page_is_noting_all():
    many = [row(number) for number in range(130)]
    whole = paging.note_seen("", many, watermark="2026-05-01T00:00:00Z", overlap=900)
    seen = ""
    for at in range(0, 130, 20):
        seen = paging.note_seen(seen, many[at : at + 20], watermark="2026-05-01T00:00:00Z", overlap=900)
    assert seen == whole


def test_a_row_that_does_not_say_when_it_changed_is_always_news():
    place = Place(watermark="2026-05-01T00:00:00Z", overlap=900)
    assert paging.news([{"id": 1}], place) == [{"id": 1}]
    assert paging.is_open({"id": 1})


# ── conditions ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("connectwise:20")
def test_five_thousand_ids_are_split_into_conditions_that_fit_a_url():
    ids = list(range(700_000, 705_000))
    batches = list(conditions.among("id", ids))
    assert all(len(quote(batch)) <= 1500 for batch in batches)
    found = [int(number) for batch in batches for number in batch.removeprefix("id in (").rstrip(")").split(",")]
    assert found == ids


TEXTS = [("plain", '"plain"'), ("O'Neil", '"O\'Neil"'), ('12" rack', "'12\" rack'"), ("a & b %", '"a & b %"')]


@pytest.mark.parametrize(("value", "wanted"), TEXTS)
def test_text_is_quoted_with_the_quote_it_does_not_hold(value, wanted):
    assert conditions.text(value) == wanted


@pytest.mark.parametrize("value", ["both ' and \"", "line\nbreak"])
def test_text_that_cannot_be_asked_for_is_refused(value):
    with pytest.raises(ValueError, match=r"cannot hold|no way"):
        conditions.text(value)


def test_an_instant_has_whole_seconds_and_z():
    assert conditions.instant(NOW.astimezone()) == "[2026-05-05T12:00:00Z]"


def test_joined_conditions_keep_their_meaning():
    assert conditions.every("a = 1", None, "", conditions.some("b = 2", "c = 3")) == "(a = 1) and ((b = 2) or (c = 3))"
    assert conditions.every("a = 1") == "a = 1"
