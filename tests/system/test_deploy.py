"""What deploy/ promises: a unit systemd accepts and finds tight, and an installer that works in a folder of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

TIGHT = 1.5


@pytest.fixture
def unit(tmp_path):
    """The unit, pointed at a Python that is really here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed on this machine")
    text = (ROOT / "deploy" / "duesync.service").read_text()
    text = text.replace("/opt/duesync/venv/bin/python", sys.executable).replace("/opt/duesync/share", str(ROOT))
    path = tmp_path / "duesync.service"
    path.write_text(text)
    return path


def test_systemd_accepts_the_unit(unit):
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if "duesync.service" in line]
    assert complaints == []


def test_the_unit_is_tight(unit):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)], capture_output=True, text=True, check=False
    )
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert level is not None, done.stdout + done.stderr
    assert float(level[1]) <= TIGHT


def test_the_installer_and_the_image_take_the_same_steps():
    installer = (ROOT / "deploy" / "install.sh").read_text()
    image = (ROOT / "deploy" / "Dockerfile").read_text()
    for step in ("--require-hashes -r", "--no-deps --no-build-isolation"):
        assert step in installer
        assert step in image
    assert subprocess.run(["sh", "-n", str(ROOT / "deploy" / "install.sh")], check=False).returncode == 0
