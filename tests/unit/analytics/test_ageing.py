"""Ageing adds up, on any day, from when money was applied."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analytics.ageing import ageing, bucket_of
from core.books import Account, AccountBooks, Books
from core.money import Money
from core.records import Allocation, DocumentStatus, Invoice, Party, Payment, RecordKey, Ref, Role, Stream

DAY = date(2026, 5, 31)


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (-5, "current"),
        (0, "current"),
        (1, "1-30"),
        (30, "1-30"),
        (31, "31-60"),
        (60, "31-60"),
        (61, "61-90"),
        (90, "61-90"),
        (91, "90+"),
        (900, "90+"),
    ],
)
def test_a_bucket_begins_the_day_after_the_one_before_it_ends(days, bucket):
    assert bucket_of(days) == bucket


def invoice(ref, total, open_minor, issued_on, due_on, status=DocumentStatus.OPEN):
    return Invoice(
        connection="books",
        ref=Ref(ref),
        party_ref=Ref("p"),
        total=Money(total, "USD"),
        open=Money(open_minor, "USD"),
        issued_on=issued_on,
        due_on=due_on,
        status=status,
    )


def payment(ref, amount, unapplied, paid_on, *applied):
    return Payment(
        connection="books",
        ref=Ref(ref),
        party_ref=Ref("p"),
        amount=Money(amount, "USD"),
        unapplied=Money(unapplied, "USD"),
        paid_on=paid_on,
        allocations=tuple(Allocation(invoice_ref=Ref(name), amount=Money(minor, "USD")) for name, minor in applied),
    )


def books(invoices=(), payments=()):
    party = Party(connection="books", ref=Ref("p"), name="Client")
    account = Account(id="books:p", name="Client", parties=(RecordKey("books", Stream.PARTIES, Ref("p")),))
    roles = {"books": Role.BOOKS}
    one = AccountBooks(account=account, parties=(party,), invoices=tuple(invoices), payments=tuple(payments), roles=roles)
    empty = AccountBooks(account=Account(id="", name="", parties=()), roles=roles)
    return Books(as_of=datetime(2026, 6, 30, tzinfo=UTC), accounts={"books:p": one}, unassigned=empty, roles=roles)


def test_each_invoice_stands_in_the_bucket_of_its_days_past_due():
    found = ageing(
        books([invoice("1", 100, 100, date(2026, 5, 1), DAY), invoice("2", 50, 50, date(2026, 3, 1), DAY - timedelta(days=40))]),
        DAY,
    )
    assert found.totals()["USD"] == {
        "current": 100,
        "1-30": 0,
        "31-60": 50,
        "61-90": 0,
        "90+": 0,
        "total": 150,
        "unapplied": 0,
        "net": 150,
    }


def test_a_past_day_shows_what_was_open_then():
    paid = [payment("9", 100, 0, date(2026, 6, 10), ("1", 100))]
    ledger = books([invoice("1", 100, 0, date(2026, 5, 1), date(2026, 5, 15), DocumentStatus.CLOSED)], paid)
    assert ageing(ledger, DAY).totals()["USD"]["1-30"] == 100
    assert ageing(ledger, date(2026, 6, 10)).rows == ()
    assert ageing(ledger, date(2026, 4, 30)).rows == ()


@pytest.mark.req("E3", "E4")
def test_unapplied_cash_is_shown_beside_the_buckets_and_taken_from_the_net():
    found = ageing(books([invoice("1", 100, 100, date(2026, 5, 1), DAY)], [payment("9", 70, 70, date(2026, 5, 20))]), DAY)
    assert (found.rows[0].total, found.rows[0].unapplied, found.rows[0].net) == (100, 70, 30)


def test_drafts_and_voids_are_never_open():
    held = [
        invoice(str(n), 100, 100, date(2026, 5, 1), DAY, status)
        for n, status in enumerate((DocumentStatus.DRAFT, DocumentStatus.VOID))
    ]
    assert ageing(books(held), DAY).rows == ()


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 200), st.integers(-30, 150)), max_size=20))
@pytest.mark.req("E19")
def test_the_buckets_add_up_to_what_is_open(items):
    held = [
        invoice(str(n), max(total, open_minor), open_minor, DAY - timedelta(days=age), DAY - timedelta(days=age - term))
        for n, (total, open_minor, age, term) in enumerate(items)
    ]
    sums = ageing(books(held), DAY).totals().get("USD", {"total": 0})
    assert sums["total"] == sum(item.open.minor for item in held)
