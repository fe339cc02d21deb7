"""Calls: what counts as one, what a closed ticket says of it, and what a person is asked to do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from core.dunning.calls import CallOutcome, handed_over, read_outcome
from core.dunning.decision import Channels
from core.outbox import ContactKind
from core.records import Ref, Ticket, key_of
from tests.unit.dunning.scene import Scene, at

DUE = date(2026, 3, 3)
CALLED_ON = date(2026, 4, 21)  # seven weeks late: a statement went, the call is due, the final notice waits for it


def ticket(**fields: object) -> Ticket:
    given = {"connection": "psa", "ref": Ref("4711"), "party_ref": Ref("77"), "summary": "Call Acme", "board": "Billing"}
    return Ticket(**{**given, **fields})  # type: ignore[arg-type]


def handed(scene: Scene, stage: str = "call") -> None:
    """A ticket of ours was opened now."""
    scene.said(
        ContactKind.NOTE,
        channel="psa",
        stage=stage,
        cycle="c",
        invoices=tuple(key_of(item) for item in scene.invoices),
        outbox_id="row1",
        outcome=handed_over("4711"),
    )


def called() -> Scene:
    """A client whose call was handed over as ticket 4711."""
    scene = Scene(channels=Channels(mail="mail", call="psa"), settings={"business_days": False}).go(DUE)
    scene.invoice("1001", due=DUE)
    scene.run(CALLED_ON - timedelta(days=2))
    scene.history = [item for item in scene.history if item.stage != "call"]
    handed(scene.go(CALLED_ON - timedelta(days=7)))
    scene.go(CALLED_ON)
    return scene


@pytest.mark.req("A10", "A74")
@pytest.mark.parametrize("outcome", ["reached", "no_answer", "left_message", "promised", "disputed", "spoke to Dana, will check"])
def test_a_call_with_an_outcome_lets_the_final_notice_come(outcome):
    scene = called()
    assert "the final notice waits for a call to be logged with its outcome" in scene.reasons()
    scene.said(ContactKind.CALL, outcome=outcome)
    assert [stage for _, stage, _ in scene.run(CALLED_ON + timedelta(days=30)) if stage == "final_notice"] == ["final_notice"]


@pytest.mark.req("A10", "A74")
@pytest.mark.parametrize("outcome", ["", "  ", "wrong_number", "Wrong_Number: a bakery"])
def test_a_call_without_an_outcome_or_to_a_wrong_number_is_none(outcome):
    scene = called()
    scene.said(ContactKind.CALL, outcome=outcome)
    assert [stage for _, stage, _ in scene.run(CALLED_ON + timedelta(days=40)) if stage == "final_notice"] == []
    assert "waits for a call to be logged with its outcome" in scene.reasons()
    decision = scene.decide()
    assert not decision.ready_for_collections
    assert "invoice 1001: no call with its outcome is logged" in decision.collections_gaps


@pytest.mark.req("A9", "A39", "A72", "A93")
def test_what_is_missing_before_collections_is_said_item_by_item():
    scene = called()
    assert scene.decide().collections_gaps == ("nothing that may be chased is 60 days past due",)
    scene.run(date(2026, 5, 20))
    assert scene.decide().collections_gaps == (
        "invoice 1001: no call with its outcome is logged",
        "invoice 1001: the final notice was not sent",
    )
    scene.said(ContactKind.CALL, outcome="no_answer")
    scene.run(date(2026, 6, 10))
    assert scene.decide().collections_gaps == ()


@pytest.mark.req("A74")
@pytest.mark.parametrize(
    ("fields", "outcome", "day"),
    [
        ({"summary": "Call Acme - outcome: left message"}, CallOutcome.LEFT_MESSAGE, None),
        ({"summary": "Call Acme OUTCOME=Reached"}, CallOutcome.REACHED, None),
        ({"summary": "outcome: promised 2026-05-02"}, CallOutcome.PROMISED, date(2026, 5, 2)),
        ({"summary": "outcome: promised"}, None, None),
        ({"summary": "outcome: promised 2026-99-02"}, None, None),
        ({"status": "Closed - No Answer"}, CallOutcome.NO_ANSWER, None),
        ({"status": "Disputed"}, CallOutcome.DISPUTED, None),
        ({"status": "Closed"}, None, None),
        ({"status": "Unreached"}, None, None),
        ({"summary": "outcome: fine", "status": "Reached"}, None, None),
    ],
)
def test_a_closed_ticket_says_what_came_of_the_call_or_nothing(fields, outcome, day):
    assert read_outcome(ticket(closed=True, **fields)) == (outcome, day)


@pytest.mark.req("A74")
def test_a_ticket_closed_with_its_outcome_is_the_call_and_one_closed_without_is_a_task():
    scene = called()
    assert [task.kind for task in scene.decide().tasks] == ["call"]
    scene.tickets.append(ticket(closed=True, status="Closed"))
    assert [task.kind for task in scene.decide().tasks] == ["call_outcome"]
    scene.tickets[0] = ticket(closed=True, status="Closed - left message", closed_at=datetime(2026, 4, 20, 15, tzinfo=UTC))
    (result,) = scene.decide().calls
    entry = result.entry(scene.now)
    assert (entry.kind, entry.outcome, entry.at) == (ContactKind.CALL, "left_message", datetime(2026, 4, 20, 15, tzinfo=UTC))
    scene.history.append(entry)
    assert scene.decide().calls == ()
    assert scene.decide().tasks == ()
    assert [stage for _, stage, _ in scene.run(CALLED_ON + timedelta(days=30)) if stage == "final_notice"] == ["final_notice"]


def test_a_call_logged_by_hand_ends_the_task_of_a_ticket_closed_without_words():
    scene = called()
    scene.tickets.append(ticket(closed=True, status="Closed"))
    scene.said(ContactKind.CALL, outcome="reached")
    assert scene.decide().tasks == ()


def test_a_wrong_number_asks_for_another():
    scene = called()
    scene.said(ContactKind.CALL, outcome="wrong_number")
    assert "number" in [task.kind for task in scene.decide().tasks]


@pytest.mark.req("D3", "A23")
def test_a_reply_stays_with_the_service_desk_until_its_ticket_is_closed():
    scene = Scene(channels=Channels(mail="mail", call="psa")).go(date(2026, 3, 17))
    scene.invoice("1001", due=DUE)
    scene.said(ContactKind.REPLY)
    handed(scene, "task_reply")
    scene.tickets.append(ticket(summary="Acme: answer the client", opened_at=scene.now))
    scene.go(date(2026, 4, 8))  # long after the pause of a reply
    assert scene.would_send() == []
    assert "the client's reply is with the service desk: ticket 4711 is open" in scene.reasons()
    scene.tickets[0] = ticket(closed=True)
    assert scene.would_send() != []


def test_the_ticket_of_our_own_call_is_no_complaint_about_billing():
    scene = called()
    scene.tickets.append(ticket(summary="Call Acme about an invoice", board="Billing"))
    assert "about billing" not in scene.reasons()
    assert "on the board" not in scene.reasons()


def test_the_next_look_meets_the_day_an_invoice_reaches_the_statements():
    scene = Scene(settings={"spacing_days": 0}).go(DUE)
    scene.invoice("1001", due=DUE)
    scene.run(DUE + timedelta(days=28))
    scene.now = at(DUE + timedelta(days=28), 11)
    look = scene.decide().next_look
    assert look is not None
    assert look.date() <= DUE + timedelta(days=30)
