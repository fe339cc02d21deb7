"""Running the command line as its users do: as a process, with a configuration in a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

BASE = """
[organisation]
name = "Northwind IT"
timezone = "America/Chicago"
currency = "USD"
country = "US"

[store]
url = "sqlite:///duesync.db"
"""
CSV = (
    BASE
    + """
[connections.books]
type = "csv"
role = "books"
path = "books"
"""
)


# A started process keeps its store where this one does (tests.on_postgres).
MAIN = "from scheduler.cli import main; main()"
if os.environ.get("DUESYNC_TEST_STORE") == "postgresql":
    MAIN = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.on_postgres import enter; enter(); {MAIN}"


@dataclass(frozen=True)
class Ran:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def duesync(folder: Path, *args: str, env: dict[str, str] | None = None, timeout: float = 120.0) -> Ran:
    """Run `duesync ARGS` in `folder`."""
    outside = {name: value for name, value in os.environ.items() if name != "DUESYNC_CONFIG"}
    given = {**outside, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "NO_COLOR": "1", "COLUMNS": "200", **(env or {})}
    done = subprocess.run(
        [sys.executable, "-P", "-c", MAIN, *args],
        cwd=folder,
        env=given,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def books(folder: Path, **files: str) -> Path:
    """A configuration over a folder of CSV files with these contents."""
    (folder / "duesync.toml").write_text(CSV)
    (folder / "books").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "books" / f"{name}.csv").write_text(text)
    return folder
