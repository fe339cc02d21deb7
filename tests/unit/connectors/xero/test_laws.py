"""Laws over anything people may do in Xero: what we hold is what Xero says, however the pulls fell."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.xero.sandbox_books import Refused
from core.records import DocumentStatus, Invoice, Payment, PaymentStatus, Record, RecordKey, Ref, Stream, key_of
from tests.unit.connectors.xero.kit import Stage, stage

TODAY = date(2026, 5, 5)
AMOUNTS = st.sampled_from(["10.00", "25.50", "100.00", "120.00"])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "invoice",
                "pay",
                "overpay",
                "prepay",
                "credit",
                "allocate",
                "refund",
                "unpay",
                "unapply",
                "void",
                "wait",
                "pull",
                "day",
            ]
        ),
        st.integers(0, 7),
        AMOUNTS,
    ),
    min_size=4,
    max_size=30,
)


class Office:
    """Somebody working in Xero while we pull now and then."""

    def __init__(self, at_xero: Stage) -> None:
        self.at_xero = at_xero
        self.books = at_xero.books
        # Xero computes IsCustomer without touching UpdatedDateUTC; the daily listing brings it, a catch-up cannot
        self.client = at_xero.client(IsCustomer=True)
        self.held: dict[RecordKey, Record] = {}
        self.acts: dict[str, Callable[[int, str], Any]] = {
            "invoice": lambda _, amount: self.books.add_invoice(self.client, amount, TODAY),
            "pay": lambda which, amount: self.books.pay(self._pick("Invoices", which), amount, TODAY),
            "overpay": lambda _, amount: self.books.add_credit("Overpayments", self.client, amount, TODAY),
            "prepay": lambda _, amount: self.books.add_credit("Prepayments", self.client, amount, TODAY),
            "credit": lambda _, amount: self.books.add_credit("CreditNotes", self.client, amount, TODAY),
            "allocate": lambda which, amount: self.books.allocate(self._credit(which)[1], self._pick("Invoices", which), amount),
            "refund": lambda which, amount: self.books.refund(*self._credit(which), amount, TODAY),
            "unpay": lambda which, _: self.books.delete_payment(self._pick("Payments", which)),
            "unapply": self._unapply,
            "void": lambda which, _: self.books.void(self._pick("Invoices", which)),
            "wait": lambda which, _: self.at_xero.clock.advance(timedelta(minutes=which)),
            "day": lambda _, __: self.at_xero.clock.advance(timedelta(hours=24)),
            "pull": lambda _, __: self.pull(),
        }

    def pull(self) -> None:
        for stream in self.at_xero.connector.streams():
            for record in self.at_xero.pull(stream):
                self.held[key_of(record)] = record

    def step(self, act: str, which: int, amount: str) -> None:
        with suppress(Refused, LookupError):  # Xero would not let them either
            self.acts[act](which, amount)

    def _pick(self, table: str, which: int) -> Any:
        rows = [row for row in self.books.tables[table].values() if row["Status"] not in ("VOIDED", "DELETED")]
        return rows[which % len(rows)] if rows else self.books.get(table, "nothing")

    def _credit(self, which: int) -> tuple[str, Any]:
        table = ("CreditNotes", "Overpayments", "Prepayments")[which % 3]
        return table, self._pick(table, which)

    def _unapply(self, which: int, _: str) -> None:
        credit = self._credit(which)[1]
        self.books.deallocate(credit, credit["Allocations"][0]["AllocationID"])


def fresh(office: Office) -> dict[RecordKey, Record]:
    """Everything as a first pull would bring it."""
    connector = office.at_xero.connect()
    found = {}
    for stream in connector.streams():
        for page in connector.pull(stream, None):
            assert page.malformed == ()
            found.update({key_of(record): record for record in page.records})
    connector.close()
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, size=st.sampled_from([2, 3, 1000]))
def test_what_came_in_pieces_is_what_a_whole_pull_brings(steps: list[tuple[str, int, str]], size: int) -> None:
    with stage(page_size=size, calls_per_minute=10_000) as at_xero:
        at_xero.box.limits.minute = at_xero.box.limits.day = 10**6
        office = Office(at_xero)
        for act, which, amount in steps:
            office.step(act, which, amount)
        office.pull()
        assert office.held == fresh(office)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_the_balance_is_xeros_own_and_every_amount_adds_up(steps: list[tuple[str, int, str]]) -> None:
    with stage() as at_xero:
        at_xero.box.limits.minute = at_xero.box.limits.day = 10**6
        office = Office(at_xero)
        for act, which, amount in steps:
            if act != "pull":
                office.step(act, which, amount)
        records = fresh(office).values()
        invoices = {item.ref: item for item in records if isinstance(item, Invoice)}
        applied: dict[Ref, int] = dict.fromkeys(invoices, 0)
        for item in records:
            if isinstance(item, Payment):
                assert item.amount.minor == sum(part.amount.minor for part in item.allocations) + item.unapplied.minor
            if getattr(item, "status", None) is PaymentStatus.VOID:
                continue
            for part in getattr(item, "allocations", ()):
                applied[part.invoice_ref] += part.amount.minor
        for ref, invoice in invoices.items():
            if invoice.status is not DocumentStatus.VOID:
                assert invoice.open.minor == invoice.total.minor - applied[ref]
        rows = at_xero.books.tables
        due = sum(row["AmountDue"] for row in rows["Invoices"].values())
        remaining = sum(
            row["RemainingCredit"] for table in ("CreditNotes", "Overpayments", "Prepayments") for row in rows[table].values()
        )
        ours = sum(item.open.minor for item in invoices.values() if item.status is DocumentStatus.OPEN)
        kept = sum(
            item.unapplied.minor for item in records if isinstance(item, Payment) and item.status is PaymentStatus.RECEIVED
        )
        kept += sum(getattr(item, "remaining").minor for item in records if key_of(item).stream is Stream.CREDIT_NOTES)  # noqa: B009
        assert (ours, kept) == (int(due * 100), int(remaining * 100))
