"""When each open invoice will probably be paid, and what cash that makes by month, from how clients paid so far.

A client's own pace is the mean of its last payments' days past due, drawn towards everybody's as if two strangers' payments
stood beside them; around it lie the deviations seen at all clients. What is already open longer than part of those deviations
keeps only the rest of them. The interval holds the middle 80 %; `backtest` says how often it really did (docs/accuracy.md).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean

from core.analytics.flows import month_end, month_of, trend_days
from core.analytics.history import History, Line, histories
from core.books import Books

COVERAGE = 0.8  # share of invoices that the interval is to hold
_TAIL = (1 - COVERAGE) / 2
_OWN = 12  # payments of a client that tell its pace: a year of monthly bills
_STRANGERS = 2.0  # weight of everybody's mean; best of 1, 2, 4, 8 on the measured sample
_FEWEST = 20  # payments without which nothing is forecast
_LEFT = 5  # deviations that must remain for an invoice already long overdue
_FARTHEST = 3650  # days: beyond, a date was mistyped
MONTHS = 6


@dataclass(frozen=True, slots=True)
class Pace:
    """How one client pays: days past due on average, and from how many payments of its own."""

    days: float
    payments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One open invoice. `expected_on` is the median, [`earliest_on`, `latest_on`] the interval; None: nothing like it was seen.

    `minor` is what is open, `basis` says in words what the dates rest on.
    """

    line: Line
    minor: int
    expected_on: date | None
    earliest_on: date | None
    latest_on: date | None
    basis: str


class Payers:
    """What is known on `day` about how clients pay. Only payments up to that day are looked at."""

    def __init__(self, history: History, day: date) -> None:
        self.day, self._tomorrow = day, day + timedelta(days=1)
        own = {account: _last_delays(days, delays, day) for account, (days, delays) in history.payments.items()}
        everything = [delay for delays in own.values() for delay in delays]
        self.known = len(everything) >= _FEWEST
        self.mean = fmean(everything) if everything else 0.0
        self._pull = _STRANGERS * self.mean
        self.paces = {account: Pace(self._drawn(sum(delays), len(delays)), len(delays)) for account, delays in own.items()}
        # each payment is judged by the pace its client would have without it: else the deviations would look too small
        self.deviations = sorted([deviation for delays in own.values() for deviation in self._deviations(delays)])

    def _drawn(self, delays: float, count: int) -> float:
        return (delays + self._pull) / (count + _STRANGERS)

    def _deviations(self, delays: Sequence[int]) -> list[float]:
        """How far each payment lies off the pace that the client's other ones make."""
        together, others = sum(delays), len(delays) - 1 + _STRANGERS
        return [delay - (together - delay + self._pull) / others for delay in delays]

    def expect(self, line: Line) -> Expected:
        """The forecast of one invoice that is open on the day."""
        minor = line.open_on(self.day)
        charged = line.invoice.autopay_on
        if charged is not None and charged > self.day:
            return Expected(
                line=line, minor=minor, expected_on=charged, earliest_on=charged, latest_on=charged, basis="automatic payment"
            )
        days = self.days(line)
        if days is None:
            words = "open longer than anything seen" if self.known else "too few payments known"
            return Expected(line=line, minor=minor, expected_on=None, earliest_on=None, latest_on=None, basis=words)
        own = self._pace(line)[0].payments
        words = f"{own} payments of its own" if own else "payments of other clients"
        return Expected(line=line, minor=minor, earliest_on=days[0], expected_on=days[1], latest_on=days[2], basis=words)

    def days(self, line: Line) -> tuple[date, date, date] | None:
        """The interval's first day, the median and the interval's last; None where nothing like it was seen."""
        charged = line.invoice.autopay_on
        if charged is not None and charged > self.day:
            return charged, charged, charged
        pace, first = self._pace(line)
        left = len(self.deviations) - first
        if not self.known or left < _LEFT:
            return None
        early, middle, late = (self.deviations[first + min(int(left * part), left - 1)] for part in _PARTS)
        return self.on(line, pace.days + early), self.on(line, pace.days + middle), self.on(line, pace.days + late)

    def paid_by(self, line: Line, day: date) -> float:
        """The chance that an invoice still open on the day will be paid by the end of another day."""
        pace, first = self._pace(line)
        reached = bisect_right(self.deviations, (day - line.due_on).days + 0.5 - pace.days)
        return max(reached - first, 0) / (len(self.deviations) - first)

    def _pace(self, line: Line) -> tuple[Pace, int]:
        """The client's pace, and the first deviation that is still possible."""
        pace = self.paces.get(line.account, Pace(self.mean, 0))
        return pace, bisect_right(self.deviations, (self.day - line.due_on).days + 0.5 - pace.days)

    def on(self, line: Line, delay: float) -> date:
        """The day so many days past due; tomorrow where that is not to come."""
        return max(line.due_on + timedelta(days=round(min(max(delay, -_FARTHEST), _FARTHEST))), self._tomorrow)


_PARTS = (_TAIL, 0.5, 1 - _TAIL)


def _last_delays(days: Sequence[date], delays: Sequence[int], day: date) -> Sequence[int]:
    """Days past due of a client's last payments up to a day; negative where it paid early."""
    known = bisect_right(days, day)
    return delays[max(known - _OWN, 0) : known]


# ── cash by month ───────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True, kw_only=True)
class CashMonth:
    """Cash expected in one month, minor units; `low` and `high` bound all cash from the report's day to the month's end.

    `low` counts what even at its latest is paid by then, `high` what at its earliest may be.
    """

    month: str
    expected: int
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CashForecast:
    """Cash of one client, or of all: by month, after them, and open amounts about which nothing can be said."""

    account: str | None
    months: tuple[CashMonth, ...]
    later: int
    unknown: int


