"""A clock for tests and demos on which waiting costs nothing: sleeping moves it."""

from __future__ import annotations

from datetime import timedelta

from core.clock import ManualClock


class SleepingClock(ManualClock):
    """A manual clock that also moves when somebody sleeps on it; Transport and Pacer find its `sleep` by themselves."""

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self.advance(timedelta(seconds=max(0.0, seconds)))
