"""Dispatch: exact outcomes for every answer, every lost answer and every moment a process can die at."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.dispatch import dispatch
from core.dunning.decision import Channels
from core.dunning.policy import DunningSettings
from core.errors import AuthExpired, ConfigError, Conflict, Rejected, Transient, UsageError
from core.holds import Hold, HoldKind
from core.messages.letter import Organisation
from core.money import Money
from core.outbox import OutboxState
from core.pull import pull_connection
from core.reconcile.rules import ReconcileRules
from core.records import DocumentStatus, Payment, Ref, Role
from core.review import Rules, review
from core.store import open_store
from scheduler.cli.outbox_commands import as_json
from tests.unit.shell.vendor import NAME, NOW, Crash, Vendor, invoice, party

RULES = Rules(
    organisation=Organisation(name="Northwind IT", timezone="America/Chicago", currency="USD", email="ar@northwind.example"),
    reconcile=ReconcileRules.model_validate({}),
    dunning=DunningSettings.model_validate({"mode": "active"}),
    channels=Channels(mail="mail"),
    systems={NAME: "csv"},
    roles={NAME: Role.BOOKS},
)


class World:
    """A store with one message queued about one invoice seven days late, and the vendor it is about."""

    def __init__(self, folder):
        self.url = f"sqlite:///{folder}/duesync.db"
        self.clock = ManualClock(NOW)
        self.vendor = Vendor().put(party(), invoice())
        self.store = open_store(self.url, clock=self.clock)
        self.store.migrate()
        self.store.set_roles({NAME: Role.BOOKS})
        self.pull()
        review(self.store, RULES, now=self.clock.now(), run_id="r", full=True)

    def pull(self):
        pull_connection(self.vendor, self.store, connection=NAME, clock=self.clock, run_id="p")

    @contextmanager
    def opened(self, name):
        yield self.vendor

    def dispatch(self, **options):
        return dispatch(self.store, RULES, self.opened, clock=self.clock, by="w1", **options).summary()

    def restart(self, later=timedelta(minutes=20)):
        """The process is gone; another opens the store when the lease is over."""
        self.store.close()
        self.vendor.crash_before = self.vendor.crash_after = self.vendor.lose_answer = False
        self.clock.advance(later)
        self.store = open_store(self.url, clock=self.clock)
        self.pull()

    @property
    def row(self):
        (row,) = self.store.outbox()
        return row

    @property
    def sent(self):
        return sum(self.vendor.done.values())


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.store.close()


def test_a_message_that_is_still_right_goes_and_is_on_record_with_its_reasons(world):
    assert world.dispatch() == {"settled": 1}
    assert world.row.state is OutboxState.SETTLED
    assert all(answer.ok for answer in world.row.gate)
    assert len(world.row.gate) >= 8
    ((contact,),) = world.store.contacts().values()
    assert contact.to == ("ap@p1.example",)
    assert world.store.verify_journal().ok


PAID = {"open": Money(0, "USD"), "status": DocumentStatus.CLOSED}


@pytest.mark.req("E1", "E6")
@pytest.mark.parametrize(
    ("change", "question"),
    [
        (PAID, "invoices"),
        ({"open": Money(5_000, "USD")}, "invoices"),
        ({"status": DocumentStatus.VOID, "open": Money(0, "USD")}, "invoices"),
        ({"disputed": True}, "invoices"),
        ({"memo": "edited"}, "version"),
    ],
)
def test_an_invoice_that_changed_at_the_vendor_is_not_chased(world, change, question):
    world.vendor.put(invoice(**change))
    assert world.dispatch() == {"dropped": 1}
    assert world.sent == 0
    assert question in {answer.question for answer in world.row.gate if answer.ok is not True}
    assert question in world.row.error


def test_an_invoice_that_is_gone_is_not_chased(world):
    world.vendor.remove(invoice())
    assert world.dispatch() == {"dropped": 1}
    assert world.sent == 0


@pytest.mark.req("E3")
def test_cash_that_came_in_since_the_decision_stops_the_message(world):
    paid = Payment(
        connection=NAME,
        ref=Ref("Q1"),
        party_ref=Ref("P1"),
        amount=Money(25_000, "USD"),
        unapplied=Money(25_000, "USD"),
        paid_on=NOW.date(),
    )
    world.vendor.put(paid)
    world.pull()
    assert world.dispatch() == {"dropped": 1}
    assert world.sent == 0


@pytest.mark.req("E11", "E53")
@pytest.mark.parametrize("kind", list(HoldKind))
def test_a_hold_placed_after_the_decision_stops_the_message(world, kind):
    world.store.place_hold(Hold(id="h", kind=kind, account=f"{NAME}:P1", placed_at=NOW, placed_by="me"))
    assert world.dispatch().get("settled") is None
    assert world.sent == 0


def test_sources_that_are_too_old_hold_the_message_back_until_they_are_fresh(world):
    world.clock.advance(timedelta(hours=6, minutes=30))
    assert world.dispatch() == {"postponed": 1}
    assert world.sent == 0


def test_an_invoice_that_cannot_be_read_again_cannot_be_told_and_does_not_go(world):
    world.vendor.fail = Transient("reread", connection=NAME)
    assert world.dispatch() == {"postponed": 1}
    assert world.sent == 0


def test_a_pause_holds_what_is_queued_and_resuming_lets_it_go(world):
    world.store.pause("all", by="me", reason="wait", now=world.clock.now())
    assert world.dispatch() == {"postponed": 1}
    world.store.unpause("all", by="me", now=world.clock.now())
    world.clock.advance(timedelta(minutes=10))
    assert world.dispatch() == {"settled": 1}
    assert world.sent == 1


@pytest.mark.reliability("quickbooks:23")  # an operation that is owed is visible, with why
@pytest.mark.parametrize(
    ("error", "outcome", "state"),
    [
        (Rejected("no such address", connection=NAME), "parked", OutboxState.PARKED),
        (Conflict("it changed", connection=NAME), "dropped", OutboxState.DROPPED),
        (Transient("busy", connection=NAME), "postponed", OutboxState.QUEUED),
        (AuthExpired("sign in again", connection=NAME), "postponed", OutboxState.QUEUED),
        (ZeroDivisionError("a bug"), "ambiguous", OutboxState.AMBIGUOUS),
    ],
)
def test_each_answer_of_the_vendor_has_its_outcome(world, error, outcome, state):
    world.vendor.fail = error
    assert world.dispatch()[outcome] == 1
    assert world.row.state is state
    assert as_json(world.row)["error"], "an operation that is owed is shown with why"
    assert world.sent == 0


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (UsageError('there is no connection called "mail"'), "parked"),
        (ConfigError(["mail.password: the environment variable X is not set"]), "postponed"),
        (KeyError("surprise"), "postponed"),
    ],
)
def test_a_connection_that_cannot_be_opened_has_sent_nothing_and_stops_nobody_else(world, error, outcome):
    @contextmanager
    def opened(name):
        if name == "mail":
            raise error
        yield world.vendor

    found = dispatch(world.store, RULES, opened, clock=world.clock, by="w1").summary()
    assert found == {outcome: 1}
    assert world.vendor.pushes == []
    assert "mail" in (world.store.outbox()[0].error or "") or outcome == "postponed"


def test_a_connection_that_is_gone_leaves_what_is_unclear_unclear(world):
    world.vendor.lose_answer = True
    world.dispatch()
    world.clock.advance(timedelta(minutes=5))

    @contextmanager
    def opened(name):
        raise UsageError(f'there is no connection called "{name}"')
        yield

    assert dispatch(world.store, RULES, opened, clock=world.clock, by="w1").summary() == {"unclear": 1}


def test_a_postponed_message_goes_when_the_vendor_is_back(world):
    world.vendor.fail = Transient("busy", connection=NAME, retry_after=120)
    world.dispatch()
    world.vendor.fail = None
    assert world.dispatch() == {}
    world.clock.advance(timedelta(minutes=5))
    assert world.dispatch() == {"settled": 1}
    assert world.sent == 1


@pytest.mark.req("E25")
def test_a_lost_answer_is_read_back_and_never_repeated(world):
    world.vendor.lose_answer = True
    assert world.dispatch() == {"ambiguous": 1}
    assert world.dispatch() == {}
    world.vendor.lose_answer = False
    world.clock.advance(timedelta(minutes=2))
    assert world.dispatch() == {"settled": 1}
    assert world.row.receipt.found
    assert world.sent == 1


def test_a_lost_answer_that_cannot_be_read_back_waits_for_a_person_and_blocks_its_repetition(world):
    world.vendor.lose_answer, world.vendor.readable = True, False
    world.dispatch()
    world.clock.advance(timedelta(days=1))
    world.pull()
    review(world.store, RULES, now=world.clock.now(), run_id="r2", full=True)
    assert world.dispatch() == {"unclear": 1}
    assert world.row.state is OutboxState.AMBIGUOUS
    assert world.sent == 1
    world.store.resolve(world.row.id, outcome="sent", by="me", now=world.clock.now())
    assert world.row.state is OutboxState.SETTLED


def die(world, step, monkeypatch):
    """Run a dispatch that dies at `step`."""
    if step in ("in the push, before it acted", "in the push, after it acted"):
        world.vendor.crash_before = step.endswith("before it acted")
        world.vendor.crash_after = step.endswith("after it acted")
        target = None
    else:
        when, target = step.split(" ", 1)
        verb = getattr(world.store, target)

        def dying(*args, **kwargs):
            if when == "after":
                verb(*args, **kwargs)
            raise Crash

        monkeypatch.setattr(world.store, target, dying)
    with pytest.raises(Crash):
        world.dispatch()


STEPS = {
    "before reserve": (0, OutboxState.QUEUED),
    "after reserve": (0, OutboxState.RESERVED),
    "before start_sending": (0, OutboxState.RESERVED),
    "after start_sending": (0, OutboxState.SENDING),
    "in the push, before it acted": (0, OutboxState.SENDING),
    "in the push, after it acted": (1, OutboxState.SENDING),
    "before settle": (1, OutboxState.SENDING),
    "after settle": (1, OutboxState.SENDING),  # the settlement is one commit with what follows it, which was not made
}


@pytest.mark.req("E13", "E25")
@pytest.mark.parametrize("step", STEPS)
def test_a_process_that_dies_anywhere_leaves_a_state_that_tells_and_the_next_sends_exactly_once(world, step, monkeypatch):
    acted, state = STEPS[step]
    die(world, step, monkeypatch)
    assert (world.sent, world.row.state) == (acted, state)
    world.restart()
    world.dispatch()
    world.clock.advance(timedelta(minutes=5))
    world.dispatch()
    assert world.row.state is OutboxState.SETTLED
    assert world.sent == 1
    assert sum(len(group) for group in world.store.contacts().values()) == 1
    assert world.store.verify_journal().ok


@pytest.mark.parametrize("step", [step for step, (_, state) in STEPS.items() if state is OutboxState.SENDING])
def test_where_the_vendor_cannot_be_read_back_nothing_is_repeated_without_a_person(world, step, monkeypatch):
    world.vendor.readable = False
    acted, _ = STEPS[step]
    die(world, step, monkeypatch)
    world.restart()
    for _ in range(3):
        world.dispatch()
        world.clock.advance(timedelta(minutes=30))
    assert world.row.state is OutboxState.AMBIGUOUS
    assert world.sent == acted


def test_another_run_while_the_lease_holds_touches_nothing(world, monkeypatch):
    die(world, "after reserve", monkeypatch)
    monkeypatch.undo()
    assert world.dispatch() == {}
    assert world.sent == 0


@pytest.mark.req("A68")
def test_a_message_carries_the_vendors_link_to_pay(tmp_path):
    made = World(tmp_path)
    made.store.resolve(made.row.id, outcome="not-sent", by="me", now=made.clock.now())
    review(
        made.store, RULES, now=made.clock.now(), run_id="r", full=True, pay_link=lambda item: f"https://pay.example/{item.ref}"
    )
    (row,) = made.store.outbox(states=[OutboxState.QUEUED])
    assert "https://pay.example/I1" in row.action.text
    assert 'href="https://pay.example/I1"' in row.action.html
    made.store.close()


@pytest.mark.req("A68")
def test_of_two_invoices_of_one_number_neither_gets_the_others_link_to_pay(tmp_path):
    made = World(tmp_path)
    made.vendor.put(invoice("I2", 31_415, number="10I1"))
    made.pull()
    made.store.resolve(made.row.id, outcome="not-sent", by="me", now=made.clock.now())
    review(
        made.store, RULES, now=made.clock.now(), run_id="r", full=True, pay_link=lambda item: f"https://pay.example/{item.ref}"
    )
    (row,) = made.store.outbox(states=[OutboxState.QUEUED])
    assert len(row.action.invoices) == 2
    assert "https://pay.example/" not in row.action.text
    made.store.close()
