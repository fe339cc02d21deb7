"""Dispatch: take what is queued and due through reserve -> gate -> push -> settle, one row at a time.

A row is `sending` in the store before its push begins, so a crash can be told apart: what was only reserved was not pushed and
is queued again; what was sending may have been pushed, is read back, and blocks its own repetition until then.
A dispatch never edits a record: the next pull brings the truth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from core.actions import CONTACTS, OpenTicket, PostNote, Receipt, Refusal, SendInvoice, SendReminder
from core.clock import Clock, local_date
from core.dunning.calls import handed_over
from core.dunning.gate import verdict
from core.dunning.volume import RunCounts, unusual
from core.enclosures import EnclosureDesk, Enclosures
from core.errors import (
    AuthExpired,
    ConfigError,
    Conflict,
    ConnectorError,
    OutcomeUnknown,
    PermissionMissing,
    Rejected,
    StoreError,
    TakenUp,
    Transient,
    Undeliverable,
    UsageError,
)
from core.gatefacts import GateRoom
from core.lost_span import MAY_HAVE_GONE, approved_since, lost_span, waits_for_a_person
from core.outbox import ContactKind, GateAnswer, OutboxRow, OutboxState, PastContact, Queued
from core.ports import Connector, Encloses
from core.records import RecordKey, Role, Stream
from core.refusals import bounces_of
from core.review import Rules
from core.store import Store
from core.traces import span
from core.withdrawing import withdraw_drafts

log = structlog.get_logger()

LEASE_SECONDS = 600.0  # longer than any push may take: transports give up after a few timeouts of 30 s
REST = timedelta(seconds=60)  # how long a lost answer is left alone before it is read back: the vendor may still be at it
_MOST_TRIES = 12
_SAME_DAY = timedelta(hours=12)
_PAUSED_SECONDS = 900.0
# A "no" of these passes by itself within the day; any other is a reason to decide again from scratch.
_PASSING = frozenset({"paused", "hours", "fresh"})

Open = Callable[[str], AbstractContextManager[Connector]]


@dataclass(slots=True)
class DispatchReport:
    """What became of the rows of one pass."""

    outcomes: Counter[str] = field(default_factory=Counter)
    stopped: str | None = None

    def summary(self) -> dict[str, int]:
        """The counts, for the run's record."""
        return dict(sorted(self.outcomes.items()))


def dispatch(
    store: Store,
    rules: Rules,
    open_connection: Open,
    *,
    clock: Clock,
    by: str,
    rest: timedelta = REST,
    should_stop: Callable[[], bool] = lambda: False,
) -> DispatchReport:
    """Read back what is ambiguous, then send what is due, until nothing is left or `should_stop` says so."""
    report = DispatchReport()
    with ExitStack() as stack:
        room = GateRoom(store, rules, open_connection, clock, stack)
        desk = _Desk(store, rules, room, clock, by, report, EnclosureDesk(room.connector, clock))
        store.recover(clock.now())
        if withdrawn := withdraw_drafts(store, clock.now()):
            report.outcomes["withdrawn"] = withdrawn
        for row in store.outbox(states=[OutboxState.AMBIGUOUS]):
            if not should_stop() and row.updated_at + rest <= clock.now():
                desk.unless_taken(desk.read_back, row)
        if desk.volume_is_usual():
            while not should_stop():
                reserved = store.reserve(now=clock.now(), by=by, lease_seconds=LEASE_SECONDS)
                if reserved is None:
                    break
                desk.unless_taken(desk.attend, reserved)
    log.info("dispatch.done", **report.summary())
    return report


