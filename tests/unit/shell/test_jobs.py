"""The jobs: one review at a time, and a stop that begins nothing more."""

from __future__ import annotations

import threading

import pytest

from core.clock import ManualClock
from scheduler import jobs
from scheduler.app import open_app
from tests.system.commands import books
from tests.unit.shell.vendor import NOW


@pytest.fixture
def app(tmp_path):
    books(tmp_path, parties="ref,name\nP1,Acme\n")
    with open_app(tmp_path / "duesync.toml", clock=ManualClock(NOW), quiet=True) as opened:
        yield opened


def test_a_stop_begins_no_other_message(app, monkeypatch):
    asked = []
    monkeypatch.setattr(jobs, "dispatch", lambda *_, should_stop, **__: asked.append(should_stop()))
    jobs.dispatch_outbox(app)
    app.stopping.set()
    jobs.dispatch_outbox(app)
    assert asked == [False, True]


def test_two_reviews_never_look_at_the_same_time(app, monkeypatch):
    inside, most, gate = [], [], threading.Barrier(2)

    def review(*_, **__):
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.05)
        inside.pop()

    monkeypatch.setattr(jobs, "review", review)

    def one(full):
        gate.wait()
        jobs.review_accounts(app, full=full)

    threads = [threading.Thread(target=one, args=(full,)) for full in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1]
