"""The outbox: the same intent once, no row in two hands, and a state for every way a worker can die."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.actions import OpenTicket, PostNote, Receipt, SendInvoice, SetField
from core.errors import StoreError, UsageError
from core.outbox import ContactKind, GateAnswer, OutboxState, PastContact
from core.records import RecordKey, Ref, Stream
from core.store import Resolution, Store
from tests.store.world import BOOKS, NOW, mention, queued, reminder

LATER = NOW + timedelta(minutes=10)
LEASE = 60.0
GATE = (GateAnswer(question="still open", ok=True, detail="250.00"), GateAnswer(question="fresh", ok=None, detail="never pulled"))
SENT = Receipt(ref="message-1", at=NOW, detail="250 OK")


def enqueue(store: Store, *actions, draft: bool = False, now=NOW):
    return store.enqueue([queued(action, draft=draft) for action in actions], now=now, run_id="r1")


def reserve(store: Store, now=NOW, by: str = "w1"):
    return store.reserve(now=now, by=by, lease_seconds=LEASE)


def sending(store: Store, *refs: str):
    enqueue(store, reminder(*refs or ("10",)))
    row = reserve(store)
    assert row is not None
    return store.start_sending(row, GATE, now=NOW)


ACTIONS = [
    reminder("10", "11", cc=("boss@client.example",), reply_to="ar@msp.example", locale="de"),
    SendInvoice(connection="books", account="a", stage="created", cycle="1", invoice=mention("10"), to=None),
    PostNote(connection="books", account="a", stream=Stream.INVOICES, ref=Ref("10"), text="sent", cause="reminder 1"),
    SetField(
        connection="psa", account="a", stream=Stream.INVOICES, ref=Ref("10"), field="status", value="x", expected=None, cause="c"
    ),
    OpenTicket(connection="psa", account="a", party_ref=Ref("1"), summary="call", body="please", stage="call", cycle="1"),
]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: type(action).__name__)
def test_an_action_comes_back_as_it_went_in(store: Store, action) -> None:
    (row,) = enqueue(store, action).added
    found = store.outbox_row(row.id)
    assert found is not None
    assert found == row
    assert (found.action, found.reasons, found.state) == (action, ("seven days past due",), OutboxState.QUEUED)


@pytest.mark.req("E13")
def test_the_same_intent_twice_is_queued_once(store: Store) -> None:
    enqueue(store, reminder("10"))
    outcome = enqueue(store, reminder("10", subject="worded anew"))
    assert outcome.added == ()
    assert outcome.blocked[0].reason == "the same is already queued"
    assert len(store.outbox()) == 1


def test_a_step_is_taken_once_whatever_else_is_in_the_mail(store: Store) -> None:
    (row,) = enqueue(store, reminder("10", "11")).added
    outcome = enqueue(store, reminder("11", "12"), reminder("12"))
    assert [item.action.invoices[0].ref for item in outcome.added] == ["12"]
    assert (outcome.blocked[0].by, "books/11" in outcome.blocked[0].reason) == (row.id, True)


def test_two_in_one_batch_are_held_against_each_other(store: Store) -> None:
    outcome = enqueue(store, reminder("10"), reminder("10"), reminder("10", stage="day-14"))
    assert (len(outcome.added), len(outcome.blocked)) == (2, 1)


def test_a_ticket_goes_beside_the_mail_of_its_stage(store: Store) -> None:
    ticket = OpenTicket(
        connection="psa",
        account="a",
        party_ref=Ref("1"),
        summary="",
        body="",
        stage="day-7",
        cycle="1",
        invoices=(mention("10"),),
    )
    assert len(enqueue(store, reminder("10"), ticket).added) == 2


def test_a_dropped_row_frees_its_key_and_steps(store: Store) -> None:
    (row,) = enqueue(store, reminder("10")).added
    store.drop(row.id, "paid since", now=NOW)
    (again,) = enqueue(store, reminder("10")).added
    assert again.key == row.key
    assert again.id != row.id


def test_a_settled_row_keeps_its_key_and_steps(store: Store) -> None:
    row = sending(store, "10")
    store.settle(row, SENT, NOW)
    assert len(enqueue(store, reminder("10"), reminder("10", "11")).blocked) == 2


@pytest.mark.parametrize("end", ["mark_ambiguous", "park"])
def test_what_may_have_been_done_blocks_its_own_repetition(store: Store, end: str) -> None:
    row = sending(store, "10")
    getattr(store, end)(row, "no answer", NOW)
    assert len(enqueue(store, reminder("10")).blocked) == 1


# ── reserving ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_rows_are_reserved_once_and_in_order_of_when_they_were_due(store: Store) -> None:
    store.enqueue([queued(reminder("10"), not_before=LATER), queued(reminder("11"))], now=NOW, run_id=None)
    first = reserve(store)
    assert first is not None
    assert (first.action.invoices[0].ref, first.state, first.attempts) == ("11", OutboxState.RESERVED, 1)
    assert first.reserved_until == NOW + timedelta(seconds=LEASE)
    assert reserve(store) is None
    second = reserve(store, now=LATER)
    assert second is not None
    assert second.action.invoices[0].ref == "10"


def test_drafts_wait_for_approval(store: Store) -> None:
    (row,) = enqueue(store, reminder("10"), draft=True).added
    assert reserve(store) is None
    assert store.approve(row.id, by="ann", now=NOW).state is OutboxState.QUEUED
    assert reserve(store) is not None


def test_whoever_lost_the_lease_cannot_send(store: Store) -> None:
    enqueue(store, reminder("10"))
    slow = reserve(store, by="slow")
    assert slow is not None
    assert store.recover(LATER) == 1
    quick = reserve(store, now=LATER, by="quick")
    assert quick is not None
    with pytest.raises(StoreError):
        store.start_sending(slow, GATE, now=LATER)
    store.start_sending(quick, GATE, now=LATER)
    for verb in (store.retry, store.park):
        with pytest.raises(StoreError, match=r"quick since|does not fit"):
            verb(slow, *((LATER,) if verb == store.retry else ()), "late", LATER)


def test_a_lease_that_ran_out_is_not_sent_even_if_nobody_took_it(store: Store) -> None:
    enqueue(store, reminder("10"))
    row = reserve(store)
    assert row is not None
    with pytest.raises(StoreError, match="ran out"):
        store.start_sending(row, GATE, now=LATER)


# ── settling ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_settling_keeps_the_receipt_the_gate_and_the_contact_in_one_commit(store: Store) -> None:
    row = store.settle(sending(store, "10", "11"), SENT, NOW)
    assert (row.state, row.receipt, row.gate) == (OutboxState.SETTLED, SENT, GATE)
    (entry,) = store.contacts()["books:1"]
    assert (entry.kind, entry.stage, entry.cycle, entry.outbox_id) == (ContactKind.MESSAGE, "day-7", "1", row.id)
    assert entry.invoices == (RecordKey(BOOKS, Stream.INVOICES, Ref("10")), RecordKey(BOOKS, Stream.INVOICES, Ref("11")))


def test_settling_twice_changes_nothing(store: Store) -> None:
    row = sending(store)
    first = store.settle(row, SENT, NOW)
    again = store.settle(row, Receipt(ref="other"), LATER)
    assert again == first
    assert len(store.contacts()["books:1"]) == 1


def test_a_statement_is_logged_as_one(store: Store) -> None:
    enqueue(store, reminder("10", stage="statement"))
    row = reserve(store)
    assert row is not None
    store.settle(store.start_sending(row, GATE, now=NOW), SENT, NOW)
    assert store.contacts()["books:1"][0].kind is ContactKind.STATEMENT


def test_a_note_is_no_contact(store: Store) -> None:
    enqueue(store, ACTIONS[2])
    row = reserve(store)
    assert row is not None
    store.settle(store.start_sending(row, GATE, now=NOW), SENT, NOW)
    assert store.contacts() == {}


def test_a_late_answer_after_the_lease_still_settles(store: Store) -> None:
    row = sending(store)
    assert store.recover(LATER) == 1
    assert store.settle(row, SENT, LATER).state is OutboxState.SETTLED


# ── when things go wrong ────────────────────────────────────────────────────────────────────────────────────────────────
def test_recovery_requeues_what_was_reserved_and_asks_about_what_was_being_sent(store: Store) -> None:
    row = sending(store, "10")
    enqueue(store, reminder("11"))
    held = reserve(store)
    assert held is not None
    assert store.recover(NOW) == 0
    assert store.recover(LATER) == 2
    assert {item.id: item.state for item in store.outbox()} == {row.id: OutboxState.AMBIGUOUS, held.id: OutboxState.QUEUED}


def test_a_lone_process_recovers_every_lease_at_once(store: Store) -> None:
    sending(store)
    assert store.recover(NOW, everything=True) == 1
    assert store.outbox()[0].state is OutboxState.AMBIGUOUS


def test_a_retry_waits_for_its_time(store: Store) -> None:
    row = sending(store)
    queued_again = store.retry(row, LATER, "rate limited", NOW)
    assert (queued_again.state, queued_again.error, queued_again.reserved_by) == (OutboxState.QUEUED, "rate limited", None)
    assert reserve(store) is None
    again = reserve(store, now=LATER)
    assert again is not None
    assert again.attempts == 2


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("sent", OutboxState.SETTLED), ("not-sent", OutboxState.DROPPED), (Resolution.RETRY, OutboxState.QUEUED)],
)
def test_a_person_resolves_what_is_ambiguous(store: Store, outcome, state) -> None:
    row = sending(store)
    store.mark_ambiguous(row, "timeout", NOW)
    assert store.resolve(row.id, outcome, by="ann", now=LATER).state is state
    assert bool(store.contacts()) is (state is OutboxState.SETTLED)
    assert store.journal_entries(subject=f"outbox/{row.id}")[-1].actor == "ann"


MOVES = {
    "settle": lambda store, row: store.settle(row, SENT, NOW),
    "retry": lambda store, row: store.retry(row, NOW, "", NOW),
    "start": lambda store, row: store.start_sending(row, GATE, now=NOW),
    "approve": lambda store, row: store.approve(row, by="ann", now=NOW),
    "ambiguous": lambda store, row: store.mark_ambiguous(row, "", NOW),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_move_that_does_not_fit_the_state_is_refused(store: Store, move: str) -> None:
    (row,) = enqueue(store, reminder("10")).added
    with pytest.raises(StoreError, match="does not fit"):
        MOVES[move](store, row.id)
    assert store.outbox_row(row.id) == row


def test_moving_a_row_that_is_not_there_says_so(store: Store) -> None:
    with pytest.raises(UsageError, match="no action nope"):
        store.drop("nope", "why", now=NOW)


def test_every_move_is_in_the_journal(store: Store) -> None:
    row = sending(store)
    store.settle(row, SENT, NOW)
    kinds = [entry.kind for entry in store.journal_entries(subject=f"outbox/{row.id}")]
    assert kinds == ["outbox.enqueued", "outbox.reserved", "outbox.sending", "outbox.settled"]
    assert store.verify_journal().ok


def test_rows_are_counted_by_state(store: Store) -> None:
    sending(store, "10")
    enqueue(store, reminder("11"), reminder("12"))
    assert {item.state: (item.rows, item.oldest_due_at) for item in store.outbox_counts()} == {
        OutboxState.SENDING: (1, NOW),
        OutboxState.QUEUED: (2, NOW),
    }


def test_rows_are_found_by_state_and_account(store: Store) -> None:
    enqueue(store, reminder("10", account="a"), reminder("11", account="b"))
    assert [row.action.account for row in store.outbox(account="b")] == ["b"]
    assert len(store.outbox(states=[OutboxState.QUEUED], accounts=["a", "b"], limit=1)) == 1
    assert store.outbox(states=[OutboxState.PARKED]) == ()


# ── the contact log ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_contacts_come_back_by_account_and_in_order(store: Store) -> None:
    late = PastContact(account="a", kind=ContactKind.REPLY, at=LATER, channel="mail", subject="Re:", waived=True)
    call = PastContact(account="a", kind=ContactKind.CALL, at=NOW, channel="phone", to=("555",), outcome="voicemail")
    store.log_contact(late)
    store.log_contact(call)
    store.log_contact(PastContact(account="b", kind=ContactKind.BOUNCE, at=NOW, channel="mail"))
    found = store.contacts(["a", "c"])
    assert {name: tuple(replace(item, content_hash="") for item in items) for name, items in found.items()} == {"a": (call, late)}
    assert len({item.content_hash for item in found["a"]} - {""}) == 2, "each has a hash of what it says"
    assert set(store.contacts()) == {"a", "b"}
