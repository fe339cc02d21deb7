"""What closed cases teach: causes, what agencies brought by age, how often it comes to that, who stays (A43, A115-A116).

Few cases teach little, and it says so: rates carry an interval and the number of cases they rest on, and agencies are compared
only once each has enough. Amounts are minor units of one currency; the others are named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from math import sqrt
from statistics import median

from core.books import Books
from core.collections.case import Case, CaseState
from core.collections.recovery import Curve, PlacedCase
from core.money import Money, total
from core.records import DocumentStatus, Invoice, RecordKey

ENOUGH = 10  # finished cases before two agencies may be compared
AGES = ((0, 90), (91, 180), (181, 365), (366, 730), (731, None))  # days past due when placed, as recovery surveys count
_ENDED = frozenset({CaseState.PAID, CaseState.SATISFIED, CaseState.RECALLED, CaseState.CLOSED})
_Z80, _Z95 = 1.2816, 1.96  # normal deviates of two-sided intervals
_YEAR = timedelta(days=365)


class Cause(StrEnum):
    """Why it came to a case. A case closed with other words counts as OTHER, and its words are kept beside it."""

    CASH = "cash_trouble"
    SERVICE = "service_dispute"
    PRICE = "price_dispute"
    TERMS = "terms_unclear"
    LATE_BILL = "billed_late"
    LOST = "invoice_lost"
    INSOLVENT = "insolvent"
    GONE = "gone_away"
    UNWILLING = "unwilling"
    OTHER = "other"
    UNKNOWN = "unknown"


def cause_of(case: Case) -> Cause | None:
    """The root cause a case was closed with; None while it is open."""
    if case.closing is None:
        return None
    word = case.closing.cause.strip().casefold().replace(" ", "_").replace("-", "_")
    if not word:
        return Cause.UNKNOWN
    return Cause(word) if word in set(Cause) else Cause.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One case that was placed: how old it was, what was claimed, what came from whom, and how long it took."""

    case: str
    account: str
    agency: str
    cause: Cause | None
    placed_on: date
    days_past_due: int | None
    claimed: Money
    recovered: Money
    fee: Money
    ended: bool
    days_to_status: int | None
    days_to_money: int | None

    @property
    def net(self) -> Money:
        """What came to us."""
        return self.recovered - self.fee


def results_of(cases: Iterable[Case], invoices: Mapping[RecordKey, Invoice]) -> tuple[Result, ...]:
    """Every case that was ever placed, the oldest placement first."""
    found = [made for case in cases if (made := _result(case, invoices)) is not None]
    return tuple(sorted(found, key=lambda item: (item.placed_on, item.case)))


def _result(case: Case, invoices: Mapping[RecordKey, Invoice]) -> Result | None:
    placed = case.placement
    if placed is None or case.placed_at is None:
        return None
    paid = [(item.paid_on, item.amount, item.fee) for item in case.direct_payments]
    paid += [(item.remitted_on, item.gross, item.fee) for item in case.remittances]
    mine = [(on, amount, fee) for on, amount, fee in paid if amount.currency == case.currency]
    dues = [item.due_on or item.issued_on for key in case.invoices if (item := invoices.get(key)) is not None]
    first = min((item.on for item in case.statuses), default=None)
    return Result(
        case=case.id,
        account=case.account,
        agency=placed.agency,
        cause=cause_of(case),
        placed_on=placed.placed_on,
        days_past_due=(placed.placed_on - min(dues)).days if dues else None,
        claimed=placed.amount,
        recovered=total((amount for _, amount, _ in mine), case.currency),
        fee=total((fee for _, _, fee in mine), case.currency),
        ended=case.state in _ENDED,
        days_to_status=None if first is None else max((first - placed.placed_on).days, 0),
        days_to_money=max((min(on for on, _, _ in mine) - placed.placed_on).days, 0) if mine else None,
    )


