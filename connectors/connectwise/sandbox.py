"""ConnectWise PSA in memory: sign-in, companyinfo, lists with conditions and both pagings, writes, callbacks, limits, errors.

Written from the vendor's guide, the derived model and recorded answers; imports neither the connector nor its mapping. Levers are
plain attributes, so that a test reads like the complaint it proves. Where the brief calls behaviour UNCONFIRMED, both kinds can
be had (`silent_payments`, `unfilterable`, `forward_only`, `refuse_keys_with`).
"""

from __future__ import annotations

import base64
import email.utils
import json
import math
import re
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
import msgspec

from connectors.connectwise.sandbox_books import Doc, Tenant
from connectors.connectwise.sandbox_callbacks import Callbacks
from connectors.connectwise.sandbox_query import BadCondition, Conditions, projected, sorted_rows
from connectors.connectwise.sandbox_recorded import seed_recorded
from connectors.connectwise.sandbox_rehearsal import Rehearsal
from connectors.connectwise.sandbox_world import TABLES, Seeder, World
from connectors.connectwise.sandbox_writes import Refused, Writes
from connectors.testing.faults import FixedWindow, Levers
from connectors.testing.paper import printed
from core.actions import Action
from core.clock import Clock
from core.ports import Capability
from core.records import Record, Stream

if TYPE_CHECKING:
    from connectors.testing.bench import Bench

_ENCODER = msgspec.json.Encoder(decimal_format="number")
LARGEST_PAGE = 1000
ENTITIES = (  # collection path → entity; {} is an id
    (r"company/companies/statuses", "CompanyStatus"),
    (r"company/companies/\d+/notes", "CompanyNote"),
    (r"company/companies", "Company"),
    (r"company/contacts", "Contact"),
    (r"company/noteTypes", "CompanyNoteType"),
    (r"finance/invoices/\d+/payments", "InvoicePayment"),
    (r"finance/invoices", "Invoice"),
    (r"finance/agreements", "Agreement"),
    (r"finance/billingTerms", "BillingTerm"),
    (r"finance/billingStatuses", "BillingStatus"),
    (r"finance/accountingPackageSetup", "AccountingPackageSetup"),
    (r"service/boards/\d+/statuses", "BoardStatus"),
    (r"service/boards", "Board"),
    (r"service/tickets/\d+/notes", "ServiceNote"),
    (r"service/tickets", "Ticket"),
    (r"time/entries", "TimeEntry"),
    (r"system/callbacks", "CallbackEntry"),
    (r"system/workflows/events", "WorkflowEvent"),
    (r"system/workflows", "Workflow"),
)
_NO_COUNT = "InvoicePayment"  # the one list here without /count (brief 1.5)
_HTML = "<html><body>Sign in to ConnectWise</body></html>"


