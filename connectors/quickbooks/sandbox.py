"""QuickBooks Online in memory, written from Intuit's documentation and recorded answers. Imports nothing of the connector.

One company (realm) with sign-in, queries, change data capture, writes with concurrency tokens and request ids, mail, PDF, batch,
reports, webhooks, limits and metering. It keeps the time of the clock it is given. `handle` serves httpx.MockTransport and,
through connectors.testing.serve, real HTTP. Levers: `levers` (faults, request log), `oauth`, `books`, and the attributes below.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from connectors.quickbooks import sandbox_feeds as feeds
from connectors.quickbooks.sandbox_books import NAMED, TRANSACTIONS, SandboxBooks
from connectors.quickbooks.sandbox_oauth import SandboxOAuth
from connectors.quickbooks.sandbox_query import parse, select
from connectors.quickbooks.sandbox_rehearsal import Rehearsed
from connectors.quickbooks.sandbox_seed import World, seed_company, seed_recorded
from connectors.quickbooks.sandbox_wire import (
    PACIFIC,
    Refusal,
    answer_time,
    instant_text,
    read_json,
    refused,
    respond,
    throttled,
    unauthenticated,
    unauthorized_app,
)
from connectors.testing.faults import FixedWindow, Levers, Remembered
from connectors.testing.paper import printed
from core.clock import Clock
from core.records import Stream

Json = dict[str, Any]
MAILS_PER_DAY = 40  # Intuit, "Limits and throttles": sandbox companies
BATCH_LIMIT = 30
_MAILED = ("Invoice", "CreditMemo", "Estimate", "SalesReceipt", "RefundReceipt", "Payment")


class QuickBooksSandbox(Rehearsed):
    """One QuickBooks company. Thread-safe: one request at a time.

    `disconnected` makes every call 403/3100; `corrupt` (entity, id) makes any query that meets the object fail with 10000;
    `false_tombstones` (entity, id) are live objects that CDC calls deleted; `metered` counts the reads Intuit bills and `quota`
    stops them; `per_second` None leaves that limit out, since a test's clock may stand still; `remember_for` is how long request
    ids are known in seconds (None: always).
    """

    def __init__(self, clock: Clock, *, realm: str = "9130347", currency: str = "USD", zone: str = "America/Chicago") -> None:
        self.clock = clock
        self.realm = realm
        self.verifier = "sandbox-verifier-token"
        self.books = SandboxBooks(clock, home=currency)
        self.oauth = SandboxOAuth(clock, realm)
        self.world = World(self.books)
        self.levers = Levers(fail_body=self._fail_body)
        self.disconnected = False
        self.corrupt: set[tuple[str, str]] = set()
        self.false_tombstones: set[tuple[str, str]] = set()
        self.metered = 0
        self.quota: int | None = None
        self.mails: list[tuple[str, str]] = []  # (invoice id, address) in the order sent
        self.per_minute = FixedWindow(clock, limit=500, span=60.0)
        self.per_second: FixedWindow | None = None
        self.request_ids = Remembered(clock, lifetime=None)
        self._mail_days: dict[date, int] = {}
        self._heard = 0
        self._serial = 0
        self._lock = threading.RLock()
        seed_company(self.books, name="Sandbox Company", country="US", zone=zone)

    # ── core.ports.Sandbox ──────────────────────────────────────────────────────────────────────────────────────────────
    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        sign_in = "/oauth2/" in request.url.path or request.url.path == "/connect/oauth2"
        return self.levers.through(request, self._answer, exempt=sign_in)

    def settings(self, base_url: str) -> Json:
        """Keys for [connections.NAME] that make a connector talk to this sandbox; asks for consent when there is none yet."""
        grant = self.oauth.grant
        return {
            "realm_id": self.realm,
            "client_id": self.oauth.client_id,
            "client_secret": self.oauth.client_secret,
            "refresh_token": grant.refresh if grant else self.oauth.consent(),
            "webhook_verifier": self.verifier,
            "environment": "sandbox",
            "base_url": base_url,
            "token_url": f"{base_url}/oauth2/v1/tokens/bearer",
            "authorize_url": f"{base_url}/connect/oauth2",
            "push": {
                "send_invoice": True,
                "note": True,
                "fields": ["PrivateNote", "CustomerMemo", "BillEmail", "Notes"],
            },
        }

    # ── levers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def seed_recorded(self, folder: Path) -> int:
        """Take over a recorded company; how many rows. See sandbox_seed.seed_recorded."""
        return seed_recorded(self.books, folder)

    def webhook(
        self, stream: Stream | None = None, ref: str | None = None, *, cloud: bool = True
    ) -> tuple[dict[str, str], bytes]:
        """Headers and signed body, in the CloudEvents or the older shape: of one record, or of all changes since the last one."""
        if stream is not None and ref is not None:
            changes = [self.change_of(stream, ref)]
        else:
            changes = self.books.changes[self._heard :]
            self._heard = len(self.books.changes)
        body = (feeds.cloud_payload if cloud else feeds.legacy_payload)(self.realm, changes)
        headers = {"intuit-signature": feeds.sign(body, self.verifier), "content-type": "application/json; charset=utf-8"}
        return headers | {"intuit-t-id": self._tid(), "intuit-created-time": instant_text(self.clock.now())}, body

    # ── answering ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def _tid(self) -> str:
        self._serial += 1
        return f"1-{self._serial:08x}-{'5a' * 12}"

    def _fail_body(self, status: int) -> httpx.Response:
        tid, now = self._tid(), self.clock.now()
        if status == 401:
            return unauthenticated("AB0canary", now, tid=tid)
        if status == 403:
            return unauthorized_app(tid=tid)
        if status == 429:
            return throttled(now, tid=tid)
        if status >= 500:
            message = "An application error has occurred while processing your request"
            return refused(Refusal("10000", message, status=status, kind="SystemFault"), now, tid=tid)
        return refused(Refusal("2010", "Request has invalid or unsupported property", status=status), now, tid=tid)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            tid = self._tid()
            path = request.url.path
            if path == "/oauth2/v1/tokens/bearer":
                return self.oauth.token(request, tid=tid)
            if path == "/v2/oauth2/tokens/revoke":
                return self.oauth.revoke_call(request, tid=tid)
            if path == "/connect/oauth2":
                return self.oauth.authorize(request, tid=tid)
            return self._gateway(request, tid) or self._company(request, tid)

    def _gateway(self, request: httpx.Request, tid: str) -> httpx.Response | None:
        """What stands before the company: token, app, limits. None lets the request through."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        now = self.clock.now()
        if not self.oauth.accepts(token):
            return unauthenticated(token, now, tid=tid)
        if not request.url.path.startswith("/v3/company/"):
            return httpx.Response(404, headers={"intuit_tid": tid})
        if self.disconnected or request.url.path.split("/")[3] != self.realm:
            return unauthorized_app(tid=tid)
        for limit in (self.per_second, self.per_minute):
            if limit is not None and limit.admit() is not None:
                return throttled(now, tid=tid)
        if self.quota is not None and self.metered >= self.quota:
            return throttled(now, tid=tid)
        return None

    def _company(self, request: httpx.Request, tid: str) -> httpx.Response:
        parts = request.url.path.split("/")[4:]
        params = dict(request.url.params)
        key = params.get("requestid") if request.method == "POST" else None
        try:
            if key is not None and len(key) > 50:
                raise Refusal("2130", "Invalid request id", "requestid has more than 50 characters.")
            known = self.request_ids.find(key) if key else None
            if known is not None:
                return known[1]
            response = self._route(request, parts, params, tid)
        except Refusal as refusal:
            return refused(refusal, self.clock.now(), tid=tid)
        if key is not None and response.status_code == 200:
            self.request_ids.keep(key, request.url.path, response)
        if request.method == "GET" or parts[0] == "query":
            self.metered += 1
        return response

    def _route(self, request: httpx.Request, parts: list[str], params: Mapping[str, str], tid: str) -> httpx.Response:
        head, rest = parts[0], parts[1:]
        if head == "query":
            statement = params.get("query") or request.content.decode()
            return self._json({"QueryResponse": self._query(statement)}, tid)
        if request.method == "GET" and head == "cdc":
            body = feeds.capture(
                self.books, params.get("entities", ""), params.get("changedSince", ""), false_tombstones=self.false_tombstones
            )
            return respond(body, tid=tid)
        if request.method == "GET" and head == "reports":
            return respond(self._report(rest, params), tid=tid)
        if request.method == "POST" and head == "batch":
            return self._json({"BatchItemResponse": self._batch(read_json(request.content))}, tid)
        if head != head.lower():
            return httpx.Response(404, headers={"intuit_tid": tid})
        return self._entity(request, head, rest, params, tid)

    def _json(self, body: Json, tid: str) -> httpx.Response:
        return respond({**body, "time": answer_time(self.clock.now())}, tid=tid)

    def _entity(self, request: httpx.Request, head: str, rest: list[str], params: Mapping[str, str], tid: str) -> httpx.Response:
        try:
            entity = self.books.entity_named(head)
        except Refusal:
            return httpx.Response(404, headers={"intuit_tid": tid})
        if request.method == "POST" and not rest:
            return self._json({entity: self._write(entity, read_json(request.content), params)}, tid)
        if request.method == "POST" and rest[1:] == ["send"]:
            return self._json({entity: self._send(entity, rest[0], params.get("sendTo"))}, tid)
        if request.method == "GET" and rest[1:] == ["pdf"]:
            item = self.books.get(entity, rest[0])
            content = printed(f"{entity} {item.get('DocNumber', rest[0])}", f"Total {item.get('TotalAmt', '')}")
            return httpx.Response(200, headers={"content-type": "application/pdf", "intuit_tid": tid}, content=content)
        if request.method == "GET" and len(rest) < 2:
            return self._json({entity: self._read(entity, rest[0] if rest else "1", params)}, tid)
        return httpx.Response(405, headers={"intuit_tid": tid})

    def _read(self, entity: str, ref: str, params: Mapping[str, str]) -> Json:
        if entity == "CompanyInfo":
            ref = "1"
        item = self.books.get(entity, ref)
        if entity == "Invoice" and params.get("include") == "invoiceLink" and _payable(item):
            return {"InvoiceLink": f"https://connect.intuit.com/t/scs-v1-{ref}sandbox?cta=v3invoicelink", **item}
        return item

    def _write(self, entity: str, body: Json, params: Mapping[str, str]) -> Json:
        operation = params.get("operation", "update" if body.get("Id") else "create")
        if operation == "delete":
            return self.books.delete(entity, body)
        if operation == "void" or (operation == "update" and params.get("include") == "void"):
            if (operation == "void") != (entity in ("Invoice", "CreditMemo", "RefundReceipt")):
                raise Refusal("500", "Unsupported Operation", f"Operation {operation} is not supported.")
            return self.books.void(entity, body)
        if operation == "update" and body.get("Id") and str(body["Id"]) != "0":
            return self.books.update(entity, body)
        return self.books.create(entity, {key: value for key, value in body.items() if key != "Id"})

    def _send(self, entity: str, ref: str, to: str | None) -> Json:
        item, now = self.books.get(entity, ref), self.clock.now()
        address = to or (item.get("BillEmail") or {}).get("Address")
        if entity not in _MAILED:
            raise Refusal("500", "Unsupported Operation", "Operation send is not supported.")
        if not address:
            raise Refusal("6420", "Email address is missing", "The transaction has no e-mail address to send to.")
        day = now.astimezone(PACIFIC).date()
        if self._mail_days.get(day, 0) >= MAILS_PER_DAY:
            raise Refusal("3001", "message=ThrottleExceeded; errorCode=003001; statusCode=429", status=429, kind="SERVICE")
        self._mail_days[day] = self._mail_days.get(day, 0) + 1
        self.mails.append((ref, address))
        self.books.note(entity, ref, "Emailed", now)
        item["EmailStatus"] = "EmailSent"
        item["BillEmail"] = {"Address": address}
        item["DeliveryInfo"] = {"DeliveryType": "Email", "DeliveryTime": instant_text(now)}
        item["MetaData"] = {**item["MetaData"], "LastUpdatedTime": instant_text(now)}
        return item

    def _query(self, statement: str) -> Json:
        query = parse(statement)
        entity = self.books.entity_named(query.entity)
        self.books.refuse_if_lacking(entity)
        found = select(query, self.books.all(entity), named=entity in NAMED)
        if query.count:
            return {"totalCount": len(found)}
        page = found[query.start - 1 : query.start - 1 + query.size]
        if any((entity, item["Id"]) in self.corrupt for item in page):
            message = "An application error has occurred while processing your request"
            detail = "Something you're trying to use has been made inactive."
            raise Refusal("10000", message, detail, status=500, kind="SystemFault")
        if not page:
            return {}
        answer: Json = {entity: page, "startPosition": query.start, "maxResults": len(page)}
        return answer | ({"totalCount": len(page)} if entity in feeds.TOTAL_COUNTED else {})

    def _report(self, rest: list[str], params: Mapping[str, str]) -> Json:
        if rest != ["AgedReceivables"]:
            raise Refusal("500", "Unsupported Operation", "The sandbox knows only AgedReceivables.")
        on = params.get("report_date")
        return feeds.aged_receivables(self.books, date.fromisoformat(on) if on else self.clock.now().astimezone(PACIFIC).date())

    def _batch(self, body: Json) -> list[Json]:
        items = body.get("BatchItemRequest", [])
        if len(items) > BATCH_LIMIT:
            raise Refusal("1040", "Batch too large", f"A batch has at most {BATCH_LIMIT} items.")
        return [self._batch_item(item) for item in items]

    def _batch_item(self, item: Json) -> Json:
        try:
            if "Query" in item:
                return {"QueryResponse": self._query(item["Query"]), "bId": item["bId"]}
            entity = next(name for name in item if name in NAMED | TRANSACTIONS)
            params = {"operation": "delete"} if item.get("operation") == "delete" else {}
            return {entity: self._write(entity, item[entity], params), "bId": item["bId"]}
        except Refusal as refusal:
            return {"Fault": refusal.body(), "bId": item.get("bId")}


def _payable(item: Json) -> bool:
    online = item.get("AllowOnlineCreditCardPayment") or item.get("AllowOnlineACHPayment")
    return bool(online and (item.get("BillEmail") or {}).get("Address"))
