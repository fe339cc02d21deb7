"""What a ConnectWise row means: recorded rows read, odd ones named, money and days exact."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.connectwise import mapping, payments, rows, work
from connectors.connectwise.mapping import BillingStatus, Reading
from core.money import Money
from core.records import DocumentStatus, Entry, Malformed, Ref, Stream, Tombstone

USING = Reading(connection="cw", zone="America/Chicago", currency="USD")
INVOICE = {
    "id": 7,
    "invoiceNumber": "INV-0007",
    "type": "Standard",
    "status": {"id": 3, "name": "Closed", "isClosed": True},
    "company": {"id": 1},
    "date": "2026-03-02T00:00:00Z",
    "dueDate": "2026-04-01T00:00:00Z",
    "total": Decimal("100.0"),
    "balance": Decimal("100.0"),
    "_info": {"lastUpdated": "2026-03-02T10:00:00Z"},
}


def read(stream, row, using=USING):
    result = mapping.read_row(stream, row, using)
    assert isinstance(result, Entry), result
    return result.record


def refused(stream, row, using=USING):
    result = mapping.read_row(stream, row, using)
    assert isinstance(result, Malformed), result
    return result


def recorded(path):
    return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)


# ── recordings ──────────────────────────────────────────────────────────────────────────────────────────────────────────
BODIES = {
    "live-2025.1/company_company.json": Stream.PARTIES,
    "live-2025.1/company_contact.json": Stream.CONTACTS,
    "live-2025.1/finance_invoice_closed_unpaid.json": Stream.INVOICES,
    "live-2025.1/finance_invoice_closed_unpaid__fields_no_info.json": Stream.INVOICES,
    "live-2025.1/finance_agreement.json": Stream.AGREEMENTS,
    "live-2025.1/service_ticket_closed.json": Stream.TICKETS,
    "django-connectwise/company.json": Stream.PARTIES,
    "django-connectwise/contacts.json": Stream.CONTACTS,
    "django-connectwise/agreement.json": Stream.AGREEMENTS,
    "django-connectwise/service_ticket.json": Stream.TICKETS,
    "django-connectwise/project_ticket.json": Stream.TICKETS,
    "custom-fields/contact-with-customFields.json": Stream.CONTACTS,
}


def each(body):
    return body if isinstance(body, list) else [body]


@pytest.mark.parametrize("name", BODIES)
def test_recorded_bodies_read_without_a_malformed_record(shared, name):
    found = mapping.read_rows(BODIES[name], each(recorded(shared / "fixtures/connectwise" / name)), USING)
    assert found.malformed == ()
    assert found.entries


@pytest.mark.parametrize(
    "name", ["live-2025.1/time_entry.json", "live-2025.1/time_entry_projectticket.json", "django-connectwise/time_entry.json"]
)
def test_recorded_time_entries_read(shared, name):
    spells, malformed = work.read_spells(each(recorded(shared / "fixtures/connectwise" / name)), USING)
    assert malformed == []
    assert len(spells) == 1


def test_the_recorded_shape_of_a_payment_reads(shared):
    body = recorded(shared / "fixtures/connectwise/synthetic/invoice_payment.SYNTHETIC.json")
    found = payments.read_payments({**INVOICE, "id": 2}, [body], USING)
    assert found.malformed == ()
    payment = found.entries[0].record
    assert (payment.ref, payment.amount, payment.paid_on) == ("2-9001", Money(10_000, "USD"), date(2018, 8, 1))


@pytest.mark.reliability("connectwise:25", "connectwise:26")
def test_the_live_closed_invoice_with_a_balance_stays_open(shared):
    body = recorded(shared / "fixtures/connectwise/live-2025.1/finance_invoice_closed_unpaid.json")
    invoice = read(Stream.INVOICES, body)
    assert body["status"]["name"] == "Closed"
    assert (invoice.status, invoice.open, invoice.total) == (
        DocumentStatus.OPEN,
        Money(182_714, "ISK"),
        Money(182_714, "ISK"),
    )
    assert (invoice.issued_on, invoice.due_on) == (date(2018, 7, 12), date(2018, 8, 1))


# ── invoices ────────────────────────────────────────────────────────────────────────────────────────────────────────────
NEW, SENT = {"id": 1, "name": "New", "isClosed": False}, {"id": 2, "name": "Paid", "isClosed": False}
BILLING = {1: BillingStatus(name="New", closed=False, sent=False), 2: BillingStatus(name="Paid", closed=False, sent=True)}
STATES = [
    ({"status": NEW, "balance": 5}, BILLING, DocumentStatus.DRAFT),
    ({"status": NEW, "balance": 5}, {}, DocumentStatus.DRAFT),
    ({"status": SENT, "balance": 5}, BILLING, DocumentStatus.OPEN),
    ({"status": SENT, "balance": 0}, BILLING, DocumentStatus.CLOSED),
    ({"status": NEW, "balance": 0}, BILLING, DocumentStatus.CLOSED),
    ({"status": {"id": 9, "name": "?"}, "balance": 5}, {}, DocumentStatus.OPEN),
    ({"status": {"id": 3, "name": "Paid in full", "isClosed": True}, "balance": 5}, BILLING, DocumentStatus.OPEN),
]


@pytest.mark.reliability("connectwise:25")
@pytest.mark.parametrize(("changes", "billing", "wanted"), STATES)
def test_paid_is_what_the_balance_says_and_issued_what_the_tenant_defines(changes, billing, wanted):
    using = Reading(connection="cw", zone="UTC", currency="USD", billing=billing)
    assert read(Stream.INVOICES, {**INVOICE, **changes}, using).status is wanted


def test_the_payer_is_bill_to_company_where_it_differs():
    assert read(Stream.INVOICES, {**INVOICE, "billToCompany": {"id": 9}}).party_ref == "9"
    assert read(Stream.INVOICES, INVOICE).party_ref == "1"


def test_a_missing_due_date_comes_from_the_tenants_terms():
    row = {**INVOICE, "billingTerms": {"id": 4, "name": "Net 14"}}
    del row["dueDate"]
    using = Reading(connection="cw", zone="UTC", currency="USD", terms={4: 14})
    assert read(Stream.INVOICES, row, using).due_on == date(2026, 3, 16)
    assert read(Stream.INVOICES, row).due_on is None


def test_the_version_moves_with_the_balance_though_last_updated_stands_still():
    paid = {**INVOICE, "payments": 40, "balance": 60}
    assert read(Stream.INVOICES, INVOICE).version != read(Stream.INVOICES, paid).version
    assert read(Stream.INVOICES, INVOICE).version == read(Stream.INVOICES, dict(INVOICE)).version


@pytest.mark.parametrize("sign", [1, -1])
def test_a_credit_memo_reads_alike_with_either_sign(sign):
    row = {**INVOICE, "type": "CreditMemo", "total": sign * Decimal(50), "balance": sign * Decimal(20)}
    note = read(Stream.CREDIT_NOTES, row)
    assert (note.total, note.remaining, note.status) == (Money(5000, "USD"), Money(2000, "USD"), DocumentStatus.OPEN)
    assert mapping.read_row(Stream.INVOICES, row, USING) is None


def test_an_amount_finer_than_its_currency_is_rounded_half_up():
    krona = {"currency": {"currencyCode": "ISK"}, "total": Decimal("4546628.64"), "balance": Decimal("4546628.5")}
    invoice = read(Stream.INVOICES, {**INVOICE, **krona})
    assert (invoice.total, invoice.open) == (Money(4_546_629, "ISK"), Money(4_546_629, "ISK"))


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2, allow_nan=False))
@settings(max_examples=60)
def test_an_amount_with_two_decimals_is_kept_to_the_cent(amount):
    found = rows.money({"total": amount}, "total", "USD")
    assert found is not None
    assert found.decimal == amount


ODD = [
    ({"balance": None}, "balance"),
    ({"total": "100"}, "total"),
    ({"total": True}, "total"),
    ({"total": Decimal("1e30")}, "total"),
    ({"type": "Barter"}, "type"),
    ({"date": "03/04/2026"}, "date"),
    ({"date": None}, "date"),
    ({"company": None}, "company.id"),
    ({"company": {"id": "x"}}, "company.id"),
    ({"currency": {"currencyCode": "kr."}}, "currency.currencyCode"),
    ({"invoiceNumber": 7}, "invoiceNumber"),
    ({"status": {"isClosed": "perhaps"}}, "status.isClosed"),
]


@pytest.mark.parametrize(("changes", "where"), ODD)
def test_an_odd_row_is_named_by_ref_and_field(changes, where):
    found = refused(Stream.INVOICES, {**INVOICE, **changes})
    assert (found.stream, found.ref, found.where) == (Stream.INVOICES, "7", where)
    assert found.problem


@pytest.mark.parametrize("row", [None, 7, "x", [], {}, {"id": None}, {"id": "7"}, {"id": True}, {"id": -1}])
def test_a_row_without_an_id_is_named_by_its_place(row):
    found = mapping.read_rows(Stream.INVOICES, [INVOICE, row], USING)
    assert len(found.entries) == 1
    assert found.malformed[0].ref is None
    assert found.malformed[0].where.startswith("[1]")


# ── dates ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
DAYS = [
    ("2018-08-01T00:00:00Z", "Pacific/Auckland", date(2018, 8, 1)),
    ("2018-08-01T00:00:00Z", "America/Los_Angeles", date(2018, 8, 1)),
    ("2006-06-21T04:00:00Z", "America/New_York", date(2006, 6, 21)),
    ("2006-06-20T22:00:00Z", "Europe/Berlin", date(2006, 6, 21)),
    ("2006-06-21", "UTC", date(2006, 6, 21)),
]


@pytest.mark.parametrize(("text", "zone", "wanted"), DAYS)
def test_midnight_is_a_calendar_day_and_any_other_time_an_instant(text, zone, wanted):
    assert rows.read_day(text, zone) == wanted


@pytest.mark.reliability("connectwise:19")
@pytest.mark.parametrize("text", ["1900-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z"])
def test_an_implausible_date_is_quarantined(text):
    assert refused(Stream.INVOICES, {**INVOICE, "dueDate": text}).where == "dueDate"
    entry = {"id": 5, "company": {"id": 1}, "timeStart": text, "actualHours": 1}
    spells, malformed = work.read_spells([entry], USING)
    assert (spells, len(malformed)) == ([], 1)


@pytest.mark.reliability("connectwise:22")
@pytest.mark.parametrize("text", ["03/04/2026", "3/4/2026 10:00", "Apr 3 2026", "20260403", "2026-13-01T00:00:00Z", "2026-04-03"])
def test_a_text_date_is_never_parsed_by_guess(text):
    ticket = {"id": 1, "summary": "x", "company": {"id": 1}, "closedFlag": True, "closedDate": text}
    assert read(Stream.TICKETS, ticket).closed_at is None


# ── companies, contacts, agreements, tickets ────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("connectwise:21")
def test_invisible_characters_go_before_anything_is_compared():
    row = {"id": 1, "name": "A\x00c\u200eme ", "identifier": "ACME", "status": {"id": 1, "name": "\u200eActive"}}
    party = read(Stream.PARTIES, row)
    assert (party.name, party.status) == ("Acme", "Active")


def test_a_company_marked_deleted_is_a_tombstone():
    row = {"id": 1, "name": "Gone", "deletedFlag": True, "dateDeleted": "2026-01-02T03:04:05Z"}
    wanted = Tombstone(stream=Stream.PARTIES, ref=Ref("1"), deleted_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert mapping.read_row(Stream.PARTIES, row, USING) == wanted


def test_a_company_carries_its_tags_parent_and_first_invoice_address():
    row = {
        "id": 3,
        "name": "Leaf",
        "types": [{"id": 1, "name": "Client"}, {"id": 2, "name": "VIP"}],
        "parentCompany": {"id": 2},
        "invoiceToEmailAddress": "ap@leaf.example; boss@leaf.example",
        "status": {"id": 8, "name": "Former"},
    }
    using = Reading(connection="cw", zone="UTC", currency="USD", inactive=frozenset({8}))
    party = read(Stream.PARTIES, row, using)
    assert (party.tags, party.parent_ref, party.email, party.active) == (("Client", "VIP"), "2", "ap@leaf.example", False)


FIELDS = [
    ({"caption": "Do not chase", "type": "Checkbox", "value": True}, ("Do not chase = true",)),
    ({"caption": "Do not chase", "type": "Checkbox", "value": False}, ("Do not chase = false",)),
    ({"caption": " Hold\u200e  until ", "value": " end of\nMay\x00 "}, ("Hold until = end of May",)),
    ({"caption": "Score", "type": "Number", "value": 5}, ("Score = 5",)),
    ({"caption": "Rate", "type": "Percent", "value": Decimal("2.50")}, ("Rate = 2.50",)),
    ({"caption": "A = B", "value": "x = y"}, ("A=B = x = y",)),
    ({"caption": "Odd", "value": ["a", "b"]}, ('Odd = ["a","b"]',)),
    ({"caption": "Long", "value": "x" * 5_000}, ("Long = " + "x" * mapping.MOST_OF_A_FIELD,)),
    ({"caption": "Firewall", "type": "Password", "value": "hunter2"}, ()),
    ({"caption": "Empty", "value": None}, ()),
    ({"caption": "Blank", "value": "  "}, ()),
    ({"caption": "Absent"}, ()),
    ({"caption": "", "value": "x"}, ()),
    ({"value": "x"}, ()),
    ("nothing", ()),
]


@pytest.mark.parametrize(("item", "fields"), FIELDS)
def test_custom_fields_that_hold_something_are_kept_by_caption(item, fields):
    row = {"id": 3, "name": "Leaf", "customFields": [item, {"id": 9, "caption": "Last", "value": "ok"}]}
    assert read(Stream.PARTIES, row).fields == (*fields, "Last = ok")


def test_custom_fields_that_are_no_list_set_their_company_aside():
    assert refused(Stream.PARTIES, {"id": 3, "name": "Leaf", "customFields": "x"}).where == "customFields"


@pytest.mark.parametrize("severity", ["Low", "Medium", "High", None])
def test_a_ticket_carries_its_severity(severity):
    row = {"id": 1, "summary": "x", "company": {"id": 1}, "severity": severity}
    assert read(Stream.TICKETS, row).severity == severity


def test_a_contacts_address_is_its_default_email_item():
    items = [
        {"value": "old@x.example", "communicationType": "Email", "defaultFlag": False},
        {"value": "new@x.example", "communicationType": "Email", "defaultFlag": True},
        {"value": "555-1", "communicationType": "Phone"},
    ]
    row = {"id": 4, "firstName": "Ann", "company": {"id": 1}, "communicationItems": items, "defaultBillingFlag": True}
    contact = read(Stream.CONTACTS, row)
    assert (contact.name, contact.email, contact.phone, contact.role) == ("Ann", "new@x.example", "555-1", "accounts payable")
    assert mapping.read_row(Stream.CONTACTS, {"id": 4, "firstName": "Ann"}, USING) is None


CYCLES = [
    ("Monthly", 1),
    ("Quarterly", 3),
    ("Semi-Annual", 6),
    ("Annually", 12),
    ("Bi-Monthly", 2),
    ("Ad hoc", None),
    (None, None),
]


@pytest.mark.parametrize(("name", "months"), CYCLES)
def test_a_billing_cycle_is_read_from_its_name(name, months):
    row = {"id": 1, "name": "Managed", "company": {"id": 1}, "billingCycle": {"id": 2, "name": name}}
    assert read(Stream.AGREEMENTS, row).cycle_months == months


def test_the_operator_says_which_ticket_statuses_mean_done():
    row = {"id": 1, "summary": "x", "company": {"id": 1}, "status": {"id": 2, "name": "Resolved"}, "closedFlag": False}
    using = Reading(connection="cw", zone="UTC", currency="USD", closed_names=frozenset({"resolved"}))
    assert (read(Stream.TICKETS, row).closed, read(Stream.TICKETS, row, using).closed) == (False, True)
    assert (read(Stream.TICKETS, row).sla_breached, read(Stream.TICKETS, {**row, "isInSla": False}).sla_breached) == (None, True)


# ── payments ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_payment_line_with_a_credit_is_a_link_and_no_cash():
    line = {"id": 5, "amount": Decimal(20), "paymentDate": "2026-03-05T00:00:00Z", "credit": {"id": 8}}
    (entry,) = payments.read_payments(INVOICE, [line], USING).entries
    payment = entry.record
    assert payment.amount == Money(0, "USD")
    assert [(use.ref, use.amount) for use in payment.credits_used] == [("8", Money(2000, "USD"))]
    assert [(part.invoice_ref, part.amount) for part in payment.allocations] == [("7", Money(2000, "USD"))]


def test_a_negative_payment_is_named_and_not_guessed_at():
    lines = [{"id": 5, "amount": -1, "paymentDate": "2026-03-05T00:00:00Z"}, None]
    found = payments.read_payments(INVOICE, lines, USING)
    assert [(bad.ref, bad.where) for bad in found.malformed] == [
        ("7-5", "finance/invoices/7/payments[0].amount"),
        (None, "finance/invoices/7/payments[1]"),
    ]


# ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────────
def entry(number, start, hours, **fields):
    return {"id": number, "company": {"id": 1}, "timeStart": start, "actualHours": Decimal(hours), **fields}


def test_time_is_summed_per_client_month_agreement_and_invoice_in_our_zone():
    billed = {"invoice": {"id": 2}, "agreement": {"id": 11}}
    spells, _ = work.read_spells(
        [
            entry(1, "2026-04-01T04:00:00Z", "0.67", **billed),  # still March in Chicago
            entry(2, "2026-03-10T15:00:00Z", "1.33", **billed),
            entry(3, "2026-03-10T15:00:00Z", "0.5"),
        ],
        USING,
    )
    sums = {item.record.ref: item.record for item in work.sums(spells, USING)}
    assert {ref: (one.minutes, one.entries) for ref, one in sums.items()} == {
        "2026-03.c1.a11.i2": (120, 2),
        "2026-03.c1.a0.i0": (30, 1),
    }
    one = sums[Ref("2026-03.c1.a11.i2")]
    assert (one.period_start, one.period_end, one.invoice_ref) == (date(2026, 3, 1), date(2026, 3, 31), "2")


@given(st.integers(1990, 2199), st.integers(1, 12), *[st.integers(0, 10**11)] * 3)
@settings(max_examples=50)
def test_a_sums_ref_names_it_fully(year, month, company, agreement, invoice):
    heap = work.Heap(f"{year}-{month:02}", company, agreement, invoice)
    assert work.split_ref(heap.ref) == heap
    assert heap.days[0].month == heap.days[1].month == month
