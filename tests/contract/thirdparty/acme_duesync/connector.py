"""The connector: seek paging over a change feed, so that a record changed while paging comes again behind the reader."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import quote

from connectors.papers import pdf_document
from connectors.transport import Pacing, Transport
from core.actions import PostNote, Receipt, SetField
from core.errors import Conflict, NotFound, Rejected
from core.money import Money, MoneyError
from core.ports import Hint, Probe, StreamInfo
from core.records import (
    Allocation,
    Cursor,
    DocumentStatus,
    Entry,
    Invoice,
    Malformed,
    Page,
    Party,
    Payment,
    Ref,
    Stream,
    Tombstone,
)

TABLES = {Stream.PARTIES: "clients", Stream.INVOICES: "invoices", Stream.PAYMENTS: "payments"}


class AcmeConnector:
    def __init__(self, context):
        self._name = context.name
        self._settings = context.settings
        key = context.settings.api_key.get_secret_value()
        self._key = key.encode()
        self._http = Transport(
            connection=context.name,
            base_url=context.settings.base_url,
            hosts=["api.acme.example"],
            pacing=Pacing(),
            clock=context.clock,
            authorize=lambda refused: {"X-Api-Key": key},
            transport=context.transport,
        )

    def streams(self):
        return {stream: StreamInfo(stream=stream) for stream in TABLES}

    def pull(self, stream, cursor):
        more = True
        while more:
            params = {"after": cursor or "0", "limit": self._settings.page_size}
            body = self._http.request("GET", TABLES[stream], params=params, idempotent=True).json()
            cursor, more = Cursor(str(body["last"])), body["more"]
            yield self._page(stream, body["rows"], cursor, more)

    def _page(self, stream, rows, cursor, more):
        read = [self._read(stream, row) for row in rows if not row["deleted"]]
        return Page(
            stream=stream,
            entries=tuple(item for item in read if isinstance(item, Entry)),
            malformed=tuple(item for item in read if isinstance(item, Malformed)),
            deleted=tuple(Tombstone(stream=stream, ref=Ref(row["id"])) for row in rows if row["deleted"]),
            cursor=cursor,
            more=more,
        )

    def _read(self, stream, row):
        try:
            record = record_of(self._name, stream, row)
        except (KeyError, TypeError, ValueError, MoneyError) as error:
            return Malformed(stream=stream, ref=Ref(row["id"]), where="row", problem=f"{type(error).__name__}: {error}")
        return Entry(record=record, raw=json.dumps(row, default=str).encode())

    def reread(self, stream, ref):
        try:
            row = self._http.request("GET", f"{TABLES[stream]}/{quote(ref, safe='')}", idempotent=True).json()
        except NotFound:
            return None
        return record_of(self._name, stream, row)

    def document(self, stream, ref):
        try:
            answer = self._http.request("GET", f"{TABLES[stream]}/{quote(ref, safe='')}/pdf", idempotent=True, expect_json=False)
        except NotFound:
            return None
        return pdf_document(answer.body, connection=self._name, vendor="Acme", stream=stream, ref=ref)

    def push(self, action, key):
        found = self.find_pushed(action, key) if isinstance(action, PostNote) else None
        if found is not None:
            return found
        if isinstance(action, PostNote):
            body = {"text": action.text, "key": key}
            made = self._http.request("POST", f"{self._path(action)}/notes", json=body, idempotent=False).json()
            return Receipt(ref=made["id"])
        if isinstance(action, SetField):
            return self._set(action, key)
        raise Rejected(f"{self._name}: Acme has no {type(action).__name__}.", connection=self._name)

    def _set(self, action, key):
        row = self._http.request("GET", self._path(action), idempotent=True).json()
        if row["marks"].get(action.field) == key:
            return Receipt(ref=key, found=True)
        if row.get(action.field) != action.expected:
            raise Conflict(f"{self._name}: {action.field} was changed meanwhile.", connection=self._name)
        body = {"field": action.field, "value": action.value, "seen": row["seq"], "key": key}
        self._http.request("PATCH", self._path(action), json=body, idempotent=False)
        return Receipt(ref=key)

    def find_pushed(self, action, key):
        if isinstance(action, SetField):
            row = self._http.request("GET", self._path(action), idempotent=True).json()
            return Receipt(ref=key, found=True) if row["marks"].get(action.field) == key else None
        notes = self._http.request("GET", f"{self._path(action)}/notes", idempotent=True).json()
        return next((Receipt(ref=note["id"], found=True) for note in notes if note["key"] == key), None)

    def _path(self, action):
        return f"{TABLES[action.stream]}/{quote(action.ref, safe='')}"

    def probe(self):
        body = self._http.request("GET", "company", idempotent=True).json()
        return Probe(ok=True, company=body["name"], vendor_now=datetime.fromisoformat(body["now"]))

    def parse_webhook(self, headers, body):
        given = {name.lower(): value for name, value in headers.items()}.get("x-acme-signature", "")
        if not hmac.compare_digest(given, hmac.new(self._key, body, hashlib.sha256).hexdigest()):
            raise Rejected(f"{self._name}: the webhook's signature is wrong.", connection=self._name)
        event = json.loads(body)
        return [Hint(stream=Stream(event["stream"]), ref=Ref(event["ref"]), event_id=event["id"])]

    def close(self):
        self._http.close()


def record_of(connection, stream, row):
    """The record of a row; raises what Python raises on a row that is not one."""
    head = {
        "connection": connection,
        "ref": Ref(row["id"]),
        "version": str(row["seq"]),
        "updated_at": datetime.fromisoformat(row["changed"]),
    }
    if stream is Stream.PARTIES:
        return Party(**head, name=row["name"], email=row["email"], currency=row["currency"])
    if stream is Stream.INVOICES:
        return Invoice(
            **head,
            party_ref=Ref(row["client"]),
            number=row["number"],
            total=money(row["total"], row),
            open=money(row["open"], row),
            issued_on=date.fromisoformat(row["issued"]),
            due_on=date.fromisoformat(row["due"]),
            status=DocumentStatus(row["status"]),
            memo=row["memo"],
        )
    return Payment(
        **head,
        party_ref=Ref(row["client"]),
        amount=money(row["amount"], row),
        unapplied=money(row["unapplied"], row),
        paid_on=date.fromisoformat(row["paid"]),
        allocations=tuple(
            Allocation(invoice_ref=Ref(item["invoice"]), amount=money(item["amount"], row)) for item in row["applied"]
        ),
        memo=row["memo"],
    )


def money(value, row):
    if not isinstance(value, Decimal | int):
        raise TypeError(f"{value!r} is not an amount")
    return Money.parse(value, row["currency"])
