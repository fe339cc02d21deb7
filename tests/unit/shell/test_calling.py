"""The ticket of a call, closed at the service desk, becomes the call in the log with what follows from it: once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.dunning.calls import handed_over
from core.holds import HoldKind
from core.outbox import ContactKind, PastContact
from core.pull import pull_connection
from core.records import RecordKey, Ref, Role, Stream, Ticket
from core.review import review
from tests.unit.shell.test_dispatch import RULES, World
from tests.unit.shell.vendor import NAME, NOW, Vendor, invoice, party

PSA = "psa"
RULES_OF_TWO = replace(RULES, roles={NAME: Role.BOOKS, PSA: Role.PSA}, systems={NAME: "csv", PSA: "csv"})


class Desk(Vendor):
    """A service desk that lists tickets."""

    def streams(self):
        return {stream: info for stream, info in super().streams().items() if stream is Stream.PARTIES} | {
            Stream.TICKETS: replace(super().streams()[Stream.PARTIES], stream=Stream.TICKETS)
        }


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.desk = Desk().put(replace(party("C9"), connection=PSA))
    made.store.set_roles(RULES_OF_TWO.roles)
    pull_desk(made)
    (account,) = [item for item in made.store.accounts() if item.id == f"{NAME}:P1"]
    made.store.save_accounts([replace(account, parties=(*account.parties, RecordKey(PSA, Stream.PARTIES, Ref("C9"))))])
    made.store.log_contact(
        PastContact(
            account=account.id,
            kind=ContactKind.NOTE,
            at=NOW - timedelta(days=3),
            channel=PSA,
            stage="call",
            cycle="c",
            invoices=(RecordKey(NAME, Stream.INVOICES, invoice().ref),),
            outbox_id="row1",
            outcome=handed_over("T7"),
        )
    )
    yield made
    made.store.close()


def pull_desk(world):
    pull_connection(world.desk, world.store, connection=PSA, clock=world.clock, run_id="p")


def closed(world, **fields):
    given = {"summary": "Call Client P1", "closed": True, "closed_at": NOW - timedelta(days=1), **fields}
    world.desk.put(Ticket(connection=PSA, ref=Ref("T7"), party_ref=Ref("C9"), **given))
    pull_desk(world)
    for number in range(2):
        review(world.store, RULES_OF_TWO, now=NOW, run_id=f"r{number}", full=True)
    (group,) = world.store.contacts().values()
    return [item for item in group if item.kind is ContactKind.CALL]


@pytest.mark.req("A10", "A74")
def test_a_ticket_closed_with_its_outcome_is_logged_as_the_call_once(world):
    (call,) = closed(world, status="Closed - No answer")
    assert (call.outcome, call.channel, call.at) == ("no_answer", PSA, NOW - timedelta(days=1))
    assert world.store.holds() == ()


@pytest.mark.req("A12", "A74", "E11")
def test_a_promise_or_a_dispute_said_to_the_service_desk_holds(world):
    day = (NOW + timedelta(days=4)).date()
    assert len(closed(world, summary=f"Call Client P1 - outcome: promised {day}")) == 1
    (hold,) = world.store.holds()
    assert (hold.kind, hold.until, len(world.store.promises())) == (HoldKind.PROMISE, day, 1)
    assert world.dispatch().get("settled") is None


@pytest.mark.req("A10")
def test_a_ticket_closed_without_words_is_no_call(world):
    assert closed(world, status="Closed") == []
