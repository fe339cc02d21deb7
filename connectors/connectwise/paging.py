"""Where a pull stands, and what of a page is news. Pure: a cursor in, decisions and the next cursor out.

Two kinds of pass. A *listing* reads everything by rising id (forward-only paging, brief 1.5) and ends with a watermark that was
asked for before it began. A *catch-up* asks for `lastUpdated` after the watermark less an overlap, and for every document with
money open, because applying a payment may not move `lastUpdated` (UNCONFIRMED, brief 1.9). A watermark is a time seen in data.

The cursor also remembers, in a few hundred characters, which rows of the overlap were handed over already and how the open
documents looked: a pass without changes hands over nothing, and a document that silently left the open ones is asked for by id.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.connectwise import rows
from connectors.connectwise.rows import Row
from core.records import Cursor

BUCKETS = 32
SEEN_MOST = 50  # rows remembered one by one, four characters each
WINDOW_BUCKETS = 32
IDS_MOST = 400  # characters of packed ids: some 300 open documents
OVERFLOW = "!"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cursor, opened. Times are ISO text in UTC as the vendor wrote them; `swept` is ours, when the last listing began."""

    listing: bool = True
    after: int = 0  # last id handed over in this pass
    watermark: str = ""  # where the last finished pass ended
    upto: str = ""  # where this pass will end
    swept: str = ""
    overlap: int = 0  # seconds; 0: not yet known
    seen: str = ""  # rows inside the overlap that were handed over
    open_ids: str = ""  # documents with money open, packed
    open_sums: str = ""  # one checksum per bucket of ids over them
    started: bool = False  # a page of this pass was handed over


def read(cursor: Cursor | None) -> Place:
    """The place a cursor names; the beginning for None and for text that is not ours (an older release, say)."""
    try:
        data = json.loads(cursor or "{}")
        known = {key: data[key] for key in data if key in Place.__dataclass_fields__}
        place = Place(**known)
        _unpacked(place.seen.removeprefix(OVERFLOW))
    except (AttributeError, TypeError, ValueError):
        return Place()
    sound = isinstance(place.after, int) and isinstance(place.overlap, int) and isinstance(place.watermark, str)
    return place if sound else Place()


def write(place: Place) -> Cursor:
    """The cursor of a place: only what differs from the beginning is written."""
    blank = asdict(Place())
    kept = {key: value for key, value in asdict(place).items() if value != blank[key]}
    return Cursor(json.dumps(kept, separators=(",", ":")))


def begin(place: Place, *, now: datetime, sweep_every: timedelta) -> Place:
    """The place to go on from: an unfinished pass goes on; after a finished one comes a catch-up, or a listing if due."""
    if place.started:
        return place
    swept = rows.read_instant(place.swept) if place.swept else None
    if not place.watermark or swept is None or now - swept >= sweep_every:
        return Place(swept=f"{now:%Y-%m-%dT%H:%M:%SZ}", overlap=place.overlap)
    return replace(place, listing=False, after=0, upto=place.watermark, started=False)


def floor(place: Place) -> datetime | None:
    """The instant after which a catch-up asks; None when there is no watermark."""
    at = rows.read_instant(place.watermark)
    return None if at is None else at - timedelta(seconds=place.overlap)


def finish(place: Place) -> Place:
    """The place after the last page of a pass."""
    return replace(place, listing=False, started=False, after=0, watermark=place.upto, upto="")


# ── what is news ────────────────────────────────────────────────────────────────────────────────────────────────────────
def stamp(row: Row) -> str:
    """When the vendor last changed the row; empty where it does not say."""
    found = rows.find(row, "_info.lastUpdated")
    return found if isinstance(found, str) else ""


