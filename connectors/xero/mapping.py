"""What a document of Xero is in duesync's words. Pure: bytes in, records out; an unreadable row is named, its neighbours go on.

The choices that decide balances:

* Only the client's side is read: ACCREC invoices, ACCRECCREDIT credit notes, receivable payments, RECEIVE cash.
* DELETED is VOID, not a tombstone: Xero keeps answering such rows and the reconciler needs to see them.
* Contacts are mapped in clients.py; cash in cash.py, which says how overpayments and refunds stay counted once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec

from connectors.xero.dates import parse_day, parse_instant
from connectors.xero.rows import (
    AllocationRow,
    CreditNoteRow,
    CreditNoteType,
    CreditRow,
    InvoiceRow,
    InvoiceType,
    LineItem,
    RepeatingInvoiceRow,
    RepeatStatus,
    Status,
    one,
)
from core.money import Money, MoneyError, check_currency, total
from core.records import (
    Agreement,
    Allocation,
    CreditNote,
    DocumentStatus,
    Entry,
    Invoice,
    Malformed,
    Record,
    Ref,
    Stream,
    Tombstone,
)
from core.unread import calling_itself

R = TypeVar("R")

DOCUMENT_STATUS = {
    Status.DRAFT: DocumentStatus.DRAFT,
    Status.SUBMITTED: DocumentStatus.DRAFT,
    Status.AUTHORISED: DocumentStatus.OPEN,
    Status.PAID: DocumentStatus.CLOSED,
    Status.VOIDED: DocumentStatus.VOID,
    Status.DELETED: DocumentStatus.VOID,
}
_MEMO_LENGTH = 500  # enough of the line texts to tell two invoices apart; the raw row has all of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """What a row alone does not say: whose it is, the organisation's base currency, and the class of each ledger account by code.

    `expect_reconciled` reads a payment that nobody matched to a bank line as not yet deposited (IsReconciled is false for
    everything in organisations that do not reconcile, so this is off unless asked for).
    """

    connection: str
    currency: str
    account_class: Mapping[str, str] = field(default_factory=dict)
    expect_reconciled: bool = False


class RowProblem(ValueError):
    """A row that says something we cannot use. `where` is the field's path."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(problem)
        self.where = where


@dataclass(frozen=True, slots=True)
class Mapped:
    """The outcome of a page's rows."""

    entries: tuple[Entry, ...] = ()
    malformed: tuple[Malformed, ...] = ()
    deleted: tuple[Tombstone, ...] = ()


Item = Record | Tombstone
Reader = Callable[[bytes, Tenant], Iterable[Item]]


def map_rows(stream: Stream, rows: Iterable[bytes], tenant: Tenant, reader: Reader, id_field: str) -> Mapped:
    """Every row through `reader`; rows it cannot read become Malformed with the ref in `id_field` and the field's path."""
    entries: list[Entry] = []
    malformed: list[Malformed] = []
    deleted: list[Tombstone] = []
    for raw in rows:
        try:
            items = tuple(reader(raw, tenant))
        except (RowProblem, msgspec.DecodeError, UnicodeDecodeError) as error:
            malformed.append(_malformed(stream, raw, id_field, error))
            continue
        entries.extend(Entry(record=item, raw=raw) for item in items if isinstance(item, Record))
        deleted.extend(item for item in items if isinstance(item, Tombstone))
    return Mapped(tuple(entries), tuple(malformed), tuple(deleted))


def _malformed(stream: Stream, raw: bytes, id_field: str, error: Exception) -> Malformed:
    where = error.where if isinstance(error, RowProblem) else _path_of(str(error))
    problem = re.sub(r" - at `.*`$", "", str(error))[:200]
    names = {"number": "InvoiceNumber", "reference": "Reference"} if stream is Stream.INVOICES else {}
    problem = calling_itself(problem, **{word: _text_of(raw, key) for word, key in names.items()}, client=_client_of(raw))
    return Malformed(stream=stream, ref=_ref_of(raw, id_field), where=where, problem=problem)


def _path_of(message: str) -> str:
    """The field's path in a msgspec message: "Invalid enum value 'X' - at `$.Status`", "… missing required field `Total`"."""
    at = re.search(r"at `\$\.?(.*)`$", message)
    missing = re.search(r"missing required field `([^`]*)`", message)
    parts = (at[1] if at else "", missing[1] if missing else "")
    return ".".join(part for part in parts if part) or "row"


def _ref_of(raw: bytes, id_field: str) -> Ref | None:
    found = _text_of(raw, id_field)
    return Ref(found) if found else None


