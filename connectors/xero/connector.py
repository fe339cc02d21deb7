"""Xero as duesync uses it: pulls streams page by page, rereads single records, and hands on writes, probes and webhooks.

What is asked and in which order is decided in paging.py, what rows mean in mapping.py, clients.py and cash.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import msgspec

from connectors.xero import paging, probing, push, webhooks
from connectors.xero.api import Listed, XeroApi
from connectors.xero.documents import fetch_document
from connectors.xero.mapping import Tenant, map_rows
from connectors.xero.paging import Arrived, News, Place
from connectors.xero.settings import XeroSettings
from connectors.xero.streams import SOURCES, Source
from connectors.xero.verdicts import HIGH_VOLUME
from core.actions import Action, IdempotencyKey, Receipt
from core.clock import local_date
from core.errors import NotFound, PermissionMissing, Rejected
from core.ports import ConnectionContext, Document, Hint, Probe, StreamInfo
from core.records import Cursor, Listing, Page, Record, Ref, Stream


class XeroConnector:
    """One connection to one Xero organisation. Not shared between threads."""

    def __init__(self, context: ConnectionContext) -> None:
        settings = context.settings
        assert isinstance(settings, XeroSettings)
        self._context = context
        self._settings = settings
        self._api = XeroApi(context, settings)
        self._base_currency: str | None = None
        self._account_class: dict[str, str] | None = None

    @property
    def api(self) -> XeroApi:
        """The calls beneath, for counting them."""
        return self._api

    def streams(self) -> Mapping[Stream, StreamInfo]:
        """What this connection pulls, in the order in which lists can be shared."""
        return {
            stream: StreamInfo(stream=stream) for stream in SOURCES if stream is not Stream.DEPOSITS or self._settings.deposits
        }

    def close(self) -> None:
        """Give back the network connections; twice is fine."""
        self._api.close()

    # ── pulling ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def pull(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """Pages from `cursor` on. A listing when the last one is `full_read_hours` old, else what changed since."""
        sources = SOURCES[stream]
        every = timedelta(hours=self._settings.full_read_hours)
        place = paging.begin(paging.read(cursor), now=self._context.clock.now(), every=every, lists=len(sources))
        while True:
            self._api.check_reserve()
            page, place = self._step(stream, sources, place)
            yield page
            if not page.more:
                return

    def _step(self, stream: Stream, sources: tuple[Source, ...], place: Place) -> tuple[Page, Place]:
        source = sources[place.index]
        listed, place = self._ask(stream, source, place)
        arrived = Arrived(rows=listed.rows, updated=listed.updated, last_page=listed.last_page, vendor_now=listed.vendor_now)
        news = paging.after(place, arrived)
        if news.stalled:
            raise Rejected(
                f"{self._context.name}: Xero answers the same page of {source.table} again and again.",
                connection=self._context.name,
                remedy="Report this; something on the way drops the page number.",
                code="paging",
            )
        return self._page(stream, source, place, news, listed.expected if len(sources) == 1 else None), news.place

    def _ask(self, stream: Stream, source: Source, place: Place) -> tuple[Listed, Place]:
        """The page at `place`, in smaller windows of Date where Xero finds the list too long to read in one go."""
        while True:
            try:
                since = paging.since_of(place) if source.changes else None
                params = self._params(source, place)
                return self._api.list_page(source.table, params, since, reader=stream, paged=source.paged), place
            except Rejected as error:
                today = local_date(self._context.clock.now(), self._context.timezone)
                cuttable = error.code == HIGH_VOLUME and place.listing and source.dated
                smaller = paging.split(place, today) if cuttable else None
                if smaller is None:
                    raise
                place = smaller

    def _params(self, source: Source, place: Place) -> dict[str, str]:
        if not source.paged:
            return {}
        order = f"{source.id_field} ASC" if place.listing else "UpdatedDateUTC ASC"
        where = paging.where_of(place)
        return {
            "page": str(place.page),
            "pageSize": str(self._settings.page_size),
            "order": order,
            **({"where": where} if where else {}),
            **dict(source.params),
        }

    def _page(self, stream: Stream, source: Source, place: Place, news: News, expected: int | None) -> Page:
        mapped = map_rows(stream, news.rows, self._tenant(stream, news), source.reader, source.id_field)
        whole = place.listing or (not source.changes and bool(news.rows))
        first = place.index == 0 and place.page == 1 and not place.started
        return Page(
            stream=stream,
            entries=mapped.entries,
            cursor=paging.write(news.place),
            more=news.more,
            malformed=mapped.malformed,
            deleted=mapped.deleted,
            listing=Listing(id=place.began, first=first) if whole else None,
            expected=expected,
        )

    def _tenant(self, stream: Stream, news: News | None = None) -> Tenant:
        """What rows need to be read; looked up once, and only when there are rows."""
        if news is not None and not news.rows:
            return Tenant(connection=self._context.name, currency=self._context.currency)
        if self._base_currency is None:
            self._base_currency = self._read_currency()
        if stream is Stream.DEPOSITS and self._account_class is None:
            self._account_class = self._read_accounts()
        return Tenant(
            connection=self._context.name,
            currency=self._base_currency,
            account_class=self._account_class or {},
            expect_reconciled=self._settings.expect_reconciled,
        )

    def _read_currency(self) -> str:
        try:
            found = msgspec.json.decode(self._api.get("Organisation").body, type=_Organisations)
        except (PermissionMissing, msgspec.DecodeError):
            return self._context.currency
        return found.rows[0].base_currency if found.rows else self._context.currency

    def _read_accounts(self) -> dict[str, str]:
        try:
            found = msgspec.json.decode(self._api.get("Accounts").body, type=_Accounts)
        except (PermissionMissing, msgspec.DecodeError):
            return {}
        return {row.code: row.system if row.system == "DEBTORS" else row.group for row in found.rows if row.code}

    # ── single records ──────────────────────────────────────────────────────────────────────────────────────────────────
    def reread(self, stream: Stream, ref: Ref) -> Record | None:
        """The record as Xero has it now; None when it is gone. Rejected names the field of a row that cannot be read."""
        wanted = ref.partition("#")[0] if stream is Stream.CONTACTS else ref  # a person's ref begins with the contact's
        for source in reversed(SOURCES[stream]):  # most payments are plain payments: those come first
            try:
                raw = self._api.find_one(source.table, wanted)
            except NotFound:
                continue
            if raw is None:
                continue
            return self._only(stream, source, raw, ref)
        return None

    def _only(self, stream: Stream, source: Source, raw: bytes, ref: Ref) -> Record | None:
        mapped = map_rows(stream, (raw,), self._tenant(stream), source.reader, source.id_field)
        if mapped.malformed:
            fault = mapped.malformed[0]
            raise Rejected(
                f"{self._context.name}: {source.table} {ref} cannot be read: {fault.where} {fault.problem}.",
                connection=self._context.name,
                code="malformed",
            )
        return next((entry.record for entry in mapped.entries if entry.record.ref == ref), None)

    # ── writing and the rest ────────────────────────────────────────────────────────────────────────────────────────────
    def push(self, action: Action, key: IdempotencyKey) -> Receipt:
        """Do it once per key; see push.py."""
        return push.push(self._api, action, key)

    def find_pushed(self, action: Action, key: IdempotencyKey) -> Receipt | None:
        """What an earlier push of this key left; see push.py."""
        return push.find_pushed(self._api, action, key)

    def document(self, stream: Stream, ref: Ref) -> Document | None:
        """Xero's PDF of a record; None when it is gone or of a kind that has none."""
        return fetch_document(self._api, stream, ref)

    def pay_link(self, ref: Ref) -> str | None:
        """The address of the online invoice, with which a client can pay; None for drafts and where Xero has none."""
        return push.online_invoice(self._api, ref)

    def probe(self) -> Probe:
        """Is the connection usable, as whom, and who else reminds clients there."""
        return probing.probe(self._api, self._context.clock.now())

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Hints of a delivery whose signature holds; Rejected when it does not."""
        key = self._settings.webhook_key
        secret = key.get_secret_value() if key else None
        return webhooks.hints(headers, body, key=secret, tenant=self._settings.tenant_id, connection=self._context.name)


class _Organisation(msgspec.Struct):
    base_currency: str = msgspec.field(name="BaseCurrency")


class _Organisations(msgspec.Struct):
    rows: list[_Organisation] = msgspec.field(name="Organisations")


class _Account(msgspec.Struct):
    code: str | None = msgspec.field(default=None, name="Code")
    group: str = msgspec.field(default="", name="Class")
    system: str | None = msgspec.field(default=None, name="SystemAccount")


class _Accounts(msgspec.Struct):
    rows: list[_Account] = msgspec.field(name="Accounts")
