"""Keeping below a vendor's limits: how long one connection must wait before its next call.

Budgets are counted in sliding windows on the injected clock, stricter than the fixed windows vendors use (Xero: 60 a minute from
an unknown start; QuickBooks: 10 a second, 500 a minute per realm). A wait of more than `LONGEST_WAIT` seconds is never slept: it
is raised as RateLimited, so that the scheduler, not a blocked thread, decides what to do meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from core.clock import Clock
from core.errors import RateLimited, StoreError, Transient
from core.ports import CallLedger

log = structlog.get_logger()

LONGEST_WAIT = 2.0  # seconds a connector may sleep at once; the contract suite holds every connector to it
PATIENCE = 60.0  # seconds one call may wait in all behind other calls of its connection
SLOT = 15.0  # seconds whose calls are kept as one number; a call is taken to be made at the end of its slot
TOLD_EVERY = 25  # calls after which other processes are told, and asked; a crash forgets fewer than that


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """A vendor's limits for one connection. None means the vendor states none of that kind."""

    per_second: float | None = None
    per_minute: int | None = None
    per_day: int | None = None
    concurrent: int = 4


def sleeper(clock: Clock) -> Callable[[float], None]:
    """How to wait on this clock: its own `sleep` where it has one (clocks of tests and demos), else the machine's."""
    own = getattr(clock, "sleep", None)
    return own if callable(own) else time.sleep


class Window:
    """At most `limit` calls in any `span` seconds. With `spread`, the second half of the budget is rationed over the window.

    Rationing keeps a long pull moving in short steps instead of stopping it for most of a minute once the budget is gone.
    """

    def __init__(self, limit: int, span: float, *, spread: bool = False) -> None:
        self.limit = max(1, limit)
        self.span = span
        self.spread = spread
        self._taken: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Seconds until the next call may start."""
        while self._taken and self._taken[0] <= now - self.span:
            self._taken.popleft()
        left = self.limit - len(self._taken)
        if left == self.limit:
            return 0.0
        free_at = self._taken[0] + self.span
        if left == 0:
            return free_at - now
        if self.spread and left * 2 <= self.limit:
            last = self._taken[-1]
            return min(max(0.0, last + (free_at - last) / (left + 1) - now), LONGEST_WAIT)
        return 0.0

    def take(self, now: float) -> None:
        """Count one call."""
        self._taken.append(now)

    def hold_against(self, calls: Iterable[float]) -> None:
        """Count calls made elsewhere or before; instants in any order."""
        self._taken = deque(sorted([*self._taken, *calls]))


def _windows(pacing: Pacing) -> list[Window]:
    found = []
    if pacing.per_second is not None:
        burst = max(1, int(pacing.per_second))
        found.append(Window(burst, burst / pacing.per_second))
    if pacing.per_minute is not None:
        found.append(Window(pacing.per_minute, 60.0, spread=True))
    if pacing.per_day is not None:
        found.append(Window(pacing.per_day, 86_400.0))
    return found


def _slot_of(at: datetime) -> datetime:
    return datetime.fromtimestamp(at.timestamp() // SLOT * SLOT, UTC)


class Pacer:
    """The budgets of one connection, shared by all its threads."""

    def __init__(
        self,
        pacing: Pacing,
        *,
        connection: str,
        clock: Clock,
        sleep: Callable[[float], None] | None = None,
        ledger: CallLedger | None = None,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._ledger = ledger
        self._untold: Counter[datetime] = Counter()
        self._counted: Counter[datetime] = Counter()  # by slot, what the windows hold of the ledger
        self._sleep = sleep or sleeper(clock)
        self._windows = _windows(pacing)
        self._in_flight = threading.BoundedSemaphore(max(1, pacing.concurrent))
        self._lock = threading.Lock()
        self._unseen = 0.0  # seconds slept that a standing clock did not show
        self._parked_until = 0.0
        self._learn()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one place for a call. RateLimited when the wait would be long, Transient when no call in flight ever ends."""
        if not self._in_flight.acquire(timeout=PATIENCE):
            raise Transient(
                f"{self._connection}: earlier calls have not ended for {PATIENCE:.0f} s.",
                connection=self._connection,
                retry_after=60.0,
            )
        try:
            self._take()
            if self._untold.total() >= TOLD_EVERY:
                self.tell()
            yield
        finally:
            self._in_flight.release()

    def tell(self) -> None:
        """Write down the calls made since the last time and learn of those made by others; later, if the store cannot now."""
        with self._lock:
            untold, self._untold = self._untold, Counter()
        if self._ledger is None or not untold:
            return
        try:
            self._ledger.count_calls(self._connection, untold, self._clock.now())
        except StoreError as error:
            log.warning("calls.uncounted", connection=self._connection, error=error.message)
            with self._lock:
                self._untold.update(untold)
            return
        self._counted.update(untold)
        self._learn()

    def _learn(self) -> None:
        """Hold against the budgets what the ledger knows and the windows do not hold yet."""
        if self._ledger is None:
            return
        known = Counter(self._ledger.calls_since(self._connection, self._clock.now() - timedelta(days=1, seconds=SLOT)))
        with self._lock:
            new = known - self._counted
            self._counted = known | self._counted
            latest = self._now()
            calls = [min(at.timestamp() + SLOT, latest) for at, count in new.items() for _ in range(count)]
            for window in self._windows:
                window.hold_against(calls)

    def park(self, seconds: float) -> None:
        """Make no call for `seconds`: the vendor asked every caller of this connection to stay away, not only the refused one."""
        with self._lock:
            self._parked_until = max(self._parked_until, self._now() + seconds)

    def _take(self) -> None:
        waited = 0.0
        while (wait := self._try_take()) > 0:
            if wait > LONGEST_WAIT or waited > PATIENCE:
                raise RateLimited(
                    f"{self._connection}: the call budget is used up for {wait:.0f} s more.",
                    connection=self._connection,
                    retry_after=wait,
                )
            self.pause(wait)
            waited += wait

    def _try_take(self) -> float:
        with self._lock:
            now = self._now()
            wait = max([self._parked_until - now, *(window.wait(now) for window in self._windows)])
            if wait <= 0:
                for window in self._windows:
                    window.take(now)
                self._untold[_slot_of(self._clock.now())] += 1
                return 0.0
            return wait + 0.001

    def pause(self, seconds: float) -> None:
        """Sleep, and count the time even when the clock (a manual one) did not move meanwhile."""
        before = self._clock.now()
        self._sleep(seconds)
        shown = (self._clock.now() - before).total_seconds()
        if shown < seconds / 2:
            with self._lock:
                self._unseen += seconds - shown

    def _now(self) -> float:
        return self._clock.now().timestamp() + self._unseen
