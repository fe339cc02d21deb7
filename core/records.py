"""What connectors produce: parties, invoices, credit notes, payments and their kin, as frozen values.

A record belongs to one connection and carries the vendor's id as `ref`; (connection, stream, ref) names it everywhere.
`version` is the vendor's change token (SyncToken, UpdatedDateUTC, _info.lastUpdated), opaque to us. Dates are calendar days in
the vendor company's zone, instants are aware and UTC. Absent means None; a connector never invents a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from core.money import Money

Ref = NewType("Ref", str)
Cursor = NewType("Cursor", str)


class Stream(StrEnum):
    """The kinds of record a connection can have. Values are part of the command line's JSON."""

    PARTIES = "parties"
    CONTACTS = "contacts"
    INVOICES = "invoices"
    CREDIT_NOTES = "credit_notes"
    PAYMENTS = "payments"
    DEPOSITS = "deposits"
    SALES = "sales"
    REFUNDS = "refunds"
    ADJUSTMENTS = "adjustments"
    AGREEMENTS = "agreements"
    TICKETS = "tickets"
    WORK = "work"
    ALLOCATIONS = "allocations"  # never pulled alone: a finding may name one as "source_ref>invoice_ref"


class Role(StrEnum):
    """What a connection is to the organisation: where the ledger is kept, the work is done or cash arrives; or who collects."""

    BOOKS = "books"
    PSA = "psa"
    BANK = "bank"
    AGENCY, CHANNEL = "agency", "channel"  # have no records of ours: one is handed cases, the other told of messages


@dataclass(frozen=True, slots=True, order=True)
class RecordKey:
    """Names one record across all connections."""

    connection: str
    stream: Stream
    ref: Ref

    def __str__(self) -> str:
        return f"{self.connection}/{self.stream}/{self.ref}"


class DocumentStatus(StrEnum):
    """State of an invoice or credit note as its vendor sees it. CLOSED is paid, applied or credited in full."""

    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    VOID = "void"


class PaymentStatus(StrEnum):
    """RECEIVED counts as cash; PENDING is on its way (clearing, future-dated); VOID and REVERSED (bounced, NSF) do not."""

    RECEIVED = "received"
    PENDING = "pending"
    VOID = "void"
    REVERSED = "reversed"


