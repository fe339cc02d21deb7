"""Examining what changed ends where examining everything does: the same findings, resolved and open, after any changes."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

import core.review as room
from core.clock import ManualClock
from core.findings import FindingState
from core.ports import StreamInfo
from core.pull import pull_connection
from core.records import CreditNote, Deposit, Invoice, Party, Payment, Ref, Role, Stream
from core.review import review
from core.store import open_store
from tests.corpus.books import clean_books
from tests.corpus.books_drafts import BOOKS
from tests.corpus.books_faults import plant
from tests.corpus.books_words import bill, deposit, party, pay
from tests.unit.shell.test_dispatch import RULES
from tests.unit.shell.vendor import NAME, NOW, Vendor

LATER = NOW.replace(month=5, day=5)
STREAMS = {Party: Stream.PARTIES, Invoice: Stream.INVOICES, Payment: Stream.PAYMENTS}
MORE = {CreditNote: Stream.CREDIT_NOTES, Deposit: Stream.DEPOSITS}


class Books(Vendor):
    """The vendor with credit notes and deposits as well."""

    def streams(self):
        return {stream: StreamInfo(stream=stream) for stream in {**STREAMS, **MORE}.values()}


class Office:
    """A store fed by one vendor, reviewed bit by bit."""

    def __init__(self, folder, records):
        self.clock = ManualClock(LATER)
        self.store = open_store(f"sqlite:///{folder}/duesync.db", clock=self.clock)
        self.store.migrate()
        self.store.set_roles({NAME: Role.BOOKS})
        self.vendor = Books(page_size=1000).put(*records)
        self.turn(full=True)

    def turn(self, *, full=False):
        pull_connection(self.vendor, self.store, connection=NAME, clock=self.clock, run_id="p", accept_deletes=True)
        return review(self.store, RULES, now=self.clock.now(), run_id="r", full=full, enqueue=False)

    def open(self):
        held = self.store.findings(states=[FindingState.OPEN])
        return {(item.finding.fingerprint, item.finding.account, str(item.finding.at_stake)) for item in held}

    def kinds(self):
        return sorted(str(item.finding.kind) for item in self.store.findings(states=[FindingState.OPEN]))


@pytest.fixture
def office(tmp_path):
    opened = []

    def make(records):
        opened.append(Office(tmp_path, records))
        return opened[-1]

    yield make
    for one in opened:
        one.store.close()


def changed(chance, record, clients):
    """The record as a person might have edited it; None: deleted."""
    what = chance.choice(("client", "memo", "memo", "amount", "amount", "delete"))
    if what == "client" and isinstance(record, Invoice | Payment):
        return replace(record, party_ref=Ref(chance.choice(clients)))
    if what == "memo" and isinstance(record, Payment):
        return replace(record, memo=f"Payment INV-{10000 + chance.randrange(900)}")
    if what == "amount" and isinstance(record, Invoice):
        return replace(record, open=record.total)
    return None if what == "delete" and not isinstance(record, Party) else record


@pytest.mark.parametrize("seed", [3, 4])
def test_reviews_of_what_changed_end_where_a_full_one_does(office, seed):
    drafts = plant(clean_books(seed, clients=14, months=6), seed, each=1)
    chance = random.Random(seed)
    records = [item for item in drafts.records() if item.connection == BOOKS]
    here = office(records)
    examined = []
    for _ in range(8):
        record = chance.choice(records)
        fresh = changed(chance, record, list(drafts.clients))
        here.vendor.remove(record)
        records.remove(record)
        if fresh is not None:
            records.append(fresh)
            here.vendor.put(fresh)
        examined.append(here.turn().accounts)
        seen = here.open()
        assert examined[-1] <= here.turn(full=True).accounts
        assert here.open() == seen
    assert min(examined) < 8, "nothing was examined bit by bit"


def test_income_that_names_a_client_in_its_memo_alone_is_seen_at_once(office):
    here = office(
        [party("C", "Harbor Dental"), party("D", "Ridge Law"), bill("A1", "512.34", "04-01"), bill("B", "80", "04-01", of="D")]
    )
    income = deposit("B1", "512.34", "04-20", memo="ACH Harbor Dental")
    here.vendor.put(income)
    assert here.turn().accounts < 2
    assert here.kinds() == ["deposit_to_income"]
    here.vendor.remove(income)
    here.turn()
    assert here.kinds() == []


def test_what_time_alone_brings_is_seen_on_the_new_day_without_any_change(office):
    here = office([party("C", "Harbor Dental"), bill("A1", "300", "04-01"), pay("P1", "300", "2026-05-06", reference="INV-A1")])
    assert here.kinds() == []
    here.clock.advance(timedelta(days=2))
    here.turn()
    assert here.kinds() == ["unapplied_payment"]


def test_an_unreadable_row_is_a_finding_at_the_next_review_and_none_when_it_is_mended(office):
    here = office([party("C", "Harbor Dental"), bill("A1", "300", "04-01")])
    here.vendor.broken_rows = ("A9",)
    here.turn()
    assert "malformed_record" in here.kinds()
    here.vendor.broken_rows = ()
    here.turn()
    assert here.kinds() == []


def test_the_findings_of_a_client_that_is_gone_end_at_once(office):
    copies = [bill("A1", "512.34", "04-01", of="D"), bill("A2", "512.34", "04-01", of="D")]
    gone = party("D", "Ridge Law")
    here = office([party("C", "Harbor Dental"), gone, *copies])
    assert here.kinds() == ["duplicate_invoice"]
    for record in (gone, *copies):
        here.vendor.remove(record)
    here.turn()
    assert here.kinds() == []


def test_other_rules_examine_everything_again(office, monkeypatch):
    records = [party("C", "Harbor Dental"), bill("A1", "1000", "03-01", "120"), pay("P1", "880", "04-01", {"A1": "880"})]
    here = office(records)
    assert here.kinds() == []
    wider = replace(RULES, reconcile=RULES.reconcile.model_copy(update={"short_payment_percent": 15}))
    monkeypatch.setattr(room, "touched_accounts", lambda *_, **__: pytest.fail("only what changed was examined"))
    review(here.store, wider, now=LATER, run_id="r", enqueue=False)
    assert here.kinds() == ["short_payment"]
