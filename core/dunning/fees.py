"""Late fees and interest as proposals to the bookkeeper: stated with rate, days and day count, never posted.

Simple interest on what is open, from the day after the due date to today, rounded half-up once for the whole account. Vendors
print other figures for the same case because they do not say their day count (product notes B.9, F.6: 66.21 on 365 days, 67.13
on 360).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from core.dunning.policy import LateFee
from core.money import Money, exponent
from core.records import DocumentStatus, Invoice, RecordKey, key_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeLine:
    """One invoice's part: `days` past due that count, interest unrounded in major units, and the flat fee."""

    invoice: RecordKey
    principal: Money
    days: int
    interest: Decimal
    fixed: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeProposal:
    """What could be charged in one currency, and how it was worked out."""

    currency: str
    lines: tuple[FeeLine, ...]
    interest: Money
    fixed: Money
    basis: str

    @property
    def total(self) -> Money:
        return self.interest + self.fixed


def simple_interest(principal: Money, days: int, rule: LateFee) -> Decimal:
    """Simple interest in major units, exact."""
    return principal.decimal * rule.yearly_percent / Decimal(100) * Decimal(days) / Decimal(rule.day_count)


def rounded(amount: Decimal, currency: str) -> Money:
    """`amount` in minor units, half up."""
    minor = amount.scaleb(exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return Money(int(minor), currency)


def propose_all(invoices: Iterable[tuple[Invoice, LateFee]], today: date) -> tuple[FeeProposal, ...]:
    """The proposals for invoices of which some have a rule of their own: one per rule and currency."""
    by_rule: dict[str, tuple[LateFee, list[Invoice]]] = {}
    for invoice, rule in invoices:
        by_rule.setdefault(rule.model_dump_json(), (rule, []))[1].append(invoice)
    return tuple(item for rule, mine in by_rule.values() for item in propose_fees(mine, rule=rule, today=today))


def propose_fees(invoices: Iterable[Invoice], *, rule: LateFee, today: date) -> tuple[FeeProposal, ...]:
    """One proposal per currency for the open invoices that are late enough; empty where the policy charges nothing.

    An invoice with a planned charge counts only where the policy includes failed ones, and only after the charge's day (E46).
    """
    lines: dict[str, list[FeeLine]] = {}
    for invoice in invoices:
        line = _line(invoice, rule, today)
        if line is not None:
            lines.setdefault(line.principal.currency, []).append(line)
    return tuple(_proposal(currency, lines[currency], rule) for currency in sorted(lines))


def _line(invoice: Invoice, rule: LateFee, today: date) -> FeeLine | None:
    if invoice.due_on is None or invoice.status is not DocumentStatus.OPEN or invoice.open.minor <= 0 or invoice.disputed:
        return None
    if invoice.autopay_on is not None and (not rule.autopay_failures or today <= invoice.autopay_on):
        return None
    days = (today - invoice.due_on).days
    if days <= rule.grace_days:
        return None
    currency = invoice.open.currency
    fixed = rounded(rule.fixed.get(currency, Decimal(0)), currency)
    interest = simple_interest(invoice.open, days, rule)
    if not interest and not fixed:
        return None
    return FeeLine(invoice=key_of(invoice), principal=invoice.open, days=days, interest=interest, fixed=fixed)


def _proposal(currency: str, lines: Sequence[FeeLine], rule: LateFee) -> FeeProposal:
    interest = rounded(sum((line.interest for line in lines), Decimal(0)), currency)
    fixed = Money(sum(line.fixed.minor for line in lines), currency)
    first = f"simple interest of {rule.yearly_percent:f} % a year, actual days over {rule.day_count}, from the due date"
    grace = f", invoices more than {rule.grace_days} days past due" if rule.grace_days else ""
    return FeeProposal(currency=currency, lines=tuple(lines), interest=interest, fixed=fixed, basis=first + grace)
