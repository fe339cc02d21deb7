"""One attempt at a job: recorded once, and for a tick of a shared clock done once however many workers try."""

from __future__ import annotations

import pytest

from core.clock import ManualClock
from core.errors import Transient
from scheduler.app import open_app
from scheduler.jobs import jobs
from scheduler.runner import Job, Runner, current_run
from tests.system.commands import books
from tests.unit.shell.vendor import NOW


@pytest.fixture
def app(tmp_path):
    books(tmp_path, parties="ref,name\nP1,Acme\n")
    with open_app(tmp_path / "duesync.toml", clock=ManualClock(NOW), quiet=True) as opened:
        yield opened


def counting(times):
    def work(_):
        times.append(current_run())
        return {"seen": len(times)}

    return Job(name="sync:books", every=60.0, run=work)


def test_the_same_tick_twice_acts_once(app):
    times = []
    runner, job = Runner(app), counting(times)
    assert [runner.attempt(job, tick).outcome for tick in (1000, 1000, 1060)] == ["done", "repeated", "done"]
    assert sorted(run.detail["tick"] for run in app.store.runs("sync:books")) == [1000, 1060]
    assert len(times) == 2


def test_a_worker_thought_dead_finds_its_tick_taken(app):
    times = []

    def slow(opened):
        Runner(opened).attempt(counting(times), 1000)  # the others did not wait
        return {}

    attempt = Runner(app).attempt(Job(name="sync:books", every=60.0, run=slow), 1000)
    assert attempt.outcome == "repeated"
    assert sorted(run.outcome for run in app.store.runs("sync:books")) == ["done", "repeated"]


def test_a_tick_that_failed_can_be_done_again(app):
    def broken(_):
        raise Transient("no answer", connection="books")

    runner, times = Runner(app), []
    failed = runner.attempt(Job(name="sync:books", every=60.0, run=broken), 1000)
    assert (failed.outcome, failed.error.message, failed.done) == ("failed", "no answer", False)
    assert runner.attempt(counting(times), 1000).outcome == "done"
    assert [run.detail.get("tick") for run in app.store.runs("sync:books")] == [1000, 1000]


def test_a_job_leaves_one_record_of_its_run(app):
    runner = Runner(app)
    for job in jobs(app):
        assert runner.run(job)
    runs = app.store.runs()
    assert sorted(run.job for run in runs) == sorted(job.name for job in jobs(app))
    assert all(run.finished_at is not None and run.outcome == "done" for run in runs)
    assert current_run() == ""
