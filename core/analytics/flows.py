"""Sums over time: amounts by day, asked for as a balance at a day or a turnover between two, and the days a trend is read at."""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import accumulate

POINTS = 12  # months a trend shows


class Flow:
    """Changes by day, in minor units or counts. Built once, then every question costs a binary search."""

    __slots__ = ("_days", "_sums")

    def __init__(self, changes: Iterable[tuple[date, int]]) -> None:
        by_day: defaultdict[date, int] = defaultdict(int)
        for day, change in changes:
            by_day[day] += change
        self._days = sorted(by_day)
        self._sums = [*accumulate((by_day[day] for day in self._days), initial=0)]

    @property
    def first_day(self) -> date | None:
        return self._days[0] if self._days else None

    def upto(self, day: date) -> int:
        """Everything up to the end of `day`."""
        return self._sums[bisect_right(self._days, day)]

    def between(self, after: date, until: date) -> int:
        """Everything after the end of `after` up to the end of `until`."""
        return self.upto(until) - self.upto(after)


def month_end(day: date) -> date:
    """The last day of the month of `day`."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def months_before(day: date, months: int) -> date:
    """`day` so many months earlier; a month's end stays a month's end, as books are closed."""
    index = max(day.year * 12 + day.month - 1 - months, 12)  # the calendar begins with year 1
    year, month = divmod(index, 12)
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, last if day == month_end(day) else min(day.day, last))


def month_of(day: date) -> str:
    """The month of a day as "2026-04"."""
    return f"{day.year:04d}-{day.month:02d}"


def trend_days(as_of: date, first: date | None, points: int = POINTS) -> tuple[date, ...]:
    """`as_of` and the month ends before it, oldest first, none before `first`: nothing was known then."""
    days = [as_of]
    while len(days) < points:
        days.append(days[-1].replace(day=1) - timedelta(days=1))
    return tuple(day for day in reversed(days) if day == as_of or (first is not None and day >= first))
