"""Runs duesync's own functions over a simulated world: pulls that lag and fail, workers that die, schedulers of any frequency.

The outbox is the store's rules in a few lines (one live or settled row per (invoice, stage, cycle)); the store itself is tested
with its own kills elsewhere.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.actions import IdempotencyKey, SendReminder, idempotency_key
from core.books import AccountBooks
from core.dunning.decide import decide
from core.dunning.decision import Channels, Decision, to_queued
from core.dunning.gate import GateFacts, SourceAge, gate, verdict
from core.dunning.policy import AccountPolicy, DunningSettings
from core.dunning.resolve import resolve_policy
from core.messages.letter import Organisation
from core.messages.render import Rendered, render
from core.outbox import ContactKind, OutboxRow, OutboxState, PastContact, Queued
from core.records import DocumentStatus, Invoice, RecordKey, Stream, key_of
from tests.simulation.oracle import Liveness, Oracle
from tests.simulation.world import PSA, VENDOR, Client, clients

ORGANISATION = Organisation(name="Bright IT", timezone="America/Chicago", currency="USD", email="billing@bright.example")
LIVE = {OutboxState.QUEUED, OutboxState.AMBIGUOUS}


@dataclass
class Office:
    """duesync for one client: what it pulled, its outbox, and what became of its messages."""

    client: Client
    policy: AccountPolicy
    seen: AccountBooks
    pulled_at: datetime
    rows: dict[IdempotencyKey, OutboxRow] = field(default_factory=dict)
    taken: set[tuple[str, str, str]] = field(default_factory=set)
    decision: Decision | None = None
    spoke_on: set[date] = field(default_factory=set)


@dataclass
class Simulation:
    """`count` clients for `days` days from 2026-01-01."""

    seed: int
    count: int
    days: int
    settings: dict[str, object] = field(default_factory=dict)
    without_gate: bool = False  # to see that the oracle notices
    oracle: Oracle = field(default_factory=Oracle)
    liveness: Liveness = field(default_factory=Liveness)
    events: Counter[str] = field(default_factory=Counter)

    def run(self) -> Simulation:
        """Live through every day; wrongs gather in the oracle."""
        self._rng = random.Random(self.seed)
        start = datetime.combine(date(2026, 1, 1), time(), UTC)
        settings = DunningSettings.model_validate({"mode": "active", **self.settings})
        offices = [
            Office(client=item, policy=resolve_policy(settings, item.account), seen=item.books(), pulled_at=start)
            for item in clients(self.count, self.seed)
        ]
        down_until = vendor_down_until = start
        for offset in range(self.days):
            day = start + timedelta(days=offset)
            if self._rng.random() < 0.02:
                down_until = day + timedelta(days=self._rng.randint(1, 12))  # duesync itself is off
            if self._rng.random() < 0.03:
                vendor_down_until = day + timedelta(hours=self._rng.randint(2, 90))
            for office in offices:
                office.client.live(day.date())
                ticks = [] if day < down_until else sorted(day + timedelta(minutes=self._rng.randint(0, 1439)) for _ in range(2))
                for now in (*ticks, day + timedelta(hours=23, minutes=40)) if ticks else ():
                    self._tick(office, now, vendor_up=now >= vendor_down_until)
                self._watch(office, day, up=bool(ticks) and day >= vendor_down_until)
        return self

    # ── one tick: pull, review, dispatch ────────────────────────────────────────────────────────────────────────────────
    def _tick(self, office: Office, now: datetime, *, vendor_up: bool) -> None:
        if vendor_up and self._rng.random() < 0.9:
            office.seen, office.pulled_at = self._pulled(office.client), now
        before = list(office.rows.values())
        self._review(office, now, before)
        if self._rng.random() < 0.2:
            self._review(office, now, before)  # a second process that knew no more than the first
        for key in list(office.rows):
            self._dispatch(office, key, now, vendor_up=vendor_up)

    def _pulled(self, client: Client) -> AccountBooks:
        """What the vendor's lists show: sometimes still yesterday's, as they lag behind its single records."""
        if client.yesterday is not None and self._rng.random() < 0.1:
            self.events["list lagged"] += 1
            return client.yesterday
        return client.books()

    def _review(self, office: Office, now: datetime, rows: list[OutboxRow]) -> None:
        client = office.client
        office.decision = decide(
            office.seen,
            policy=office.policy,
            history=[item for item in client.history if item.at <= now],
            holds=client.holds,
            promises=client.promises,
            waiting=[row for row in rows if row.state in LIVE],
            now=now,
            organisation=ORGANISATION,
            channels=Channels(mail="mail"),
        )
        for entry in office.decision.outgoing:
            message = render(entry.letter) if entry.letter else None
            assert isinstance(message, Rendered), str(message)
            self._enqueue(office, to_queued(entry, message, digests=_digests(office.seen.invoices)), now)

    def _enqueue(self, office: Office, queued: Queued, now: datetime) -> None:
        action = queued.action
        if not isinstance(action, SendReminder):
            return
        key = idempotency_key(action)
        steps = {(item.ref, action.stage, action.cycle) for item in action.invoices}
        if steps & office.taken:
            self.events["blocked"] += 1
            return
        office.taken |= steps
        office.rows[key] = OutboxRow(
            id=key, key=key, action=action, state=OutboxState.QUEUED, created_at=now, updated_at=now, not_before=queued.not_before
        )

    def _dispatch(self, office: Office, key: IdempotencyKey, now: datetime, *, vendor_up: bool) -> None:
        row = office.rows[key]
        action = row.action
        assert isinstance(action, SendReminder)
        if row.state is OutboxState.AMBIGUOUS:
            self._settle(office, row, action, now)  # read back: the copy is in the archive
            return
        later = max(row.not_before, now)
        if later - now > timedelta(hours=10) or row.state is not OutboxState.QUEUED:
            return
        answers = gate(action, self._facts(office, later, vendor_up=vendor_up))
        if not verdict(answers) and not self.without_gate:
            self.events["gate said no"] += 1
            del office.rows[key]
            office.taken -= {(item.ref, action.stage, action.cycle) for item in action.invoices}
            return
        self.oracle.hear(action, office.client, office.seen, office.pulled_at, later)
        if self._rng.random() < 0.05:
            self.events["answer lost"] += 1
            office.rows[key] = OutboxRow(
                id=key, key=key, action=action, state=OutboxState.AMBIGUOUS, created_at=now, updated_at=later, not_before=later
            )
            return
        self._settle(office, row, action, later)

    def _settle(self, office: Office, row: OutboxRow, action: SendReminder, now: datetime) -> None:
        client = office.client
        del office.rows[row.key]
        today = now.astimezone(ZoneInfo(client.zone)).date()
        office.spoke_on.add(now.date())
        self.events[action.stage] += 1
        client.history.append(
            PastContact(
                account=client.id,
                kind=ContactKind.STATEMENT if action.stage == "statement" else ContactKind.MESSAGE,
                at=row.updated_at if row.state is OutboxState.AMBIGUOUS else now,
                channel="mail",
                stage=action.stage,
                cycle=action.cycle,
                invoices=tuple(RecordKey(item.connection, Stream.INVOICES, item.ref) for item in action.invoices),
                to=action.to,
            )
        )
        client.receive(action.stage, action.to, now, today)

    def _facts(self, office: Office, now: datetime, *, vendor_up: bool) -> GateFacts:
        client = office.client
        live = (*client.invoices.values(), *client.twins.values()) if vendor_up else ()
        return GateFacts(
            now=now,
            policy=office.policy,
            organisation=ORGANISATION,
            books=office.seen,
            reread={key_of(item): item for item in live},
            digests=_digests(live),
            streams=[SourceAge(connection=VENDOR, stream=Stream.INVOICES, last_ok_at=office.pulled_at, fresh_for=6 * 3600)],
            history=[item for item in client.history if item.at <= now],
            holds=client.holds,
            promises=client.promises,
            other_senders={VENDOR: (), PSA: ()},
            approved=True,
        )

    # ── nobody is forgotten ─────────────────────────────────────────────────────────────────────────────────────────────
    def _watch(self, office: Office, day: datetime, *, up: bool) -> None:
        client, today = office.client, day.date()
        known = {item.ref for item in office.seen.invoices if _late(item, today)}  # one opened again today may not be seen yet
        late = [item for item in client.invoices.values() if _late(item, today) and item.ref in known]
        if not late or not up or office.decision is None:
            self.liveness.quiet[client.id] = 0
            return
        explained = any(entry.reasons for entry in office.decision.entries)
        against = client.holds or client.dead or any(today <= item.due_on + timedelta(days=4) for item in client.promises)
        money = any(item.unapplied.minor for item in client.payments.values()) or client.deposits or client.credit_notes
        fresh = [item for item in late if (today - (item.due_on or today)).days < 150 and not item.disputed]
        clear = bool(fresh) and not against and not money and client.habit in ("never", "late", "very_late", "moved")
        self.liveness.look(client, today, spoke=today in office.spoke_on, explained=explained, clear=clear)


def _late(invoice: Invoice, today: date) -> bool:
    return invoice.status is DocumentStatus.OPEN and invoice.due_on is not None and invoice.due_on < today


def _digests(invoices: tuple[Invoice, ...]) -> dict[RecordKey, str]:
    return {key_of(item): f"{item.open}|{item.status}|{item.due_on}|{item.disputed}" for item in invoices}
