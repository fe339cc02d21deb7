"""What `duesync account show` tells of one client: what it owes, what was agreed, what comes next and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.books import AccountBooks
from core.clock import local_date
from core.dunning.arrangements import PlanState, plan_state
from core.dunning.decision import Decision, preview_row
from core.dunning.fees import FeeProposal
from core.dunning.hardship import eased
from core.dunning.resolve import resolve_policy
from core.holds import Hold
from core.outbox import PastContact, Promise
from core.store.plans import StoredPlan
from scheduler.app import App
from scheduler.cli import console
from scheduler.cli.contact_commands import contact_table
from scheduler.previewing import decided, policy_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything about one client on one day. `decision` None: nothing could be decided about it."""

    books: AccountBooks
    today: date
    policy: dict[str, Any]
    holds: Sequence[Hold]
    promises: Sequence[Promise]
    plans: Sequence[tuple[StoredPlan, PlanState]]
    contacts: Sequence[PastContact]
    decision: Decision | None


def look_at(app: App, account_id: str) -> Seen:
    """Gather it from the store; nothing is written."""
    now = app.clock.now()
    today = local_date(now, app.zone)
    books = app.store.load_books(now=now, accounts=[account_id]).accounts[account_id]
    holds = app.store.holds(account=account_id)
    return Seen(
        books=books,
        today=today,
        policy=policy_lines(eased(resolve_policy(app.settings.dunning, books.account), holds, today)),
        holds=holds,
        promises=app.store.promises(account=account_id),
        plans=[(item, plan_state(item.plan, books, today)) for item in app.store.plans(account_id)],
        contacts=app.store.contacts([account_id]).get(account_id, ()),
        decision=decided(app, [account_id]).get(account_id),
    )


def account_document(seen: Seen) -> dict[str, Any]:
    """The parts beside the balances, for machines."""
    made = seen.decision
    return {
        "policy": seen.policy,
        "holds": [item.id for item in seen.holds],
        "promises": [
            {
                "invoice": console.plain(item.invoice) if item.invoice else None,
                "due_on": item.due_on.isoformat(),
                "amount": {"minor": item.amount_minor, "currency": item.currency} if item.amount_minor is not None else None,
                "made_by": item.made_by,
            }
            for item in seen.promises
        ],
        "plans": [
            {
                "id": item.id,
                "breached": state.breached,
                "expected": console.plain(state.expected),
                "paid": console.plain(state.paid),
                "next_due_on": state.next_due_on.isoformat() if state.next_due_on else None,
            }
            for item, state in seen.plans
        ],
        "next": [preview_row(entry) for entry in made.entries] if made else [],
        "next_look": made.next_look.isoformat() if made and made.next_look else None,
        "tasks": [{"kind": task.kind, "text": task.text} for task in made.tasks] if made else [],
        "fees": [_fee(item) for item in made.fees] if made else [],
        "collections": {
            "ready": made.ready_for_collections if made else False,
            "missing": list(made.collections_gaps) if made else ["nothing could be decided about this client"],
        },
    }


def _fee(item: FeeProposal) -> dict[str, Any]:
    return {
        "total": console.plain(item.total),
        "interest": console.plain(item.interest),
        "fixed": console.plain(item.fixed),
        "basis": item.basis,
        "invoices": [{**console.plain(line.invoice), "days": line.days} for line in item.lines],
    }


def show(seen: Seen) -> None:
    """In words."""
    books = seen.books
    console.say(f"{console.one_line(books.account.name, 80)} ({books.account.id})")
    for code in books.currencies:
        balance = books.balance(code)
        parts = f"invoices {balance.open_invoices}, unapplied payments {balance.unapplied_payments}"
        console.say(f"  owes {balance.net}: {parts}, credits {balance.remaining_credits}")
    rows = [(item.number or item.ref, str(item.open), item.issued_on, item.due_on or "") for item in books.open_invoices()]
    console.table("open invoices", ("number", "open", "issued", "due"), rows, right=("open",))
    _show_agreed(seen)
    if seen.decision is not None:
        _show_decision(seen.decision)
    policy = seen.policy
    console.say(f"  policy: {policy['mode']}; " + "; ".join(policy["stages"]))
    for name, origin in policy["origins"].items():
        if name not in ("mode", "stages", "preset"):
            console.say(f"    {name.replace('_', ' ')} = {policy.get(name)} (from {origin})")
    contact_table(seen.contacts)


def _show_agreed(seen: Seen) -> None:
    for hold in seen.holds:
        if hold.stands(seen.today):
            about = f" about {hold.invoice.ref}" if hold.invoice else ""
            console.say(f"  held: {hold.kind}{about} {hold.reason} {f'until {hold.until}' if hold.until else ''}".rstrip())
    for promise in seen.promises:
        word = "the day is over" if promise.due_on < seen.today else "open"
        console.say(f"  promised: payment by {promise.due_on}, said to {promise.made_by} ({word})")
    for item, state in seen.plans:
        ahead = f", next {state.next_due_on}" if state.next_due_on else ""
        word = "BROKEN" if state.breached else "kept"
        console.say(f"  payment plan {item.id}: {word}; {state.paid} came, {state.expected} was due by today{ahead}")


def _show_decision(made: Decision) -> None:
    for entry in made.entries:
        what = "goes now" if entry.would_send else "waits"
        console.say(f"  next: {entry.stage.replace('_', ' ')} ({entry.channel}, {entry.due_on}), {what}")
        for reason in entry.reasons:
            console.say(f"    {reason}")
    if made.next_look is not None:
        console.say(f"  looked at again: {made.next_look:%Y-%m-%d}")
    for task in made.tasks:
        console.say(f"  to do: {task.text}")
    for fee in made.fees:
        days = ", ".join(f"{line.invoice.ref} {line.days} days" for line in fee.lines)
        console.say(f"  could be charged (proposed, never posted): {fee.total}; {fee.basis} ({days})")
    ready = "ready for collections" if made.ready_for_collections else "not ready for collections: "
    console.say(f"  {ready}{'; '.join(made.collections_gaps)}")
