"""What the checklist looks at, and the words it answers in. Gathered once by the shell; every check is a function of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from core.analytics.faults import OPEN_STATES, SeenFinding
from core.books import AccountBooks, Books
from core.collections.case import Answer, Approval, Attachment, AttachmentKind, Waiver
from core.collections.checklist_rules import CheckRules
from core.collections.clocks import Bond, Reading
from core.collections.debtor_rules import DebtorRule
from core.collections.economics import Economics
from core.collections.terms import ContractTerms
from core.dunning.arrangements import PaymentPlan
from core.dunning.calendars import Place
from core.holds import Hold, HoldKind
from core.money import Money, total
from core.outbox import ContactKind, PastContact, Promise
from core.records import Invoice, RecordKey, Role, Ticket, Work, key_of


class Group(StrEnum):
    """Where an item stands in the list."""

    DOCUMENTS = "documents"
    ACCOUNT = "account"
    CONTACT = "contact"
    LEGAL = "legal"
    CONTRACT = "contract"
    VALUE = "value"


class Status(StrEnum):
    """PASS: seen to be so. FAIL: seen not to be. UNKNOWN: cannot be told, which never counts as passed. WAIVED: by a person."""

    PASS = "pass"  # noqa: S105 - the word of the command line
    FAIL = "fail"
    UNKNOWN = "unknown"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one check saw. `why` is the evidence in words, `todo` what would change it, `marks` the records it rests on.

    `marks` are stable text: with the status they make the digest that approvals are for.
    """

    status: Status
    why: str
    todo: str = ""
    marks: tuple[str, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict, hash=False)


def passed(why: str, *marks: str, **details: object) -> Found:
    """Seen to be so."""
    return Found(status=Status.PASS, why=why, marks=marks, details=details)


def failed(why: str, todo: str, *marks: str, **details: object) -> Found:
    """Seen not to be so."""
    return Found(status=Status.FAIL, why=why, todo=todo, marks=marks, details=details)


def unknown(why: str, todo: str, *marks: str, **details: object) -> Found:
    """It cannot be told."""
    return Found(status=Status.UNKNOWN, why=why, todo=todo, marks=marks, details=details)


@dataclass(frozen=True, kw_only=True)
class CaseFacts:
    """Everything known about one account's claim on `today`, its client's day. `invoices` are those to be handed over.

    `source_ages` are hours since each connection was last read (None: never); `copies_from` the connections that hand out their
    invoices as PDF; `readings` and `economics` are worked out beforehand, `rules` are those that fit the client.
    """

    books: Books
    account: str
    invoices: tuple[Invoice, ...]
    currency: str
    now: datetime
    today: date
    place: Place
    checks: CheckRules
    ready_days: int
    findings: Sequence[SeenFinding] = ()
    holds: Sequence[Hold] = ()
    promises: Sequence[Promise] = ()
    plans: Sequence[PaymentPlan] = ()
    contacts: Sequence[PastContact] = ()
    attachments: Sequence[Attachment] = ()
    waivers: Sequence[Waiver] = ()
    answers: Sequence[Answer] = ()
    approvals: Sequence[Approval] = ()
    terms: ContractTerms
    legal_name: str | None = None
    address: str | None = None
    natural_person: bool | None = None
    margin_percent: Decimal | None = None
    bond: Bond
    readings: Sequence[Reading] = ()
    rules: Sequence[DebtorRule] = ()
    source_ages: Mapping[str, float | None]
    copies_from: frozenset[str] = frozenset()
    economics: Economics | None = None

    @cached_property
    def client(self) -> AccountBooks:
        """The account's own books."""
        return self.books.accounts[self.account]

    @property
    def claimed(self) -> Money:
        """What is open of the invoices to be handed over."""
        return total((item.open for item in self.invoices), self.currency)

    @cached_property
    def keys(self) -> frozenset[RecordKey]:
        """The invoices' names."""
        return frozenset(key_of(item) for item in self.invoices)

    @cached_property
    def has_psa(self) -> bool:
        """Is the client known to a system that keeps tickets and time?"""
        return any(self.client.roles.get(party.connection) is Role.PSA for party in self.client.parties)

    @cached_property
    def open_findings(self) -> tuple[SeenFinding, ...]:
        """Findings about this account that nobody has resolved or dismissed."""
        return tuple(item for item in self.findings if item.state in OPEN_STATES and item.finding.account == self.account)

    def attached(self, *kinds: AttachmentKind) -> tuple[Attachment, ...]:
        """Documents of these kinds."""
        return tuple(item for item in self.attachments if item.kind in kinds)

    def standing(self, *kinds: HoldKind) -> tuple[Hold, ...]:
        """Holds of these kinds that stand today, on the account or one of the invoices."""
        found = (item for item in self.holds if item.kind in kinds and item.lifted_at is None)
        alive = (item for item in found if item.until is None or item.until >= self.today)
        return tuple(item for item in alive if item.invoice is None or item.invoice in self.keys)

    def said(self, *kinds: ContactKind) -> tuple[PastContact, ...]:
        """Entries of the contact log that really happened, oldest first."""
        return tuple(item for item in self.contacts if item.kind in kinds and not item.waived)

    def period(self, invoice: Invoice) -> tuple[date, date]:
        """The days an invoice bills: its period, else the month before its issue."""
        first = invoice.period_start or invoice.issued_on.replace(day=1)
        return min(first, invoice.issued_on), max(invoice.period_end or invoice.issued_on, first)

    def tickets_of(self, invoice: Invoice) -> tuple[Ticket, ...]:
        """Tickets opened or closed in the days an invoice bills."""
        first, last = self.period(invoice)
        found = []
        for item in self.client.tickets:
            days = [self.place.today(moment) for moment in (item.opened_at, item.closed_at) if moment is not None]
            if any(first <= day <= last for day in days):
                found.append(item)
        return tuple(found)

    def work_of(self, invoice: Invoice) -> tuple[Work, ...]:
        """Time worked that belongs to an invoice: named by it, or within the days it bills."""
        first, last = self.period(invoice)
        twins = {invoice.ref, *(other.ref for other in self.client.invoices if other.number and other.number == invoice.number)}
        return tuple(
            item
            for item in self.client.work
            if item.invoice_ref in twins or (item.invoice_ref is None and item.period_start <= last and item.period_end >= first)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One item of the list as it is defined. `asks`: a person's answer settles it. `waivable` False: nobody may pass it over."""

    id: str
    title: str
    group: Group
    requirements: tuple[str, ...]
    look: Callable[[CaseFacts], Found]
    asks: str = ""
    waivable: bool = True


def label(invoice: Invoice) -> str:
    """How an invoice is called in words."""
    return invoice.number or str(invoice.ref)


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names in a row, the rest counted: "A, B and 3 more"."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def answered(facts: CaseFacts, item: str) -> Answer | None:
    """The last word of a person on an item."""
    return next((answer for answer in reversed(facts.answers) if answer.item == item), None)
