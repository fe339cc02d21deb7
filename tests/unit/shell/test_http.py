"""The daemon's HTTP: verified, bounded and replay-safe webhooks; metrics for those who may."""

from __future__ import annotations

from contextlib import contextmanager

import httpx
import pytest

from connectors.quickbooks.sandbox import QuickBooksSandbox
from core.errors import ConfigError
from core.settings import HttpSettings
from scheduler.app import open_app
from scheduler.demo.days import FastClock
from scheduler.demo.setup import write_configuration
from scheduler.http.server import HttpServer, Listener, refuse_open_door
from scheduler.runner import Runner
from tests.unit.shell.vendor import NOW


@pytest.fixture
def sandbox():
    return QuickBooksSandbox(FastClock(NOW))


@pytest.fixture
def woken():
    return []


@contextmanager
def served(config, woken):
    """A process's HTTP, from its start to its end."""
    with open_app(config, clock=FastClock(NOW), quiet=True) as app:
        server = HttpServer(app, Runner(app), woken.append)
        with httpx.Client(base_url=f"http://127.0.0.1:{server.start()}") as http:
            yield http
        server.stop()


@pytest.fixture
def config(tmp_path, sandbox, monkeypatch):
    config = write_configuration(tmp_path, sandbox.settings("http://127.0.0.1:1"), smtp_port=1, maildir=tmp_path)
    monkeypatch.setenv("DUESYNC_TEST_METRICS", "let-me-see")
    config.write_text(config.read_text() + '\n[http]\nenabled = true\nport = 0\ntoken = "env:DUESYNC_TEST_METRICS"\n')
    monkeypatch.setenv("DUESYNC_TEST_SCRAPER", "only-metrics")
    config.write_text(config.read_text() + 'metrics_token = "env:DUESYNC_TEST_SCRAPER"\n')
    return config


@pytest.fixture
def client(config, woken):
    with served(config, woken) as http:
        yield http


def test_a_signed_webhook_asks_for_a_pull_and_its_replay_does_not(client, sandbox, woken):
    sandbox.books.create("Customer", {"DisplayName": "New client"}, at=NOW)
    headers, body = sandbox.webhook()
    assert client.post("/webhooks/books", headers=headers, content=body).status_code == 200
    assert woken == ["books"]
    assert client.post("/webhooks/books", headers=headers, content=body).status_code == 200
    assert woken == ["books"]


def test_a_replay_is_known_for_one_after_a_restart(config, sandbox, woken):
    sandbox.books.create("Customer", {"DisplayName": "New client"}, at=NOW)
    headers, body = sandbox.webhook()
    for _ in range(2):
        with served(config, woken) as http:
            assert http.post("/webhooks/books", headers=headers, content=body).status_code == 200
    assert woken == ["books"]


def test_a_forged_webhook_is_refused(client, sandbox, woken):
    headers, body = sandbox.webhook()
    assert client.post("/webhooks/books", headers={**headers, "intuit-signature": "AAAA"}, content=body).status_code == 401
    assert client.post("/webhooks/books", headers=headers, content=body + b" ").status_code == 401
    assert woken == []


def test_a_webhook_for_nobody_or_without_end_is_refused(client, woken):
    assert client.post("/webhooks/nobody", content=b"{}").status_code == 404
    assert client.post("/webhooks/books", content=b"x" * (1024 * 1024 + 1)).status_code == 413
    assert woken == []


def test_metrics_need_the_token_and_health_does_not(client):
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json()["ready"] is True
    assert client.get("/metrics").status_code == 401
    answer = client.get("/metrics", headers={"Authorization": "Bearer let-me-see"})
    assert answer.status_code == 200
    assert "duesync_paused 0.0" in answer.text


def test_listening_beyond_this_machine_needs_tls_and_a_token():
    with pytest.raises(ConfigError) as caught:
        refuse_open_door(HttpSettings.model_validate({"enabled": True, "host": "0.0.0.0"}))
    assert len(caught.value.problems) == 2
    refuse_open_door(HttpSettings.model_validate({"enabled": True, "host": "127.0.0.1"}))


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_a_token_is_good_for_what_its_role_may(client):
    assert client.get("/metrics", headers=bearer("only-metrics")).status_code == 200
    assert client.get("/metrics", headers=bearer("wrong")).status_code == 401
    told = {role: "why" in client.get("/readyz", headers=headers).json() for role, headers in ROLES.items()}
    assert told == {"stranger": False, "metrics": False, "operator": True}


ROLES = {"stranger": {}, "metrics": bearer("only-metrics"), "operator": bearer("let-me-see")}


def test_a_flood_of_calls_is_cut_off_before_anything_is_looked_at(client, woken, monkeypatch):
    monkeypatch.setattr("scheduler.http.webhooks._MOST_CALLS", 3)
    answers = [client.post("/webhooks/nobody", content=b"{}").status_code for _ in range(5)]
    assert answers == [404, 404, 404, 429, 429]
    assert client.post("/webhooks/books", content=b"{}").status_code == 401
    assert woken == []


def test_workers_of_one_machine_listen_side_by_side_and_a_second_daemon_does_not():
    section = HttpSettings.model_validate({"enabled": True, "port": 0})
    first = Listener([], section)
    port = first.start()
    mine = section.model_copy(update={"port": port})
    beside = Listener([], mine, spare=9)
    try:
        assert port < beside.start() <= port + 9
        with pytest.raises(ConfigError, match=rf"http.port: cannot listen on 127.0.0.1 port {port}; is another duesync running"):
            Listener([], mine).start()
    finally:
        first.stop()
        beside.stop()
