"""Key figures of receivables, each returned with its formula, inputs and convention, because tools that hide them disagree.

One published formula is upside down (sales / receivables), and "current" means 60 days to some (product notes E47): hence nothing
here is a bare number. Amounts are minor units of one currency; formulas and test vectors are those of product notes F.6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import NamedTuple

_PLACES = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """One figure. `value` is None where the inputs allow none, and `note` says why. Inputs are minor units or plain counts."""

    name: str
    title: str
    value: Decimal | None
    unit: str  # "days", "%"
    formula: str
    inputs: Mapping[str, int] = field(hash=False)
    convention: str
    note: str = ""


class MonthSales(NamedTuple):
    """Credit sales of one month (or part of one) and how many days it has."""

    days: int
    sales: int


def as_decimal(value: Fraction) -> Decimal:
    """A ratio to two places, half up."""
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(_PLACES, ROUND_HALF_UP)


def _ratio(top: int, bottom: int, scale: int) -> Decimal | None:
    return as_decimal(Fraction(top * scale, bottom)) if bottom > 0 else None


def dso(receivables: int, sales: int, days: int) -> Kpi:
    """Days sales outstanding: how many days of sales are still owed. More owed is more days; more sold is fewer."""
    return Kpi(
        name="dso",
        title="Days sales outstanding (simple)",
        value=_ratio(receivables, sales, days),
        unit="days",
        formula="receivables / credit sales x days",
        inputs={"receivables": receivables, "sales": sales, "days": days},
        convention="receivables: open invoices at the end of the period, disputed ones included, unapplied cash not taken off; "
        "sales: invoices issued in the period, drafts and voids left out",
        note="" if sales > 0 else "nothing was sold in the period",
    )


def dso_countback(receivables: int, months: Sequence[MonthSales]) -> Kpi:
    """Whole months of sales taken off the receivables, newest first, counting their days; the last one pro rata."""
    rest, counted = Fraction(receivables), Fraction(0)
    for month in months:
        if rest <= 0:
            break
        share = min(Fraction(1), rest / month.sales) if month.sales > 0 else Fraction(1)
        counted += share * month.days
        rest -= share * month.sales
    return Kpi(
        name="dso_countback",
        title="Days sales outstanding (countback)",
        value=as_decimal(counted) if months or receivables <= 0 else None,
        unit="days",
        formula="days of the newest months whose sales add up to the receivables; the last month pro rata",
        inputs={"receivables": receivables, "months": len(months), "sales": sum(month.sales for month in months)},
        convention="calendar months, the running one with the days it has had; same receivables and sales as the simple figure",
        note="at least this: more is owed than these months sold" if rest > 0 and months else "",
    )


def best_possible_dso(current: int, sales: int, days: int) -> Kpi:
    """What the figure would be if nobody were late."""
    return Kpi(
        name="best_possible_dso",
        title="Best possible DSO",
        value=_ratio(current, sales, days),
        unit="days",
        formula="receivables not yet due / credit sales x days",
        inputs={"current": current, "sales": sales, "days": days},
        convention="current means not past due",
        note="" if sales > 0 else "nothing was sold in the period",
    )


def average_days_delinquent(receivables: int, current: int, sales: int, days: int) -> Kpi:
    """How many of the days outstanding are lateness: DSO less the best possible one."""
    return Kpi(
        name="average_days_delinquent",
        title="Average days delinquent",
        value=_ratio(receivables - current, sales, days),
        unit="days",
        formula="DSO - best possible DSO",
        inputs={"receivables": receivables, "current": current, "sales": sales, "days": days},
        convention="both figures over the same period and sales",
        note="" if sales > 0 else "nothing was sold in the period",
    )


def collection_effectiveness(begin: int, sales: int, months: int, end: int, current: int) -> Kpi:
    """Collection effectiveness index: what was collected of what could have been. `sales` are those of all `months`."""
    monthly = Fraction(sales, max(months, 1))
    could, did = begin + monthly - current, begin + monthly - end
    return Kpi(
        name="collection_effectiveness",
        title="Collection effectiveness index",
        value=as_decimal(did / could * 100) if could > 0 else None,
        unit="%",
        formula="(beginning receivables + sales / months - ending receivables) / "
        "(beginning receivables + sales / months - ending current receivables) x 100",
        inputs={"begin": begin, "sales": sales, "months": months, "end": end, "current": current},
        convention="current means not past due (some tools take 60 days: not comparable)",
        note="" if could > 0 else "nothing was due for collection in the period",
    )


def at_risk_rate(invoiced: int, went_over: int, limit: int = 90) -> Kpi:
    """The share of invoiced value that was still open more than `limit` days past due."""
    return Kpi(
        name="at_risk_rate",
        title=f"At-risk rate (over {limit} days)",
        value=_ratio(went_over, invoiced, 100),
        unit="%",
        formula=f"value still open {limit + 1} days past due / value invoiced, of the invoices that are that old",
        inputs={"invoiced": invoiced, "went_over": went_over, "limit_days": limit},
        convention=f"invoices whose {limit + 1}st day past due fell within the last twelve months",
        note="" if invoiced > 0 else f"no invoice is yet {limit + 1} days past its due date",
    )
