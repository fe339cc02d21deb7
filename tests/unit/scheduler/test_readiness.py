"""Readiness says whether the work is done, not whether the process breathes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.clock import ManualClock
from scheduler.app import open_app
from scheduler.jobs import jobs
from scheduler.readiness import unready
from scheduler.runner import Runner
from tests.system.commands import books
from tests.unit.shell.vendor import NOW


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
def app(tmp_path, clock):
    books(tmp_path, parties="ref,name\nP1,Acme\n")
    with open_app(tmp_path / "duesync.toml", clock=clock, quiet=True) as opened:
        yield opened


@pytest.fixture
def runner(app):
    return Runner(app)


def pull(runner):
    return runner.run(next(job for job in jobs(runner.app) if job.name == "sync:books"))


def test_a_daemon_that_has_not_pulled_yet_is_ready(app, runner):
    assert unready(app, runner) == []


def test_a_pull_that_fails_for_long_makes_it_unready_and_a_good_one_ready_again(app, runner, clock, tmp_path):
    assert pull(runner)
    (tmp_path / "books").rename(tmp_path / "away")
    clock.advance(timedelta(minutes=15))
    assert not pull(runner)
    assert unready(app, runner) == []  # a passing trouble
    clock.advance(timedelta(minutes=50))
    assert not pull(runner)
    (reason,) = unready(app, runner)
    assert reason == "books has failed since 2026-03-24 15:00 UTC"
    (tmp_path / "away").rename(tmp_path / "books")
    assert pull(runner)
    assert unready(app, runner) == []


def test_a_connection_that_never_worked_is_not_ready(app, runner, tmp_path):
    (tmp_path / "books").rename(tmp_path / "away")
    assert not pull(runner)
    assert unready(app, runner) == ["books fails and has never been pulled"]


def test_a_schema_of_another_release_is_not_ready(app, runner):
    with app.store._db.write() as tx:
        tx.exec_driver_sql("update schema_version set version_num = '0001'")
    (reason,) = unready(app, runner)
    assert reason.startswith("the store's schema is 0001")
