"""ConnectWise rows in duesync's words. Pure: decides what a company, invoice, payment or ticket means, never how it is fetched.

A row that cannot be read becomes a Malformed that names its id and field; its neighbours go on. Field meanings are those of the
vendor brief, section 2: paid is what `balance` says, never a status name ("Closed" means locked for export, brief 2.1); the payer
is `billToCompany` where it differs from `company`; the invoice model has no service period, so none is made up.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from connectors.connectwise import rows
from connectors.connectwise.rows import Row, Unreadable
from core.money import Money, MoneyError, check_currency
from core.records import (
    Agreement,
    Contact,
    CreditNote,
    DocumentStatus,
    Entry,
    Invoice,
    Malformed,
    Party,
    Record,
    Ref,
    Stream,
    Ticket,
    Tombstone,
)
from core.unread import calling_itself

INVOICE_TYPES = frozenset({"Agreement", "CreditMemo", "DownPayment", "Miscellaneous", "Progress", "Standard"})
AGREEMENT_STATES = frozenset({"Active", "Cancelled", "Expired", "Inactive"})
CREDIT_MEMO = "CreditMemo"
MOST_OF_A_FIELD = 200  # characters of a custom field that are kept: enough for any word that says "hold", not for a text area
_CYCLES = (  # words of billing cycle names in their usual spellings, longest match first
    (("semi-annual", "semi annual", "semiannual", "half-year", "biannual"), 6),
    (("bi-month", "bimonth", "two month"), 2),
    (("quarter",), 3),
    (("month",), 1),
    (("annual", "year"), 12),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingStatus:
    """One of the tenant's own billing statuses. `sent` means the client has it, `closed` that it is locked for export."""

    name: str
    closed: bool
    sent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a row is read with: the connection, its zone and currency, the tenant's own tables, the operator's words."""

    connection: str
    zone: str
    currency: str
    terms: Mapping[int, int] = field(default_factory=dict)  # billing term id → days until due
    billing: Mapping[int, BillingStatus] = field(default_factory=dict)
    inactive: frozenset[int] = frozenset()  # company status ids that mean "no longer a client"
    closed_names: frozenset[str] = frozenset()  # ticket status names the operator counts as closed, lower case
    disputed_names: frozenset[str] = frozenset()  # billing status names that mean "in dispute", lower case


@dataclass(frozen=True, slots=True)
class Rows:
    """What became of the rows of one page."""

    entries: tuple[Entry, ...]
    malformed: tuple[Malformed, ...]
    deleted: tuple[Tombstone, ...]


def read_rows(stream: Stream, found: Iterable[Any], using: Reading) -> Rows:
    """Every row as a record, a named malformed one, or a tombstone. Contacts of no company are left out."""
    entries: list[Entry] = []
    malformed: list[Malformed] = []
    deleted: list[Tombstone] = []
    for place, row in enumerate(found):
        result = read_row(stream, row, using, place=place)
        if isinstance(result, Malformed):
            malformed.append(result)
        elif isinstance(result, Tombstone):
            deleted.append(result)
        elif result is not None:
            entries.append(result)
    return Rows(tuple(entries), tuple(malformed), tuple(deleted))


def read_row(stream: Stream, row: Any, using: Reading, *, place: int = 0) -> Entry | Malformed | Tombstone | None:
    """One row; `place` is its position in the answer, named when it has no id."""
    if not isinstance(row, Mapping):
        return Malformed(stream=stream, ref=None, where=f"[{place}]", problem="is not an object")
    try:
        ref = rows.find_ref(row, "id")
    except Unreadable as error:
        return Malformed(stream=stream, ref=None, where=f"[{place}].{error.where}", problem=error.problem)
    if ref is None:
        return Malformed(stream=stream, ref=None, where=f"[{place}].id", problem="is missing")
    try:
        record = _READERS[stream](row, using)
    except Unreadable as error:
        number = row.get("invoiceNumber") if stream is Stream.INVOICES else None
        client = find_payer(row) if stream in (Stream.INVOICES, Stream.CREDIT_NOTES) else None
        problem = calling_itself(error.problem, number=number, client=client)
        return Malformed(stream=stream, ref=ref, where=error.where, problem=problem)
    if isinstance(record, Tombstone) or record is None:
        return record
    return Entry(record=record, raw=raw_of(row))


def raw_of(row: Row) -> bytes:
    """The row as JSON, numbers as they came."""
    return rows.encode(row)


def kept(row: Row, using: Reading, extra: object = "") -> dict[str, Any]:
    """The fields every record has. The version is `_info.lastUpdated` and `extra`, which may change without it (brief 1.9)."""
    stamp = rows.text(row, "_info.lastUpdated") or f"crc:{zlib.crc32(raw_of(row)):08x}"
    return {
        "connection": using.connection,
        "ref": Ref(str(rows.get_id(row, "id"))),
        "version": f"{stamp}/{extra}" if extra != "" else stamp,
        "updated_at": rows.instant(row, "_info.lastUpdated"),
    }


def currency_of(row: Row, using: Reading) -> str:
    """The row's currency; the organisation's where the tenant does not use several."""
    code = rows.text(row, "currency.currencyCode")
    if code is None:
        return using.currency
    try:
        return check_currency(code)
    except MoneyError as error:
        raise Unreadable("currency.currencyCode", str(error)) from error


def payer_of(row: Row) -> Ref:
    """Who has to pay: `billToCompany`, else `company`."""
    found = rows.find_ref(row, "billToCompany.id") or rows.find_ref(row, "company.id")
    if found is None:
        raise Unreadable("company.id", "is missing")
    return found


def find_payer(row: Row) -> str | None:
    """Who has to pay, of a row that cannot be read as a whole; None where it does not say."""
    try:
        return payer_of(row)
    except Unreadable:
        return None


def addresses(value: str | None) -> tuple[str, ...]:
    """The e-mail addresses in one field, which may hold several separated by ; or , (brief 2.6)."""
    return tuple(part for part in re.split(r"[;,\s]+", value or "") if re.fullmatch(r"[^@\s]+@[^@\s]+", part))


# ── companies and contacts ──────────────────────────────────────────────────────────────────────────────────────────────
def _party(row: Row, using: Reading) -> Party | Tombstone:
    ref = Ref(str(rows.get_id(row, "id")))
    if rows.flag(row, "deletedFlag"):
        return Tombstone(stream=Stream.PARTIES, ref=ref, deleted_at=rows.instant(row, "dateDeleted"))
    mails = addresses(rows.text(row, "invoiceToEmailAddress"))
    country = rows.text(row, "country.identifier") or ""
    parent = rows.find_ref(row, "parentCompany.id")
    return Party(
        **kept(row, using),
        name=rows.get_text(row, "name"),
        email=mails[0] if mails else None,
        phone=rows.text(row, "phoneNumber"),
        currency=currency_of(row, using) if rows.find(row, "currency.currencyCode") else None,
        country=country.upper() if re.fullmatch(r"[A-Za-z]{2}", country) else None,
        region=rows.text(row, "state"),
        active=not rows.flag(row, "status.inactiveFlag") and rows.find_id(row, "status.id") not in using.inactive,
        parent_ref=None if parent == ref else parent,
        status=rows.text(row, "status.name"),
        tags=_names(row, "types"),
        fields=_custom_fields(row),
    )


def _names(row: Row, path: str) -> tuple[str, ...]:
    found = rows.find(row, path) or ()
    if not isinstance(found, list | tuple):
        raise Unreadable(path, "is not a list")
    return tuple(name for item in found if isinstance(item, Mapping) and (name := rows.text(item, "name")))


def _custom_fields(row: Row) -> tuple[str, ...]:
    """The custom fields that hold something. Values are text, numbers, booleans or null, whatever the model says (brief 1.11)."""
    found = rows.find(row, "customFields") or ()
    if not isinstance(found, list | tuple):
        raise Unreadable("customFields", "is not a list")
    return tuple(text for item in found if isinstance(item, Mapping) and (text := _custom_field(item)))


def _custom_field(item: Row) -> str | None:
    """One custom field as "CAPTION = VALUE", None where it is empty. What a password field holds stays at the vendor."""
    caption, value = item.get("caption"), item.get("value")
    if not isinstance(caption, str) or value is None or item.get("type") == "Password":
        return None
    shown = value if isinstance(value, str) else raw_of({"": value}).decode()[4:-1]
    cleaned = rows.text({"value": " ".join(shown.split())}, "value")
    named = rows.text({"caption": " ".join(caption.split())}, "caption")
    return f"{named.replace(' = ', '=')} = {cleaned[:MOST_OF_A_FIELD]}" if named and cleaned else None


def _contact(row: Row, using: Reading) -> Contact | None:
    party = rows.find_ref(row, "company.id")
    if party is None:
        return None  # a person of no company: nobody's debtor
    name = " ".join(part for part in (rows.text(row, "firstName"), rows.text(row, "lastName")) if part)
    types = _names(row, "types")
    role = "accounts payable" if rows.flag(row, "defaultBillingFlag") else (types[0] if types else rows.text(row, "title"))
    email = _communication(row, "Email")
    return Contact(
        **kept(row, using),
        party_ref=party,
        name=name or email or f"contact {rows.get_id(row, 'id')}",
        email=email,
        phone=_communication(row, "Phone") or rows.text(row, "defaultPhoneNbr"),
        role=role,
        primary=rows.flag(row, "defaultFlag"),
        active=not rows.flag(row, "inactiveFlag"),
    )


def _communication(row: Row, kind: str) -> str | None:
    """The contact's default item of a kind, else its first. There is no `email` field (brief 2.6)."""
    items = rows.find(row, "communicationItems") or ()
    if not isinstance(items, list | tuple):
        raise Unreadable("communicationItems", "is not a list")
    fitting = [item for item in items if isinstance(item, Mapping) and item.get("communicationType") == kind]
    fitting.sort(key=lambda item: not rows.flag(item, "defaultFlag"))
    found = (rows.text(item, "value") for item in fitting)
    return next((value for value in found if value), None)


