"""Listing an entity completely although it changes meanwhile and although one of its rows may break every query that meets it.

Decides how far a listing can be believed: it counts at the end (COUNT(*)), lists once more on a mismatch, and says `complete`
False when it still does not agree. One short page needs no count: it was one answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.quickbooks import paging
from connectors.quickbooks.api import QuickBooksApi, RawRow
from connectors.quickbooks.faults import ApplicationFault
from connectors.quickbooks.ledger import changed_at, ref_of
from connectors.quickbooks.paging import Listing
from connectors.quickbooks.reading import Unreadable
from core.clock import Clock

_RESTARTS = 3  # times a page that does not join the one before is read again from its second's first row


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One step: new `rows`, how many `holes` (rows QuickBooks cannot read itself), and where the listing stands after it."""

    rows: tuple[RawRow, ...]
    holes: int
    position: Listing
    first: bool
    ended: bool
    complete: bool
    expected: int | None


class Walk:
    """One listing of one entity. Use `batches` once."""

    def __init__(self, api: QuickBooksApi, entity: str, *, size: int, clock: Clock) -> None:
        self._api = api
        self._entity = entity
        self._size = size
        self._clock = clock
        self._seen: dict[str, datetime | None] = {}
        self._at: datetime | None = None
        self._restarts = 0
        self._expected: int | None = None

    def batches(self, position: Listing | None, *, list_id: str) -> Iterator[Batch]:
        """From `position` on, or from the beginning."""
        first = position is None
        while True:
            rows, holes, ended, position = self._step(position, list_id)
            short = ended and first
            if first and not ended and not position.window:
                self._expected = self._api.count(self._entity, paging.conditions(self._entity))
            complete = not ended or short or position.window or self._agrees(position)
            again = ended and not complete and not position.again
            yield Batch(
                rows=rows,
                holes=holes,
                position=replace(_restarted(position), id=f"{list_id}-again") if again else position,
                first=first,
                ended=ended and not again,
                complete=complete,
                expected=self._expected,
            )
            if ended and not again:
                return
            first = again
            if again:
                self._seen.clear()
                list_id = f"{list_id}-again"
                position = replace(_restarted(position), id=list_id)

    def _agrees(self, position: Listing) -> bool:
        count = self._api.count(self._entity, paging.conditions(self._entity))
        return count is None or count == position.met

    # ── one page ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _step(self, position: Listing | None, list_id: str) -> tuple[tuple[RawRow, ...], int, bool, Listing]:
        here = position or Listing(id=list_id, begun_at="")
        found, here = self._joined(here)
        if not here.begun_at:
            here = replace(here, begun_at=paging.mark(self._at or self._clock.now()))
        rows = [item for item in found if item is not None]
        holes = len(found) - len(rows)
        ended = len(found) + self._overlap(here) < self._size
        fresh = [item for item in rows if self._is_news(item)]
        met = here.met + holes + sum(1 for item in fresh if ref_of(item.row) not in self._seen)
        self._seen.update((ref_of(item.row), _changed(item)) for item in fresh)
        after = paging.advance(here, ((ref_of(item.row), _changed(item)) for item in rows), holes=holes, met=met)
        return tuple(fresh), holes, ended, after

    @staticmethod
    def _overlap(here: Listing) -> int:
        return 1 if here.last and here.offset else 0

    def _joined(self, here: Listing) -> tuple[list[RawRow | None], Listing]:
        """The next rows without the one they overlap by; read again from the second's first row when they do not join."""
        if not self._overlap(here):
            return self._fetch(here, here.offset + 1, self._size), here
        found = self._fetch(here, here.offset, self._size)
        if found and found[0] is not None and ref_of(found[0].row) == here.last:
            return found[1:], here
        if self._restarts >= _RESTARTS:
            return found, replace(here, offset=here.offset - 1, last="")
        self._restarts += 1
        here = replace(here, offset=0, last="")
        return self._fetch(here, 1, self._size), here

    def _is_news(self, item: RawRow) -> bool:
        ref = ref_of(item.row)
        return ref not in self._seen or self._seen[ref] != _changed(item)

    def _fetch(self, here: Listing, start: int, size: int) -> list[RawRow | None]:
        """`size` rows from `start` on; None in the place of each that makes QuickBooks fail (code 10000), found by halving.

        Only a vendor that can still count is failing over a row; otherwise the failure is its own and is raised.
        """
        try:
            return self._query(here, start, size)
        except ApplicationFault:
            self._api.count(self._entity, paging.conditions(self._entity))
        return self._halved(here, start, size)

    def _halved(self, here: Listing, start: int, size: int) -> list[RawRow | None]:
        half = size // 2
        try:
            left = self._part(here, start, half)
        except ApplicationFault:
            # Everything in the left half fails. Only a right half that works proves that it is the rows and not the vendor.
            right: list[RawRow | None] = self._query(here, start + half, size - half)
            return [*([None] * self._left_over(here, start, half)), *right]
        if len(left) < half:
            return left
        try:
            return [*left, *self._part(here, start + half, size - half)]
        except ApplicationFault:
            return [*left, *([None] * self._left_over(here, start + half, size - half))]

    def _part(self, here: Listing, start: int, size: int) -> list[RawRow | None]:
        try:
            return self._query(here, start, size)
        except ApplicationFault:
            if size == 1:
                raise
        return self._halved(here, start, size)

    def _left_over(self, here: Listing, start: int, size: int) -> int:
        """How many rows there are from `start` on, at most `size`: a page of failures has no length of its own."""
        count = self._api.count(self._entity, paging.conditions(self._entity, f"MetaData.LastUpdatedTime >= '{here.after}'"))
        return min(size, max(0, count - start + 1)) if count is not None else 1

    def _query(self, here: Listing, start: int, size: int) -> list[RawRow | None]:
        answer = self._api.query(paging.listing_page(self._entity, here, start=start, size=size), self._entity)
        self._at = self._at or answer.at
        return list(answer.rows)


def _restarted(position: Listing) -> Listing:
    return Listing(id=position.id, begun_at=position.begun_at, again=True)


def _changed(item: RawRow) -> datetime | None:
    try:
        return changed_at(item.row)
    except Unreadable:
        return None
