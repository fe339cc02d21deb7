"""Money of the client that pays none of its invoices though somebody has it: it may be what a reminder would ask for.

Cash that stands on a void invoice or one that is gone, is more than its invoice asked, went to income or came twice; and payments
and credits of another system that the ledger never heard of. Unapplied money of the ledger itself is no part of it: the net
balance counts that (product notes E2, E3, E35, E40).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from core.books import COUNTED_PAYMENTS, AccountBooks
from core.dunning.policy import Policy
from core.findings import Finding, FindingKind
from core.money import Money
from core.records import CreditNote, DocumentStatus, Invoice, Payment, RecordKey, Role, Stream, key_of

_MISPLACED = frozenset(
    {FindingKind.OVERPAYMENT, FindingKind.ALLOCATION_TO_VOID, FindingKind.DEPOSIT_TO_INCOME, FindingKind.DUPLICATE_PAYMENT}
)
_SAME = timedelta(days=10)  # two systems date one payment this far apart: the day it came, the day it was entered
EARLY = timedelta(days=7)  # money that comes this long before its invoice is dated may still be its payment
_TOLD = 3  # of many amounts so many are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """One amount, since when it is there (None: as long as its finding is open), and what it is in plain words."""

    amount: Money
    on: date | None
    what: str
    kind: FindingKind | None = None
    confidence: float = 1.0


def idle_money(books: AccountBooks, findings: Sequence[Finding]) -> tuple[Idle, ...]:
    """Everything of the kind, in the order of the books."""
    return (*_misplaced(books, findings), *_elsewhere(books))


def could_pay(invoice: Invoice, idle: Sequence[Idle], *, policy: Policy, today: date) -> str:
    """What could pay the whole of `invoice`, in plain words; empty where it does not reach."""
    recent = today - timedelta(days=policy.lookalike_days)
    fitting = [
        item
        for item in idle
        if item.amount.currency == invoice.open.currency
        and (item.on is None or item.on >= recent or item.on - invoice.issued_on >= -EARLY)
        and item.confidence >= policy.finding_confidence
        and item.kind not in policy.ignore_findings
    ]
    if sum(item.amount.minor for item in fitting) < invoice.open.minor or not fitting:
        return ""
    more = f" and {len(fitting) - _TOLD} more" if len(fitting) > _TOLD else ""
    return "; ".join(item.what for item in fitting[:_TOLD]) + more


def _misplaced(books: AccountBooks, findings: Sequence[Finding]) -> Iterator[Idle]:
    """Money of the ledger that is entered where it pays nothing. A person who dismissed the finding has said it is right."""
    unapplied = {key_of(item): item.unapplied.minor for item in books.payments if item.status in COUNTED_PAYMENTS}
    owed = {key_of(item) for item in books.open_invoices()}
    told: set[RecordKey] = set()
    for finding in findings:
        if finding.kind not in _MISPLACED or finding.account != books.account.id or owed & set(finding.subjects):
            continue  # one that names the invoice it pays stops that one by itself
        money = {key for key in finding.subjects if key.stream is not Stream.INVOICES}
        if money & told:
            continue
        told |= money
        counted = sum(unapplied.get(key, 0) for key in money)
        rest = finding.at_stake - Money(counted, finding.at_stake.currency)
        if rest.minor > 0:
            what = f"{rest} of the client's money is entered where it pays nothing ({finding.kind.replace('_', ' ')})"
            yield Idle(amount=rest, on=None, what=what, kind=finding.kind, confidence=finding.confidence)


def _elsewhere(books: AccountBooks) -> Iterator[Idle]:
    """Payments and credits only another system has, with what of them is not used there."""
    ledger = books.ledger_connections
    known = _Known(books)
    for payment in books.payments:
        left = payment.unapplied
        bank = books.roles.get(payment.connection) is Role.BANK  # whose its rows are is asked with everybody's (core.reconcile)
        if (
            bank
            or payment.connection in ledger
            or payment.status not in COUNTED_PAYMENTS
            or left.minor <= 0
            or known.payment(payment)
        ):
            continue
        what = f"{payment.connection} has a payment of {left} from {payment.paid_on} that is not applied there and not known here"
        yield Idle(amount=left, on=payment.paid_on, what=what)
    for note in books.credit_notes:
        living = note.status in (DocumentStatus.OPEN, DocumentStatus.CLOSED)
        if note.connection in ledger or not living or note.remaining.minor <= 0 or known.credit(note):
            continue
        what = f"{note.connection} has a credit of {note.remaining} from {note.issued_on} that is not known here"
        yield Idle(amount=note.remaining, on=note.issued_on, what=what)


def lost_money(books: AccountBooks) -> tuple[tuple[Payment, Money], ...]:
    """Payments applied to an invoice that is there no more, as when it was deleted and written anew (E35), with how much."""
    there = {(item.connection, item.ref) for item in books.invoices}
    return tuple(
        (payment, item.amount)
        for payment in books.payments
        if payment.status in COUNTED_PAYMENTS
        for item in payment.allocations
        if (payment.connection, item.invoice_ref) not in there
    )


def meant_for(invoice: Invoice, lost: Sequence[tuple[Payment, Money]], *, since: date) -> Iterator[str]:
    """Those of the invoice's amount, paid since `since` and not before it was issued, in plain words."""
    for payment, amount in lost:
        in_time = payment.paid_on >= since and payment.paid_on - invoice.issued_on >= -EARLY
        if in_time and amount in (invoice.open, invoice.total):
            yield f"a payment of {amount} from {payment.paid_on} stands on an invoice that is not there and looks like this one's"


class _Known:
    """What the ledger has; each of its payments stands for one of another system, so that a second of one amount is news."""

    def __init__(self, books: AccountBooks) -> None:
        ledger = books.ledger_connections
        self._payments = [item for item in books.payments if item.connection in ledger]
        self._taken: Counter[int] = Counter()
        notes = [item for item in books.credit_notes if item.connection in ledger]
        self._numbers = {(item.number or "").strip().casefold() for item in notes} - {""}
        self._credits = [item.total for item in notes]

    def payment(self, theirs: Payment) -> bool:
        """Is it one the ledger has as well: of that amount, within a few days?"""
        for place, ours in enumerate(self._payments):
            if not self._taken[place] and ours.amount == theirs.amount and abs(ours.paid_on - theirs.paid_on) <= _SAME:
                self._taken[place] += 1
                return True
        return False

    def credit(self, theirs: CreditNote) -> bool:
        """Is it one the ledger has as well: by its number, or of that amount?"""
        return (theirs.number or "").strip().casefold() in self._numbers or theirs.total in self._credits
