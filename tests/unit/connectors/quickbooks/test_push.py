"""Writes happen once per key, can be read back, and never touch what a person did meanwhile."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from connectors.quickbooks.push import NOTE_LENGTH, marker
from connectors.testing.faults import Remembered, writes_only
from core.actions import OpenTicket, PostNote, SetField, idempotency_key
from core.errors import Conflict, NotFound, OutcomeUnknown, RateLimited, Rejected, Transient
from core.records import Ref, Stream
from tests.unit.connectors.quickbooks.rig import Rig, send


@pytest.fixture
def bill(rig: Rig) -> str:
    customer = rig.customer("Client", PrimaryEmailAddr={"Address": "ap@client.example"})
    return rig.invoice(customer, 100, BillEmail={"Address": "ap@client.example"}, PrivateNote="as agreed")


def note(ref: str, text: str = "Reminded on 5 May.", stream: Stream = Stream.INVOICES) -> PostNote:
    return PostNote(connection="qbo", account="a1", stream=stream, ref=Ref(ref), text=text, cause="reminder 1")


def field(ref: str, value: str | None = "on hold", expected: str | None = "as agreed", name: str = "PrivateNote") -> SetField:
    return SetField(
        connection="qbo",
        account="a1",
        stream=Stream.INVOICES,
        ref=Ref(ref),
        field=name,
        value=value,
        expected=expected,
        cause="hold 1",
    )


def writes(rig: Rig) -> list[str]:
    return [item.path.rsplit("/company/", 1)[-1] for item in rig.box.levers.writes() if "/company/" in item.path]


ACTIONS = [send, note, field]


@pytest.mark.parametrize("make", ACTIONS)
def test_same_key_twice_acts_once(rig, bill, make):
    action = make(bill)
    assert rig.find(action) is None
    first, second = rig.push(action), rig.push(action)
    assert (first.ref, first.at) == (second.ref, second.at)
    assert rig.find(action).ref == first.ref
    assert len(rig.box.mails) == (make is send)
    assert len(rig.books.objects["Attachable"]) == (0 if make is field else 1)


@pytest.mark.reliability("quickbooks:20")
@pytest.mark.reliability("quickbooks:20")
@pytest.mark.parametrize("act", [True, False], ids=["done", "not-done"])
@pytest.mark.parametrize("make", ACTIONS)
def test_a_lost_answer_is_unknown_and_reading_back_tells(rig, bill, make, act):
    action = make(bill)

    def is_the_act(request):
        return writes_only(request) and request.url.path.endswith("/send" if make is send else ("/attachable", "/invoice"))

    rig.find(action)  # signs in
    rig.box.levers.time_out(only=is_the_act, act=act)
    with pytest.raises(OutcomeUnknown):
        rig.push(action)
    found = rig.connect().find_pushed(action, idempotency_key(action))
    assert (found is not None) is act
    rig.push(action)
    assert len(rig.box.mails) == (make is send)
    assert len(rig.books.objects["Attachable"]) == (0 if make is field else 1)
    assert rig.find(action) is not None


@pytest.mark.reliability("quickbooks:19")
@pytest.mark.parametrize("make", ACTIONS)
def test_every_write_carries_the_request_id_in_its_address(rig, bill, make):
    action = make(bill)
    rig.push(action)
    sent = [parse_qs(item.query) for item in rig.box.levers.writes() if "/company/" in item.path]
    assert sent
    assert all(item["requestid"][0].startswith(idempotency_key(action)) for item in sent)
    assert all(len(item["requestid"][0]) <= 50 for item in sent)
    assert all(item["minorversion"] == ["75"] for item in sent)


@pytest.mark.reliability("quickbooks:19")
def test_a_note_deleted_by_a_person_is_written_anew_and_not_replayed_from_the_dead_one(rig, bill):
    first = rig.push(note(bill))
    rig.delete("Attachable", first.ref)
    rig.clock.advance(timedelta(hours=1))
    second = rig.push(note(bill))
    assert second.ref != first.ref
    assert second.ref in rig.books.objects["Attachable"]


@pytest.mark.parametrize("stream", [Stream.INVOICES, Stream.PARTIES])
def test_a_note_is_short_enough_and_keeps_its_marker(rig, bill, stream):
    ref = bill if stream is Stream.INVOICES else rig.books.get("Invoice", bill)["CustomerRef"]["value"]
    action = note(ref, "long " * 1000, stream)
    made = rig.books.get("Attachable", rig.push(action).ref)
    assert len(made["Note"]) <= NOTE_LENGTH
    assert made["Note"].endswith(marker(idempotency_key(action)))
    assert made["AttachableRef"][0]["IncludeOnSend"] is False


def test_notes_beyond_a_page_are_searched_too(rig, bill):
    rig.push(note(bill))
    link = [{"EntityRef": {"type": "Invoice", "value": bill}}]
    for index in range(1100):
        rig.books.create("Attachable", {"Note": f"note {index}", "AttachableRef": link})
    assert rig.find(note(bill)) is not None


@pytest.mark.parametrize("make", ACTIONS)
def test_a_late_repetition_acts_once_although_quickbooks_forgot_the_request_id(rig, bill, make):
    rig.box.request_ids = Remembered(rig.clock, lifetime=60)
    first = rig.push(make(bill))
    rig.clock.advance(timedelta(days=2))
    assert rig.connect().push(make(bill), idempotency_key(make(bill))).ref == first.ref
    assert len(rig.box.mails) == (make is send)
    assert len(rig.books.objects["Attachable"]) == (0 if make is field else 1)


# ── mail ────────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_second_stage_is_a_second_mail_and_is_told_from_the_first(rig, bill):
    rig.push(send(bill, stage="created"))
    rig.clock.advance(timedelta(days=30))
    later = send(bill, stage="overdue")
    assert rig.find(later) is None
    rig.push(later)
    assert len(rig.box.mails) == 2
    assert rig.find(later).at == rig.clock.now().replace(microsecond=0) or rig.find(later).found


def test_a_mark_somebody_edited_leaves_the_question_to_a_person(rig, bill):
    rig.push(send(bill))
    (note_ref,) = rig.books.objects["Attachable"]
    rig.books.touch("Attachable", note_ref, Note=marker(idempotency_key(send(bill))))
    for ask in (rig.find, rig.push):
        with pytest.raises(OutcomeUnknown, match="edited"):
            ask(send(bill))
    assert len(rig.box.mails) == 1


def test_a_mail_goes_to_the_address_given(rig, bill):
    receipt = rig.push(send(bill, to="boss+ap@client.example"))
    assert rig.box.mails == [(bill, "boss+ap@client.example")]
    assert "boss+ap@client.example" in receipt.detail


@pytest.mark.parametrize("how", ["paid", "void"])
def test_an_invoice_settled_since_the_decision_is_not_mailed(rig, bill, how):
    if how == "paid":
        rig.payment(rig.books.get("Invoice", bill)["CustomerRef"]["value"], 100, {bill: 100})
    else:
        rig.void("Invoice", bill)
    with pytest.raises(Conflict):
        rig.push(send(bill))
    assert rig.box.mails == []


def test_an_invoice_without_address_is_refused_with_what_to_do(rig):
    ref = rig.invoice(rig.customer())
    with pytest.raises(Rejected, match="address"):
        rig.push(send(ref))


def test_without_marks_a_mailed_invoice_leaves_the_question_to_a_person(rigged):
    rig = rigged(push={"send_invoice": True, "mark_sends": False})
    ref = rig.invoice(rig.customer(), BillEmail={"Address": "a@b.example"})
    assert rig.find(send(ref)) is None
    rig.push(send(ref))
    with pytest.raises(OutcomeUnknown, match="nobody can tell"):
        rig.find(send(ref))
    assert rig.books.objects["Attachable"] == {}


def test_the_fortieth_first_mail_of_a_day_is_throttled_by_the_sandbox(rig):
    customer = rig.customer()
    made = [rig.invoice(customer, BillEmail={"Address": "a@b.example"}) for _ in range(41)]
    for ref in made[:40]:
        rig.push(send(ref))
    with pytest.raises(RateLimited):
        rig.push(send(made[40]))


# ── fields ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("quickbooks:28")
def test_setting_a_field_leaves_every_other_key_of_the_invoice_as_it_was(rig, bill):
    rig.books.touch("Invoice", bill, CustomerMemo={"value": "Thanks"}, CustomField=[{"DefinitionId": "1", "StringValue": "7"}])
    before = json.loads(json.dumps(rig.books.get("Invoice", bill), default=str))
    rig.push(field(bill))
    after = json.loads(json.dumps(rig.books.get("Invoice", bill), default=str))
    moved = {key for key in before | after if before.get(key) != after.get(key)}
    assert moved == {"PrivateNote", "SyncToken"} | ({"MetaData"} & moved)
    bodies = [json.loads(item.body) for item in rig.box.levers.writes() if item.path.endswith("/invoice")]
    assert [set(body) for body in bodies] == [{"Id", "SyncToken", "sparse", "PrivateNote"}]


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("CustomerMemo", "See portal", {"value": "See portal"}),
        ("BillEmail", "new@client.example", {"Address": "new@client.example"}),
        ("PrivateNote", None, ""),
    ],
)
def test_each_field_is_written_in_its_own_shape(rig, bill, name, value, stored):
    expected = {"CustomerMemo": None, "BillEmail": "ap@client.example", "PrivateNote": "as agreed"}[name]
    rig.push(field(bill, value, expected, name))
    assert rig.books.get("Invoice", bill).get(name, "") == stored
    assert rig.find(field(bill, value, expected, name)) is not None


def test_a_person_s_later_change_is_kept(rig, bill):
    rig.books.touch("Invoice", bill, PrivateNote="do not touch")
    with pytest.raises(Conflict):
        rig.push(field(bill))
    assert rig.books.get("Invoice", bill)["PrivateNote"] == "do not touch"


@pytest.mark.reliability("quickbooks:21")
def test_a_payment_between_read_and_write_is_no_obstacle(rig, bill):
    customer = rig.books.get("Invoice", bill)["CustomerRef"]["value"]
    answer, paid = rig.box.levers.through, []

    def pay_first(request, act, *, exempt=False):
        if request.method == "POST" and request.url.path.endswith("/invoice") and not paid:
            paid.append(rig.payment(customer, 60, {bill: 60}))
        return answer(request, act, exempt=exempt)

    rig.box.levers.through = pay_first
    rig.push(field(bill))
    invoice = rig.books.get("Invoice", bill)
    assert (invoice["PrivateNote"], invoice["Balance"], len(paid)) == ("on hold", 40, 1)
    ids = [parse_qs(item.query)["requestid"][0] for item in rig.box.levers.writes() if item.path.endswith("/invoice")]
    assert len(set(ids)) == 2


def test_somebody_who_keeps_writing_is_a_conflict_and_not_a_loop(rig, bill):
    answer, writes_seen = rig.box.levers.through, []

    def interfere(request, act, *, exempt=False):
        if request.method == "POST" and request.url.path.endswith("/invoice"):
            writes_seen.append(request)
            rig.books.touch("Invoice", bill, PrintStatus=f"{len(writes_seen)}")
        return answer(request, act, exempt=exempt)

    rig.box.levers.through = interfere
    with pytest.raises(Conflict):
        rig.push(field(bill))
    assert len(writes_seen) == 2


@pytest.mark.reliability("quickbooks:29")
def test_a_200_that_did_nothing_is_not_taken_for_success(rig, bill):
    import httpx

    rig.find(field(bill))
    rig.box.levers.answer_next(lambda: httpx.Response(200, json={"BatchItemResponse": [], "time": "..."}), only=writes_only)
    with pytest.raises(Rejected, match="did not change"):
        rig.push(field(bill))


@pytest.mark.reliability("quickbooks:29")
def test_a_200_that_carries_a_fault_is_the_fault(rig, bill):
    import httpx

    fault = {"Fault": {"Error": [{"Message": "Business", "Detail": "No", "code": "6000"}], "type": "ValidationFault"}}
    rig.find(field(bill))
    rig.box.levers.answer_next(lambda: httpx.Response(200, json=fault), only=writes_only)
    with pytest.raises(Rejected, match="Business No"):
        rig.push(field(bill))


# ── what is not allowed ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("make", "key"), [(send, "send_invoice"), (note, "push.note"), (field, "push.fields")])
def test_a_kind_of_write_that_is_switched_off_names_its_switch(rigged, make, key):
    rig = rigged(push={})
    ref = rig.invoice(rig.customer())
    with pytest.raises(Rejected, match=key):
        rig.push(make(ref))
    assert writes(rig) == []


def test_a_field_that_may_not_be_set_is_refused(rigged):
    rig = rigged(push={"fields": ["Notes"]})
    ref = rig.invoice(rig.customer())
    with pytest.raises(Rejected, match=r"push\.fields"):
        rig.push(field(ref))
    with pytest.raises(Rejected, match="not a field"):
        rig.push(field(ref, name="Notes"))


@pytest.mark.parametrize("make", ACTIONS)
def test_a_write_to_what_is_gone_is_refused(rig, make):
    with pytest.raises(Rejected):
        rig.push(make("999"))


def test_an_action_of_another_kind_of_vendor_is_refused(rig):
    ticket = OpenTicket(connection="qbo", account="a", party_ref=Ref("1"), summary="s", body="b", stage="call", cycle="1")
    with pytest.raises(Rejected, match="OpenTicket"):
        rig.push(ticket)
    assert rig.find(ticket) is None


def test_whether_a_deleted_invoice_was_mailed_nobody_can_tell(rig, bill):
    rig.push(send(bill))
    rig.delete("Invoice", bill)
    with pytest.raises(OutcomeUnknown):
        rig.find(send(bill))
    assert rig.find(field(bill)) is None
    with pytest.raises(NotFound):
        rig.push(field(bill))


@pytest.mark.parametrize("make", ACTIONS)
def test_a_throttled_write_was_not_done_and_works_later(rig, bill, make):
    rig.find(make(bill))
    rig.box.levers.fail_next(429, only=writes_only)
    with pytest.raises(RateLimited):
        rig.push(make(bill))
    rig.clock.advance(timedelta(seconds=61))
    assert rig.find(make(bill)) is None
    rig.push(make(bill))
    assert rig.find(make(bill)) is not None


def test_another_user_editing_is_passing(rig, bill):
    import httpx

    fault = {
        "Fault": {
            "Error": [{"Message": "x", "Detail": "another user was editing this", "code": "6000"}],
            "type": "ValidationFault",
        }
    }
    rig.find(field(bill))
    rig.box.levers.answer_next(lambda: httpx.Response(400, json=fault), only=writes_only)
    with pytest.raises(Transient) as caught:
        rig.push(field(bill))
    assert 3 <= caught.value.retry_after <= 12
