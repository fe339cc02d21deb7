"""One sandbox tenant and a connector on it, wired in memory; tests turn the clock and pull the levers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

from connectors.connectwise import SPEC
from connectors.connectwise.connector import ConnectwiseConnector
from connectors.connectwise.sandbox import ConnectwiseSandbox
from connectors.testing.clocks import SleepingClock
from connectors.testing.vault import MemoryVault
from core.actions import Action, Receipt, idempotency_key
from core.ports import ConnectionContext
from core.records import Cursor, Page, Record, Ref, Role, Stream

URL = "https://cw.test"
START = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
DAY = date(2026, 3, 2)


class Stage:
    """`box` is the vendor, `tenant` its data, `psa` our connector; `cursors` remembers where each stream stands."""

    def __init__(self, **settings: Any) -> None:
        self.clock = SleepingClock(START)
        self.box = ConnectwiseSandbox(self.clock)
        self.tenant = self.box.tenant
        self.cursors: dict[Stream, Cursor | None] = {}
        self._settings = settings
        self._open: list[ConnectwiseConnector] = []
        self.psa = self.connect()

    def connect(self, **settings: Any) -> ConnectwiseConnector:
        """Another connector on the same tenant, as another process would have it."""
        keys = {**self.box.settings(URL), **self._settings, **settings}
        keys["push"] = {**self.box.settings(URL)["push"], **self._settings.get("push", {}), **settings.get("push", {})}
        context = ConnectionContext(
            name="cw",
            role=Role.PSA,
            settings=SPEC.settings.model_validate(keys),
            clock=self.clock,
            vault=MemoryVault(),
            timezone="America/Chicago",
            currency="USD",
            transport=httpx.MockTransport(self.box.handle),
        )
        connector = ConnectwiseConnector(context)
        self._open.append(connector)
        return connector

    def close(self) -> None:
        for connector in self._open:
            connector.close()

    # ── the tenant ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def ago(self, days: float) -> datetime:
        return self.clock.now() - timedelta(days=days)

    def company(self, name: str = "Client", **fields: Any) -> int:
        return int(self.tenant.add_company(name, at=self.ago(300), **fields)["id"])

    def invoice(self, company: int, total: Any = "100.00", on: date = DAY, **fields: Any) -> int:
        """An invoice last changed long ago."""
        fields.setdefault("at", self.ago(30))
        return int(self.tenant.add_invoice(company, total, on, **fields)["id"])

    def invoices(self, count: int, **fields: Any) -> list[int]:
        """`count` invoices of one client, changed a minute apart."""
        company = self.company()
        return [self.invoice(company, Decimal(100 + n), at=self.ago(60) + timedelta(minutes=n), **fields) for n in range(count)]

    # ── our side ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def pages(self, stream: Stream) -> list[Page]:
        """One pass over a stream from where the last one ended."""
        found = list(self.psa.pull(stream, self.cursors.get(stream)))
        self.cursors[stream] = found[-1].cursor
        return found

    def pull(self, stream: Stream) -> list[Record]:
        """The records of one pass."""
        return [record for page in self.pages(stream) for record in page.records]

    def refs(self, stream: Stream) -> set[Ref]:
        return {record.ref for record in self.pull(stream)}

    def calls(self) -> int:
        """Requests since the last time this was asked."""
        count = len(self.box.levers.log)
        self.box.levers.log.clear()
        return count

    def asked(self, part: str) -> list[httpx.QueryParams]:
        """The query parameters of every request whose path ends in `part`."""
        return [httpx.QueryParams(item.query) for item in self.box.levers.log if item.path.endswith(part)]

    def sent(self) -> list[tuple[str, str, Any]]:
        """Every write the vendor saw: method, path below the API, body."""
        return [
            (item.method, item.path.partition("/apis/3.0")[2], json.loads(item.body or b"null"))
            for item in self.box.levers.writes()
        ]

    def push(self, action: Action) -> Receipt:
        return self.psa.push(action, idempotency_key(action))

    def later(self, **step: float) -> None:
        self.clock.advance(timedelta(**step))
