"""The process behind tests.system.commands.Nursery: it imports the command line once and forks a child for each command."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import signal
import sys
import time
from typing import Any

from tests.on_postgres import enter_if_wanted


def serve() -> None:
    """Read one command a line, run it in a child, answer with its exit code (null: it took too long) until the input ends."""
    import scheduler.cli
    from connectors import registry

    for module in pkgutil.iter_modules(scheduler.cli.__path__):
        importlib.import_module(f"scheduler.cli.{module.name}")
    for name in registry.installed():
        registry.load(name)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _live(asked)
        print(json.dumps(_end_of(child, asked["seconds"])), flush=True)


def _live(asked: dict[str, Any]) -> None:
    code = 1
    try:
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["env"])
        enter_if_wanted()
        for number, name in ((0, os.devnull), (1, asked["out"]), (2, asked["err"])):
            handle = os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(handle, number)
            os.close(handle)
        from scheduler.cli import main

        os.umask(0o022)  # as most shells have it
        main(asked["args"])
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end_of(child: int, seconds: float) -> int | None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None
