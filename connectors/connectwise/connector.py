"""One ConnectWise connection, opened: pulls, re-reads, pushes, checks itself and verifies callbacks.

Only puts the parts together; what each decides stands in its own module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from connectors.connectwise import mapping, payments, work
from connectors.connectwise.api import Api
from connectors.connectwise.callbacks import CallbackDesk
from connectors.connectwise.doctor import examine
from connectors.connectwise.pulls import Walker
from connectors.connectwise.push import Pusher
from connectors.connectwise.settings import ConnectwiseSettings
from connectors.connectwise.streams import INVOICES, PATHS, Streams
from connectors.connectwise.tables import Tables
from connectors.papers import pdf_document
from core.actions import Action, IdempotencyKey, Receipt
from core.errors import NotFound, Rejected
from core.ports import ConnectionContext, Document, Hint, Probe, StreamInfo
from core.records import Cursor, Entry, Malformed, Page, Record, Ref, Stream, Tombstone

STREAMS = (
    Stream.PARTIES,
    Stream.CONTACTS,
    Stream.AGREEMENTS,
    Stream.INVOICES,
    Stream.CREDIT_NOTES,
    Stream.PAYMENTS,
    Stream.TICKETS,
    Stream.WORK,
)
_HOUR = 3600.0
_NUMBER = r"[1-9][0-9]{0,11}"


class ConnectwiseConnector:
    """A Connector over ConnectWise PSA; see core.ports. Not shared between threads."""

    def __init__(self, context: ConnectionContext) -> None:
        settings: ConnectwiseSettings = context.settings
        self._context = context
        self._settings = settings
        self._api = Api(context)
        self._tables = Tables(self._api, context)
        self._walker = Walker(self._api, context.clock)
        self._streams = Streams(
            api=self._api, tables=self._tables, clock=context.clock, zone=context.timezone, walker=self._walker
        )
        self._callbacks = CallbackDesk(self._api, settings)
        self._pusher = Pusher(self._api, self._tables, context)

    def __repr__(self) -> str:
        return f"<ConnectWise {self._context.name} at {self._settings.site}>"

    @property
    def counters(self) -> Mapping[str, int]:
        """Calls made so far by endpoint."""
        return self._api.counters

    def streams(self) -> Mapping[Stream, StreamInfo]:
        """All but those left out; slow ones stay believable for longer."""
        slow = {Stream.TICKETS: 24 * _HOUR, Stream.WORK: 48 * _HOUR, Stream.CONTACTS: 48 * _HOUR, Stream.AGREEMENTS: 48 * _HOUR}
        read = [stream for stream in STREAMS if stream.value not in self._settings.leave_out]
        return {stream: StreamInfo(stream=stream, fresh_for=slow.get(stream, 6 * _HOUR)) for stream in read}

    def pull(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """Pages from `cursor` on. The daily listing of companies also looks after our callbacks, where that is switched on."""
        if stream not in self.streams():
            raise Rejected(f"{self._context.name}: {stream} are not read from ConnectWise.", connection=self._context.name)
        for page in self._streams.pull(stream, cursor):
            yield page
            if stream is Stream.PARTIES and page.listing is not None and not page.more:
                self._callbacks.look_after()

    # ── one record ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def reread(self, stream: Stream, ref: Ref) -> Record | None:
        """The record as it is now; None only when ConnectWise says "not found" and its list does not show it (brief case 14)."""
        if stream is Stream.PAYMENTS:
            return self._payment(ref)
        if stream is Stream.WORK:
            return self._work(ref)
        if stream not in PATHS or not re.fullmatch(_NUMBER, ref):
            return None
        row = self._row(PATHS[stream], int(ref))
        if row is None:
            return None
        return self._record(mapping.read_row(stream, row, self._tables.reading(stream, (row,))))

    def _row(self, path: str, number: int) -> dict[str, object] | None:
        row = self._api.find(f"{path}/{number}")
        if row is not None:
            return row
        listed = self._api.rows(path, conditions=f"id = {number}", pageSize=1, page=1)
        return listed[0] if listed and isinstance(listed[0], dict) else None

    def _record(self, result: Entry | Malformed | Tombstone | None) -> Record | None:
        if isinstance(result, Malformed):
            where = f"{result.stream}/{result.ref}: {result.where} {result.problem}"
            raise Rejected(f"{self._context.name}: {where}.", connection=self._context.name, code="malformed")
        return result.record if isinstance(result, Entry) else None

    def _payment(self, ref: Ref) -> Record | None:
        numbers = payments.split_payment_ref(ref)
        invoice = self._row(INVOICES, numbers[0]) if numbers else None
        if numbers is None or invoice is None:
            return None
        child = f"{INVOICES}/{numbers[0]}/payments"
        row = self._api.find(f"{child}/{numbers[1]}")
        found = [row] if row is not None else [item for item in self._api.all_pages(child) if _has_id(item, numbers[1])]
        read = payments.read_payments(invoice, found, self._tables.reading(Stream.PAYMENTS, ()))
        results: tuple[Entry | Malformed, ...] = (*read.entries, *read.malformed)
        return self._record(results[0] if results else None)

    def _work(self, ref: Ref) -> Record | None:
        heap = work.split_ref(ref)
        if heap is None:
            return None
        using = self._tables.reading(Stream.WORK, ())
        spells, _ = self._streams.month_of(heap.month, {heap.company}, using)
        return next((entry.record for entry in work.sums(spells, using) if entry.record.ref == ref), None)

    # ── documents ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def document(self, stream: Stream, ref: Ref) -> Document | None:
        """ConnectWise's PDF of an invoice; None for anything else. Which Accept header it wants is UNCONFIRMED (notes 2.1)."""
        if stream is not Stream.INVOICES or not re.fullmatch(_NUMBER, ref):
            return None
        try:
            body = self._api.call("GET", f"{INVOICES}/{ref}/pdf", accept="application/pdf, */*").body
        except NotFound:
            return None
        return pdf_document(body, connection=self._context.name, vendor="ConnectWise", stream=stream, ref=ref)

    def pay_link(self, ref: Ref) -> str | None:
        """ConnectWise has none by itself; payment pages belong to other products (brief 2.1)."""
        del ref
        return None

    # ── writing, checking, hearing ──────────────────────────────────────────────────────────────────────────────────────
    def push(self, action: Action, key: IdempotencyKey) -> Receipt:
        """Do it once: what the key already left behind is looked for first, because ConnectWise knows no idempotency key."""
        return self._pusher.push(action, key)

    def find_pushed(self, action: Action, key: IdempotencyKey) -> Receipt | None:
        """What `push` left behind, read back by its marker or its value."""
        return self._pusher.find(action, key)

    def probe(self) -> Probe:
        """Is it usable, with which rights, in which zone, and who else mails clients."""
        return examine(self._api, self._walker, self._context)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Hints of a callback whose signature holds; Rejected otherwise."""
        return self._callbacks.parse(headers, body)

    def close(self) -> None:
        """Give back the connections; twice is fine."""
        self._api.close()


def _has_id(row: object, number: int) -> bool:
    return isinstance(row, dict) and row.get("id") == number


def build(context: ConnectionContext) -> ConnectwiseConnector:
    """A connector for one connection."""
    return ConnectwiseConnector(context)
