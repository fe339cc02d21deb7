"""Running a command in this very process: the same frame as `duesync ARGS`, without the second a new process takes."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from scheduler import cli
from scheduler.cli.session import chosen, guard
from tests.system.commands import Ran


def inline(folder: Path, *args: str) -> Ran:
    """Run `duesync ARGS` in `folder`. Nobody is at a terminal."""
    chosen.config, chosen.json = None, False
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = guard(cli.app, list(args))
    return Ran(code, out.getvalue(), err.getvalue())
