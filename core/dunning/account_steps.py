"""The steps of a whole account once reminders have ended: monthly statements, a call, the final notice. Never both kinds of mail.

From the day the first invoice reaches the statement stage, no invoice of the account is reminded of on its own (seed 000; A17).
The call needs a statement before it, the final notice a logged call (A9, A10), each as far behind the one before as the policy
spaces them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from core.dunning.cadence import cycle_of
from core.dunning.calendars import Place, add_months
from core.dunning.calls import counts
from core.dunning.policy import CatchUp, Policy, Stage, StageKind
from core.dunning.position import Position
from core.outbox import ContactKind, PastContact
from core.records import key_of

CALM = 7  # days without another call after one: 12 CFR 1006.14(b)(2), applied to everybody (product notes F.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStep:
    """One account stage: for which invoice it comes first, on which day, and what it still waits for ("" for nothing)."""

    stage: Stage
    cycle: str
    lead: Position
    due_on: date
    waits_for: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountView:
    """The invoices that may be chased, and what was said about them."""

    policy: Policy
    place: Place
    today: date
    history: Sequence[PastContact]
    positions: Sequence[Position]

    def stage(self, kind: StageKind) -> Stage | None:
        """The policy's stage of that kind, if it has one."""
        return next((stage for stage in self.policy.stages if stage.kind is kind), None)

    def said(self, stage: Stage, position: Position) -> list[date]:
        """The days on which that stage was said about an invoice since it fell due, oldest first."""
        return [day for item, day in self._since_due(position) if item.stage == stage.name]

    def called(self, position: Position) -> date | None:
        """The first day since the invoice fell due on which a call about it was logged with its outcome."""
        return next((day for item, day in self._since_due(position) if counts(item)), None)

    @cached_property
    def _by_day(self) -> Sequence[tuple[PastContact, date]]:
        """The log in order, each entry with its day: worked out once, for it is long and asked often."""
        return [(item, self.place.today(item.at)) for item in sorted(self.history, key=lambda item: item.at)]

    def _since_due(self, position: Position) -> Iterable[tuple[PastContact, date]]:
        key, due_on = key_of(position.invoice), position.due_on
        return ((item, day) for item, day in self._by_day if day >= due_on and (key in item.invoices or not item.invoices))


def in_statements(view: AccountView) -> bool:
    """Has any invoice that may be chased reached the statement stage?"""
    stage = view.stage(StageKind.STATEMENT)
    return stage is not None and any(item.reached(stage) for item in view.positions)


def statement_step(view: AccountView) -> AccountStep | None:
    """The next statement, due or ahead; None where none is to come."""
    stage = view.stage(StageKind.STATEMENT)
    if stage is None:
        return None
    open_ended = [item for item in view.positions if len(view.said(stage, item)) < stage.times]
    if not open_ended:
        return None
    lead = min(open_ended, key=lambda item: (item.due_on, item.invoice.ref))
    due_on = lead.due_on + timedelta(days=stage.days)
    last = max((view.place.today(item.at) for item in view.history if item.stage == stage.name), default=None)
    if last is not None:
        due_on = max(due_on, add_months(last, stage.every_months or 1))
    if view.policy.catch_up is CatchUp.SKIP:
        due_on = _not_missed(due_on, stage, view)
    return AccountStep(stage=stage, cycle=f"{max(view.today, due_on):%Y-%m}", lead=lead, due_on=due_on)


def _not_missed(day: date, stage: Stage, view: AccountView) -> date:
    """The first of the statement's own days that is not missed."""
    months = 0
    while add_months(day, months) + timedelta(days=view.policy.missed_after_days) < view.today:
        months += stage.every_months or 1
    return add_months(day, months)


