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
from core.findings import Finding
from core.messages.letter import Organisation
from core.messages.render import Rendered, render
from core.outbox import ContactKind, OutboxRow, OutboxState, PastContact, Queued
from core.records import DocumentStatus, Invoice, Payment, RecordKey, Stream, key_of
from tests.simulation.detours import BANK
from tests.simulation.one_bank import Review
from tests.simulation.oracle import Liveness, Oracle
from tests.simulation.world import HABITS, PSA, VENDOR, Client, clients

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
    beside: Office | None = None  # the client's second record
    bank: tuple[Payment, ...] = ()  # rows of the bank, as they were pulled last
    bank_at: datetime | None = None
    unreviewed: bool = False  # rows came in that no review has looked at
    review: Review = field(default_factory=Review)
    decided_on: object = None  # everything the last decision went by

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the last review found about this client."""
        return self.review.findings.get(self.client.id, ())

    @property
    def known(self) -> frozenset[str]:
        """Refs of the money that was pulled: the bank's rows, and what stands under the second record."""
        second = self.beside.seen.payments if self.beside is not None else ()
        return frozenset(item.ref for item in (*self.bank, *second))


@dataclass
class Simulation:
    """`count` clients for `days` days from 2026-01-01."""

    seed: int
    count: int
    days: int
    settings: dict[str, object] = field(default_factory=dict)
    without_gate: bool = False  # to see that the oracle notices
    without_findings: bool = False  # so too
    habits: tuple[str, ...] = HABITS
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
            for item in clients(self.count, self.seed, self.habits)
        ]
        by_client = {office.client.id: office for office in offices}
        for office in offices:
            office.beside = by_client[office.client.second.id] if office.client.second is not None else None
            office.bank_at = start
        self._one_bank = [office for office in offices if office.client.habit == "one_bank"]
        for office in self._one_bank:
            office.review = self._one_bank[0].review
        down_until = vendor_down_until = start
        for offset in range(self.days):
            day = start + timedelta(days=offset)
            if self._rng.random() < 0.02:
                down_until = day + timedelta(days=self._rng.randint(1, 12))  # duesync itself is off
            if self._rng.random() < 0.03:
                vendor_down_until = day + timedelta(hours=self._rng.randint(2, 90))
            for office in offices:
                office.client.live(day.date())
                ticks = [] if day < down_until else sorted(day + timedelta(minutes=self._rng.randint(0, 1419)) for _ in range(2))
                for now in (*ticks, day + timedelta(hours=23, minutes=40)) if ticks else ():
                    self._tick(office, now, vendor_up=now >= vendor_down_until)
                self._watch(office, day, up=bool(ticks) and day >= vendor_down_until)
        return self

    # ── one tick: pull, review, dispatch ────────────────────────────────────────────────────────────────────────────────
    def _tick(self, office: Office, now: datetime, *, vendor_up: bool) -> None:
        if vendor_up and self._rng.random() < 0.9:
            office.seen, office.pulled_at = self._pulled(office.client), now
            if office.beside is not None:
                office.beside.seen = office.beside.client.books()
        bank_after = self._rng.random() < 0.3  # another worker pulls it, after the review
        self._pull_bank(office, now, up=vendor_up and not bank_after)
        before = list(office.rows.values())
        self._review(office, now, before)
        if self._rng.random() < 0.2:
            self._review(office, now, before)  # a second process that knew no more than the first
        self._pull_bank(office, now, up=vendor_up and bank_after)
        for key in list(office.rows):
            self._dispatch(office, key, now, vendor_up=vendor_up)

    def _pulled(self, client: Client) -> AccountBooks:
        """What the vendor's lists show: sometimes still yesterday's, as they lag behind its single records."""
        if client.yesterday is not None and self._rng.random() < 0.1:
            self.events["list lagged"] += 1
            return client.yesterday
        return client.books()

    def _pull_bank(self, office: Office, now: datetime, *, up: bool) -> None:
        """The bank's list, where this client pays by transfer; now and then it does not answer."""
        if not up or office.client.habit not in ("by_bank", "one_bank") or self._rng.random() < 0.1:
            return
        together = self._together(office)
        rows = tuple(row for item in together for row in item.client.bank.values())
        for item in together:
            item.unreviewed = item.unreviewed or len(rows) != len(item.bank)
            item.bank, item.bank_at = rows, now

    def _together(self, office: Office) -> list[Office]:
        """The clients whose money is in one list of the bank."""
        return self._one_bank if office.client.habit == "one_bank" else [office]

    def _review(self, office: Office, now: datetime, rows: list[OutboxRow]) -> None:
        together = self._together(office)
        for item in together:
            item.unreviewed = False
        if not self.without_findings and (office.client.habit in ("by_bank", "one_bank") or office.beside is not None):
            beside = [office.beside.seen] if office.beside is not None else []
            office.review.look([*(item.seen for item in together), *beside], office.bank, now)
        waiting = [row for row in rows if row.state in LIVE]
        going_by = self._going_by(office, now, waiting)
        if going_by != office.decided_on:
            office.decision, office.decided_on = self._decided(office, now, waiting), going_by
        elif self._rng.random() < 0.02:
            assert _said(self._decided(office, now, waiting)) == _said(office.decision), "the hour of the day decided something"
        self._write(office, now)

    def _going_by(self, office: Office, now: datetime, waiting: list[OutboxRow]) -> object:
        """All that a decision depends on; while it is the same nothing is decided anew, which is tried now and then."""
        client = office.client
        seen = [id(office.seen), *(item.fingerprint for item in office.findings)]
        log = sum(1 for item in client.history if item.at <= now)
        today = now.astimezone(ZoneInfo(client.zone)).date()
        return (*seen, log, len(client.holds), len(client.promises), tuple(row.id for row in waiting), today, now.date())

    def _decided(self, office: Office, now: datetime, waiting: list[OutboxRow]) -> Decision:
        client = office.client
        return decide(
            office.seen,
            policy=office.policy,
            history=[item for item in client.history if item.at <= now],
            holds=client.holds,
            promises=client.promises,
            findings=office.findings,
            waiting=waiting,
            now=now,
            organisation=ORGANISATION,
            channels=Channels(mail="mail"),
        )

    def _write(self, office: Office, now: datetime) -> None:
        assert office.decision is not None
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
        self.oracle.hear(action, office.client, office.seen, office.pulled_at, later, known=office.known)
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
            streams=_ages(office),
            findings=office.findings,
            unreviewed_money=office.unreviewed,
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


def _ages(office: Office) -> list[SourceAge]:
    ages = [SourceAge(connection=VENDOR, stream=Stream.INVOICES, last_ok_at=office.pulled_at, fresh_for=6 * 3600)]
    if office.client.habit in ("by_bank", "one_bank"):
        ages.append(SourceAge(connection=BANK, stream=Stream.PAYMENTS, last_ok_at=office.bank_at, fresh_for=6 * 3600))
    return ages


def _said(decision: Decision | None) -> list[object]:
    assert decision is not None
    return [(entry.stage, entry.cycle, entry.recipient, entry.would_send, entry.invoices) for entry in decision.entries]


def _late(invoice: Invoice, today: date) -> bool:
    return invoice.status is DocumentStatus.OPEN and invoice.due_on is not None and invoice.due_on < today


def _digests(invoices: tuple[Invoice, ...]) -> dict[RecordKey, str]:
    return {key_of(item): f"{item.open}|{item.status}|{item.due_on}|{item.disputed}" for item in invoices}
