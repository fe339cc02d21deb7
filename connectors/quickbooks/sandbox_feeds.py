"""What the sandbox tells of changes: change data capture, signed webhooks in both shapes, and the aged receivables report.

Sources: Intuit, "Change data capture" (30 days, 1000 objects in all, deleted after active), "Webhooks" and the 2025 notice of the
CloudEvents payload, and the report sample. The limits that the pages leave open follow what other clients recorded.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.quickbooks.sandbox_books import Change, SandboxBooks
from connectors.quickbooks.sandbox_wire import Refusal, amount_of, answer_time, dump, instant_text

LOOK_BACK = timedelta(days=30)
MOST_OBJECTS = 1000
TOTAL_COUNTED = frozenset({"Invoice", "Deposit", "Bill", "JournalEntry", "BillPayment"})
_UNSUPPORTED = frozenset({"JournalCode", "TaxAgency", "TaxCode", "TaxRate", "TimeActivity"})
Json = dict[str, Any]


def capture(books: SandboxBooks, entities: str, since: str, *, false_tombstones: Iterable[tuple[str, str]] = ()) -> Json:
    """The answer to GET /cdc. `false_tombstones` are live objects reported as deleted all the same (seen in 2021)."""
    now = books.clock.now()
    try:
        start = datetime.fromisoformat(since)
    except ValueError as error:
        raise Refusal("4001", "Invalid query", f"changedSince {since!r} is not a date") from error
    start = start if start.tzinfo else start.replace(tzinfo=now.tzinfo)
    if now - start > LOOK_BACK:
        detail = f"Operation cdc with changedSince date {since} which is older than fixed days is not supported."
        raise Refusal("500", "Unsupported Operation", detail)
    answers, room, lies = [], MOST_OBJECTS, set(false_tombstones)
    for name in entities.split(","):
        entity = books.entity_named(name.strip())
        books.refuse_if_lacking(entity)
        if entity in _UNSUPPORTED:
            raise Refusal("500", "Unsupported Operation", f"{entity} is not supported by change data capture.")
        found = _changed(books, entity, start, lies)[:room]
        room -= len(found)
        answers.append(_group(entity, found))
    return {"CDCResponse": [{"QueryResponse": answers}], "time": answer_time(now)}


def _changed(books: SandboxBooks, entity: str, start: datetime, lies: set[tuple[str, str]]) -> list[Json]:
    live = [item for item in books.all(entity) if _changed_at(item) >= start.replace(microsecond=0)]
    live.sort(key=_changed_at)
    gone = [(ref, at) for name, ref, at in books.deleted if name == entity and at >= start.replace(microsecond=0)]
    gone += [(item["Id"], _changed_at(item)) for item in live if (entity, item["Id"]) in lies]
    kept = [item for item in live if (entity, item["Id"]) not in lies]
    return kept + [_tombstone(ref, at) for ref, at in sorted(gone, key=lambda pair: pair[1])]


def _changed_at(item: Json) -> datetime:
    return datetime.fromisoformat(item["MetaData"]["LastUpdatedTime"])


def _tombstone(ref: str, at: datetime) -> Json:
    return {"domain": "QBO", "status": "Deleted", "Id": ref, "MetaData": {"LastUpdatedTime": instant_text(at)}}


def _group(entity: str, found: list[Json]) -> Json:
    if not found:
        return {}
    group: Json = {entity: found, "startPosition": 1, "maxResults": len(found)}
    return group | ({"totalCount": len(found)} if entity in TOTAL_COUNTED else {})


# ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def sign(body: bytes, verifier: str) -> str:
    """The value of the `intuit-signature` header."""
    return base64.b64encode(hmac.new(verifier.encode(), body, hashlib.sha256).digest()).decode()


def legacy_payload(realm: str, changes: Iterable[Change]) -> bytes:
    """The body of the older shape: one object, grouped by realm."""
    entities = [
        {"id": change.ref, "operation": change.operation, "name": change.entity, "lastUpdated": _zulu(change.at)}
        for change in changes
    ]
    return dump({"eventNotifications": [{"realmId": realm, "dataChangeEvent": {"entities": entities}}]})


_VERBS = {
    "Create": "created",
    "Update": "updated",
    "Delete": "deleted",
    "Merge": "merged",
    "Void": "voided",
    "Emailed": "emailed",
}


def cloud_payload(realm: str, changes: Iterable[Change]) -> bytes:
    """The body of the CloudEvents shape: a list of events."""
    return dump(
        [
            {
                "specversion": "1.0",
                "id": _event_id(realm, change),
                "source": "intuit.c2FuZGJveA==",
                "type": f"qbo.{change.entity.lower()}.{_VERBS[change.operation]}.v1",
                "datacontenttype": "application/json",
                "time": change.at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z",
                "intuitentityid": change.ref,
                "intuitaccountid": realm,
                "data": {},
            }
            for change in changes
        ]
    )


def _event_id(realm: str, change: Change) -> str:
    text = f"{realm}/{change.entity}/{change.ref}/{change.operation}/{change.at.isoformat()}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


def _zulu(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ── report ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
_BUCKETS = ("Current", "1 - 30", "31 - 60", "61 - 90", "91 and over")


def aged_receivables(books: SandboxBooks, on: date) -> Json:
    """GET /reports/AgedReceivables: customers with sub-customers give a section of leaf rows and a total, others one row."""
    balances = {item["Id"]: _buckets(books, item["Id"], on) for item in books.all("Customer")}
    rows = []
    for customer in books.all("Customer"):
        if customer.get("ParentRef"):
            continue
        children = [item for item in books.all("Customer") if (item.get("ParentRef") or {}).get("value") == customer["Id"]]
        rows += _section(customer, children, balances) if children else [_data_row(customer, balances[customer["Id"]])]
    return {
        "Header": {
            "ReportName": "AgedReceivables",
            "DateMacro": "today",
            "StartPeriod": on.isoformat(),
            "EndPeriod": on.isoformat(),
            "Currency": books.home,
            "Time": instant_text(books.clock.now()),
            "Option": [{"Name": "report_date", "Value": on.isoformat()}, {"Name": "NoReportData", "Value": "false"}],
        },
        "Columns": {
            "Column": [{"ColTitle": "", "ColType": "Customer"}]
            + [{"ColTitle": title, "ColType": "Money"} for title in (*_BUCKETS, "Total")]
        },
        "Rows": {"Row": [row for row in rows if row is not None]},
    }


def _buckets(books: SandboxBooks, customer: str, on: date) -> list[Decimal]:
    sums = [Decimal(0)] * len(_BUCKETS)
    for item in books.all("Invoice"):
        if item["CustomerRef"]["value"] == customer:
            days = (on - date.fromisoformat(item["DueDate"])).days
            sums[0 if days <= 0 else min((days - 1) // 30 + 1, 4)] += amount_of(item["Balance"])
    for entity, key in (("Payment", "UnappliedAmt"), ("CreditMemo", "RemainingCredit")):
        for item in books.all(entity):
            if item["CustomerRef"]["value"] == customer:
                sums[0] -= amount_of(item[key])
    return sums


def _cells(name: str, sums: list[Decimal], ref: str | None = None) -> list[Json]:
    head: Json = {"value": name} | ({"id": ref} if ref else {})
    return [head, *({"value": f"{amount:.2f}" if amount else ""} for amount in (*sums, sum(sums, Decimal(0))))]


def _data_row(customer: Json, sums: list[Decimal]) -> Json | None:
    return {"ColData": _cells(customer["DisplayName"], sums, customer["Id"]), "type": "Data"} if any(sums) else None


def _section(parent: Json, children: list[Json], balances: dict[str, list[Decimal]]) -> list[Json | None]:
    leaves = [row for item in (parent, *children) if (row := _data_row(item, balances[item["Id"]])) is not None]
    sums = [sum(column, Decimal(0)) for column in zip(*(balances[item["Id"]] for item in (parent, *children)), strict=True)]
    header = {"ColData": _cells(parent["DisplayName"], balances[parent["Id"]], parent["Id"])}
    summary = {"ColData": _cells(f"Total for {parent['DisplayName']}", sums)}
    return [{"Header": header, "Rows": {"Row": leaves}, "Summary": summary, "type": "Section"}] if leaves else []
