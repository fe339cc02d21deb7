"""Agreements with a client that stop reminders while they are kept: promises to pay and payment plans.

A promise counts to the end of its day; if the invoice is still open it is broken, and reminders resume on the next business day
(product notes E11). A plan is breached by its own rule, and reminders resume then too (A95).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from core.books import AccountBooks
from core.dunning.calendars import Place
from core.money import Money, total
from core.outbox import Promise
from core.records import Invoice, Payment, PaymentStatus, RecordKey, Ref, key_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """One part of a plan."""

    due_on: date
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPlan:
    """An agreement to pay `invoices` (empty: everything issued by then) in parts.

    `breach_days` late on an instalment breaks it; `breach_rest` is how much of it may be missing without that. `agreed_on` is the
    organisation's own day then; of plans older than that is kept it is None, and the day in UTC stands for it.
    """

    account: str
    invoices: tuple[RecordKey, ...]
    instalments: tuple[Instalment, ...]
    agreed_at: datetime
    breach_days: int = 5
    breach_rest: Money | None = None
    agreed_on: date | None = None

    @property
    def day(self) -> date:
        """The day it was agreed."""
        return self.agreed_on or self.agreed_at.date()

    def covers(self, invoice: Invoice) -> bool:
        """Is the invoice part of the plan? What is billed after it was agreed is not, unless it was named."""
        if not self.invoices:
            return invoice.issued_on <= self.day
        return key_of(invoice) in self.invoices


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanState:
    """Where a plan stands: what should have been paid by now, what was, and the instalment whose lateness broke it."""

    expected: Money
    paid: Money
    breached_by: Instalment | None = None
    next_due_on: date | None = None

    @property
    def breached(self) -> bool:
        return self.breached_by is not None


def _paid_since(plan: PaymentPlan, books: AccountBooks, currency: str) -> Money:
    """Cash received since the plan was agreed, in its currency; money that bounced does not count."""
    start = plan.day
    others = frozenset((item.connection, item.ref) for item in books.invoices if not plan.covers(item))
    cash = (
        payment.amount
        for payment in books.payments
        if payment.connection in books.ledger_connections
        and payment.status is PaymentStatus.RECEIVED
        and payment.amount.currency == currency
        and payment.paid_on >= start
        and _for_plan(plan, payment, others)
    )
    return total(cash, currency)


def _for_plan(plan: PaymentPlan, payment: Payment, others: Collection[tuple[str, Ref]]) -> bool:
    """Money on the plan's invoices, or on none yet; what was paid on other invoices alone keeps no plan."""
    if not payment.allocations or payment.unapplied.minor > 0:
        return True
    refs = {(key.connection, key.ref) for key in plan.invoices}
    paid = [(payment.connection, item.invoice_ref) for item in payment.allocations]
    return any(item in refs if refs else item not in others for item in paid)


def plan_state(plan: PaymentPlan, books: AccountBooks, today: date) -> PlanState:
    """Is the plan kept on `today`? Instalments are checked in order against all cash received since it was agreed."""
    instalments = sorted(plan.instalments, key=lambda item: item.due_on)
    currency = instalments[0].amount.currency if instalments else "USD"
    paid = _paid_since(plan, books, currency)
    forgiven = plan.breach_rest.minor if plan.breach_rest else 0
    expected, owed_by_then, breached = Money.zero(currency), Money.zero(currency), None
    for instalment in instalments:
        owed_by_then += instalment.amount
        if instalment.due_on <= today:
            expected = owed_by_then
        late = (today - instalment.due_on).days > plan.breach_days
        if late and breached is None and paid.minor + forgiven < owed_by_then.minor:
            breached = instalment
    ahead = next((item.due_on for item in instalments if item.due_on >= today), None)
    return PlanState(expected=expected, paid=paid, breached_by=breached, next_due_on=ahead)


@dataclass(frozen=True, slots=True)
class Word:
    """A client's word about one invoice: the last day it holds back reminders, and whether it was broken by `today`."""

    until: date
    due_on: date
    broken: bool
    made_by: str


def word_on(invoice: Invoice, promises: Iterable[Promise], place: Place, today: date, books: AccountBooks) -> Word | None:
    """The latest promise about an invoice, still open; None where there is none.

    A promise of an amount is kept by that much cash in the client's `books` from the day it was made to the last day of silence,
    and then nothing is broken, though more is open.
    """
    key = key_of(invoice)
    mine = sorted((item for item in promises if item.invoice in (None, key)), key=lambda item: (item.made_at, item.due_on))
    if not mine:
        return None
    last = mine[-1]
    until = place.last_day_of_silence(last.due_on)
    broken = today > until and not _kept(last, place.today(last.made_at), until, books)
    return Word(until=until, due_on=last.due_on, broken=broken, made_by=last.made_by)


def _kept(word: Promise, since: date, until: date, books: AccountBooks) -> bool:
    if word.amount_minor is None:
        return False  # everything was promised, and the invoice is open
    cash = (
        item.amount.minor
        for item in books.payments
        if item.connection in books.ledger_connections
        and item.status is PaymentStatus.RECEIVED
        and item.amount.currency == word.currency
        and since <= item.paid_on <= until
    )
    return sum(cash) >= word.amount_minor
