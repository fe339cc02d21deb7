"""The health of receivables as of a day: six signs, key figures, recurring revenue and billing hygiene of one currency.

Pure: books, contact log and findings are arguments. Currencies are never added up; a report has one, and names the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from core.analytics.ageing import ageing
from core.analytics.exposure import Exposures, exposures
from core.analytics.faults import SeenFinding
from core.analytics.flows import Flow, month_end, month_of, months_before, trend_days
from core.analytics.history import History, histories
from core.analytics.kpis import (
    Kpi,
    MonthSales,
    at_risk_rate,
    average_days_delinquent,
    best_possible_dso,
    collection_effectiveness,
    dso,
    dso_countback,
)
from core.analytics.recurring import Hygiene, RecurringMonth, autopay_coverage, hygiene, recurring_months
from core.analytics.signs import Scene, Sign, Thresholds, scene
from core.analytics.signs_clients import cost_of_chasing, miscommunication, rising_receivables
from core.analytics.signs_faults import complaints, coordination, write_offs
from core.books import Books
from core.money import Money
from core.outbox import PastContact

SIGNS: tuple[Callable[[Scene], Sign], ...] = (
    rising_receivables,
    cost_of_chasing,
    miscommunication,
    write_offs,
    complaints,
    coordination,
)
_PERIOD = 3  # months the key figures look back
_MOST_MONTHS = 120  # for the countback: a bill dated 1900 is a slip of the pen


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthFigures:
    """One month of the business in minor units: sold, collected, open at its end and past due at its end."""

    month: str
    sales: int
    collected: int
    receivables: int
    past_due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Autopay:
    """How many of the clients lately invoiced pay automatically; `coverage` in %, None when no connection tells."""

    coverage: float | None
    clients: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Everything `report health` shows. `currency` is that of all minor units; `other_currencies` are not in it."""

    as_of: date
    currency: str
    other_currencies: tuple[str, ...]
    signs: tuple[Sign, ...]
    kpis: tuple[Kpi, ...]
    months: tuple[MonthFigures, ...]
    recurring: tuple[RecurringMonth, ...]
    autopay: Autopay
    hygiene: Hygiene
    exposure: Exposures

    @property
    def alerts(self) -> int:
        """How many of the six signs are on."""
        return sum(sign.alert for sign in self.signs)


def health(
    books: Books,
    as_of: date,
    *,
    findings: Sequence[SeenFinding] = (),
    contacts: Mapping[str, Sequence[PastContact]] | None = None,
    currency: str | None = None,
    thresholds: Thresholds | None = None,
    limits: Mapping[str, Mapping[str, Money]] | None = None,
) -> Health:
    """The report for `currency`, or for the one with most invoices. `limits` are credit limits by account and currency."""
    known = histories(books, as_of)
    code = currency or next(iter(known), "USD")
    history = known.get(code, History(code, ()))
    setting = scene(books, history, as_of, contacts or {}, findings, thresholds or Thresholds())
    coverage, paying, of = autopay_coverage(history, as_of)
    return Health(
        as_of=as_of,
        currency=code,
        other_currencies=tuple(other for other in known if other != code),
        signs=tuple(sign(setting) for sign in SIGNS),
        kpis=key_figures(history, as_of),
        months=_months(history, trend_days(as_of, history.first_day)),
        recurring=recurring_months(books, history, as_of),
        autopay=Autopay(coverage=coverage, clients=paying, of=of),
        hygiene=hygiene(books, history, as_of, findings),
        exposure=exposures(ageing(books, as_of), limits or {}, code),
    )


def key_figures(history: History, as_of: date) -> tuple[Kpi, ...]:
    """The key figures over the three months up to `as_of`."""
    begin_on = months_before(as_of, _PERIOD)
    days = (as_of - begin_on).days
    owed, begin = history.receivables.upto(as_of), history.receivables.upto(begin_on)
    current = owed - history.past_due(0).upto(as_of)
    sold = history.sales.between(begin_on, as_of)
    return (
        dso(owed, sold, days),
        dso_countback(owed, _sales_by_month(history, as_of)),
        best_possible_dso(current, sold, days),
        average_days_delinquent(owed, current, sold, days),
        collection_effectiveness(begin, sold, _PERIOD, owed, current),
        at_risk_rate(*_went_over(history, as_of, 90)),
    )


def _sales_by_month(history: History, as_of: date) -> list[MonthSales]:
    """Sales of every month, newest first; the running one up to `as_of`."""
    found: list[MonthSales] = []
    first = history.first_day
    end = as_of
    while first is not None and end >= first and len(found) < _MOST_MONTHS:
        begin = month_end(months_before(end.replace(day=1), 1))
        found.append(MonthSales((end - begin).days, history.sales.between(begin, end)))
        end = begin
    return found


def _went_over(history: History, as_of: date, limit: int) -> tuple[int, int]:
    """Invoiced value that came to be `limit` + 1 days past due within twelve months, and how much of it was open then."""
    past = timedelta(days=limit + 1)
    last = max(as_of.toordinal() - past.days, 0)  # the calendar begins with day 1
    first = months_before(as_of, 12).toordinal() - past.days
    invoiced = over = 0
    for line in history.lines:
        if first < line.due_on.toordinal() <= last:
            invoiced += line.invoice.total.minor
            over += line.open_on(line.due_on + past)
    return invoiced, over


def _months(history: History, days: Sequence[date]) -> tuple[MonthFigures, ...]:
    late: Flow = history.past_due(0)
    rows = []
    for day in days:
        begin = month_end(months_before(day.replace(day=1), 1))
        rows.append(
            MonthFigures(
                month=month_of(day),
                sales=history.sales.between(begin, day),
                collected=history.cash.between(begin, day),
                receivables=history.receivables.upto(day),
                past_due=late.upto(day),
            )
        )
    return tuple(rows)
