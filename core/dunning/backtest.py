"""What a policy would have said over a past period, decided day by day with what was known each day (product notes D9).

The same `decide` runs over books rewound to each day; its messages count as sent, so that the cadence goes on from them. What a
client itself did (replies, bounces) is taken from the contact log; calls that came due count as made that day. Days on which
nothing can have changed are not decided again: the dates of the records and of the cadence say which those are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from core.analytics.rewind import Rewind
from core.books import AccountBooks
from core.dunning.arrangements import PaymentPlan
from core.dunning.decide import decide
from core.dunning.decision import Channels, Entry
from core.dunning.policy import AccountPolicy, DunningSettings, StageKind, Way
from core.dunning.resolve import resolve_policy
from core.findings import Finding
from core.holds import FLAGS, Hold
from core.messages.letter import Organisation
from core.money import Money, totals
from core.outbox import ContactKind, PastContact, Promise
from core.records import Invoice, RecordKey, key_of

T = TypeVar("T")
_THEIRS = frozenset({ContactKind.REPLY, ContactKind.BOUNCE})
_KINDS = {StageKind.STATEMENT: ContactKind.STATEMENT, StageKind.CALL: ContactKind.CALL}
_LONGEST_CLOSED = 6  # days in a row without business, after which something held resumes
_WEEK = 7  # days without any known change after which it is looked anyway
SOON_DAYS = 3  # a message whose invoices were all paid within so many days afterwards may not have been needed


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """Something that was true from `start` until `end` (None: it still is)."""

    value: T
    start: datetime
    end: datetime | None = None

    def at(self, moment: datetime) -> bool:
        """Was it known at `moment`?"""
        return self.start <= moment and (self.end is None or moment < self.end)


@dataclass(frozen=True, kw_only=True)
class Past:
    """One client: its books as they are now, and what was remembered of it when. Holds and plans include those since ended.

    `seen` and `undone` say from and until when a record was known: see Rewind.
    """

    books: AccountBooks
    contacts: Sequence[PastContact] = ()
    holds: Sequence[Hold] = ()
    promises: Sequence[Promise] = ()
    plans: Sequence[Known[PaymentPlan]] = ()
    findings: Sequence[Known[Finding]] = ()
    seen: Mapping[RecordKey, date] = field(default_factory=dict, hash=False)
    undone: Mapping[RecordKey, date] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message the policy would have sent.

    `paid`: invoices whose money had come by then, though nobody had entered or applied it; `held`: those under a hold or dispute;
    `soon`: everything in it was paid within SOON_DAYS; `late`: days past due of each invoice in it that was due.
    """

    account: str
    on: date
    stage: str
    way: Way
    kind: StageKind
    invoices: tuple[RecordKey, ...]
    asked: Mapping[str, Money] = field(hash=False)
    late: Mapping[RecordKey, int] = field(hash=False)
    paid: tuple[RecordKey, ...] = ()
    held: tuple[RecordKey, ...] = ()
    soon: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A message kept back, the first day it was: `why` in plain words."""

    account: str
    on: date
    stage: str
    invoices: tuple[RecordKey, ...]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What one policy would have said from `since` to `until`, both included."""

    since: date
    until: date
    said: tuple[Said, ...]
    kept: tuple[Kept, ...]


def replay(
    clients: Iterable[Past],
    settings: DunningSettings,
    *,
    organisation: Organisation,
    channels: Channels,
    since: date,
    until: date,
    daily: bool = False,
) -> Replay:
    """Decide for every client on every day of the period. `daily` looks even on days when nothing can have changed."""
    said: list[Said] = []
    kept: list[Kept] = []
    for past in clients:
        run = _Run(
            past, resolve_policy(settings, past.books.account), organisation, channels, Rewind(past.books, past.seen, past.undone)
        )
        run.play(since, until, daily=daily)
        said += run.said
        kept += run.kept
    return Replay(
        since=since,
        until=until,
        said=tuple(sorted(said, key=lambda item: (item.on, item.account, item.stage))),
        kept=tuple(sorted(kept, key=lambda item: (item.on, item.account, item.stage))),
    )


