"""A stranger's connector, installed through an entry point, keeps the contract without a line of ours being touched."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from connectors import registry
from connectors.testing.contract import ConnectorContract
from core.errors import UsageError

HERE = Path(__file__).parent / "thirdparty"


@pytest.fixture
def installed(monkeypatch):
    """The stranger's distribution on the path, as pip would put it there."""
    monkeypatch.syspath_prepend(str(HERE))
    importlib.invalidate_caches()
    yield
    for name in [name for name in sys.modules if name.startswith("acme_duesync")]:
        monkeypatch.delitem(sys.modules, name)


class TestAcme(ConnectorContract):
    @pytest.fixture
    def spec(self, installed):
        return registry.load("acme")


@pytest.mark.usefixtures("installed")
def test_it_is_listed_with_the_distribution_that_brings_it():
    source = registry.installed()["acme"]
    assert (source.target, source.distribution) == ("acme_duesync:SPEC", "acme-duesync")


def distribution(folder, name, points):
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "\n".join(f"{key} = {target}" for key, target in points.items())
    (info / "entry_points.txt").write_text(f"[duesync.connectors]\n{lines}\n")


BROKEN = {
    "gone": ("no_such_module_here:SPEC", "ModuleNotFoundError"),
    "crash": ("stranger:CRASH", "AttributeError"),
    "odd": ("stranger:NOT_A_SPEC", "not a ConnectorSpec"),
    "liar": ("acme_duesync:SPEC", "calls itself 'acme'"),
    "csv": ("stranger:NOT_A_SPEC", "also brings 'csv'"),
}


@pytest.mark.usefixtures("installed")
def test_a_broken_stranger_is_named_and_stops_nobody(tmp_path, monkeypatch):
    (tmp_path / "stranger.py").write_text("NOT_A_SPEC = 1\n")
    distribution(tmp_path, "stranger", {name: target for name, (target, _) in BROKEN.items()})
    monkeypatch.syspath_prepend(str(tmp_path))
    problems = {item.name: item.problem for item in registry.broken()}
    for name, (_, words) in BROKEN.items():
        assert words in problems[name]
        assert name == "csv" or "stranger" in problems[name]
    assert registry.load("csv").name == "csv"
    assert registry.load("acme").name == "acme"
    assert registry.installed()["csv"].distribution is None


def test_an_unknown_connector_is_told_from_the_known_ones():
    with pytest.raises(UsageError, match=r"no connector 'sage'.*csv"):
        registry.load("sage")
