"""What upstream systems should say about a client, and the smallest writes that make them say it.

Holds, promises, plans and the stage of reminders are ours; `[pushback.CONNECTION]` maps them to fields and notes of a vendor. A
field is written only when our own word changes, with what it should hold before (what its vendor took from us last): a person's
value there is left alone, for the connector refuses to write over it. What was decided and what was written last is remembered
per client, so nothing is said twice. One write at a time to a field: what was not begun yet when our word changes is taken back,
and what may be under way is waited for. A late word can so never stand over a newer one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.actions import Action, OpenTicket, PostNote, SetField
from core.books import AccountBooks
from core.dunning.arrangements import PaymentPlan
from core.dunning.decision import Task
from core.dunning.policy import DunningSettings, Override
from core.dunning.stop_fields import captions, plain
from core.dunning.told import Told, field_key
from core.holds import Hold, HoldKind
from core.outbox import ContactKind, OutboxState, PastContact, Promise, Queued
from core.records import Invoice, Party, RecordKey, Ref, Stream, key_of

_SAID = frozenset({ContactKind.MESSAGE, ContactKind.STATEMENT})
_STATUS = "status"
_TASK = "task "
_WITH_TICKET = frozenset({"bounce", "reply", "plan_breach", "number", "post", "service_slow", "service_stop"})
_NOT_BEGUN = frozenset({OutboxState.DRAFT, OutboxState.QUEUED, OutboxState.PARKED})
_CREDIT_HOLDS = (HoldKind.BANKRUPTCY, HoldKind.LEGAL, HoldKind.COLLECTIONS, HoldKind.AGENCY)


class PushbackSettings(BaseModel):
    """What one connection is told. Everything is off until named; the connection's own mode and write switches hold as well."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: str | None = Field(
        None, description='field of the client for the last message\'s stage, such as "custom:Dunning stage"'
    )
    hold: str | None = Field(None, description="field of the client for the kinds of its holds")
    promise: str | None = Field(None, description="field of the client for the promised day, as YYYY-MM-DD")
    hold_status: str | None = Field(None, description="status of the client while it is held by one of hold_status_for")
    hold_status_for: tuple[HoldKind, ...] = Field(_CREDIT_HOLDS, description="holds that change the client's status")
    expected_date: str | None = Field(None, description='field of an invoice for the promised day, such as "expected_on" at Xero')
    notes: bool = Field(False, description="a note for each hold, promise and plan, and when it ends")
    tasks: bool = Field(
        False, description="a ticket for each bounced address, wrong number, reply, broken plan and step against service"
    )

    @model_validator(mode="after")
    def _one_word_a_field(self) -> Self:
        """Two facts in one field would push each other out at every review. ValueError names the field."""
        named = [name for name in (self.stage, self.hold, self.promise, _STATUS if self.hold_status else None) if name]
        plain = [name.removeprefix("custom:").strip().casefold() for name in named]
        twice = next((name for name, text in zip(named, plain, strict=True) if plain.count(text) > 1), None)
        if twice is not None:
            raise ValueError(
                f'"{twice}" is named for two things; give each of stage, hold, promise and hold_status its own field'
            )
        return self


def own_holds(dunning: DunningSettings, pushback: Mapping[str, PushbackSettings]) -> list[str]:
    """What is wrong with stop_fields: a field that duesync writes itself is no person's word, and would hold for ever."""
    ours = {
        plain(name.removeprefix("custom:")): f"pushback.{connection}"
        for connection, told in pushback.items()
        for name in (told.stage, told.hold, told.promise)
        if name
    }
    return [
        f'{where}.stop_fields: "{entry}" is a field that {ours[caption]} writes; give people a field of their own for holds'
        for where, entry in _stop_fields(dunning)
        for caption in sorted(captions(entry) & ours.keys())
    ]


