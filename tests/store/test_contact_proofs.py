"""The contact log against the journal: every entry has its line there, and an edit, a cut or an insertion by hand is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.actions import PostNote, Receipt
from core.books import Account
from core.outbox import ContactKind, PastContact, Queued
from core.records import RecordKey, Ref, Stream
from core.store import Store
from tests.store.test_journal import tamper
from tests.store.world import BOOKS, NOW, page, party, queued, reminder

REPLY = PastContact(
    account="books:1",
    kind=ContactKind.REPLY,
    at=NOW,
    channel="mail",
    to=("ap@x.example",),
    subject="Re: 10",
    outcome="paid today",
)


def send(store: Store, ref: str) -> None:
    store.enqueue([queued(reminder(ref))], now=NOW, run_id=None)
    row = store.reserve(now=NOW, by="w", lease_seconds=60)
    assert row is not None
    store.settle(store.start_sending(row, (), now=NOW), Receipt(ref="m"), NOW)


@pytest.fixture
def spoken(store: Store) -> Store:
    """A reminder, a reply, a bounce and a call."""
    send(store, "10")
    for kind in (ContactKind.REPLY, ContactKind.BOUNCE, ContactKind.CALL):
        store.log_contact(replace(REPLY, kind=kind), by="ann")
    return store


@pytest.mark.req("A98", "A108")
def test_every_entry_is_in_the_journal_with_a_hash_of_its_content(spoken: Store) -> None:
    lines = [entry for entry in spoken.journal_entries() if entry.kind.startswith("contact.")]
    assert [line.kind for line in lines] == ["contact.message", "contact.reply", "contact.bounce", "contact.call"]
    assert [line.actor for line in lines] == ["w", "ann", "ann", "ann"]
    assert all(item.content_hash for group in spoken.contacts().values() for item in group)
    check = spoken.verify_contacts()
    assert (check.ok, check.entries, check.earlier, check.problems) == (True, 4, 0, ())
    assert spoken.verify_journal().ok


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("update contact_log set subject = 'Nothing was said' where seq = 2", "entry 2 (reply"),
        ("update contact_log set recipients = '[]' where seq = 2", "entry 2 (reply"),
        ("update contact_log set at = '2020-01-01 00:00:00+00:00' where seq = 1", "entry 1 (message"),
        ("update contact_log set content_hash = '0' where seq = 1", "entry 1 (message"),
        ("update contact_log set outcome = 'left message' where seq = 4", "entry 4 (call"),
        ("update contact_log set kind = 'note' where seq = 4", "entry 4 (note"),
        ("update contact_log set invoices = '[]' where seq = 1", "entry 1 (message"),
        ("update contact_log set account = 'books:2' where seq = 3", "entry 3 (bounce"),
        ("update contact_log set waived = not waived where seq = 3", "entry 3 (bounce"),
        ("delete from contact_log where seq = 3", "entry 3 (bounce of 2026-05-05) is missing"),
        ("delete from contact_log where seq = 4", "entry 4 (call of 2026-05-05) is missing"),
    ],
)
def test_an_entry_changed_or_removed_by_hand_is_named(spoken: Store, statement: str, said: str) -> None:
    spoken.commit_page(page(party("1"), stream=Stream.PARTIES), connection=BOOKS, run_id="r", now=NOW)
    tamper(spoken, statement)
    check = spoken.verify_contacts()
    assert not check.ok
    assert [text for text in check.problems if said in text], check.problems
    assert len(check.problems) == 1


def test_an_entry_put_in_by_hand_is_named(spoken: Store) -> None:
    columns = "account, kind, at, channel, invoices, recipients, subject, content_hash, outcome, waived"
    tamper(spoken, f"insert into contact_log ({columns}) select {columns} from contact_log where seq = 2")
    assert spoken.verify_contacts().problems == (
        "contact log entry 5 (reply of 2026-05-05): put in by hand, the journal has none",
    )


def test_entries_from_before_they_were_journaled_are_counted_and_not_blamed(store: Store, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("core.store.contacts.append", lambda *args, **kwargs: None)
        store.log_contact(REPLY)
    assert (store.verify_contacts().ok, store.verify_contacts().earlier) == (True, 1)
    store.log_contact(REPLY)
    check = store.verify_contacts()
    assert (check.ok, check.entries, check.earlier) == (True, 2, 1)


def test_what_time_and_the_law_take_away_is_no_tampering(spoken: Store) -> None:
    assert spoken.forget_messages(NOW + timedelta(days=1)) > 0
    assert spoken.verify_contacts().ok
    tamper(spoken, "update contact_log set outcome = 'promised' where seq = 4")
    assert not spoken.verify_contacts().ok, "its outcome is no word that retention takes"


def test_a_client_erased_or_joined_to_another_is_no_tampering(spoken: Store) -> None:
    some = page(party("1"), party("2"), stream=Stream.PARTIES)
    spoken.commit_page(some, connection=BOOKS, run_id="r", now=NOW)
    keys = tuple(RecordKey(BOOKS, Stream.PARTIES, Ref(ref)) for ref in ("1", "2"))
    spoken.save_accounts([Account(id="acme", name="Acme", parties=keys)])
    assert {item.account for item in spoken.contacts()["acme"]} == {"acme"}
    assert spoken.verify_contacts().ok
    spoken.erase("acme", by="ann", reason="asked", now=NOW + timedelta(hours=1))
    assert [entry.detail for entry in spoken.journal_entries(subject="contact/2")] == [None]
    assert spoken.verify_contacts().ok
    assert spoken.verify_journal().ok


@pytest.mark.req("A98")
def test_what_was_done_is_in_the_journal_with_its_hash_and_an_edit_shows(store: Store) -> None:
    note = PostNote(connection=BOOKS, account="books:1", stream=Stream.INVOICES, ref=Ref("10"), text="told", cause="c")
    store.enqueue([Queued(action=note, reasons=("r",), not_before=NOW)], now=NOW, run_id=None)
    row = store.reserve(now=NOW, by="w", lease_seconds=60)
    assert row is not None
    store.settle(store.start_sending(row, (), now=NOW), Receipt(ref="n1"), NOW)
    send(store, "10")
    assert store.verify_contacts().ok
    tamper(store, f"update outbox set action = replace(action, 'told', 'nothing') where id = '{row.id}'")
    assert [text for text in store.verify_contacts().problems if row.id in text]
    assert len(store.verify_contacts().problems) == 1
    store.forget_messages(NOW + timedelta(days=1))
    assert store.verify_contacts().ok, "its words are forgotten"