def _text_of(raw: bytes, field: str) -> str | None:
    """A short text of a row that could not be read as a whole, where at least that much can."""
    try:
        row = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    found = row.get(field) if isinstance(row, dict) else None
    return found if isinstance(found, str) and 0 < len(found) <= 100 else None


def _client_of(raw: bytes) -> str | None:
    """The contact a row names: its own, or that of the invoice a payment is for."""
    try:
        row = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    for place in (row, row.get("Invoice") if isinstance(row, dict) else None):
        contact = place.get("Contact") if isinstance(place, dict) else None
        found = contact.get("ContactID") if isinstance(contact, dict) else None
        if isinstance(found, str) and 0 < len(found) <= 100:
            return found
    return None


# ── pieces every row shares ─────────────────────────────────────────────────────────────────────────────────────────────
def money(amount: Any, currency: str, where: str) -> Money:
    """The amount as Money; RowProblem naming the field when it is missing or inexact."""
    if amount is None:
        raise RowProblem(where, "is missing")
    try:
        return Money.parse(amount, currency)
    except MoneyError as error:
        raise RowProblem(where, str(error)) from error


def currency_of(code: str | None, rate: Any, tenant: Tenant, where: str = "CurrencyCode") -> str:
    """The document's currency; the base currency where Xero leaves it out and the rate is 1 (single-currency organisations)."""
    if code:
        try:
            return check_currency(code)
        except MoneyError as error:
            raise RowProblem(where, str(error)) from error
    if rate is None or rate == 1:
        return tenant.currency
    raise RowProblem(where, f"is missing while CurrencyRate is {rate}")


def day(where: str, text: str | None, twin: str | None = None) -> date | None:
    """The calendar day of a field; RowProblem when it is not a date."""
    try:
        return parse_day(text, twin)
    except ValueError as error:
        raise RowProblem(where, f"{text!r} is not a date") from error


def needed_day(where: str, text: str | None, twin: str | None = None) -> date:
    """As `day`, for a field that must be there."""
    found = day(where, text, twin)
    if found is None:
        raise RowProblem(where, "is missing")
    return found


def changed_at(text: str | None, twin: str | None = None) -> datetime | None:
    """UpdatedDateUTC (milliseconds), or its string twin (seconds, since July 2026)."""
    try:
        return parse_instant(text or twin)
    except ValueError as error:
        raise RowProblem("UpdatedDateUTC", f"{text!r} is not an instant") from error


def version_of(changed: datetime | None) -> str | None:
    """UpdatedDateUTC as the change token."""
    return None if changed is None else changed.isoformat(timespec="milliseconds")


def memo_of(lines: Iterable[LineItem] | None) -> str | None:
    """The lines' texts, which tell two invoices of one amount apart."""
    texts = [line.description.strip() for line in lines or () if line.description and line.description.strip()]
    return "; ".join(texts)[:_MEMO_LENGTH] or None


def allocations_of(rows: Iterable[AllocationRow] | None, currency: str) -> tuple[Allocation, ...]:
    """The allocations that stand; deleted ones and those of zero apply nothing."""
    found = []
    for index, row in enumerate(rows or ()):
        where = f"Allocations[{index}]"
        amount = money(row.amount, currency, f"{where}.Amount")
        if row.is_deleted or not amount:
            continue
        if not row.invoice.invoice_id:
            raise RowProblem(f"{where}.Invoice.InvoiceID", "is missing")
        ref = Ref(row.allocation_id) if row.allocation_id else None
        applied = day(f"{where}.Date", row.date)
        found.append(Allocation(invoice_ref=Ref(row.invoice.invoice_id), amount=amount, applied_on=applied, ref=ref))
    return tuple(found)


def remaining_of(row: CreditRow, currency: str, applied: Iterable[Allocation]) -> Money:
    """RemainingCredit; where Xero leaves it out (some create answers), the total less what was applied or given back."""
    if row.remaining_credit is not None:
        return money(row.remaining_credit, currency, "RemainingCredit")
    given_back = total((money(item.amount, currency, "Payments.Amount") for item in row.payments or ()), currency)
    return money(row.total, currency, "Total") - total((item.amount for item in applied), currency) - given_back


# ── documents ───────────────────────────────────────────────────────────────────────────────────────────────────────────
class _Kind(msgspec.Struct, rename="pascal"):
    type: Any = None


def is_suppliers(raw: bytes, supplier_types: Iterable[str]) -> bool:
    """Is this row on the supplier's side? Asked first, so that what we do not use cannot be malformed."""
    return msgspec.json.decode(raw, type=_Kind).type in supplier_types