class Posting(StrEnum):
    """Which side of the books a deposit line or sale went to."""

    RECEIVABLE = "receivable"
    INCOME = "income"
    UNDEPOSITED = "undeposited"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record has."""

    connection: str
    ref: Ref
    version: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Party(Record):
    """A customer record of one connection. `balance` is the vendor's own statement of what it owes, to check ours against."""

    name: str
    legal_name: str | None = None
    email: str | None = None
    phone: str | None = None
    currency: str | None = None
    timezone: str | None = None
    locale: str | None = None
    country: str | None = None
    region: str | None = None
    active: bool = True
    parent_ref: Ref | None = None
    balance: Money | None = None
    status: str | None = None
    tags: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()  # custom fields that hold something, each "CAPTION = VALUE"; no caption has " = " in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact(Record):
    """A person at a party. `role` in plain words ("accounts payable", "decision maker", "technical")."""

    party_ref: Ref
    name: str
    email: str | None = None
    phone: str | None = None
    role: str | None = None
    primary: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice(Record):
    """`open` is what the vendor says is still owed, in the invoice's own currency.

    `prepaid` is cash taken on the invoice itself (QuickBooks Invoice.Deposit). `expected_on` is when the client is expected to
    pay (Xero), `autopay_on` when it will be charged, `disputed` when the vendor marks it so.
    """

    party_ref: Ref
    number: str | None = None
    reference: str | None = None
    total: Money
    open: Money
    issued_on: date
    due_on: date | None = None
    status: DocumentStatus
    prepaid: Money | None = None
    agreement_ref: Ref | None = None
    period_start: date | None = None
    period_end: date | None = None
    memo: str | None = None
    sent: bool | None = None
    bill_email: str | None = None
    pay_link: str | None = None
    expected_on: date | None = None
    autopay_on: date | None = None
    disputed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Money of a payment or credit note applied to an invoice. Always positive."""

    invoice_ref: Ref
    amount: Money
    applied_on: date | None = None
    ref: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditUse:
    """A credit note, journal entry or other credit whose money a payment carried to its invoices (as QuickBooks does)."""

    stream: Stream
    ref: Ref
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNote(Record):
    """`remaining` is what is not yet applied."""

    party_ref: Ref
    number: str | None = None
    reference: str | None = None
    total: Money
    remaining: Money
    issued_on: date
    status: DocumentStatus
    allocations: tuple[Allocation, ...] = ()
    memo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(Record):
    """Cash from a client: amount = sum(allocations) - sum(credits_used) + unapplied.

    An amount of zero with credits used is a link, not cash. `payer` and `payer_account` are who paid and the bank account it came
    from where the vendor says so; `party_ref` is None for a bank row nobody assigned.
    """

    party_ref: Ref | None
    amount: Money
    unapplied: Money
    paid_on: date
    status: PaymentStatus = PaymentStatus.RECEIVED
    allocations: tuple[Allocation, ...] = ()
    credits_used: tuple[CreditUse, ...] = ()
    reference: str | None = None
    memo: str | None = None
    method: str | None = None
    payer: str | None = None
    payer_account: str | None = None
    deposited: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositLine:
    """One line of a bank deposit: a recorded payment (payment_ref) or money posted directly."""

    amount: Money
    posting: Posting
    posted_to: str | None = None
    party_ref: Ref | None = None
    payment_ref: Ref | None = None
    memo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit(Record):
    """Money put in the bank; may bundle several payments."""

    amount: Money
    deposited_on: date
    lines: tuple[DepositLine, ...]
    memo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale(Record):
    """A sale paid at once (sales receipt): never opens a receivable, and is suspect when an equal invoice is open."""

    party_ref: Ref | None
    number: str | None = None
    amount: Money
    sold_on: date
    posting: Posting = Posting.INCOME
    posted_to: str | None = None
    memo: str | None = None
    status: DocumentStatus = DocumentStatus.CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(Record):
    """Money given back to a client; `source` is the credit or payment it came from, where known."""

    party_ref: Ref | None
    amount: Money
    refunded_on: date
    source_stream: Stream | None = None
    source_ref: Ref | None = None
    memo: str | None = None
    status: DocumentStatus = DocumentStatus.CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment(Record):
    """A journal line or write-off on receivables: above zero raises what is owed. `remaining`, same sign, is not used up yet."""

    party_ref: Ref | None
    amount: Money
    remaining: Money
    adjusted_on: date
    number: str | None = None
    memo: str | None = None
    reason: str | None = None
    allocations: tuple[Allocation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement(Record):
    """A recurring contract. `cycle_months` is how often it bills (1 monthly, 3 quarterly, 12 yearly)."""

    party_ref: Ref
    name: str
    amount: Money | None = None
    cycle_months: int | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    next_invoice_on: date | None = None
    terms: str | None = None
    active: bool = True
    signed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket(Record):
    """A service request. `sla_breached` and `severity` (the vendor's word for the harm) are None where it does not say."""

    party_ref: Ref
    summary: str
    board: str | None = None
    status: str | None = None
    priority: str | None = None
    severity: str | None = None
    closed: bool = False
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    sla_breached: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Record):
    """Time worked for one client in one invoice period: proof of delivery, as a sum (never the notes)."""

    party_ref: Ref
    invoice_ref: Ref | None = None
    agreement_ref: Ref | None = None
    period_start: date
    period_end: date
    minutes: int
    entries: int
    last_worked_on: date | None = None


STREAM_OF: dict[type[Record], Stream] = {
    Party: Stream.PARTIES,
    Contact: Stream.CONTACTS,
    Invoice: Stream.INVOICES,
    CreditNote: Stream.CREDIT_NOTES,
    Payment: Stream.PAYMENTS,
    Deposit: Stream.DEPOSITS,
    Sale: Stream.SALES,
    Refund: Stream.REFUNDS,
    Adjustment: Stream.ADJUSTMENTS,
    Agreement: Stream.AGREEMENTS,
    Ticket: Stream.TICKETS,
    Work: Stream.WORK,
}


def key_of(record: Record) -> RecordKey:
    """The name of a record across all connections."""
    return RecordKey(record.connection, STREAM_OF[type(record)], record.ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record beside the vendor's own payload, kept as it came."""

    record: Record
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """One row that could not be read. `where` is a path a person can find: "Line[2].Amount" or "invoices.csv:14:total"."""

    stream: Stream
    ref: Ref | None
    where: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """A record the vendor says is gone."""

    stream: Stream
    ref: Ref
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Marks pages that together list everything the vendor has in a stream. `first` is true on the first of them."""

    id: str
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A step of a pull. Committed with its cursor in one transaction; pulled again it is the same or newer.

    `more`: the pass has further pages. What is stored beyond a `listing` is looked up by `reread` before it is believed gone.
    """

    stream: Stream
    entries: tuple[Entry, ...]
    cursor: Cursor
    more: bool
    malformed: tuple[Malformed, ...] = ()
    deleted: tuple[Tombstone, ...] = ()
    listing: Listing | None = None
    expected: int | None = None  # rows the vendor says the whole pass has, where it says so: for the progress bar

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(entry.record for entry in self.entries)