def expected_payments(history: History, day: date) -> tuple[Payers, tuple[Expected, ...]]:
    """Every invoice open on `day` with its forecast, the largest first."""
    payers = Payers(history, day)
    found = [payers.expect(line) for line in _open_on(history.lines, day)]
    return payers, tuple(sorted(found, key=lambda item: (-item.minor, item.line.account, item.line.invoice.ref)))


def _open_on(lines: Iterable[Line], day: date) -> Iterator[Line]:
    for line in lines:
        if (line.settled_on is None or line.settled_on > day) and line.open_on(day) > 0:
            yield line


def cash(payers: Payers, expected: Iterable[Expected], account: str | None = None) -> CashForecast:
    """The cash of these invoices over the next six months. The parts add up to what is open, to the cent."""
    ends = [*_month_ends(payers.day)]
    items = [*expected]
    known = [item for item in items if item.expected_on is not None]
    upto = [sum(_paid_by(payers, item, end) for item in known) for end in ends]
    months = tuple(
        CashMonth(
            month=month_of(end),
            expected=upto[n] - (upto[n - 1] if n else 0),
            low=sum(item.minor for item in known if item.latest_on is not None and item.latest_on <= end),
            high=sum(item.minor for item in known if item.earliest_on is not None and item.earliest_on <= end),
        )
        for n, end in enumerate(ends)
    )
    owed = sum(item.minor for item in known)
    return CashForecast(account=account, months=months, later=owed - upto[-1], unknown=sum(item.minor for item in items) - owed)


def cash_by_client(payers: Payers, expected: Iterable[Expected]) -> tuple[CashForecast, ...]:
    """One forecast per client with something open, by account."""
    groups: dict[str, list[Expected]] = {}
    for item in expected:
        groups.setdefault(item.line.account, []).append(item)
    return tuple(cash(payers, items, account) for account, items in sorted(groups.items()))


def _month_ends(day: date) -> Iterator[date]:
    end = month_end(day)
    for _ in range(MONTHS):
        yield end
        end = month_end(end + timedelta(days=1))


def _paid_by(payers: Payers, item: Expected, end: date) -> int:
    if item.basis == "automatic payment":
        return item.minor if item.expected_on is not None and item.expected_on <= end else 0
    return round(item.minor * payers.paid_by(item.line, end))


# ── how good it is ──────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Forecasts made at past month ends against what happened: mean error in days, and how often the interval was right.

    `errors` has the forecast and the simple rules beside it; every rule that would name a past day says tomorrow instead.
    """

    forecasts: int
    errors: Mapping[str, float]
    held: float | None
    width: float


def backtest(history: History, as_of: date, months: int = 12) -> Score:
    """Forecast every invoice open at the month ends before `as_of` from what was known then, and compare.

    Invoices still unpaid on `as_of` are left out unless their interval has passed, which counts as not held.
    """
    misses: dict[str, list[int]] = {
        name: [] for name in ("forecast", "client's mean delay", "everybody's mean delay", "due date")
    }
    held: list[bool] = []
    widths: list[int] = []
    days = trend_days(as_of, history.first_day, months + 1)[:-1]
    lines = [line for line in history.lines if days and (line.settled_on is None or line.settled_on > days[0])]
    for day in days:
        payers = Payers(history, day)
        for line in _open_on(lines, day) if payers.known else ():
            _judge(payers, line, as_of, misses, held, widths)
    return Score(
        forecasts=len(misses["forecast"]),
        errors={name: round(fmean(values), 2) for name, values in misses.items() if values},
        held=round(sum(held) / len(held), 3) if held else None,
        width=round(fmean(widths), 1) if widths else 0.0,
    )


def _judge(payers: Payers, line: Line, as_of: date, misses: Mapping[str, list[int]], held: list[bool], widths: list[int]) -> None:
    paid = line.settled_on if line.settled_on is not None and line.settled_on <= as_of else None
    days = payers.days(line)
    if days is None:
        return
    earliest_on, expected_on, latest_on = days
    if paid is None:
        if latest_on < as_of:
            held.append(False)
        return
    held.append(earliest_on <= paid <= latest_on)
    widths.append((latest_on - earliest_on).days)
    mean = _own_mean(payers, line)
    guesses = (expected_on, payers.on(line, mean), payers.on(line, payers.mean), payers.on(line, 0.0))
    for name, guess in zip(misses, guesses, strict=True):
        misses[name].append(abs((guess - paid).days))


def _own_mean(payers: Payers, line: Line) -> float:
    """The client's plain mean delay, everybody's where it has none: what other products use (product notes B.7)."""
    pace = payers.paces.get(line.account)
    if pace is None or not pace.payments:
        return payers.mean
    return (pace.days * (pace.payments + _STRANGERS) - _STRANGERS * payers.mean) / pace.payments


# ── everything at once ──────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Every open invoice of one currency with its forecast, the cash of all and of each client, and how good it was so far."""

    as_of: date
    currency: str
    names: Mapping[str, str]
    expected: tuple[Expected, ...]
    whole: CashForecast
    clients: tuple[CashForecast, ...]
    score: Score


def forecast(books: Books, day: date, currency: str | None = None) -> Forecast:
    """The forecast in one currency: the one asked for, or that of most invoices."""
    known = histories(books, day)
    code = currency or next(iter(known), "USD")
    history = known.get(code, History(code, ()))
    payers, expected = expected_payments(history, day)
    return Forecast(
        as_of=day,
        currency=code,
        names={name: item.account.name for name, item in books.accounts.items()},
        expected=expected,
        whole=cash(payers, expected),
        clients=cash_by_client(payers, expected),
        score=backtest(history, day),
    )
