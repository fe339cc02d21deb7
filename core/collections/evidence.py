"""Everything that proves one case, gathered: the client's own records of this claim, what was said, and what people attached.

Values only, no raw payload of a vendor and no other client's record. How complete it is, and what is missing, is decided here
(product notes A20, A56, A81, A107-A110 and B.12: what agencies ask for first).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from functools import cached_property

from core.books import AccountBooks
from core.collections.agencies import AgencySettings
from core.collections.case import Attachment, AttachmentKind, Case
from core.dunning.arrangements import PaymentPlan, PlanState
from core.holds import Hold, HoldKind
from core.messages.letter import Organisation
from core.money import Money, total
from core.outbox import ContactKind, PastContact, Promise
from core.records import Contact, Invoice, Party, RecordKey, Ticket, Work, key_of

_MOST_PEOPLE = 5
_PAYING = ("accounts payable", "billing", "finance", "accounting", "bookkeep", "decision maker", "owner", "director", "president")


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One entry of the journal with what it takes to check it: `hash` = SHA-256 of `previous`, a line feed and `chained`.

    `detail_hash` inside `chained` = SHA-256 of `salt`, a line feed and `detail`; both are None where the detail was erased.
    """

    seq: int
    previous: str
    chained: str
    hash: str
    salt: str | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEnd:
    """How many entries the journal had when the pack was made, and the hash of the last."""

    entries: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message as it left us: its words, by the outbox row that sent it."""

    outbox_id: str
    at: datetime
    to: tuple[str, ...]
    subject: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a pack is made from. `invoices` are the case's as the books have them now; `documents` bytes by SHA-256."""

    case: Case
    reference: str
    organisation: Organisation
    agency: AgencySettings | None
    books: AccountBooks
    invoices: tuple[Invoice, ...]
    contacts: Sequence[PastContact] = ()
    messages: Sequence[SentMessage] = ()
    holds: Sequence[Hold] = ()
    promises: Sequence[Promise] = ()
    plans: Sequence[tuple[PaymentPlan, PlanState]] = ()
    documents: Mapping[str, bytes] = field(default_factory=dict)
    journal: Sequence[JournalLine] = ()
    journal_end: JournalEnd
    address: str | None = None
    legal_name: str | None = None
    made_at: datetime
    today: date

    @property
    def currency(self) -> str:
        """The claim's currency."""
        return self.case.currency

    @cached_property
    def claimed(self) -> Money:
        """What is open of the case's invoices."""
        return total((item.open for item in self.invoices), self.currency)

    @cached_property
    def keys(self) -> frozenset[RecordKey]:
        """The invoices' names."""
        return frozenset(key_of(item) for item in self.invoices)

    @cached_property
    def debtor(self) -> Party | None:
        """The client's record in the ledger."""
        ledger = self.books.ledger_connections
        return next((item for item in self.books.parties if item.connection in ledger), None)

    @property
    def client(self) -> str:
        """The client's legal name where somebody knows it, else as the ledger has it."""
        return self.legal_name or (self.debtor.legal_name or self.debtor.name if self.debtor else "") or self.books.account.name

    @property
    def people(self) -> tuple[Contact, ...]:
        """Whom an agency may be told of: those who answer for paying, the main contact, and whoever we wrote to about it.

        A PSA knows everybody who ever opened a ticket; the others are no business of an agency (product notes A100).
        """
        written = {address.casefold() for item in self.contacts for address in item.to}
        return tuple(item for item in self.books.contacts if item.active and _answers(item, written))[:_MOST_PEOPLE]

    def attached(self, kind: AttachmentKind) -> tuple[Attachment, ...]:
        """Documents of one kind."""
        return tuple(item for item in self.case.attachments if item.kind is kind)

    def copy_of(self, invoice: Invoice) -> Attachment | None:
        """The document that is this invoice, if one is attached."""
        return next((item for item in self.attached(AttachmentKind.INVOICE) if item.invoice == key_of(invoice)), None)

    def work_of(self, invoice: Invoice) -> tuple[Work, ...]:
        """Time worked that an invoice bills: named by it or its twin in the PSA, else of no invoice and in its period."""
        first, last = _period(invoice)
        twins = {invoice.ref, *(item.ref for item in self.books.invoices if item.number and item.number == invoice.number)}
        return tuple(
            item
            for item in self.books.work
            if item.invoice_ref in twins or (item.invoice_ref is None and item.period_start <= last and item.period_end >= first)
        )

    def tickets_of(self, invoice: Invoice) -> tuple[Ticket, ...]:
        """Tickets opened or closed in the period of an invoice."""
        first, last = _period(invoice)
        return tuple(
            item
            for item in self.books.tickets
            if any(first <= moment.date() <= last for moment in (item.opened_at, item.closed_at) if moment is not None)
        )

    def proof_of_delivery(self, invoice: Invoice) -> bool:
        """Is there anything that shows the service of an invoice was delivered?"""
        documents = (item.invoice in (None, key_of(invoice)) for item in self.attached(AttachmentKind.DELIVERY))
        return any(documents) or bool(self.work_of(invoice)) or bool(self.tickets_of(invoice))

    @property
    def disputes(self) -> tuple[Hold, ...]:
        """Every dispute of the client, lifted ones too."""
        return tuple(item for item in self.holds if item.kind is HoldKind.DISPUTE)


