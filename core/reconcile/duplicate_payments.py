"""Payments booked twice: the copy with its original, one finding per extra copy.

The telling sign is a copy without a home: it is unapplied although nothing of its amount is owed, or it makes its invoice
overpaid, or it repeats the original's reference. Equal amounts alone mean nothing: retainers are paid by equal payments,
instalments are equal by design, and two equal invoices are rightly paid by two equal payments on one day. Sources:
vendors/quickbooks.md R5, xero.md R1-R3, product.md E25, E40.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from core.findings import Finding, FindingKind, Severity
from core.money import Money
from core.reconcile import wording
from core.reconcile.desk import Desk
from core.reconcile.evidence import called, plain
from core.reconcile.second_records import equal_of_the_other_record
from core.reconcile.world import payment_text
from core.records import Invoice, Payment, RecordKey, key_of


@dataclass(frozen=True, slots=True)
class _Verdict:
    confidence: float
    why: str


def duplicate_payments(desk: Desk) -> Iterator[Finding]:
    """Findings for the account's equal payments; copies of an applied payment are claimed, theirs is no cash to apply."""
    groups: dict[tuple[str, Money], list[Payment]] = defaultdict(list)
    for payment in desk.payments:
        groups[(payment.connection, payment.amount)].append(payment)
    shared = _shared_references(desk)
    for group in groups.values():
        if len(group) > 1:
            yield from _Group(desk, sorted(group, key=_order), shared).findings()


def _order(payment: Payment) -> tuple[object, ...]:
    return (payment.paid_on, payment.unapplied.minor > 0, len(payment.ref), payment.ref)


def _shared_references(desk: Desk) -> frozenset[str]:
    """References the account repeats on payments of several amounts or many days: a customer number, a standing order."""
    days: dict[str, set[date]] = defaultdict(set)
    common: set[str] = {""}
    for payment in desk.payments:
        if (payment.connection, payment_text(payment)) in desk.world.shared_references:
            common.add(payment_text(payment))
        days[payment_text(payment)].add(payment.paid_on)
    limit = desk.world.rules.duplicate_payment_same_reference_days
    habits = (name for name, on in days.items() if len(on) > _MOST_DAYS or (max(on) - min(on)).days > limit)
    return frozenset(common.union(habits))


_MOST_DAYS = 3  # a reference used on more days than this is the client's habit, not one payment's name


