"""A service around an engine: tell systemd, wait for SIGTERM or SIGINT, finish the work under way, and no more.

Every job is safe to be killed at any point: what it had not committed is done again. So a stop waits only so long.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, Protocol

import structlog

from scheduler.app import App
from scheduler.engine.inline import InlineEngine
from scheduler.engine.protocol import Engine
from scheduler.http.server import HttpServer
from scheduler.runner import Runner

log = structlog.get_logger()


def notify(message: str) -> None:
    """Tell systemd (sd_notify(3)): READY=1, STOPPING=1, WATCHDOG=1. Does nothing elsewhere."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect("\0" + address[1:] if address.startswith("@") else address)
        channel.sendall(message.encode())


def progress() -> None:
    """Feed systemd's watchdog: something was really done."""
    notify("WATCHDOG=1")


class Listener(Protocol):
    """Something that answers on a port while the service runs."""

    def start(self) -> int: ...

    def stop(self) -> None: ...


class Service:
    """An engine from its start to its end. `stopping` is set when the end is asked for: jobs begin no other message."""

    def __init__(self, engine: Engine, *, stopping: threading.Event, drain: float, http: Listener | None = None) -> None:
        self._engine = engine
        self._stopping = stopping
        self._drain = drain
        self._http = http
        self._asked: int | None = None  # by a signal: a handler may take no lock, the main thread may hold it

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """Ask for the end; returns at once."""
        self._stopping.set()

    def _ask(self, number: int) -> None:
        self._asked = number

    def run(self) -> bool:
        """Start, wait for a signal or for the engine to have finished, drain; true when all work under way ended."""
        restore = _on_signals(self._ask)
        try:
            if self._http is not None:
                self._http.start()
            self._engine.start()
            notify("READY=1")
            while not self._stopping.wait(timeout=0.2):
                if self._asked is not None:
                    log.info("daemon.stopping", signal=signal.Signals(self._asked).name)
                    self.stop()
                if self._engine.finished.is_set():
                    self.stop()
            return self._end()
        finally:
            restore()

    def _end(self) -> bool:
        notify("STOPPING=1")
        if self._http is not None:
            self._http.stop()
        done = self._engine.drain(self._drain)
        log.info("daemon.stopped", drained=done)
        return done


def daemon(app: App) -> Service:
    """`duesync run`: the jobs of one organisation in this process."""
    runner = Runner(app)
    engine = InlineEngine(runner, progress)
    http = HttpServer(app, runner, lambda connection: engine.wake("", connection)) if app.settings.http.enabled else None
    return Service(engine, stopping=app.stopping, drain=app.settings.daemon.drain, http=http)


def leave(code: int) -> NoReturn:
    """End the process although threads still work: Python would wait for them, for ever where a vendor hangs.

    Nothing is lost: what they had not committed is done again at the next start.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _on_signals(act: Callable[[int], None]) -> Callable[[], None]:
    def handle(number: int, _: FrameType | None) -> None:
        act(number)

    kept = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for number, previous in kept.items():
            signal.signal(number, previous)

    return restore
