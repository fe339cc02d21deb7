"""Three vendors on loopback that live on by the hour and fail at random.

Half the clients are billed in QuickBooks, half in Xero, and ConnectWise holds what was billed to all of them. They run outside
the daemon's process, so that their memory is not counted as its own.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from connectors.connectwise.sandbox import ConnectwiseSandbox
from connectors.quickbooks.sandbox import QuickBooksSandbox
from connectors.testing.faults import Levers
from connectors.testing.serve import serve
from connectors.xero.sandbox import XeroSandbox
from core.clock import ManualClock
from core.records import Deposit, Invoice, Party, Payment, Record
from scheduler.demo.bookkeeping import as_records, party_of
from scheduler.demo.vendor import ZONE, first_moment, mail_sink
from scheduler.demo.world import START, build

CONTROL = "/__town/"
FAULTS_PER_HOUR = 6  # about one call in thirty at a sync every quarter of an hour
VENDORS = ("books", "ledger", "psa")


class Town:
    """The vendors on one clock. Moving to a moment twice moves once."""

    def __init__(self, seed: int) -> None:
        self.clock = ManualClock(first_moment())
        self.sandboxes = {
            "books": QuickBooksSandbox(self.clock, zone=ZONE),
            "ledger": XeroSandbox(self.clock),
            "psa": ConnectwiseSandbox(self.clock),
        }
        self.faults = 0
        self._chance = random.Random(seed)
        self._story = build()
        self._lock = threading.Lock()
        self._day = START - timedelta(days=1)
        half = {client.name for number, client in enumerate(self._story.clients) if number % 2}
        self._worlds = {"books": self.sandboxes["books"].world, "ledger": self.sandboxes["ledger"].seed_world(())}
        self._half = half
        self._paid: set[str] = set()  # payments QuickBooks has
        self._add(party_of(client) for client in self._story.clients)
        self._add(record for item in self._story.before_start() for record in as_records(item))

    def handle(self, request: httpx.Request) -> httpx.Response:
        """QuickBooks, with a door for the soak."""
        if not request.url.path.startswith(CONTROL):
            return self.sandboxes["books"].handle(request)
        self.advance(datetime.fromisoformat(request.url.params["to"]))
        return httpx.Response(200, json={"faults": self.faults})

    def advance(self, moment: datetime) -> None:
        """Let everything happen up to `moment`, and let some of the next calls fail."""
        with self._lock:
            if moment > self.clock.now():
                self.clock.set(moment)
            today = self.clock.now().astimezone(ZoneInfo(ZONE)).date()
            while self._day < today:
                self._day += timedelta(days=1)
                for item in self._story.on(self._day):
                    self._add(as_records(item, touched_at=self.clock.now()))
            for _ in range(FAULTS_PER_HOUR):
                self._break(self._chance.choice(VENDORS))
            for sandbox in self.sandboxes.values():
                sandbox.levers.log.clear()

    def _add(self, records: Iterable[Record]) -> None:
        for record in records:
            if isinstance(record, Deposit) and self._is_foreign(record):
                continue  # it banks cash of clients who are in Xero, which has no deposits
            client = record.ref if isinstance(record, Party) else getattr(record, "party_ref", None)
            if isinstance(record, Payment) and client not in self._half:
                self._paid.add(record.ref)
            self._worlds["ledger" if client in self._half else "books"].add([record])
            if isinstance(record, Party | Invoice):
                self.sandboxes["psa"].seed_world([record])

    def _is_foreign(self, deposit: Deposit) -> bool:
        """Does it bank cash of clients whom QuickBooks does not know?"""
        return any(
            line.party_ref in self._half or (line.payment_ref is not None and line.payment_ref not in self._paid)
            for line in deposit.lines
        )

    def _break(self, vendor: str) -> None:
        levers: Levers = self.sandboxes[vendor].levers
        self.faults += 1
        pull: list[Any] = [
            lambda: levers.fail_next(500),
            lambda: levers.fail_next(503),
            lambda: levers.fail_next(429, retry_after=1),
            lambda: levers.fail_next(429, retry_after=600),
            lambda: levers.lose_reply(),
            lambda: levers.reset_next(),
            lambda: levers.truncate_next(30),
            lambda: levers.cut_off_next(30),
        ]
        self._chance.choice(pull)()


@contextmanager
def town(folder: Path, seed: int) -> Iterator[dict[str, Any]]:
    """The vendors and a mail server, running: what a configuration needs to reach them."""
    place = Town(seed)
    with ExitStack() as stack:
        port = stack.enter_context(mail_sink(folder / "mail"))
        urls = {"books": stack.enter_context(serve(place))}
        urls |= {name: stack.enter_context(serve(place.sandboxes[name])) for name in ("ledger", "psa")}
        yield {
            "control": urls["books"] + CONTROL,
            "smtp_port": port,
            "settings": {name: json.loads(json.dumps(place.sandboxes[name].settings(urls[name]))) for name in VENDORS},
        }
