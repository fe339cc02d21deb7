"""What a pull costs in calls, counted at the sandbox. docs/api-cost.md states these numbers."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from core.actions import idempotency_key
from core.records import Ref, Stream
from tests.unit.connectors.xero.kit import Stage, expect, mail, note, stage

ONCE = {"GET /Organisation": 1, "GET /Accounts": 1}  # the constant of a full pull: base currency, classes of accounts


def _fill(at_xero: Stage, invoices: int) -> str:
    client = at_xero.client()
    made = [at_xero.books.add_invoice(client, "10.00", date(2026, 4, 1)) for _ in range(invoices)]
    at_xero.books.pay(made[0], "4.00", date(2026, 4, 2))
    at_xero.books.add_credit("Overpayments", client, "5.00", date(2026, 4, 3))
    at_xero.books.add_credit("CreditNotes", client, "5.00", date(2026, 4, 3))
    at_xero.books.add_bank_transaction(client, "5.00", date(2026, 4, 3))
    at_xero.settle()
    return str(made[1]["InvoiceID"])


def _lists(at_xero: Stage) -> Counter[str]:
    return Counter(at_xero.calls())


@pytest.mark.parametrize("rows", [999, 1000, 1001, 2001])
def test_a_full_pull_costs_a_call_per_thousand_rows_and_two_more(rows: int) -> None:
    with stage() as at_xero:
        _fill(at_xero, rows)
        at_xero.pull_all()
        one_page_each = {
            "GET /Contacts": 2,
            "GET /CreditNotes": 1,
            "GET /Overpayments": 1,
            "GET /Prepayments": 1,
            "GET /Payments": 2,
            "GET /BankTransactions": 1,
            "GET /RepeatingInvoices": 1,
        }
        assert _lists(at_xero) == Counter({"GET /Invoices": -(-rows // 1000), **one_page_each, **ONCE})


def test_a_pass_without_changes_costs_one_call_a_stream_at_most() -> None:
    with stage() as at_xero:
        _fill(at_xero, 30)
        at_xero.pull_all()
        at_xero.settle()
        assert not any(at_xero.pull_all().values())
        calls = _lists(at_xero)
        assert sum(calls.values()) == len(at_xero.connector.streams()) == 8
        assert set(calls.values()) == {1}


def test_a_pass_with_changes_costs_the_same_and_the_currency_once() -> None:
    with stage() as at_xero:
        _fill(at_xero, 30)
        at_xero.pull_all()
        at_xero.settle()
        client = at_xero.client("New one")
        at_xero.books.pay(at_xero.invoice(client), "5.00", date(2026, 5, 5))
        at_xero.connector.close()
        at_xero.connector = at_xero.connect()  # another run: nothing is remembered
        at_xero.pull_all()
        calls = _lists(at_xero)
        assert calls.pop("GET /Organisation") == 1
        assert sum(calls.values()) == 8


def test_a_day_costs_what_the_page_says() -> None:
    """Every 15 minutes for a day, with the daily listing: within the 1,000 calls of the Starter tier."""
    with stage() as at_xero:
        _fill(at_xero, 30)
        at_xero.pull_all()
        at_xero.box.levers.log.clear()
        at_xero.box.limits.day = 1000
        for _ in range(96):
            at_xero.clock.advance(timedelta(minutes=15))
            at_xero.pull_all()
        assert len(at_xero.calls()) == 95 * 8 + 10


def test_writes_and_looks_before_them_cost_what_the_page_says(at_xero: Stage) -> None:
    ref = _fill(at_xero, 2)
    costs = []
    for action in (note(ref), mail(ref), expect(ref, "2026-06-01")):
        at_xero.box.levers.log.clear()
        at_xero.connector.push(action, idempotency_key(action))
        costs.append((len([call for call in at_xero.calls() if call.startswith("GET")]), len(at_xero.box.levers.writes())))
    assert [reads for reads, _ in costs] == [1, 1, 1]
    assert [writes for _, writes in costs] == [1, 2, 1]  # a mail leaves a note behind it
    at_xero.box.levers.log.clear()
    at_xero.connector.reread(Stream.INVOICES, Ref(ref))
    at_xero.connector.api.get("Organisation")
    assert len(at_xero.calls()) == 3  # the invoice, the base currency once, and this one
