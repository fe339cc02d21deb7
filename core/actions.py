"""What connectors consume: the closed set of things duesync may do at a vendor, as values with a deterministic key.

An action says everything needed to do it, to read it back, and to see whether it is still wanted. It is stored in the outbox
before it is done and never edited.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from core.money import Money
from core.records import Ref, Stream

IdempotencyKey = NewType("IdempotencyKey", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceMention:
    """An invoice as it was when the action was decided. `digest` is the store's content hash of that version."""

    connection: str
    ref: Ref
    digest: str
    number: str | None
    open: Money
    due_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReminder:
    """Send our own mail about one account's invoices over the channel `connection`."""

    connection: str
    account: str
    stage: str
    cycle: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    invoices: tuple[InvoiceMention, ...]
    cc: tuple[str, ...] = ()
    reply_to: str | None = None
    locale: str = "en"
    credits: tuple[Money, ...] = ()  # what it takes off for money not yet applied, by currency; none: nothing
    enclose: int = 0  # the vendors' PDFs of at most so many of its invoices go with it


@dataclass(frozen=True, slots=True, kw_only=True)
class SendInvoice:
    """Have the vendor mail one invoice with its own template. `to` None means the address on the invoice."""

    connection: str
    account: str
    stage: str
    cycle: str
    invoice: InvoiceMention
    to: str | None = None

    @property
    def invoices(self) -> tuple[InvoiceMention, ...]:
        return (self.invoice,)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostNote:
    """Write a note on a record. The connector adds a marker made from the key, by which the note is found again."""

    connection: str
    account: str
    stream: Stream
    ref: Ref
    text: str
    cause: str  # what it reports: "reminder <outbox id>", "hold <id>"; part of the key


@dataclass(frozen=True, slots=True, kw_only=True)
class SetField:
    """Set one field of a record if it still has the value `expected`; a person's later change is respected, not overwritten."""

    connection: str
    account: str
    stream: Stream
    ref: Ref
    field: str
    value: str | None
    expected: str | None
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTicket:
    """Ask a person to act (a call, a bounced address, a review) through a ticket in the PSA."""

    connection: str
    account: str
    party_ref: Ref
    summary: str
    body: str
    stage: str
    cycle: str
    invoices: tuple[InvoiceMention, ...] = ()


class HandOverKind(StrEnum):
    """What an agency is handed. Values are part of the open format."""

    PLACEMENT = "placement"  # a case with its evidence
    DOCUMENTS = "documents"  # what the agency asked for since
    PAYMENT = "payment"  # the client paid us directly
    CORRECTION = "correction"  # the claim is another amount now
    RECALL = "recall"
    STAY = "stay"  # bankruptcy or another legal reason: stop
    MESSAGE = "message"  # a word of ours, such as an offer of instalments


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A file that goes along: its bytes are kept in the store under `sha256`."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Hand something about one case to an agency over `connection`. `to` are addresses where that is a mail server.

    `count` and `amount` are what a placement claims; `invoices` those invoices as they were, to be read again before it goes.
    """

    connection: str
    account: str
    case: str
    agency: str
    what: HandOverKind
    cause: str  # "placement 1", "payment books/payments/42": part of the key
    reference: str
    subject: str
    text: str
    amount: Money
    count: int = 0
    to: tuple[str, ...] = ()
    files: tuple[SentFile, ...] = ()
    invoices: tuple[InvoiceMention, ...] = ()


Action = SendReminder | SendInvoice | PostNote | SetField | OpenTicket | HandOver
CONTACTS = (SendReminder, SendInvoice)  # the actions a client would notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An address that a channel will not take mail for, now or later, with what it said."""

    address: str
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Proof that a vendor took an action. `found` is true when it was read back rather than answered.

    `refused` are addresses of the message it would not take for good, though others got it.
    """

    ref: str
    at: datetime | None = None
    detail: str = ""
    found: bool = False
    refused: tuple[Refusal, ...] = ()


def _identity(action: Action) -> tuple[str, ...]:
    if isinstance(action, SendReminder | SendInvoice | OpenTicket):
        invoices = sorted(f"{item.connection}/{item.ref}" for item in action.invoices)
        return (action.account, action.stage, action.cycle, *invoices)
    if isinstance(action, PostNote):
        return (action.stream, action.ref, action.cause)
    if isinstance(action, HandOver):
        return (action.agency, action.case, action.what, action.cause)
    return (action.stream, action.ref, action.field, str(action.value), action.cause)


def idempotency_key(action: Action) -> IdempotencyKey:
    """The same intent gives the same key on any day, process or machine: 40 hex digits (QuickBooks allows 50, fact 1.11).

    Wording and amounts are not part of it: a reminder for one (invoices, stage, cycle) is one reminder however it is phrased.
    """
    parts = (type(action).__name__, action.connection, *_identity(action))
    return IdempotencyKey(hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:40])
