"""The engine of one process: a job that is still at work is not begun again, and that is said in our own words."""

from __future__ import annotations

import io
import json
import threading
import time

import pytest

from core import log as logging_setup
from core.clock import ManualClock
from scheduler.app import open_app
from scheduler.engine import inline
from scheduler.engine.inline import InlineEngine
from scheduler.runner import Job, Runner
from tests.system.commands import books
from tests.unit.shell.vendor import NOW


def test_a_job_that_still_runs_is_passed_over_and_every_line_is_json(tmp_path, monkeypatch, capfd: pytest.CaptureFixture[str]):
    books(tmp_path)
    config = tmp_path / "duesync.toml"
    config.write_text(config.read_text() + '\n[daemon]\njitter = "0s"\n')
    log, go_on, begun = io.StringIO(), threading.Event(), []

    def slow(_):
        begun.append(time.monotonic())
        go_on.wait(20)
        return {}

    monkeypatch.setattr(inline, "jobs", lambda _: [Job(name="slow", every=1.0, run=slow)])
    with open_app(config, clock=ManualClock(NOW), quiet=True) as app:
        logging_setup.configure("info", "json", log)
        engine = InlineEngine(Runner(app))
        engine.start()
        until = time.monotonic() + 20
        while "job.passed_over" not in log.getvalue() and time.monotonic() < until:
            time.sleep(0.05)
        go_on.set()
        assert engine.drain(20)
    events = [json.loads(line)["event"] for line in log.getvalue().splitlines()]
    assert "job.passed_over" in events
    assert len(begun) == 1
    assert capfd.readouterr().err == ""