class ConnectwiseSandbox:
    """One tenant behind the vendor's HTTP. `tenant` holds the data, `levers` the faults, `callbacks` what webhooks are owed."""

    def __init__(
        self, clock: Clock, *, company: str = "acme", codebase: str = "v2025_1/", currency: str = "USD", cloud: bool = True
    ) -> None:
        self.clock = clock
        self.company = company
        self.codebase = codebase
        self.cloud = cloud
        self.public_key, self.private_key = "sandbox-public", "sandbox-private-canary"
        self.client_id = "11111111-2222-3333-4444-555555555555"
        self.tenant = Tenant(clock, currency=currency)
        self.writes = Writes(self.tenant)
        self.callbacks = Callbacks(self.tenant, company=company, codebase=codebase, signing_key="sandbox-signing-key")
        self._seeder = Seeder(self.tenant)
        self._rehearsal = Rehearsal(self.tenant, self.writes)
        self.levers = Levers(fail_body=_fail_body)
        self.limit = FixedWindow(clock, limit=1000, span=60.0)
        self.denied: set[str] = set()  # path prefixes the role may not read or write, such as "finance/invoices"
        self.read_only: set[str] = set()  # path prefixes the role may only read
        self.unfilterable: frozenset[str] = frozenset()
        self.filter_shift = timedelta()  # a server that reads instants in filters as its local time
        self.forward_only = True  # honours pagination-type: forward-only
        self.link_headers = True
        self.refuse_keys_with = 401  # 404: how the cloud may answer wrong keys (brief 1.2)
        self.key_page_signed = False  # the key page wants credentials

    # ── core.ports.Sandbox ──────────────────────────────────────────────────────────────────────────────────────────────
    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, or let the next fault do it."""
        response = self.levers.through(request, self._answer)
        response.headers.setdefault("Date", email.utils.format_datetime(self.clock.now(), usegmt=True))
        return response

    def settings(self, base_url: str) -> dict[str, Any]:
        """Keys of [connections.NAME] that lead to this sandbox, with every kind of write switched on."""
        self.callbacks.origin = base_url
        switches = ("ticket", "ticket_note", "company_note", "custom_field", "company_status", "payment")
        return {
            "site": "na.myconnectwise.net",
            "base_url": base_url,
            "company_id": self.company,
            "public_key": self.public_key,
            "private_key": self.private_key,
            "client_id": self.client_id,
            "slow_sweep_hours": 24.0,
            "push": {**dict.fromkeys(switches, True), "ticket_board": "Accounts"},
        }

    def seed_world(self, records: Iterable[Record]) -> World:
        """Create these records in ConnectWise's terms; see sandbox_world. Gives the refs each became."""
        return self._seeder.seed(records)

    def seed_recorded(self, folder: Path) -> int:
        """Serve recorded answers as they are, ids and change times included; how many rows were found in `folder`."""
        return seed_recorded(self.tenant, folder)

    def change(self, stream: Stream, ref: str) -> None:
        """Edit something of the record that a pull shows."""
        self._rehearsal.change(stream, ref)

    def remove(self, stream: Stream, ref: str) -> None:
        """Delete it."""
        self._rehearsal.remove(stream, ref)

    def spoil(self, stream: Stream, ref: str) -> None:
        """Send it in a way nobody can read."""
        self._rehearsal.spoil(stream, ref)

    def wants(self, capability: Capability, number: int, bench: Bench) -> Action | None:
        """Action `number` to try a capability with."""
        return self._rehearsal.wants(capability, number, bench)

    def done(self, action: Action) -> int:
        """How often this action was done here."""
        return self._rehearsal.done(action)

    def webhook(self, stream: Stream, ref: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of a genuine callback about this record."""
        table = {**TABLES, Stream.WORK: "time/entries"}[stream]
        return self.callbacks.about(table, self.tenant.table(table)[int(ref)])

    def move_codebase(self, codebase: str) -> None:
        """Upgrade the tenant: the old codebase is gone from now on."""
        self.codebase = self.callbacks.codebase = codebase

    # ── answering ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.startswith("/login/companyinfo/"):
            return self._company_info(unquote(path.rpartition("/")[2]))
        if path.replace("//", "/").startswith(f"/{self.codebase}system/callbackkey/"):
            return self._key_page(request)
        inside = re.fullmatch(r"/(v[0-9a-z_]+)/apis/3\.0/(.+)", path)
        if inside is None or f"{inside[1]}/" not in (self.codebase, *(("v4_6_release/",) if self.cloud else ())):
            return httpx.Response(404, html=_HTML)
        try:
            self._admit(request, inside[2])
            return self._route(request, inside[2].rstrip("/"))
        except Refused as refused:
            return _reply(refused.status, refused.body)
        except BadCondition as bad:
            return _reply(400, {"code": bad.code, "message": str(bad)})

    def _company_info(self, name: str) -> httpx.Response:
        if name.lower() != self.company.lower():
            return _reply(200, None)
        code = self.codebase.rstrip("/").replace("_", ".")
        names = {"CompanyName": self.company, "Codebase": self.codebase, "VersionCode": code, "VersionNumber": code}
        return _reply(200, {**names, "CompanyID": self.company, "IsCloud": str(self.cloud)})

    def _key_page(self, request: httpx.Request) -> httpx.Response:
        if self.key_page_signed and not self._known_keys(request):
            return _reply(401, {"code": "Unauthorized", "message": "Authorization is required."})
        return _reply(200, self.callbacks.key_page())

    def _known_keys(self, request: httpx.Request) -> bool:
        pair = f"{self.company}+{self.public_key}:{self.private_key}"
        return bool(request.headers.get("authorization") == "Basic " + base64.b64encode(pair.encode()).decode())

    def _admit(self, request: httpx.Request, inside: str) -> None:
        """Keys, client id, role and rate, in the order the vendor's front asks."""
        wait = self.limit.admit()
        if wait is not None:
            raise _Throttled(math.ceil(wait))
        if not self._known_keys(request):
            if self.refuse_keys_with == 404:
                raise _Unreadable(404)
            raise Refused(401, "Unauthorized", "Unauthorized access. Please verify your credentials.")
        if request.headers.get("clientid") != self.client_id:
            raise Refused(403, "Security", "A valid clientId header is required.")
        refused = any(inside.startswith(prefix) for prefix in self.denied)
        if refused or (request.method != "GET" and any(inside.startswith(prefix) for prefix in self.read_only)):
            raise Refused(403, "Security", "You do not have security permission to perform this action.")

    def _route(self, request: httpx.Request, inside: str) -> httpx.Response:
        if inside == "system/info":
            info = {"version": "v2025.1.10333", "isCloud": self.cloud, "serverTimeZone": "GMT Standard Time"}
            return _reply(200, {**info, "licenseBits": [{"name": "AuditTrail", "activeFlag": False}], "cloudRegion": "NA"})
        match = re.fullmatch(r"(finance/invoices)/(\d+)/pdf", inside)
        if match:
            row = self._get(match[1], "Invoice", int(match[2]))
            content = printed(f"Invoice {row['invoiceNumber']}", f"Total {row.get('total', '')}")
            return httpx.Response(200, content=content, headers={"content-type": "application/pdf"})
        for pattern, entity in ENTITIES:
            found = re.fullmatch(rf"({pattern})(?:/(count|\d+))?", inside)
            if found:
                self._check_parent(found[1])
                return self._collection(request, found[1], entity, found[2])
        raise Refused(404, "ConnectWiseApi", "The endpoint does not exist.")

    def _check_parent(self, name: str) -> None:
        match = re.fullmatch(r"(.+)/(\d+)/\w+", name)
        if match:
            entity = next(entity for pattern, entity in ENTITIES if re.fullmatch(pattern, match[1]))
            self._get(match[1], entity, int(match[2]))

    def _get(self, name: str, entity: str, number: int) -> Doc:
        row = self.tenant.table(name).get(number)
        if row is None:
            raise Refused(404, "NotFound", f"{entity} {number} not found")
        return row

    def _collection(self, request: httpx.Request, name: str, entity: str, rest: str | None) -> httpx.Response:
        if rest == "count":
            if entity == _NO_COUNT:
                raise Refused(404, "ConnectWiseApi", "The endpoint does not exist.")
            return _reply(200, {"count": len(self._matching(request, name, entity))})
        if rest is None:
            return self._create(request, name, entity) if request.method == "POST" else self._list(request, name, entity)
        return self._record(request, name, entity, int(rest))

    def _create(self, request: httpx.Request, name: str, entity: str) -> httpx.Response:
        return _reply(201, self.writes.create(name, entity, _read(request)))

    def _record(self, request: httpx.Request, name: str, entity: str, number: int) -> httpx.Response:
        row = self._get(name, entity, number)
        if request.method == "GET":
            return _reply(200, projected(row, request.url.params.get("fields")))
        if request.method == "PATCH":
            return _reply(200, self.writes.patch(name, entity, number, _read(request)))
        if request.method == "DELETE":
            if entity == "InvoicePayment":
                self.tenant.unpay(int(name.split("/")[2]), number)
            else:
                self.tenant.remove(name, number)
            return httpx.Response(204)
        raise Refused(405, "ConnectWiseApi", "The requested resource does not support this method.")

    # ── lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _matching(self, request: httpx.Request, name: str, entity: str) -> list[Doc]:
        if request.method != "GET":
            raise Refused(405, "ConnectWiseApi", "The requested resource does not support this method.")
        text = request.url.params.get("conditions", "")
        test = Conditions(text, entity, shift=self.filter_shift, unfilterable=self.unfilterable).test()
        return [row for row in self.tenant.rows(name) if test(row)]

    def _list(self, request: httpx.Request, name: str, entity: str) -> httpx.Response:
        params = request.url.params
        size = _whole(params.get("pageSize"), 25)
        if not 1 <= size <= LARGEST_PAGE:
            raise Refused(400, "OutOfRange", f"pageSize must be between 1 and {LARGEST_PAGE}.")
        rows = self._matching(request, name, entity)
        forward = self.forward_only and request.headers.get("pagination-type", "").lower() == "forward-only"
        if forward:
            if params.get("orderBy"):
                raise Refused(400, "ConnectWiseApi", "orderBy is not supported with forward-only pagination.")
            after = _whole(params.get("pageId"), 0)
            page = [row for row in rows if row["id"] > after][:size]
        else:
            number = max(1, _whole(params.get("page"), 1))
            page = sorted_rows(rows, params.get("orderBy"), entity)[(number - 1) * size : number * size]
        response = _reply(200, [projected(row, params.get("fields")) for row in page])
        if self.link_headers:
            response.headers["Link"] = self._links(request, page, len(rows), forward=forward)
        return response

    def _links(self, request: httpx.Request, page: list[Doc], total: int, *, forward: bool) -> str:
        """Forward-only always names a next page, even after the last; page numbers name what exists (brief 1.5)."""
        url, params = request.url.copy_with(query=None), dict(request.url.params)
        if forward:
            params["pageId"] = str(page[-1]["id"] if page else params.get("pageId", 0))
            return f'<{url.copy_with(params=params)}>; rel="next"'
        size, number = _whole(params.get("pageSize"), 25), _whole(params.get("page"), 1)
        last = max(1, -(-total // size))
        targets = {"first": 1, "prev": number - 1, "next": number + 1, "last": last}
        kept = {rel: at for rel, at in targets.items() if 1 <= at <= last}
        return ", ".join(f'<{url.copy_with(params={**params, "page": str(at)})}>; rel="{rel}"' for rel, at in kept.items())


class _Throttled(Refused):
    def __init__(self, seconds: int) -> None:
        super().__init__(429, "", "")
        self.body = {"error": "ConnectWiseAPI", "message": f"Too many requests. Please try again in {seconds} seconds."}


class _Unreadable(Refused):
    def __init__(self, status: int) -> None:
        super().__init__(status, "", "")
        self.body = {"_html": _HTML}


def _reply(status: int, body: Any) -> httpx.Response:
    if isinstance(body, dict) and "_html" in body:
        return httpx.Response(status, html=body["_html"])
    headers = {"content-type": "application/vnd.connectwise.com+json; version=2025.8"}
    match = re.search(r"again in (\d+) second", str(body.get("message"))) if status == 429 else None
    if match:
        headers["Retry-After"] = match[1]
    return httpx.Response(status, content=_ENCODER.encode(body), headers=headers)


def _fail_body(status: int) -> httpx.Response:
    """The vendor's own body for a status a lever asks for."""
    if status == 429:
        return httpx.Response(429, json={"error": "ConnectWiseAPI", "message": "Too many requests. Please try again later."})
    code = {401: "Unauthorized", 403: "Security", 404: "NotFound", 409: "RecordInUse"}.get(status, "InternalServerError")
    return httpx.Response(status, json={"code": code, "message": f"The request failed with {status}."})


def _read(request: httpx.Request) -> Any:
    if "json" not in request.headers.get("content-type", ""):
        raise Refused(415, "UnsupportedMediaType", "The request entity's media type is not supported.")
    try:
        return json.loads(request.content, parse_float=Decimal)
    except ValueError as error:
        raise Refused(400, "ConnectWiseApi", "The request body could not be read.") from error


def _whole(text: str | None, default: int) -> int:
    try:
        return int(text) if text else default
    except ValueError as error:
        raise Refused(400, "ConnectWiseApi", f"{text!r} is not a number.") from error
