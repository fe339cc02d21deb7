"""Passes over a list of ConnectWise: which rows are handed over, and where the next pass begins. Shared by all streams.

A listing first asks for the newest row, so that its watermark lies before its first page; then it reads everything by rising id.
A catch-up asks once for what changed and, for documents, for everything with money open; see `paging` for what it remembers.
Where a server cannot filter by balance (UNCONFIRMED, brief 10.5) documents are listed every time: dearer, never wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.connectwise import conditions, paging, rows, verdicts
from connectors.connectwise.api import Api
from connectors.connectwise.paging import Place
from core.clock import Clock
from core.errors import Rejected
from core.records import Cursor, Listing

DAY = 86_400
OPEN = "balance != 0"
_AT_ONCE = 12  # pages of a catch-up held in memory, some 60 MB of invoices


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A list at the vendor. `watched` documents have money that may move silently; `chunk` cuts pages for work done per row."""

    path: str
    where: str = ""
    plain: str = ""  # `where` without a filter by balance, for servers that have none
    fields: str | None = None
    sweep: timedelta
    watched: bool = False
    chunk: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Rows to hand over, and the cursor to store with them."""

    rows: list[Any]
    cursor: Cursor
    more: bool
    listing: Listing | None = None


class Walker:
    """Walks over sources for one connection. Remembers only whether filters read instants as we mean them."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._overlap = int(api.settings.overlap_minutes * 60)
        self._shifted: bool | None = None

    def steps(self, source: Source, cursor: Cursor | None) -> Iterator[Step]:
        """Every step of the pass that follows `cursor`."""
        now = self._clock.now()
        place = paging.begin(paging.read(cursor), now=now, sweep_every=source.sweep)
        try:
            if place.listing:
                yield from self.listed(source, place)
            else:
                yield from self._catch_up(source, place)
        except Rejected as refused:
            if not source.watched or refused.code != verdicts.UNKNOWN_FIELD:
                raise
            yield from self.listed(replace(source, where=source.plain), self.fresh(now, place))

    def fresh(self, now: datetime, place: Place) -> Place:
        """The start of a listing, whether or not one is due."""
        return Place(swept=f"{now:%Y-%m-%dT%H:%M:%SZ}", overlap=place.overlap)

    # ── listing ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def listed(self, source: Source, place: Place) -> Iterator[Step]:
        """The steps of a listing from `place` on."""
        start = place if place.started else self.open_listing(source, place)
        if start is None:
            yield Step(
                rows=[], cursor=paging.write(paging.finish(place)), more=False, listing=Listing(id=place.swept, first=True)
            )
            return
        place, more = start, True
        while more:
            page = self._api.page_after(source.path, place.after, where=source.where, fields=source.fields)
            last = max((paging.row_id(row) for row in page), default=0)
            full = len(page) >= self._api.settings.page_size and last > place.after
            for rows_, final in _cut(page, source.chunk):
                listing = Listing(id=place.swept, first=not place.started)
                place = self._noted(source, place, rows_)
                more = full or not final
                cursor = paging.write(place if more else paging.finish(place))
                yield Step(rows=rows_, cursor=cursor, more=more, listing=listing)

    def open_listing(self, source: Source, place: Place) -> Place | None:
        """The listing's place with its watermark and overlap; None when the list is empty."""
        try:
            newest = self._api.rows(
                source.path, conditions=source.where, fields="id,_info", pageSize=1, page=1, orderBy="lastUpdated desc"
            )
        except Rejected as refused:
            if refused.code != verdicts.UNKNOWN_FIELD:
                raise
            # No order by time here: a day before our own clock is surely before the first page, whatever the clocks say.
            return replace(place, upto=conditions.instant(self._clock.now() - timedelta(days=1)).strip("[]"), overlap=DAY)
        if not newest:
            return None
        upto = self._plausible(paging.stamp(newest[0]))
        return replace(place, upto=upto, overlap=self._reach(source, newest[0], place))

    def _plausible(self, stamp: str) -> str:
        """The stamp, or our own time where it lies more than a day ahead: a watermark from the future would skip every change."""
        at, now = rows.read_instant(stamp), self._clock.now()
        return stamp if at is None or at <= now + timedelta(days=1) else conditions.instant(now).strip("[]")

    def _noted(self, source: Source, place: Place, page: list[Any]) -> Place:
        """The place after these rows of a listing."""
        after = max([place.after, *(paging.row_id(row) for row in page)])
        readable = [row for row in page if isinstance(row, dict)]
        seen = paging.note_seen(place.seen, readable, watermark=place.upto, overlap=place.overlap)
        moved = replace(place, after=after, seen=seen, started=True)
        if not source.watched:
            return moved
        return paging.remember(moved, paging.watch(readable, paging.remembered(place) if place.started else None))

    # ── catching up ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def _changed(self, source: Source, place: Place) -> list[Any]:
        floor = paging.floor(place)
        assert floor is not None  # begin() starts a listing without a watermark
        recent = f"lastUpdated > {conditions.instant(floor)}"
        wanted = conditions.some(recent, OPEN) if source.watched else recent
        where = conditions.every(source.where, wanted)
        return self._api.page_after(source.path, place.after, where=where, fields=source.fields)

    def _catch_up(self, source: Source, place: Place) -> Iterator[Step]:
        """All at once while it is little; otherwise page by page, handing over everything."""
        page = self._changed(source, place)
        if not place.started:
            # Everything up to the newest row of the first page was changed before the next page was asked for.
            place = replace(place, upto=self._plausible(_newest(page, place.watermark)))
            found = self._gathered(source, place, page)
            if found is not None:
                yield self._single(source, place, found)
                return
            place = replace(place, seen="", open_ids="", open_sums="")
        while True:
            last = max((paging.row_id(row) for row in page), default=0)
            more = self._goes_on(page, place)
            readable = [row for row in page if isinstance(row, dict)]
            seen = paging.note_seen(place.seen, readable, watermark=place.upto, overlap=place.overlap)
            place = replace(place, after=max(last, place.after), seen=seen, started=True)
            yield Step(rows=page, cursor=paging.write(place if more else paging.finish(place)), more=more)
            if not more:
                return
            page = self._changed(source, place)

    def _goes_on(self, page: list[Any], place: Place) -> bool:
        return len(page) >= self._api.settings.page_size and max(map(paging.row_id, page)) > place.after

    def _gathered(self, source: Source, place: Place, page: list[Any]) -> list[Any] | None:
        """The rows of all pages of a catch-up; None when there are more than fit in memory comfortably."""
        found = list(page)
        for _ in range(_AT_ONCE):
            if not self._goes_on(page, place):
                return found
            place = replace(place, after=max(map(paging.row_id, page)))
            page = self._changed(source, place)
            found += page
        return None

    def _single(self, source: Source, place: Place, page: list[Any]) -> Step:
        """A catch-up as a whole: only what is news, and what left the open documents unannounced."""
        readable = [row for row in page if isinstance(row, dict)]
        news = [*(row for row in page if not isinstance(row, dict)), *paging.news(readable, place)]
        seen = paging.note_seen("", readable, watermark=place.upto, overlap=place.overlap)
        after = paging.finish(replace(place, seen=seen))
        if source.watched:
            before, now = paging.remembered(place), paging.watch(readable)
            known = {paging.row_id(row) for row in news}
            news += [row for row in paging.moved(readable, before, now) if paging.row_id(row) not in known]
            news += self._gone(source, paging.vanished(readable, before))
            after = paging.remember(after, now)
        return Step(rows=news, cursor=paging.write(after), more=False)

    def _gone(self, source: Source, ids: frozenset[int]) -> list[Any]:
        found: list[Any] = []
        for batch in conditions.among("id", ids):
            for page in self._api.all_rows(source.path, where=conditions.every(source.where, batch), fields=source.fields):
                found += page
        return found

    # ── do filters mean what we mean? ───────────────────────────────────────────────────────────────────────────────────
    def _reach(self, source: Source, newest: Any, place: Place) -> int:
        """Seconds a catch-up reaches back: a day where the probe found filters to be shifted (brief 1.9, case 10)."""
        if self._shifted is None:
            self._shifted = place.overlap == DAY or (place.overlap == 0 and self.is_shifted(source.path, newest))
        return DAY if self._shifted else self._overlap

    def is_shifted(self, path: str, row: Any) -> bool:
        """Ask for a known row by its own lastUpdated: it must be after one second less, and not after one second more."""
        at = rows.read_instant(paging.stamp(row))
        if at is None:
            return False
        step = timedelta(seconds=1)
        return not self._is_after(path, row, at - step) or self._is_after(path, row, at + step)

    def _is_after(self, path: str, row: Any, at: datetime) -> bool:
        where = conditions.every(f"id = {paging.row_id(row)}", f"lastUpdated > {conditions.instant(at)}")
        return bool(self._api.rows(path, conditions=where, fields="id", pageSize=1, page=1))


def _newest(page: list[Any], start: str) -> str:
    return paging.newest((row for row in page if isinstance(row, dict)), start)


def _cut(page: list[Any], chunk: int | None) -> Iterator[tuple[list[Any], bool]]:
    """The page in pieces, each with whether it is the last; an empty page is one piece."""
    size = chunk or max(1, len(page))
    for at in range(0, max(1, len(page)), size):
        yield page[at : at + size], at + size >= len(page)
