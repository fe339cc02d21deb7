"""One QuickBooks Online company as a Connector.

Pull: a first pass lists each stream, later passes ask change data capture, and everything is listed again after `relist_days`,
after 29 days of silence (the service keeps 30), and where a change says that rows moved which it does not name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import structlog

from connectors.quickbooks import paging
from connectors.quickbooks.api import QuickBooksApi, RawRow
from connectors.quickbooks.applications import entry_of
from connectors.quickbooks.changes import LOOK_BACK, MOST_OBJECTS, ChangeFeed, links, moved_unnamed
from connectors.quickbooks.documents import fetch_document
from connectors.quickbooks.faults import CompanyReset, FeatureMissing, TooOld
from connectors.quickbooks.ledger import is_gone, purchase_id, ref_of
from connectors.quickbooks.listing import Batch, Walk
from connectors.quickbooks.mapping import BESIDE, ENTITIES, PURCHASE
from connectors.quickbooks.paging import CaughtUp
from connectors.quickbooks.probing import probe_company
from connectors.quickbooks.push import Pusher
from connectors.quickbooks.reader import Reader
from connectors.quickbooks.settings import QuickBooksSettings
from connectors.quickbooks.webhooks import read_webhook
from core.actions import Action, IdempotencyKey, Receipt
from core.errors import Rejected
from core.ports import ConnectionContext, Document, Hint, Probe, StreamInfo
from core.records import Cursor, Listing, Malformed, Page, Record, Ref, Stream

log = structlog.get_logger()


class QuickBooksConnector:
    """Implements core.ports.Connector, Documents and PayLinks. One thread at a time."""

    def __init__(self, context: ConnectionContext) -> None:
        self._settings: QuickBooksSettings = context.settings
        self._clock = context.clock
        self._context = context
        self._api = QuickBooksApi(context)
        self._reader = Reader(self._api, context, size=self._settings.page_size)
        self._feed = ChangeFeed(self._api, context.clock, tuple(ENTITIES))
        self._pusher = Pusher(api=self._api, settings=self._settings, clock=context.clock)

    def streams(self) -> Mapping[Stream, StreamInfo]:
        """Every stream, in the order they are best pulled."""
        return {stream: StreamInfo(stream=stream) for stream in ENTITIES}

    def close(self) -> None:
        """Give back the network connections."""
        self._api.close()

    @property
    def metered_reads(self) -> int:
        """Calls so far that count against the app's monthly allowance (CorePlus)."""
        return self._api.metered_reads

    @property
    def counters(self) -> Mapping[str, int]:
        """Calls so far by endpoint."""
        return self._api.counters

    # ── pull ────────────────────────────────────────────────────────────────────────────────────────────────────────────
    def pull(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """Pages from `cursor` on; a cursor of another release starts over.

        A kind of record the company's plan does not have is an empty stream, looked for again with the next listing.
        """
        try:
            yield from self._pages(stream, paging.decode(cursor))
        except FeatureMissing:
            now = paging.mark(self._clock.now())
            nothing = paging.encode(CaughtUp(at=now, listed_at=now))
            yield Page(stream=stream, entries=(), cursor=nothing, more=False)

    def _pages(self, stream: Stream, position: paging.Position | None) -> Iterator[Page]:
        if isinstance(position, CaughtUp) and not self._is_listing_due(position):
            try:
                yield from self._changed(stream, position)
                return
            except (TooOld, CompanyReset):
                position = None
        self._feed.spoil()
        yield from self._list(stream, position if isinstance(position, paging.Listing) else None)

    def _is_listing_due(self, position: CaughtUp) -> bool:
        now = self._clock.now()
        if now - paging.instant(position.at) > LOOK_BACK:
            return True
        return now - paging.instant(position.listed_at) >= timedelta(days=self._settings.relist_days)

    def _list(self, stream: Stream, position: paging.Listing | None) -> Iterator[Page]:
        list_id = position.id if position else f"{stream}-{paging.mark(self._clock.now())}"
        entity, beside = ENTITIES[stream], BESIDE.get(stream)
        whole, swept = True, False
        for batch in self._walk(entity, position, list_id):
            whole, swept = whole and not batch.holes and (batch.complete or not batch.ended), swept or batch.first
            ended = batch.ended and beside is None
            cursor = self._caught_up(stream, batch.position, whole=whole and swept) if ended else batch.position
            yield self._page(stream, entity, batch, cursor=cursor, listing=Listing(id=list_id, first=batch.first))
            if batch.ended and beside is not None:
                start = paging.window_again(batch.position, position)
                yield from self._list_beside(stream, beside, start, end=batch.position, list_id=list_id, whole=whole and swept)

    def _list_beside(
        self, stream: Stream, entity: str, start: paging.Listing | None, *, end: paging.Listing, list_id: str, whole: bool
    ) -> Iterator[Page]:
        """The second kind of record of a stream, in the same listing. Until it is done the cursor stands at the `end` of the
        first kind: a listing broken off here begins the second anew. A company without this kind has none.
        """
        try:
            for batch in self._walk(entity, start, list_id):
                whole = whole and not batch.holes and (batch.complete or not batch.ended)
                cursor = self._caught_up(stream, end, whole=whole) if batch.ended else end
                yield self._page(stream, entity, batch, cursor=cursor, listing=Listing(id=list_id, first=False))
        except FeatureMissing:
            nothing = paging.encode(self._caught_up(stream, end, whole=whole))
            yield Page(stream=stream, entries=(), cursor=nothing, more=False)

    def _walk(self, entity: str, start: paging.Listing | None, list_id: str) -> Iterator[Batch]:
        return Walk(self._api, entity, size=self._settings.page_size, clock=self._clock).batches(start, list_id=list_id)

    def _page(self, stream: Stream, entity: str, batch: Batch, *, cursor: paging.Position, listing: Listing) -> Page:
        found = self._reader.read(stream, batch.rows, entity)
        return Page(
            stream=stream,
            entries=found.entries,
            malformed=(*found.malformed, *_holes(stream, entity, batch)),
            cursor=paging.encode(cursor),
            more=not isinstance(cursor, CaughtUp),
            listing=None if batch.position.window else listing,
            expected=batch.expected,
        )

    def _caught_up(self, stream: Stream, position: paging.Listing, *, whole: bool) -> CaughtUp:
        """Where a listing leaves the stream. One that cannot be believed entirely is repeated the next day: rows were missing, or
        it was resumed in the middle, so that nobody saw all refs at once.
        """
        begun_at = paging.instant(position.begun_at)
        listed_at = begun_at
        if not position.window and not whole:
            log.warning("listing.partial", connection=self._context.name, stream=stream, read=position.met)
            listed_at = begun_at - timedelta(days=self._settings.relist_days - 1)  # look again tomorrow, not at every pass
        if position.window:
            listed_at = begun_at - timedelta(days=self._settings.relist_days)  # deletes were cut off: list everything next time
        return CaughtUp(at=position.begun_at, listed_at=paging.text(listed_at))

    # ── pull: what changed ──────────────────────────────────────────────────────────────────────────────────────────────
    def _changed(self, stream: Stream, position: CaughtUp) -> Iterator[Page]:
        since = paging.instant(position.at) - timedelta(minutes=self._settings.overlap_minutes)
        changes = self._feed.since(stream, since)
        if changes.count >= MOST_OBJECTS:
            self._feed.spoil()
            begun_at = paging.mark(changes.at or self._clock.now())
            window = paging.Listing(id=f"{stream}-window", begun_at=begun_at, after=paging.text(since), window=True)
            yield from self._list(stream, window)
            return
        rows = changes.by_entity[ENTITIES[stream]]
        own = (ENTITIES[stream], BESIDE.get(stream))
        others = [row for name, found in changes.by_entity.items() if name not in own for row in found]
        listed_at = paging.instant(position.listed_at)
        if moved_unnamed(stream, rows, others, listed_at):
            self._feed.spoil()
            yield from self._list(stream, None)
            return
        if stream is Stream.PAYMENTS:
            rows = (*rows, *self._deposited_meanwhile(rows, others))
        at = paging.mark(changes.at or self._clock.now())
        found = [
            self._reader.read(stream, self._confirmed(stream, entity, some), entity)
            for entity, some in ((own[0], rows), (own[1], changes.by_entity.get(own[1] or "", ())))
            if entity is not None
        ]
        yield Page(
            stream=stream,
            entries=tuple(entry for part in found for entry in part.entries),
            malformed=tuple(row for part in found for row in part.malformed),
            deleted=tuple(gone for part in found for gone in part.deleted),
            cursor=paging.encode(replace(position, at=at)),
            more=False,
        )

    def _deposited_meanwhile(self, rows: Iterable[RawRow], deposits: Iterable[RawRow]) -> tuple[RawRow, ...]:
        """Payments that new deposits hold, read again: their own time of change did not move."""
        known = {ref_of(item.row) for item in rows}
        linked = {ref for deposit in deposits for kind, ref in links(deposit.row) if kind == "Payment"}
        return tuple(self._reader.by_refs("Payment", "Id", sorted(linked - known)))

    def _confirmed(self, stream: Stream, entity: str, rows: Iterable[RawRow]) -> list[RawRow]:
        """The rows with every tombstone looked up: live objects were seen reported as deleted."""
        result = []
        for item in rows:
            ref = ref_of(item.row) if is_gone(item.row) else None
            live = self._api.read(entity, ref) if ref else None
            if live is not None and not is_gone(live.row):
                log.warning("tombstone.false", connection=self._context.name, stream=stream, ref=ref)
                item = live  # noqa: PLW2901 - the live object stands in for its false tombstone
            result.append(item)
        return result

    # ── single records ──────────────────────────────────────────────────────────────────────────────────────────────────
    def reread(self, stream: Stream, ref: Ref) -> Record | None:
        """The record as QuickBooks has it this moment; None when it is gone. Rejected when it cannot be read."""
        self._feed.spoil()
        entry = entry_of(ref)
        purchase = purchase_id(entry) if stream is Stream.ADJUSTMENTS else None
        entity = ENTITIES[stream] if purchase is None else PURCHASE
        item = self._api.read(entity, entry if purchase is None else purchase)
        if item is None or is_gone(item.row):
            return None
        found = self._reader.read(stream, (item,), entity)
        for row in found.malformed:
            raise Rejected(
                f"{self._context.name}: {stream} {ref} cannot be read: {row.where} {row.problem}.", connection=self._context.name
            )
        return next((entry.record for entry in found.entries if entry.record.ref == ref), None)

    def push(self, action: Action, key: IdempotencyKey) -> Receipt:
        """Do it once per key."""
        self._feed.spoil()
        return self._pusher.push(action, key)

    def find_pushed(self, action: Action, key: IdempotencyKey) -> Receipt | None:
        """Look in QuickBooks for what `push` would have left."""
        return self._pusher.find(action, key)

    def probe(self) -> Probe:
        """Is the connection usable, as whom, and what in the company's preferences matters here."""
        return probe_company(self._api, self._settings, self._context)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Hints of a signed webhook in either payload shape; Rejected when the signature does not hold."""
        return read_webhook(headers, body, settings=self._settings, connection=self._context.name)

    def document(self, stream: Stream, ref: Ref) -> Document | None:
        """The PDF QuickBooks makes of a record; None when it is gone or of a kind that has none."""
        return fetch_document(self._api, stream, ref)

    def pay_link(self, ref: Ref) -> str | None:
        """Where the client can pay an invoice. None unless the company takes online payments and the invoice has an address;
        QuickBooks leaves the link out of queries, so it is asked for singly.
        """
        item = self._api.read("Invoice", ref, {"include": "invoiceLink"})
        return item.row.find_text("InvoiceLink") if item else None


def _holes(stream: Stream, entity: str, batch: Batch) -> tuple[Malformed, ...]:
    problem = (
        "QuickBooks itself fails to read it (code 10000); open the transactions changed about then and look for inactive names"
    )
    return tuple(
        Malformed(stream=stream, ref=None, where=f"{entity} changed at or after {batch.position.after}", problem=problem)
        for _ in range(batch.holes)
    )
