"""The sandbox behaves as the documentation and the recordings say, so that what passes on it passes on QuickBooks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from connectors.quickbooks.sandbox import QuickBooksSandbox
from connectors.quickbooks.sandbox_query import parse
from connectors.quickbooks.sandbox_wire import Refusal, number
from connectors.testing.clocks import SleepingClock
from connectors.testing.faults import FixedWindow
from core.money import Money
from core.records import (
    Adjustment,
    Allocation,
    CreditNote,
    CreditUse,
    Deposit,
    DepositLine,
    DocumentStatus,
    Invoice,
    Party,
    Payment,
    Posting,
    Ref,
    Refund,
    Sale,
    Stream,
)

DAY = date(2026, 4, 1)


@pytest.fixture
def clock() -> SleepingClock:
    return SleepingClock(datetime(2026, 5, 5, 12, tzinfo=UTC))


@pytest.fixture
def box(clock) -> QuickBooksSandbox:
    return QuickBooksSandbox(clock)


class Caller:
    """A bare HTTP client with a token."""

    def __init__(self, box: QuickBooksSandbox) -> None:
        self.box = box
        self.keys = box.settings("http://box.test")
        self.http = httpx.Client(transport=httpx.MockTransport(box.handle), base_url="http://box.test")
        self.token = self.refresh(self.keys["refresh_token"]).json()["access_token"]

    def refresh(self, token: str, **headers: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        auth = (self.keys["client_id"], self.keys["client_secret"])
        return self.http.post("/oauth2/v1/tokens/bearer", data=form, auth=auth, headers=headers)

    def call(self, method: str, path: str, **kwargs: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.http.request(method, f"/v3/company/{self.box.realm}/{path}", headers=headers, **kwargs)  # type: ignore[arg-type]

    def query(self, statement: str) -> dict:
        answer = self.call("GET", "query", params={"query": statement})
        assert answer.status_code == 200, answer.text
        return answer.json()["QueryResponse"]

    def fault(self, method: str, path: str, **kwargs: object) -> tuple[int, str]:
        answer = self.call(method, path, **kwargs)
        return answer.status_code, answer.json()["Fault"]["Error"][0]["code"]


@pytest.fixture
def caller(box):
    made = Caller(box)
    yield made
    made.http.close()


# ── queries ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "statement",
    [
        "select * from invoice",
        "SELECT * FROM Invoice WHERE Balance > '0' AND TxnDate >= '2026-01-01' ORDERBY DueDate DESC, Id STARTPOSITION 1",
        "Select *, Sku From Item Order By Name Asc",
        "SELECT COUNT(*) FROM Customer WHERE Active IN (true, false)",
        r"SELECT * FROM Customer WHERE DisplayName = 'Adam\'s 🦄 Shop, (AND more)'",
        "SELECT * FROM Invoice WHERE MetaData.LastUpdatedTime >= '2026-05-05T03:11:46-07:00'",
    ],
)
def test_documented_statements_are_understood(statement):
    assert parse(statement).entity.lower() in ("invoice", "item", "customer")


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("", "4000"),
        ("DELETE FROM Invoice", "4000"),
        ("SELECT * FROM", "4000"),
        ("SELECT * FROM Invoice WHERE Balance > '0' OR Id = '1'", "4000"),
        ("SELECT * FROM Invoice WHERE Balance != '0'", "4000"),
        ("SELECT * FROM Invoice WHERE Id IN '1'", "4000"),
        ("SELECT * FROM Invoice MAXRESULTS many", "4000"),
        ("SELECT * FROM Invoice ; DROP", "4000"),
        ("SELECT * FROM Invoice STARTPOSITION 0", "4001"),
        ("SELECT * FROM Invoice MAXRESULTS 1001", "4001"),
        ("SELECT * FROM Invoice WHERE PrivateNote = 'x'", "4001"),
        ("SELECT * FROM Invoice WHERE Line.Amount > '1'", "4001"),
    ],
)
def test_other_statements_are_refused_with_their_code(statement, code):
    with pytest.raises(Refusal) as caught:
        parse(statement)
    assert caught.value.code == code


def test_pages_are_cut_one_based_and_an_empty_answer_has_no_key(caller, box):
    for index in range(7):
        box.books.create("Customer", {"DisplayName": f"C{index}"})
    assert [
        item["Id"] for item in caller.query("SELECT * FROM Customer ORDERBY Id STARTPOSITION 6 MAXRESULTS 5")["Customer"]
    ] == ["6", "7"]
    assert caller.query("SELECT * FROM Customer STARTPOSITION 8") == {}
    assert caller.query("SELECT COUNT(*) FROM Customer") == {"totalCount": 7}
    assert len(caller.query("SELECT * FROM Customer WHERE DisplayName LIKE '%3'")["Customer"]) == 1


def test_a_query_may_be_posted_as_text(caller):
    headers = {"content-type": "application/text", "authorization": f"Bearer {caller.token}"}
    path = f"/v3/company/{caller.box.realm}/query"
    answer = caller.http.post(path, content=b"select count(*) from Invoice", headers=headers)
    assert answer.json()["QueryResponse"] == {"totalCount": 0}


# ── sign-in and limits ──────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("quickbooks:1")
def test_a_refresh_token_rotates_after_a_day_and_the_old_one_is_dead(caller, clock):
    first = caller.keys["refresh_token"]
    clock.advance(timedelta(hours=23))
    assert caller.refresh(first).json()["refresh_token"] == first
    clock.advance(timedelta(hours=2))
    second = caller.refresh(first).json()["refresh_token"]
    assert second != first
    refused = caller.refresh(first)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_lifetimes_are_told_and_kept(caller, clock):
    body = caller.refresh(caller.keys["refresh_token"], **{"x-include-refresh-token-hard-expires-in": "true"}).json()
    assert (body["expires_in"], body["x_refresh_token_expires_in"]) == (3600, 8_640_000)
    assert body["x_refresh_token_hard_expires_in"] == 157_680_000
    clock.advance(timedelta(seconds=3601))
    assert caller.call("GET", "preferences").status_code == 401
    clock.advance(timedelta(days=101))
    assert caller.refresh(caller.keys["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_stranger_gets_no_token(caller):
    answer = caller.http.post("/oauth2/v1/tokens/bearer", data={"grant_type": "refresh_token"}, auth=("who", "knows"))
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_a_consent_gives_a_code_that_works_once(caller, box):
    query = {"client_id": caller.keys["client_id"], "redirect_uri": "http://localhost/cb", "state": "s", "response_type": "code"}
    back = httpx.URL(caller.http.get("/connect/oauth2", params=query).headers["location"])
    assert (back.params["state"], back.params["realmId"]) == ("s", box.realm)
    form = {"grant_type": "authorization_code", "code": back.params["code"], "redirect_uri": "http://localhost/cb"}
    auth = (caller.keys["client_id"], caller.keys["client_secret"])
    tokens = caller.http.post("/oauth2/v1/tokens/bearer", data=form, auth=auth).json()
    assert tokens["token_type"] == "bearer"
    assert caller.http.post("/oauth2/v1/tokens/bearer", data=form, auth=auth).json()["error"] == "invalid_grant"
    assert caller.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"  # the second exchange killed the first


def test_refusals_at_the_gate_have_their_recorded_shapes(caller, box):
    caller.token, good = "AB0-expired", caller.token
    answer = caller.call("GET", "preferences")
    assert answer.status_code == 401
    assert answer.json()["fault"]["error"][0]["detail"] == "Token expired: AB0-expired"
    caller.token = good
    other = caller.http.get("/v3/company/1/preferences", headers={"Authorization": f"Bearer {good}"})
    assert (other.status_code, other.json()["fault"]["error"][0]["code"]) == (403, "3100")
    box.per_minute = FixedWindow(box.clock, limit=1, span=60)
    caller.call("GET", "preferences")
    throttled = caller.call("GET", "preferences")
    assert (throttled.status_code, throttled.headers["content-type"]) == (429, "application/xml;charset=UTF-8")
    assert b"ThrottleExceeded" in throttled.content


@pytest.mark.parametrize(
    ("method", "path", "kwargs", "expected"),
    [
        ("GET", "invoice/999", {}, (400, "610")),
        ("POST", "invoice", {"json": {}}, (400, "2020")),
        ("POST", "invoice", {"content": b"{"}, (400, "500")),
        ("POST", "customer", {"json": {"DisplayName": "x" * 501}}, (400, "2050")),
        ("POST", "customer", {"json": {"DisplayName": "A"}, "params": {"requestid": "x" * 51}}, (400, "2130")),
        ("POST", "payment", {"json": {"CustomerRef": {"value": "77"}, "TotalAmt": 1}}, (400, "2500")),
        ("POST", "purchase", {"json": {"Id": "1", "SyncToken": "0"}, "params": {"operation": "void"}}, (400, "500")),
        ("GET", "cdc", {"params": {"entities": "Invoice", "changedSince": "2026-01-01T00:00:00Z"}}, (400, "500")),
        ("GET", "cdc", {"params": {"entities": "TimeActivity", "changedSince": "2026-05-05T00:00:00Z"}}, (400, "500")),
        ("GET", "reports/ProfitAndLoss", {}, (400, "500")),
        ("POST", "attachable", {"json": {}}, (400, "6000")),
    ],
)
def test_a_wrong_request_gets_its_code(caller, method, path, kwargs, expected):
    assert caller.fault(method, path, **kwargs) == expected


def test_addresses_are_case_sensitive_and_unknown_ones_are_404(caller):
    assert [caller.call("GET", path).status_code for path in ("Invoice/1", "nonsense/1", "invoice/1/pdf/x")] == [404, 404, 405]


# ── books ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
def usd(minor: int) -> Money:
    return Money(minor, "USD")


def some_world() -> list:
    common = {"connection": "seed"}
    client, child = Ref("c"), Ref("k")
    bill = Invoice(
        **common, ref=Ref("i"), party_ref=client, number="I-1", total=usd(10_000), open=usd(10_000), issued_on=DAY, due_on=DAY,
        status=DocumentStatus.OPEN, reference="PO-1", bill_email="a@b.example", sent=True,
    )  # fmt: skip
    void = Invoice(
        **common, ref=Ref("v"), party_ref=client, total=usd(500), open=usd(0), issued_on=DAY, status=DocumentStatus.VOID
    )
    note = CreditNote(
        **common, ref=Ref("n"), party_ref=client, total=usd(3_000), remaining=usd(0), issued_on=DAY, status=DocumentStatus.OPEN
    )
    paid = Payment(
        **common, ref=Ref("p"), party_ref=client, amount=usd(2_000), unapplied=usd(500), paid_on=DAY,
        allocations=(Allocation(invoice_ref=Ref("i"), amount=usd(1_500)),),
    )  # fmt: skip
    linked = Payment(
        **common, ref=Ref("l"), party_ref=client, amount=usd(0), unapplied=usd(0), paid_on=DAY,
        allocations=(Allocation(invoice_ref=Ref("i"), amount=usd(3_000)),),
        credits_used=(CreditUse(stream=Stream.CREDIT_NOTES, ref=Ref("n"), amount=usd(3_000)),),
    )  # fmt: skip
    banked = DepositLine(amount=usd(2_000), posting=Posting.UNDEPOSITED, payment_ref=Ref("p"))
    direct = DepositLine(amount=usd(700), posting=Posting.INCOME, party_ref=client)
    lines = (banked, direct)
    return [
        Party(**common, ref=client, name="Client", email="a@b.example", currency="USD"),
        Party(**common, ref=child, name="Job", parent_ref=client, active=False),
        bill,
        void,
        note,
        paid,
        linked,
        Deposit(**common, ref=Ref("d"), amount=usd(2_700), deposited_on=DAY, lines=lines),
        Adjustment(**common, ref=Ref("a"), party_ref=client, amount=usd(-400), remaining=usd(-400), adjusted_on=DAY),
        Sale(**common, ref=Ref("s"), party_ref=client, amount=usd(900), sold_on=DAY),
        Refund(**common, ref=Ref("r"), party_ref=client, amount=usd(100), refunded_on=DAY),
    ]


def test_a_world_in_duesync_s_words_becomes_books_that_tie_out(box):
    made = box.seed_world(some_world())
    get = {key: box.books.get(entity, made[key][0]) for key, entity in [
        ((Stream.INVOICES, "i"), "Invoice"), ((Stream.INVOICES, "v"), "Invoice"), ((Stream.CREDIT_NOTES, "n"), "CreditMemo"),
        ((Stream.PAYMENTS, "p"), "Payment"), ((Stream.PAYMENTS, "l"), "Payment"), ((Stream.PARTIES, "c"), "Customer"),
        ((Stream.PARTIES, "k"), "Customer"),
    ]}  # fmt: skip
    assert get[Stream.INVOICES, "i"]["Balance"] == 55
    assert (get[Stream.INVOICES, "v"]["TotalAmt"], get[Stream.INVOICES, "v"]["PrivateNote"]) == (0, "Voided")
    assert get[Stream.CREDIT_NOTES, "n"]["RemainingCredit"] == 0
    assert (get[Stream.PAYMENTS, "p"]["UnappliedAmt"], get[Stream.PAYMENTS, "l"]["TotalAmt"]) == (5, 0)
    assert get[Stream.PAYMENTS, "p"]["LinkedTxn"][0]["TxnType"] == "Deposit"
    assert get[Stream.PARTIES, "c"]["Balance"] == 55 - 5 - 4
    assert (get[Stream.PARTIES, "k"]["DisplayName"], get[Stream.PARTIES, "k"]["Level"]) == ("Job (deleted)", 1)
    assert box.books.get("Account", "84")["CurrentBalance"] == 46
    assert box.books.get("Account", "4")["CurrentBalance"] == 0


def test_applying_and_taking_back_a_payment_leaves_no_trace_but_tokens(box):
    box.seed_world(some_world()[:3])
    before = dict(box.books.get("Invoice", "1")), dict(box.books.get("Customer", "1"))
    line = {"Amount": Decimal("60.5"), "LinkedTxn": [{"TxnId": "1", "TxnType": "Invoice"}]}
    body = {"CustomerRef": {"value": "1"}, "TotalAmt": Decimal("80.5"), "Line": [line]}
    payment = box.books.create("Payment", body)
    invoice, customer = box.books.get("Invoice", "1"), box.books.get("Customer", "1")
    assert (invoice["Balance"], invoice["SyncToken"], customer["SyncToken"]) == (Decimal("39.5"), "1", "0")
    assert (payment["UnappliedAmt"], customer["Balance"]) == (20, Decimal("19.5"))
    box.books.delete("Payment", {"Id": payment["Id"], "SyncToken": "0"})
    for now, then in zip((box.books.get("Invoice", "1"), box.books.get("Customer", "1")), before, strict=True):
        assert {key for key in now if now[key] != then[key]} <= {"SyncToken", "MetaData"}


def test_more_than_is_open_or_paid_cannot_be_applied(box):
    box.seed_world(some_world()[:3])
    for total, part in ((200, 150), (50, 60)):
        line = {"Amount": part, "LinkedTxn": [{"TxnId": "1", "TxnType": "Invoice"}]}
        with pytest.raises(Refusal) as caught:
            box.books.create("Payment", {"CustomerRef": {"value": "1"}, "TotalAmt": total, "Line": [line]})
        assert caught.value.code == "6000"
    assert box.books.get("Invoice", "1")["Balance"] == 100


@pytest.mark.reliability("quickbooks:22")
def test_a_company_may_refuse_to_void_a_paid_invoice(box):
    made = box.seed_world(some_world()[:3])
    ref = made[Stream.INVOICES, "i"][0]
    line = {"Amount": 10, "LinkedTxn": [{"TxnId": ref, "TxnType": "Invoice"}]}
    box.books.create("Payment", {"CustomerRef": {"value": "1"}, "TotalAmt": 10, "Line": [line]})
    box.books.refuse_void_of_paid = True
    with pytest.raises(Refusal, match="business validation"):
        box.books.void("Invoice", {"Id": ref, "SyncToken": "1"})
    assert box.books.get("Invoice", ref)["Balance"] == 90


@pytest.mark.reliability("quickbooks:28")
def test_a_sparse_update_with_fewer_lines_drops_the_others(box):
    box.seed_world(some_world()[:1])
    detail = {"DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    lines = [{"Amount": amount, **detail} for amount in (60, 40)]
    invoice = box.books.create("Invoice", {"CustomerRef": {"value": "1"}, "Line": lines})
    box.books.touch("Invoice", invoice["Id"], Line=lines[:1])
    assert box.books.get("Invoice", invoice["Id"])["TotalAmt"] == 60
    box.books.touch("Invoice", invoice["Id"], PrivateNote="header only")
    assert box.books.get("Invoice", invoice["Id"])["TotalAmt"] == 60


@pytest.mark.parametrize(("value", "written"), [("100.00", "100"), ("629.10", "629.1"), ("0.30", "0.3"), ("-5", "-5")])
def test_numbers_are_written_as_quickbooks_writes_them(value, written):
    assert str(number(Decimal(value))) == written
