"""Writes to ConnectWise: once, whole, read back, and only where switched on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.connectwise.sandbox_writes import Writes
from core.actions import OpenTicket, PostNote, SetField, idempotency_key
from core.errors import Conflict, NotFound, OutcomeUnknown, Rejected
from core.records import Ref, Stream
from tests.unit.connectors.connectwise.kit import DAY


def ticket(company: int, **changes: Any) -> OpenTicket:
    step = {
        "connection": "cw",
        "account": "a",
        "stage": "call",
        "cycle": "1",
        "summary": "Call the client",
        "body": "Two invoices",
    }
    return OpenTicket(party_ref=Ref(str(company)), **{**step, **changes})


def note(stream: Stream, ref: int, text: str = "Reminder sent") -> PostNote:
    return PostNote(connection="cw", account="a", stream=stream, ref=Ref(str(ref)), text=text, cause="reminder 1")


def field(stream: Stream, ref: int, name: str, value: str | None, expected: str | None) -> SetField:
    about = {"connection": "cw", "account": "a", "cause": "hold 1"}
    return SetField(**about, stream=stream, ref=Ref(str(ref)), field=name, value=value, expected=expected)


def fields_of(stage, number):
    row = stage.tenant.table("company/companies")[number]
    return {item["caption"]: item.get("value") for item in row["customFields"]}


CUSTOM = [
    {"id": 1, "caption": "Dunning", "type": "Text", "entryMethod": "EntryField", "value": "none"},
    {"id": 2, "caption": "Contract", "type": "Text", "entryMethod": "EntryField", "value": "C-1"},
    {"id": 3, "caption": "On hold", "type": "Checkbox", "entryMethod": "EntryField", "value": True},
    {"id": 4, "caption": "Score", "type": "Number", "entryMethod": "EntryField", "value": 0},
]


# ── tickets ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("connectwise:18", "connectwise:23")
def test_a_ticket_whose_answer_was_lost_exists_once(at_cw):
    action = ticket(at_cw.company())
    at_cw.box.levers.lose_reply()
    with pytest.raises(OutcomeUnknown):
        at_cw.push(action)
    first = at_cw.push(action)
    assert first.found
    assert at_cw.push(action).ref == first.ref
    assert len(list(at_cw.tenant.rows("service/tickets"))) == 1
    assert at_cw.box.writes.mails == []


def test_a_ticket_is_found_where_its_marker_cannot_be_asked_for(at_cw):
    at_cw.box.unfilterable = frozenset({"externalXRef"})
    action = ticket(at_cw.company())
    receipt = at_cw.push(action)
    assert at_cw.psa.find_pushed(action, idempotency_key(action)).ref == receipt.ref


def test_a_server_that_ignores_the_marker_filter_does_not_hide_our_ticket(at_cw):
    action = ticket(at_cw.company())
    at_cw.tenant.add("service/tickets", {"summary": "somebody else's", "company": at_cw.tenant.company_ref(1)})
    receipt = at_cw.push(action)
    handle = at_cw.box.handle

    def deaf(request):
        url = request.url
        if "externalXRef" in url.params.get("conditions", ""):
            url = url.copy_remove_param("conditions")
        return handle(httpx.Request(request.method, url, headers=request.headers, content=request.content))

    at_cw.box.handle = deaf
    at_cw.psa = at_cw.connect()
    assert at_cw.push(action).ref == receipt.ref
    assert len(list(at_cw.tenant.rows("service/tickets"))) == 2


def test_a_ticket_goes_to_its_board_with_its_text_inside_and_fits(at_cw):
    action = ticket(at_cw.company(), summary="S" * 300, body="first line\nsecond line")
    number = int(at_cw.push(action).ref)
    row = at_cw.tenant.table("service/tickets")[number]
    assert (row["board"]["name"], len(row["summary"])) == ("Accounts", 100)
    (inside,) = at_cw.tenant.rows(f"service/tickets/{number}/notes")
    assert inside["internalAnalysisFlag"]
    assert inside["text"].startswith("first line second line [duesync:")


@pytest.mark.reliability("connectwise:24")
def test_a_refused_ticket_names_every_field(at_cw):
    body = {
        "code": "InvalidObject",
        "message": "ticket object is invalid",
        "errors": [
            {"code": "MissingRequiredField", "message": "The site is required.", "resource": "ticket", "field": "site"},
            {"code": "InvalidField", "message": "Custom field needed.", "resource": "ticket", "field": "customFields"},
        ],
    }
    at_cw.box.levers.answer_next(lambda: httpx.Response(400, json=body), only=lambda request: request.method == "POST")
    with pytest.raises(Rejected, match=r"ticket\.site: The site is required.*ticket\.customFields"):
        at_cw.push(ticket(at_cw.company()))


@pytest.mark.parametrize(
    ("push", "words"), [({"ticket_board": None}, "no board is named"), ({"ticket_board": "X"}, 'no board "X"')]
)
def test_a_ticket_without_a_board_says_what_to_set(staged, push, words):
    stage = staged(push=push)
    with pytest.raises(Rejected, match=words):
        stage.push(ticket(stage.company()))
    assert stage.sent() == []


# ── notes ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("connectwise:23")
def test_a_ticket_note_is_internal_and_says_so_in_every_write(at_cw):
    number = int(at_cw.push(ticket(at_cw.company())).ref)
    at_cw.push(note(Stream.TICKETS, number))
    bodies = [body for _, path, body in at_cw.sent() if "/service/tickets" in path]
    assert [body["processNotifications"] for body in bodies] == [False, False]
    assert (bodies[1]["internalAnalysisFlag"], bodies[1]["internalFlag"], bodies[1]["externalFlag"]) == (True, True, False)
    assert at_cw.box.writes.mails == []


def test_mails_go_out_only_where_the_operator_wants_them(staged):
    stage = staged(push={"notify": True})
    stage.push(ticket(stage.company()))
    assert len(stage.box.writes.mails) == 1


def test_a_note_about_an_invoice_stands_with_the_company_that_pays(at_cw):
    company, payer = at_cw.company("Site"), at_cw.company("Payer")
    invoice = at_cw.invoice(company, bill_to=payer)
    action = note(Stream.INVOICES, invoice)
    receipt = at_cw.push(action)
    (row,) = at_cw.tenant.rows(f"company/companies/{payer}/notes")
    assert receipt.ref == str(row["id"])
    assert row["text"].startswith(f"Invoice {invoice}: Reminder sent [duesync:")
    assert at_cw.push(action).ref == receipt.ref


def test_a_note_is_found_behind_thousands_of_others(staged):
    stage = staged(page_size=10)
    company = stage.company()
    receipt = stage.push(note(Stream.PARTIES, company))
    for number in range(35):
        stage.tenant.add(f"company/companies/{company}/notes", {"text": f"other {number}"})
    assert stage.push(note(Stream.PARTIES, company)).ref == receipt.ref


@pytest.mark.parametrize("ref", [4711, "x", "²", "-1", "1/notes"])
def test_a_note_on_what_is_not_there_is_rejected(at_cw, ref):
    with pytest.raises(NotFound):
        at_cw.push(note(Stream.PARTIES, ref))
    assert at_cw.psa.reread(Stream.PARTIES, Ref(str(ref))) is None


# ── fields ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_company_status_is_set_by_its_id_as_a_whole_reference(at_cw):
    company = at_cw.company()
    at_cw.push(field(Stream.PARTIES, company, "status", "Credit Hold", "Active"))
    assert at_cw.tenant.table("company/companies")[company]["status"]["name"] == "Credit Hold"
    ((method, _, body),) = at_cw.sent()
    assert method == "PATCH"
    assert body == [{"op": "replace", "path": "status", "value": {"id": 3}}]


@pytest.mark.reliability("connectwise:17")
@pytest.mark.parametrize(
    ("caption", "value", "expected", "kept"),
    [
        ("Dunning", "stage 2", "none", "stage 2"),
        ("on hold", "false", "true", False),
        ("Score", "7", "0", 7),
        ("Score", "0", "0", 0),
    ],
)
def test_one_custom_field_changes_and_its_neighbours_stay(at_cw, caption, value, expected, kept):
    company = at_cw.company(customFields=[dict(item) for item in CUSTOM])
    before = fields_of(at_cw, company)
    at_cw.push(field(Stream.PARTIES, company, f"custom:{caption}", value, expected))
    after = fields_of(at_cw, company)
    name = next(key for key in after if key.lower() == caption.lower())
    assert after[name] == kept
    assert {key: item for key, item in after.items() if key != name} == {key: item for key, item in before.items() if key != name}
    for _, _, body in at_cw.sent():
        assert [item["id"] for item in body[0]["value"]] == [1, 2, 3, 4]


@pytest.mark.reliability("connectwise:17")
def test_a_write_that_did_not_take_is_a_conflict_and_no_success(at_cw, monkeypatch):
    company = at_cw.company(customFields=[dict(item) for item in CUSTOM])
    monkeypatch.setattr(Writes, "patch", lambda self, name, entity, number, operations: self._tenant.table(name)[number])
    with pytest.raises(Conflict, match="did not take"):
        at_cw.push(field(Stream.PARTIES, company, "custom:Dunning", "stage 1", "none"))


@pytest.mark.reliability("connectwise:17")
def test_a_neighbour_that_a_write_lost_is_told(at_cw, monkeypatch):
    company = at_cw.company(customFields=[dict(item) for item in CUSTOM])
    patch = Writes.patch

    def forgetful(self, name, entity, number, operations):
        operations[0]["value"] = operations[0]["value"][:1]
        row = patch(self, name, entity, number, operations)
        row["customFields"] = [row["customFields"][0], *({**item, "value": None} for item in row["customFields"][1:])]
        return row

    monkeypatch.setattr(Writes, "patch", forgetful)
    with pytest.raises(Conflict, match=r"custom fields \[2, 3, 4\] beside it"):
        at_cw.push(field(Stream.PARTIES, company, "custom:Dunning", "stage 1", "none"))


def test_a_field_a_person_changed_meanwhile_is_left_alone(at_cw):
    company = at_cw.company(status="Inactive")
    with pytest.raises(Conflict, match="somebody changed it"):
        at_cw.push(field(Stream.PARTIES, company, "status", "Credit Hold", "Active"))
    assert at_cw.sent() == []


@pytest.mark.parametrize(("name", "value"), [("status", "No Such"), ("custom:Nothing", "x"), ("name", "New name")])
def test_a_field_or_value_that_does_not_exist_is_rejected(at_cw, name, value):
    company = at_cw.company(customFields=[dict(item) for item in CUSTOM])
    with pytest.raises(Rejected):
        at_cw.push(field(Stream.PARTIES, company, name, value, "Active"))
    assert at_cw.sent() == []


def test_nothing_is_ever_put(at_cw):
    company = at_cw.company(customFields=[dict(item) for item in CUSTOM])
    invoice = at_cw.invoice(company)
    at_cw.push(ticket(company))
    at_cw.push(note(Stream.PARTIES, company))
    at_cw.push(field(Stream.PARTIES, company, "status", "Credit Hold", "Active"))
    at_cw.push(field(Stream.PARTIES, company, "custom:Dunning", "x", "none"))
    at_cw.push(field(Stream.INVOICES, invoice, "payment", "2026-03-05 10.00", "100.00"))
    assert {method for method, _, _ in at_cw.sent()} == {"POST", "PATCH"}


SWITCHES = {
    "ticket": lambda company, invoice: ticket(company),
    "ticket_note": lambda company, invoice: note(Stream.TICKETS, 1),
    "company_note": lambda company, invoice: note(Stream.PARTIES, company),
    "company_status": lambda company, invoice: field(Stream.PARTIES, company, "status", "Credit Hold", "Active"),
    "custom_field": lambda company, invoice: field(Stream.PARTIES, company, "custom:Dunning", "x", "none"),
    "payment": lambda company, invoice: field(Stream.INVOICES, invoice, "payment", "2026-03-05 10.00", "100.00"),
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_is_switched_off_is_not_written(staged, switch):
    stage = staged(push={switch: False})
    company = stage.company(customFields=[dict(item) for item in CUSTOM])
    action = SWITCHES[switch](company, stage.invoice(company))
    with pytest.raises(Rejected, match=rf"switched off.*push\.{switch} = true"):
        stage.push(action)
    assert stage.sent() == []


# ── payments ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def paying(invoice, value="2026-03-05 40.00", expected="100.00"):
    return field(Stream.INVOICES, invoice, "payment", value, expected)


@pytest.mark.req("E24", "E30", "E31")
def test_a_missing_payment_is_added_once_and_nothing_is_removed(at_cw):
    invoice = at_cw.invoice(at_cw.company())
    at_cw.tenant.pay(invoice, "10.00", DAY)
    at_cw.box.levers.lose_reply()
    action = paying(invoice, expected="90.00")
    with pytest.raises(OutcomeUnknown):
        at_cw.push(action)
    assert at_cw.push(action).found
    lines = list(at_cw.tenant.rows(f"finance/invoices/{invoice}/payments"))
    assert [line["amount"] for line in lines] == [Decimal("10.00"), Decimal("40.00")]
    assert [method for method, _, _ in at_cw.sent()] == ["POST"]


@pytest.mark.req("E24")
@pytest.mark.parametrize(
    ("value", "expected", "kind"),
    [
        ("2026-03-05 40.00", "55.00", Conflict),
        ("2026-03-05 140.00", "100.00", Conflict),
        ("2026-03-05 -4.00", "100.00", Rejected),
        ("5 March 40.00", "100.00", Rejected),
        ("2026-02-30 40.00", "100.00", Rejected),
        ("2026-03-05 40.00", "much", Conflict),
        ("2026-03-05 40.00", None, Conflict),
    ],
)
def test_a_payment_that_does_not_fit_is_not_written(at_cw, value, expected, kind):
    invoice = at_cw.invoice(at_cw.company())
    with pytest.raises(kind):
        at_cw.push(paying(invoice, value, expected))
    assert at_cw.sent() == []


def test_a_credit_of_the_same_amount_and_day_is_not_the_payment(at_cw):
    company = at_cw.company()
    invoice, memo = at_cw.invoice(company), at_cw.invoice(company, -40, type="CreditMemo")
    at_cw.tenant.pay(invoice, 40, "2026-03-05", credit=memo)
    assert not at_cw.push(paying(invoice, expected="60.00")).found
    assert len(list(at_cw.tenant.rows(f"finance/invoices/{invoice}/payments"))) == 2


def test_no_payment_is_written_beside_the_tenants_own_sync(at_cw):
    at_cw.tenant.touch("finance/accountingPackageSetup", 1, syncPaymentInfoFlag=True)
    invoice = at_cw.invoice(at_cw.company())
    with pytest.raises(Rejected, match="own accounting sync"):
        at_cw.push(paying(invoice))
    assert at_cw.sent() == []
