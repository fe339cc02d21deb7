"""The sandbox's own rules: what it must refuse and compute as Xero does, whoever asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.xero.sandbox_books import Refused
from core.money import Money
from core.records import (
    Allocation,
    Contact,
    CreditNote,
    Deposit,
    DepositLine,
    DocumentStatus,
    Invoice,
    Party,
    Payment,
    Posting,
    Record,
    Ref,
    Refund,
    Stream,
)
from tests.unit.connectors.xero.kit import Stage


class Caller:
    """Anybody with a token."""

    def __init__(self, stage: Stage) -> None:
        token = stage.connector.api._tokens.access_token()
        self._http = httpx.Client(
            transport=httpx.MockTransport(stage.box.handle),
            base_url="https://xero.test/api.xro/2.0/",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        )

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._http.request(method, path, json=body, headers=named)

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def call(at_xero: Stage) -> Iterator[Caller]:
    caller = Caller(at_xero)
    yield caller
    caller.close()


def line(amount: float) -> dict[str, Any]:
    return {"Description": "Work", "Quantity": 1, "UnitAmount": amount}


@pytest.mark.reliability("xero:T18")
def test_a_refused_batch_has_saved_its_good_elements(at_xero: Stage, call: Caller) -> None:
    contact = {"ContactID": at_xero.client()["ContactID"]}
    good = {"Type": "ACCREC", "Contact": contact, "LineItems": [line(5)], "InvoiceNumber": "GOOD-1"}
    bad = {"Type": "ACCREC", "Contact": contact, "LineItems": []}
    answer = call("PUT", "Invoices", {"Invoices": [good, bad]})
    assert answer.status_code == 400
    assert len(answer.json()["Elements"]) == 1
    assert [doc["InvoiceNumber"] for doc in at_xero.books.tables["Invoices"].values()] == ["GOOD-1"]
    told = call("PUT", "Invoices?summarizeErrors=false", {"Invoices": [{**good, "InvoiceNumber": "GOOD-2"}, bad]})
    assert [row["StatusAttributeString"] for row in told.json()["Invoices"]] == ["OK", "ERROR"]


@pytest.mark.reliability("xero:T17")
def test_put_refuses_a_number_that_post_would_overwrite(at_xero: Stage, call: Caller) -> None:
    contact = {"ContactID": at_xero.client()["ContactID"]}
    invoice = {"Type": "ACCREC", "Contact": contact, "LineItems": [line(5)], "InvoiceNumber": "N-1"}
    assert call("PUT", "Invoices", invoice).status_code == 200
    assert "must be unique" in call("PUT", "Invoices", invoice).text
    assert call("POST", "Invoices", {"InvoiceNumber": "N-1", "Type": "ACCREC", "Reference": "again"}).status_code == 200
    assert len(at_xero.books.tables["Invoices"]) == 1


@pytest.mark.reliability("xero:T19")
def test_a_payment_is_deleted_by_its_status_alone(at_xero: Stage, call: Caller) -> None:
    invoice = at_xero.invoice(at_xero.client())
    ref = at_xero.books.pay(invoice, 20, date(2026, 5, 1))["PaymentID"]
    assert "Only Status accepted" in call("POST", f"Payments/{ref}", {"Status": "DELETED", "Amount": 3}).text
    assert call("POST", f"Payments/{ref}", {"Status": "DELETED"}).status_code == 200
    assert (invoice["AmountDue"], invoice["Payments"]) == (120, [])


def test_an_unpaged_list_is_a_summary_without_pagination(at_xero: Stage, call: Caller) -> None:
    at_xero.invoice(at_xero.client())
    plain, paged = call("GET", "Invoices").json(), call("GET", "Invoices?page=1&pageSize=5000").json()
    assert "pagination" not in plain
    assert "LineItems" not in plain["Invoices"][0]
    assert paged["pagination"] == {"page": 1, "pageSize": 1000, "pageCount": 1, "itemCount": 1}
    assert "Payments" not in call("GET", "Invoices?page=1&summaryOnly=true").json()["Invoices"][0]


def test_archived_contacts_are_shown_on_request(at_xero: Stage, call: Caller) -> None:
    at_xero.books.merge(at_xero.client("Old"), at_xero.client("New"))
    assert [row["Name"] for row in call("GET", "Contacts?page=1").json()["Contacts"]] == ["New"]
    assert len(call("GET", "Contacts?page=1&includeArchived=true").json()["Contacts"]) == 2


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ('Status=="AUTHORISED"', 3),
        ('status == "authorised" && AmountDue > 100', 1),
        ("Date >= DateTime(2026, 4, 2) AND Date < DateTime(2026, 4, 4)", 2),
        ('InvoiceNumber=="INV-0001" OR InvoiceNumber=="INV-0003"', 2),
        ('Contact.Name == "Acme Dental"', 3),
        ("Reference != null AND SentToContact == false", 3),
    ],
)
def test_where_is_read(at_xero: Stage, call: Caller, where: str, count: int) -> None:
    client = at_xero.client()
    for index in range(3):
        at_xero.books.add_invoice(client, 99 + index, date(2026, 4, 1 + index))
    answer = call("GET", f"Invoices?page=1&where={httpx.QueryParams({'w': where})['w'].replace('&', '%26')}")
    assert len(answer.json()["Invoices"]) == count, answer.text


@pytest.mark.parametrize(
    "query", ["where=Status==", "where=Total>DateTime(2026,1,1)", "order=Date SIDEWAYS", "page=one", "where=Date>DateTime(9)"]
)
def test_what_cannot_be_read_is_a_400(at_xero: Stage, call: Caller, query: str) -> None:
    at_xero.invoice(at_xero.client())
    answer = call("GET", f"Invoices?page=1&{query}" if not query.startswith("page") else f"Invoices?{query}")
    assert (answer.status_code, answer.json()["Type"]) == (400, "QueryParseException")


@pytest.mark.parametrize("header", ["2026-05-05T12:00:30", "2026-05-05T12:00:30Z", "Tue, 05 May 2026 12:00:30 GMT"])
def test_if_modified_since_filters(at_xero: Stage, call: Caller, header: str) -> None:
    client = at_xero.client()
    at_xero.invoice(client)
    at_xero.clock.advance(timedelta(minutes=1))
    late = at_xero.invoice(client)
    rows = call("GET", "Invoices?page=1", If_Modified_Since=header).json()["Invoices"]
    assert [row["InvoiceID"] for row in rows] == [late["InvoiceID"]]
    assert len(call("GET", "Invoices?page=1", If_Modified_Since="/Date(1777982430000)/").json()["Invoices"]) == 2


def test_without_accept_xero_answers_xml(at_xero: Stage, call: Caller) -> None:
    assert call("GET", "Invoices?page=1", Accept="*/*").headers["content-type"].startswith("text/xml")


def test_keys_are_remembered_with_their_errors_for_six_minutes(at_xero: Stage, call: Caller) -> None:
    invoice = at_xero.invoice(at_xero.client())
    pay = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Account": {"Code": "090"}, "Amount": 70}
    assert call("PUT", "Payments", pay, Idempotency_Key="a").status_code == 200
    assert call("PUT", "Payments", pay, Idempotency_Key="a").status_code == 200
    assert len(at_xero.books.tables["Payments"]) == 1
    assert call("PUT", "Payments", pay, Idempotency_Key="b").status_code == 400
    at_xero.books.delete_payment(next(iter(at_xero.books.tables["Payments"].values())))
    assert call("PUT", "Payments", pay, Idempotency_Key="b").status_code == 400  # errors are remembered too
    assert "different request" in call("PUT", "Payments", {**pay, "Amount": 1}, Idempotency_Key="b").text
    at_xero.clock.advance(timedelta(minutes=6, seconds=1))
    assert call("PUT", "Payments", pay, Idempotency_Key="b").status_code == 200
    assert call("PUT", "Payments", pay, Idempotency_Key="x" * 129).status_code == 400


def test_limits_count_in_fixed_windows_and_are_shown(at_xero: Stage, call: Caller) -> None:
    at_xero.box.limits.minute, at_xero.box.limits.day = 3, 5
    assert [call("GET", "Organisation").headers["X-MinLimit-Remaining"] for _ in range(3)] == ["2", "1", "0"]
    refused = call("GET", "Organisation")
    assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, "minute")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    at_xero.clock.advance(timedelta(minutes=1))
    assert [call("GET", "Organisation").status_code for _ in range(2)] == [200, 200]
    refused = call("GET", "Organisation")
    assert (refused.headers["X-Rate-Limit-Problem"], refused.headers["X-DayLimit-Remaining"]) == ("day", "0")
    at_xero.box.limits.concurrent = 0
    refused = call("GET", "Organisation")
    assert (refused.headers["X-Rate-Limit-Problem"], "Retry-After" in refused.headers) == ("concurrent", False)


def test_the_books_refuse_what_xero_refuses(at_xero: Stage, call: Caller) -> None:
    client, other = at_xero.client(), at_xero.client("Other")
    invoice, foreign = at_xero.invoice(client), at_xero.invoice(other)
    credit = at_xero.books.add_credit("CreditNotes", client, 30, date(2026, 4, 1))
    for attempt in (
        lambda: at_xero.books.pay(invoice, 121, date(2026, 5, 1)),
        lambda: at_xero.books.allocate(credit, foreign, 10),
        lambda: at_xero.books.allocate(credit, invoice, 31),
        lambda: at_xero.books.refund("CreditNotes", credit, 31, date(2026, 5, 1)),
    ):
        with pytest.raises(Refused):
            attempt()
    allocation = at_xero.books.allocate(credit, invoice, 30)
    assert (credit["Status"], invoice["AmountDue"]) == ("PAID", 90)
    with pytest.raises(Refused):
        at_xero.books.void(invoice)
    path = f"CreditNotes/{credit['ID']}/Allocations/{allocation['AllocationID']}"
    assert call("DELETE", path).json()["IsDeleted"] is True
    assert (credit["Status"], credit["RemainingCredit"], invoice["AmountDue"]) == ("AUTHORISED", 30, 120)
    assert call("DELETE", path).status_code == 404


def test_a_period_lock_and_a_bad_address_are_refused(at_xero: Stage, call: Caller) -> None:
    at_xero.books.profile["PeriodLockDate"] = "/Date(1775001600000+0000)/"  # 2026-04-01
    contact = {"ContactID": at_xero.client()["ContactID"]}
    early = {"Type": "ACCREC", "Contact": contact, "LineItems": [line(5)], "Date": "2026-03-30"}
    assert "period lock date" in call("PUT", "Invoices", early).text
    assert "must be valid" in call("PUT", "Contacts", {"Name": "X", "EmailAddress": "nowhere"}).text
    assert call("PATCH", "Invoices", {}).status_code == 405
    assert call("PUT", "Nonsense", {}).status_code == 405


USD = "USD"
RECORDS: list[Record] = [
    Party(connection="w", ref=Ref("c1"), name="Acme", email="ap@acme.example", country="US", region="TX"),
    Contact(connection="w", ref=Ref("p1"), party_ref=Ref("c1"), name="Ann Lee", email="ann@acme.example", role="owner"),
    *(
        Invoice(
            connection="w",
            ref=Ref(f"i{number}"),
            party_ref=Ref("c1"),
            number=f"INV-{number}",
            total=Money(10_000, USD),
            open=Money(10_000, USD),
            issued_on=date(2026, 3, number),
            due_on=date(2026, 4, number),
            status=DocumentStatus.VOID if number == 4 else DocumentStatus.OPEN,
        )
        for number in (1, 2, 3, 4)
    ),
    CreditNote(
        connection="w",
        ref=Ref("n1"),
        party_ref=Ref("c1"),
        number="CN-1",
        total=Money(2_000, USD),
        remaining=Money(1_000, USD),
        issued_on=date(2026, 3, 9),
        status=DocumentStatus.OPEN,
        allocations=(Allocation(invoice_ref=Ref("i3"), amount=Money(1_000, USD)),),
    ),
    Payment(
        connection="w",
        ref=Ref("pay1"),
        party_ref=Ref("c1"),
        amount=Money(17_500, USD),
        unapplied=Money(2_500, USD),
        paid_on=date(2026, 4, 10),
        reference="CHK 7",
        allocations=tuple(Allocation(invoice_ref=Ref(f"i{number}"), amount=Money(7_500, USD)) for number in (1, 2)),
    ),
    Refund(
        connection="w",
        ref=Ref("r1"),
        party_ref=Ref("c1"),
        amount=Money(500, USD),
        refunded_on=date(2026, 4, 12),
        source_stream=Stream.PAYMENTS,
        source_ref=Ref("pay1"),
    ),
    Deposit(
        connection="w",
        ref=Ref("d1"),
        amount=Money(4_000, USD),
        deposited_on=date(2026, 4, 13),
        lines=(
            DepositLine(amount=Money(3_000, USD), posting=Posting.INCOME, party_ref=Ref("c1"), memo="Acme"),
            DepositLine(amount=Money(1_000, USD), posting=Posting.OTHER, payment_ref=Ref("pay1")),
        ),
    ),
]


def test_a_world_in_our_words_comes_back_in_our_words(at_xero: Stage) -> None:
    world = at_xero.box.seed_world(RECORDS)
    pulled = at_xero.pull_all()
    invoices = {str(getattr(item, "number", "")): item for item in pulled[Stream.INVOICES] if isinstance(item, Invoice)}
    assert {number: item.open.minor for number, item in invoices.items()} == {
        "INV-1": 2500,
        "INV-2": 2500,
        "INV-3": 9000,
        "INV-4": 0,
    }
    assert invoices["INV-4"].status is DocumentStatus.VOID
    assert invoices["INV-1"].ref == world.id_of(Stream.INVOICES, "i1")
    assert invoices["INV-1"].updated_at is not None
    assert invoices["INV-1"].updated_at.date() == date(2026, 4, 10)
    payments = [item for item in pulled[Stream.PAYMENTS] if isinstance(item, Payment)]
    assert {item.ref for item in payments} == set(world.every_id[Stream.PAYMENTS, "pay1"])
    assert sum(item.unapplied.minor for item in payments) == 2000
    assert {item.reference for item in payments} == {"CHK 7"}
    assert [item.amount.minor for item in pulled[Stream.REFUNDS] if isinstance(item, Refund)] == [500]
    (deposit,) = pulled[Stream.DEPOSITS]
    assert isinstance(deposit, Deposit)
    assert [(part.amount.minor, part.posting) for part in deposit.lines] == [(3000, Posting.INCOME)]
    assert len(pulled[Stream.CONTACTS]) == 2


def _every(rows: list[dict[str, Any]]) -> set[str]:
    return set.intersection(*(set(row) for row in rows))


def _any(rows: list[dict[str, Any]]) -> set[str]:
    return set.union(*(set(row) for row in rows))


def test_documents_have_the_fields_xero_writes(at_xero: Stage, shared: Path) -> None:
    """Recorded invoices and the specification's examples: what they always have is there, what they never have is not."""
    client, books, day = at_xero.client(), at_xero.books, date(2026, 5, 1)
    part_paid, paid = at_xero.invoice(client), at_xero.invoice(client)
    books.pay(part_paid, 20, day)
    books.pay(paid, 120, day)
    credit = books.add_credit("CreditNotes", client, 5, day)
    books.allocate(credit, part_paid, 2)
    folder = shared / "fixtures" / "xero"
    cassette = folder / "xero_python_cassettes" / "test_invoice_attachment_upload_and_download.0.body.json"
    recorded = [row for row in json.loads(cassette.read_text())["Invoices"] if row["Type"] == "ACCREC"]
    for status, doc in (("AUTHORISED", part_paid), ("PAID", paid)):
        rows = [row for row in recorded if row["Status"] == status]
        assert _every(rows) <= set(doc)
        assert set(doc) - _any(rows) <= {"UpdatedDateUTCString"}  # newer than the recording
        for name in ("Payments", "LineItems"):
            nested = [item for row in rows for item in row[name]]
            assert _every(nested) <= set(doc[name][0]) <= _any(nested)
        assert set(doc["Contact"]) == _every([row["Contact"] for row in rows])
    assert set(part_paid["CreditNotes"][0]) == _every([item for row in recorded for item in row["CreditNotes"]])
    others = {
        "CreditNotes": credit,
        "Overpayments": books.add_credit("Overpayments", client, 5, day),
        "Prepayments": books.add_credit("Prepayments", client, 5, day),
        "BankTransactions": books.add_bank_transaction(client, 5, day),
        "Payments": next(iter(books.tables["Payments"].values())),
    }
    for table, doc in others.items():
        rows = json.loads((folder / "openapi_responses" / f"get{table}.200.json").read_text())[table]
        assert _every(rows) <= set(doc), table
        assert set(doc) - _any(rows) <= {"CurrencyRate"}, table