# ── invoices and credit memos ───────────────────────────────────────────────────────────────────────────────────────────
def _invoice(row: Row, using: Reading) -> Invoice | None:
    kind = rows.choice(row, "type", INVOICE_TYPES)
    if kind == CREDIT_MEMO:
        return None
    currency = currency_of(row, using)
    issued = rows.get_day(row, "date", using.zone)
    open_ = rows.get_money(row, "balance", currency)
    status = _billing(row, using)
    order = rows.text(row, "customerPO")
    reference = rows.text(row, "reference") or order
    return Invoice(
        **kept(row, using, _moving(row)),
        party_ref=payer_of(row),
        number=rows.text(row, "invoiceNumber"),
        reference=reference,
        total=rows.get_money(row, "total", currency),
        open=open_,
        issued_on=issued,
        due_on=_due(row, issued, using),
        status=_document_status(open_, status),
        agreement_ref=rows.find_ref(row, "agreement.id"),
        memo=f"PO {order}" if order and order != reference else None,
        sent=status.sent if status is not None and status.name else None,
        disputed=(rows.text(row, "status.name") or "").lower() in using.disputed_names,
    )


def _moving(row: Row) -> str:
    """What may change on a document without `lastUpdated` moving (UNCONFIRMED, brief 1.9 and 10.2): its money and its status."""
    return "/".join(str(rows.find(row, path)) for path in ("balance", "payments", "credits", "status.id"))


