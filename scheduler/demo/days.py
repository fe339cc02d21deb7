"""The demo's days: time moves in steps, the vendor's world moves with it, and the daemon's own jobs run at each step.

Which step was finished is kept in the store, so that a demo that is killed goes on where it was and ends the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.clock import ManualClock
from core.errors import DuesyncError
from scheduler.app import App
from scheduler.demo.world import DAYS, START
from scheduler.jobs import jobs, resume_sending
from scheduler.runner import Job, Runner

HOURS = (7, 10, 15)  # local hours at which the demo looks: before, during and after most of the working day
_STEP_KEY = "demo.step"
_HELD_KEY = "demo.held"


class FastClock(ManualClock):
    """The demo's clock: moves when told, and waiting for a vendor's limits costs no real time on it."""

    def sleep(self, seconds: float) -> None:
        """Return at once: pacing counts the time it meant to wait by itself."""


@dataclass(frozen=True, slots=True)
class Step:
    """One moment of the demo."""

    number: int
    at: datetime


def steps(zone: str, days: int = DAYS) -> list[Step]:
    """Every moment of the demo, in order."""
    moments = (
        datetime.combine(START + timedelta(days=day), time(hour), ZoneInfo(zone)).astimezone(UTC)
        for day in range(days)
        for hour in HOURS
    )
    return [Step(number, at) for number, at in enumerate(moments, start=1)]


def remaining(app: App, days: int = DAYS) -> Iterator[Step]:
    """The steps this store has not finished."""
    done = int(app.store.setting(_STEP_KEY) or 0)
    return (step for step in steps(app.zone, days) if step.number > done)


def held_runs(app: App) -> list[str]:
    """Why the breaker stopped a run, each time it did."""
    return list(app.store.setting(_HELD_KEY) or [])


def play(app: App, clock: ManualClock, move_vendor: Callable[[datetime], None], days: int = DAYS) -> Iterator[Step]:
    """Run the remaining steps, giving each after it is done. DuesyncError when a job fails: a demo has no excuse."""
    runner = Runner(app)
    app.store.recover(clock.now(), everything=True)
    for step in remaining(app, days):
        move_vendor(step.at)
        if step.at > clock.now():
            clock.set(step.at)
        for job in _due(app, step):
            if not runner.run(job):
                raise DuesyncError(f"the demo's job {job.name} failed: {runner.failing.get(job.name, 'see the log')}")
            if "volume" in app.store.paused():
                _accept_volume(app, runner)
        app.store.put_setting(_STEP_KEY, str(step.number))
        yield step


def _due(app: App, step: Step) -> list[Job]:
    """The jobs of a step: each morning everything is examined, later only what changed."""
    left_out = "review" if step.number % len(HOURS) == 1 else "review:full"
    return [job for job in jobs(app) if job.name != left_out]


def _accept_volume(app: App, runner: Runner) -> None:
    """The breaker stopped a run that would write to most clients at once: the demo's bookkeeper looks, and lets it go."""
    held = app.store.setting(_HELD_KEY) or []
    app.store.put_setting(_HELD_KEY, [*held, app.store.paused()["volume"].reason])
    resume_sending(app, "the bookkeeper")
    runner.run(next(job for job in jobs(app) if job.name == "dispatch"))
