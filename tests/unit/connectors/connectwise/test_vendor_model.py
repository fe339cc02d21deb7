"""The sandbox answers, and the connector asks, as the vendor's own API model v2025.8 says."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from connectors.connectwise.connector import STREAMS
from connectors.testing import plain
from core.records import Ref, Stream
from tests.unit.connectors.connectwise.kit import DAY, URL, Stage
from tests.unit.connectors.connectwise.spec import Judge, load
from tests.unit.connectors.connectwise.test_push import CUSTOM, field, note, ticket


@pytest.fixture(scope="session")
def judge(shared):
    return Judge(load(shared))


@pytest.fixture
def judged(staged, judge):
    """A stage whose every exchange is judged."""
    stage = staged(webhook={"url": "https://d.example/?recordId=", "keep_registered": True})
    handle = stage.box.handle

    def watched(request: httpx.Request) -> httpx.Response:
        response = handle(request)
        if "/apis/3.0" in request.url.path:
            judge.check(request, response)
        return response

    stage.box.handle = watched
    stage.psa = stage.connect()
    return stage


def fill(stage: Stage) -> dict[str, int]:
    """A tenant with one of everything."""
    clients = [plain.party(0), plain.party(1)]
    rest = [record for stream in sorted(plain.SEEDABLE & set(STREAMS)) for record in plain.plain(stream, 1)]
    made = stage.box.seed_world([*clients, *[record for record in rest if record not in clients]])
    company = int(made[Stream.PARTIES, "client-1"][0])
    stage.tenant.touch("company/companies", company, customFields=[dict(item) for item in CUSTOM])
    memo = stage.invoice(company, -50, type="CreditMemo")
    invoice = stage.invoice(company, "80.00", tax="10.00", status="Sent", agreement=None)
    stage.tenant.pay(invoice, 20, DAY, credit=memo)
    stage.tenant.add_time(company, "1.5", stage.ago(10), invoice=invoice)
    stage.tenant.add("system/workflows", {"name": "Rule", "tableType": {"id": 1, "name": "Invoice"}, "activateFlag": True})
    stage.tenant.add("system/workflows/events", {"eventCondition": "past due", "parentId": 1})
    return {"company": company, "invoice": invoice}


def test_pulls_checks_and_rereads_fit_the_model(judged, judge):
    fill(judged)
    for step in (timedelta(), timedelta(hours=1), timedelta(days=8)):
        judged.clock.advance(step)
        for stream in STREAMS:
            for record in judged.pull(stream):
                assert judged.psa.reread(stream, record.ref) is not None
    judged.psa.probe()
    judged.box.cloud = False
    judged.psa.probe()
    assert {"GET /finance/invoices/{parentId}/payments", "POST /system/callbacks", "GET /system/info"} <= judge.seen


def test_pushes_fit_the_model(judged, judge):
    made = fill(judged)
    opened = judged.push(ticket(made["company"]))
    judged.push(note(Stream.TICKETS, int(opened.ref)))
    judged.push(note(Stream.PARTIES, made["company"]))
    judged.push(field(Stream.PARTIES, made["company"], "status", "Credit Hold", "Active"))
    judged.push(field(Stream.PARTIES, made["company"], "custom:Score", "7", "0"))
    judged.push(field(Stream.INVOICES, made["invoice"], "payment", "2026-03-05 10.00", "60.00"))
    assert {"POST /service/tickets", "PATCH /company/companies/{id}", "POST /finance/invoices/{parentId}/payments"} <= judge.seen


REFUSALS = [
    ("GET", "/finance/invoices?conditions=nothing%3D1", None, 400),
    ("GET", "/finance/invoices?conditions=status%3D", None, 400),
    ("GET", "/finance/invoices?pageSize=5000", None, 400),
    ("GET", "/finance/invoices/4711", None, 404),
    ("GET", "/company/contacts/4711", None, 404),
    ("POST", "/service/tickets", {"summary": "no company"}, 400),
    ("POST", "/service/tickets", {"summary": "x", "company": {"id": 4711}}, 400),
    ("POST", "/system/callbacks", {"url": "http://x", "objectId": 1, "type": "invoice", "level": "moon"}, 400),
    ("PATCH", "/company/companies/1", [{"op": "burn", "path": "name", "value": {}}], 400),
    ("DELETE", "/service/tickets/4711", None, 404),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), REFUSALS)
def test_refusals_fit_the_model(judged, method, path, body, status):
    judged.tenant.add("company/companies", {**judged.tenant.add_company("One"), "id": 1})
    assert direct(judged, method, path, body).status_code == status


def direct(stage: Stage, method: str, path: str, body: object = None) -> httpx.Response:
    """A call by somebody else's client."""
    keys = f"{stage.box.company}+{stage.box.public_key}", stage.box.private_key
    with httpx.Client(transport=httpx.MockTransport(stage.box.handle), base_url=f"{URL}/v4_6_release/apis/3.0") as client:
        return client.request(method, path, json=body, auth=keys, headers={"clientId": stage.box.client_id})


