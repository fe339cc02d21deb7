"""The daily housekeeping: what has had its time goes, everything else stays, and the review misses nothing."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

import pytest

from core.actions import Receipt
from core.clock import ManualClock
from core.outbox import OutboxState
from core.records import RecordKey, Ref, Stream
from core.settings import Loaded, Settings
from core.store import Store, open_store
from scheduler.app import App
from scheduler.housekeeping import keep_house
from scheduler.jobs import review_accounts
from tests.store.test_copying import fill
from tests.store.world import BOOKS, NOW, invoice, page, queued, reminder

DAY = timedelta(days=1)
BASE = {"organisation": {"name": "N", "timezone": "UTC", "currency": "USD", "country": "US"}}


@pytest.fixture
def app(tmp_path):
    clock = ManualClock(NOW)
    store = open_store(f"sqlite:///{tmp_path}/s.db", clock=clock)
    store.migrate()
    fill(store)
    yield App(Loaded(settings=Settings.model_validate(BASE), connectors={}, folder=tmp_path), clock, store)
    store.close()


def with_rules(app: App, **rules: str) -> App:
    app.loaded = replace(app.loaded, settings=Settings.model_validate({**BASE, "retention": rules}))
    return app


def settled(store: Store) -> str:
    (row,) = store.outbox(states=[OutboxState.SETTLED])
    return row.action.text


def test_nothing_goes_before_its_time(app):
    app.clock.advance(89 * DAY)
    before = {item.table: item.digest for item in app.store.fingerprint()}
    assert set(keep_house(app).values()) == {0}
    assert {item.table: item.digest for item in app.store.fingerprint()} == before


def test_each_rule_takes_what_is_its_own(app):
    review_accounts(app, full=True)
    app.store.finish_run(app.store.start_run("sync", NOW), "done", {}, NOW)
    app.store.commit_page(page(deleted=("n7",), cursor="d"), connection=BOOKS, run_id="r", now=NOW)
    review_accounts(app, full=False)
    app.clock.advance(91 * DAY)
    app.store.commit_page(page(invoice("n8", memo="fresh"), cursor="e"), connection=BOOKS, run_id="r", now=app.clock.now())
    done = keep_house(app)
    assert (done["payloads"], done["messages"], done["deleted"]) == (0, 0, 1)
    assert done["changes"] > 300
    assert done["runs"] >= 1
    assert app.store.raw(RecordKey(BOOKS, Stream.INVOICES, Ref("n7"))) == b"{}"
    app.clock.advance(700 * DAY)
    assert keep_house(app)["payloads"] > 300
    assert app.store.raw(RecordKey(BOOKS, Stream.INVOICES, Ref("n9"))) == b"{}"
    assert app.store.raw(RecordKey(BOOKS, Stream.INVOICES, Ref("n8"))) != b"{}"
    assert settled(app.store)
    app.clock.advance(1500 * DAY)
    assert keep_house(app)["messages"] == 2
    assert settled(app.store) == ""
    ((contact,),) = app.store.contacts().values()
    assert (contact.to, contact.subject, contact.stage) == ((), "", "day-7")
    assert contact.content_hash
    assert app.store.verify_journal().ok
    assert set(keep_house(app).values()) == {0}


def test_a_change_no_review_has_seen_is_never_forgotten(app):
    app.clock.advance(200 * DAY)
    assert keep_house(app)["changes"] == 0
    assert app.store.changed_accounts(0)[0]


def test_a_message_still_to_be_sent_keeps_its_words(app):
    app.store.enqueue([queued(reminder("77"))], now=NOW, run_id="r")
    app.clock.advance(9999 * DAY)
    keep_house(app)
    (row,) = app.store.outbox(states=[OutboxState.QUEUED])
    assert row.action.text == "Please pay"
    reserved = app.store.reserve(now=app.clock.now(), by="w", lease_seconds=60)
    app.store.settle(app.store.start_sending(reserved, ()), Receipt(ref="x"), app.clock.now())


def test_a_rule_of_zero_keeps_for_ever(app):
    with_rules(app, payloads="0s", messages="0s", changes="0s", runs="0s")
    app.clock.advance(99_999 * DAY)
    assert set(keep_house(app).values()) == {0}


def test_an_erased_client_that_is_back_is_logged_once(app):
    from core import log

    stream = io.StringIO()
    log.configure("info", "json", stream)
    app.store.erase("one", by="ann", reason="r", now=NOW)
    keep_house(app)
    assert "erasure.undone" not in stream.getvalue()
    from tests.store.test_books import commit
    from tests.store.world import party

    commit(app.store, party("1", name="Back Again"))
    for _ in range(2):
        keep_house(app)
    assert stream.getvalue().count("erasure.undone") == 1
