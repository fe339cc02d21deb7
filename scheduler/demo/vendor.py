"""The demo's outside world: a QuickBooks company in memory that lives on day by day, and a mail server that keeps what it gets.

Both answer on loopback. A control path lets another process move the day on, so that a daemon can be killed and the world stays.
"""

from __future__ import annotations

import json
import mailbox
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox

from connectors.quickbooks.sandbox import QuickBooksSandbox
from connectors.testing.serve import serve
from core.clock import ManualClock
from scheduler.demo.bookkeeping import as_records, party_of
from scheduler.demo.world import START, build

ZONE = "America/Chicago"
CONTROL = "/__demo/"


def first_moment() -> datetime:
    """Midnight before the first day."""
    return datetime.combine(START, datetime.min.time(), ZoneInfo(ZONE)).astimezone(UTC) - timedelta(minutes=1)


class DemoVendor:
    """Answers as QuickBooks; at CONTROL it tells and moves the day. Moving to a moment twice moves once."""

    def __init__(self) -> None:
        self.clock = ManualClock(first_moment())
        self.sandbox = QuickBooksSandbox(self.clock, zone=ZONE)
        self.story = build()
        self._lock = threading.Lock()
        self._day = START - timedelta(days=1)
        self._world = self.sandbox.world
        self._world.add(party_of(client) for client in self.story.clients)
        self._world.add(record for item in self.story.before_start() for record in as_records(item))

    def handle(self, request: httpx.Request) -> httpx.Response:
        """The sandbox, with a door for the demo."""
        if not request.url.path.startswith(CONTROL):
            return self.sandbox.handle(request)
        if request.url.path == f"{CONTROL}advance":
            self.advance(datetime.fromisoformat(request.url.params["to"]))
        return httpx.Response(200, json=self.state())

    def advance(self, moment: datetime) -> None:
        """Let everything happen up to `moment`, in the company's own days."""
        with self._lock:
            if moment > self.clock.now():
                self.clock.set(moment)
            today = self.clock.now().astimezone(ZoneInfo(ZONE)).date()
            while self._day < today:
                self._day += timedelta(days=1)
                for item in self.story.on(self._day):
                    self._world.add(as_records(item, touched_at=self.clock.now()))

    def state(self) -> dict[str, Any]:
        """What the demo shows of the vendor's side: how much was written there, and by which mark."""
        notes = list(self.sandbox.books.all("Attachable"))
        return {
            "now": self.clock.now().isoformat(),
            "settings": json.dumps(self.sandbox.settings("BASE")),
            "notes": len(notes),
            "note_texts": sorted(str(item.get("Note", "")) for item in notes),
            "invoices": len(list(self.sandbox.books.all("Invoice"))),
            "payments": len(list(self.sandbox.books.all("Payment"))),
            "vendor_mails": len(self.sandbox.mails),
        }

    def settings(self, base_url: str) -> dict[str, Any]:
        """Keys that make a connection talk to this vendor."""
        return self.sandbox.settings(base_url)


@contextmanager
def mail_sink(folder: Path) -> Iterator[int]:
    """A mail server on loopback that keeps every message in a Maildir; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    mailbox.Maildir(folder, create=True).close()
    controller = Controller(Mailbox(folder), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@contextmanager
def served(folder: Path) -> Iterator[tuple[DemoVendor, str, int]]:
    """The vendor and the mail server, running: the vendor itself, its base URL and the mail server's port."""
    vendor = DemoVendor()
    with mail_sink(folder) as port, serve(vendor) as base_url:
        yield vendor, base_url, port