# ── the sandbox beside what was recorded ────────────────────────────────────────────────────────────────────────────────
def test_errors_read_as_the_recorded_ones(at_cw, shared):
    folder = shared / "fixtures/connectwise/errors"
    at_cw.tenant.add("system/callbacks", {"url": "https://x", "objectId": 1, "type": "contact", "level": "owner"})
    again = {"url": "https://x", "objectId": 1, "type": "contact", "level": "owner"}
    bad = {"url": "http://x", "objectId": 1, "type": "contact", "level": "moon"}
    same = {
        "400-apifindcondition.json": ("GET", "/service/tickets?conditions=resources/identifier%3D1", None),
        "404-endpoint-does-not-exist.json": ("GET", "/finance/nowhere", None),
        "404-record-not-found.json": ("GET", "/company/contacts/57919", None),
        "400-callback-objectexists.json": ("POST", "/system/callbacks", again),
        "400-callback-invalid.json": ("POST", "/system/callbacks", bad),
    }
    for name, (method, path, body) in same.items():
        recorded = httpx.Response(200, content=(folder / name).read_bytes()).json()
        assert direct(at_cw, method, path, body).json() == recorded, name


def test_a_throttled_caller_is_told_as_in_the_guide(at_cw):
    at_cw.box.limit.limit = 0
    response = direct(at_cw, "GET", "/finance/invoices")
    assert (response.status_code, set(response.json())) == (429, {"error", "message"})
    assert int(response.headers["Retry-After"]) <= 60


QUERIES = [
    ('invoiceNumber="A-2"', {2}),
    ("invoiceNumber='a-2'", {2}),
    ("total > 101", {3, 4}),
    ("total >= 101 and total < 103", {2, 3}),
    ("id in (1,2,3,4) and not in", None),
    ('invoiceNumber in ("A-1","A-4")', {1, 4}),
    ('invoiceNumber not in ("A-1","A-4")', {2, 3}),
    ('invoiceNumber like "A-*"', {1, 2, 3, 4}),
    ('invoiceNumber not like "%-3"', {1, 2, 4}),
    ('invoiceNumber contains "3"', {3}),
    ('(total = 100 or total = 103) and status/name = "Closed"', {1, 4}),
    ("status/isClosed = True", {1, 2, 3, 4}),
    ("reference = null", {1, 2, 3, 4}),
    ("reference != null", set()),
    ("lastUpdated > [2026-04-05T12:00:30Z]", {2, 3, 4}),
    ("date = [2026-03-02T00:00:00Z]", {1, 2, 3, 4}),
    ("total = ", None),
    ("total ~ 5", None),
    ("(total = 5", None),
    ("total > [soon]", None),
]


@pytest.mark.parametrize(("text", "wanted"), QUERIES)
def test_conditions_mean_what_the_guide_says(at_cw, text, wanted):
    company = at_cw.company()
    first = at_cw.ago(30)
    ids = [at_cw.invoice(company, 100 + n, number=f"A-{n + 1}", at=first + timedelta(minutes=n)) for n in range(4)]
    response = direct(at_cw, "GET", "/finance/invoices?" + str(httpx.QueryParams(conditions=text)))
    if wanted is None:
        assert response.status_code == 400
        assert response.json()["code"] == "ApiFindCondition"
    else:
        assert {ids.index(row["id"]) + 1 for row in response.json()} == wanted


def test_paging_links_and_fields_are_as_in_the_guide(at_cw):
    at_cw.invoices(60)
    first = direct(at_cw, "GET", "/finance/invoices?page=1&orderBy=id%20desc&fields=id,company/name,nothing")
    assert len(first.json()) == 25
    assert first.json()[0].keys() == {"id", "company"}
    assert first.json()[0]["company"].keys() == {"name"}
    assert {rel for rel in ("first", "prev", "next", "last") if f'rel="{rel}"' in first.headers["link"]} == {
        "first",
        "next",
        "last",
    }
    assert direct(at_cw, "GET", "/finance/invoices?page=9").json() == []
    assert direct(at_cw, "GET", "/finance/invoices/count").json() == {"count": 60}


def test_a_path_into_a_reference_gets_a_false_yes(at_cw):
    company = at_cw.company()
    operation = [{"op": "replace", "path": "status/name", "value": "Credit Hold"}]
    response = direct(at_cw, "PATCH", f"/company/companies/{company}", operation)
    assert (response.status_code, response.json()["status"]["name"]) == (200, "Active")


def test_put_is_not_offered_and_documents_are_not_json(at_cw):
    company = at_cw.company()
    assert direct(at_cw, "PUT", f"/company/companies/{company}", {}).status_code == 405
    assert at_cw.psa.reread(Stream.PARTIES, Ref(str(company))) is not None