def _stop_fields(dunning: DunningSettings) -> Iterator[tuple[str, str]]:
    """Every entry with the section it stands in."""
    yield from (("dunning", entry) for entry in dunning.stop_fields)
    for kind in ("segments", "accounts", "invoices"):
        overrides: Mapping[str, Override] = getattr(dunning, kind)
        for name, override in overrides.items():
            entries = (override.model_extra or {}).get("stop_fields", ())
            yield from ((f'dunning.{kind}."{name}"', entry) for entry in entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A connection that may be written to now, and what of it its own switches allow."""

    connection: str
    settings: PushbackSettings
    draft: bool
    may_set: bool = True
    may_note: bool = True
    may_open: bool = True
    by_account: bool = False  # it has no records of clients (a webhook): they are named by their account


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is true of one client now. `holds` include those just lifted, so that their end can be told."""

    books: AccountBooks
    holds: Sequence[Hold]
    promises: Sequence[Promise]
    plans: Mapping[str, PaymentPlan]  # by id
    history: Sequence[PastContact]
    tasks: Sequence[Task]
    today: date
    now: datetime

    @property
    def alive(self) -> list[Hold]:
        """The holds that stand today."""
        return [item for item in self.holds if item.stands(self.today)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushback:
    """The writes to enqueue, the rows to take back, and what the connection will then have been told: all in one commit."""

    queued: tuple[Queued, ...]
    told: Told
    withdrawn: tuple[str, ...] = ()


def push_back(
    standing: Standing, target: Target, told: Told, under_way: Mapping[str, OutboxState] = MappingProxyType({})
) -> Pushback:
    """Compare what `target` was told of a client with what is true, and say what to write.

    `under_way`: how the row of each pending write stands, by "stream/ref/field".
    """
    clerk = _Clerk(
        standing,
        target,
        dict(told.values),
        dict(told.turns),
        dict(told.before),
        list(told.notes),
        written=told.written,
        pending=dict(told.pending),
        under_way=under_way,
    )
    actions: list[tuple[Action, str]] = []
    if target.may_set:
        actions += [*clerk.fields(), *clerk.statuses(), *clerk.expected()]
    if target.settings.notes and target.may_note:
        actions += clerk.write_notes()
    if target.settings.tasks and target.may_open:
        actions += clerk.tickets()
    queued = tuple(Queued(action=action, reasons=(why,), not_before=standing.now, draft=target.draft) for action, why in actions)
    after = replace(
        told,
        values=clerk.values,
        pending=clerk.pending,
        turns=clerk.turns,
        before=clerk.before,
        notes=tuple(sorted(clerk.notes)),
    )
    return Pushback(queued=queued, told=after, withdrawn=tuple(clerk.withdrawn))


@dataclass
class _Clerk:
    """One client at one connection."""

    standing: Standing
    target: Target
    values: dict[str, str | None]
    turns: dict[str, int]
    before: dict[str, str | None]
    notes: list[str]
    written: Mapping[str, str | None]
    pending: dict[str, str]
    under_way: Mapping[str, OutboxState]
    withdrawn: list[str] = field(default_factory=list)

    @property
    def account(self) -> str:
        return self.standing.books.account.id

    def _parties(self) -> Iterator[RecordKey]:
        if self.target.by_account:
            return iter([RecordKey(self.target.connection, Stream.PARTIES, Ref(self.account))])
        return (key for key in self.standing.books.account.parties if key.connection == self.target.connection)

    # ── fields of the client ────────────────────────────────────────────────────────────────────────────────────────────
    def fields(self) -> Iterator[tuple[Action, str]]:
        """Stage, hold and promise in the fields named for them."""
        settings = self.target.settings
        facts = ((settings.stage, self._stage()), (settings.hold, self._hold()), (settings.promise, self._promise()))
        for name, value in facts:
            if name is not None:
                for party in self._parties():
                    yield from self._set(Stream.PARTIES, party.ref, name, value)

    def _stage(self) -> str | None:
        if not self.standing.books.open_invoices():
            return None
        said = [item for item in self.standing.history if item.kind in _SAID and item.stage and not item.waived]
        return said[-1].stage if said else None

    def _hold(self) -> str | None:
        kinds = sorted({item.kind.replace("_", " ") for item in self.standing.alive})
        return ", ".join(kinds) or None

    def _promise(self) -> str | None:
        if not self.standing.books.open_invoices():
            return None
        days = [item.due_on for item in self.standing.promises if item.due_on >= self.standing.today]
        return min(days).isoformat() if days else None

    def _set(self, stream: Stream, ref: Ref, name: str, value: str | None) -> Iterator[tuple[Action, str]]:
        """One write if our word changed; the first is only made into an empty field."""
        key = field_key(stream, ref, name)
        if self.values.get(key) == value or not self._may_decide(key):
            return
        if self.written.get(key) == value:
            self.values[key] = value  # what would have changed it never came there
            return
        yield self._decided(stream, ref, name, value, self.written.get(key))

    def _may_decide(self, key: str) -> bool:
        """Is nothing under way at this field? A write that was not begun yet is taken back: our word is another one now."""
        state = self.under_way.get(key)
        if state is None or key not in self.pending:
            return True
        if state in _NOT_BEGUN:
            self.withdrawn.append(self.pending.pop(key))
            return True
        return False

    def _decided(self, stream: Stream, ref: Ref, name: str, value: str | None, expected: str | None) -> tuple[Action, str]:
        key = field_key(stream, ref, name)
        self.values[key] = value
        self.turns[key] = self.turns.get(key, 0) + 1
        action = SetField(
            connection=self.target.connection,
            account=self.account,
            stream=stream,
            ref=ref,
            field=name,
            value=value,
            expected=expected,
            cause=f"pushback {self.turns[key]} of {self.account}",
        )
        return action, f"tells {self.target.connection} that {name} is {value or 'empty'}"

    # ── the client's status ─────────────────────────────────────────────────────────────────────────────────────────────
    def statuses(self) -> Iterator[tuple[Action, str]]:
        """The status for held clients, and the one before it once the hold is over, unless a person changed it since."""
        wanted = self.target.settings.hold_status
        if wanted is None:
            return
        held = any(item.kind in self.target.settings.hold_status_for and item.invoice is None for item in self.standing.alive)
        for party in self.standing.books.parties:
            if party.connection == self.target.connection:
                yield from self._hold_status(party, wanted) if held else self._free_status(party)

    def _hold_status(self, party: Party, wanted: str) -> Iterator[tuple[Action, str]]:
        key = field_key(Stream.PARTIES, party.ref, _STATUS)
        restoring = key in self.under_way
        if self.values.get(key) is not None or not self._may_decide(key):
            return
        if restoring and self.written.get(key) is not None:
            self.values[key] = self.written[key]  # it was to be taken away, and was not yet
        elif party.status != wanted:
            self.before[key] = party.status
            yield self._decided(Stream.PARTIES, party.ref, _STATUS, wanted, party.status)

    def _free_status(self, party: Party) -> Iterator[tuple[Action, str]]:
        key = field_key(Stream.PARTIES, party.ref, _STATUS)
        told = self.values.get(key)
        if told is None or not self._may_decide(key):
            return
        if self.written.get(key) == told and self.before.get(key) is not None:
            yield self._decided(Stream.PARTIES, party.ref, _STATUS, self.before[key], told)
        self.values[key] = None

    # ── the day an invoice is expected to be paid ───────────────────────────────────────────────────────────────────────
    def expected(self) -> Iterator[tuple[Action, str]]:
        """The promised day of each open invoice; never cleared, for not every vendor can."""
        name = self.target.settings.expected_date
        for invoice in self.standing.books.open_invoices() if name else ():
            day = self._promised(invoice)
            if invoice.connection != self.target.connection or day is None or day == invoice.expected_on:
                continue
            key = field_key(Stream.INVOICES, invoice.ref, str(name))
            known, theirs = self.written.get(key), invoice.expected_on.isoformat() if invoice.expected_on else None
            if self.values.get(key) == day.isoformat() or (theirs is not None and theirs != known):
                continue  # told already, or a person's own word stands there
            if self._may_decide(key):
                yield self._decided(Stream.INVOICES, invoice.ref, str(name), day.isoformat(), theirs or known)

    def _promised(self, invoice: Invoice) -> date | None:
        mine = [item for item in self.standing.promises if item.invoice in (None, key_of(invoice))]
        last = max(mine, key=lambda item: (item.made_at, item.due_on), default=None)
        return last.due_on if last is not None and last.due_on >= self.standing.today else None

    # ── notes and tickets ───────────────────────────────────────────────────────────────────────────────────────────────
    def write_notes(self) -> Iterator[tuple[Action, str]]:
        """A note for what began, and one for what ended if its beginning was noted."""
        standing = {cause: (text, invoice) for cause, text, invoice in self._arrangements()}
        for cause, (text, invoice) in standing.items():
            if cause not in self.notes:
                self.notes.append(cause)
                yield from self._note(cause, f"{self.standing.today}: {text}", invoice)
        for cause in [item for item in self.notes if item not in standing and not item.startswith(_TASK)]:
            self.notes.remove(cause)
            kind = cause.partition(" ")[0]
            invoice = next((item.invoice for item in self.standing.holds if cause == f"hold {item.id}"), None)
            yield from self._note(
                f"{cause} ended", f"{self.standing.today}: the {kind} {cause.partition(' ')[2]} ended.", invoice
            )

    def _arrangements(self) -> Iterator[tuple[str, str, RecordKey | None]]:
        for hold in self.standing.alive:
            until = f" until {hold.until}" if hold.until else ""
            why = f": {hold.reason}" if hold.reason else ""
            kind = hold.kind.replace("_", " ")
            text = f"reminders are on hold{until} ({kind}{why}); hold {hold.id}, placed by {hold.placed_by}."
            yield f"hold {hold.id}", text, hold.invoice
        for name, plan in self.standing.plans.items():
            parts = ", ".join(f"{item.amount} on {item.due_on}" for item in plan.instalments)
            yield f"plan {name}", f"payment plan {name} was agreed: {parts}.", None

    def _note(self, cause: str, text: str, invoice: RecordKey | None) -> Iterator[tuple[Action, str]]:
        here = invoice is not None and invoice.connection == self.target.connection
        for key in [invoice] if here and invoice is not None else self._parties():
            action = PostNote(
                connection=self.target.connection, account=self.account, stream=key.stream, ref=key.ref, text=text, cause=cause
            )
            yield action, f"notes {cause}"

    def tickets(self) -> Iterator[tuple[Action, str]]:
        """A ticket for what a person must do, at the client's first record there."""
        party = next(self._parties(), None)
        if party is None:
            return
        wanted = {f"{_TASK}{_sign(task)}": task for task in self.standing.tasks if task.kind in _WITH_TICKET}
        asked = [cause for cause in self.notes if cause.startswith(_TASK)]
        self.notes[:] = [cause for cause in self.notes if cause not in asked or cause in wanted]
        for cause, task in wanted.items():
            if cause not in asked:
                self.notes.append(cause)
                yield self._ticket(party, task), f"asks a person: {task.text}"

    def _ticket(self, party: RecordKey, task: Task) -> OpenTicket:
        name = self.standing.books.account.name
        return OpenTicket(
            connection=self.target.connection,
            account=self.account,
            party_ref=party.ref,
            summary=f"{name}: {task.text}"[:100],
            body=f"{task.text}\n\nClient: {name} ({self.account}). Reminders to this client go on by themselves once it is done.",
            stage=f"task_{task.kind}",
            cycle=_sign(task),
        )


def _sign(task: Task) -> str:
    return hashlib.sha256(task.text.encode()).hexdigest()[:12]
