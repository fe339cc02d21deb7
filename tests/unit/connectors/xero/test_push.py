"""What is written in Xero is written once per key, found again, and never against a person's later change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import httpx
import pytest

from connectors.xero import SPEC
from connectors.xero.sandbox import PREFIX
from core.actions import Action, OpenTicket, idempotency_key
from core.errors import Conflict, ConnectorError, NotFound, OutcomeUnknown, Rejected, Transient
from core.ports import Capability
from core.records import Ref, Stream
from tests.unit.connectors.xero.kit import Stage, expect, mail, note, stage

NOBODY = "00000000-0000-0000-0000-000000000001"


def writes_to(end: str) -> Callable[[httpx.Request], bool]:
    return lambda request: request.method != "GET" and request.url.path.endswith(end)


@pytest.fixture
def ref(at_xero: Stage) -> str:
    return str(at_xero.invoice(at_xero.client())["InvoiceID"])


def push(at_xero: Stage, action: Action):
    return at_xero.connector.push(action, idempotency_key(action))


def find(at_xero: Stage, action: Action):
    return at_xero.connector.find_pushed(action, idempotency_key(action))


def test_a_note_carries_its_marker_and_is_found_by_it(at_xero: Stage, ref: str) -> None:
    assert find(at_xero, note(ref)) is None
    receipt = push(at_xero, note(ref, text="Reminder sent to ap@acme.example"))
    (text,) = at_xero.box.notes(ref)
    assert text == f"Reminder sent to ap@acme.example [duesync:{idempotency_key(note(ref))}]"
    found = find(at_xero, note(ref))
    assert found is not None
    assert (found.ref, found.at, found.found) == (receipt.ref, receipt.at, True)
    assert receipt.at == at_xero.clock.now()


@pytest.mark.req("E26")
@pytest.mark.parametrize("minutes", [0, 5, 60])
def test_the_same_key_twice_acts_once_also_after_xero_forgot_it(at_xero: Stage, ref: str, minutes: int) -> None:
    for action in (note(ref), mail(ref), expect(ref, "2026-06-01")):
        first = push(at_xero, action)
        at_xero.clock.advance(timedelta(minutes=minutes))
        assert push(at_xero, action).ref == first.ref
    assert len(at_xero.box.notes(ref)) == 2  # one of its own, one of the mail
    assert len(at_xero.books.emails) == 1


@pytest.mark.reliability("xero:T17")
def test_a_note_whose_answer_was_lost_is_found_and_not_repeated(at_xero: Stage, ref: str) -> None:
    at_xero.box.levers.lose_reply()
    with pytest.raises(OutcomeUnknown):
        push(at_xero, note(ref))
    assert find(at_xero, note(ref)) is not None
    at_xero.clock.advance(timedelta(minutes=30))
    assert push(at_xero, note(ref)).found
    assert len(at_xero.box.notes(ref)) == 1


@pytest.mark.reliability("xero:T17")
def test_a_mail_whose_answer_was_lost_waits_for_a_person(at_xero: Stage, ref: str) -> None:
    at_xero.box.levers.lose_reply(only=writes_to("/Email"))
    with pytest.raises(OutcomeUnknown):
        push(at_xero, mail(ref))
    assert len(at_xero.books.emails) == 1
    with pytest.raises(OutcomeUnknown, match="history in Xero"):
        find(at_xero, mail(ref))


def test_a_mail_is_done_even_when_its_note_fails(at_xero: Stage, ref: str) -> None:
    at_xero.box.levers.fail_next(500, times=2, only=writes_to("/History"))
    assert "could not be written" in push(at_xero, mail(ref)).detail
    assert len(at_xero.books.emails) == 1


@pytest.mark.parametrize("act", [True, False])
def test_the_note_behind_a_mail_is_written_once_although_tried_again(at_xero: Stage, ref: str, act: bool) -> None:
    lever = at_xero.box.levers.lose_reply if act else at_xero.box.levers.reset_next
    lever(only=writes_to("/History"))
    assert push(at_xero, mail(ref)).detail == "invoice mailed"
    assert len(at_xero.box.notes(ref)) == 1
    assert len(at_xero.books.emails) == 1


@pytest.mark.reliability("xero:T2", "xero:T17")
def test_a_write_is_never_repeated_by_itself(at_xero: Stage, ref: str) -> None:
    at_xero.connector.api.get("Organisation")
    at_xero.settle()
    at_xero.box.levers.time_out(times=5, only=writes_to("/History"))
    with pytest.raises(OutcomeUnknown):
        push(at_xero, note(ref))
    assert [call for call in at_xero.calls() if call.startswith("PUT")] == [f"PUT /Invoices/{ref}/History"]


def test_a_field_is_set_only_over_the_value_it_was_decided_on(at_xero: Stage, ref: str) -> None:
    push(at_xero, expect(ref, "2026-06-01"))
    invoice = at_xero.connector.reread(Stream.INVOICES, Ref(ref))
    assert getattr(invoice, "expected_on", None) == date(2026, 6, 1)
    assert find(at_xero, expect(ref, "2026-06-01")) is not None
    assert find(at_xero, expect(ref, "2026-06-02")) is None
    with pytest.raises(Conflict, match="2026-06-01"):
        push(at_xero, expect(ref, "2026-07-01", before=None))
    push(at_xero, expect(ref, "2026-07-01", before="2026-06-01"))


def test_sent_can_be_marked(at_xero: Stage, ref: str) -> None:
    push(at_xero, expect(ref, "true", field="sent"))
    assert at_xero.books.get("Invoices", ref)["SentToContact"] is True


@pytest.mark.parametrize(
    ("value", "field"), [(None, "expected_on"), ("false", "sent"), ("x", "Reference"), ("2026-06-01", "DueDate")]
)
def test_what_cannot_be_set_is_refused(at_xero: Stage, ref: str, value: str | None, field: str) -> None:
    with pytest.raises(Rejected):
        push(at_xero, expect(ref, value, field=field))


def test_an_expected_date_on_a_part_paid_invoice_is_refused_in_xeros_words(at_xero: Stage, ref: str) -> None:
    at_xero.books.pay(at_xero.books.get("Invoices", ref), "1.00", date(2026, 5, 1))
    with pytest.raises(Rejected, match="cannot be edited as it has a payment"):
        push(at_xero, expect(ref, "2026-06-01"))


def test_a_draft_cannot_be_marked_as_sent(at_xero: Stage) -> None:
    draft = at_xero.invoice(at_xero.client(), Status="DRAFT")
    with pytest.raises(Rejected, match="Only AUTHORISED invoices"):
        push(at_xero, expect(draft["InvoiceID"], "true", field="sent"))


def test_what_is_missing_or_not_ours_is_refused(at_xero: Stage, ref: str) -> None:
    for action in (
        note(NOBODY),
        mail(NOBODY),
        expect(NOBODY, "2026-06-01"),
        note(ref, stream=Stream.TICKETS),
        mail(ref, to="x@y.example"),
    ):
        with pytest.raises(Rejected):
            push(at_xero, action)
    ticket = OpenTicket(connection="xero", account="a", party_ref=Ref(ref), summary="Call", body="", stage="s", cycle="1")
    with pytest.raises(Rejected):
        push(at_xero, ticket)
    assert find(at_xero, note(NOBODY)) is None
    with pytest.raises(NotFound):
        find(at_xero, expect(NOBODY, "2026-06-01"))


def test_a_mail_beyond_the_days_limit_is_refused(at_xero: Stage, ref: str) -> None:
    at_xero.books.profile["IsDemoCompany"] = True  # Xero sends no mail from one
    with pytest.raises(Rejected, match="daily email limit"):
        push(at_xero, mail(ref))
    at_xero.books.profile["IsDemoCompany"] = False
    at_xero.box.emails_a_day = 1
    push(at_xero, mail(str(at_xero.invoice(at_xero.client("Other"))["InvoiceID"])))
    with pytest.raises(Rejected, match="daily email limit"):
        push(at_xero, mail(ref))
    assert at_xero.box.notes(ref) == []


def test_long_notes_keep_their_marker(at_xero: Stage, ref: str) -> None:
    push(at_xero, note(ref, text="x" * 5000))
    (text,) = at_xero.box.notes(ref)
    assert len(text) == 2500
    assert text.endswith(f"[duesync:{idempotency_key(note(ref))}]")


def test_notes_find_payments_in_whichever_list_they_are(at_xero: Stage) -> None:
    client = at_xero.client()
    over = at_xero.books.add_credit("Overpayments", client, "70.00", date(2026, 4, 21))
    credit = at_xero.books.add_credit("CreditNotes", client, "70.00", date(2026, 4, 21))
    push(at_xero, note(over["ID"], stream=Stream.PAYMENTS))
    push(at_xero, note(credit["ID"], stream=Stream.CREDIT_NOTES))
    push(at_xero, note(client["ContactID"], stream=Stream.PARTIES))
    assert [len(at_xero.box.notes(item)) for item in (over["ID"], credit["ID"], client["ContactID"])] == [1, 1, 1]


def test_every_kind_of_write_is_off_until_it_is_switched_on() -> None:
    with stage(push={}) as at_xero:
        ref = str(at_xero.invoice(at_xero.client())["InvoiceID"])
        for action, key in ((note(ref), "notes"), (mail(ref), "invoices"), (expect(ref, "2026-06-01"), "fields")):
            with pytest.raises(Rejected) as error:
                push(at_xero, action)
            assert f"push.{key} = true" in error.value.remedy
        assert at_xero.calls() == []
        assert SPEC.writes is not None
        settings = SPEC.settings.model_validate({**at_xero.box.settings("https://xero.test"), "push": {"notes": True}})
        assert SPEC.writes(settings) == {Capability.POST_NOTE}


@pytest.mark.req("E26")
def test_every_write_has_a_key_of_its_own_and_the_same_write_the_same(at_xero: Stage, ref: str) -> None:
    keys: list[str] = []

    def listen(request: httpx.Request) -> httpx.Response:
        if request.method != "GET" and request.url.path.startswith(PREFIX):
            keys.append(request.headers["idempotency-key"])
        return at_xero.box.handle(request)

    at_xero.handle = listen
    push(at_xero, note(ref))
    push(at_xero, mail(ref))
    at_xero.books.history.clear()
    push(at_xero, note(ref))
    assert len(set(keys)) == 3
    assert keys[0] == keys[-1]
    assert all(len(key) == 64 for key in keys)


@pytest.mark.req("E26")
def test_no_write_of_ours_ever_touches_an_allocation_so_none_can_be_replayed(at_xero: Stage, ref: str) -> None:
    written: list[str] = []

    def listen(request: httpx.Request) -> httpx.Response:
        if request.method != "GET" and request.url.path.startswith(PREFIX):
            written.append(request.url.path.rsplit("/", 1)[-1])
            assert b"Allocation" not in request.content
        return at_xero.box.handle(request)

    at_xero.handle = listen
    for action in (note(ref), mail(ref), expect(ref, "2026-06-01")):
        for _ in range(2):
            push(at_xero, action)
    assert set(written) <= {"History", "Email", "Invoices", ref}, "the client's payments, credits and overpayments are only read"
    assert written.count("Email") == 1


def test_an_unreadable_answer_to_a_write_is_unknown_and_found(at_xero: Stage, ref: str) -> None:
    at_xero.box.levers.truncate_next(10, only=writes_to("/History"))
    with pytest.raises(OutcomeUnknown):
        push(at_xero, note(ref))
    assert find(at_xero, note(ref)) is not None


@pytest.mark.parametrize(("status", "kind"), [(503, Transient), (500, OutcomeUnknown), (400, Rejected), (403, ConnectorError)])
def test_failures_come_by_remedy(at_xero: Stage, ref: str, status: int, kind: type[ConnectorError]) -> None:
    at_xero.box.levers.fail_next(status, only=writes_to("/History"))
    with pytest.raises(kind):
        push(at_xero, note(ref))
    assert at_xero.box.notes(ref) == []


def test_documents_and_pay_links(at_xero: Stage, ref: str) -> None:
    link = at_xero.connector.pay_link(Ref(ref))
    assert link is not None
    assert link.startswith("https://in.xero.com/")
    pdf = at_xero.connector.document(Stream.INVOICES, Ref(ref))
    assert pdf is not None
    assert pdf.content.startswith(b"%PDF")
    draft = at_xero.invoice(at_xero.client("Drafty"), Status="DRAFT")
    assert at_xero.connector.pay_link(Ref(draft["InvoiceID"])) is None
    assert at_xero.connector.pay_link(Ref(NOBODY)) is None
    assert at_xero.connector.document(Stream.INVOICES, Ref(NOBODY)) is None
    assert at_xero.connector.document(Stream.PAYMENTS, Ref(ref)) is None
    page = {"content-type": "text/html"}
    at_xero.box.levers.answer_next(lambda: httpx.Response(200, headers=page, content=b"<html>"), times=3)
    with pytest.raises(Transient, match="PDF"):
        at_xero.connector.document(Stream.INVOICES, Ref(ref))
