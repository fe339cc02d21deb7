"""What people should do for a client: apply a payment, answer, call and say what came of it. Each thing once.

The texts do not change from day to day, so that a ticket made of one is made once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta

from core.dunning.account_steps import AccountView, call_step
from core.dunning.arrangements import plan_state
from core.dunning.calls import CallOutcome, CallResult, counts, own_tickets
from core.dunning.compose import Desk
from core.dunning.decision import Task
from core.dunning.policy import StageKind
from core.dunning.position import Position
from core.dunning.recipients import dead_addresses
from core.dunning.service import propose_service
from core.outbox import ContactKind
from core.records import key_of

_RECORD = "then record what came of it: duesync contacts log-call"
_TO_POST = timedelta(days=7)  # how long a letter that was written is a task
_RECENT = timedelta(days=30)  # a wrong number older than this is no task any more


def tasks_of(desk: Desk, positions: Sequence[Position], view: AccountView, calls: Sequence[CallResult]) -> Iterator[Task]:
    """Everything a person should do about this client now."""
    yield from _of_invoices(positions)
    yield from _of_addresses(desk, positions)
    yield from _of_calls(desk, view, calls)
    yield from _of_plans(desk)
    yield from _of_letters(desk)
    yield from _of_service(desk, view)


def _of_invoices(positions: Sequence[Position]) -> Iterator[Task]:
    kinds: dict[str, Callable[[str], str]] = {
        "lookalike": lambda text: f"apply the payment? {text}",
        "paid_elsewhere": lambda text: f"apply the payment? {text}",
        "reply": lambda text: f"answer the client: {text}",
        "no_due_date": lambda text: f"enter a due date: {text}",
    }
    found: dict[tuple[str, str], list[Position]] = {}
    for item in positions:
        for obstacle in item.obstacles:
            if obstacle.kind in kinds:
                found.setdefault((obstacle.kind, kinds[obstacle.kind](obstacle.reason)), []).append(item)
    for (kind, text), items in found.items():
        yield Task(kind=kind, text=text, invoices=tuple(key_of(item.invoice) for item in items))


def _of_addresses(desk: Desk, positions: Sequence[Position]) -> Iterator[Task]:
    dead = sorted(dead_addresses(desk.facts.history))
    if dead and positions:
        yield Task(kind="bounce", text=f"find another address: {', '.join(dead)} bounced")


def _of_calls(desk: Desk, view: AccountView, calls: Sequence[CallResult]) -> Iterator[Task]:
    """Calls to make, calls whose outcome nobody said, and numbers that were wrong."""
    history = desk.facts.history
    untold = {item.handed.outbox_id for item in calls if item.outcome is None}
    for item in calls:
        if item.outcome is None:
            text = (
                f"say what came of the call: ticket {item.ticket.ref} was closed without an outcome; {_RECORD.partition(': ')[2]}"
            )
            yield Task(kind="call_outcome", text=text, invoices=item.handed.invoices)
    stages = {stage.name for stage in view.policy.stages if stage.kind is StageKind.CALL}
    late = {key_of(item.invoice) for item in view.positions}
    for key, handed in own_tickets(history):
        done = any(counts(item) and item.at >= handed.at for item in history)
        if handed.stage in stages and not done and handed.outbox_id not in untold and late & set(handed.invoices):
            yield Task(
                kind="call", text=f"call the client (ticket {key.ref} in {key.connection}); {_RECORD}", invoices=handed.invoices
            )
    step = call_step(view)
    if step is not None and step.due_on <= desk.today:
        yield Task(
            kind="call", text=f"call the client; {_RECORD}", invoices=tuple(key_of(item.invoice) for item in view.positions)
        )
    last = max((item for item in history if item.kind is ContactKind.CALL), key=lambda item: item.at, default=None)
    if last is not None and last.outcome.startswith(CallOutcome.WRONG_NUMBER) and last.at > desk.facts.now - _RECENT:
        yield Task(kind="number", text="find another telephone number: the last call reached a wrong one")


def _of_letters(desk: Desk) -> Iterator[Task]:
    """Letters that were written and have to be printed and posted by somebody."""
    for item in desk.facts.history:
        if item.channel == desk.channels.letter and item.at > desk.facts.now - _TO_POST:
            day = desk.facts.place.today(item.at)
            yield Task(kind="post", text=f"print and post the letter of {day}: {item.subject}", invoices=item.invoices)


def _of_plans(desk: Desk) -> Iterator[Task]:
    for plan in desk.facts.plans:
        late = plan_state(plan, desk.facts.books, desk.today).breached_by
        if late is not None:
            yield Task(kind="plan_breach", text=f"the payment plan was broken: {late.amount} of {late.due_on} did not come")


def _of_service(desk: Desk, view: AccountView) -> Iterable[Task]:
    final = view.stage(StageKind.FINAL)
    noticed = [day for item in view.positions for day in (view.said(final, item) if final is not None else ())]
    step = propose_service(
        view.policy.service,
        days=max((item.days for item in view.positions), default=0),
        noticed_on=min(noticed, default=None),
        place=view.place,
        today=desk.today,
    )
    return [Task(kind=step.kind, text=step.text)] if step is not None else []