@dataclass
class _Group:
    """The equal payments of one account by date. `homes`: the loose ones that some open invoice of the amount waits for."""

    desk: Desk
    payments: Sequence[Payment]
    shared: frozenset[str]

    def __post_init__(self) -> None:
        self.homes = self._homes()
        self.recurring = _usual_gap(self.payments) * 2 // 3  # sooner after a payment than the next one is likely

    def findings(self) -> Iterator[Finding]:
        """Each payment is a copy of the nearest kept one before it, or is kept."""
        rules = self.desk.world.rules
        reach = max(rules.twice_paid_days, rules.duplicate_payment_same_reference_days)
        kept: list[Payment] = []
        for payment in self.payments:
            near = itertools.takewhile(lambda other: (payment.paid_on - other.paid_on).days <= reach, reversed(kept))  # noqa: B023
            verdicts = ((other, self._copy(other, payment)) for other in [*near])
            match = next(((other, verdict) for other, verdict in verdicts if verdict), None)
            if match is None:
                kept.append(payment)
            else:
                yield _finding(self.desk, payment, *match)

    def _homes(self) -> frozenset[RecordKey]:
        """Give each loose payment an open invoice of its amount that it could be for, oldest first.

        Else one that the client's other record owes, whatever the day: no habit of this record tells when that is paid.
        """
        one = self.payments[0]
        free = [*self.desk.open_by_amount.get((one.connection, one.amount), ())]
        habit = self._habit()
        homed: set[RecordKey] = set()
        for payment in self.payments:
            if not self.desk.loose(payment):
                continue
            beside = self._beside_applied(payment)
            named = {key_of(item.invoice) for item in self.desk.world.mentions(payment)}
            could = (item for item in free if key_of(item) in named or _could_be_for(payment, item, habit, beside=beside))
            home = min(could, key=lambda item: key_of(item) not in named, default=None)
            if home is not None:
                free.remove(home)
                homed.add(key_of(payment))
            elif equal_of_the_other_record(self.desk, payment, payment.amount, payment.paid_on):
                homed.add(key_of(payment))
        return frozenset(homed)

    def _beside_applied(self, payment: Payment) -> bool:
        """Does an equal payment that paid something stand within days of it?"""
        days = self.desk.world.rules.duplicate_payment_days
        return any(
            abs((payment.paid_on - other.paid_on).days) <= days and not self.desk.loose(other)
            for other in self.payments
            if other is not payment
        )

    def _habit(self) -> float | None:
        """Days after the due date on which the client usually pays this amount."""
        delays = [
            (payment.paid_on - (invoice.due_on or invoice.issued_on)).days
            for payment in self.payments
            for invoice in self.desk.paid_invoices(payment)
        ]
        return median(delays) if delays else None

    def _copy(self, first: Payment, second: Payment) -> _Verdict | None:
        """Why `second` repeats `first`, or None."""
        rules = self.desk.world.rules
        days = (second.paid_on - first.paid_on).days
        one, two = payment_text(first), payment_text(second)
        same_reference = one == two and one not in self.shared
        if not (same_reference or self.desk.loose(first) or self.desk.loose(second) or _share_invoice(first, second)):
            return None
        if (
            _names_other_work(self.desk, first, second)
            or _points_elsewhere(self.desk, second)
            or _points_elsewhere(self.desk, first)
        ):
            return None
        if not days and self._parts_of_one(first, second):
            return None
        if same_reference and days <= rules.duplicate_payment_same_reference_days:
            return _same_reference(self.desk, first, second, days)
        if days <= rules.duplicate_payment_days and _overpays_together(self.desk, first, second):
            return _Verdict(0.95, "together they pay the same invoice more than its total")
        if self.desk.loose(first) and not self.desk.loose(second):
            first, second = second, first
        if not self.desk.loose(second):
            return None
        closed = _closed_by(self.desk, first) & {key_of(item.invoice) for item in self.desk.world.mentions(second)}
        if closed and days <= _SAME_CYCLE_DAYS:
            return _Verdict(0.95, "it names an invoice that an equal payment had closed")
        if key_of(second) in self.homes:
            return None
        return self._homeless(first, days, apart=bool(one and two and one != two))

    def _parts_of_one(self, first: Payment, second: Payment) -> bool:
        """Are they two parts of one transfer over several bills, of which one is still to be applied?"""
        loose = [item for item in (first, second) if self.desk.loose(item)]
        return bool(loose) and second in self.desk.beside(first) and all(key_of(item) in self.homes for item in loose)

    def _homeless(self, first: Payment, days: int, *, apart: bool) -> _Verdict | None:
        """The second is applied to nothing and nothing of its amount waits for it."""
        rules = self.desk.world.rules
        closed = _closed_by(self.desk, first)
        if days <= rules.duplicate_payment_days and not (apart and self.desk.loose(first)):
            return _Verdict(0.9, "nothing of its amount is owed and an equal payment stands beside it")
        if closed and days <= (self.recurring or rules.twice_paid_days):
            return _Verdict(0.85, "the invoice of its amount was already closed by an equal payment")
        return None


_SAME_CYCLE_DAYS = 20  # closer than a month: not next month's payment with last month's reference copied
_SOON = 5  # days before its due date at which an invoice is as good as due
_HABIT_SLACK = 15  # days a client strays from its habit before a payment is unlikely to be for that invoice


def _could_be_for(payment: Payment, invoice: Invoice, habit: float | None, *, beside: bool) -> bool:
    """Would the client pay this invoice on that day? Beside an equal payment only if it pays such invoices just then."""
    delay = (payment.paid_on - (invoice.due_on or invoice.issued_on)).days
    usual = habit is None or abs(delay - habit) <= _HABIT_SLACK
    return usual or (not beside and delay >= -_SOON)


