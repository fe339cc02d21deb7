"""Whatever workers do, however late and dead they are: the vendor does each step of the cadence once at most."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from sqlalchemy import event

from core.actions import Receipt
from core.clock import ManualClock
from core.errors import StoreError
from core.outbox import OutboxRow, OutboxState
from core.store import Resolution, open_store
from tests.store.world import NOW, queued, reminder

INVOICES = st.sets(st.sampled_from(["10", "11"]), min_size=1, max_size=2).map(sorted)
LEASE = timedelta(seconds=60)


@cache
def migrated() -> bytes:
    """An empty store, made once."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/s.db", clock=ManualClock(NOW))
        store.migrate()
        store.backup(Path(folder) / "copy.db")
        store.close()
        return (Path(folder) / "copy.db").read_bytes()


class Outbox(RuleBasedStateMachine):
    """Workers that reserve, send, answer late or never; a vendor that remembers what it did; a person who looks."""

    reserved = Bundle("reserved")
    sending = Bundle("sending")

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="duesync-outbox-"))
        self.clock = ManualClock(NOW)
        (self.folder / "s.db").write_bytes(migrated())
        self.store = open_store(f"sqlite:///{self.folder}/s.db", clock=self.clock)
        event.listen(self.store._db.engine, "connect", lambda raw, _record: raw.execute("pragma synchronous=off"))
        self.done: Counter[tuple[str, str]] = Counter()
        self.sent: set[tuple[str, int]] = set()  # (row, attempt) that the vendor did

    def teardown(self) -> None:
        if hasattr(self, "store"):
            assert self.store.verify_journal().ok
            self.store.close()
            shutil.rmtree(self.folder)

    @rule(invoices=INVOICES, draft=st.sampled_from([False, False, True]))
    def decide(self, invoices: list[str], draft: bool) -> None:
        self.store.enqueue([queued(reminder(*invoices), draft=draft)], now=self.clock.now(), run_id=None)

    @rule(target=reserved, by=st.sampled_from(["w1", "w2"]))
    def reserve(self, by: str):
        row = self.store.reserve(now=self.clock.now(), by=by, lease_seconds=LEASE.total_seconds())
        return multiple() if row is None else row

    @rule(target=sending, row=consumes(reserved), vendor_acts=st.booleans())
    def send(self, row: OutboxRow, vendor_acts: bool):
        try:
            started = self.store.start_sending(row, (), now=self.clock.now())
        except StoreError:
            return multiple()
        if vendor_acts:
            self.sent.add((row.id, row.attempts))
            self.done.update((item.ref, row.action.stage) for item in row.action.invoices)
        return started

    @rule()
    def a_worker_does_its_job(self) -> None:
        row = self.store.reserve(now=self.clock.now(), by="w3", lease_seconds=LEASE.total_seconds())
        if row is not None:
            self.sent.add((row.id, row.attempts))
            self.done.update((item.ref, row.action.stage) for item in row.action.invoices)
            self.store.settle(self.store.start_sending(row, (), now=self.clock.now()), Receipt(ref="m"), self.clock.now())

    @rule(row=consumes(sending), answer=st.sampled_from(["told", "lost", "dies"]))
    def answer(self, row: OutboxRow, answer: str) -> None:
        """The worker hears what happened, hears nothing, or is gone; possibly long after its lease ran out."""
        now, acted = self.clock.now(), (row.id, row.attempts) in self.sent
        if answer == "dies":
            return
        with suppress(StoreError):
            if answer == "lost":
                self.store.mark_ambiguous(row, "timeout", now)
            elif acted:
                self.store.settle(row, Receipt(ref="m"), now)
            else:
                self.store.retry(row, now, "refused", now)

    @rule(row=consumes(reserved), verb=st.sampled_from(["drop", "park", "retry"]))
    def give_up(self, row: OutboxRow, verb: str) -> None:
        """The gate said no, the vendor would never take it, or the connection is paused."""
        now = self.clock.now()
        arguments = {"drop": ("no",), "park": ("never", now), "retry": (now, "later", now)}[verb]
        with suppress(StoreError):
            getattr(self.store, verb)(row, *arguments)

    @rule()
    def leases_run_out(self) -> None:
        self.clock.advance(LEASE + timedelta(seconds=1))
        self.store.recover(self.clock.now())

    @rule()
    def a_person_looks(self) -> None:
        """Ambiguous rows are settled by what the vendor shows, parked ones dropped, drafts approved."""
        for row in self.store.outbox(states=[OutboxState.AMBIGUOUS, OutboxState.PARKED, OutboxState.DRAFT]):
            acted = any(name == row.id for name, _ in self.sent)
            if row.state is OutboxState.DRAFT:
                self.store.approve(row.id, by="ann", now=self.clock.now())
            else:
                self.store.resolve(row.id, Resolution.SENT if acted else Resolution.NOT_SENT, by="ann", now=self.clock.now())

    @invariant()
    def nothing_is_done_twice(self) -> None:
        assert all(count == 1 for count in getattr(self, "done", {}).values())

    @invariant()
    def what_was_settled_was_done_and_logged_once(self) -> None:
        if not hasattr(self, "store"):
            return
        settled = self.store.outbox(states=[OutboxState.SETTLED])
        assert {row.id for row in settled} <= {name for name, _ in self.sent}
        logged = [entry.outbox_id for entries in self.store.contacts().values() for entry in entries]
        assert sorted(logged) == sorted(row.id for row in settled)


TestOutbox = pytest.mark.req("E13")(Outbox.TestCase)
TestOutbox.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
