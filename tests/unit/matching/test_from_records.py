"""Records of a connection become what matching works on, and only money that waits does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from core.matching import match
from core.matching.from_records import incoming_payment, open_invoice
from core.money import Money
from core.records import DocumentStatus, Invoice, Payment, PaymentStatus, Ref

DUE = Invoice(
    connection="books",
    ref=Ref("145"),
    party_ref=Ref("7"),
    number="1042",
    total=Money(10_000, "USD"),
    open=Money(4_000, "USD"),
    issued_on=date(2026, 1, 5),
    status=DocumentStatus.OPEN,
)
CASH = Payment(
    connection="books",
    ref=Ref("9"),
    party_ref=Ref("7"),
    amount=Money(6_000, "USD"),
    unapplied=Money(4_000, "USD"),
    paid_on=date(2026, 2, 1),
    reference="cheque 88",
    memo="inv 1042",
)


@pytest.mark.req("E1", "E3")
def test_unapplied_cash_meets_what_is_still_open() -> None:
    owed, paid = open_invoice(DUE, party="Acme", account="acme"), incoming_payment(CASH, account="acme")
    assert owed is not None
    assert paid is not None
    (found,) = match([owed], [paid])
    assert (found.payment_id, found.invoice_id, found.amount) == ("books/payments/9", "books/invoices/145", Money(4_000, "USD"))
    assert "memo names 1042" in found.reason


@pytest.mark.req("E7", "E9")
def test_what_does_not_wait_for_money_is_left_out() -> None:
    nothing = Money.zero("USD")
    for invoice in (
        replace(DUE, open=nothing),
        replace(DUE, status=DocumentStatus.VOID),
        replace(DUE, status=DocumentStatus.CLOSED),
    ):
        assert open_invoice(invoice, party="Acme", account=None) is None
    for payment in (
        replace(CASH, unapplied=nothing),
        replace(CASH, status=PaymentStatus.REVERSED),
        replace(CASH, status=PaymentStatus.PENDING),
    ):
        assert incoming_payment(payment, account=None) is None
