"""What must hold whichever database the store is in, once more on PostgreSQL: dispatch and its crashes, commands, the daemon."""

from __future__ import annotations

import json
import os
import signal

import pytest

from core.clock import SystemClock
from core.store import open_store
from tests.on_postgres import redirected
from tests.system import test_daemon
from tests.system.commands import books
from tests.system.inline import inline
from tests.system.test_commands import INVOICES, PARTIES, PAYMENTS
from tests.unit.shell import test_dispatch

DISPATCH = [
    test_dispatch.test_a_message_that_is_still_right_goes_and_is_on_record_with_its_reasons,
    test_dispatch.test_cash_that_came_in_since_the_decision_stops_the_message,
    test_dispatch.test_a_pause_holds_what_is_queued_and_resuming_lets_it_go,
    test_dispatch.test_a_postponed_message_goes_when_the_vendor_is_back,
    test_dispatch.test_a_lost_answer_is_read_back_and_never_repeated,
    test_dispatch.test_a_lost_answer_that_cannot_be_read_back_waits_for_a_person_and_blocks_its_repetition,
]
DEATHS = test_dispatch.STEPS


@pytest.fixture
def there(postgres):
    """Every store opened in the test is on PostgreSQL."""
    with redirected(postgres.url):
        yield postgres


@pytest.fixture
def world(there, tmp_path):
    made = test_dispatch.World(tmp_path)
    assert not made.store._db.is_sqlite
    yield made
    made.store.close()


@pytest.mark.parametrize("claim", DISPATCH, ids=lambda claim: claim.__name__.removeprefix("test_"))
def test_dispatch_on_postgresql(world, claim):
    claim(world)


@pytest.mark.parametrize("step", DEATHS)
def test_a_process_that_dies_anywhere_sends_exactly_once_on_postgresql(world, step, monkeypatch):
    test_dispatch.test_a_process_that_dies_anywhere_leaves_a_state_that_tells_and_the_next_sends_exactly_once(
        world, step, monkeypatch
    )


@pytest.fixture
def on_server(postgres, tmp_path):
    """A folder of books whose configuration names a schema of the server, as an operator would."""
    books(tmp_path, parties=PARTIES, invoices=INVOICES, payments=PAYMENTS)
    config = tmp_path / "duesync.toml"
    url = f"{postgres.url}?schema=commands_{os.getpid()}_{abs(hash(tmp_path)) % 10**6}"
    config.write_text(config.read_text().replace("sqlite:///duesync.db", url))
    return tmp_path, url


@pytest.mark.own_store
def test_the_commands_of_a_first_day_on_postgresql(on_server):
    folder, url = on_server
    for words in (["sync"], ["reconcile"], ["findings", "list"], ["preview"], ["report", "ageing"], ["account", "list"]):
        ran = inline(folder, *words, "--json")
        assert ran.code in (0, 1), (words, ran.err)
        assert ran.json is not None
    account = inline(folder, "account", "list", "--json").json[0]["account"]
    assert inline(folder, "hold", "add", "dispute", account, "--reason", "wrong").code == 0
    assert inline(folder, "journal", "verify", "--json").json["ok"]
    assert inline(folder, "backup", "b.db").code == 0
    refused = inline(folder, "restore", "b.db")
    assert (refused.code, "--force" in refused.err) == (2, True)
    assert inline(folder, "restore", "b.db", "--force").code == 0
    store = open_store(url, clock=SystemClock())
    assert "all" in store.paused()
    assert len(store.holds()) == 1
    store.close()


@pytest.mark.own_store
def test_the_daemon_works_and_drains_on_postgresql(on_server):
    folder, _ = on_server
    config = folder / "duesync.toml"
    config.write_text(config.read_text() + test_daemon.QUICK)
    with test_daemon.daemon(folder) as running:
        running.until("review.done", 2)
        status, ready = running.get("/readyz")
        assert (status, json.loads(ready)["ready"]) == (200, True)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=60) == 0
