"""When a failed job is tried again: soon and ever later, but never beyond its next tick, which is a new try anyway."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from core.errors import DuesyncError, StoreError, Transient

_FIRST, _LONGEST = 5.0, 300.0  # seconds


class Again(Exception):
    """The job could not do its work; `wait` is how many seconds to leave it alone."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"again in {wait:.0f} s")
        self.wait = wait


def retry_after(error: DuesyncError | None, attempts: int, tick: int, every: float, now: float | None = None) -> float | None:
    """Seconds until a failed job is tried again; None when its next tick is soon enough, or when trying cannot help.

    `attempts` made before, `tick` in milliseconds, `now` in seconds since 1970. A vendor's own word on when to come back counts.
    """
    if not isinstance(error, Transient | StoreError):
        return None  # a person must change something first
    told = error.retry_after if isinstance(error, Transient) and error.retry_after is not None else 0.0
    wait = max(told, min(_FIRST * 2.0 ** min(attempts, 10), _LONGEST))
    instant = datetime.now(UTC).timestamp() if now is None else now  # noqa: TID251 - the queue's time is real time
    return wait if instant + wait < tick / 1000 + every else None


def since(tick: int, now: float | None = None) -> float:
    """How many seconds ago a tick (in milliseconds) was: a late tick is not to be given up for being late."""
    instant = datetime.now(UTC).timestamp() if now is None else now  # noqa: TID251 - the queue's time is real time
    return max(0.0, instant - tick / 1000)


class BackOff(BaseRetryStrategy):
    """Procrastinate's side of it. A job cut off by a stop of its worker goes back at once."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002 - its interface
        """In how many seconds, or None for never."""
        if isinstance(exception, Again):
            return RetryDecision(retry_in={"seconds": int(exception.wait + 0.999)})
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_in={"seconds": 0})
        return None