@dataclass(slots=True)
class _Desk:
    """One pass over the outbox."""

    store: Store
    rules: Rules
    room: GateRoom
    clock: Clock
    by: str
    report: DispatchReport
    enclosures: EnclosureDesk

    # ── before anything is sent ─────────────────────────────────────────────────────────────────────────────────────────
    def volume_is_usual(self) -> bool:
        """The breaker: far more messages than usual pause all sending until a person resumes it."""
        now = self.clock.now()
        due = [row for row in self.store.outbox(states=[OutboxState.QUEUED]) if row.not_before <= now]
        stages = Counter(row.action.stage for row in due if isinstance(row.action, CONTACTS))
        if not stages:
            return True
        past = [RunCounts(by_stage=item, accounts=0) for item in self.store.setting("volume.history") or []]
        accepted = self.store.setting("volume.accepted") == str(local_date(now, self.rules.organisation.timezone))
        why = None if accepted else unusual(RunCounts(by_stage=stages, accounts=len(self.store.accounts())), past)
        if why is None:
            self.store.put_setting("volume.history", [*(dict(item.by_stage) for item in past[-59:]), dict(stages)])
            return True
        if "volume" not in self.store.paused():
            self.store.pause("volume", by="duesync", reason=why, now=now)
            log.error("dispatch.stopped", why=why, remedy="Look at `duesync outbox list`, then run `duesync resume`.")
        self.report.stopped = why
        return False

    def unless_taken(self, act: Callable[[OutboxRow], None], row: OutboxRow) -> None:
        """Act on a row; where another worker took it up meanwhile, leave it to that one and go on with the next."""
        try:
            act(row)
        except TakenUp as error:
            log.warning("outbox.lost", row=row.id, error=error.message)
            self.report.outcomes["lost"] += 1

    # ── one row ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def attend(self, row: OutboxRow) -> None:
        """Take one reserved row to its end. Nothing was sent yet where asking the gate or opening the connection fails."""
        try:
            answers, papers = self._examined(row)
        except (ConnectorError, ConfigError) as error:
            self._later(row, error.message)
            return
        except UsageError as error:
            self._park(row, error.message)
            return
        except StoreError:
            raise
        except Exception as error:
            log.exception("gate.crashed", row=row.id, error=str(error))
            self._later(row, f"it could not be examined: {error}")
            return
        if not verdict(answers):
            self._refuse(row, answers)
            return
        if not self._clear_of_lost_span(row):
            return
        held = self.store.start_sending(row, (*answers, *papers.answers), now=self.clock.now(), lease_seconds=LEASE_SECONDS)
        self._push(held, papers)

    def _examined(self, row: OutboxRow) -> tuple[tuple[GateAnswer, ...], Enclosures]:
        """The gate's answers and the files of a message it lets pass; the gate is asked again when fetching them took long."""
        answers = self.room.answers(row, self.clock.now())
        self.room.connector(row.action.connection)
        if self.room.silence.holds(row.action.connection):
            raise Transient(f"{row.action.connection} does not answer.", connection=row.action.connection)
        papers = self.enclosures.gather(row.action) if verdict(answers) else Enclosures()
        return (self.room.answers(row, self.clock.now()) if papers.slow else answers), papers

    def _clear_of_lost_span(self, row: OutboxRow) -> bool:
        """May it be pushed, though the store was restored and does not know what went before? See core.lost_span."""
        if lost_span(self.store) is None:
            return True
        receipt, unclear = self._look_for(row)
        if receipt is not None:
            self._settle(row, receipt, self.store.found_done)
            return False
        if approved_since(row):
            return True
        if waits_for_a_person(row.action):
            self.store.hold_back(row, MAY_HAVE_GONE, self.clock.now())
            self._count("held_back", row)
        elif unclear:
            self._later(row, f"restored store: it cannot be told whether this was done before: {unclear}")
        else:
            return True
        return False

    def _look_for(self, row: OutboxRow) -> tuple[Receipt | None, str]:
        """The receipt of an action found at its vendor, and why it could not be looked for."""
        try:
            return self.room.connector(row.action.connection).find_pushed(row.action, row.key), ""
        except StoreError:
            raise
        except Exception as error:
            log.info("outbox.unclear", row=row.id, error=str(error))
            return None, str(error) or type(error).__name__

    def _refuse(self, row: OutboxRow, answers: tuple[GateAnswer, ...]) -> None:
        against = [answer for answer in answers if answer.ok is not True]
        why = "; ".join(f"{answer.question}: {answer.detail}" for answer in against)
        if all(answer.question == "paused" for answer in against) and not isinstance(row.action, CONTACTS):
            self._later(row, why, _PAUSED_SECONDS)  # no client sees it, and what it says is as true after the pause
            return
        passing = all(answer.question in _PASSING or answer.ok is None for answer in against)
        if passing and self.clock.now() - row.created_at < _SAME_DAY:
            self._later(row, why)
            return
        self.store.drop(row, why, answers, self.clock.now())
        self._count("dropped", row, why=why)

    def _push(self, row: OutboxRow, papers: Enclosures) -> None:
        try:
            receipt = self._pushed(row, papers)
        except OutcomeUnknown as error:
            self.store.mark_ambiguous(row, error.message, self.clock.now())
            self._count("ambiguous", row, error=error.message)
        except Conflict as error:
            self.store.drop(row, f"{error.message} It is decided again.", now=self.clock.now())
            self._count("dropped", row, why=error.message)
        except Undeliverable as error:
            self._bounced(row, error)
        except Rejected as error:
            self._park(row, str(error))
        except (Transient, AuthExpired, PermissionMissing) as error:
            self._later(row, error.message, error.retry_after if isinstance(error, Transient) else None)
        except Exception as error:
            log.exception("push.crashed", row=row.id, error=str(error))
            self.store.mark_ambiguous(row, f"the connector failed: {error}", self.clock.now())
            self._count("ambiguous", row)
            self.report.outcomes["crashed"] += 1
        else:
            self._settle(row, receipt)

    def _bounced(self, row: OutboxRow, error: Undeliverable) -> None:
        """No address of it exists: the client's record says so, and it is decided again for another one."""
        if not isinstance(row.action, SendReminder):
            self._park(row, str(error))
            return
        now = self.clock.now()
        refused = [Refusal(address=address, reply=reply) for address, reply in error.refused]
        with self.store.unit():
            for entry in bounces_of(row, refused, now):
                self.store.log_contact(entry)
            self.store.drop(row, f"{error.message} It is decided again.", now=now)
        self._count("dropped", row, why=error.message)

    def _pushed(self, row: OutboxRow, papers: Enclosures) -> Receipt:
        """Do the action at its vendor; what the vendor says, or does not say, counts for the rest of the pass."""
        action, name = row.action, row.action.connection
        connector = self.room.connector(name)
        try:
            with span("send", connection=name, kind=type(action).__name__, row=row.id):
                if papers.documents and isinstance(connector, Encloses) and isinstance(action, SendReminder):
                    receipt = connector.push_with(action, row.key, papers.documents)
                else:
                    receipt = connector.push(action, row.key)
        except (Transient, AuthExpired) as error:
            self.room.silence.failed(name, error)
            raise
        self.room.silence.answered(name)
        return receipt

    def _settle(
        self, row: OutboxRow, receipt: Receipt, settle: Callable[[OutboxRow, Receipt, datetime], OutboxRow] | None = None
    ) -> None:
        now = self.clock.now()
        with self.store.unit():
            settled = (settle or self.store.settle)(row, receipt, now)
            for entry in bounces_of(row, receipt.refused, now):
                self.store.log_contact(entry)
            if isinstance(row.action, OpenTicket):
                self.store.log_contact(_handed_over(row, row.action, receipt, now))
            self.store.enqueue(self._notes(settled, now), now=now, run_id=row.run_id)
        self._count("settled", row, receipt=receipt.ref)

    def _park(self, row: OutboxRow, why: str) -> None:
        self.store.park(row, why, self.clock.now())
        self._count("parked", row, error=why)

    def _later(self, row: OutboxRow, why: str, wait: float | None = None) -> None:
        now = self.clock.now()
        if row.attempts >= _MOST_TRIES and wait is None and now - row.created_at > _SAME_DAY:
            self._park(row, f"{why} (after {row.attempts} tries)")
            return
        backoff = min(60.0 * 2 ** min(row.attempts, 6), 3600.0)
        self.store.retry(row, now + timedelta(seconds=max(wait or 0.0, backoff)), why, now)
        self._count("postponed", row, why=why)

    # ── what may have been done ─────────────────────────────────────────────────────────────────────────────────────────
    def read_back(self, row: OutboxRow) -> None:
        """Look for an ambiguous action at its vendor: found settles it, certainly absent queues it again, else it waits."""
        receipt, unclear = self._look_for(row)
        if unclear:
            self.report.outcomes["unclear"] += 1
        elif receipt is not None:
            self._settle(row, receipt)
        else:
            self.store.retry(row, self.clock.now(), "read back: it was not done", self.clock.now())
            self._count("requeued", row)

    # ── what follows ────────────────────────────────────────────────────────────────────────────────────────────────────
    def _notes(self, row: OutboxRow, now: datetime) -> list[Queued]:
        """Write back what a client was told: a note on each invoice, where its connection, or a webhook, takes notes."""
        action = row.action
        if not isinstance(action, SendReminder | SendInvoice):
            return []
        to = ", ".join(action.to) if isinstance(action, SendReminder) else action.to or "the address on the invoice"
        day = local_date(now, self.rules.organisation.timezone)
        told = [name for name, role in self.rules.roles.items() if role is Role.CHANNEL and name != action.connection]
        return [
            Queued(
                action=PostNote(
                    connection=name,
                    account=action.account,
                    stream=Stream.INVOICES,
                    ref=item.ref,
                    text=f"{day}: {action.stage.replace('_', ' ')} message sent to {to}; open then: {item.open}.",
                    cause=f"contact {row.id}",
                ),
                reasons=(f"reports {action.stage} message {row.id}",),
                not_before=now,
                draft=self.rules.notes[name] == "draft",
            )
            for item in action.invoices
            for name in (item.connection, *told)
            if self.rules.notes.get(name, "observe") != "observe"
        ]

    def _count(self, outcome: str, row: OutboxRow, **keys: str) -> None:
        self.report.outcomes[outcome] += 1
        log.info(
            "outbox.moved",
            row=row.id,
            to=outcome,
            kind=type(row.action).__name__,
            account=row.action.account,
            key=row.key,
            **keys,
        )


def _handed_over(row: OutboxRow, ticket: OpenTicket, receipt: Receipt, now: datetime) -> PastContact:
    """A call was handed to a person: no word with the client yet, but the step is under way."""
    return PastContact(
        account=ticket.account,
        kind=ContactKind.NOTE,
        at=now,
        channel=ticket.connection,
        stage=ticket.stage,
        cycle=ticket.cycle,
        invoices=tuple(RecordKey(item.connection, Stream.INVOICES, item.ref) for item in ticket.invoices),
        subject=ticket.summary,
        outbox_id=row.id,
        outcome=handed_over(receipt.ref),
    )
