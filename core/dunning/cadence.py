"""Which step of the cadence an invoice is at, and when the next one comes: two clocks, no bursts.

The calendar says how far an invoice could be (due date + days of a stage); what was really said to the client says how far it
is. A step comes at max(its day, the day of the step before + the days between the two), one step at a time (after OCA credit
control and Dolibarr Mahnwesen, product notes C1, C9): a late start, an outage or a lifted hold never makes a burst.

How far an invoice is follows from the contact log alone: a message that named it counts for the step that was due then or within
`together_days`, whatever stage the message as a whole had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from core.dunning.calendars import Place
from core.dunning.policy import Anchor, CatchUp, Policy, Stage, StageKind
from core.outbox import ContactKind, PastContact
from core.records import Invoice, RecordKey, key_of

OURS = frozenset({ContactKind.MESSAGE, ContactKind.STATEMENT})
_PER_INVOICE = frozenset({StageKind.NOTICE, StageKind.REMINDER})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one invoice is: `done` is the index of the last step done (-1 none), `done_on` its day, `said` how many messages
    named the invoice, notices of it aside."""

    done: int = -1
    done_on: date | None = None
    said: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A step of one invoice and the day it comes (or came) due."""

    stage: Stage
    on: date
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps of one invoice under its policy; `stages` are those of single invoices, in order."""

    invoice: Invoice
    policy: Policy
    due_on: date
    stages: tuple[Stage, ...]

    def day_of(self, stage: Stage, progress: Progress) -> date | None:
        """The day `stage` counts from the calendar; None while the stage before it, from which it counts, is not done."""
        if stage.after is Anchor.ISSUE:
            return self.invoice.issued_on + timedelta(days=stage.days)
        if stage.after is Anchor.DUE:
            return self.due_on + timedelta(days=stage.days)
        return progress.done_on + timedelta(days=stage.days) if progress.done_on else None

    def effective(self, index: int, progress: Progress) -> date | None:
        """The day step `index` may be taken: its own day, or later where the step before it was late."""
        stages = self.stages
        day = self.day_of(stages[index], progress)
        if day is None or progress.done < 0 or progress.done_on is None:
            return day
        before = stages[progress.done]
        if before.kind is StageKind.NOTICE or before.after is not Anchor.DUE or stages[index].after is not Anchor.DUE:
            return max(day, progress.done_on + timedelta(days=1))
        return max(day, progress.done_on + timedelta(days=stages[index].days - before.days))

    def next_step(self, progress: Progress, today: date) -> Step | None:
        """The step to take next, and its day (perhaps ahead of `today`); None when every step is done or passed."""
        first = self._first_open(progress, today)
        if first is None:
            return None
        day = self.effective(first, progress)
        if day is None:
            return None
        chosen = first if day > today else self._reached(first, progress, today)
        names = tuple(stage.name for stage in self.stages[progress.done + 1 : chosen])
        return Step(
            stage=self.stages[chosen], on=day if chosen == first else self._own_day(chosen, progress, day), passed_over=names
        )

    def _own_day(self, index: int, progress: Progress, floor: date) -> date:
        return max(self.day_of(self.stages[index], progress) or floor, floor)

    def _first_open(self, progress: Progress, today: date) -> int | None:
        for index in range(progress.done + 1, len(self.stages)):
            day = self.day_of(self.stages[index], progress)
            missed = day is not None and day + timedelta(days=self.policy.missed_after_days) < today
            may_pass = self.stages[index].kind is StageKind.NOTICE or self.policy.catch_up is CatchUp.SKIP
            if not (missed and may_pass):
                return index
        return None

    def _reached(self, first: int, progress: Progress, today: date) -> int:
        """The most advanced step whose own day has come, for the catch-up `latest`; else just the first."""
        if self.policy.catch_up is not CatchUp.LATEST:
            return first
        best = first
        for index in range(first + 1, len(self.stages)):
            stage = self.stages[index]
            day = self.day_of(stage, progress) if stage.after is not Anchor.PREVIOUS else None
            if day is None or day > today:
                break
            best = index
        return best

    def _led(self, contact: PastContact, day: date | None, slack: date) -> bool:
        """Was the contact made for this invoice, in this round or, the due date moved a little, in one hardly different?"""
        if contact.cycle == cycle_of(self.invoice):
            return True
        mine = (contact.cycle or "").startswith(f"{self.invoice.connection}:{self.invoice.ref}@")
        return mine and day is not None and day <= slack

    def after_contact(self, progress: Progress, contact: PastContact, on: date) -> Progress:
        """How far the invoice is once `contact`, made `on` that day, named it."""
        names = [stage.name for stage in self.stages]
        named = names.index(contact.stage) if contact.stage in names else None
        if named is not None and (contact.waived or self.stages[named].kind is StageKind.NOTICE):
            return replace(progress, done=max(progress.done, named), done_on=on)
        if contact.kind not in OURS:
            return progress
        progress = replace(progress, said=progress.said + 1)
        slack = on + timedelta(days=self.policy.together_days)
        if named is not None and named > progress.done and self._led(contact, self.day_of(self.stages[named], progress), slack):
            return replace(progress, done=named, done_on=on)
        first = self._first_open(progress, on)
        day = None if first is None else self.effective(first, progress)
        if first is None or day is None or day > slack:
            return progress
        return replace(progress, done=self._reached(first, progress, on), done_on=on)


def cycle_of(invoice: Invoice) -> str:
    """Names one round of reminders led by an invoice. A new due date begins a new round."""
    due = invoice.due_on.isoformat() if invoice.due_on else "none"
    return f"{invoice.connection}:{invoice.ref}@{due}"


def ladder_of(invoice: Invoice, policy: Policy) -> Ladder:
    """The steps of an invoice that has a due date; grace days move them all."""
    if invoice.due_on is None:
        raise ValueError(f"invoice {invoice.ref} has no due date")
    return Ladder(
        invoice=invoice,
        policy=policy,
        due_on=invoice.due_on + timedelta(days=policy.grace_days),
        stages=tuple(stage for stage in policy.stages if stage.kind in _PER_INVOICE),
    )


def contacts_about(invoice: RecordKey, history: Iterable[PastContact]) -> list[PastContact]:
    """The contacts that named an invoice, oldest first."""
    return sorted((item for item in history if invoice in item.invoices), key=lambda item: item.at)


def progress_of(ladder: Ladder, history: Sequence[PastContact], place: Place) -> Progress:
    """How far an invoice is, from the contact log alone. The vendor's own first mail of the invoice counts as the notice."""
    progress = Progress()
    if ladder.invoice.sent and ladder.stages and ladder.stages[0].kind is StageKind.NOTICE:
        progress = Progress(done=0, done_on=None)
    for contact in contacts_about(key_of(ladder.invoice), history):
        progress = ladder.after_contact(progress, contact, place.today(contact.at))
    return progress
