"""Every channel, every step, every way to die or to lose an answer: what was done, where the row stands, and how it ends.

The table OUTCOMES is the whole truth: for each moment how often the vendor had acted and the state a crash leaves. Afterwards
another process takes over: everything ends settled with exactly one act, except where the vendor cannot be asked what it did;
there it stays ambiguous, is never repeated, and a person's word ends it. Every installed connector runs on its own sandbox.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event

from connectors import registry
from connectors.testing.bench import Bench
from connectors.testing.contract_push import PUSHES
from core.dispatch import GateRoom, dispatch
from core.errors import OutcomeUnknown
from core.outbox import GateAnswer, OutboxState, Queued
from core.ports import Capability
from core.store import Resolution, open_store
from tests.contract.bench_xero import XeroBench
from tests.contract.benches import BENCHES
from tests.unit.shell.test_dispatch import RULES

pytestmark = pytest.mark.own_store  # a copy of one file for each moment; test_both_stores dies on PostgreSQL
_S = OutboxState
# moment: (acts of the vendor by then, state of the row in the store). "lost" moments are no crash: an answer that never came.
OUTCOMES = {
    "before reserve": (0, _S.QUEUED),
    "after reserve": (0, _S.RESERVED),
    "before gate": (0, _S.RESERVED),
    "after gate": (0, _S.RESERVED),
    "after start_sending": (0, _S.SENDING),
    "before send": (0, _S.SENDING),
    "after send": (1, _S.SENDING),
    "before settle": (1, _S.SENDING),
    "after settle": (1, _S.SENDING),  # what follows a settlement is in its commit: without it, neither is there
    "lost before it acted": (0, _S.AMBIGUOUS),
    "lost after it acted": (1, _S.AMBIGUOUS),
    "lost, then before mark_ambiguous": (1, _S.SENDING),
}
# Xero marks an invoice as sent: what it did is found, what it did not do cannot be told from what somebody sent before.
FOUND_WHERE_DONE = {("xero", Capability.SEND_INVOICE)}
LATER = timedelta(minutes=20)  # longer than a lease


class Crash(BaseException):
    """The process ends here."""


def benches():
    for name in sorted(registry.installed()):
        spec = registry.load(name)
        for capability in sorted(set(PUSHES) & spec.capabilities):
            yield pytest.param(name, capability, id=f"{name}-{capability}")


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty")
    store = open_store(f"sqlite:///{folder}/s.db", clock=Bench(registry.load("webhook")).clock)
    store.migrate()
    store.backup(folder / "copy.db")
    store.close()
    return folder / "copy.db"


class Desk:
    """One action of one channel, a store, and a process that may die."""

    def __init__(self, bench, action, file):
        self.bench, self.action = bench, action
        self.url = f"sqlite:///{file}"
        self.open()
        self.acted = bench.done(action)
        queued = Queued(action=action, reasons=("test",), not_before=bench.clock.now())
        self.store.enqueue([queued], now=bench.clock.now(), run_id=None)

    @property
    def done(self):
        return self.bench.done(self.action) - self.acted

    @property
    def row(self):
        return next(row for row in self.store.outbox() if row.action == self.action)

    def dispatch(self, wrap=lambda connector: connector):
        @contextmanager
        def opened(name):
            yield wrap(self.bench.open())

        dispatch(self.store, RULES, opened, clock=self.bench.clock, by="w", rest=timedelta())

    def restart(self):
        self.store.close()
        self.bench.recover()
        self.bench.clock.advance(LATER)
        self.open()

    def open(self):
        """No power fails here, so nothing waits for the disk."""
        self.store = open_store(self.url, clock=self.bench.clock)
        event.listen(self.store._db.engine, "connect", lambda raw, _record: raw.execute("pragma synchronous=off"))


class Sending:
    """The connector, except for how its push ends."""

    def __init__(self, inner, moment):
        self._inner, self._moment = inner, moment

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def push(self, action, key):
        if self._moment == "before send":
            raise Crash
        if self._moment == "lost before it acted":
            raise OutcomeUnknown("no answer", connection="x")
        receipt = self._inner.push(action, key)
        if self._moment == "after send":
            raise Crash
        if self._moment.startswith("lost"):
            raise OutcomeUnknown("no answer", connection="x")
        return receipt


def die(desk, moment, monkeypatch):
    """Dispatch once, ending at `moment`."""
    when, _, verb = moment.removeprefix("lost, then ").partition(" ")
    if verb == "gate":

        def answers(room, row, now):
            if when == "before":
                raise Crash
            monkeypatch.setattr(desk.store, "start_sending", crashing)
            return YES

        monkeypatch.setattr(GateRoom, "answers", answers)
    elif hasattr(desk.store, verb):
        real = getattr(desk.store, verb)

        def dying(*args, **kwargs):
            if when == "after":
                real(*args, **kwargs)
            raise Crash

        monkeypatch.setattr(desk.store, verb, dying)
    if moment.startswith("lost") and "then" not in moment:
        desk.dispatch(lambda connector: Sending(connector, moment))
    else:
        with pytest.raises(Crash):
            desk.dispatch(lambda connector: Sending(connector, moment))


YES = (GateAnswer(question="test", ok=True, detail="the gate has tests of its own"),)


def crashing(*_args, **_kwargs):
    raise Crash


@pytest.mark.req("E13", "E14", "E25")
@pytest.mark.parametrize(("name", "capability"), list(benches()))
def test_every_moment_of_every_channel_has_its_outcome(name, capability, empty_store, tmp_path, monkeypatch):
    bench = {**BENCHES, "xero": XeroBench}.get(name, Bench)(registry.load(name))
    try:
        for number, (moment, (acts, state)) in enumerate(OUTCOMES.items(), start=1):
            action = bench.wants(capability, number)
            assert action is not None
            file = shutil.copy(empty_store, tmp_path / f"{number}.db")
            with monkeypatch.context() as patch:
                patch.setattr(GateRoom, "answers", lambda room, row, now: YES)
                desk = Desk(bench, action, file)
                with patch.context() as inner:
                    die(desk, moment, inner)
                    desk.restart()
                    assert (desk.done, desk.row.state) == (acts, state), moment
                patch.setattr(GateRoom, "answers", lambda room, row, now: YES)
                for _ in range(2):
                    desk.dispatch()
                    bench.clock.advance(LATER)
                found = bench.reads_back(action) or (acts and (name, capability) in FOUND_WHERE_DONE)
                unclear = state in (_S.SENDING, _S.AMBIGUOUS) and not found
                expected = (acts, _S.AMBIGUOUS) if unclear else (1, _S.SETTLED)
                assert (desk.done, desk.row.state) == expected, moment
                if unclear:
                    desk.store.resolve(desk.row.id, Resolution.SENT, by="ann", now=bench.clock.now())
                assert desk.row.state is _S.SETTLED
                assert desk.store.verify_journal().ok
                assert sum(len(group) for group in desk.store.contacts().values()) <= 1
                desk.store.close()
    finally:
        bench.close()