def call_step(view: AccountView) -> AccountStep | None:
    """The call that is due, for the oldest invoice nobody called about."""
    stage, statement = view.stage(StageKind.CALL), view.stage(StageKind.STATEMENT)
    if stage is None:
        return None
    for item in sorted(view.positions, key=lambda position: (position.due_on, position.invoice.ref)):
        if not item.reached(stage) or view.said(stage, item) or view.called(item):
            continue
        due_on = item.due_on + timedelta(days=stage.days)
        if statement is not None:
            sent = view.said(statement, item)
            if not sent:
                continue
            due_on = max(due_on, sent[0] + timedelta(days=max(stage.days - statement.days, 1)))
        talked = _last_talk(view, stage)
        if talked is not None:
            due_on = max(due_on, talked + timedelta(days=CALM))
        return AccountStep(stage=stage, cycle=cycle_of(item.invoice), lead=item, due_on=due_on)
    return None


def _last_talk(view: AccountView, stage: Stage) -> date | None:
    """The last day the client was called about anything, or a call was asked for."""
    days = (view.place.today(item.at) for item in view.history if item.kind is ContactKind.CALL or item.stage == stage.name)
    return max(days, default=None)


def final_step(view: AccountView) -> AccountStep | None:
    """The final notice of the oldest invoice that has had none, with what it still waits for."""
    stage = view.stage(StageKind.FINAL)
    if stage is None:
        return None
    before = [item for item in view.policy.stages if item.kind in (StageKind.STATEMENT, StageKind.REMINDER)]
    for item in sorted(view.positions, key=lambda position: (position.due_on, position.invoice.ref)):
        if not item.reached(stage) or view.said(stage, item):
            continue
        cycle = cycle_of(item.invoice)
        due_on = item.due_on + timedelta(days=stage.days)
        if not any(view.said(earlier, item) for earlier in before) and item.progress.said == 0:
            return AccountStep(stage=stage, cycle=cycle, lead=item, due_on=due_on, waits_for="an earlier reminder")
        called = view.called(item)
        if stage.after_call and called is None:
            return AccountStep(
                stage=stage, cycle=cycle, lead=item, due_on=due_on, waits_for="a call to be logged with its outcome"
            )
        return AccountStep(stage=stage, cycle=cycle, lead=item, due_on=max(due_on, _after(view, item, stage, called)))
    return None


def _after(view: AccountView, item: Position, stage: Stage, called: date | None) -> date:
    """As far behind the call, or the first statement, as the policy puts it."""
    days = [item.due_on]
    call, statement = view.stage(StageKind.CALL), view.stage(StageKind.STATEMENT)
    if call is not None and called is not None:
        days.append(called + timedelta(days=max(stage.days - call.days, 1)))
    if statement is not None and view.said(statement, item):
        days.append(view.said(statement, item)[0] + timedelta(days=max(stage.days - statement.days, 1)))
    return max(days)


def collections_gaps(view: AccountView) -> tuple[str, ...]:
    """What is missing before this account may be prepared for collections; empty when everything was tried with some old invoice.

    A reminder, a call with its outcome and, where the policy has it, a final notice come first (A9, A39, A72).
    """
    old = [item for item in view.positions if item.days >= view.policy.ready_days]
    if not old:
        return (f"nothing that may be chased is {view.policy.ready_days} days past due",)
    return min((_gaps(view, item) for item in old), key=len)


def _gaps(view: AccountView, position: Position) -> tuple[str, ...]:
    final = view.stage(StageKind.FINAL)
    checks = (
        (position.progress.said > 0, "no reminder named it"),
        (view.called(position) is not None, "no call with its outcome is logged"),
        (final is None or bool(view.said(final, position)), "the final notice was not sent"),
    )
    name = position.invoice.number or position.invoice.ref
    return tuple(f"invoice {name}: {why}" for done, why in checks if not done)


def coming_days(view: AccountView, free: Iterable[Position]) -> tuple[date, ...]:
    """Days ahead on which an account step comes by itself: a `free` invoice reaches a stage, or the next of them is due."""
    wanted = (StageKind.STATEMENT, StageKind.CALL, StageKind.FINAL)
    stages = [stage for stage in map(view.stage, wanted) if stage is not None]
    steps = [
        step for step in (statement_step(view), call_step(view), final_step(view)) if step is not None and not step.waits_for
    ]
    reached = [item.due_on + timedelta(days=stage.days) for item in free for stage in stages]
    return tuple(day for day in (*reached, *(step.due_on for step in steps)) if day > view.today)
