"""Credit limits: who owes more than theirs, after what is unapplied, and how much is owed without any limit."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from core.analytics.health import health
from tests.unit.analytics.ledgers import TODAY, books, client, invoice, paying, usd

MAY = date(2026, 5, 1)


def owing(name, total, *, unapplied=0):
    bill = invoice(f"{name}-1", name, issued_on=MAY, total=total)
    loose = [*([] if not unapplied else [paying(bill, MAY, unapplied)])]
    payments = tuple(type(item)(**{**_fields(item), "allocations": (), "unapplied": usd(unapplied)}) for item in loose)
    return client(name, [(bill, None)], payments=payments)


def _fields(payment):
    return {name: getattr(payment, name) for name in ("connection", "ref", "party_ref", "amount", "paid_on")}


def exposure(*clients, **limits):
    return health(
        books(*clients), TODAY, limits={f"books:{name}": {"USD": usd(minor)} for name, minor in limits.items()}
    ).exposure


@pytest.mark.req("A47")
def test_who_owes_more_than_the_limit_is_named_first_with_how_much():
    found = exposure(owing("p", 50_000), owing("q", 30_000), owing("r", 10_000), p=40_000, q=40_000)
    assert [(item.account, item.over, item.used) for item in found.rows] == [
        ("books:p", usd(10_000), Decimal("125.00")),
        ("books:q", usd(0), Decimal("75.00")),
    ]
    assert [item.account for item in found.over] == ["books:p"]
    assert found.unlimited == usd(10_000)


@pytest.mark.req("A47")
def test_what_is_unapplied_counts_as_paid():
    found = exposure(owing("p", 50_000, unapplied=15_000), p=40_000)
    assert (found.rows[0].owed, found.over) == (usd(35_000), ())


def test_a_limit_of_nothing_and_a_client_that_owes_nothing():
    found = exposure(owing("p", 100), p=0, gone=500)
    assert [(item.account, item.over.minor, item.used) for item in found.rows] == [
        ("books:p", 100, None),
        ("books:gone", 0, Decimal("0.00")),
    ]


def test_another_currency_has_its_own_limits():
    found = health(books(owing("p", 50_000)), TODAY, limits={"books:p": {"EUR": usd(1)}}).exposure
    assert found.rows == ()
    assert found.unlimited == usd(50_000)
