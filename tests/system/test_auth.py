"""`duesync auth`: a person consents in a browser, and the connection works from then on."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time

import httpx
import pytest
from cryptography.fernet import Fernet

from connectors.quickbooks.sandbox import QuickBooksSandbox
from connectors.testing.serve import serve
from core.clock import SystemClock
from tests.conftest import ROOT
from tests.system.commands import BASE, MAIN, duesync

CONFIG = (
    BASE
    + """
[vault]
key = "file:{folder}/vault-key"
[connections.qbo]
type = "quickbooks"
role = "books"
realm_id = "{realm}"
client_id = "{client}"
client_secret = "env:QBO_SECRET"
base_url = "{url}"
token_url = "{url}/oauth2/v1/tokens/bearer"
authorize_url = "{url}/connect/oauth2"
"""
)


@pytest.fixture
def sandbox():
    return QuickBooksSandbox(SystemClock())


@pytest.fixture
def folder(tmp_path, sandbox):
    with serve(sandbox) as url:
        (tmp_path / "vault-key").write_bytes(Fernet.generate_key())
        keys = sandbox.settings(url)
        text = CONFIG.format(folder=tmp_path, realm=keys["realm_id"], client=keys["client_id"], url=url)
        (tmp_path / "duesync.toml").write_text(text)
        yield tmp_path


def test_consent_by_a_local_callback_connects_for_good(folder, sandbox):
    env = {"QBO_SECRET": sandbox.oauth.client_secret}
    before = duesync(folder, "sync", env=env)
    assert before.code == 3
    assert "duesync auth qbo" in before.err
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    landing = f"http://127.0.0.1:{port}/callback"
    out, err = folder / "out", folder / "err"
    with out.open("w") as to_out, err.open("w") as to_err:
        running = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-c",
                MAIN,
                "auth",
                "qbo",
                "--json",
                "--redirect-uri",
                landing,
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **env},
            stdout=to_out,
            stderr=to_err,
        )
        try:
            consent(err, running)
            assert running.wait(timeout=60) == 0, err.read_text()
        finally:
            running.kill()
            running.wait()
    assert json.loads(out.read_text())["connection"] == "qbo"
    after = duesync(folder, "sync", env=env)
    assert after.code == 0, after.err
    assert env["QBO_SECRET"] not in err.read_text() + out.read_text()


def consent(err, running):
    """Open the printed address as a browser would, and follow it home."""
    for _ in range(600):
        found = re.search(r"http://\S+/connect/oauth2\S+", err.read_text())
        if found:
            break
        assert running.poll() is None, err.read_text()
        time.sleep(0.1)
    assert found
    for _ in range(50):  # the callback listens a moment after the address was printed
        try:
            answer = httpx.get(found[0], follow_redirects=True, timeout=10)
        except httpx.ConnectError:
            time.sleep(0.1)
            continue
        assert answer.status_code == 200
        return
    raise AssertionError("nobody listened at the callback")


def test_a_connection_that_needs_no_consent_says_so(tmp_path):
    (tmp_path / "books").mkdir()
    (tmp_path / "duesync.toml").write_text(BASE + '[connections.books]\ntype = "csv"\nrole = "books"\npath = "books"\n')
    ran = duesync(tmp_path, "auth", "books")
    assert ran.code == 2
    assert "needs no consent" in ran.err
