"""Acme Books in memory. Written from its (imagined) documentation; imports nothing of the connector."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections import Counter
from decimal import Decimal

import httpx

from connectors.testing.faults import Levers
from connectors.testing.paper import printed
from core.actions import PostNote, SetField
from core.ports import Capability
from core.records import STREAM_OF, Invoice, Party, Stream

KEY = "acme-canary-key"
TABLES = {Stream.PARTIES: "clients", Stream.INVOICES: "invoices", Stream.PAYMENTS: "payments"}


class AcmeSandbox:
    def __init__(self, clock):
        self.clock = clock
        self.levers = Levers()
        self.tables = {name: {} for name in TABLES.values()}
        self.notes = {}
        self._seq = 0
        self._done = Counter()

    def settings(self, base_url):
        return {"base_url": base_url, "api_key": KEY}

    def handle(self, request):
        return self.levers.through(request, self._answer)

    # ── answering ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def _answer(self, request):
        if request.headers.get("x-api-key") != KEY:
            return httpx.Response(401, json={"error": "bad key"})
        if request.url.path == "/company":
            return httpx.Response(200, json={"name": "Acme", "now": self.clock.now().isoformat()})
        match = re.fullmatch(r"/(clients|invoices|payments)(?:/([^/]+))?(/notes|/pdf)?", request.url.path)
        if match is None:
            return httpx.Response(404, json={})
        table, ref, part = match.groups()
        if ref is None:
            return self._list(table, request.url.params)
        row = self.tables[table].get(ref)
        if row is None or row["deleted"]:
            return httpx.Response(404, json={"error": f"no {ref}"})
        if part == "/pdf":
            return httpx.Response(200, content=printed(f"{table} {ref}"), headers={"content-type": "application/pdf"})
        if part:
            return self._notes(request, ref)
        return self._patch(request, row) if request.method == "PATCH" else reply(row)

    def _list(self, table, params):
        after, limit = int(params.get("after", 0)), int(params.get("limit", 100))
        rows = sorted((row for row in self.tables[table].values() if row["seq"] > after), key=lambda row: row["seq"])
        page = rows[:limit]
        return reply({"rows": page, "more": len(rows) > limit, "last": page[-1]["seq"] if page else after})

    def _notes(self, request, ref):
        kept = self.notes.setdefault(ref, [])
        if request.method == "POST":
            note = json.loads(request.content)
            kept.append({"id": f"note-{ref}-{len(kept)}", **note})
            self._done[note["key"]] += 1
            return reply(kept[-1])
        return reply(kept)

    def _patch(self, request, row):
        body = json.loads(request.content)
        if body["seen"] != row["seq"]:
            return httpx.Response(409, json={"error": "stale"})
        row[body["field"]] = body["value"]
        row["marks"][body["field"]] = body["key"]
        self._done[body["key"]] += 1
        self._bump(row)
        return reply(row)

    # ── levers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def seed_world(self, records):
        made = {}
        for record in records:
            table = TABLES[STREAM_OF[type(record)]]
            row = self._row(record) | {"id": record.ref, "deleted": False, "marks": {}, "memo": None}
            self.tables[table][record.ref] = row
            self._bump(row)
            made[STREAM_OF[type(record)], record.ref] = [record.ref]
        return made

    def change(self, stream, ref):
        row = self.tables[TABLES[stream]][ref]
        row["name" if stream is Stream.PARTIES else "memo"] = f"changed {self._seq}"
        self._bump(row)

    def remove(self, stream, ref):
        row = self.tables[TABLES[stream]][ref]
        row["deleted"] = True
        self._bump(row)

    def spoil(self, stream, ref):
        self.tables[TABLES[stream]][ref]["total" if stream is Stream.INVOICES else "amount"] = None

    def wants(self, capability, number, bench):
        ref = bench.stock(Stream.INVOICES, 1)[-1]
        about = {"connection": bench.name, "account": "a", "stream": Stream.INVOICES, "ref": ref, "cause": f"test {number}"}
        if capability is Capability.POST_NOTE:
            return PostNote(**about, text="Reminder sent")
        return SetField(**about, field="memo", value=f"chased {number}", expected=None)

    def done(self, action):
        from core.actions import idempotency_key

        return self._done[idempotency_key(action)]

    def webhook(self, stream, ref):
        body = json.dumps({"id": "event-1", "stream": stream, "ref": ref}).encode()
        return {"X-Acme-Signature": hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()}, body

    def _bump(self, row):
        self._seq += 1
        row["seq"] = self._seq
        row["changed"] = self.clock.now().isoformat()

    def _row(self, record):
        if isinstance(record, Party):
            return {"name": record.name, "email": record.email, "currency": record.currency}
        if isinstance(record, Invoice):
            return {
                "client": record.party_ref,
                "number": record.number,
                "currency": record.total.currency,
                "total": record.total.decimal,
                "open": record.open.decimal,
                "issued": record.issued_on.isoformat(),
                "due": record.due_on.isoformat(),
                "status": record.status.value,
            }
        for part in record.allocations:
            self.tables["invoices"][part.invoice_ref]["open"] -= part.amount.decimal
            self._bump(self.tables["invoices"][part.invoice_ref])
        return {
            "client": record.party_ref,
            "currency": record.amount.currency,
            "amount": record.amount.decimal,
            "unapplied": record.unapplied.decimal,
            "paid": record.paid_on.isoformat(),
            "applied": [{"invoice": part.invoice_ref, "amount": part.amount.decimal} for part in record.allocations],
        }


def reply(value):
    """JSON with decimals as the numbers they are."""
    text = json.dumps(value, default=lambda item: f"@@{item}@@" if isinstance(item, Decimal) else str(item))
    return httpx.Response(
        200, content=re.sub(r'"@@(-?[\d.]+)@@"', r"\1", text).encode(), headers={"content-type": "application/json"}
    )
