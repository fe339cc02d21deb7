"""What share of a debt is recovered by its age: a published curve, drawn towards what our own placed cases really brought.

Exact decimals throughout: a share has four places. Months have 30 days, so that "in 30, 60, 90 days" are whole months.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache

from core.money import Money

MONTH_DAYS = 30
_PLACES = Decimal("0.0001")
_DIGITS = 28  # for logarithms; rounded away


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Shares recovered by months past due, falling, log-linear between the points and on beyond the last (product notes F.5)."""

    points: tuple[tuple[Decimal, Decimal], ...]

    def problems(self) -> list[str]:
        """Why these points are no curve; empty when they are one."""
        months = [month for month, _ in self.points]
        shares = [share for _, share in self.points]
        found = []
        if len(self.points) < 2 or months != sorted(set(months)) or months[0] < 0:
            found.append("a curve has two points or more, in order of their months")
        if any(not 0 < share <= 1 for share in shares) or shares != sorted(shares, reverse=True):
            found.append("shares are above 0 and at most 1, and do not rise with age")
        return found

    def share(self, days_past_due: int) -> Decimal:
        """The share expected of what is so many days past due, to four places; never more than the first point's."""
        return _share(self.points, max(days_past_due, 0))


@lru_cache(maxsize=4096)
def _share(points: tuple[tuple[Decimal, Decimal], ...], days: int) -> Decimal:
    age = Fraction(days, MONTH_DAYS)
    known = [(Fraction(month), share) for month, share in points]
    if age <= known[0][0]:
        return known[0][1].quantize(_PLACES)
    after = next((n for n, (month, _) in enumerate(known) if month >= age), len(known) - 1)
    (left, high), (right, low) = known[after - 1], known[after]
    if age == right:
        return low.quantize(_PLACES)
    part = (age - left) / (right - left)
    with localcontext() as context:
        context.prec = _DIGITS
        weight = Decimal(part.numerator) / Decimal(part.denominator)
        value = (high.ln() + (low.ln() - high.ln()) * weight).exp()
        return value.quantize(_PLACES, ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedCase:
    """One case of our own that an agency is done with: how old it was when placed, what was claimed, and what came."""

    days_past_due: int
    claimed: Money
    recovered: Money

    @property
    def share(self) -> Fraction:
        """Recovered of claimed; more than all of it counts as all."""
        return (
            Fraction(min(self.recovered.minor, self.claimed.minor), self.claimed.minor) if self.claimed.minor > 0 else Fraction(0)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The curve with our own cases beside it. Each case is compared with what the curve said of its age.

    The mean of those ratios is drawn towards 1, the curve itself, as if `weight` cases stood there; below `fewest` it is 1.
    """

    curve: Curve
    cases: Sequence[PlacedCase] = ()
    weight: int = 10
    fewest: int = 3

    @property
    def factor(self) -> Fraction:
        """What our cases brought, as a multiple of the curve."""
        if len(self.cases) < self.fewest:
            return Fraction(1)
        ratios = [case.share / Fraction(self.curve.share(case.days_past_due)) for case in self.cases]
        return (sum(ratios, Fraction(0)) + self.weight) / (len(ratios) + self.weight)

    def share(self, days_past_due: int) -> Decimal:
        """The share expected, to four places, between 0 and 1."""
        value = min(Fraction(self.curve.share(days_past_due)) * self.factor, Fraction(1))
        return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(_PLACES, ROUND_HALF_EVEN)

    @property
    def words(self) -> str:
        """What the shares rest on."""
        count = len(self.cases)
        if count < self.fewest:
            return f"published curve; {count} closed cases of your own are too few ({self.fewest} needed)"
        own = (self.factor * (count + self.weight) - self.weight) / count
        brought = f"your {count} closed cases brought {decimal_text(own)} of what the curve says"
        return f"published curve x {decimal_text(self.factor)}: {brought}, drawn towards 1 as if {self.weight} cases had"


def decimal_text(value: Decimal | Fraction) -> str:
    """A number in plain decimals without trailing zeros; a fraction to two places, half up. No float on the way."""
    if isinstance(value, Fraction):
        hundredths = (200 * value.numerator + value.denominator) // (2 * value.denominator)
        value = Decimal(hundredths) / 100
    return f"{value.normalize():f}"


def part_of(amount: Money, share: Decimal | Fraction) -> Money:
    """A share of an amount in whole minor units, half up."""
    exact = Fraction(share) * amount.minor
    return Money(int((2 * exact.numerator + exact.denominator) // (2 * exact.denominator)), amount.currency)