def _billing(row: Row, using: Reading) -> BillingStatus | None:
    """The row's billing status: what the reference says of being closed, else the tenant's definition where it is readable."""
    if rows.flag(row, "status.isClosed"):
        return BillingStatus(name="", closed=True, sent=False)
    known = using.billing.get(rows.find_id(row, "status.id") or 0)
    if known is not None:
        return known
    if rows.find(row, "status.isClosed") is None:
        return None
    return BillingStatus(name="", closed=False, sent=False)


def _document_status(open_: Money, status: BillingStatus | None) -> DocumentStatus:
    """CLOSED is what owes nothing. Owing, it is issued once the tenant calls it closed or sent; before, it is being made."""
    if open_.minor == 0:
        return DocumentStatus.CLOSED
    issued = status is None or status.closed or status.sent
    return DocumentStatus.OPEN if issued else DocumentStatus.DRAFT


def _due(row: Row, issued: date, using: Reading) -> date | None:
    """The due date; where it is absent, the tenant's own billing terms say it."""
    found = rows.day(row, "dueDate", using.zone)
    terms = using.terms.get(rows.find_id(row, "billingTerms.id") or 0)
    return issued + timedelta(days=terms) if found is None and terms is not None else found


def _credit(row: Row, using: Reading) -> CreditNote | None:
    """A credit memo. The sign of its total and balance is UNCONFIRMED (brief 10.8), so both are read without it.

    One with money left counts from the start, closed or not: it speaks against a reminder.
    """
    if rows.choice(row, "type", INVOICE_TYPES) != CREDIT_MEMO:
        return None
    currency = currency_of(row, using)
    remaining = abs(rows.get_money(row, "balance", currency))
    return CreditNote(
        **kept(row, using, _moving(row)),
        party_ref=payer_of(row),
        number=rows.text(row, "invoiceNumber"),
        reference=rows.text(row, "reference") or rows.text(row, "customerPO"),
        total=abs(rows.get_money(row, "total", currency)),
        remaining=remaining,
        issued_on=rows.get_day(row, "date", using.zone),
        status=DocumentStatus.OPEN if remaining.minor else DocumentStatus.CLOSED,
        memo=rows.text(row, "topComment"),
    )


