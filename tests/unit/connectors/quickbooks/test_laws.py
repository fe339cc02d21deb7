"""Laws that hold for any company: a listing loses nobody, and a payment's lines always add up."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.quickbooks.ledger import Company
from connectors.quickbooks.mapping import read
from connectors.quickbooks.reading import Row
from core.records import Payment, Stream
from tests.unit.connectors.quickbooks.rig import Rig, refs

OPERATIONS = st.sampled_from(["delete", "edit", "create", "wait"])
STEPS = st.lists(st.lists(st.tuples(OPERATIONS, st.integers(0, 40)), max_size=4), max_size=12)


@settings(max_examples=40, deadline=None)
@given(gaps=st.lists(st.sampled_from([0, 0, 0, 1, 30]), max_size=25), steps=STEPS, size=st.integers(2, 6))
def test_whatever_happens_between_pages_no_untouched_row_is_lost(gaps, steps, size):
    rig = Rig(page_size=size)
    try:
        customer = rig.customer()
        made = []
        for gap in gaps:
            rig.clock.advance(timedelta(seconds=gap))
            made.append(rig.invoice(customer))
        rig.clock.advance(timedelta(hours=3))
        met, touched = [], set()
        todo = iter(steps)
        for page in rig.qbo.pull(Stream.INVOICES, None):
            met += refs([page])
            for operation, pick in next(todo, []):
                happen(rig, customer, made, touched, operation, pick)
        assert set(made) - touched <= set(met)
        # and what was touched comes with the next pass, or is known to be gone
        rig.clock.advance(timedelta(minutes=20))
        later = list(rig.qbo.pull(Stream.INVOICES, page.cursor))
        known = set(met) | set(refs(later))
        gone = {item.ref for item in later for item in item.deleted}
        assert set(rig.books.objects["Invoice"]) <= known
        assert gone.isdisjoint(rig.books.objects["Invoice"])
    finally:
        rig.close()


def happen(rig: Rig, customer: str, made: list[str], touched: set[str], operation: str, pick: int) -> None:
    """One thing a person does in the company."""
    if operation == "wait":
        rig.clock.advance(timedelta(seconds=pick))
    elif operation == "create":
        touched.add(str(rig.books.create("Invoice", _body(customer))["Id"]))
    elif made:
        ref = made[pick % len(made)]
        touched.add(ref)
        if ref in rig.books.objects["Invoice"]:
            if operation == "delete":
                rig.delete("Invoice", ref)
            else:
                rig.books.touch("Invoice", ref, PrivateNote=f"edited {pick}")


def _body(customer: str) -> dict[str, Any]:
    line = {"Amount": 1, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    return {"CustomerRef": {"value": customer}, "Line": [line]}


CENTS = st.integers(1, 10**9)
KINDS = st.sampled_from(
    [("Invoice", 1), ("CreditMemo", -1), ("JournalEntry", 1), ("JournalEntry", -1), ("Check", 1), ("Deposit", -1)]
)


@settings(max_examples=100, deadline=None)
@given(lines=st.lists(st.tuples(KINDS, CENTS), max_size=8), unapplied=st.integers(0, 10**6))
def test_a_payment_reads_so_that_it_adds_up(lines, unapplied):
    total = sum(side * cents for (_, side), cents in lines) + unapplied
    row = {
        "Id": "1",
        "TxnDate": "2026-01-01",
        "TotalAmt": Decimal(total) / 100,
        "UnappliedAmt": Decimal(unapplied) / 100,
        "Line": [
            {"Amount": Decimal(cents) / 100, "LinkedTxn": [{"TxnId": str(index), "TxnType": kind}]}
            for index, ((kind, _), cents) in enumerate(lines)
        ],
    }
    (payment,) = read(Stream.PAYMENTS, Row(row), Company(connection="q", currency="USD"))  # type: ignore[misc]
    assert isinstance(payment, Payment)
    applied = sum(part.amount.minor for part in payment.allocations)
    carried = sum(use.amount.minor for use in payment.credits_used)
    assert payment.amount.minor == applied - carried + payment.unapplied.minor == total
    assert len(payment.allocations) + len(payment.credits_used) == len(lines)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=True) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "Id", "Amount", "Line"]), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = [
    "Id",
    "SyncToken",
    "TotalAmt",
    "Balance",
    "TxnDate",
    "CustomerRef",
    "CurrencyRef",
    "Line",
    "LinkedTxn",
    "MetaData",
    "Active",
]


@settings(max_examples=120, deadline=None)
@given(row=st.dictionaries(st.sampled_from([*KEYS, "Active", "DisplayName", "UnappliedAmt", "PrivateNote"]), VALUES))
def test_no_row_however_odd_raises(row):
    for stream in (Stream.PARTIES, Stream.INVOICES, Stream.PAYMENTS, Stream.DEPOSITS, Stream.ADJUSTMENTS, Stream.CREDIT_NOTES):
        read(stream, Row(row), Company(connection="q", currency="USD"))
