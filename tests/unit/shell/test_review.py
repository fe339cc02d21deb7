"""Review: one account that cannot be examined, decided on or written to stops no other."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

import core.review as room
import core.telling as telling
from core.actions import SetField
from core.clock import ManualClock
from core.dunning.pushback import PushbackSettings, Target
from core.errors import StoreBusy, StoreError
from core.holds import Hold, HoldKind
from core.pull import pull_connection
from core.records import Ref, Role
from core.review import FAILED, review
from core.store import open_store
from tests.unit.shell.test_dispatch import RULES
from tests.unit.shell.vendor import NAME, NOW, Vendor, invoice, party


@pytest.fixture
def store(tmp_path):
    clock = ManualClock(NOW)
    opened = open_store(f"sqlite:///{tmp_path}/duesync.db", clock=clock)
    opened.migrate()
    opened.set_roles({NAME: Role.BOOKS})
    vendor = Vendor()
    for number in ("1", "2", "3"):
        vendor.put(party(f"P{number}"), invoice(f"I{number}", cents=10_000 + int(number), party_ref=Ref(f"P{number}")))
    pull_connection(vendor, opened, connection=NAME, clock=clock, run_id="p")
    yield opened
    opened.close()


def examine(store, full=True):
    return review(store, RULES, now=NOW, run_id="r", full=full)


def queued(store):
    return sorted(row.action.account for row in store.outbox() if not isinstance(row.action, SetField))


def broken_for(original, account_of, bad="books:P2"):
    """`original`, failing for one account as a fault of ours would."""

    def broken(*args, **kwargs):
        if account_of(*args, **kwargs) in (bad, True):
            raise ZeroDivisionError("a fault nobody foresaw")
        return original(*args, **kwargs)

    return broken


@pytest.mark.parametrize("full", [True, False])
def test_an_account_that_cannot_be_examined_waits_and_its_neighbours_go_on(store, monkeypatch, full):
    original = room.reconcile
    with monkeypatch.context() as patch:
        patch.setattr(
            room, "reconcile", broken_for(original, lambda _, accounts, **__: accounts is None or "books:P2" in accounts)
        )
        examine(store, full)
    assert queued(store) == ["books:P1", "books:P3"]
    assert store.setting(FAILED) == ["books:P2"]
    examine(store, full=False)
    assert queued(store) == ["books:P1", "books:P2", "books:P3"]
    assert store.setting(FAILED) == []


def test_an_account_that_cannot_be_decided_on_stops_no_other(store, monkeypatch):
    monkeypatch.setattr(room, "decide", broken_for(room.decide, lambda books, **_: books.account.id))
    examine(store)
    assert queued(store) == ["books:P1", "books:P3"]


def test_an_account_that_cannot_be_written_to_stops_no_other(store, monkeypatch):
    monkeypatch.setattr(room, "to_queued", broken_for(room.to_queued, lambda entry, *_, **__: entry.account))
    examine(store)
    assert queued(store) == ["books:P1", "books:P3"]


def test_a_fault_of_every_account_is_raised(store, monkeypatch):
    monkeypatch.setattr(room, "reconcile", broken_for(room.reconcile, lambda *_, **__: True))
    with pytest.raises(ZeroDivisionError):
        examine(store)
    assert queued(store) == []


def test_a_review_waits_for_another_and_says_so_when_it_does_not_end(store, monkeypatch):
    monkeypatch.setattr(room, "_WAIT_SECONDS", 0.0)
    with store.alone("review", wait=0.0, busy=StoreBusy("taken")), pytest.raises(StoreBusy, match="Another review"):
        examine(store)
    assert queued(store) == []
    examine(store)
    assert queued(store) == ["books:P1", "books:P2", "books:P3"]


def test_a_review_that_cannot_vouch_for_being_alone_any_more_stores_nothing_further(store, monkeypatch):
    @contextmanager
    def lost(what, *, wait, busy):
        def check():
            if store.outbox():
                raise StoreError("the session is gone")

        yield check

    monkeypatch.setattr(store, "alone", lost)
    with pytest.raises(StoreError, match="gone"):
        examine(store)
    assert queued(store) == ["books:P1"]
    assert store.setting(room.WATERMARK) is None


def test_a_client_who_cannot_be_told_of_stops_neither_the_others_nor_the_review(store, monkeypatch):
    rules = replace(RULES, pushback=(Target(connection=NAME, settings=PushbackSettings(hold="custom:Hold"), draft=False),))
    for ref in ("P1", "P2", "P3"):
        store.place_hold(
            Hold(id=ref, kind=HoldKind.DISPUTE, account=f"books:{ref}", reason="", placed_at=NOW, placed_by="me", invoice=None)
        )
    original = telling.push_back
    with capture_logs() as lines, monkeypatch.context() as patch:
        patch.setattr(telling, "push_back", broken_for(original, lambda standing, *_: standing.books.account.id))
        report = review(store, rules, now=NOW, run_id="r", full=True)
    assert report.set_aside == ["books:P2"]
    assert [line["accounts"] for line in lines if line["event"] == "account.untold"] == [["books:P2"]]
    assert sorted(row.action.account for row in store.outbox() if isinstance(row.action, SetField)) == ["books:P1", "books:P3"]
    assert int(store.setting(room.WATERMARK)) > 0
    assert review(store, rules, now=NOW, run_id="r2").set_aside == []
    assert len([row for row in store.outbox() if isinstance(row.action, SetField)]) == 3