def row_id(row: Any) -> int:
    """The row's id; 0 where it has none."""
    found = row.get("id") if isinstance(row, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _print_of(row: Row) -> int:
    """24 bits that stand for a row as it is. All of it: `lastUpdated` has seconds, and two changes fit into one."""
    return int.from_bytes(hashlib.blake2s(rows.encode(row), digest_size=3).digest(), "big")


def _packed(numbers: Iterable[int]) -> str:
    return base64.urlsafe_b64encode(b"".join(number.to_bytes(3, "big") for number in numbers)).decode()


def _unpacked(text: str) -> list[int]:
    data = base64.urlsafe_b64decode(text)
    return [int.from_bytes(data[at : at + 3], "big") for at in range(0, len(data), 3)]


def _within(page: Iterable[Row], bound: datetime) -> list[tuple[Row, int]]:
    """The rows changed after `bound`, each with its fingerprint."""
    return [(row, _print_of(row)) for row in page if (at := rows.read_instant(stamp(row))) is not None and at > bound]


def _window_sums(prints: Iterable[int], start: Sequence[int] = ()) -> list[int]:
    sums = list(start) or [0] * WINDOW_BUCKETS
    for value in prints:
        sums[value % WINDOW_BUCKETS] ^= value
    return sums


def note_seen(seen: str, page: Iterable[Row], *, watermark: str, overlap: int) -> str:
    """`seen` and the rows of `page` that the next catch-up will be shown again because of the overlap.

    Few rows are remembered one by one; many (a bulk edit) only by a checksum per bucket, after the mark OVERFLOW.
    """
    limit = rows.read_instant(watermark)
    if limit is None:
        return seen
    fresh = [value for _, value in _within(page, limit - timedelta(seconds=overlap))]
    if seen.startswith(OVERFLOW):
        return OVERFLOW + _packed(_window_sums(fresh, _unpacked(seen[1:])))
    known = [*_unpacked(seen), *fresh]
    return _packed(known) if len(known) <= SEEN_MOST else OVERFLOW + _packed(_window_sums(known))


def news(page: Sequence[Row], place: Place) -> list[Row]:
    """The rows of a whole catch-up that were not handed over as they are. What does not say when it changed always is news."""
    bound = floor(place)
    if bound is None:
        return list(page)
    timeless = [row for row in page if rows.read_instant(stamp(row)) is None]
    inside = _within(page, bound)
    known = _unpacked(place.seen.removeprefix(OVERFLOW))
    if not place.seen.startswith(OVERFLOW):
        prints = frozenset(known)
        return [*timeless, *(row for row, value in inside if value not in prints)]
    now = _window_sums(value for _, value in inside)
    changed = {bucket for bucket, value in enumerate(now) if known[bucket : bucket + 1] != [value]}
    return [*timeless, *(row for row, value in inside if value % WINDOW_BUCKETS in changed)]


def later(first: str, second: str) -> str:
    """The later of two instants as text; unreadable ones lose."""
    one, two = rows.read_instant(first), rows.read_instant(second)
    if one is None or two is None:
        return second if one is None else first
    return second if two > one else first


def newest(page: Iterable[Row], start: str = "") -> str:
    """The latest `lastUpdated` of a page."""
    result = start
    for row in page:
        result = later(result, stamp(row))
    return result


# ── documents with money open ───────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Watch:
    """The open documents of one moment: their ids (None: too many to remember) and a checksum per bucket."""

    ids: frozenset[int] | None
    sums: tuple[int, ...]


def is_open(row: Row) -> bool:
    """Does the document still have money open? What cannot be read counts as open."""
    value = row.get("balance")
    return not (isinstance(value, int | Decimal) and value == 0)


def watch(page: Iterable[Row], start: Watch | None = None) -> Watch:
    """The watch over the open ones of `page`, added to `start`."""
    ids: set[int] | None = set() if start is None else (None if start.ids is None else set(start.ids))
    sums = list(start.sums) if start is not None else [0] * BUCKETS
    for row in page:
        if is_open(row):
            number = row_id(row)
            sums[number % BUCKETS] ^= _state(row)
            if ids is not None:
                ids.add(number)
    if ids is not None and len(_pack(ids)) > IDS_MOST:
        ids = None
    return Watch(None if ids is None else frozenset(ids), tuple(sums))


def _state(row: Row) -> int:
    parts = (row_id(row), stamp(row), *(rows.find(row, path) for path in ("balance", "payments", "credits", "status.id")))
    return int.from_bytes(hashlib.blake2s("|".join(map(str, parts)).encode(), digest_size=3).digest(), "big")


def remembered(place: Place) -> Watch | None:
    """The watch a cursor holds, None when it holds none."""
    try:
        sums = _unpacked(place.open_sums)
        ids = None if place.open_ids == OVERFLOW else _unpack(place.open_ids)
    except (ValueError, zlib.error):
        return None
    return Watch(ids, tuple(sums)) if len(sums) == BUCKETS else None


def remember(place: Place, found: Watch) -> Place:
    """`place` with the watch in it."""
    return replace(place, open_ids=OVERFLOW if found.ids is None else _pack(found.ids), open_sums=_packed(found.sums))


def moved(page: Sequence[Row], before: Watch | None, now: Watch) -> list[Row]:
    """The rows of `page` that may differ from `before`, settled ones too: all of a bucket whose checksum changed."""
    if before is None:
        return list(page)
    return [row for row in page if before.sums[row_id(row) % BUCKETS] != now.sums[row_id(row) % BUCKETS]]


def vanished(page: Iterable[Row], before: Watch | None) -> frozenset[int]:
    """Ids that were open before and are on no row of the page now: paid or deleted without `lastUpdated` telling."""
    if before is None or before.ids is None:
        return frozenset()
    return before.ids - {row_id(row) for row in page}


def _pack(ids: Iterable[int]) -> str:
    data, last = bytearray(), 0
    for number in sorted(ids):
        step, last = number - last, number
        while step > 127:
            data.append(step & 127 | 128)
            step >>= 7
        data.append(step)
    return base64.urlsafe_b64encode(zlib.compress(bytes(data), 9)).decode() if data else ""


def _unpack(packed: str) -> frozenset[int]:
    data = zlib.decompress(base64.urlsafe_b64decode(packed)) if packed else b""
    found, last, step, shift = set(), 0, 0, 0
    for byte in data:
        step |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            last += step
            found.add(last)
            step, shift = 0, 0
    return frozenset(found)
