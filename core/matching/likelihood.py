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

# per mille: early-payment discounts in use (1/10 net 30 ... 5 %); withholding on services (India 2, 10; Spain
# 7, 15, 19; Italy 20; UK construction 20, 30; US back-up 24)
DISCOUNTS = (20, 10, 30, 50, 25, 15, 5)
WITHHOLDINGS = (100, 150, 200, 75, 190, 240, 300, 40, 60, 80, 70)
PER_MILLE = 1000
FEE_LIMIT = 75
UNCITED = -2.5
NO_CITES = -1.5
CONTRADICTED = -4.0
LOOSE_WORD = -0.4
NOTHING = -4.0
STRONG_CITE = 6.0
_SIZE = (0.0, -0.4, -2.2, -2.9, -3.4, -3.8)


class Evidence(StrEnum):
    """How the paid amount is explained. Values are the `stage` of a match."""

    EXACT = "exact"
    DISCOUNT = "discount"
    WITHHOLDING = "withholding"
    FEE = "fee"
    NEAR = "near"
    PART = "part"
    OVER = "over"
    SUM = "sum of payments"
    EQUAL = "equal amounts"


@dataclass(frozen=True, slots=True)
class Explained:
    """`paid` against `total`: why they differ, how likely that is (log), and the share in words where there is one."""

    evidence: Evidence
    weight: float
    detail: str = ""


_EXACT = Explained(Evidence.EXACT, -0.15)


def explain(total: int, paid: int, unit: int, count: int = 1) -> Explained:
    """Why `paid` settles `total` (minor units; `unit` of them make one) over `count` invoices."""
    if total == paid:
        return _EXACT
    return _short(total, paid, unit, count) if paid < total else _over(total, paid, unit)


def _short(total: int, paid: int, unit: int, count: int) -> Explained:
    gap = total - paid
    rate = _rate(total, gap, DISCOUNTS, count)
    if rate:
        return Explained(Evidence.DISCOUNT, -5.0, f"{rate / 10:g} %")
    if gap <= max(unit // 20, 1):
        return Explained(Evidence.NEAR, -5.0)
    if gap <= FEE_LIMIT * unit and 5 * gap <= total:
        odd = gap % max(unit // 2, 1)
        return Explained(Evidence.FEE, -11.0 if odd else -7.5)
    rate = _rate(total, gap, WITHHOLDINGS, count)
    if rate:
        return Explained(Evidence.WITHHOLDING, -7.0, f"{rate / 10:g} %")
    if gap * 100 <= total * 6:
        return Explained(Evidence.NEAR, -12.5)
    return _part(total, paid, unit)


def _rate(total: int, gap: int, rates: Sequence[int], count: int) -> int:
    """The first rate (per mille) of which `gap` is that share of `total`, a unit of rounding per invoice allowed; 0 for none."""
    return next((rate for rate in rates if abs(gap * PER_MILLE - total * rate) <= PER_MILLE * count), 0)


def _part(total: int, paid: int, unit: int) -> Explained:
    for parts in (2, 3, 4, 5, 6, 10, 12):
        if abs(paid * parts - total) <= parts:
            return Explained(Evidence.PART, -6.0, f"1/{parts}")
        if parts < 7 and abs(paid * parts - total * (parts - 1)) <= parts:
            return Explained(Evidence.PART, -7.0, f"{parts - 1}/{parts}")
    if paid % (50 * unit) == 0 or abs(round(paid / total, 2) - paid / total) * total <= 1:
        return Explained(Evidence.PART, -9.5)
    return Explained(Evidence.PART, -13.5)


def _over(total: int, paid: int, unit: int) -> Explained:
    gap = paid - total
    if gap <= max(unit // 20, 1):
        return Explained(Evidence.NEAR, -5.0)
    if gap <= FEE_LIMIT * unit and gap % max(unit // 2, 1) == 0:
        return Explained(Evidence.OVER, -9.0)
    if gap * 100 <= total * 3:
        return Explained(Evidence.OVER, -12.5)
    return Explained(Evidence.OVER, -11.0 if paid == 2 * total else -16.0)


def size_weight(count: int) -> float:
    """Log-likelihood of paying `count` invoices at once."""
    return _SIZE[count] if count < len(_SIZE) else -3.8 - 0.25 * (count - 5)


def chance_amount(amount: int) -> float:
    """Log-density of an amount that has nothing to do with any invoice: spread over about its own size."""
    return -math.log(max(amount, 100))
