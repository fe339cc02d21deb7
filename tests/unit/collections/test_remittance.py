"""A remittance is checked to the cent, matched with the books once, and proposed there with what stays open."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.collections.case import Remitted
from core.collections.remittance import match_payment, proposed_entries, read_remittance
from core.records import Allocation, Payment, Ref, key_of
from tests.unit.collections.claim import FIRST, NOW, SECOND, TODAY, case_of, placed, usd

ROW = {
    "reference": "5f0c11aa",
    "remittance": "R-1",
    "gross": "600.00",
    "fee": "150.00",
    "net": "450.00",
    "remitted_on": "2026-05-20",
}


def paid(ref: str = "p9", amount: str = "600.00", on: date = TODAY, applied: str = "600.00") -> Payment:
    parts = (Allocation(invoice_ref=FIRST.ref, amount=usd(applied)),) if applied else ()
    left = usd(amount) - usd(applied or "0")
    return Payment(
        connection="books", ref=Ref(ref), party_ref=Ref("c1"), amount=usd(amount), unapplied=left, paid_on=on, allocations=parts
    )


def read(row=None, *, open_now="1200.00", payments=(), fee=None, case=None):
    return read_remittance(
        {**ROW, **(row or {})},
        case or case_of(*placed()),
        open_now=usd(open_now),
        payments=payments,
        today=TODAY,
        expected_fee=fee,
    )


@pytest.mark.req("A29")
def test_what_stays_open_is_told_before_and_after_it_is_in_the_books():
    assert read().residual == usd("600.00")
    booked = read(open_now="600.00", payments=[paid()])
    assert (booked.residual, booked.payment, booked.problem) == (usd("600.00"), key_of(paid()), "")
    net_booked = read(open_now="750.00", payments=[paid(amount="450.00", applied="450.00")])
    assert (net_booked.residual, net_booked.payment) == (usd("600.00"), key_of(paid()))
    assert read(open_now="0", payments=[paid()]).problem == ""


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"net": "440.00"}, "600.00 USD less 150.00 USD is 450.00 USD, not 440.00 USD"),
        ({"gross": "1500.00", "fee": "0", "net": "1500.00"}, "1,500.00 USD is 300.00 USD more than is open"),
        ({"fee": "-50.00", "net": "650.00"}, "a fee of -50.00 USD on 600.00 USD cannot be"),
        ({"fee": "160.00", "net": "440.00"}, "the fee is 160.00 USD; by its rates it would be 150.00 USD"),
    ],
)
def test_a_sum_that_does_not_add_up_is_told(row, problem):
    assert read(row, fee=usd("150.00")).problem == problem


@pytest.mark.parametrize(
    "row", [{"gross": "0"}, {"gross": "much"}, {"currency": "EUR"}, {"remittance": ""}, {"remitted_on": "soon"}]
)
def test_a_row_that_cannot_be_read_says_so(row):
    with pytest.raises(ValueError, match=r"not|no remittance|is in|zero"):
        read(row)


def test_the_same_remittance_is_read_once():
    case = case_of(*placed(), Remitted(remittance=read()))
    with pytest.raises(ValueError, match="R-1 was read already"):
        read(case=case)


def test_the_nearest_payment_is_taken_and_never_one_of_two_equally_near():
    near, far = paid("a", on=TODAY + timedelta(days=1)), paid("b", on=TODAY - timedelta(days=9))
    amounts = (usd("600.00"), usd("450.00"))
    assert match_payment([far, near], amounts, TODAY, taken=()) == near
    assert match_payment([near, far], amounts, TODAY, taken=[key_of(near)]) == far
    assert match_payment([near, replace(near, ref=Ref("c"))], amounts, TODAY, taken=()) is None
    assert match_payment([paid("d", on=TODAY - timedelta(days=60)), paid("e", "1.00")], amounts, TODAY, taken=()) is None


def test_entries_go_to_the_oldest_invoice_first_and_add_up():
    entries = proposed_entries(read({"gross": "900.00", "fee": "225.00", "net": "675.00"}), [SECOND, FIRST])
    words = [(item.what, item.number, str(item.amount.decimal)) for item in entries]
    assert words == [
        ("payment received", "1001", "800.00"),
        ("payment received", "1002", "100.00"),
        ("collection fee (expense)", "", "225.00"),
        ("to the bank", "", "675.00"),
        ("stays open: collect, credit or write off", "", "300.00"),
    ]
    over = proposed_entries(read({"gross": "900.00", "fee": "0", "net": "900.00"}), [replace(SECOND, open=usd("400.00"))])
    assert over[1].what == "payment received, more than is open"
    assert NOW.tzinfo is not None
