"""Running the command line as its users do: as a process, with a configuration in a folder."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.on_postgres import wanted

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


# What a process runs that is started, not forked; it keeps its store where this one does (tests.on_postgres).
MAIN = "from scheduler.cli import main; main()"
if wanted():
    MAIN = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.on_postgres import enter_if_wanted; enter_if_wanted(); {MAIN}"
    )


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
    """Run `duesync ARGS` in `folder`, as a process of its own: forked from one that has imported everything already."""
    outside = {name: value for name, value in os.environ.items() if name != "DUESYNC_CONFIG"}
    return nursery().run(folder, args, {**outside, **PLAIN, **(env or {})}, timeout)


PLAIN = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "NO_COLOR": "1", "COLUMNS": "200"}


@cache
def nursery() -> Nursery:
    """The one of this test process."""
    made = Nursery()
    atexit.register(made.close)
    return made


class Nursery:
    """A process with everything imported that forks a child for each command: what a second of imports does not prove is kept."""

    def __init__(self) -> None:
        script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.system import nursing; nursing.serve()"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", script],
            env={**os.environ, **PLAIN},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._turn = threading.Lock()

    def run(self, folder: Path, args: Sequence[str], env: Mapping[str, str], timeout: float) -> Ran:
        """What the command left. TimeoutExpired when it takes longer than `timeout` seconds; it is killed then."""
        with self._turn, tempfile.TemporaryDirectory(prefix="command-") as name:
            out, err = Path(name) / "out", Path(name) / "err"
            asked = {
                "folder": str(folder),
                "args": list(args),
                "env": dict(env),
                "out": str(out),
                "err": str(err),
                "seconds": timeout,
            }
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            code = json.loads(self._process.stdout.readline())
            if code is None:
                raise subprocess.TimeoutExpired(["duesync", *args], timeout, out.read_bytes(), err.read_bytes())
            return Ran(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


def books(folder: Path, **files: str) -> Path:
    """A configuration over a folder of CSV files with these contents."""
    (folder / "duesync.toml").write_text(CSV)
    (folder / "books").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "books" / f"{name}.csv").write_text(text)
    return folder