def _answers(person: Contact, written: set[str]) -> bool:
    role = (person.role or "").casefold()
    return person.primary or (person.email or "").casefold() in written or any(word in role for word in _PAYING)


def _period(invoice: Invoice) -> tuple[date, date]:
    """The days an invoice bills: its own period, else the month it was issued in up to that day."""
    first = invoice.period_start or invoice.issued_on.replace(day=1)
    return min(first, invoice.issued_on), max(invoice.period_end or invoice.issued_on, first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """How much of what agencies ask for is there, in percent, and what is missing, in words."""

    score: int
    missing: tuple[str, ...]


def completeness(evidence: Evidence) -> Completeness:
    """Each part asked for weighs the same; parts that are per invoice count by the share of invoices that have it."""
    parts = [(_share(have, want), text) for have, want, text in _wanted(evidence)]
    score = int(100 * sum(share for share, _ in parts) / len(parts))
    return Completeness(score=score, missing=tuple(text for share, text in parts if share < 1))


def _share(have: int, want: int) -> Fraction:
    return min(Fraction(have, want), Fraction(1)) if want else Fraction(1)


def _wanted(evidence: Evidence) -> list[tuple[int, int, str]]:
    """(how many there are, how many are wanted, what is missing if fewer)."""
    invoices = evidence.invoices
    count = len(invoices)
    copies = sum(evidence.copy_of(item) is not None for item in invoices)
    delivered = sum(evidence.proof_of_delivery(item) for item in invoices)
    said = [item for item in evidence.contacts if not item.waived]
    messages = [item for item in said if item.kind in (ContactKind.MESSAGE, ContactKind.STATEMENT)]
    party = evidence.debtor
    reach = bool(party and (party.email or party.phone)) or any(item.email or item.phone for item in evidence.books.contacts)
    no_copy = ", ".join(item.number or item.ref for item in invoices if evidence.copy_of(item) is None)
    undelivered = ", ".join(item.number or item.ref for item in invoices if not evidence.proof_of_delivery(item))
    return [
        (len(evidence.attached(AttachmentKind.AGREEMENT)), 1, "the signed agreement"),
        (copies, count, f"the vendor's copy of invoice {no_copy} (a sheet of ours stands in)"),
        (delivered, count, f"proof of delivery for invoice {undelivered}"),
        (len(messages), 1, "a message to the client"),
        (sum(item.kind is ContactKind.CALL for item in said), 1, "a call to the client"),
        (int(evidence.case.notice is not None), 1, "the final notice"),
        (int(bool(evidence.address)), 1, "the client's postal address"),
        (int(reach), 1, "an e-mail address or phone number of the client"),
        (sum(item.due_on is not None for item in invoices), count, "a due date on every invoice"),
    ]
