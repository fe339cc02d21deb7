"""Xero in memory: identity server and Accounting API 2.0 for one or more organisations, written from the vendor's documentation.

`handle` answers one request; the same object works under httpx.MockTransport and over loopback HTTP. Levers: `books` (the first
organisation; change it at will), `levers` (faults and the request log), `access` (consents, tenants, scopes), `limits`,
`high_volume`, `emails_a_day`, `on_list` (called before every list read, to change things between pages), `webhook` and
`intent_to_receive`. Its time is the clock it is given.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec

from connectors.testing.faults import Levers
from connectors.testing.paper import printed
from connectors.xero.sandbox_access import Access, Grant
from connectors.xero.sandbox_books import CREDITS, Organisation, Refused
from connectors.xero.sandbox_limits import IdempotencyTable, Limits
from connectors.xero.sandbox_lists import UNCHANGING, BadQuery, HighVolume, TooManyIds, parse_since, read_list
from connectors.xero.sandbox_shapes import ID_FIELD, Doc, envelope, guid, stamp
from connectors.xero.sandbox_worlds import World, seed_recorded
from connectors.xero.sandbox_writes import Writer
from core.clock import Clock
from core.records import Record

PREFIX = "/api.xro/2.0"
_JSON = msgspec.json.Encoder(decimal_format="number")
_TOO_LONG = "<!DOCTYPE html><html><title>IIS Detailed Error - 404.15 - Not Found</title><body>query string too long</body></html>"
_PATH = re.compile(r"/(?P<table>\w+)(?:/(?P<ref>[^/]+))?(?:/(?P<sub>\w+))?(?:/(?P<item>[^/]+))?")


class XeroSandbox:
    """One Xero with one connected organisation; `add_tenant` connects more."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.books = Organisation(clock)
        self.access = Access(clock)
        self.keys = IdempotencyTable(clock)
        self.levers = Levers(fail_body=_fault_body)
        self.high_volume: int | None = None
        self.emails_a_day = 1000
        self.webhook_key = "sandbox-webhook-key-1c2f"
        self.on_list: Callable[[httpx.Request], None] | None = None
        self._tenants: dict[str, Organisation] = {}
        self._limits: dict[str, Limits] = {}
        self._sequence = 0
        self._calls = 0
        self.tenant_id = self.add_tenant(self.books)

    # ── set up ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def add_tenant(self, books: Organisation) -> str:
        """Connect an organisation; gives its tenant id."""
        tenant = str(books.profile["OrganisationID"])
        self._tenants[tenant] = books
        self._limits[tenant] = Limits(self.clock)
        self.access.tenants[tenant] = books.profile["Name"]
        return tenant

    @property
    def limits(self) -> Limits:
        """The limits of the first organisation; every organisation has its own."""
        return self._limits[self.tenant_id]

    def settings(self, base_url: str) -> dict[str, Any]:
        """Keys for [connections.NAME]: a custom connection to the first organisation."""
        return {
            "client_id": self.access.client_id,
            "client_secret": self.access.client_secret,
            "tenant_id": self.tenant_id,
            "base_url": f"{base_url}{PREFIX}",
            "identity_url": base_url,
            "webhook_key": self.webhook_key,
        }

    def seed_world(self, records: Iterable[Record]) -> World:
        """Create records of duesync's own kinds, in order; see sandbox_worlds.World for what is acted out."""
        world = World(self.books)
        world.add(records)
        return world

    def seed_recorded(self, folder: Path) -> int:
        """Take over a recorded organisation; how many documents. See sandbox_worlds.seed_recorded."""
        return seed_recorded(self.books, folder)

    def touch(self, table: str, ref: str) -> None:
        """Change a document's UpdatedDateUTC to now."""
        stamp(self.books.get(table, ref), self.clock.now())

    def notes(self, ref: str) -> list[str]:
        """The history notes of a document, newest first."""
        return [row["Details"] for row in self.books.history.get(ref, [])]

    # ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def webhook(
        self, category: str, ref: str, *, kind: str = "UPDATE", tenant: str | None = None
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery about one document: category CONTACT, INVOICE, CREDITNOTE, PREPAYMENT, OVERPAYMENT."""
        self._sequence += 1
        table = {"CREDITNOTE": "CreditNotes"}.get(category, f"{category.capitalize()}s")
        event = {
            "resourceUrl": f"https://api.xero.com{PREFIX}/{table}/{ref}",
            "resourceId": ref,
            "eventDateUtc": self.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
            "eventType": kind,
            "eventCategory": category,
            "tenantId": tenant or self.tenant_id,
            "tenantType": "ORGANISATION",
        }
        body = {
            "events": [event],
            "firstEventSequence": self._sequence,
            "lastEventSequence": self._sequence,
            "entropy": guid(ref)[:20],
        }
        return self._signed(json.dumps(body).encode())

    def intent_to_receive(self) -> list[tuple[dict[str, str], bytes, bool]]:
        """Xero's validation of a webhook address: empty deliveries and whether each is signed rightly."""
        found = []
        for index, good in enumerate((True, False, True, False)):
            body = {"events": [], "lastEventSequence": 0, "firstEventSequence": 0, "entropy": guid("intent", index)[:20]}
            headers, raw = self._signed(json.dumps(body).encode(), key=None if good else "not-the-key")
            found.append((headers, raw, good))
        return found

    def _signed(self, raw: bytes, *, key: str | None = None) -> tuple[dict[str, str], bytes]:
        digest = hmac.new((key or self.webhook_key).encode(), raw, hashlib.sha256).digest()
        return {"x-xero-signature": base64.b64encode(digest).decode(), "content-type": "application/json"}, raw

    # ── answering ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        path = request.url.path
        if path.startswith(("/connect/", "/identity/")):
            return self.levers.through(request, self._identity, exempt=True)
        return self.levers.through(request, self._answer)

    def _identity(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/identity/connect/authorize":
            return self.access.authorize(dict(request.url.params))
        if path == "/connect/token" and request.method == "POST":
            return self.access.token(request)
        if path == "/connect/revocation" and request.method == "POST":
            self.access.revoke()
            return httpx.Response(200)
        return httpx.Response(404)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        grant = self.access.grant_of(request)
        if isinstance(grant, httpx.Response):
            return grant
        if request.url.path.lower().startswith("/connections"):
            return self._connections(request)
        tenant = self.access.tenant_of(request, grant)
        if isinstance(tenant, httpx.Response):
            return tenant
        limits = self._limits[tenant]
        refusal = limits.enter()
        if refusal is not None:
            return refusal
        self._calls += 1
        try:
            answer = self.keys.answer(request, lambda: self._api(request, grant, self._tenants[tenant]))
        finally:
            limits.leave()
        answer.headers.update({**limits.headers(), "Xero-Correlation-Id": guid("call", self._calls)})
        return answer

    def _connections(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            return httpx.Response(204 if self.access.disconnect(request.url.path.rsplit("/", 1)[-1]) else 404)
        return httpx.Response(200, json=self.access.connections())

    def _api(self, request: httpx.Request, grant: Grant, books: Organisation) -> httpx.Response:
        found = _PATH.fullmatch(request.url.path.removeprefix(PREFIX))
        if not request.url.path.startswith(PREFIX) or found is None:
            return httpx.Response(404)
        table, ref, sub, item = found["table"], found["ref"], found["sub"], found["item"]
        refusal = self.access.allowed(grant, table, write=request.method != "GET")
        if refusal is not None:
            return refusal
        accept = request.headers.get("accept", "")
        wants_pdf = sub == "pdf" or "application/pdf" in accept
        if not wants_pdf and "json" not in accept:
            text = f'<?xml version="1.0"?><Response><Status>OK</Status><{table} /></Response>'
            return httpx.Response(200, headers={"Content-Type": "text/xml; charset=utf-8"}, content=text.encode())
        try:
            if request.method == "GET":
                return self._get(request, books, table, ref, sub, pdf=wants_pdf)
            return self._write(request, books, table, ref, sub, item)
        except Refused as refusal_of_one:
            return _invalid([{"ValidationErrors": [{"Message": text} for text in refusal_of_one.args]}])
        except (BadQuery, HighVolume) as problem:
            return _bad_query(problem)
        except TooManyIds:
            return httpx.Response(404, headers={"Content-Type": "text/html"}, content=_TOO_LONG.encode())
        except KeyError:
            return httpx.Response(404, json="The resource you're looking for cannot be found")

    # ── GET ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _get(
        self, request: httpx.Request, books: Organisation, table: str, ref: str | None, sub: str | None, *, pdf: bool
    ) -> httpx.Response:
        fixed: dict[tuple[str, str | None], Doc] = {
            ("Organisation", None): {"Organisations": [books.profile]},
            ("Organisation", "Actions"): {"Actions": [{"Name": "UseCreditNotes", "Status": "ALLOWED"}]},
            ("InvoiceReminders", "Settings"): {"InvoiceReminders": [{"Enabled": books.reminders}]},
        }
        if (table, ref) in fixed:
            return self._ok(fixed[table, ref])
        if table not in ID_FIELD:
            return httpx.Response(404)
        if ref is None:
            return self._list(request, books, table)
        doc = self._named(books, table, ref)
        if pdf:
            content = printed(f"{table} {doc.get('InvoiceNumber', '')}", f"Total {doc.get('Total', '')}")
            return httpx.Response(200, headers={"Content-Type": "application/pdf"}, content=content)
        if sub == "History":
            return self._ok({"HistoryRecords": books.history.get(doc[ID_FIELD[table]], [])})
        if sub == "OnlineInvoice":
            return self._ok({"OnlineInvoices": [{"OnlineInvoiceUrl": _online(doc)}]})
        return self._ok({table: [doc]}) if sub is None else httpx.Response(404)

    def _list(self, request: httpx.Request, books: Organisation, table: str) -> httpx.Response:
        if self.on_list is not None:
            self.on_list(request)
        since = None if table in UNCHANGING else parse_since(request.headers.get("if-modified-since"))
        docs = list(books.tables[table].values())
        return self._ok(read_list(table, docs, dict(request.url.params), since, high_volume=self.high_volume))

    @staticmethod
    def _named(books: Organisation, table: str, ref: str) -> Doc:
        doc = books.find(table, ref)
        if doc is None and table == "Invoices":
            doc = next((item for item in books.tables[table].values() if item.get("InvoiceNumber") == ref), None)
        if doc is None:
            raise KeyError(ref)
        return doc

    # ── PUT, POST, DELETE ───────────────────────────────────────────────────────────────────────────────────────────────
    def _write(
        self, request: httpx.Request, books: Organisation, table: str, ref: str | None, sub: str | None, item: str | None
    ) -> httpx.Response:
        writer = Writer(books, lambda: self.clock.now().date(), self.clock.now)
        body = _body_of(request)
        if ref is None:
            return self._save(request, writer, table, body)
        doc = self._named(books, table, ref) if table in ID_FIELD else {}
        if sub == "History" and request.method == "PUT":
            return self._ok({"HistoryRecords": writer.note(doc[ID_FIELD[table]], body.get("HistoryRecords") or [])})
        if sub == "Email" and table == "Invoices":
            writer.email(doc, a_day=0 if books.profile["IsDemoCompany"] else self.emails_a_day)
            return httpx.Response(204)
        if sub == "Allocations" and table in CREDITS:
            if request.method == "DELETE":
                return self._ok(books.deallocate(doc, item or ""))
            return self._ok({"Allocations": writer.allocate(doc, body.get("Allocations") or [])})
        if sub is None and table == "Payments" and request.method == "POST":
            return self._ok({"Payments": [writer.delete_payment(doc, body)]})
        if sub is None and request.method == "POST":
            given = [{**element, ID_FIELD[table]: doc[ID_FIELD[table]]} for element in body.get(table) or [body]]
            return self._save(request, writer, table, {table: given})
        return httpx.Response(405)

    def _save(self, request: httpx.Request, writer: Writer, table: str, body: Doc) -> httpx.Response:
        if not writer.takes(table) or request.method not in ("PUT", "POST"):
            return httpx.Response(405)
        given = body.get(table)
        elements = given if isinstance(given, list) else [body]
        saved, refused = writer.save(table, elements, create=request.method == "PUT")
        if refused and request.url.params.get("summarizeErrors", "true").lower() != "false":
            return _invalid(refused)
        return self._ok({table: [*saved, *refused]})

    def _ok(self, lists: Doc) -> httpx.Response:
        body = _JSON.encode(envelope(self.clock.now(), **lists))
        return httpx.Response(200, headers={"Content-Type": "application/json; charset=utf-8"}, content=body)


def _body_of(request: httpx.Request) -> Doc:
    if not request.content:
        return {}
    try:
        body = json.loads(request.content, parse_float=Decimal)
    except ValueError as error:
        raise Refused("The request body could not be read") from error
    return body if isinstance(body, dict) else {}


def _invalid(elements: list[Doc]) -> httpx.Response:
    body = {"ErrorNumber": 10, "Type": "ValidationException", "Message": "A validation exception occurred", "Elements": elements}
    return httpx.Response(400, headers={"Content-Type": "application/json; charset=utf-8"}, content=_JSON.encode(body))


def _bad_query(problem: Exception) -> httpx.Response:
    if isinstance(problem, HighVolume):
        text = f"Your request is not filtering {problem} efficiently, given the extremely high volume for this organisation."
        return httpx.Response(400, json={"Type": "HighVolumeException", "Message": text})
    return httpx.Response(400, json={"ErrorNumber": 16, "Type": "QueryParseException", "Message": str(problem)})


def _fault_body(status: int) -> httpx.Response:
    """What stands in for the API when it fails: the documented plain text for 503, the identity layer's shape otherwise."""
    if status == 503:
        return httpx.Response(503, headers={"Content-Type": "text/plain"}, content=b"The Organisation is offline")
    return httpx.Response(status, json={"Type": None, "Title": "Error", "Status": status, "Detail": "An error occurred in Xero."})


def _online(doc: Doc) -> str:
    if doc["Type"] != "ACCREC" or doc["Status"] == "DRAFT":
        raise Refused("Online invoices are available for issued sales invoices only")
    return f"https://in.xero.com/{guid('online', doc['InvoiceID']).replace('-', '')}"


__all__ = ["PREFIX", "Organisation", "XeroSandbox"]
