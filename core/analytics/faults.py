"""Findings in time: a fault came to be on the day of its latest record; duesync may have seen it later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from core.books import Books
from core.findings import Finding, FindingState
from core.records import STREAM_OF, CreditNote, Deposit, Invoice, Payment, RecordKey, Sale

_Dated = Invoice | Payment | CreditNote | Deposit | Sale
OPEN_STATES = frozenset({FindingState.OPEN, FindingState.ACCEPTED})


class SeenFinding(Protocol):
    """A finding with its history, as the store keeps it."""

    @property
    def finding(self) -> Finding: ...
    @property
    def state(self) -> FindingState: ...
    @property
    def first_seen_at(self) -> datetime: ...
    @property
    def last_seen_at(self) -> datetime: ...
    @property
    def decided_by(self) -> str | None: ...
    @property
    def decided_at(self) -> datetime | None: ...


def birthdays(books: Books, findings: Sequence[SeenFinding]) -> dict[RecordKey, date]:
    """The day of every document or payment that a finding names."""
    wanted = {key for item in findings for key in item.finding.subjects}
    if not wanted:
        return {}
    refs = {(key.connection, key.ref) for key in wanted}
    found: dict[RecordKey, date] = {}
    for account in books.all():
        records: tuple[_Dated, ...] = (
            *account.invoices,
            *account.payments,
            *account.credit_notes,
            *account.deposits,
            *account.sales,
        )
        for record in records:
            if (record.connection, record.ref) in refs:
                found[RecordKey(record.connection, STREAM_OF[type(record)], record.ref)] = _day_of(record)
    return found


def _day_of(record: _Dated) -> date:
    if isinstance(record, Payment):
        return record.paid_on
    if isinstance(record, Deposit):
        return record.deposited_on
    return record.sold_on if isinstance(record, Sale) else record.issued_on


def began_on(item: SeenFinding, born: Mapping[RecordKey, date]) -> date:
    """The day a fault came to be: of the latest of its records, else the day it was first seen."""
    known = [born[key] for key in item.finding.subjects if key in born]
    return max(known) if known else item.first_seen_at.date()


def ended_on(item: SeenFinding) -> date | None:
    """The day it was decided or last seen; None while it is open."""
    if item.state in OPEN_STATES:
        return None
    return (item.decided_at or item.last_seen_at).date()
