"""Records as JSON-plain facts: what a bookkeeper needs to find the record again and check the claim by eye."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from core.money import Money
from core.records import Deposit, Record, key_of

Fact = Any  # JSON-plain: str, int, float, bool, None, lists and dicts of those

# The fields of each record that a person checks, in the order they read them.
_TELLING = (
    "number",
    "reference",
    "name",
    "status",
    "issued_on",
    "due_on",
    "paid_on",
    "deposited_on",
    "sold_on",
    "adjusted_on",
    "period_start",
    "period_end",
    "total",
    "amount",
    "open",
    "unapplied",
    "remaining",
    "method",
    "payer",
    "memo",
    "agreement_ref",
    "party_ref",
)


def money_fact(amount: Money) -> dict[str, Fact]:
    """An amount twice: as people read it and as machines compare it."""
    return {"text": str(amount), "minor": amount.minor, "currency": amount.currency}


def plain(value: Any) -> Fact:
    """A field as JSON: amounts as money facts, dates as ISO text."""
    if isinstance(value, Money):
        return money_fact(value)
    if isinstance(value, date):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int) else str(value)


def fact(record: Record) -> dict[str, Fact]:
    """One record, its empty fields left out."""
    key = key_of(record)
    told: dict[str, Fact] = {"connection": key.connection, "stream": str(key.stream), "ref": str(key.ref)}
    for name in _TELLING:
        value = getattr(record, name, None)
        if value is not None and value != "":
            told[name] = plain(value)
    allocations = getattr(record, "allocations", ())
    if allocations:
        told["applied_to"] = [{"invoice_ref": str(item.invoice_ref), "amount": money_fact(item.amount)} for item in allocations]
    if isinstance(record, Deposit):
        told["lines"] = [
            {"amount": money_fact(line.amount), "posted_to": line.posted_to or str(line.posting), "memo": line.memo or ""}
            for line in record.lines
        ]
    return told


def facts(records: Iterable[Record]) -> list[Fact]:
    """Several records, in their order."""
    return [fact(record) for record in records]


def telling(amount: Money) -> bool:
    """Is the amount hardly anybody else's? 1,234.50 is; 412.50 (hours at a rate) and 1,200.00 (a price) are not."""
    return len(str(amount.minor).rstrip("0")) >= _TELLING_DIGITS


_TELLING_DIGITS = 5  # significant digits


def called(record: Record) -> str:
    """What people call the record: its number; for cash, which has none, the vendor's id or its reference, and its day.

    Ids that no screen shows (Xero's are 36 characters) are left out.
    """
    number = getattr(record, "number", None)
    if number:
        return str(number)
    on = getattr(record, "paid_on", None) or getattr(record, "deposited_on", None) or getattr(record, "sold_on", None)
    if len(record.ref) <= _SHOWN_ID:
        name = str(record.ref)
    else:
        reference = getattr(record, "reference", None)
        name = f'"{reference[:_SHOWN_REFERENCE]}"' if reference else "" if on else str(record.ref)
    return f"{name} from {on}".strip() if on else name


_SHOWN_ID = 16  # characters
_SHOWN_REFERENCE = 24
