"""`duesync worker` and `duesync tenants` as an operator uses them, on a real PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import ROOT
from tests.otlp import attributes, collecting, every_span
from tests.postgres_server import NoPostgres, Server, postgres_server
from tests.system.commands import CSV, Ran, duesync

TENANT = CSV[: CSV.index("[store]")] + CSV[CSV.index("[connections") :].replace('path = "books"', 'path = "../books"')
QUICK = '[daemon]\nsync_every = "20s"\ndispatch_every = "60s"\ndrain = "20s"\n[cluster]\nrescan = "1s"\ntick = "0.5s"\n'


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    try:
        with postgres_server() as running:
            yield running
    except NoPostgres as reason:
        pytest.skip(str(reason))


@pytest.fixture
def folder(tmp_path: Path, server: Server) -> Path:
    """A cluster of one good tenant and one broken."""
    url = server.database("commands")
    (tmp_path / "duesync.toml").write_text(
        f'[store]\nurl = "{url}"\n' + QUICK + 'tenants = "tenants"\n[http]\nenabled = true\nport = 0\n'
    )
    (tmp_path / "tenants").mkdir()
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "parties.csv").write_text("ref,name\nP1,Acme\n")
    (tmp_path / "tenants" / "acme.toml").write_text(TENANT)
    (tmp_path / "tenants" / "broken.toml").write_text(TENANT.replace('timezone = "America/Chicago"', ""))
    return tmp_path


class Working:
    """A worker process and what it has logged."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "worker.jsonl"
        self._out = self._log.open("wb")
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
        command = [sys.executable, "-P", "-m", "scheduler", "worker"]
        self.process = subprocess.Popen(command, cwd=folder, env=env, stdout=self._out, stderr=self._out)

    def until(self, event: str, **keys: object) -> dict[str, object]:
        """The first such event; fails when it does not come within two and a half minutes."""
        deadline = time.monotonic() + 150
        while time.monotonic() < deadline:
            lines = [
                json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{") and line.endswith("}")
            ]
            for line in lines:
                if line["event"] == event and keys.items() <= line.items():
                    return line
            assert self.process.poll() is None, self._log.read_text()[-2000:]
            time.sleep(0.05)
        raise AssertionError(f"no {event} {keys}:\n{self._log.read_text()[-3000:]}")

    def __enter__(self) -> Working:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._out.close()


def get(port: object, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def test_a_worker_serves_good_tenants_names_broken_ones_and_notices_changes(folder: Path) -> None:
    with Working(folder) as worker:
        assert "organisation.timezone: is missing" in str(worker.until("tenant.broken", tenant="broken")["problem"])
        worker.until("review.done", tenant="acme")
        (folder / "tenants" / "later.toml").write_text(TENANT)
        (folder / "tenants" / "broken.toml").write_text(TENANT)
        worker.until("review.done", tenant="later")
        worker.until("review.done", tenant="broken")
        (folder / "tenants" / "acme.toml").unlink()
        worker.until("tenants.changed", gone=1)
        port = worker.until("http.listening")["port"]
        assert json.loads(get(port, "/readyz")) == {"ready": True, "why": []}
        metrics = get(port, "/metrics")
        assert "duesync_cluster_tenants 2.0" in metrics
        assert "duesync_cluster_workers 1.0" in metrics
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(timeout=20) == 0
        assert worker.until("daemon.stopped")["drained"] is True


def test_a_worker_goes_on_when_the_database_was_lost_and_came_back(folder: Path, server: Server) -> None:
    with Working(folder) as worker:
        worker.until("review.done", tenant="acme")
        server.crash_and_restart()
        (folder / "tenants" / "later.toml").write_text(TENANT)
        worker.until("review.done", tenant="later")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(timeout=60) == 0


def test_what_is_due_is_done_once_told_by_tenant_and_traced(folder: Path, server: Server) -> None:
    with collecting() as (endpoint, received):
        config = folder / "duesync.toml"
        config.write_text(f'{config.read_text()}[traces]\nendpoint = "{endpoint}"\n')
        done = duesync(folder, "worker", "--once")
    assert done.code == 0, done.err
    jobs = [attributes(span) for span in every_span(received) if span.name == "job"]
    assert {("acme", "sync:books"), ("acme", "review")} <= {(job["duesync.tenant"], job["duesync.job"]) for job in jobs}
    listed = duesync(folder, "tenants", "list", "--json")
    assert listed.code == 1
    acme, broken = listed.json
    assert (acme["tenant"], acme["problem"], acme["jobs"] >= 4, acme["failing"]) == ("acme", "", True, {})
    assert "organisation.timezone" in broken["problem"]
    told: Ran = duesync(folder, "--tenant", "acme", "account", "list", "--json")
    assert (told.code, len(told.json)) == (0, 1), told.err
    with psycopg.connect(server.url.rsplit("/", 1)[0] + "/commands") as own:
        rows = own.execute("select job, outcome from tenant_acme.runs order by job").fetchall()
        assert {job for job, _ in rows} >= {"sync:books", "review", "dispatch"}
        assert {outcome for _, outcome in rows} == {"done"}
        assert own.execute("select count(*) from duesync_queue.procrastinate_jobs").fetchone() == (0,)


def test_a_cluster_asks_which_tenant_and_checks_their_files(folder: Path) -> None:
    vague = duesync(folder, "account", "list")
    assert (vague.code, "many tenants" in vague.err, "--tenant" in vague.err) == (2, True, True)
    stranger = duesync(folder, "--tenant", "nobody", "account", "list")
    assert (stranger.code, 'no tenant called "nobody"' in stranger.err) == (2, True)
    checked = duesync(folder, "tenants", "check", "--json")
    assert checked.code == 2
    assert [(item["tenant"], bool(item["problem"])) for item in checked.json] == [("acme", False), ("broken", True)]


def test_one_organisation_on_postgresql_may_have_workers_too(tmp_path: Path, server: Server) -> None:
    url = server.database("alone")
    (tmp_path / "duesync.toml").write_text(CSV.replace("sqlite:///duesync.db", url))
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "parties.csv").write_text("ref,name\nP1,Acme\n")
    assert duesync(tmp_path, "worker", "--once").code == 0
    (standing,) = duesync(tmp_path, "tenants", "list", "--json").json
    assert (standing["tenant"], standing["failing"]) == ("main", {})


def test_without_the_extra_or_without_postgresql_it_says_what_to_do(tmp_path: Path) -> None:
    config = tmp_path / "duesync.toml"
    config.write_text(CSV)
    told = duesync(tmp_path, "worker")
    assert (told.code, "workers need PostgreSQL" in told.err) == (2, True)
    config.write_text(CSV.replace("sqlite:///duesync.db", "postgresql://duesync@127.0.0.1:1/duesync"))
    absent = "import sys; sys.modules['procrastinate'] = None; from scheduler.cli import main; main(['worker'])"
    command = [sys.executable, "-P", "-c", absent]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "pip install 'duesync[cluster]'" in done.stderr) == (2, True), done.stderr
    unreachable = duesync(tmp_path, "worker")
    assert (unreachable.code, "cannot be reached" in unreachable.err) == (3, True)
