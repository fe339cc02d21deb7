"""Plays the demo's daemon and kills it, again and again: `python -m tests.system.killing CONFIG URL DAYS KILLS SEED`.

The daemon is a forked child, so that starting it costs nothing and SIGKILL ends it between any two instructions. The vendor and
the mail server live in the process that started this one and never notice. Prints how often a child was killed at work.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from datetime import datetime
from pathlib import Path

import httpx

from core.settings import load
from scheduler.app import open_app, settings_models
from scheduler.demo.days import FastClock, play
from scheduler.demo.vendor import CONTROL, first_moment
from tests.on_postgres import enter_if_wanted

SETTLE = 0.15  # seconds after a kill: what was on the wire arrives, as it would before a service manager restarts anything


def live(config: Path, url: str, days: int) -> None:
    """One life of the daemon: go on where the store says, to the end."""

    def move(moment: datetime) -> None:
        httpx.get(f"{url}{CONTROL}advance", params={"to": moment.isoformat()}, timeout=30).raise_for_status()

    clock = FastClock(first_moment())
    with open_app(config, clock=clock) as app:
        for _ in play(app, clock, move, days):
            pass


def spawn(config: Path, url: str, days: int) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            live(config, url, days)
            code = 0
        finally:
            os._exit(code)
    return child


def main() -> None:
    """Kill KILLS times, then let it finish."""
    config, url, days, kills, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    load(config, settings_models())  # everything is imported before the first fork
    enter_if_wanted()
    chance = random.Random(seed)
    killed = 0
    while killed < kills:
        child = spawn(config, url, days)
        time.sleep(chance.uniform(0.05, 0.7))
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert status == 0, f"the daemon failed by itself: {status}"
            break
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        killed += 1
        time.sleep(SETTLE)
    _, status = os.waitpid(spawn(config, url, days), 0)
    assert status == 0, f"the last life failed: {status}"
    print(killed)


if __name__ == "__main__":
    main()
