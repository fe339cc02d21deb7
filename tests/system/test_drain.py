"""A stop waits for the work under way, but only so long: a vendor that hangs does not keep the process."""

from __future__ import annotations

import signal
import socket
import time

import pytest

from tests.system.commands import BASE
from tests.system.test_daemon import QUICK, daemon


@pytest.fixture
def silence():
    """A vendor that takes every call and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        yield listening


@pytest.fixture
def folder(tmp_path, silence, monkeypatch):
    monkeypatch.setenv("DUESYNC_TEST_KEY", "a-key-of-no-value")
    port = silence.getsockname()[1]
    (tmp_path / "duesync.toml").write_text(
        BASE
        + f"""
[connections.psa]
type = "connectwise"
role = "psa"
site = "na.myconnectwise.net"
base_url = "http://127.0.0.1:{port}"
company_id = "northwind"
client_id = "c"
public_key = "env:DUESYNC_TEST_KEY"
private_key = "env:DUESYNC_TEST_KEY"
"""
        + QUICK.replace("[daemon]", '[daemon]\ndrain = "1s"')
    )
    return tmp_path


def test_a_vendor_that_hangs_does_not_keep_the_process_beyond_the_drain_limit(folder, silence):
    with daemon(folder) as running:
        running.until("http.listening")
        called, _ = silence.accept()
        with called:
            asked = time.monotonic()
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(timeout=20) == 3
            assert time.monotonic() - asked < 5
        assert running.events("daemon.stopped")[0]["drained"] is False
