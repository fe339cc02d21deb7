"""Ageing adds up, on any day, from when money was applied."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analytics.ageing import ageing, bucket_of
from core.books import Account, AccountBooks, Books
from core.money import Money
from core.records import (
    Adjustment,
    Allocation,
    CreditNote,
    CreditUse,
    Deposit,
    DepositLine,
    DocumentStatus,
    Invoice,
    Party,
    Payment,
    Posting,
    RecordKey,
    Ref,
    Role,
    Stream,
)

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


# ── the same balance everywhere ─────────────────────────────────────────────────────────────────────────────────────────
def credit(minor, issued_on, remaining=0):
    return CreditNote(
        connection="books",
        ref=Ref("c"),
        party_ref=Ref("p"),
        total=Money(minor, "USD"),
        remaining=Money(remaining, "USD"),
        issued_on=issued_on,
        status=DocumentStatus.OPEN if remaining else DocumentStatus.CLOSED,
    )


def rich_books():
    """One account with every way to owe and to have paid: direct deposit, credit carried by a payment, write-off, surcharge."""
    bills = [
        invoice("1", 1000, 400, date(2026, 4, 1), date(2026, 5, 1)),
        invoice("2", 500, 0, date(2026, 5, 1), date(2026, 5, 31), DocumentStatus.CLOSED),
    ]
    link = replace(
        payment("link", 0, 0, date(2026, 6, 5), ("2", 500)),
        credits_used=(
            CreditUse(stream=Stream.CREDIT_NOTES, ref=Ref("c"), amount=Money(300, "USD")),
            CreditUse(stream=Stream.DEPOSITS, ref=Ref("d"), amount=Money(200, "USD")),
        ),
    )
    line = DepositLine(amount=Money(250, "USD"), posting=Posting.RECEIVABLE, party_ref=Ref("p"))
    deposit = Deposit(connection="books", ref=Ref("d"), amount=Money(250, "USD"), deposited_on=date(2026, 5, 10), lines=(line,))
    lost = Adjustment(
        connection="books",
        ref=Ref("w"),
        party_ref=Ref("p"),
        amount=Money(-600, "USD"),
        remaining=Money(0, "USD"),
        adjusted_on=date(2026, 6, 8),
        allocations=(Allocation(invoice_ref=Ref("1"), amount=Money(600, "USD")),),
    )
    fee = replace(lost, ref=Ref("f"), amount=Money(30, "USD"), remaining=Money(30, "USD"), allocations=())
    made = books(bills, [link])
    (account,) = made.accounts.values()
    full = replace(account, credit_notes=(credit(300, date(2026, 5, 20)),), deposits=(deposit,), adjustments=(lost, fee))
    return replace(made, accounts={"books:p": full}), full


@pytest.mark.req("E4")
def test_today_the_net_is_the_balance_that_mails_and_statements_show():
    ledger, account = rich_books()
    (row,) = ageing(ledger, date(2026, 6, 30)).rows
    assert row.net == account.balance("USD").net.minor == 380


@pytest.mark.req("E4")
@pytest.mark.parametrize(
    ("day", "total", "unapplied"),
    [
        (date(2026, 4, 30), 1000, 0),
        (date(2026, 5, 10), 1500, 250),
        (date(2026, 5, 20), 1500, 550),  # the credit note stands beside the deposit until a payment carries both
        (date(2026, 6, 5), 1000, 50),
        (date(2026, 6, 8), 400, 20),  # the write-off lowers the invoice, the fee raises what is owed
    ],
)
def test_credits_and_write_offs_are_rewound_too(day, total, unapplied):
    (row,) = ageing(rich_books()[0], day).rows
    assert (row.total, row.unapplied) == (total, unapplied)


def test_money_of_another_account_is_rewound_like_ones_own():
    """A parent pays for its subsidiary."""
    ledger = books([invoice("1", 100, 0, date(2026, 5, 1), date(2026, 5, 15), DocumentStatus.CLOSED)])
    parent = Account(id="books:q", name="Parent", parties=(RecordKey("books", Stream.PARTIES, Ref("q")),))
    paid = replace(payment("9", 100, 0, date(2026, 6, 10), ("1", 100)), party_ref=Ref("q"))
    other = AccountBooks(
        account=parent, parties=(Party(connection="books", ref=Ref("q"), name="Parent"),), payments=(paid,), roles=ledger.roles
    )
    both = replace(ledger, accounts={**ledger.accounts, "books:q": other})
    assert ageing(both, DAY).totals()["USD"]["total"] == 100
    assert ageing(both, date(2026, 6, 10)).rows == ()
