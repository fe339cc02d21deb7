"""Records to store: small, plain, and different where a test needs them to be."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from core.actions import InvoiceMention, SendReminder
from core.money import Money
from core.outbox import Queued
from core.records import (
    Allocation,
    Cursor,
    DocumentStatus,
    Entry,
    Invoice,
    Listing,
    Malformed,
    Page,
    Party,
    Payment,
    Record,
    Ref,
    Stream,
    Tombstone,
)

NOW = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
BOOKS = "books"


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def party(ref: str = "1", **changes: Any) -> Party:
    return Party(**{"connection": BOOKS, "ref": Ref(ref), "version": "0", "name": f"Client {ref}", **changes})


def invoice(ref: str = "10", party_ref: str = "1", **changes: Any) -> Invoice:
    plain: dict[str, Any] = {
        "connection": BOOKS,
        "ref": Ref(ref),
        "version": "0",
        "party_ref": Ref(party_ref),
        "number": ref,
        "total": usd(10_000),
        "open": usd(10_000),
        "issued_on": date(2026, 4, 1),
        "due_on": date(2026, 5, 1),
        "status": DocumentStatus.OPEN,
    }
    return Invoice(**{**plain, **changes})


def payment(ref: str = "20", party_ref: str | None = "1", to: dict[str, int] | None = None, **changes: Any) -> Payment:
    applied = tuple(Allocation(invoice_ref=Ref(name), amount=usd(minor)) for name, minor in (to or {}).items())
    total = sum(item.amount.minor for item in applied)
    plain: dict[str, Any] = {
        "connection": BOOKS,
        "ref": Ref(ref),
        "version": "0",
        "party_ref": party_ref,
        "amount": usd(total),
        "unapplied": usd(0),
        "paid_on": date(2026, 5, 2),
        "allocations": applied,
    }
    return Payment(**{**plain, **changes})


def page(
    *records: Record,
    stream: Stream = Stream.INVOICES,
    cursor: str = "c1",
    more: bool = False,
    deleted: tuple[str, ...] = (),
    malformed: tuple[Malformed, ...] = (),
    listing: Listing | None = None,
    raw: bytes = b'{"vendor": "payload"}',
) -> Page:
    return Page(
        stream=stream,
        entries=tuple(Entry(record=record, raw=raw) for record in records),
        cursor=Cursor(cursor),
        more=more,
        malformed=malformed,
        deleted=tuple(Tombstone(stream=stream, ref=Ref(ref)) for ref in deleted),
        listing=listing,
    )


def mention(ref: str = "10", **changes: Any) -> InvoiceMention:
    plain: dict[str, Any] = {
        "connection": BOOKS,
        "ref": Ref(ref),
        "digest": "d",
        "number": ref,
        "open": usd(10_000),
        "due_on": date(2026, 5, 1),
    }
    return InvoiceMention(**{**plain, **changes})


def reminder(*refs: str, stage: str = "day-7", cycle: str = "1", account: str = "books:1", **changes: Any) -> SendReminder:
    plain: dict[str, Any] = {
        "connection": "mail",
        "account": account,
        "stage": stage,
        "cycle": cycle,
        "to": ("ap@client.example",),
        "subject": "Reminder",
        "text": "Please pay",
        "html": "<p>Please pay</p>",
        "invoices": tuple(mention(ref) for ref in refs or ("10",)),
    }
    return SendReminder(**{**plain, **changes})


def queued(action: Any, *, draft: bool = False, not_before: datetime = NOW) -> Queued:
    return Queued(action=action, reasons=("seven days past due",), not_before=not_before, draft=draft)
