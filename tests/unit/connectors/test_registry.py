"""The registry: our connectors by a table that matches the folders, loaded only when asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from connectors import registry
from core.ports import ConnectorSpec

ROOT = Path(__file__).resolve().parents[3]


def test_the_table_and_the_folders_name_the_same_connectors():
    folders = {path.parent.name for path in (ROOT / "connectors").glob("*/__init__.py")} - {"testing"}
    assert {target.partition(":")[0].removeprefix("connectors.") for target in registry.BUILTIN.values()} == folders


@pytest.mark.parametrize("name", sorted(registry.BUILTIN))
def test_every_connector_of_ours_registers_under_its_name(name):
    spec = registry.load(name)
    assert isinstance(spec, ConnectorSpec)
    assert spec.name == name
    assert spec.summary
    assert spec.settings.model_config["extra"] == "forbid"
    plain = {key: field for key, field in spec.settings.model_fields.items() if not hasattr(field.annotation, "model_fields")}
    assert [key for key, field in plain.items() if not field.description] == []


def test_nothing_is_imported_before_it_is_asked_for():
    code = (
        "import sys; from connectors import registry; registry.installed();"
        "assert not [name for name in sys.modules if name.startswith('connectors.') and name.count('.') > 1], sys.modules;"
        "registry.load('xero'); assert 'httpx' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-500:]
