"""What the gate is told just before a send: the newest word of every system and person, even while a vendor is slow."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from core.dispatch import dispatch
from core.errors import TakenUp
from core.holds import Hold, HoldKind
from core.money import Money
from core.outbox import OutboxState
from core.ports import OtherSender, Probe
from core.pull import pull_connection
from core.records import DocumentStatus, Payment, RecordKey, Role, Stream, key_of
from core.review import decisions, look, review
from core.senders import KNOWN_FOR
from core.withdrawing import withdraw_drafts
from tests.unit.shell.test_dispatch import RULES, World
from tests.unit.shell.vendor import NAME, NOW, Vendor, invoice, party


def hold(kind=HoldKind.BANKRUPTCY):
    return Hold(id="h", kind=kind, account=f"{NAME}:P1", placed_at=NOW, placed_by="me")


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.store.close()


@pytest.mark.req("A89")
def test_a_protected_client_is_written_to_once_a_person_approved_that_message(world):
    world.store.resolve(world.row.id, outcome="not-sent", by="me", now=NOW)
    world.store.place_hold(hold(HoldKind.PROTECTED))
    review(world.store, RULES, now=NOW, run_id="r", full=True)
    assert world.dispatch() == {}
    (draft,) = world.store.outbox(states=[OutboxState.DRAFT])
    world.store.approve(draft.id, by="ann", now=NOW)
    assert world.dispatch() == {"settled": 1}
    assert world.sent == 1


@pytest.mark.req("A97")
def test_a_draft_whose_days_are_out_of_date_is_taken_back_and_decided_again(world):
    world.store.resolve(world.row.id, outcome="not-sent", by="me", now=NOW)
    world.store.place_hold(hold(HoldKind.PROTECTED))
    review(world.store, RULES, now=NOW, run_id="r", full=True)
    (draft,) = world.store.outbox(states=[OutboxState.DRAFT])
    assert withdraw_drafts(world.store, NOW + timedelta(days=5)) == 0
    assert withdraw_drafts(world.store, NOW + timedelta(days=5, minutes=1)) == 1
    assert "out of date" in world.store.outbox_row(draft.id).error
    later = NOW + timedelta(days=6)
    world.clock.set(later)
    world.pull()
    review(world.store, RULES, now=later, run_id="r2", full=True)
    (fresh,) = world.store.outbox(states=[OutboxState.DRAFT])
    assert fresh.created_at == later


@pytest.mark.req("E53")
@pytest.mark.parametrize("what", ["hold", "pause"])
def test_a_hold_or_a_pause_that_comes_while_the_vendor_is_asked_stops_the_message(world, what):
    class Slow(Vendor):
        """Somebody acts while it takes its time to answer."""

        def probe(self):
            if what == "hold":
                world.store.place_hold(hold())
            else:
                world.store.pause("all", by="ann", reason="stop", now=NOW)
            return Probe(ok=True)

    world.vendor = Slow(rows=world.vendor.rows)
    assert "settled" not in world.dispatch()
    assert world.vendor.pushes == []


@pytest.mark.req("D10", "E28")
def test_what_another_sender_makes_impossible_is_held_back_instead_of_being_written_at_every_review(world):
    world.vendor.probe = lambda: Probe(ok=True, other_senders=(OtherSender(what="automatic reminders are on", certain=True),))
    assert world.dispatch() == {"dropped": 1}
    world.clock.advance(timedelta(minutes=15))
    for _ in range(3):
        report = review(world.store, RULES, now=world.clock.now(), run_id="r2", full=True)
        assert (report.queued, report.kept_back) == (0, 1)
    world.clock.advance(KNOWN_FOR)
    world.pull()
    review(world.store, RULES, now=world.clock.now(), run_id="r3", full=True)
    world.vendor.probe = lambda: Probe(ok=True)
    assert world.dispatch() == {"settled": 1}, "it is asked again after a day, and was switched off"


PSA = "psa"


class Two(World):
    """The same client and invoice in the books and in the PSA."""

    def __init__(self, folder):
        self.psa = Vendor().put(replace(party("C9"), connection=PSA), self.twin())
        self.rules = replace(RULES, roles={NAME: Role.BOOKS, PSA: Role.PSA}, systems={NAME: "csv", PSA: "csv"})
        super().__init__(folder)
        self.store.set_roles(self.rules.roles)
        for row in self.store.outbox():
            self.store.drop(row, "again", now=NOW)
        (account,) = self.store.accounts()
        self.pull_psa()
        mine = (*account.parties, RecordKey(PSA, Stream.PARTIES, "C9"))
        self.store.save_accounts([replace(account, parties=mine)])
        review(self.store, self.rules, now=NOW, run_id="r", full=True)

    @staticmethod
    def twin(**changes):
        return invoice(**{"connection": PSA, "party_ref": "C9", **changes})

    def pull_psa(self):
        pull_connection(self.psa, self.store, connection=PSA, clock=self.clock, run_id="p")

    @contextmanager
    def opened(self, name):
        yield self.psa if name == PSA else self.vendor

    def dispatch(self, **options):
        return dispatch(self.store, self.rules, self.opened, clock=self.clock, by="w1", **options).summary()

    @property
    def row(self):
        return self.store.outbox()[-1]


@pytest.fixture
def two(tmp_path):
    made = Two(tmp_path)
    yield made
    made.store.close()


def test_a_message_about_an_invoice_in_two_systems_asks_both_and_goes(two):
    assert two.dispatch() == {"settled": 1}


PAID = {"open": Money(0, "USD"), "status": DocumentStatus.CLOSED}
PARTLY = {"open": Money(20_000, "USD")}
VOID = {"status": DocumentStatus.VOID}


@pytest.mark.req("D1", "E1")
@pytest.mark.parametrize("change", [PAID, PARTLY, VOID, {"disputed": True}], ids=["paid", "partly", "void", "disputed"])
def test_what_only_the_psa_knows_stops_the_message(two, change):
    two.psa.put(two.twin(**change))
    assert two.dispatch() == {"dropped": 1}
    assert two.vendor.pushes == []
    assert PSA in two.row.error
    two.pull_psa()
    review(two.store, two.rules, now=NOW, run_id="r2", full=True)
    assert two.store.outbox(states=[OutboxState.QUEUED]) == (), "and the next review knows it too"


def test_a_psa_that_bills_without_tax_is_no_payment(two):
    two.psa.put(two.twin(total=Money(20_000, "USD"), open=Money(20_000, "USD")))
    answers = {item.question: item for item in two.dispatch() and two.row.gate}
    assert answers["signals"].ok or "mismatch" in answers["signals"].detail


@pytest.mark.req("D1")
def test_a_psa_that_cannot_be_asked_is_a_cannot_tell(two):
    real = two.psa.reread
    two.psa.reread = lambda stream, ref: (_ for _ in ()).throw(two_busy())
    assert two.dispatch() == {"postponed": 1}
    assert "psa could not be asked" in two.row.error
    two.psa.reread = real
    two.clock.advance(timedelta(minutes=10))
    assert two.dispatch() == {"settled": 1}


def two_busy():
    from core.errors import Transient

    return Transient("busy", connection=PSA)


@pytest.mark.req("D10", "E28")
@pytest.mark.parametrize("certain", [True, False])
def test_a_psa_that_reminds_is_a_second_sender_too(two, certain):
    two.psa.probe = lambda: Probe(ok=True, other_senders=(OtherSender(what="a workflow rule mails clients", certain=certain),))
    assert two.dispatch() == {"dropped" if certain else "settled": 1}
    (answer,) = [item for item in two.row.gate if item.question == "other senders"]
    assert "a workflow rule mails clients" in answer.detail, "what it hints at is on record as well"


def test_a_row_whose_client_was_joined_to_another_meets_that_ones_holds(world):
    (account,) = world.store.accounts()
    world.store.save_accounts([replace(account, id="joined")])
    world.store.place_hold(replace(hold(), account="joined"))
    assert world.row.action.account == "joined"
    assert world.dispatch() == {"dropped": 1}
    assert "bankruptcy" in world.row.error
    assert key_of(invoice()) in {RecordKey(NAME, Stream.INVOICES, item.ref) for item in world.row.action.invoices}


def test_a_row_that_another_worker_took_up_meanwhile_is_left_to_it_and_the_pass_goes_on(world):
    class Stalled(Vendor):
        """While it is asked, our lease runs out and another worker takes the row."""

        def probe(self):
            world.store.recover(world.clock.now(), everything=True)
            assert world.store.reserve(now=world.clock.now(), by="other", lease_seconds=600) is not None
            return Probe(ok=True)

    world.vendor = Stalled(rows=world.vendor.rows)
    assert world.dispatch() == {"lost": 1}
    assert (world.row.state, world.row.reserved_by) == (OutboxState.RESERVED, "other")
    assert world.vendor.pushes == []


def drafted(world):
    """The message waits for approval."""
    rules = replace(RULES, dunning=RULES.dunning.model_copy(update={"mode": "draft"}))
    world.store.resolve(world.row.id, outcome="not-sent", by="me", now=NOW)
    review(world.store, rules, now=NOW, run_id="r", full=True)
    (draft,) = world.store.outbox(states=[OutboxState.DRAFT])
    return draft, rules


@pytest.mark.req("E6", "E16")
def test_a_draft_about_an_invoice_that_changed_is_taken_back_and_blocks_nothing(world):
    draft, rules = drafted(world)
    assert world.dispatch() == {}, "what is still true waits"
    world.vendor.put(invoice(open=Money(20_000, "USD")))
    world.pull()
    assert world.dispatch() == {"withdrawn": 1}
    row = world.store.outbox_row(draft.id)
    assert (row.state, "changed while it waited" in row.error) == (OutboxState.DROPPED, True)
    review(world.store, rules, now=NOW, run_id="r2", full=True)
    (again,) = world.store.outbox(states=[OutboxState.DRAFT])
    assert "$200.00" in again.action.text


def test_a_draft_that_was_approved_this_moment_is_not_taken_back(world):
    draft, _ = drafted(world)
    world.store.approve(draft.id, by="ann", now=NOW)
    with pytest.raises(TakenUp):
        world.store.withdraw(draft.id, "stale", NOW)
    assert world.store.outbox_row(draft.id).state is OutboxState.QUEUED


@pytest.mark.req("E1", "D1")
def test_a_bank_row_of_nobody_known_is_looked_at_before_anybody_is_reminded(world):
    """Its money may be this client's: pulled after the review that decided, it waits for the next."""
    nobody = Payment(
        connection=NAME, ref="Q9", party_ref=None, amount=Money(25_000, "USD"), unapplied=Money(25_000, "USD"), paid_on=NOW.date()
    )
    world.vendor.put(nobody)
    world.pull()
    assert world.dispatch() == {"postponed": 1}
    assert "money of nobody known came in" in world.row.error
    review(world.store, RULES, now=NOW, run_id="r2")
    world.clock.advance(timedelta(minutes=10))
    assert world.dispatch().keys() <= {"settled", "dropped"}, "the review has said whether it is this client's"


