"""What an early warning is: a measured value with its trend, the threshold it is held against, and the clients behind it.

Where a business has its own past, the threshold is its own normal (the median of earlier months) plus a fifth; else, and above
all, a fixed ceiling. The ceilings are ours, for a person to change: no guide names figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from statistics import median

from core.analytics.faults import SeenFinding, birthdays
from core.analytics.flows import month_of, months_before, trend_days
from core.analytics.history import History
from core.books import Books
from core.outbox import PastContact
from core.records import RecordKey

_ENOUGH = 5  # earlier points that make a normal
_MORE = 1.2  # a fifth above normal is a change, not noise
WORST = 10  # clients named behind a sign
WINDOW = 3  # months a value looks back: a quarter holds every usual billing rhythm but the yearly one


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The ceilings of the six signs, in the unit of the sign's main value."""

    receivables_share: float = 67.0  # % of three months' sales: 60 days, the wait MSPs report (product notes F.2)
    past_30_share: float = 25.0  # % of receivables
    minutes_per_100: float = 120.0
    habitual_share: float = 20.0  # % of clients
    unclear_share: float = 10.0  # % of clients
    write_off_share: float = 1.0  # % of sales
    errors_per_1000: float = 20.0
    complaints_per_1000: float = 10.0
    complaint_days: float = 14.0
    disagreements_per_1000: float = 10.0
    exceptions_per_person: float = 25.0
    assumed_call_minutes: int = 10  # a call logged without its length
    late_grace_days: int = 3  # a bank transfer over a weekend is not late


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The value at the end of a day; the last point of a trend is the report's own day."""

    on: date
    value: float

    @property
    def month(self) -> str:
        return month_of(self.on)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFigure:
    """One client behind a sign. `figure` is in `unit`, which may be minor units of the report's currency ("minor")."""

    account: str
    name: str
    figure: float
    unit: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measured series. `value` and `threshold` are in `unit`; None means that the data say nothing."""

    name: str
    title: str
    value: float | None
    unit: str
    trend: tuple[Point, ...]
    threshold: float | None
    formula: str

    @property
    def alert(self) -> bool:
        return self.value is not None and self.threshold is not None and self.value > self.threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One of the six signs: its main measure, the others beside it, and who is behind it, the worst first."""

    number: int
    name: str
    title: str
    main: Measure
    others: tuple[Measure, ...]
    clients: tuple[ClientFigure, ...]
    advice: str
    details: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def alert(self) -> bool:
        return self.main.alert or any(item.alert for item in self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the signs are read from: one currency of the books, the contact log and the findings, as of a day."""

    books: Books
    history: History
    as_of: date
    contacts: Mapping[str, Sequence[PastContact]]
    findings: Sequence[SeenFinding]
    thresholds: Thresholds
    days: tuple[date, ...]
    born: Mapping[RecordKey, date]  # the day of every record a finding names

    def name_of(self, account: str) -> str:
        """The client's name; its id where the books do not know it."""
        known = self.books.accounts.get(account)
        return known.account.name if known else account

    def ranked(self, figures: Iterable[tuple[str, float]], unit: str, words: str) -> tuple[ClientFigure, ...]:
        """The clients with the largest positive figures. `words` may hold {figure}."""
        worst = sorted((item for item in figures if item[1] > 0), key=lambda item: (-item[1], item[0]))[:WORST]
        return tuple(
            ClientFigure(
                account=account, name=self.name_of(account), figure=figure, unit=unit, words=words.format(figure=f"{figure:,g}")
            )
            for account, figure in worst
        )


def scene(
    books: Books,
    history: History,
    as_of: date,
    contacts: Mapping[str, Sequence[PastContact]],
    findings: Sequence[SeenFinding],
    thresholds: Thresholds,
) -> Scene:
    """Everything the signs need, with the days of their trends: none before the first full window of sales."""
    first = history.first_day
    days = trend_days(as_of, months_before(first, -WINDOW) if first else None)
    return Scene(
        books=books,
        history=history,
        as_of=as_of,
        contacts=contacts,
        findings=findings,
        thresholds=thresholds,
        days=days,
        born=birthdays(books, findings),
    )


def window_start(day: date) -> date:
    """The day after which the look-back window of `day` begins."""
    return months_before(day, WINDOW)


def per(top: float, bottom: float, scale: float) -> float | None:
    """A rate to two places; None where there is nothing to divide by."""
    return round(top * scale / bottom, 2) if bottom > 0 else None


def normal(points: Sequence[Point]) -> float | None:
    """A fifth above the median of the earlier points; None while there are too few."""
    earlier = [point.value for point in points[:-1]]
    return round(median(earlier) * _MORE, 2) if len(earlier) >= _ENOUGH else None


def measure(
    name: str,
    title: str,
    unit: str,
    series: Iterable[tuple[date, float | None]],
    formula: str,
    ceiling: float | None,
    *,
    floor: float = 0.0,
) -> Measure:
    """A measure whose value is the last of its series. With a `ceiling` of None its own normal decides alone.

    The threshold is the lower of the ceiling and the normal, but never below `floor`: a fifth more of hardly anything is no news.
    """
    known = [(day, value) for day, value in series]
    points = tuple(Point(on=day, value=value) for day, value in known if value is not None)
    value = known[-1][1] if known else None
    usual = normal(points)
    limits = [limit for limit in (ceiling, None if usual is None else max(usual, floor)) if limit is not None]
    return Measure(
        name=name,
        title=title,
        value=value,
        unit=unit,
        trend=points,
        threshold=min(limits) if limits else None,
        formula=formula,
    )


def plain_measure(
    name: str, title: str, unit: str, series: Iterable[tuple[date, float | None]], formula: str, ceiling: float
) -> Measure:
    """A measure held against its ceiling only: for rates so low that a fifth more is one case."""
    made = measure(name, title, unit, series, formula, ceiling)
    return Measure(name=name, title=title, value=made.value, unit=unit, trend=made.trend, threshold=ceiling, formula=formula)
