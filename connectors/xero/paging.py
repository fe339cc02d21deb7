"""Where a pull of Xero stands, and what of a page is news. Pure: a cursor in, what to ask and the next cursor out.

Two kinds of pass over the lists of a stream:

* a *listing* reads each list whole by `order=<ID> ASC`, which rows that change meanwhile cannot disturb; it begins a connection
  and comes again every day, for Xero says that DueDate, SentToContact and others change without UpdatedDateUTC. Where Xero
  answers HighVolume (above 100,000 rows) the list is read in windows of its Date, cut until each is small enough;
* a *catch-up* asks If-Modified-Since and for page 1, moving on from the last row's UpdatedDateUTC less a second: with offsets a
  row that changes between two pages moves to the end and shifts an unread one off the page.

The next catch-up asks from the vendor's own time at the start of this one, less OVERLAP (a row may become visible a little after
its UpdatedDateUTC). Fingerprints in the cursor drop what the overlap repeats: a pass without changes hands over nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta

from core.records import Cursor

OVERLAP = timedelta(minutes=5)
SEEN_MOST = 60  # fingerprints of six characters, twice: the cursor stays below a kilobyte
_WIDTH = 6
_YEAR = timedelta(days=365)
Window = tuple[str, str]  # first day and the day after the last, ISO; empty for no bound
EVERYTHING: Window = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cursor, opened. Instants are ISO text in UTC. `marks[i]` is from when the next catch-up asks for the i-th list."""

    listing: bool = True
    began: str = ""  # our time when this listing began; empty before the first
    index: int = 0  # which list of the stream
    page: int = 1
    windows: tuple[Window, ...] = (EVERYTHING,)  # of this list, still to be listed; the first is under way
    since: str = ""  # what the catch-up of this list asks next
    until: str = ""  # from when the next catch-up of this list asks, known after its first page
    last: str = ""  # fingerprint of the page before, to notice a vendor that answers the same page for ever
    marks: tuple[str, ...] = ()
    seen: str = ""  # fingerprints of rows inside the overlap that were handed over
    fresh: str = ""  # those of the pass under way
    started: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What a page brought, as far as paging is concerned: each row's bytes and UpdatedDateUTC, and the vendor's time."""

    rows: Sequence[bytes]
    updated: Sequence[datetime | None]
    last_page: bool
    vendor_now: datetime


@dataclass(frozen=True, slots=True)
class News:
    """The rows to hand over, the place after them, and whether the pass ends here."""

    rows: tuple[bytes, ...]
    place: Place
    more: bool
    stalled: bool = False  # the vendor answered the same full page again


def read(cursor: Cursor | None) -> Place:
    """The place a cursor names; the beginning for None and for text that is not ours."""
    try:
        data = json.loads(cursor or "{}")
        place = Place(**{key: value for key, value in data.items() if key in Place.__dataclass_fields__})
        windows = tuple((str(first), str(end)) for first, end in place.windows)
        place = replace(place, windows=windows, marks=tuple(str(mark) for mark in place.marks))
        for text in filter(None, (place.began, place.since, place.until, *place.marks)):
            datetime.fromisoformat(text)
    except (AttributeError, TypeError, ValueError):
        return Place()
    return place


def write(place: Place) -> Cursor:
    """The cursor of a place: only what differs from the beginning is written."""
    blank = asdict(Place())
    kept = {key: value for key, value in asdict(place).items() if value != blank[key]}
    return Cursor(json.dumps(kept, separators=(",", ":")))


def begin(place: Place, *, now: datetime, every: timedelta, lists: int) -> Place:
    """Where to go on: a pass under way goes on; after a finished one a catch-up starts, or a listing when one is due."""
    if place.started:
        return place
    due = not place.began or now - datetime.fromisoformat(place.began) >= every
    if due or len(place.marks) != lists:
        return Place(began=now.astimezone(UTC).isoformat(timespec="seconds"), marks=("",) * lists)
    return replace(place, listing=False, index=0, page=1, since=place.marks[0])


def since_of(place: Place) -> datetime | None:
    """What If-Modified-Since says now; None in a listing."""
    return None if place.listing else datetime.fromisoformat(place.since)


def where_of(place: Place) -> str | None:
    """The `where` of the window under way; None when it is unbounded. Ranges over Date are optimised by Xero."""
    first, end = place.windows[0] if place.listing else EVERYTHING
    terms = [f"Date >= DateTime({_parts(first)})"] if first else []
    terms += [f"Date < DateTime({_parts(end)})"] if end else []
    return " AND ".join(terms) or None


def _parts(day: str) -> str:
    return ", ".join(str(int(part)) for part in day.split("-"))


def split(place: Place, today: date) -> Place | None:
    """The place with the window under way cut in two; None when it cannot be cut further."""
    first, end = place.windows[0]
    if first and end:
        start, stop = date.fromisoformat(first), date.fromisoformat(end)
        middle = start + (stop - start) // 2
        if middle <= start:
            return None
    elif end:
        middle = date.fromisoformat(end) - _YEAR
    elif first:
        middle = date.fromisoformat(first) + _YEAR / 2
    else:
        middle = today - _YEAR
    if not date(1900, 1, 2) < middle < date(2200, 1, 1):
        return None
    cut = middle.isoformat()
    return replace(place, windows=((first, cut), (cut, end), *place.windows[1:]), page=1)


def after(place: Place, arrived: Arrived) -> News:
    """What of this page is news, and the place behind it."""
    until = place.until or _text(arrived.vendor_now - OVERLAP)
    prints = _fingerprints(arrived.rows, arrived.updated)
    known = frozenset() if place.listing else frozenset(_pieces(place.seen)) | frozenset(_pieces(place.fresh))
    rows = tuple(row for row, mark in zip(arrived.rows, prints, strict=True) if mark not in known)
    kept = _pieces(place.fresh) + _worth_keeping(prints, arrived, until)
    place = replace(place, until=until, started=True, fresh="".join(dict.fromkeys(kept[-SEEN_MOST:])))
    if arrived.last_page:
        return _next_list(place, rows)
    page = _digest(b"\x00".join(arrived.rows))
    if page == place.last and place.page > 1:
        return News((), place, more=True, stalled=True)
    if page == place.last:  # a full page within one second: seeking cannot pass it, the next offset can
        return News((), replace(place, page=2), more=True)
    return News(rows, _next_page(replace(place, last=page), arrived), more=True)


def _next_page(place: Place, arrived: Arrived) -> Place:
    """Behind a full page: the next offset of a listing, or the catch-up moved on to the last row's second less one."""
    last = None if place.listing or not arrived.updated else arrived.updated[-1]
    if last is not None:
        moved = _text(last.replace(microsecond=0) - timedelta(seconds=1))
        if moved > place.since:
            return replace(place, since=moved, page=1)
    return replace(place, page=place.page + 1)