# ── agreements and tickets ──────────────────────────────────────────────────────────────────────────────────────────────
def cycle_months(name: str | None) -> int | None:
    """Months between invoices from a billing cycle's name ("Monthly", "Quarterly"); None for names nobody can tell."""
    lowered = (name or "").lower()
    return next((months for words, months in _CYCLES if any(word in lowered for word in words)), None)


def _agreement(row: Row, using: Reading) -> Agreement:
    status = rows.choice(row, "agreementStatus", AGREEMENT_STATES)
    amount = rows.money(row, "billAmount", currency_of(row, using))
    ends = None if rows.flag(row, "noEndingDateFlag") else rows.day(row, "endDate", using.zone)
    next_on = rows.text(row, "nextInvoiceDate")
    return Agreement(
        **kept(row, using),
        party_ref=payer_of(row),
        name=rows.get_text(row, "name"),
        amount=amount,
        cycle_months=cycle_months(rows.text(row, "billingCycle.name")),
        starts_on=rows.day(row, "startDate", using.zone),
        ends_on=ends,
        next_invoice_on=rows.read_day(next_on, using.zone) if next_on else None,
        terms=rows.text(row, "billingTerms.name"),
        active=status == "Active" if status else not rows.flag(row, "cancelledFlag"),
    )


def _ticket(row: Row, using: Reading) -> Ticket:
    status = rows.text(row, "status.name")
    in_sla = rows.find(row, "isInSla")
    return Ticket(
        **kept(row, using),
        party_ref=Ref(str(rows.get_id(row, "company.id"))),
        summary=rows.get_text(row, "summary"),
        board=rows.text(row, "board.name"),
        status=status,
        priority=rows.text(row, "priority.name"),
        severity=rows.text(row, "severity"),
        closed=rows.flag(row, "closedFlag") or (status or "").lower() in using.closed_names,
        opened_at=rows.instant(row, "_info.dateEntered"),
        closed_at=rows.instant(row, "closedDate"),
        sla_breached=None if in_sla is None else not rows.flag(row, "isInSla"),
    )


_READERS: dict[Stream, Callable[[Row, Reading], Record | Tombstone | None]] = {
    Stream.PARTIES: _party,
    Stream.CONTACTS: _contact,
    Stream.INVOICES: _invoice,
    Stream.CREDIT_NOTES: _credit,
    Stream.AGREEMENTS: _agreement,
    Stream.TICKETS: _ticket,
}
