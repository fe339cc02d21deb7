"""Any frequency, any restart, any number of processes, on every database: at most one message per (invoice, stage, cycle)."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from core.outbox import OutboxState
from core.records import Role
from core.store import Store
from tests.conftest import ROOT
from tests.unit.shell.vendor import NAME

PROCESSES, KILLS = 3, 3


@pytest.mark.timeout(180)
@pytest.mark.req("E13", "E14", "E25")
def test_restless_processes_that_are_killed_say_each_step_once(store: Store, store_url: str, tmp_path) -> None:
    store.set_roles({NAME: Role.BOOKS})
    log = tmp_path / "done"
    log.touch()
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tests.store.restless",
        store_url,
        str(log),
        str(PROCESSES),
        str(KILLS),
        "11",
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert int(ran.stdout) >= 1, "some were killed at work"
    acts = [line.split(" ", 1) for line in log.read_text().splitlines()]
    steps = Counter(step for _, step in acts)
    assert set(steps.values()) == {1}
    # How much is said is not claimed: the days pass as fast as the processes step through them, on a busy machine in a moment.
    assert steps
    settled = store.outbox(states=[OutboxState.SETTLED])
    assert {row.key for row in settled} == {key for key, _ in acts}, "what was done is what the store says was done"
    logged = Counter(entry.outbox_id for group in store.contacts().values() for entry in group if entry.outbox_id)
    assert logged == Counter(row.id for row in settled), "each on record once"
    assert store.outbox(states=[OutboxState.SENDING, OutboxState.AMBIGUOUS]) == ()
    assert store.verify_journal().ok