def _next_list(place: Place, rows: tuple[bytes, ...]) -> News:
    """Behind the last page of a list or window: the next window, the next list, or the end of the pass."""
    if place.listing and len(place.windows) > 1:
        return News(rows, replace(place, windows=place.windows[1:], page=1, last=""), more=True)
    index = place.index
    marks = (*place.marks[:index], place.until, *place.marks[index + 1 :])
    fresh_start = replace(place, marks=marks, windows=(EVERYTHING,), page=1, last="", until="")
    if index + 1 < len(marks):
        since = "" if place.listing else marks[index + 1]
        return News(rows, replace(fresh_start, index=index + 1, since=since), more=True)
    done = replace(fresh_start, listing=False, index=0, since="", started=False, seen=place.fresh, fresh="")
    return News(rows, done, more=False)


# ── fingerprints ────────────────────────────────────────────────────────────────────────────────────────────────────────
def _fingerprints(rows: Sequence[bytes], updated: Sequence[datetime | None]) -> list[str]:
    """One per row. A list without times has one for all its rows: it is news as a whole or not at all."""
    if rows and not any(updated):
        return [_digest(b"\x00".join(rows))] * len(rows)
    return [_digest(row) for row in rows]


def _worth_keeping(prints: Sequence[str], arrived: Arrived, until: str) -> list[str]:
    """Fingerprints of rows that will be answered again: those inside the overlap, and of the last second of this page."""
    times = [time for time in arrived.updated if time is not None]
    edge = _text(max(times) - timedelta(seconds=2)) if times and not arrived.last_page else until
    floor = min(edge, until)
    pairs = zip(prints, arrived.updated, strict=True)
    return [mark for mark, time in pairs if time is None or _text(time) >= floor]


def _pieces(text: str) -> list[str]:
    return [text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH)]


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.blake2b(content, digest_size=6).digest()).decode()[:_WIDTH]


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")
