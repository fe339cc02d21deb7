"""Documents and contacts of Xero in duesync's words."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.xero import clients, mapping
from connectors.xero.mapping import Mapped, Reader, Tenant, map_rows
from core.money import Money
from core.records import DocumentStatus, Ref, Stream

TENANT = Tenant(connection="books", currency="NZD")
CONTACT = {"ContactID": "c-1", "Name": "Acme"}
INVOICE: dict[str, Any] = {
    "Type": "ACCREC",
    "InvoiceID": "i-1",
    "InvoiceNumber": "INV-1",
    "Reference": "PO 7",
    "Status": "AUTHORISED",
    "Contact": CONTACT,
    "DateString": "2026-04-01T00:00:00",
    "Date": "/Date(1774999999999+0000)/",
    "DueDateString": "2026-05-01T00:00:00",
    "DueDate": "/Date(1777593600000+0000)/",
    "Total": 115.0,
    "AmountDue": 15.5,
    "AmountPaid": 99.5,
    "AmountCredited": 0.0,
    "CurrencyCode": "NZD",
    "LineItems": [{"Description": "April"}, {"Description": " "}],
    "UpdatedDateUTC": "/Date(1573755038314)/",
}
CREDIT: dict[str, Any] = {
    "CreditNoteID": "n-1",
    "CreditNoteNumber": "CN-1",
    "Type": "ACCRECCREDIT",
    "Status": "AUTHORISED",
    "Contact": CONTACT,
    "Date": "/Date(1777593600000+0000)/",
    "Total": 30,
    "RemainingCredit": 10,
    "CurrencyCode": "NZD",
    "Allocations": [
        {"AllocationID": "a-1", "Amount": 20, "Date": "/Date(1777593600000+0000)/", "Invoice": {"InvoiceID": "i-1"}},
        {"Amount": 5, "Invoice": {"InvoiceID": "i-2"}, "IsDeleted": True},
    ],
}
CONTACT_ROW: dict[str, Any] = {
    "ContactID": "c-1",
    "Name": "Acme Dental",
    "ContactStatus": "ACTIVE",
    "FirstName": "Ann",
    "LastName": "Lee",
    "EmailAddress": "ap@acme.example",
    "IsCustomer": True,
    "ContactNumber": "CW-42",
    "DefaultCurrency": "NZD",
    "ContactPersons": [
        {"FirstName": "Bo", "LastName": "Ng", "EmailAddress": "bo@acme.example", "IncludeInEmails": True},
        {"FirstName": "Cy", "IncludeInEmails": False},
        {"EmailAddress": "BO@acme.example"},
        {},
    ],
    "Addresses": [
        {"AddressType": "POBOX", "Region": "", "Country": "New Zealand"},
        {"AddressType": "STREET", "Region": "Otago", "Country": ""},
    ],
    "Phones": [
        {"PhoneType": "FAX", "PhoneNumber": "1"},
        {"PhoneType": "MOBILE", "PhoneNumber": "555-1", "PhoneAreaCode": "21", "PhoneCountryCode": "64"},
    ],
    "UpdatedDateUTC": "/Date(1573755038314)/",
}


def read(reader: Reader, *rows: dict[str, Any], stream: Stream = Stream.INVOICES, id_field: str = "InvoiceID") -> Mapped:
    return map_rows(stream, [json.dumps(row).encode() for row in rows], TENANT, reader, id_field)


def one(reader: Reader, row: dict[str, Any], **kind: Any) -> Any:
    mapped = read(reader, row, **kind)
    assert mapped.malformed == ()
    (entry,) = mapped.entries
    return entry.record


def test_an_invoice_says_what_it_says() -> None:
    invoice = one(mapping.read_invoice, INVOICE | {"ExpectedPaymentDate": "/Date(1780272000000+0000)/", "SentToContact": True})
    assert (invoice.connection, invoice.ref, invoice.party_ref) == ("books", "i-1", "c-1")
    assert (invoice.number, invoice.reference, invoice.memo) == ("INV-1", "PO 7", "April")
    assert (invoice.total, invoice.open) == (Money(11500, "NZD"), Money(1550, "NZD"))
    assert (invoice.issued_on, invoice.due_on, invoice.expected_on) == (date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1))
    assert invoice.updated_at == datetime(2019, 11, 14, 18, 10, 38, 314000, tzinfo=UTC)
    assert invoice.version == "2019-11-14T18:10:38.314+00:00"
    assert invoice.sent is True


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("DRAFT", DocumentStatus.DRAFT),
        ("SUBMITTED", DocumentStatus.DRAFT),
        ("AUTHORISED", DocumentStatus.OPEN),
        ("PAID", DocumentStatus.CLOSED),
        ("VOIDED", DocumentStatus.VOID),
        ("DELETED", DocumentStatus.VOID),
    ],
)
def test_statuses(status: str, meaning: DocumentStatus) -> None:
    invoice = one(mapping.read_invoice, INVOICE | {"Status": status})
    assert invoice.status is meaning
    assert bool(invoice.open) is (meaning is not DocumentStatus.VOID)
    assert one(mapping.read_credit_note, CREDIT | {"Status": status}).status is meaning


def test_bills_are_not_read_even_when_odd() -> None:
    mapped = read(mapping.read_invoice, {"Type": "ACCPAY"}, {"Type": "ACCPAY", "Total": "lots"}, INVOICE)
    assert [entry.record.ref for entry in mapped.entries] == ["i-1"]
    assert mapped.malformed == ()


@pytest.mark.reliability("xero:T12")
@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"Status": "PARKED"}, "Status"),
        ({"Type": "ACCSOMETHING"}, "Type"),
        ({"Total": "lots"}, "Total"),
        ({"Total": 1.005}, "Total"),
        ({"AmountDue": None, "AmountPaid": None}, "AmountDue"),
        ({"Contact": {"Name": "nobody"}}, "Contact.ContactID"),
        ({"Date": "soon", "DateString": None}, "Date"),
        ({"Date": None, "DateString": None}, "Date"),
        ({"DueDate": "/Date(later)/", "DueDateString": None}, "DueDate"),
        ({"CurrencyCode": "Dollars"}, "CurrencyCode"),
        ({"CurrencyCode": None, "CurrencyRate": 1.2}, "CurrencyCode"),
        ({"LineItems": [{"Description": 3}]}, "LineItems[0].Description"),
        ({"UpdatedDateUTC": "yesterday"}, "UpdatedDateUTC"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_its_neighbours_go_on(change: dict[str, Any], where: str) -> None:
    mapped = read(mapping.read_invoice, INVOICE | {"InvoiceID": "before"}, INVOICE | change, INVOICE | {"InvoiceID": "after"})
    assert [entry.record.ref for entry in mapped.entries] == ["before", "after"]
    (fault,) = mapped.malformed
    assert (fault.ref, fault.where, fault.stream) == ("i-1", where, Stream.INVOICES)
    assert fault.problem


@pytest.mark.reliability("xero:T12")
def test_what_a_new_release_adds_is_tolerated() -> None:
    row = INVOICE | {
        "Colour": {"Hue": 3},
        "CurrencyRate": 1.0123456789,
        "Contact": CONTACT | {"Mood": "good"},
        "CreditNotes": None,
    }
    assert one(mapping.read_invoice, row).total == Money(11500, "NZD")


@pytest.mark.reliability("xero:T14")
def test_the_vendors_own_row_is_kept_beside_the_record() -> None:
    raw = json.dumps(INVOICE | {"BatchPayment": {"TotalAmount": "50.00"}}, indent=1).encode()
    mapped = map_rows(Stream.INVOICES, [raw], TENANT, mapping.read_invoice, "InvoiceID")
    assert mapped.entries[0].raw == raw


def test_null_and_empty_stand_for_nothing_anywhere() -> None:
    assert one(mapping.read_invoice, INVOICE | {"LineItems": None, "DueDate": "", "DueDateString": ""}).due_on is None
    assert one(mapping.read_credit_note, CREDIT | {"Allocations": None, "Payments": None, "LineItems": None}).allocations == ()
    party = one(clients.read_party, CONTACT_ROW | {"Phones": None, "Addresses": None, "ContactPersons": None})
    assert (party.phone, party.country) == (None, None)


def test_hostile_rows_are_malformed_not_fatal() -> None:
    rows = [b"3", b"null", b"[]", b"{", b'{"Type":"ACCREC"}', b'{"InvoiceID": 5, "Type": "ACCREC"}', json.dumps(INVOICE).encode()]
    mapped = map_rows(Stream.INVOICES, rows, TENANT, mapping.read_invoice, "InvoiceID")
    assert len(mapped.entries) == 1
    assert len(mapped.malformed) == 6


def test_amounts_are_exact_in_every_currency() -> None:
    yen = one(mapping.read_invoice, INVOICE | {"CurrencyCode": "JPY", "Total": 1000.0, "AmountDue": 250})
    assert (yen.total, yen.open) == (Money(1000, "JPY"), Money(250, "JPY"))
    dinar = one(mapping.read_invoice, INVOICE | {"CurrencyCode": "KWD", "Total": 1.125, "AmountDue": "0.125"})
    assert (dinar.total, dinar.open) == (Money(1125, "KWD"), Money(125, "KWD"))


def test_what_is_due_follows_from_the_invariant_where_it_is_left_out() -> None:
    row = INVOICE | {"AmountDue": None, "AmountPaid": 100, "AmountCredited": 5}
    assert one(mapping.read_invoice, row).open == Money(1000, "NZD")


def test_a_credit_note_keeps_what_is_applied_and_what_remains() -> None:
    credit = one(mapping.read_credit_note, CREDIT, stream=Stream.CREDIT_NOTES, id_field="CreditNoteID")
    assert (credit.total, credit.remaining) == (Money(3000, "NZD"), Money(1000, "NZD"))
    (allocation,) = credit.allocations
    assert (allocation.invoice_ref, allocation.amount, allocation.ref) == ("i-1", Money(2000, "NZD"), "a-1")
    left_out = CREDIT | {"RemainingCredit": None, "Payments": [{"Amount": 4}]}
    assert one(mapping.read_credit_note, left_out).remaining == Money(600, "NZD")


def test_repeating_invoices_are_agreements() -> None:
    schedule = {"Period": 3, "Unit": "MONTHLY", "DueDate": 20, "DueDateType": "OFFOLLOWINGMONTH", "StartDate": "/Date(0+0000)/"}
    row = {
        "RepeatingInvoiceID": "r-1",
        "Type": "ACCREC",
        "Contact": CONTACT,
        "Status": "AUTHORISED",
        "Schedule": schedule,
        "Total": 90,
        "Reference": "Retainer",
    }
    agreement = one(mapping.read_agreement, row, stream=Stream.AGREEMENTS, id_field="RepeatingInvoiceID")
    assert (agreement.name, agreement.amount, agreement.cycle_months) == ("Retainer", Money(9000, "NZD"), 3)
    assert (agreement.starts_on, agreement.terms, agreement.active) == (date(1970, 1, 1), "20 OFFOLLOWINGMONTH", True)
    weekly = one(mapping.read_agreement, row | {"Schedule": schedule | {"Unit": "WEEKLY"}, "Status": "DELETED"})
    assert (weekly.cycle_months, weekly.active) == (None, False)


def test_a_contact_is_a_party_without_the_vendors_stale_balance() -> None:
    row = CONTACT_ROW | {"Balances": {"AccountsReceivable": {"Outstanding": 760.0}}}
    party = one(clients.read_party, row, stream=Stream.PARTIES, id_field="ContactID")
    assert (party.name, party.email, party.phone) == ("Acme Dental", "ap@acme.example", "64 21 555-1")
    assert (party.country, party.region, party.currency) == ("NZ", "Otago", "NZD")
    assert party.balance is None
    assert party.active
    assert party.tags == ("customer", "contact-number:CW-42")


@pytest.mark.reliability("xero:T20")
def test_a_merged_contact_names_the_winner() -> None:
    party = one(clients.read_party, CONTACT_ROW | {"ContactStatus": "ARCHIVED", "MergedToContactID": "c-9"})
    assert (party.active, party.parent_ref, party.status) == (False, "c-9", "merged")


def test_people_have_refs_that_stay_put() -> None:
    people = read(clients.read_people, CONTACT_ROW, stream=Stream.CONTACTS, id_field="ContactID").entries
    records = [entry.record for entry in people]
    assert [item.ref for item in records] == ["c-1#ap@acme.example", "c-1#bo@acme.example", "c-1#cy"]
    assert [getattr(item, "primary") for item in records] == [True, False, False]  # noqa: B009 - records of one kind
    assert [getattr(item, "role") for item in records] == ["accounts payable", "accounts payable", None]  # noqa: B009
    assert {getattr(item, "party_ref") for item in records} == {Ref("c-1")}  # noqa: B009


@given(
    total=st.decimals(Decimal("0.01"), Decimal("9999999.99"), places=2),
    due=st.decimals(Decimal("0.00"), Decimal("9999999.99"), places=2),
)
def test_no_cent_is_lost_between_text_and_record(total: Decimal, due: Decimal) -> None:
    text = json.dumps({key: value for key, value in INVOICE.items() if key not in ("Total", "AmountDue")})
    raw = f'{text[:-1]}, "Total": {total}, "AmountDue": {due}}}'.encode()
    (entry,) = map_rows(Stream.INVOICES, [raw], TENANT, mapping.read_invoice, "InvoiceID").entries
    invoice: Any = entry.record
    assert (invoice.total.decimal, invoice.open.decimal) == (total, due)
