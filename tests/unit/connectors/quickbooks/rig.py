"""One sandbox company and a connector on it, wired in memory; tests turn the clock and pull the levers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from connectors.quickbooks import SPEC
from connectors.quickbooks.connector import QuickBooksConnector
from connectors.quickbooks.sandbox import QuickBooksSandbox
from connectors.testing.clocks import SleepingClock
from connectors.testing.vault import MemoryVault
from core.actions import Action, InvoiceMention, Receipt, SendInvoice, idempotency_key
from core.money import Money
from core.ports import ConnectionContext
from core.records import Cursor, Page, Record, Ref, Role, Stream

URL = "http://127.0.0.1:9"
START = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)


class Rig:
    """`box` is the vendor, `books` its ledger, `qbo` our connector; `cursors` remembers where each stream stands."""

    def __init__(self, **settings: Any) -> None:
        self.clock = SleepingClock(START)
        self.box = QuickBooksSandbox(self.clock)
        self.books = self.box.books
        self.vault = MemoryVault()
        self.cursors: dict[Stream, Cursor | None] = {}
        self._settings = settings
        self._open: list[QuickBooksConnector] = []
        self.qbo = self.connect()

    def connect(self, **settings: Any) -> QuickBooksConnector:
        """Another connector on the same company and vault, as another process would have it."""
        keys = {**self.box.settings(URL), **self._settings, **settings}
        context = ConnectionContext(
            name="qbo",
            role=Role.BOOKS,
            settings=SPEC.settings.model_validate(keys),
            clock=self.clock,
            vault=self.vault,
            timezone="America/Chicago",
            currency="USD",
            transport=httpx.MockTransport(self.box.handle),
        )
        connector = QuickBooksConnector(context)
        self._open.append(connector)
        return connector

    def close(self) -> None:
        for connector in self._open:
            connector.close()

    # ── the company ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def customer(self, name: str = "Client", **fields: Any) -> str:
        return str(self.books.create("Customer", {"DisplayName": name, **fields}, at=self.earlier())["Id"])

    def invoice(self, customer: str, amount: int | str = 100, **fields: Any) -> str:
        line = {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
        body = {"CustomerRef": {"value": customer}, "Line": [line], "TxnDate": "2026-04-01", **fields}
        return str(self.books.create("Invoice", body, at=self.earlier())["Id"])

    def invoices(self, customer: str, count: int) -> list[str]:
        return [self.invoice(customer, index + 1) for index in range(count)]

    def payment(self, customer: str, amount: int | str, to: dict[str, int | str] | None = None, **fields: Any) -> str:
        lines = [{"Amount": part, "LinkedTxn": [{"TxnId": ref, "TxnType": "Invoice"}]} for ref, part in (to or {}).items()]
        body = {"CustomerRef": {"value": customer}, "TotalAmt": amount, "TxnDate": "2026-04-20", "Line": lines, **fields}
        return str(self.books.create("Payment", body)["Id"])

    def deposit(self, *payments: str) -> str:
        lines = [
            {"Amount": self.books.get("Payment", ref)["TotalAmt"], "LinkedTxn": [{"TxnId": ref, "TxnType": "Payment"}]}
            for ref in payments
        ]
        return str(self.books.create("Deposit", {"DepositToAccountRef": {"value": "35"}, "Line": lines})["Id"])

    def delete(self, entity: str, ref: str) -> None:
        self.books.delete(entity, {"Id": ref, "SyncToken": self.books.get(entity, ref)["SyncToken"]})

    def void(self, entity: str, ref: str) -> None:
        self.books.void(entity, {"Id": ref, "SyncToken": self.books.get(entity, ref)["SyncToken"]})

    def earlier(self) -> datetime:
        """An hour ago: outside the overlap of the next pull."""
        return self.clock.now() - timedelta(hours=1)

    # ── the connector ───────────────────────────────────────────────────────────────────────────────────────────────────
    def pull(self, stream: Stream) -> list[Page]:
        """One pass over a stream from where the last one ended."""
        pages = list(self.qbo.pull(stream, self.cursors.get(stream)))
        if pages:
            self.cursors[stream] = pages[-1].cursor
        return pages

    def pull_all(self) -> dict[Stream, list[Page]]:
        return {stream: self.pull(stream) for stream in self.qbo.streams()}

    def push(self, action: Action) -> Receipt:
        return self.qbo.push(action, idempotency_key(action))

    def find(self, action: Action) -> Receipt | None:
        return self.qbo.find_pushed(action, idempotency_key(action))

    def calls(self, of: str = "") -> list[str]:
        """What the sandbox was asked, sign-in left out: "GET query SELECT …" and the like."""
        asked = [item for item in self.box.levers.log if "/v3/company/" in item.path]
        found = [f"{item.method} {item.path.split('/', 4)[4]} {item.query}" for item in asked]
        return [call for call in found if of in call]

    def forget_calls(self) -> None:
        self.box.levers.log.clear()


def records(pages: Iterable[Page]) -> list[Record]:
    return [record for page in pages for record in page.records]


def refs(pages: Iterable[Page]) -> list[Ref]:
    return [record.ref for record in records(pages)]


def send(ref: str, *, to: str | None = None, stage: str = "created") -> SendInvoice:
    mention = InvoiceMention(
        connection="qbo", ref=Ref(ref), digest="d", number=None, open=Money(10_000, "USD"), due_on=date(2026, 5, 1)
    )
    return SendInvoice(connection="qbo", account="a1", stage=stage, cycle="2026-05", invoice=mention, to=to)
