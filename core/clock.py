"""The one place that asks what time it is. Everything else takes `now` or a Clock as an argument."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the time as an aware instant in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one call the ban protects


class ManualClock:
    """A clock that moves only when told: for tests, the demo and back-tests. Safe to share between threads."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware instant")
        self._now = start.astimezone(UTC)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def advance(self, step: timedelta) -> datetime:
        """Move forward by `step` (never back) and return the new instant."""
        if step < timedelta(0):
            raise ValueError("time does not run backwards")
        with self._lock:
            self._now += step
            return self._now

    def set(self, instant: datetime) -> None:
        """Jump forward to `instant`."""
        self.advance(instant - self.now())


def local_date(instant: datetime, zone: str) -> date:
    """The calendar day of `instant` in the IANA time zone `zone`."""
    return instant.astimezone(ZoneInfo(zone)).date()