def read_invoice(raw: bytes, tenant: Tenant) -> Iterable[Invoice]:
    """A row of /Invoices."""
    if is_suppliers(raw, (InvoiceType.ACCPAY,)):
        return
    row = msgspec.json.decode(raw, type=InvoiceRow)
    currency = currency_of(row.currency_code, row.currency_rate, tenant)
    status = DOCUMENT_STATUS[row.status]
    changed = changed_at(row.updated_date_utc, row.updated_date_utc_string)
    expected = day("ExpectedPaymentDate", row.expected_payment_date)
    yield Invoice(
        connection=tenant.connection,
        ref=Ref(row.invoice_id),
        version=version_of(changed),
        updated_at=changed,
        party_ref=Ref(row.contact.contact_id),
        number=row.invoice_number or None,
        reference=row.reference or None,
        total=money(row.total, currency, "Total"),
        open=Money.zero(currency) if status is DocumentStatus.VOID else _open_of(row, currency),
        issued_on=needed_day("Date", row.date, row.date_string),
        due_on=day("DueDate", row.due_date, row.due_date_string),
        status=status,
        agreement_ref=Ref(row.repeating_invoice_id) if row.repeating_invoice_id else None,
        memo=memo_of(row.line_items),
        sent=row.sent_to_contact,
        bill_email=row.contact.email_address or None,
        expected_on=expected or day("PlannedPaymentDate", row.planned_payment_date),
    )


def _open_of(row: InvoiceRow, currency: str) -> Money:
    """AmountDue; where it is left out, by Xero's own invariant Total = AmountPaid + AmountCredited + AmountDue."""
    if row.amount_due is not None:
        return money(row.amount_due, currency, "AmountDue")
    if row.amount_paid is None:
        raise RowProblem("AmountDue", "is missing")
    credited = row.amount_credited if row.amount_credited is not None else 0
    return money(row.total, currency, "Total") - money(row.amount_paid + credited, currency, "AmountPaid")


def read_credit_note(raw: bytes, tenant: Tenant) -> Iterable[CreditNote]:
    """A row of /CreditNotes. Money given back on it is in `remaining` already; the refund itself is a record of /Payments."""
    if is_suppliers(raw, (CreditNoteType.ACCPAYCREDIT,)):
        return
    row = msgspec.json.decode(raw, type=CreditNoteRow)
    currency = currency_of(row.currency_code, row.currency_rate, tenant)
    applied = allocations_of(row.allocations, currency)
    changed = changed_at(row.updated_date_utc, row.updated_date_utc_string)
    yield CreditNote(
        connection=tenant.connection,
        ref=Ref(row.credit_note_id),
        version=version_of(changed),
        updated_at=changed,
        party_ref=Ref(row.contact.contact_id),
        number=row.credit_note_number or None,
        reference=row.reference or None,
        total=money(row.total, currency, "Total"),
        remaining=remaining_of(row, currency, applied),
        issued_on=needed_day("Date", row.date, row.date_string),
        status=DOCUMENT_STATUS[row.status],
        allocations=applied,
        memo=memo_of(row.line_items),
    )


def read_agreement(raw: bytes, tenant: Tenant) -> Iterable[Agreement]:
    """A row of /RepeatingInvoices: a contract that bills by itself. Weekly schedules have no cycle in months."""
    if is_suppliers(raw, (InvoiceType.ACCPAY,)):
        return
    row = msgspec.json.decode(raw, type=RepeatingInvoiceRow)
    schedule = one(row.schedule)
    monthly = schedule is not None and schedule.unit == "MONTHLY"
    terms = f"{schedule.due_date} {schedule.due_date_type}" if schedule and schedule.due_date_type else None
    currency = currency_of(row.currency_code, None, tenant)
    yield Agreement(
        connection=tenant.connection,
        ref=Ref(row.repeating_invoice_id),
        party_ref=Ref(row.contact.contact_id),
        name=row.reference or memo_of(row.line_items) or f"Repeating invoice {row.repeating_invoice_id[:8]}",
        amount=None if row.total is None else money(row.total, currency, "Total"),
        cycle_months=schedule.period if schedule and monthly else None,
        starts_on=day("Schedule.StartDate", schedule.start_date) if schedule else None,
        ends_on=day("Schedule.EndDate", schedule.end_date) if schedule else None,
        next_invoice_on=day("Schedule.NextScheduledDate", schedule.next_scheduled_date) if schedule else None,
        terms=terms,
        active=row.status is RepeatStatus.AUTHORISED,
    )
