"""Run one job: a run record around it, its failure logged once and its recovery once, never an exception out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from core.errors import DuesyncError, StoreBusy
from core.log import bound
from scheduler.app import App

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A use-case and its cadence in seconds. `connection` names what it works on, so that two jobs never share a connector."""

    name: str
    every: float
    run: Callable[[App], Mapping[str, Any]]
    connection: str | None = None
    at_start: bool = True


@dataclass(slots=True)
class Runner:
    """Runs jobs for one app and remembers which of them are failing and when each last ran well."""

    app: App
    failing: dict[str, str] = field(default_factory=dict)
    finished_at: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, job: Job) -> bool:
        """Run `job` to its end; true when it did what it should."""
        clock, store = self.app.clock, self.app.store
        keys = {"job": job.name, **({"connection": job.connection} if job.connection else {})}
        with bound(**keys):
            try:
                run_id = store.start_run(job.name, clock.now())
            except DuesyncError as error:
                self._failed(job, error)
                return False
            with bound(run=run_id):
                try:
                    detail = dict(job.run(self.app))
                except DuesyncError as error:
                    self._failed(job, error)
                    self._finish(run_id, "failed", {"error": error.message})
                    return False
                except Exception as error:
                    log.exception("job.crashed", error=str(error))
                    self._note(job, str(error))
                    self._finish(run_id, "crashed", {"error": str(error)})
                    return False
                self._finish(run_id, "done", detail)
                self._recovered(job)
        return True

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
            log.error("job.failed", error=error.message, remedy=error.remedy)
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
