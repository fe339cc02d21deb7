"""Who may import whom inside connectors: a sandbox is an independent oracle, mapping is pure, no connector knows another."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import ROOT

FOLDERS = sorted(path.parent for path in (ROOT / "connectors").glob("*/__init__.py") if path.parent.name != "testing")
SANDBOXES = sorted(path for folder in FOLDERS for path in folder.glob("sandbox*.py"))
PURE = sorted(path for folder in FOLDERS for name in ("mapping", "paging") for path in folder.glob(f"{name}.py"))
IO = {
    "httpx",
    "sqlmodel",
    "sqlalchemy",
    "sqlite3",
    "structlog",
    "logging",
    "os",
    "time",
    "random",
    "asyncio",
    "socket",
    "smtplib",
}


def imported(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_connectors_do_not_know_each_other(folder):
    others = {f"connectors.{other.name}" for other in FOLDERS if other != folder}
    for path in folder.glob("*.py"):
        assert not {name for name in imported(path) for other in others if name == other or name.startswith(f"{other}.")}, path


@pytest.mark.parametrize("path", SANDBOXES, ids=name_of)
def test_a_sandbox_imports_nothing_of_its_connector(path):
    home = f"connectors.{path.parent.name}"
    mine = {name.split(".")[2] for name in imported(path) if name.startswith(f"{home}.")}
    allowed = {other.stem for other in SANDBOXES if other.parent == path.parent}
    assert mine <= allowed


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_mapping_and_paging_know_no_io(path):
    assert not {name for name in imported(path) if name.split(".")[0] in IO}


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_every_connector_folder_has_the_files_every_connector_has(folder):
    names = {path.name for path in folder.glob("*.py")}
    assert {"__init__.py", "settings.py", "connector.py", "mapping.py"} <= names