def placed_cases(results: Iterable[Result], currency: str) -> tuple[PlacedCase, ...]:
    """Finished cases as the recovery curve takes them."""
    return tuple(
        PlacedCase(days_past_due=item.days_past_due, claimed=item.claimed, recovered=item.recovered)
        for item in results
        if item.ended and item.days_past_due is not None and item.claimed.currency == currency and item.claimed.minor > 0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Some of some: the rate with its 80 % interval (Wilson), so that two of three does not look like two thirds."""

    some: int
    of: int

    @property
    def rate(self) -> float | None:
        return self.some / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """The span the true rate may well lie in (80 %); all of it where nothing is known."""
        return self.bounds(_Z80)

    def bounds(self, deviate: float) -> tuple[float, float]:
        """Wilson's interval for a normal deviate: 1.28 for 80 %, 1.96 for 95 %."""
        if not self.of:
            return (0.0, 1.0)
        rate, weight = self.some / self.of, deviate * deviate / self.of
        middle = (rate + weight / 2) / (1 + weight)
        half = deviate * sqrt(rate * (1 - rate) / self.of + weight / self.of / 4) / (1 + weight)
        return (max(middle - half, 0.0), min(middle + half, 1.0))

    def beats(self, other: Share) -> bool:
        """Is the rate higher beyond what chance would do (95 %)?"""
        return self.bounds(_Z95)[0] > other.bounds(_Z95)[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A group of placed cases: by agency, age or cause. `success` counts ended cases that brought half of the claim or more."""

    name: str
    cases: int
    ended: int
    claimed: Money
    recovered: Money
    fee: Money
    success: Share
    days_to_status: float | None
    days_to_money: float | None
    expected: float | None = None  # the curve's share for these ages

    @property
    def enough(self) -> bool:
        """Are there enough ended cases to compare with another group?"""
        return self.ended >= ENOUGH

    @property
    def share(self) -> float | None:
        """Recovered of claimed over the ended cases' money."""
        return self.recovered.minor / self.claimed.minor if self.claimed.minor > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """Referrals of one quarter beside the invoices issued in it."""

    name: str
    referred: int
    claimed: Money
    invoices: int

    @property
    def per_1000(self) -> float | None:
        """Invoices referred per 1,000 issued; None where none was."""
        return round(self.referred * 1000 / self.invoices, 2) if self.invoices else None


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """All that the cases of one currency teach. `gross`, `fee`, `net` against writing everything off, which brings nothing."""

    as_of: date
    currency: str
    other_currencies: tuple[str, ...]
    results: tuple[Result, ...]
    gross: Money
    fee: Money
    by_cause: tuple[tuple[Cause, int, Money], ...]
    by_agency: tuple[Score, ...]
    by_age: tuple[Score, ...]
    quarters: tuple[Quarter, ...]
    retained: Share

    @property
    def net(self) -> Money:
        """What all placements together brought us more than writing them off."""
        return self.gross - self.fee


def lessons(cases: Sequence[Case], books: Books, as_of: date, curve: Curve, currency: str | None = None) -> Lessons:
    """What the cases teach as of a day, in one currency: the one named, or that of most cases."""
    everything = [item for item in results_of(cases, books.invoices) if item.placed_on <= as_of]
    codes = [item.claimed.currency for item in everything]
    code = currency or max(sorted(set(codes)), key=codes.count, default="USD")
    mine = tuple(item for item in everything if item.claimed.currency == code)
    return Lessons(
        as_of=as_of,
        currency=code,
        other_currencies=tuple(sorted(set(codes) - {code})),
        results=mine,
        gross=total((item.recovered for item in mine), code),
        fee=total((item.fee for item in mine), code),
        by_cause=_by_cause(cases, code),
        by_agency=_grouped(mine, lambda item: item.agency, code, curve),
        by_age=_grouped(mine, lambda item: age_band(item.days_past_due), code, curve),
        quarters=_quarters(cases, mine, books, as_of, code),
        retained=_retained(mine, books, as_of),
    )


def age_band(days: int | None) -> str:
    """The band of an age at placement: "91-180", "over 730", "unknown"."""
    if days is None:
        return "unknown"
    low, high = next((low, high) for low, high in AGES if high is None or days <= high)
    return f"over {low - 1}" if high is None else f"{low}-{high}"


def _grouped(results: Sequence[Result], name_of: Callable[[Result], str], code: str, curve: Curve) -> tuple[Score, ...]:
    groups: dict[str, list[Result]] = defaultdict(list)
    for item in results:
        groups[name_of(item)].append(item)
    return tuple(_score(name, items, code, curve) for name, items in sorted(groups.items()))


def _score(name: str, items: Sequence[Result], code: str, curve: Curve) -> Score:
    ended = [item for item in items if item.ended]
    half = sum(item.recovered.minor * 2 >= item.claimed.minor > 0 for item in ended)
    ages = [item.days_past_due for item in ended if item.days_past_due is not None]
    expected = [float(curve.share(days)) for days in ages]
    return Score(
        name=name,
        cases=len(items),
        ended=len(ended),
        claimed=total((item.claimed for item in ended), code),
        recovered=total((item.recovered for item in ended), code),
        fee=total((item.fee for item in ended), code),
        success=Share(some=half, of=len(ended)),
        days_to_status=_middle(item.days_to_status for item in items),
        days_to_money=_middle(item.days_to_money for item in items),
        expected=round(sum(expected) / len(expected), 4) if expected else None,
    )


def _middle(values: Iterable[int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(median(known)) if known else None


def _by_cause(cases: Iterable[Case], code: str) -> tuple[tuple[Cause, int, Money], ...]:
    """Closed cases by root cause, with what was claimed of them (zero where a case was never placed); the commonest first."""
    counts: dict[Cause, int] = defaultdict(int)
    sums: dict[Cause, int] = defaultdict(int)
    for case in cases:
        cause = cause_of(case)
        if cause is not None and case.currency == code:
            counts[cause] += 1
            sums[cause] += case.placement.amount.minor if case.placement else 0
    ranked = sorted(counts, key=lambda cause: (-counts[cause], str(cause)))
    return tuple((cause, counts[cause], Money(sums[cause], code)) for cause in ranked)


def _quarters(cases: Sequence[Case], results: Sequence[Result], books: Books, as_of: date, code: str) -> tuple[Quarter, ...]:
    """The last eight quarters: invoices referred against invoices issued."""
    issued: dict[str, int] = defaultdict(int)
    for account in books.accounts.values():
        for invoice in account.invoices:
            if invoice.connection in account.ledger_connections and invoice.total.currency == code and _counts(invoice, as_of):
                issued[quarter_of(invoice.issued_on)] += 1
    sizes = {case.id: len(case.invoices) for case in cases}
    names = [quarter_of(_quarters_back(as_of, back)) for back in range(7, -1, -1)]
    mine = {name: [item for item in results if quarter_of(item.placed_on) == name] for name in names}
    return tuple(
        Quarter(
            name=name,
            referred=sum(sizes[item.case] for item in mine[name]),
            claimed=total((item.claimed for item in mine[name]), code),
            invoices=issued[name],
        )
        for name in names
    )


def _counts(invoice: Invoice, as_of: date) -> bool:
    return invoice.status in (DocumentStatus.OPEN, DocumentStatus.CLOSED) and invoice.issued_on <= as_of


def quarter_of(day: date) -> str:
    """The quarter of a day: "2026-Q2"."""
    return f"{day.year:04d}-Q{(day.month - 1) // 3 + 1}"


def _quarters_back(day: date, count: int) -> date:
    index = max(day.year * 4 + (day.month - 1) // 3 - count, 4)  # the calendar begins with year 1
    return date(index // 4, index % 4 * 3 + 1, 1)


def _retained(results: Iterable[Result], books: Books, as_of: date) -> Share:
    """Clients that were still billed a year after their case was placed, of those placed that long ago."""
    first: dict[str, date] = {}
    for item in results:
        first[item.account] = min(item.placed_on, first.get(item.account, item.placed_on))
    old = {name: day + _YEAR for name, day in first.items() if day + _YEAR <= as_of and name in books.accounts}
    kept = sum(
        any(_counts(bill, as_of) and bill.issued_on >= day for bill in books.accounts[name].invoices) for name, day in old.items()
    )
    return Share(some=kept, of=len(old))
