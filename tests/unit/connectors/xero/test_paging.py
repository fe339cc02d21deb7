"""Where a pull stands: cursors, windows, overlap and fingerprints, without a vendor."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.xero import paging
from connectors.xero.paging import EVERYTHING, Arrived, Place
from core.records import Cursor

NOW = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def page(*rows: tuple[bytes, datetime | None], last: bool = True, now: datetime = NOW) -> Arrived:
    return Arrived(rows=[row for row, _ in rows], updated=[at for _, at in rows], last_page=last, vendor_now=now)


def finished(*, at: datetime = NOW, lists: int = 1) -> Place:
    """A place after a listing of nothing."""
    place = paging.begin(Place(), now=at, every=DAY, lists=lists)
    for _ in range(lists):
        place = paging.after(place, page(now=at)).place
    return place


def caught_up(place: Place, *, at: datetime) -> Place:
    return paging.begin(place, now=at, every=DAY, lists=len(place.marks))


def test_the_first_pass_lists_then_catches_up_then_lists_again() -> None:
    place = finished()
    assert not place.started
    soon = caught_up(place, at=NOW + timedelta(minutes=15))
    assert (soon.listing, paging.since_of(soon)) == (False, NOW - paging.OVERLAP)
    assert caught_up(place, at=NOW + DAY).listing


def test_every_list_of_a_stream_has_its_turn() -> None:
    place = paging.begin(Place(), now=NOW, every=DAY, lists=3)
    more = []
    for index in range(3):
        assert place.index == index
        news = paging.after(place, page(now=NOW + timedelta(seconds=index)))
        place = news.place
        more.append(news.more)
    assert more == [True, True, False]
    assert len(set(place.marks)) == 3


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "3", '{"marks": 7}', '{"windows": [1]}', '{"since": "soon"}', '{"page": null, "x": 1}']
)
def test_a_cursor_that_is_not_ours_starts_over(text: str | None) -> None:
    place = paging.begin(paging.read(Cursor(text) if text is not None else None), now=NOW, every=DAY, lists=1)
    assert place.listing


@given(
    rows=st.lists(st.tuples(st.binary(min_size=1, max_size=30), st.datetimes(timezones=st.just(UTC))), max_size=200),
    last=st.booleans(),
)
def test_a_cursor_survives_text_and_stays_below_a_kilobyte(rows: list[tuple[bytes, datetime]], last: bool) -> None:
    safe = [(row, NOW - timedelta(minutes=at.minute)) for row, at in rows]
    place = caught_up(finished(), at=NOW + timedelta(minutes=1))
    news = paging.after(place, page(*safe, last=last))
    cursor = paging.write(news.place)
    assert paging.read(cursor) == news.place
    assert len(cursor) <= 1024


def test_the_overlap_hands_over_each_row_once_and_changes_again() -> None:
    place = caught_up(finished(), at=NOW)
    first = paging.after(place, page((b"a", NOW), (b"b", NOW)))
    assert first.rows == (b"a", b"b")
    later = NOW + timedelta(minutes=1)
    again = paging.after(caught_up(first.place, at=later), page((b"a", NOW), (b"b2", NOW), (b"c", later), now=later))
    assert again.rows == (b"b2", b"c")
    calm = paging.after(caught_up(again.place, at=later), page((b"a", NOW), (b"b2", NOW), (b"c", later), now=later))
    assert calm.rows == ()


@pytest.mark.reliability("xero:T7")
def test_a_catch_up_seeks_by_time_and_never_by_offset() -> None:
    place = caught_up(finished(), at=NOW)
    full = page((b"a", NOW), (b"b", NOW + timedelta(minutes=2)), last=False)
    news = paging.after(place, full)
    assert news.place.page == 1
    assert paging.since_of(news.place) == NOW + timedelta(minutes=2) - timedelta(seconds=1)


@pytest.mark.reliability("xero:T7")
def test_a_second_with_more_rows_than_a_page_is_passed_by_offset_and_a_stuck_vendor_is_noticed() -> None:
    full = page((b"a", NOW), (b"b", NOW), last=False)
    news = paging.after(caught_up(finished(), at=NOW), full)
    news = paging.after(news.place, full)  # sought to the same second: nothing new in it
    assert (news.rows, news.place.page, news.stalled) == ((), 2, False)
    news = paging.after(news.place, full)
    assert news.stalled


@pytest.mark.reliability("xero:T10")
def test_windows_cover_every_day_once_however_often_they_are_cut() -> None:
    place = paging.begin(Place(), now=NOW, every=DAY, lists=1)
    for _ in range(12):
        before = place.windows
        smaller = paging.split(place, NOW.date())
        place = smaller or paging.after(place, page()).place
        if smaller is not None:
            assert (place.windows[0][0], place.windows[1][1]) == before[0]
        if len(place.windows) % 3 == 0:
            place = paging.after(place, page()).place
    assert place.windows[-1][1] == ""
    for (_, end), (start, _) in zip(place.windows, place.windows[1:], strict=False):
        assert end == start != ""


def test_a_single_day_is_not_cut_and_bounds_are_in_the_vendors_words() -> None:
    place = Place(windows=(("2026-05-05", "2026-05-06"),))
    assert paging.split(place, date(2026, 5, 5)) is None
    assert paging.where_of(place) == "Date >= DateTime(2026, 5, 5) AND Date < DateTime(2026, 5, 6)"
    assert paging.where_of(Place(windows=(EVERYTHING,))) is None


def test_a_list_without_times_is_news_as_a_whole_or_not_at_all() -> None:
    place = caught_up(finished(), at=NOW)
    many = [(bytes([index]), None) for index in range(100)]
    first = paging.after(place, page(*many))
    assert len(first.rows) == 100
    assert paging.after(caught_up(first.place, at=NOW), page(*many)).rows == ()
    assert len(paging.after(caught_up(first.place, at=NOW), page(*many[1:])).rows) == 99


def test_a_cursor_holds_nothing_but_what_differs() -> None:
    assert json.loads(paging.write(Place())) == {}
