"""Vendor payload to records, with what a row alone does not say: the chart of accounts, and what payments left of an entry.

Decides when to ask for more: accounts once per pass and only for streams that post to them, payments only of customers who have a
journal entry on the receivable account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from connectors.quickbooks import paging
from connectors.quickbooks.api import QuickBooksApi, RawRow
from connectors.quickbooks.applications import with_remaining
from connectors.quickbooks.ledger import Company, changed_at, find_account, is_gone, place_of, purchase_ref, ref_of
from connectors.quickbooks.mapping import PURCHASE, read
from connectors.quickbooks.reading import Row, Unreadable
from core.ports import ConnectionContext
from core.records import Adjustment, Entry, Malformed, Payment, Ref, Stream, Tombstone

_IN_ONE_STATEMENT = 100  # ids in one IN list; keeps statements far below the longest URL servers take
_MOST_PLACES_LOST = 10  # customers one edit can take off an entry before the weekly listing has to find out
_POSTED_TO_ACCOUNTS = (Stream.PAYMENTS, Stream.DEPOSITS, Stream.ADJUSTMENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRows:
    """Vendor payload, read."""

    entries: tuple[Entry, ...] = ()
    malformed: tuple[Malformed, ...] = ()
    deleted: tuple[Tombstone, ...] = ()


class Reader:
    """Reads the rows of one connection."""

    def __init__(self, api: QuickBooksApi, context: ConnectionContext, *, size: int) -> None:
        self._api = api
        self._size = size
        self._company = Company(connection=context.name, currency=context.currency)
        self._charted = False

    def read(self, stream: Stream, rows: Iterable[RawRow], entity: str | None = None) -> ReadRows:
        """Records, unreadable rows and tombstones of vendor payload; `entity` where it is not the stream's first."""
        entries: list[Entry] = []
        malformed: list[Malformed] = []
        deleted: list[Tombstone] = []
        for item in rows:
            if is_gone(item.row):
                deleted += _purchase_gone(item.row) if entity == PURCHASE else _tombstone(stream, item.row)
                continue
            found = read(stream, item.row, self._company_for(stream), entity)
            if isinstance(found, Malformed):
                malformed.append(found)
                continue
            entries += [Entry(record=record, raw=item.raw) for record in found]
            if stream is Stream.ADJUSTMENTS and str(item.row.data.get("SyncToken")) != "0":
                deleted += _places_beyond(_entry(item.row, entity), len(found))
        if stream is Stream.ADJUSTMENTS:
            entries = self._with_remaining(entries)
        return ReadRows(entries=tuple(entries), malformed=tuple(malformed), deleted=tuple(deleted))

    def _company_for(self, stream: Stream) -> Company:
        """The company with its chart of accounts, read once where a stream's rows depend on it."""
        if stream in _POSTED_TO_ACCOUNTS and not self._charted:
            rows = self._all("Account")
            found = {entry.ref: entry for item in rows if (entry := find_account(item.row)) is not None}
            self._company = replace(self._company, accounts=found)
            self._charted = True
        return self._company

    def _with_remaining(self, entries: list[Entry]) -> list[Entry]:
        """Adjustments with what payments left of them; payments are asked for only of the customers concerned."""
        found = [entry.record for entry in entries if isinstance(entry.record, Adjustment)]
        customers = sorted({str(item.party_ref) for item in found if item.party_ref is not None})
        if not customers:
            return entries
        payments = []
        for item in self.by_refs("Payment", "CustomerRef", customers):
            records = read(Stream.PAYMENTS, item.row, self._company)
            payments += [] if isinstance(records, Malformed) else [one for one in records if isinstance(one, Payment)]
        left = with_remaining(found, payments)
        return [Entry(record=record, raw=entry.raw) for record, entry in zip(left, entries, strict=True)]

    def by_refs(self, entity: str, field: str, refs: list[str]) -> Iterator[RawRow]:
        """The rows whose `field` is one of `refs`."""
        size = self._size
        for index in range(0, len(refs), _IN_ONE_STATEMENT):
            chunk, start = refs[index : index + _IN_ONE_STATEMENT], 1
            while True:
                page = self._api.query(paging.by_refs(entity, field, chunk, start=start, size=size), entity).rows
                yield from page
                if len(page) < size:
                    break
                start += size

    def _all(self, entity: str) -> Iterator[RawRow]:
        """Every row of a short list."""
        start = 1
        while True:
            page = self._api.query(paging.by_place(entity, start=start, size=self._size), entity).rows
            yield from page
            if len(page) < self._size:
                break
            start += self._size


def _entry(row: Row, entity: str | None) -> str:
    return purchase_ref(ref_of(row)) if entity == PURCHASE else ref_of(row)


def _purchase_gone(row: Row) -> list[Tombstone]:
    """A deleted cheque or expense takes its adjustments with it, if it had any."""
    return _places_beyond(_entry(row, PURCHASE), 0) if ref_of(row) else []


def _places_beyond(entry: str, count: int) -> list[Tombstone]:
    """An edited entry may have had more customers before; those unknown to the engine are passed over there."""
    stream = Stream.ADJUSTMENTS
    return [Tombstone(stream=stream, ref=place_of(entry, place)) for place in range(count + 1, count + 1 + _MOST_PLACES_LOST)]


def _tombstone(stream: Stream, row: Row) -> list[Tombstone]:
    ref = ref_of(row)
    if not ref:
        return []
    try:
        at = changed_at(row)
    except Unreadable:
        at = None
    return [Tombstone(stream=stream, ref=Ref(ref), deleted_at=at)]
