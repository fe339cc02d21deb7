"""`duesync run`: the jobs on their cadence until told to stop; then the work under way is finished, and no more.

One process is enough for one organisation. Every job is safe to be killed at any point: what it had not committed is done again.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from scheduler.app import App
from scheduler.http.server import HttpServer
from scheduler.jobs import jobs
from scheduler.runner import Job, Runner

log = structlog.get_logger()


def notify(message: str) -> None:
    """Tell systemd (sd_notify(3)): READY=1, STOPPING=1, WATCHDOG=1. Does nothing elsewhere."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect("\0" + address[1:] if address.startswith("@") else address)
        channel.sendall(message.encode())


class Daemon:
    """The app's jobs on APScheduler: one thread per connection and one for the rest, no job overlapping itself."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.runner = Runner(app)
        self._stopping = app.stopping
        self._asked: int | None = None  # by a signal: a handler may take no lock, the main thread may hold it
        self._http = HttpServer(app, self.runner, self.wake) if app.settings.http.enabled else None
        self._running = 0
        self._idle = threading.Condition()
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(max(4, len(app.settings.connections) + 2))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 600},
            timezone=UTC,
        )

    def start(self) -> None:
        """Recover what a crash left behind, then put every job on its cadence."""
        recovered = self.app.store.recover(self.app.clock.now())
        if recovered:
            log.warning("outbox.recovered", rows=recovered)
        for number, job in enumerate(jobs(self.app)):
            self._schedule(job, number)
        if self._http is not None:
            self._http.start()
        self._scheduler.start()
        log.info("daemon.started", jobs=len(self._scheduler.get_jobs()), pid=os.getpid())
        notify("READY=1")

    def _schedule(self, job: Job, number: int) -> None:
        begin = datetime.now(UTC) + timedelta(seconds=number if job.at_start else job.every)  # noqa: TID251 - real time drives it
        trigger = IntervalTrigger(seconds=max(1, int(job.every)), jitter=int(self.app.settings.daemon.jitter) or None)
        self._scheduler.add_job(self._run, trigger, args=(job,), id=job.name, name=job.name, next_run_time=begin)

    def wake(self, connection: str) -> None:
        """Pull a connection now, and look at what that changed: a webhook said so."""
        now = datetime.now(UTC)  # noqa: TID251 - real time drives the scheduler
        for delay, name in enumerate((f"sync:{connection}", "review", "dispatch")):
            if self._scheduler.get_job(name) is not None:
                self._scheduler.modify_job(name, next_run_time=now + timedelta(seconds=2 * delay))

    def _run(self, job: Job) -> None:
        if self._stopping.is_set():
            return
        with self._idle:
            self._running += 1
        try:
            if self.runner.run(job):
                notify("WATCHDOG=1")
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """Ask for the end; returns at once."""
        self._stopping.set()

    def _ask(self, number: int) -> None:
        self._asked = number

    def drain(self) -> bool:
        """Start nothing more and wait for the work under way, at most daemon.drain seconds; true when all of it ended."""
        notify("STOPPING=1")
        if self._http is not None:
            self._http.stop()
        self._scheduler.shutdown(wait=False)
        with self._idle:
            done = self._idle.wait_for(lambda: self._running == 0, timeout=self.app.settings.daemon.drain)
        log.info("daemon.stopped", drained=done)
        return done

    def run(self) -> bool:
        """Start, wait for SIGTERM or SIGINT, drain."""
        restore = _on_signals(self._ask)
        try:
            self.start()
            while not self._stopping.wait(timeout=0.5):
                if self._asked is not None:
                    log.info("daemon.stopping", signal=signal.Signals(self._asked).name)
                    self.stop()
            return self.drain()
        finally:
            restore()


def _on_signals(act: Callable[[int], None]) -> Callable[[], None]:
    def handle(number: int, _: FrameType | None) -> None:
        act(number)

    kept = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for number, previous in kept.items():
            signal.signal(number, previous)

    return restore
