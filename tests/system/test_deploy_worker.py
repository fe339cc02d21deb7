"""The worker's unit is as systemd wants it and as tight as the daemon's; the compose file starts it with commands that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.system.test_deploy import TIGHT


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed on this machine")
    text = (ROOT / "deploy" / "duesync-worker@.service").read_text()
    text = text.replace("/opt/duesync/venv/bin/python", sys.executable).replace("/opt/duesync/share", str(ROOT))
    path = tmp_path / "duesync-worker@1.service"
    path.write_text(text)
    return path


def analyze(*arguments: str) -> str:
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_systemd_accepts_the_workers_unit_and_finds_it_tight(unit: Path) -> None:
    assert [line for line in analyze("verify", str(unit)).splitlines() if "duesync-worker" in line] == []
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", analyze("security", "--offline=true", str(unit)))
    assert level is not None
    assert float(level[1]) <= TIGHT


def test_compose_starts_workers_only_where_asked_for_and_as_locked_down_as_the_daemon() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    worker, daemon = services["worker"], services["duesync"]
    assert worker["profiles"] == ["cluster"]
    assert worker["command"][0] == "worker"
    for service in services.values():
        assert int(service["logging"]["options"]["max-file"]) <= 10
        assert service["logging"]["options"]["max-size"] == "10m"
    for lock in ("read_only", "tmpfs", "cap_drop", "security_opt", "stop_grace_period"):
        assert worker[lock] == daemon[lock]
