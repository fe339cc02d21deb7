"""What each kind of evidence is worth: logarithms of how likely people are to pay, deduct, cite and err in a given way.
The figures are judgements of orders of magnitude (one in thirty payments short by a round fee, one in a hundred to the odd cent
...), not fitted to a generator; the calibration table (core.matching.confidence) turns the resulting score into an honest
chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

# Per ten thousand. Early-payment discounts in use (1/10 net 30 ... 5 %); tax withheld on services (India 2, 10; Spain 7, 15, 19;
# Italy 20; UK construction 20, 30; US back-up 24); a discount taken on top of tax withheld.
DISCOUNTS = (200, 100, 300, 500, 250, 150, 50)
WITHHOLDINGS = (1000, 1500, 2000, 750, 1900, 2400, 3000, 400, 600, 800, 700)
BOTH = (2160, 2080, 2240, 1670, 1585, 1755, 1180, 1090, 1270, 690, 595, 785)
SHORT_RATES = (*DISCOUNTS, *WITHHOLDINGS, *BOTH)
PER_MYRIAD = 10_000
FEE_LIMIT = 75
UNCITED = -2.5
NO_CITES = -1.5
CONTRADICTED = -4.0
CONTRADICTED_BY_SETTLED = -2.5
LOOSE_WORD = -1.2
NOTHING = -7.0
STRONG_CITE = 6.0
_SIZE = (0.0, -0.4, -2.2, -2.9, -3.4, -3.8)


class Evidence(StrEnum):
    """How the paid amount is explained. Values are the `stage` of a match."""

    EXACT = "exact"
    DISCOUNT = "discount"
    WITHHOLDING = "withholding"
    FEE = "fee"
    CREDIT = "credit note"
    NEAR = "near"
    PART = "part"
    OVER = "over"
    SUM = "sum of payments"
    EQUAL = "equal amounts"


SETTLING = frozenset({Evidence.EXACT, Evidence.DISCOUNT, Evidence.WITHHOLDING, Evidence.FEE, Evidence.NEAR, Evidence.CREDIT})
CREDIT_TAKEN = -2.5


@dataclass(frozen=True, slots=True)
class Explained:
    """`paid` against `total`: why they differ, how likely that is (log), and the share in words where there is one."""

    evidence: Evidence
    weight: float
    detail: str = ""


_DEDUCTIONS = (
    (Evidence.DISCOUNT, DISCOUNTS, -5.0),
    (Evidence.WITHHOLDING, WITHHOLDINGS, -7.0),
    (Evidence.WITHHOLDING, BOTH, -8.5),
)
_EXACT = Explained(Evidence.EXACT, -0.15)


def explain(total: int, paid: int, unit: int, count: int = 1) -> Explained:
    """Why `paid` settles `total` (minor units; `unit` of them make one) over `count` invoices."""
    if total == paid:
        return _EXACT
    return _short(total, paid, unit, count) if paid < total else _over(total, paid, unit)


def _short(total: int, paid: int, unit: int, count: int) -> Explained:
    gap = total - paid
    for evidence, rates, weight in _DEDUCTIONS:
        rate = _rate(total, gap, rates, count)
        if rate:
            return Explained(evidence, weight, f"{rate / 100:g} %")
    if gap <= max(unit // 20, 1):
        return Explained(Evidence.NEAR, -5.0)
    if gap <= FEE_LIMIT * unit and 5 * gap <= total:
        return Explained(Evidence.FEE, -5.0 - math.log(gap) if gap % max(unit // 2, 1) else -7.5)
    if gap * 100 <= total * 6:
        return Explained(Evidence.NEAR, -3.8 - math.log(gap))
    return _part(total, paid, unit)


def _rate(total: int, gap: int, rates: Sequence[int], count: int) -> int:
    """The first rate of which `gap` is that share of `total`, a unit of rounding per invoice allowed; 0 for none."""
    return next((rate for rate in rates if abs(gap * PER_MYRIAD - total * rate) <= PER_MYRIAD * count), 0)


def _part(total: int, paid: int, unit: int) -> Explained:
    for parts in (2, 3, 4, 5, 6, 10, 12):
        if abs(paid * parts - total) <= parts:
            return Explained(Evidence.PART, -6.0, f"1/{parts}")
        if parts < 7 and abs(paid * parts - total * (parts - 1)) <= parts:
            return Explained(Evidence.PART, -7.0, f"{parts - 1}/{parts}")
    if paid % (50 * unit) == 0 or abs(round(paid / total, 2) - paid / total) * total <= 1:
        return Explained(Evidence.PART, -9.5)
    if gap_is_small(total, paid):
        return Explained(Evidence.PART, -3.8 - math.log(total - paid))
    return Explained(Evidence.PART, -3.5 - math.log(total))


def gap_is_small(total: int, paid: int) -> bool:
    """Whether what is missing may be several deductions at once: up to three tenths."""
    return (total - paid) * 10 <= total * 3


def _over(total: int, paid: int, unit: int) -> Explained:
    gap = paid - total
    if gap <= max(unit // 20, 1):
        return Explained(Evidence.NEAR, -5.0)
    if gap <= FEE_LIMIT * unit and gap % max(unit // 2, 1) == 0:
        return Explained(Evidence.OVER, -9.0)
    if gap * 100 <= total * 3:
        return Explained(Evidence.OVER, -13.5)
    return Explained(Evidence.OVER, -11.0 if paid == 2 * total else -7.5 - math.log(paid))


def size_weight(count: int) -> float:
    """Log-likelihood of paying `count` invoices at once."""
    return _SIZE[count] if count < len(_SIZE) else -3.8 - 0.25 * (count - 5)


def chance_amount(amount: int) -> float:
    """Log-density of an amount that has nothing to do with any invoice: spread over about its own size."""
    return -math.log(max(amount, 100))