@pytest.mark.req("E1", "D1")
@pytest.mark.parametrize("words", [{"memo": "ACH 10I1 THANK YOU"}, {"payer": "CLIENT P1"}], ids=["number", "name"])
def test_a_bank_row_that_names_the_invoice_or_its_client_stops_the_reminder_and_is_a_task(world, words):
    row = Payment(
        connection=NAME, ref="Q9", party_ref=None, amount=Money(25_000, "USD"), unapplied=Money(25_000, "USD"), paid_on=NOW.date()
    )
    world.vendor.put(replace(row, **words))
    world.pull()
    review(world.store, RULES, now=NOW, run_id="r2")
    world.clock.advance(timedelta(minutes=10))
    assert world.dispatch() == {"dropped": 1}, "what was queued before the bank said so"
    assert world.sent == 0
    view = look(world.store, RULES, now=world.clock.now(), today=NOW.date())
    (decision,) = decisions(world.store, RULES, view, now=world.clock.now())
    assert decision.outgoing == ()
    assert [task.kind for task in decision.tasks if task.text.startswith("apply the payment?")] == ["lookalike"]


@pytest.mark.req("E36", "E1")
def test_money_booked_under_a_second_record_of_the_client_stops_the_reminder_and_what_is_queued(world):
    """The finding is made for the other record's account; the invoice it names is this one's."""
    row = Payment(
        connection=NAME,
        ref="Q9",
        party_ref="P2",
        amount=Money(25_000, "USD"),
        unapplied=Money(25_000, "USD"),
        paid_on=NOW.date(),
        memo="invoice 10I1",
    )
    world.vendor.put(party("P2", email="other@client.example"), row)
    world.pull()
    review(world.store, RULES, now=NOW, run_id="r2", enqueue=False)
    assert world.dispatch() == {"dropped": 1}
    assert world.sent == 0
    review(world.store, RULES, now=NOW, run_id="r3", full=True)
    assert world.dispatch() == {}, "nothing is written anew"


@pytest.mark.req("E1", "E49")
@pytest.mark.parametrize("whose", ["P1", "P2", None])
def test_a_row_of_the_client_that_cannot_be_read_stops_what_is_queued(world, whose):
    world.vendor.broken_rows, world.vendor.broken_of = ("B9",), whose
    world.pull()
    review(world.store, RULES, now=NOW, run_id="r", full=True, enqueue=False)
    assert world.dispatch() == ({"dropped": 1} if whose == "P1" else {"settled": 1})
    if whose == "P1":
        assert "cannot be read, so nobody can tell what is owed" in world.store.outbox_row(world.row.id).error
