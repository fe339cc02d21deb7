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

from core.findings import Finding, FindingKind, Severity
from core.money import Money
from core.reconcile import wording
from core.reconcile.desk import Desk
from core.reconcile.evidence import called, plain
from core.records import Invoice, Payment, key_of


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
    for (connection, amount), group in groups.items():
        if len(group) > 1:
            homes = len(desk.open_by_amount.get((connection, amount), ()))
            yield from _examine(desk, sorted(group, key=_order), homes, shared)


def _order(payment: Payment) -> tuple[object, ...]:
    return (payment.paid_on, payment.unapplied.minor > 0, len(payment.ref), payment.ref)


def _reference(payment: Payment) -> str:
    return "".join((payment.reference or "").casefold().split())


def _shared_references(desk: Desk) -> frozenset[str]:
    """References the account repeats on payments of several amounts or many days: a customer number, a standing order."""
    days: dict[str, set[object]] = defaultdict(set)
    for payment in desk.payments:
        days[_reference(payment)].add(payment.paid_on)
    limit = desk.world.rules.duplicate_payment_same_reference_days
    return frozenset(
        reference for reference, on in days.items() if len(on) > _MOST_DAYS or (len(on) > 1 and _spread(on) > limit)
    ) | {""}


_MOST_DAYS = 3  # a reference used on more days than this is the client's habit, not one payment's name


def _spread(days: set[object]) -> int:
    ordered = sorted(days)  # type: ignore[type-var]
    return int((ordered[-1] - ordered[0]).days)  # type: ignore[operator]


def _examine(desk: Desk, group: Sequence[Payment], homes: int, shared: frozenset[str]) -> Iterator[Finding]:
    """Walk the equal payments by date; each is a copy of the nearest kept one before it, or is kept."""
    kept: list[Payment] = []
    reach = max(desk.world.rules.twice_paid_days, desk.world.rules.duplicate_payment_same_reference_days)
    recurring = _recurs(group)
    free_homes = homes
    for payment in group:
        near = [*itertools.takewhile(lambda other: (payment.paid_on - other.paid_on).days <= reach, reversed(kept))]  # noqa: B023
        verdicts = ((other, _copy(desk, other, payment, free_homes, recurring, shared)) for other in near)
        match = next(((other, verdict) for other, verdict in verdicts if verdict), None)
        if match is None:
            free_homes -= payment.unapplied == payment.amount
            kept.append(payment)
        else:
            yield _finding(desk, payment, *match)


def _recurs(group: Sequence[Payment]) -> bool:
    """Does the client pay this amount as a habit, some days apart each time?"""
    days = sorted({payment.paid_on for payment in group})
    return sum((later - earlier).days > _HABIT_GAP for earlier, later in itertools.pairwise(days)) >= _HABIT_TIMES


_HABIT_GAP = 5
_HABIT_TIMES = 2


def _copy(desk: Desk, first: Payment, second: Payment, homes: int, recurring: bool, shared: frozenset[str]) -> _Verdict | None:
    """Why `second` repeats `first`, or None. `homes`: equal invoices still open that a second payment could be for."""
    rules = desk.world.rules
    days = (second.paid_on - first.paid_on).days
    one, two = _reference(first), _reference(second)
    same_reference = one == two and one not in shared
    loose = second.unapplied == second.amount
    if _names_other_work(desk, first, second):
        return None
    if same_reference and days <= rules.duplicate_payment_same_reference_days:
        return _same_reference(desk, first, second, days, loose)
    if first.unapplied == first.amount and not loose:
        first, second, loose = second, first, True
    if days <= rules.duplicate_payment_days and _overpays_together(desk, first, second):
        return _Verdict(0.95, "together they pay the same invoice more than its total")
    if not loose or homes > 0:
        return None
    apart = bool(one and two and one != two)
    if days <= rules.duplicate_payment_days and not (apart and first.unapplied == first.amount):
        return _Verdict(0.9, "nothing of its amount is open and an equal payment stands beside it")
    if days <= (rules.duplicate_payment_days * 3 if recurring else rules.twice_paid_days) and _closed_by(desk, first):
        return _Verdict(0.85, "the invoice of its amount was already closed by an equal payment")
    return None


def _same_reference(desk: Desk, first: Payment, second: Payment, days: int, loose: bool) -> _Verdict | None:
    if loose or first.unapplied == first.amount:
        return _Verdict(0.97, "both carry one reference and one of them pays nothing")
    paid_first, paid_second = desk.paid_invoices(first), desk.paid_invoices(second)
    if {key_of(item) for item in paid_first} & {key_of(item) for item in paid_second}:
        return _Verdict(0.95, "both carry one reference and pay the same invoice")
    # One cheque for two equal invoices is often entered as two payments of one day.
    return None if days == 0 else _Verdict(0.85, "both carry one reference, some days apart")


def _names_other_work(desk: Desk, first: Payment, second: Payment) -> bool:
    """Do the two name different invoices, each its own?"""
    one = {key_of(item.invoice) for item in desk.world.mentions(first) if item.sure}
    two = {key_of(item.invoice) for item in desk.world.mentions(second) if item.sure}
    return bool(one and two and not one & two)


def _overpays_together(desk: Desk, first: Payment, second: Payment) -> bool:
    common = {key_of(item) for item in desk.paid_invoices(first)} & {key_of(item) for item in desk.paid_invoices(second)}
    return any(
        key_of(invoice) in common and _applied(desk, invoice) > invoice.total.minor for invoice in desk.paid_invoices(first)
    )


def _applied(desk: Desk, invoice: Invoice) -> int:
    return sum(item.amount.minor for item in desk.applied(invoice))


def _closed_by(desk: Desk, payment: Payment) -> bool:
    """Did this payment by itself close an invoice of its amount?"""
    return any(item.open.minor == 0 and item.total == payment.amount for item in desk.paid_invoices(payment))


def _finding(desk: Desk, copy: Payment, original: Payment, verdict: _Verdict) -> Finding:
    if original.unapplied == original.amount and copy.unapplied != copy.amount:
        copy, original = original, copy
    if original.unapplied != original.amount:
        desk.told_payments.add(key_of(copy))
    days = abs((copy.paid_on - original.paid_on).days)
    invoices = desk.paid_invoices(original)
    return desk.find(
        FindingKind.DUPLICATE_PAYMENT,
        (copy, original),
        at_stake=copy.amount,
        confidence=verdict.confidence,
        severity=Severity.HIGH,
        what=f"Payment {called(copy)} of {copy.amount} repeats payment {called(original)} {days} days apart: {verdict.why}.",
        proposal=wording.delete_payment(desk.system(copy.connection), called(copy), called(original)),
        more={
            "why": verdict.why,
            "days_apart": days,
            "paid": [{"number": called(item), "open": plain(item.open)} for item in invoices],
        },
        beside=invoices,
    )
