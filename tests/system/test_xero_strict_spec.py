"""Our Xero connector and sandbox against the vendor's own OpenAPI documents: no request and no answer may violate them.

The validator is openapi-core on the strict form of the specification (every object closed), in process between connector and
sandbox, where a validating proxy would stand.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from core.actions import idempotency_key
from core.records import Ref, Stream
from tests.unit.connectors.xero.kit import RequestCheck, ResponseCheck, Stage, expect, mail, note

CONTACT = {"FirstName": "Ann", "LastName": "Lee", "ContactPersons": [{"FirstName": "Bo", "EmailAddress": "bo@acme.example"}]}


@pytest.fixture
def checks(shared: Path) -> tuple[RequestCheck, ResponseCheck]:
    specs = shared / "specs"
    return RequestCheck(specs / "xero_accounting.prism.strict.json"), ResponseCheck(specs / "xero_accounting.yaml")


@pytest.fixture
def stage(checks: tuple[RequestCheck, ResponseCheck]):
    made = Stage(page_size=7)
    requests, responses = checks
    made.handle = requests.around(responses.around(made.box.handle))
    yield made
    made.close()


def _world(stage: Stage) -> dict[str, str]:
    client = stage.client(**CONTACT)
    invoices = [stage.invoice(client, 100 + index) for index in range(16)]
    stage.books.pay(invoices[0], "60.00", date(2026, 4, 20), reference="INV-0001")
    over = stage.books.add_credit("Overpayments", client, "50.00", date(2026, 4, 21))
    stage.books.allocate(over, invoices[1], "20.00")
    stage.books.refund("Overpayments", over, "5.00", date(2026, 4, 22))
    pre = stage.books.add_credit("Prepayments", client, "40.00", date(2026, 4, 21))
    stage.books.allocate(pre, invoices[2], "10.00")
    credit = stage.books.add_credit("CreditNotes", client, "30.00", date(2026, 4, 22))
    stage.books.allocate(credit, invoices[3], "30.00")
    stage.books.void(invoices[4])
    stage.books.delete_payment(stage.books.pay(invoices[5], "1.00", date(2026, 4, 23)))
    stage.books.add_bank_transaction(client, "77.00", date(2026, 4, 28))
    return {"invoice": invoices[6]["InvoiceID"], "over": over["OverpaymentID"], "client": client["ContactID"]}


def test_reads_violate_nothing(stage: Stage, checks: tuple[RequestCheck, ResponseCheck]) -> None:
    refs = _world(stage)
    stage.pull_all()
    stage.settle()
    stage.pull_all()
    assert stage.connector.reread(Stream.INVOICES, Ref(refs["invoice"])) is not None
    assert stage.connector.reread(Stream.PAYMENTS, Ref(refs["over"])) is not None
    assert stage.connector.reread(Stream.PARTIES, Ref(refs["client"])) is not None
    assert stage.connector.pay_link(Ref(refs["invoice"])) is not None
    assert stage.connector.document(Stream.INVOICES, Ref(refs["invoice"])) is not None
    assert stage.connector.probe().ok
    requests, responses = checks
    assert len(requests.checked) > 20
    assert requests.violations == []
    assert len(set(responses.checked)) > 8
    assert responses.problems == []


def test_writes_violate_nothing(stage: Stage, checks: tuple[RequestCheck, ResponseCheck]) -> None:
    refs = _world(stage)
    actions = [
        note(refs["invoice"]),
        note(refs["client"], stream=Stream.PARTIES),
        note(refs["over"], stream=Stream.PAYMENTS),
        mail(refs["invoice"]),
        expect(refs["invoice"], "2026-06-01"),
        expect(refs["invoice"], "true", field="sent", before="true"),
    ]
    for action in actions:
        stage.connector.push(action, idempotency_key(action))
    requests, responses = checks
    assert len([call for call in requests.checked if not call.startswith("GET")]) >= 5
    assert requests.violations == []
    assert responses.problems == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "Invoices?page=abc", None),
        ("GET", "Invoices?page=1&page_size=100", None),
        ("GET", "Invoices/not-a-guid", None),
        ("PUT", "Payments", {"Payments": [{"Amount": "ten"}]}),
        ("POST", "Invoices", {"Invoices": [{"InvoiceId": "00000000-0000-0000-0000-000000000000"}]}),
    ],
)
def test_the_validator_catches_what_a_proxy_would(
    stage: Stage, checks: tuple[RequestCheck, ResponseCheck], method: str, path: str, body: object
) -> None:
    headers = {"Authorization": "Bearer x", "xero-tenant-id": "t", "Accept": "application/json"}
    requests, _ = checks
    requests.check(httpx.Request(method, f"https://xero.test/api.xro/2.0/{path}", headers=headers, json=body))
    assert requests.violations


def test_every_answer_to_an_independent_shape_of_request_validates(
    stage: Stage, checks: tuple[RequestCheck, ResponseCheck]
) -> None:
    """Requests our connector never makes, answered by the sandbox for other clients."""
    refs = _world(stage)
    token = stage.connector.api._tokens.access_token()
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    _, responses = checks
    client = httpx.Client(transport=httpx.MockTransport(stage.handle), base_url="https://xero.test/api.xro/2.0/", headers=headers)
    line = {"Description": "Support", "Quantity": 2, "UnitAmount": 45.5, "AccountCode": "200"}
    invoice = {"Type": "ACCREC", "Contact": {"ContactID": refs["client"]}, "LineItems": [line], "Status": "AUTHORISED"}
    with client:
        assert client.get("Invoices", params={"summaryOnly": "true", "page": 1}).status_code == 200
        assert client.get("Invoices", params={"where": 'Status=="AUTHORISED" AND AmountDue>=100'}).status_code == 200
        assert client.get("Contacts", params={"page": 1, "order": "Name DESC"}).status_code == 200
        assert client.get(f"Invoices/{refs['invoice']}/History").status_code == 200
        made = client.put(
            "Invoices",
            json={"Invoices": [invoice, {"Type": "ACCREC", "Contact": {"ContactID": refs["client"]}}]},
            params={"summarizeErrors": "false"},
        )
        assert [row["StatusAttributeString"] for row in made.json()["Invoices"]] == ["OK", "ERROR"]
        made_id = made.json()["Invoices"][0]["InvoiceID"]
        paid = client.put("Payments", json={"Payments": [_payment(made_id, 91)]})
        assert paid.status_code == 200, paid.text
        assert client.put("Payments", json={"Payments": [_payment(made_id, 1)]}).status_code == 400
        assert client.put("Contacts", json={"Contacts": [{"Name": "Acme Dental"}]}).status_code == 400
        assert client.get("RepeatingInvoices").status_code == 200
        stage.clock.advance(timedelta(minutes=1))
        assert client.post(f"Payments/{paid.json()['Payments'][0]['PaymentID']}", json={"Status": "DELETED"}).status_code == 200
    assert responses.problems == []


def _payment(invoice_id: str, amount: float) -> dict[str, object]:
    return {"Invoice": {"InvoiceID": invoice_id}, "Account": {"Code": "090"}, "Date": "2026-05-05", "Amount": amount}
