"""A restless duesync: processes that know nothing of each other review and send at random moments of random days, and are killed.

`python -m tests.store.restless URL LOG PROCESSES KILLS SEED` forks them, so that starting one costs nothing and SIGKILL ends it
between any two instructions. Their vendor never changes; what it did is a line of LOG, written before any answer.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from core.actions import Receipt
from core.clock import ManualClock
from core.dispatch import dispatch
from core.errors import StoreError
from core.log import configure
from core.pull import pull_connection
from core.review import review
from core.store import open_store
from tests.unit.shell.test_dispatch import RULES
from tests.unit.shell.vendor import NAME, NOW, Vendor, invoice, party

CLIENTS = 2
DAYS = 26  # the statement of the oldest invoice is among them


class Written(Vendor):
    """What it did stands in a file that all processes share."""

    log: Path

    def push(self, action, key):
        """Do it: one line for each step of the message, in one write."""
        steps = [f"{key} {item.ref}/{action.stage}/{action.cycle}" for item in action.invoices]
        with self.log.open("ab", buffering=0) as out:
            out.write("".join(f"{step}\n" for step in steps).encode())
        return Receipt(ref=key[:8])

    def find_pushed(self, action, key):
        """Read it back."""
        return Receipt(ref=key[:8], found=True) if key in self.log.read_text() else None


def vendor(log: Path) -> Written:
    """The unchanging books of a few clients, each with an old and a newer invoice."""
    made = Written()
    made.log = log
    for number in range(CLIENTS):
        made.put(party(f"P{number}"), invoice(f"A{number}", party_ref=f"P{number}"))
        made.put(invoice(f"B{number}", 7_500, party_ref=f"P{number}", due_on=NOW.date() + timedelta(days=3 * number)))
    return made


def time_goes_on(file: Path, step: timedelta) -> datetime:
    """The time all processes share, `step` later; two that read it at once differ a little, as clocks do."""
    moment = datetime.fromisoformat(file.read_text()) + step
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_text(moment.isoformat())
    draft.replace(file)
    return moment


def live(url: str, log: Path, seed: int) -> None:
    """One process: through its days at its own pace."""
    chance = random.Random(seed)
    books = vendor(log)
    clock = ManualClock(NOW)
    store = open_store(url, clock=clock)

    @contextmanager
    def opened(name):
        assert name in (NAME, "mail")
        yield books

    while clock.now() < NOW + timedelta(days=DAYS):
        clock.set(
            max(clock.now(), time_goes_on(log.with_suffix(".time"), timedelta(minutes=chance.choice((0, 1, 20, 500, 1500)))))
        )
        with suppress(StoreError):  # another one reviews, or took the row
            pull_connection(books, store, connection=NAME, clock=clock, run_id="p")
            review(store, RULES, now=clock.now(), run_id=f"r{os.getpid()}", full=chance.random() < 0.5)
        dispatch(store, RULES, opened, clock=clock, by=f"w{os.getpid()}", rest=timedelta())
    store.close()


def spawn(url: str, log: Path, seed: int) -> int:
    """Fork one of them; its process id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            live(url, log, seed)
            code = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            raise
        finally:
            os._exit(code)
    return child


def main() -> None:
    """Kill KILLS of them, each replaced by another, and wait for the rest to end well."""
    url, log, processes, kills, seed = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:6])
    configure("error")
    log.with_suffix(".time").write_text(NOW.isoformat())
    chance = random.Random(seed)
    alive = [spawn(url, log, number) for number in range(processes)]
    killed = 0
    for number in range(kills):
        time.sleep(chance.uniform(0.05, 0.5))
        victim = alive.pop(0)
        done, _ = os.waitpid(victim, os.WNOHANG)
        if not done:
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            killed += 1
        alive.append(spawn(url, log, 100 + number))
    codes = [os.waitpid(child, 0)[1] for child in alive]
    assert not any(codes), f"a process failed by itself: {codes}"
    print(killed)


if __name__ == "__main__":
    main()
