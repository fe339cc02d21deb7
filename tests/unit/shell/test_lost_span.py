"""A store restored from yesterday: nobody hears a thing twice because the store forgot, and nobody is forgotten for good."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from core.actions import PostNote
from core.dispatch import dispatch
from core.lost_span import MAY_HAVE_GONE, end_lost_span, lost_span
from core.outbox import OutboxState, Queued
from core.records import Ref, Stream
from core.review import review
from core.store import open_store, restore_backup
from scheduler.jobs import resume_sending
from tests.unit.shell.test_dispatch import RULES, World
from tests.unit.shell.vendor import NAME, NOW, invoice

A_DAY = timedelta(days=1)
pytestmark = pytest.mark.own_store  # puts a file in a file's place; tests/store/test_restoring.py does both kinds


class Drill(World):
    """The world of the dispatch tests, a backup of its store, and the restore of that a day later."""

    def __init__(self, folder):
        super().__init__(folder)
        self.file = folder / "yesterday.db"

    def backup(self):
        self.store.backup(self.file)

    def restore(self, *, resumed=True):
        """The store is lost and comes back as it was at the backup; the vendors are pulled, a person lifts the pause."""
        self.store.close()
        self.clock.advance(A_DAY)
        restore_backup(self.file, self.url, clock=self.clock, by="ann", now=self.clock.now(), force=True)
        self.store = open_store(self.url, clock=self.clock)
        self.pull()
        if resumed:
            resume_sending(self, "ann")

    @property
    def zone(self):
        return "America/Chicago"

    def review(self):
        review(self.store, RULES, now=self.clock.now(), run_id="r", full=True)

    def states(self):
        return [row.state for row in self.store.outbox()]


@pytest.fixture
def drill(tmp_path):
    made = Drill(tmp_path)
    yield made
    made.store.close()


def test_a_message_sent_since_the_backup_is_found_at_its_channel_and_not_repeated(drill):
    drill.backup()
    assert drill.dispatch() == {"settled": 1}
    drill.restore()
    assert drill.states() == [OutboxState.QUEUED]
    assert drill.dispatch() == {"settled": 1}
    assert drill.sent == 1
    ((contact,),) = drill.store.contacts().values()
    assert contact.outbox_id == drill.row.id
    assert drill.row.receipt.found
    assert drill.store.verify_journal().ok


def test_a_message_that_cannot_be_looked_for_waits_for_a_person(drill):
    drill.backup()
    drill.dispatch()
    drill.restore()
    drill.vendor.readable = False
    assert drill.dispatch() == {"held_back": 1}
    assert (drill.states(), drill.sent) == ([OutboxState.DRAFT], 1)
    assert MAY_HAVE_GONE in drill.row.reasons


def test_not_found_is_no_proof_for_a_client_a_person_decides(drill):
    """The message that went named two invoices, the one decided after the restore names the one still open: another key."""
    other = invoice("I2", cents=31_700, issued_on=date(2026, 3, 1), due_on=date(2026, 3, 16))
    drill.vendor.put(other)
    drill.pull()
    drill.store.drop(drill.row, "decided anew with both", now=drill.clock.now())
    drill.backup()
    drill.review()
    assert drill.dispatch() == {"settled": 1}
    drill.vendor.remove(other)
    drill.restore()
    drill.review()
    assert drill.dispatch() == {"held_back": 1}
    assert drill.sent == 1
    went, again = list(drill.vendor.done), [row.key for row in drill.store.outbox(states=[OutboxState.DRAFT])]
    assert went != again


def test_what_a_person_approved_after_the_restore_goes_once(drill):
    drill.backup()
    drill.restore()
    assert drill.dispatch() == {"held_back": 1}
    assert drill.dispatch() == {}
    drill.store.approve(drill.row.id, by="ann", now=drill.clock.now())
    assert drill.dispatch() == {"settled": 1}
    assert drill.sent == 1


def test_a_draft_of_the_backup_that_went_since_is_found_though_a_person_approves_it_again(drill):
    row = drill.store.reserve(now=drill.clock.now(), by="w", lease_seconds=60)
    drill.store.hold_back(row, "as a draft", drill.clock.now())
    drill.backup()
    drill.store.approve(row.id, by="ann", now=drill.clock.now())
    drill.dispatch()
    drill.restore()
    drill.store.approve(row.id, by="bea", now=drill.clock.now())
    assert drill.dispatch() == {"settled": 1}
    assert drill.sent == 1
    assert drill.row.receipt.found


def test_nothing_goes_while_the_restored_store_is_paused(drill):
    drill.backup()
    drill.restore(resumed=False)
    drill.dispatch()
    assert drill.sent == 0
    assert drill.states() == [OutboxState.DROPPED]  # after half a day a message is decided anew


def test_when_a_person_ends_the_span_messages_go_as_before(drill):
    drill.backup()
    drill.restore()
    assert end_lost_span(drill.store, by="ann", now=drill.clock.now()) is not None
    assert drill.dispatch() == {"settled": 1}
    assert drill.sent == 1


NOTE = PostNote(connection=NAME, account="books:P1", stream=Stream.INVOICES, ref=Ref("I1"), text="held", cause="hold h1")


def noted(drill):
    drill.store.enqueue([Queued(action=NOTE, reasons=("r",), not_before=NOW)], now=drill.clock.now(), run_id=None)
    (row,) = (item for item in drill.store.outbox() if item.action == NOTE)
    return row.id


def test_a_note_is_not_written_twice_and_one_never_written_is(drill):
    row_id = noted(drill)
    drill.backup()
    drill.dispatch()
    drill.restore()
    drill.dispatch()
    assert drill.vendor.done[drill.store.outbox_row(row_id).key] == 1
    drill.vendor.done.clear()
    drill.restore()
    drill.dispatch()
    assert drill.store.outbox_row(row_id).state is OutboxState.SETTLED
    assert drill.vendor.done == {drill.store.outbox_row(row_id).key: 1}


def test_a_note_that_cannot_be_looked_for_is_tried_again_later_not_written(drill):
    row_id = noted(drill)
    drill.backup()
    drill.restore()
    drill.vendor.readable = False
    drill.dispatch()
    row = drill.store.outbox_row(row_id)
    assert (row.state, drill.sent) == (OutboxState.QUEUED, 0)
    assert "cannot be told" in row.error


def test_a_store_that_was_never_restored_knows_of_no_span(drill):
    assert lost_span(drill.store) is None
    assert dispatch(drill.store, RULES, drill.opened, clock=drill.clock, by="w").summary() == {"settled": 1}
