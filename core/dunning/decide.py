"""Decide for one account, at one moment, what its client hears from us: one message for all its invoices, or why there is none.

Pure: the same facts give the same decision, and deciding again before the message left changes nothing (its key is the same,
and what waits in the outbox is passed in as `waiting`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from core.books import AccountBooks
from core.dunning.account_steps import (
    AccountStep,
    AccountView,
    call_step,
    collections_gaps,
    coming_days,
    final_step,
    in_statements,
    statement_step,
)
from core.dunning.arrangements import PaymentPlan, word_on
from core.dunning.cadence import cycle_of
from core.dunning.calendars import place_of
from core.dunning.calls import closed_calls
from core.dunning.compose import Desk, call_entry, held_entry, mail_entry, step_reason, vendor_entry
from core.dunning.decision import Channels, Decision, Entry
from core.dunning.fees import propose_all
from core.dunning.hardship import eased
from core.dunning.limits import contact_limit
from core.dunning.policy import AccountPolicy, Stage, StageKind, Way
from core.dunning.position import Position, earliest, positions_of
from core.dunning.standing import Circumstances, label
from core.dunning.tasks import tasks_of
from core.findings import Finding
from core.holds import Hold
from core.messages.letter import Organisation
from core.outbox import OutboxRow, PastContact, Promise

_NOBODY: Mapping[str, Sequence[str]] = {}


def decide(
    books: AccountBooks,
    *,
    policy: AccountPolicy,
    history: Sequence[PastContact],
    now: datetime,
    organisation: Organisation,
    channels: Channels,
    holds: Sequence[Hold] = (),
    findings: Sequence[Finding] = (),
    promises: Sequence[Promise] = (),
    plans: Sequence[PaymentPlan] = (),
    waiting: Sequence[OutboxRow] = (),
    senders: Mapping[str, Sequence[str]] = _NOBODY,
) -> Decision:
    """What to say to the client of `books` at `now`.

    `history` is its contact log, `holds` those not lifted, `findings` the open ones, `waiting` the live rows of the outbox about
    it (draft to ambiguous), `senders` what certainly reminds too, by connection. Amounts come from the books alone; days are
    those of the client's own zone.
    """
    place = place_of(books, organisation)
    policy = eased(policy, holds, place.today(now))
    facts = Circumstances(
        books=books,
        policy=policy,
        history=history,
        holds=holds,
        findings=findings,
        promises=promises,
        plans=plans,
        place=place,
        now=now,
        today=place.today(now),
    )
    others = tuple(
        what for name in sorted({party.connection for party in books.account.parties}) for what in senders.get(name, ())
    )
    desk = Desk(facts=facts, organisation=organisation, channels=channels, waiting=waiting, others=others)
    positions = positions_of(facts)
    free = [item for item in positions if item.free and item.is_due]
    view = AccountView(policy=policy.base, place=place, today=facts.today, history=history, positions=free)
    entries = tuple(_entries(desk, positions, view))
    calls = closed_calls(history, books.tickets, (stage.name for stage in policy.base.stages if stage.kind is StageKind.CALL))
    gaps = collections_gaps(view)
    return Decision(
        account=books.account.id,
        mode=policy.mode,
        today=facts.today,
        entries=entries,
        tasks=tuple(tasks_of(desk, positions, view, calls)),
        next_look=place.at(_next_day(desk, entries, positions, view), policy.base.first_hour) if positions else None,
        ready_for_collections=not gaps,
        collections_gaps=gaps,
        calls=calls,
        fees=propose_all(((item.invoice, item.policy.late_fee) for item in free), facts.today),
    )


def _next_day(desk: Desk, entries: Sequence[Entry], positions: Sequence[Position], view: AccountView) -> date:
    """The next day worth looking again: something changes by itself, or tomorrow where a message is held back only for today."""
    known = earliest(positions, desk.today)
    tomorrow = desk.today + timedelta(days=1)
    limit = contact_limit(desk.facts.history, policy=desk.policy, place=desk.facts.place, today=desk.today)
    ahead = [entry.due_on for entry in entries if entry.due_on > desk.today]
    waiting = [entry for entry in entries if entry.due_on <= desk.today and not entry.would_send]
    spaced = limit is not None and not any(entry.kind is StageKind.NOTICE for entry in waiting)  # notices are not spaced
    days = [
        *ahead,
        *([known] if known else []),
        *coming_days(view, (item for item in positions if item.free)),
        *([limit.free_on] if limit else []),
        *([tomorrow] if waiting and not spaced else []),
    ]
    return max(min(days, default=desk.today + timedelta(days=7)), tomorrow)


def _entries(desk: Desk, positions: Sequence[Position], view: AccountView) -> Iterable[Entry]:
    """Every message of the account, those kept back included; one of ours at most that would go."""
    chase = _chase(desk, positions, view)
    notices = _notices(desk, positions)
    by_mail = [item for item in notices if not _by_vendor(desk, item)]
    yield from (vendor_entry(desk, item, _stage_of(item), _step_day(item)) for item in notices if _by_vendor(desk, item))
    if by_mail:
        notice = _notice_entry(desk, by_mail)
        tomorrow = "a reminder goes to this client today; the new invoice follows on the next day"
        one_a_day = chase is not None and chase.would_send and notice.would_send
        yield replace(notice, would_send=False, reasons=(tomorrow, *notice.reasons)) if one_a_day else notice
    if chase is not None:
        yield chase
    call = call_step(view)
    if call is not None and call.due_on <= desk.today and not _ticket_waits(desk, call):
        yield call_entry(
            desk,
            stage=call.stage,
            lead=call.lead,
            due=view.positions,
            due_on=call.due_on,
            reasons=_reasons(desk, view.positions, steps=False),
        )
    yield from _held(desk, positions)
    if chase is None and not notices:
        yield from _later(desk, positions, view)


def _stage_of(position: Position) -> Stage:
    if position.step is None:
        raise ValueError(f"invoice {position.invoice.ref} has no step")
    return position.step.stage


def _step_day(position: Position) -> date:
    return position.step.on if position.step is not None else position.due_on


def _by_vendor(desk: Desk, position: Position) -> bool:
    return _stage_of(position).channel is Way.VENDOR and position.invoice.connection in desk.channels.vendor


def _notices(desk: Desk, positions: Sequence[Position]) -> list[Position]:
    return [item for item in positions if item.may_announce and item.step_due(StageKind.NOTICE, desk.today)]


def _notice_entry(desk: Desk, new: Sequence[Position]) -> Entry:
    """One mail for all new invoices. Those already due on the day they are announced are listed as due."""
    lead = min(new, key=lambda item: (item.due_on, item.invoice.ref))
    return mail_entry(
        desk,
        stage=_stage_of(lead),
        cycle=cycle_of(lead.invoice),
        lead=lead,
        due=[],
        upcoming=list(new),
        due_on=min(_step_day(item) for item in new),
        reasons=_reasons(desk, new),
    )


def _reasons(desk: Desk, positions: Sequence[Position], *, steps: bool = True) -> list[str]:
    found = [step_reason(item, desk.today, steps=steps) for item in positions]
    for item in positions:
        word = word_on(item.invoice, desk.facts.promises, desk.facts.place, desk.today, desk.facts.books)
        if word is not None and word.broken:
            found.append(f"invoice {label(item.invoice)}: the promise to pay by {word.due_on} was not kept")
    return found


def _chase(desk: Desk, positions: Sequence[Position], view: AccountView) -> Entry | None:
    """The one reminder, statement or final notice that is due, if any."""
    if in_statements(view):
        return _account_mail(desk, positions, view)
    triggers = [item for item in positions if item.free and item.step_due(StageKind.REMINDER, desk.today)]
    if not triggers:
        return None
    order = {stage.name: index for index, stage in enumerate(desk.policy.stages)}
    lead = min(triggers, key=lambda item: (-order.get(_stage_of(item).name, -1), item.due_on, item.invoice.ref))
    if _stage_of(lead).channel is Way.VENDOR and lead.invoice.connection in desk.channels.vendor:
        return vendor_entry(desk, lead, _stage_of(lead), _step_day(lead))
    return mail_entry(
        desk,
        stage=_stage_of(lead),
        cycle=cycle_of(lead.invoice),
        lead=lead,
        due=list(view.positions),
        upcoming=[item for item in triggers if not item.is_due],
        due_on=min(_step_day(item) for item in triggers),
        reasons=_reasons(desk, triggers),
    )


def _account_mail(desk: Desk, positions: Sequence[Position], view: AccountView) -> Entry | None:
    """Final notice before statement where both are due; None while neither is."""
    due_now = [step for step in (final_step(view), statement_step(view)) if step is not None and _is_due(step, desk.today)]
    if not due_now:
        return None
    step = due_now[0]
    statement = step.stage.kind is StageKind.STATEMENT
    upcoming = (
        [item for item in positions if item.may_announce and not item.is_due and item.step is not None] if statement else []
    )
    return mail_entry(
        desk,
        stage=step.stage,
        cycle=step.cycle,
        lead=step.lead,
        due=list(view.positions),
        upcoming=upcoming,
        due_on=step.due_on,
        reasons=_reasons(desk, view.positions, steps=False),
    )


def _is_due(step: AccountStep, today: date) -> bool:
    return not step.waits_for and step.due_on <= today


def _ticket_waits(desk: Desk, step: AccountStep) -> bool:
    return any(getattr(row.action, "stage", None) == step.stage.name for row in desk.waiting)


def _held(desk: Desk, positions: Sequence[Position]) -> Iterable[Entry]:
    """One entry for all invoices that would be chased were it not for a reason of their own."""
    held = [item for item in positions if not item.free and _would_be_due(desk, item)]
    if held:
        stage = _held_stage(desk, held)
        yield held_entry(desk, held, stage, min(_step_day(item) for item in held))


def _would_be_due(desk: Desk, position: Position) -> bool:
    if position.may_announce and position.step_due(StageKind.NOTICE, desk.today):
        return False  # announced by a notice of its own
    return position.is_due or position.step is None or position.step.on <= desk.today


def _held_stage(desk: Desk, held: Sequence[Position]) -> Stage:
    """The stage the most advanced of them would have."""
    late = max(held, key=lambda item: item.days)
    reached = [stage for stage in desk.policy.stages if stage.kind is StageKind.STATEMENT and late.reached(stage)]
    if reached:
        return reached[0]
    return late.step.stage if late.step is not None else desk.policy.stages[0]


def _later(desk: Desk, positions: Sequence[Position], view: AccountView) -> Iterable[Entry]:
    """Nothing is due: what comes next for the invoices that may be chased, or that the cadence has ended."""
    if in_statements(view):
        yield from _later_account(desk, view)
        return
    ahead = [item for item in positions if item.free and item.step is not None]
    statement = statement_step(view)
    if ahead and (statement is None or min(_step_day(item) for item in ahead) < statement.due_on):
        first = min(ahead, key=lambda item: (_step_day(item), item.invoice.ref))
        due = [item for item in positions if item.free and item.is_due]
        listed = [*due, *(item for item in ahead if _step_day(item) == _step_day(first) and item not in due)]
        text = f"nothing is due; the next step comes on {_step_day(first)}"
        yield _not_yet(desk, listed, _stage_of(first), _step_day(first), text)
    elif statement is not None:
        yield _not_yet(desk, view.positions, statement.stage, statement.due_on, f"nothing is due; next on {statement.due_on}")
    elif view.positions:
        yield _ended(desk, view)


def _later_account(desk: Desk, view: AccountView) -> Iterable[Entry]:
    final, statement = final_step(view), statement_step(view)
    steps = [step for step in (final, statement) if step is not None]
    ahead = [step for step in steps if not step.waits_for]
    if ahead:
        step = min(ahead, key=lambda item: item.due_on)
        text = f"this client gets monthly statements; the next message, {step.stage.name}, comes on {step.due_on}"
        waits = f"; the final notice waits for {final.waits_for}" if final is not None and final.waits_for else ""
        yield _not_yet(desk, view.positions, step.stage, step.due_on, text + waits)
    elif final is not None:
        yield _not_yet(desk, view.positions, final.stage, final.due_on, f"the final notice waits for {final.waits_for}")
    else:
        yield _ended(desk, view)


def _ended(desk: Desk, view: AccountView) -> Entry:
    text = "the cadence has ended for this client; a person decides what comes next (a plan, collections, a write-off)"
    return _not_yet(desk, view.positions, desk.policy.stages[-1], desk.today, text)


def _not_yet(desk: Desk, positions: Sequence[Position], stage: Stage, due_on: date, reason: str) -> Entry:
    return replace(held_entry(desk, positions, stage, due_on), reasons=(reason,))
