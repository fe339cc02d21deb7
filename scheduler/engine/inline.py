"""One process: APScheduler keeps the cadence, one thread per connection and some for the rest. Enough for one organisation."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from scheduler.jobs import jobs, recover_outbox
from scheduler.runner import Job, Runner

log = structlog.get_logger()


class InlineEngine:
    """An app's jobs on APScheduler, none overlapping itself. `progress` is told of every job that did what it should."""

    def __init__(self, runner: Runner, progress: Callable[[], None] = lambda: None) -> None:
        self.finished = threading.Event()
        self.problem = ""
        self._app = runner.app
        self._runner = runner
        self._progress = progress
        self._running = 0
        self._idle = threading.Condition()
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(max(4, len(self._app.settings.connections) + 2))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 600},
            timezone=UTC,
        )
        self._scheduler.add_listener(_passed_over, EVENT_JOB_MAX_INSTANCES | EVENT_JOB_MISSED)
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # it would say the same in its own form

    def start(self) -> None:
        """Recover what a crash left behind, then put every job on its cadence."""
        recover_outbox(self._app)
        for number, job in enumerate(jobs(self._app)):
            self._schedule(job, number)
        self._scheduler.start()
        log.info("daemon.started", jobs=len(self._scheduler.get_jobs()), pid=os.getpid())

    def _schedule(self, job: Job, number: int) -> None:
        begin = datetime.now(UTC) + timedelta(seconds=number if job.at_start else job.every)  # noqa: TID251 - real time drives it
        trigger = IntervalTrigger(seconds=max(1, int(job.every)), jitter=int(self._app.settings.daemon.jitter) or None)
        self._scheduler.add_job(self._run, trigger, args=(job,), id=job.name, name=job.name, next_run_time=begin)

    def wake(self, tenant: str, connection: str) -> None:  # noqa: ARG002 - there is one tenant here
        """Pull a connection now, and look at what that changed."""
        now = datetime.now(UTC)  # noqa: TID251 - real time drives the scheduler
        for delay, name in enumerate((f"sync:{connection}", "review", "dispatch")):
            if self._scheduler.get_job(name) is not None:
                self._scheduler.modify_job(name, next_run_time=now + timedelta(seconds=2 * delay))

    def _run(self, job: Job) -> None:
        if self._app.stopping.is_set():
            return
        with self._idle:
            self._running += 1
        try:
            if self._runner.run(job):
                self._progress()
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def drain(self, seconds: float) -> bool:
        """Start nothing more and wait for the work under way, at most so long; true when all of it ended."""
        self._app.stopping.set()
        self._scheduler.shutdown(wait=False)
        with self._idle:
            return self._idle.wait_for(lambda: self._running == 0, timeout=seconds)


def _passed_over(event: JobEvent) -> None:
    log.info("job.passed_over", job=event.job_id)