def _usual_gap(group: Sequence[Payment]) -> int:
    """Days between this amount's payments where the client pays it as a habit, some days apart each time; else 0."""
    days = sorted({payment.paid_on for payment in group})
    gaps = [gap for earlier, later in itertools.pairwise(days) if (gap := (later - earlier).days) > _HABIT_GAP]
    return int(median(gaps)) if len(gaps) >= _HABIT_TIMES else 0


_HABIT_GAP = 5
_HABIT_TIMES = 2


def _same_reference(desk: Desk, first: Payment, second: Payment, days: int) -> _Verdict | None:
    if desk.loose(first) or desk.loose(second):
        return _Verdict(0.97, "both carry one reference and one of them pays nothing")
    if _overpays_together(desk, first, second):
        return _Verdict(0.97, "both carry one reference and together pay the same invoice more than its total")
    if {key_of(item) for item in desk.paid_invoices(first)} & {key_of(item) for item in desk.paid_invoices(second)}:
        return None  # instalments of one invoice carry its number each
    # One cheque for two equal invoices is often entered as two payments of one day.
    return _Verdict(0.85, "both carry one reference, some days apart") if 0 < days <= _BOTH_APPLIED_DAYS else None


_BOTH_APPLIED_DAYS = 7  # beyond a week, one reference on two payments that both pay something is the client's habit


def _names_other_work(desk: Desk, first: Payment, second: Payment) -> bool:
    """Do the two name different invoices, each its own?"""
    one = {key_of(item.invoice) for item in desk.world.mentions(first) if item.sure}
    two = {key_of(item.invoice) for item in desk.world.mentions(second) if item.sure}
    return bool(one and two and not one & two)


def _share_invoice(first: Payment, second: Payment) -> bool:
    mine = {item.invoice_ref for item in first.allocations}
    return any(item.invoice_ref in mine for item in second.allocations)


def _points_elsewhere(desk: Desk, payment: Payment) -> bool:
    """Does it name an invoice that is still owed, and pay another, or stand with another client? It is misapplied, not a copy."""
    paid = desk.paid_together(payment)
    named = [item.invoice for item in desk.world.mentions(payment) if item.sure]
    if any(item.open == payment.amount and desk.world.account_of(item) != desk.account for item in named):
        return True
    owed = any(item.open.minor > 0 for item in named)
    return owed and bool(desk.paid_invoices(payment)) and not any(key_of(item) in paid for item in named)


def _overpays_together(desk: Desk, first: Payment, second: Payment) -> bool:
    common = {key_of(item) for item in desk.paid_invoices(first)} & {key_of(item) for item in desk.paid_invoices(second)}
    return any(
        key_of(invoice) in common and _applied(desk, invoice) > invoice.total.minor for invoice in desk.paid_invoices(first)
    )


def _applied(desk: Desk, invoice: Invoice) -> int:
    return sum(item.amount.minor for item in desk.applied(invoice))


def _closed_by(desk: Desk, payment: Payment) -> frozenset[RecordKey]:
    """The invoices of its amount that this payment closed by itself."""
    return frozenset(
        key_of(item) for item in desk.paid_invoices(payment) if item.open.minor == 0 and item.total == payment.amount
    )


def _finding(desk: Desk, copy: Payment, original: Payment, verdict: _Verdict) -> Finding:
    if desk.loose(original) and not desk.loose(copy):
        copy, original = original, copy
    if not desk.loose(original):
        desk.told_payments.add(key_of(copy))
    days = abs((copy.paid_on - original.paid_on).days)
    invoices = desk.paid_invoices(original)
    return desk.find(
        FindingKind.DUPLICATE_PAYMENT,
        (copy, original),
        at_stake=copy.amount,
        confidence=verdict.confidence,
        severity=Severity.HIGH,
        what=f"Payment {called(copy)} over {copy.amount} repeats payment {called(original)}: {verdict.why}.",
        proposal=wording.delete_payment(desk.system(copy.connection), called(copy), called(original)),
        more={
            "why": verdict.why,
            "days_apart": days,
            "paid": [{"number": called(item), "open": plain(item.open)} for item in invoices],
        },
        beside=invoices,
    )
