"""Run one job: a run record around it, its failure logged once and its recovery once, never an exception out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from core.errors import DuesyncError, StoreBusy
from core.log import bound
from core.traces import span
from scheduler.app import App

log = structlog.get_logger()
_RUN: ContextVar[str] = ContextVar("run", default="")
Outcome = Literal["done", "failed", "crashed", "repeated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A use-case and its cadence in seconds. `connection` names what it works on, so that two jobs never share a connector."""

    name: str
    every: float
    run: Callable[[App], Mapping[str, Any]]
    connection: str | None = None
    at_start: bool = True


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt at a job ended. `repeated`: its tick was done already, by another worker; `error` says what failed."""

    outcome: Outcome
    error: DuesyncError | None = None

    @property
    def done(self) -> bool:
        return self.outcome in ("done", "repeated")


def current_run() -> str:
    """The id of the run this thread is in; empty outside of one."""
    return _RUN.get()


@dataclass(slots=True)
class Runner:
    """Runs jobs for one app and remembers which of them are failing and when each last ran well.

    `tenant` names whose jobs they are in traces, where a process works for many.
    """

    app: App
    tenant: str | None = None
    failing: dict[str, str] = field(default_factory=dict)
    finished_at: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, job: Job) -> bool:
        """Run `job` to its end; true when it did what it should."""
        return self.attempt(job).done

    def attempt(self, job: Job, tick: int | None = None) -> Attempt:
        """Run `job` to its end. With `tick` (of a clock that many workers share) it is done at most once for this tick.

        The store notes a finished tick in the commit that finishes the run: a worker that died after it, before the queue
        heard of it, is not repeated; one that was thought dead and went on finds its tick taken.
        """
        keys = {"job": job.name, **({"connection": job.connection} if job.connection else {})}
        with bound(**keys):
            try:
                if tick is not None and self.app.store.last_tick(job.name) >= tick:
                    return Attempt("repeated")
                run_id = self.app.store.start_run(job.name, self.app.clock.now())
            except DuesyncError as error:
                self._failed(job, error)
                return Attempt("failed", error)
            with bound(run=run_id), _inside(run_id):
                return self._within(job, run_id, tick)

    def _within(self, job: Job, run_id: str, tick: int | None) -> Attempt:
        ticked = {} if tick is None else {"tick": tick}
        try:
            with span("job", tenant=self.tenant, job=job.name, connection=job.connection, run=run_id):
                detail = dict(job.run(self.app))
        except DuesyncError as error:
            self._failed(job, error)
            self._finish(run_id, "failed", {"error": error.message, **ticked})
            return Attempt("failed", error)
        except Exception as error:
            log.exception("job.crashed", error=str(error))
            self._note(job, str(error))
            self._finish(run_id, "crashed", {"error": str(error), **ticked})
            return Attempt("crashed")
        if tick is None:
            self._finish(run_id, "done", detail)
            self._recovered(job)
            return Attempt("done")
        return self._finish_tick(job, run_id, tick, detail)

    def _finish_tick(self, job: Job, run_id: str, tick: int, detail: Mapping[str, Any]) -> Attempt:
        try:
            first = self.app.store.finish_tick(run_id, job.name, tick, detail, self.app.clock.now())
        except DuesyncError as error:
            log.error("run.unrecorded", error=error.message, remedy=error.remedy)
            return Attempt("failed", error)
        self._recovered(job)
        return Attempt("done" if first else "repeated")

    def _finish(self, run_id: str, outcome: str, detail: Mapping[str, Any]) -> None:
        try:
            self.app.store.finish_run(run_id, outcome, detail, self.app.clock.now())
        except DuesyncError as error:
            log.error("run.unrecorded", error=error.message, remedy=error.remedy)

    def _failed(self, job: Job, error: DuesyncError) -> None:
        with self._lock:
            known = self.failing.get(job.name) == error.message
        if isinstance(error, StoreBusy) or known:
            log.debug("job.failing", error=error.message)
        else:
            log.error(
                "job.failed", error=error.message, remedy=error.remedy or "Run `duesync doctor`: it says line by line what to do."
            )
        self._note(job, error.message)

    def _note(self, job: Job, message: str) -> None:
        with self._lock:
            self.failing[job.name] = message

    def _recovered(self, job: Job) -> None:
        with self._lock:
            was = self.failing.pop(job.name, None)
            self.finished_at[job.name] = self.app.clock.now().timestamp()
        if was is not None:
            log.info("job.recovered", was=was)


@contextmanager
def _inside(run_id: str) -> Iterator[None]:
    token = _RUN.set(run_id)
    try:
        yield
    finally:
        _RUN.reset(token)