@dataclass
class _Run:
    """One client under one policy, from day to day."""

    past: Past
    policy: AccountPolicy
    organisation: Organisation
    channels: Channels
    rewind: Rewind
    said: list[Said] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    ours: list[PastContact] = field(default_factory=list)

    def play(self, since: date, until: date, *, daily: bool) -> None:
        """Go through the period."""
        changes = {day for day in (*self.rewind.days, *self._days(), *self._signals(), *self._stages()) if since < day <= until}
        day, ahead = since, sorted(changes)
        while day <= until:
            sent, look = self._one_day(day, since)
            following = day + timedelta(days=1)
            if sent or daily:
                day = following
                continue
            while ahead and ahead[0] <= day:
                ahead.pop(0)
            day = max(following, min([look, *ahead[:1]]))

    def _days(self) -> Iterator[date]:
        """Days on which what we remember changed, each with the day after: an evening in UTC may be the next day there."""
        moments = [at for hold in self.past.holds for at in (hold.placed_at, hold.lifted_at) if at]
        moments += [item.made_at for item in self.past.promises]
        moments += [at for plan in self.past.plans for at in (plan.start, plan.end) if at]
        moments += [at for finding in self.past.findings for at in (finding.start, finding.end) if at]
        for moment in moments:
            yield from _from(moment.date(), 2)
        for plan in (known.value for known in self.past.plans):
            yield from (part.due_on + timedelta(days=plan.breach_days + 1) for part in plan.instalments)
        for last in (*(hold.until for hold in self.past.holds), *(item.due_on for item in self.past.promises)):
            yield from _from(last, _LONGEST_CLOSED) if last else ()

    def _signals(self) -> Iterator[date]:
        """Days on which a signal of the client's begins or ends to count: replies, tickets, money that looks like a payment."""
        policy, books = self.policy.base, self.past.books
        for item in self.past.contacts:
            if item.kind in _THEIRS:
                yield from _from(item.at.date(), 2 * policy.reply_pause_days + _LONGEST_CLOSED)
        opened = (item.opened_at.date() for item in books.tickets if item.opened_at)
        yield from (day + timedelta(days=policy.tickets.max_age_days + 1) for day in opened)
        money = [item.paid_on for item in books.payments if item.unapplied.minor or any(a.applied_on for a in item.allocations)]
        money += [*(item.deposited_on for item in books.deposits), *(item.sold_on for item in books.sales)]
        yield from (day + timedelta(days=policy.lookalike_days + 1) for day in money)

    def _stages(self) -> Iterator[date]:
        """Days on which an invoice, not settled by then, reaches a stage by the calendar alone."""
        settled = self.rewind.settled
        for item in self.past.books.invoices:
            policy, end = self.policy.for_invoice(item.connection, item.ref), settled.get((item.connection, item.ref), date.max)
            due_on = (item.due_on or item.issued_on) + timedelta(days=policy.grace_days)
            days = (due_on + timedelta(days=stage.days) for stage in policy.stages)
            yield from (day for day in days if day < end)

    def _one_day(self, day: date, since: date) -> tuple[bool, date]:
        """Decide on `day`; whether something was said, and the next day worth looking at."""
        now = datetime.combine(day, time(12), ZoneInfo(self.organisation.timezone)).astimezone(UTC)
        books = self.rewind.on(day)
        if not books.open_invoices():
            return False, date.max
        made = decide(
            books,
            policy=self.policy,
            history=self._history(now, since),
            holds=self._holds(now),
            promises=[item for item in self.past.promises if item.made_at <= now],
            plans=[item.value for item in self.past.plans if item.at(now)],
            findings=[item.value for item in self.past.findings if item.at(now)],
            organisation=self.organisation,
            channels=self.channels,
            now=now,
        )
        going = [entry for entry in made.entries if entry.would_send]
        for entry in going:
            self.ours.append(as_contact(entry, now))
            self.said.append(self._said(entry, day, now))
        self._keep([entry for entry in made.entries if not entry.would_send and entry.due_on <= day], day)
        return bool(going), _next_look(made.entries, day)

    def _history(self, now: datetime, since: date) -> list[PastContact]:
        """What the log had before the period, what the client did since, and what this policy said."""
        real = [item for item in self.past.contacts if item.at <= now and (item.kind in _THEIRS or item.at.date() < since)]
        return sorted([*real, *self.ours], key=lambda item: item.at)

    def _said(self, entry: Entry, day: date, now: datetime) -> Said:
        arrived = self.rewind.arrived(day)
        due = [item for item in entry.invoices if item.due_on is not None and item.due_on <= day]
        covered = [item for item in entry.invoices if arrived.get((item.connection, item.ref), 0) >= item.open.minor]
        holds = self._holds(now)
        held = [
            item
            for item in entry.invoices
            if item.disputed or any(hold.covers(key_of(item), day) for hold in holds if hold.kind not in FLAGS)
        ]
        return Said(
            account=entry.account,
            on=day,
            stage=entry.stage,
            way=entry.channel,
            kind=entry.kind,
            invoices=tuple(key_of(item) for item in entry.invoices),
            asked=totals(item.open for item in due or entry.invoices),
            late={key_of(item): (day - item.due_on).days for item in due if item.due_on},
            paid=tuple(key_of(item) for item in covered),
            held=tuple(key_of(item) for item in held),
            soon=bool(due) and self._paid_soon(due, day),
        )

    def _paid_soon(self, invoices: Sequence[Invoice], day: date) -> bool:
        later = {(item.connection, item.ref) for item in self.rewind.on(day + timedelta(days=SOON_DAYS)).invoices}
        return not any((item.connection, item.ref) in later for item in invoices)

    def _holds(self, now: datetime) -> list[Hold]:
        """The holds that stood then, as they looked then."""
        stood = (item for item in self.past.holds if item.placed_at <= now and (item.lifted_at is None or item.lifted_at > now))
        return [replace(item, lifted_at=None) for item in stood]

    def _keep(self, entries: Iterable[Entry], day: date) -> None:
        """Note what an invoice's own reasons kept back, once for as long as they stay the same; mere waiting is not noted."""
        for entry in entries:
            if entry.connection is not None:
                continue
            found = Kept(
                account=entry.account,
                on=day,
                stage=entry.stage,
                invoices=tuple(key_of(item) for item in entry.invoices),
                why=entry.reasons,
            )
            if not any(item.invoices == found.invoices and item.why == found.why for item in self.kept):
                self.kept.append(found)


def _from(day: date, count: int) -> Iterator[date]:
    return (day + timedelta(days=offset) for offset in range(count))


def _next_look(entries: Iterable[Entry], day: date) -> date:
    """The next day something comes due by itself; tomorrow where a message waits only for its hour, day or spacing."""
    waits = any(item.due_on <= day and not item.would_send and item.connection is not None for item in entries)
    ahead = (item.due_on for item in entries if item.due_on > day)
    return day + timedelta(days=1) if waits else min(ahead, default=day + timedelta(days=_WEEK))


def as_contact(entry: Entry, now: datetime) -> PastContact:
    """A message as the contact log would have it once it went."""
    return PastContact(
        account=entry.account,
        kind=_KINDS.get(entry.kind, ContactKind.MESSAGE),
        at=max(entry.not_before, now),
        channel=entry.connection or str(entry.channel),
        stage=entry.stage,
        cycle=entry.cycle,
        invoices=tuple(key_of(invoice) for invoice in entry.invoices),
        to=(entry.recipient,) if entry.recipient else (),
    )
