"""Recorded answers through the sandbox and back, and the sandbox's own rows beside them."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from core.records import Stream
from tests.unit.connectors.connectwise.kit import DAY

STREAMS = (Stream.PARTIES, Stream.CONTACTS, Stream.INVOICES, Stream.AGREEMENTS, Stream.TICKETS, Stream.WORK)


def rows(shared, names):
    found = []
    for name in names:
        body = json.loads((shared / "fixtures/connectwise" / name).read_text(encoding="utf-8"), parse_float=Decimal)
        found += body if isinstance(body, list) else [body]
    return found


@pytest.mark.parametrize(("folder", "count"), [("live-2025.1", 7), ("django-connectwise", 6)])
def test_a_recorded_tenant_is_pulled_without_a_malformed_record(at_cw, shared, folder, count):
    assert at_cw.box.seed_recorded(shared / "fixtures/connectwise" / folder) == count
    for stream in STREAMS:
        (page,) = at_cw.pages(stream)
        assert page.malformed == ()
        assert page.entries or (folder, stream) == ("django-connectwise", Stream.INVOICES)
        for record in page.records:
            assert at_cw.psa.reread(stream, record.ref) is not None


def kinds(row, known, path=""):
    """Where both rows have a member, the kind of its value in each: "currency.id" → (int, int)."""
    found = {}
    for key, value in row.items():
        if key == "_info" or key not in known:
            continue
        if isinstance(value, dict) and isinstance(known[key], dict):
            found |= kinds(value, known[key], f"{path}{key}.")
        else:
            found[f"{path}{key}"] = (kind(value), kind(known[key]))
    return found


def kind(value):
    return "number" if isinstance(value, int | Decimal) and not isinstance(value, bool) else type(value).__name__


def test_the_sandboxes_rows_have_the_recorded_kinds_of_values(at_cw, shared):
    company = at_cw.company(billToCompany={"id": 1, "identifier": "X", "name": "X"})
    at_cw.tenant.add_contact(company, "Ann", "Lee", email="ann@x.example", phone="555", at=at_cw.ago(3))
    at_cw.invoice(company)
    at_cw.tenant.add_time(company, 1, at_cw.ago(3))
    compared = {
        "company/companies": "live-2025.1/company_company.json",
        "company/contacts": "live-2025.1/company_contact.json",
        "finance/invoices": "live-2025.1/finance_invoice_closed_unpaid.json",
        "time/entries": "live-2025.1/time_entry.json",
    }
    for table, name in compared.items():
        (row,) = at_cw.tenant.rows(table)
        (known,) = rows(shared, [name])
        found = kinds(row, known)
        assert len(found) >= 5, table
        assert {key: pair for key, pair in found.items() if pair[0] != pair[1]} == {}, table
        assert row["_info"].keys() <= known["_info"].keys() | {"dateEntered", "enteredBy"}, table


def test_the_invented_payment_has_the_members_ours_has(at_cw, shared):
    number = at_cw.invoice(at_cw.company())
    at_cw.tenant.pay(number, 10, DAY)
    (row,) = at_cw.tenant.rows(f"finance/invoices/{number}/payments")
    (known,) = rows(shared, ["synthetic/invoice_payment.SYNTHETIC.json"])
    assert set(row) == set(known)
    assert {key: pair for key, pair in kinds(row, known).items() if pair[0] != pair[1]} == {}
