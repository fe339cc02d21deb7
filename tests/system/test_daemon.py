"""`duesync run` as a process: it works, it answers, it drains, and a killed one goes on where it was."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from tests.conftest import ROOT
from tests.system.commands import MAIN, books, duesync
from tests.system.test_commands import INVOICES, PARTIES, PAYMENTS

QUICK = """
[daemon]
sync_every = "1s"
dispatch_every = "1s"
jitter = "0s"

[http]
enabled = true
port = 0

[log]
style = "json"
"""


@pytest.fixture
def folder(tmp_path):
    books(tmp_path, parties=PARTIES, invoices=INVOICES, payments=PAYMENTS)
    config = tmp_path / "duesync.toml"
    config.write_text(config.read_text() + QUICK)
    return tmp_path


class Running:
    """A daemon and what it has logged so far."""

    def __init__(self, process, log):
        self.process = process
        self._log = log

    @property
    def lines(self):
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def events(self, name):
        return [line for line in self.lines if line["event"] == name]

    def until(self, name, count=1, seconds=60.0):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if len(found := self.events(name)) >= count:
                return found
            assert self.process.poll() is None, self._log.read_text()
            time.sleep(0.05)
        raise AssertionError(f"no {name} within {seconds} s:\n{self._log.read_text()[-3000:]}")

    def get(self, path):
        port = self.until("http.listening")[0]["port"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@contextmanager
def daemon(folder, name="log"):
    log = folder / f"{name}.jsonl"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", MAIN, "run"],
            cwd=folder,
            env=env,
            stderr=out,
            stdout=out,
        )
        try:
            yield Running(process, log)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.mark.req("A18", "E33")
def test_it_pulls_reviews_answers_and_drains_on_sigterm(folder):
    with daemon(folder) as running:
        running.until("review.done", 2)
        assert running.get("/healthz") == (200, "ok\n")
        status, ready = running.get("/readyz")
        assert status == 200
        assert json.loads(ready)["ready"] is True
        status, metrics = running.get("/metrics")
        assert status == 200
        assert re.search(r'duesync_stream_age_seconds\{connection="books",stream="invoices"\} ', metrics)
        assert 'duesync_findings_open{kind="unapplied_payment"} 1.0' in metrics
        assert running.get("/webhooks/books")[0] in (404, 405)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=40) == 0
        assert running.events("daemon.stopped")[0]["drained"] is True
    assert len(duesync(folder, "findings", "list", "--json").json) == 1


def test_a_killed_daemon_goes_on_where_it_was(folder):
    with daemon(folder, "first") as running:
        running.until("stream.pulled", 3)
        running.process.kill()
    with daemon(folder, "second") as running:
        running.until("review.done", 2)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=40) == 0
    assert len(duesync(folder, "findings", "list", "--json").json) == 1
    assert duesync(folder, "journal", "verify").code == 0


def test_a_failing_source_is_logged_once_and_its_recovery_once(folder):
    with daemon(folder) as running:
        running.until("review.done", 1)
        (folder / "books").rename(folder / "away")
        running.until("job.failed", 1)
        time.sleep(3)
        assert len(running.events("job.failed")) == 1
        (folder / "away").rename(folder / "books")
        running.until("job.recovered", 1)
