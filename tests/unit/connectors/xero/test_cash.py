"""Xero's cash: routed by PaymentType, and every unit of it counted once."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from connectors.xero import cash
from connectors.xero.mapping import Mapped, Reader, Tenant, map_rows
from core.money import Money
from core.records import DocumentStatus, PaymentStatus, Posting, Stream, Tombstone

TENANT = Tenant(connection="books", currency="NZD", account_class={"200": "REVENUE", "610": "DEBTORS", "820": "LIABILITY"})
DAY = "/Date(1777593600000+0000)/"  # 2026-05-01
CONTACT = {"ContactID": "c-1", "Name": "Acme"}
INVOICE = {"InvoiceID": "i-1", "Type": "ACCREC", "Contact": CONTACT, "CurrencyCode": "NZD", "Payments": []}
PAYMENT: dict[str, Any] = {
    "PaymentID": "p-1",
    "PaymentType": "ACCRECPAYMENT",
    "Status": "AUTHORISED",
    "Date": DAY,
    "Amount": 46.0,
    "BankAmount": 46.0,
    "Reference": "INV-1",
    "IsReconciled": False,
    "Account": {"Code": "090", "Name": "Stripe clearing"},
    "Invoice": INVOICE,
}
HELD: dict[str, Any] = {
    "OverpaymentID": "o-1",
    "ID": "o-1",
    "Type": "RECEIVE-OVERPAYMENT",
    "Status": "AUTHORISED",
    "Contact": CONTACT,
    "DateString": "2026-05-01T00:00:00",
    "Total": 50,
    "RemainingCredit": 25,
    "CurrencyCode": "NZD",
    "Allocations": [{"Amount": 20, "Invoice": {"InvoiceID": "i-1"}}],
    "Payments": [{"PaymentID": "p-9", "Amount": 5}],
}
RECEIVED: dict[str, Any] = {
    "BankTransactionID": "b-1",
    "Type": "RECEIVE",
    "Status": "AUTHORISED",
    "Contact": CONTACT,
    "DateString": "2026-05-01T00:00:00",
    "Total": 115,
    "CurrencyCode": "NZD",
    "LineAmountTypes": "Exclusive",
    "LineItems": [{"Description": "Acme INV-7", "LineAmount": 100, "TaxAmount": 15, "AccountCode": "200"}],
}


def read(reader: Reader, row: dict[str, Any], tenant: Tenant = TENANT) -> Mapped:
    return map_rows(Stream.PAYMENTS, [json.dumps(row).encode()], tenant, reader, "PaymentID")


def one(reader: Reader, row: dict[str, Any], tenant: Tenant = TENANT) -> Any:
    mapped = read(reader, row, tenant)
    assert mapped.malformed == ()
    (entry,) = mapped.entries
    return entry.record


def none(reader: Reader, row: dict[str, Any]) -> bool:
    mapped = read(reader, row)
    return not (mapped.entries or mapped.malformed or mapped.deleted)


def test_a_payment_is_all_on_its_invoice() -> None:
    payment = one(cash.read_payment, PAYMENT)
    assert (payment.amount, payment.unapplied) == (Money(4600, "NZD"), Money(0, "NZD"))
    assert [(item.invoice_ref, item.amount) for item in payment.allocations] == [("i-1", Money(4600, "NZD"))]
    assert (payment.party_ref, payment.paid_on, payment.method) == ("c-1", date(2026, 5, 1), "Stripe clearing")
    assert payment.status is PaymentStatus.RECEIVED
    assert none(cash.read_refund, PAYMENT)


def test_a_deleted_payment_is_void_and_holds_no_cash() -> None:
    payment = one(cash.read_payment, PAYMENT | {"Status": "DELETED"})
    assert (payment.status, payment.unapplied.minor) == (PaymentStatus.VOID, 0)


def test_reconciled_is_deposited_and_the_rest_cannot_be_told_unless_asked() -> None:
    assert one(cash.read_payment, PAYMENT | {"IsReconciled": True}).deposited is True
    assert one(cash.read_payment, PAYMENT).deposited is None
    strict = Tenant(connection="books", currency="NZD", expect_reconciled=True)
    assert one(cash.read_payment, PAYMENT, strict).deposited is False


@pytest.mark.reliability("xero:T13")
@pytest.mark.parametrize(
    ("kind", "stream"),
    [
        ("ARCREDITPAYMENT", Stream.CREDIT_NOTES),
        ("AROVERPAYMENTPAYMENT", Stream.PAYMENTS),
        ("ARPREPAYMENTPAYMENT", Stream.PAYMENTS),
    ],
)
def test_money_given_back_is_a_refund_although_the_credit_stands_under_invoice(kind: str, stream: Stream) -> None:
    row = PAYMENT | {"PaymentType": kind, "Invoice": INVOICE | {"Type": "ACCRECCREDIT", "InvoiceID": "n-1"}}
    assert none(cash.read_payment, row)
    refund = one(cash.read_refund, row)
    assert (refund.amount, refund.source_stream, refund.source_ref) == (Money(4600, "NZD"), stream, "n-1")
    assert one(cash.read_refund, row | {"Status": "DELETED"}).status is DocumentStatus.VOID
    named = {key: value for key, value in row.items() if key != "Invoice"} | {"CreditNote": {"CreditNoteID": "n-2"}}
    assert one(cash.read_refund, named).source_ref == "n-2"


@pytest.mark.parametrize("kind", ["ACCPAYPAYMENT", "APCREDITPAYMENT", "APPREPAYMENTPAYMENT", "APOVERPAYMENTPAYMENT"])
def test_supplier_payments_are_not_read(kind: str) -> None:
    row = {"PaymentID": "p", "PaymentType": kind}
    assert none(cash.read_payment, row)
    assert none(cash.read_refund, row)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"PaymentType": "ARSOMETHING"}, "PaymentType"),
        ({"PaymentType": None}, "PaymentType"),
        ({"Status": "LATER"}, "Status"),
        ({"Invoice": None}, "Invoice.InvoiceID"),
        ({"Invoice": []}, "Invoice.InvoiceID"),
        ({"Amount": 1.001}, "Amount"),
        ({"Date": ""}, "Date"),
        ({"Invoice": INVOICE | {"CurrencyCode": None}, "CurrencyRate": 0.7}, "Invoice.CurrencyCode"),
    ],
)
def test_a_payment_that_cannot_be_read_is_named(change: dict[str, Any], where: str) -> None:
    (fault,) = read(cash.read_payment, PAYMENT | change).malformed
    assert (fault.where, fault.ref) == (where, "p-1")


def test_base_currency_stands_in_where_there_is_only_one() -> None:
    row = PAYMENT | {"Invoice": INVOICE | {"CurrencyCode": None}, "CurrencyRate": 1.0}
    assert one(cash.read_payment, row).amount == Money(4600, "NZD")


def test_an_overpayment_is_cash_with_its_rest_unapplied() -> None:
    payment = one(cash.read_overpayment, HELD)
    assert payment.unapplied == Money(2500, "NZD")
    assert [(item.invoice_ref, item.amount.minor) for item in payment.allocations] == [("i-1", 2000)]
    assert payment.amount == Money(4500, "NZD")  # the five given back are a refund
    void = one(cash.read_overpayment, HELD | {"Status": "VOIDED"})
    assert void.status is PaymentStatus.VOID


def test_a_prepayment_bears_its_invoice_number() -> None:
    row = {key: value for key, value in HELD.items() if key != "OverpaymentID"}
    row |= {"PrepaymentID": "o-2", "Type": "RECEIVE-PREPAYMENT", "InvoiceNumber": "INV-11"}
    payment = one(cash.read_prepayment, row)
    assert (payment.ref, payment.reference, payment.unapplied.minor) == ("o-2", "INV-11", 2500)
    assert none(cash.read_prepayment, row | {"Type": "APPREPAYMENT", "Total": "?"})
    assert none(cash.read_overpayment, HELD | {"Type": "SPEND-OVERPAYMENT", "Total": "?"})


def test_money_received_past_the_invoices_is_a_deposit_with_tax() -> None:
    deposit = one(cash.read_deposit, RECEIVED)
    (line,) = deposit.lines
    assert (deposit.amount, line.amount) == (Money(11500, "NZD"), Money(11500, "NZD"))
    assert (line.posting, line.posted_to, line.party_ref, line.memo) == (Posting.INCOME, "200", "c-1", "Acme INV-7")


@pytest.mark.parametrize(("code", "posting"), [("200", Posting.INCOME), ("610", Posting.RECEIVABLE), ("820", Posting.OTHER)])
def test_the_account_says_which_side_of_the_books(code: str, posting: Posting) -> None:
    row = RECEIVED | {"LineItems": [{"LineAmount": 115, "AccountCode": code}], "LineAmountTypes": "NoTax"}
    assert one(cash.read_deposit, row).lines[0].posting is posting


@pytest.mark.parametrize(
    "change",
    [
        {"Type": "SPEND"},
        {"Type": "RECEIVE-TRANSFER"},
        {"Type": "RECEIVE-OVERPAYMENT"},
        {"Type": "RECEIVE-PREPAYMENT"},
        {"PrepaymentID": "o-2"},
        {"OverpaymentID": "o-1"},
    ],
)
def test_what_another_list_tells_is_not_told_twice(change: dict[str, Any]) -> None:
    assert none(cash.read_deposit, RECEIVED | change)


def test_a_deleted_receipt_is_a_tombstone() -> None:
    mapped = read(cash.read_deposit, RECEIVED | {"Status": "DELETED"})
    assert mapped.deleted == (Tombstone(stream=Stream.DEPOSITS, ref=mapped.deleted[0].ref),)
    assert mapped.entries == ()
