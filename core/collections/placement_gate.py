"""The last question before something goes to an agency: with everything known this moment, is it still right to hand it over?

A placement is asked like a message to the client: invoices read again and unchanged, sources fresh, no reason to stand still, the
case approved and on its way. Notices to it (a payment, a recall, a stay) must never wait for that: only a pause stops them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from core.actions import HandOver, HandOverKind, InvoiceMention
from core.collections.case import APPROVERS, Case, CaseState
from core.collections.case_words import counted
from core.dunning.gate import CLOCK_SLACK, GateFacts
from core.holds import Hold, HoldKind
from core.outbox import GateAnswer
from core.records import DocumentStatus, Invoice, RecordKey, Stream

# Reasons not to hand a client over. The agency's own hold and one that only stops reminders are none.
STOPS = frozenset(
    {
        HoldKind.BANKRUPTCY,
        HoldKind.LEGAL,
        HoldKind.DISPUTE,
        HoldKind.PROMISE,
        HoldKind.PLAN,
        HoldKind.REPLY,
        HoldKind.DO_NOT_CONTACT,
    }
)


def handover_answers(action: HandOver, facts: GateFacts, case: Case | None) -> tuple[GateAnswer, ...]:
    """Every question about a hand-over, answered."""
    pause = GateAnswer(question="paused", ok=facts.paused is None, detail=facts.paused or "nothing is paused")
    if action.what is not HandOverKind.PLACEMENT:
        return (pause,)
    return (pause, _case(action, case), _invoices(action, facts), _balance(action, facts), _fresh(facts), _holds(action, facts))


def _case(action: HandOver, case: Case | None) -> GateAnswer:
    """Is the case still on its way with this very placement, and approved?"""
    if case is None:
        return GateAnswer(question="case", ok=False, detail=f"there is no case {action.case}")
    problems = []
    if case.state is not CaseState.PLACING or case.placement is None or case.placement.reference != action.reference:
        problems.append(f"case {case.id} is {case.state.replace('_', ' ')}")
    if case.stayed:
        problems.append(f"it stands still: {case.stayed}")
    if len(case.approvals) < APPROVERS:
        problems.append(f"{len(case.approvals)} of {APPROVERS} approved it")
    fine = f"approved by {' and '.join(item.by for item in case.approvals)}"
    return GateAnswer(question="case", ok=not problems, detail="; ".join(problems) or fine)


def _invoices(action: HandOver, facts: GateFacts) -> GateAnswer:
    """Every invoice read again now: still open with the amount claimed, the very version, not disputed."""
    wrong, unread = [], []
    for mention in action.invoices:
        key = RecordKey(mention.connection, Stream.INVOICES, mention.ref)
        if key not in facts.reread:
            unread.append(mention.number or mention.ref)
            continue
        problem = _changed(mention, facts.reread[key], facts.digests, key)
        wrong += [f"invoice {mention.number or mention.ref} {problem}"] if problem else []
    if wrong or unread or not action.invoices:
        text = (
            "; ".join(wrong) or f"invoice {', '.join(unread)} could not be read again" if action.invoices else "it claims nothing"
        )
        return GateAnswer(question="invoices", ok=False if wrong or not action.invoices else None, detail=text)
    return GateAnswer(
        question="invoices", ok=True, detail=f"{counted(len(action.invoices), 'invoice')} read again, open and unchanged"
    )


def _changed(mention: InvoiceMention, now: Invoice | None, digests: Mapping[RecordKey, str], key: RecordKey) -> str:
    if now is None:
        return "is gone at the vendor"
    if now.status is not DocumentStatus.OPEN or now.open != mention.open:
        return f"is {now.status} with {now.open} open now, not {mention.open}"
    if now.disputed:
        return "is disputed at the vendor"
    return "" if digests.get(key) == mention.digest else "changed since it was packed"


def _balance(action: HandOver, facts: GateFacts) -> GateAnswer:
    """The client owes at least what is claimed on balance: payments and credits not applied yet would make the claim too high."""
    if facts.books is None:
        return GateAnswer(question="balance", ok=None, detail="the books of this account could not be read")
    net = facts.books.balance(action.amount.currency).net
    text = f"on balance the client owes {net}, {action.amount} is claimed"
    return GateAnswer(question="balance", ok=net >= action.amount, detail=text)


def _fresh(facts: GateFacts) -> GateAnswer:
    """Every source of this account pulled well within its limit."""
    if not facts.streams:
        return GateAnswer(question="fresh", ok=None, detail="it is not known when the sources were last pulled")
    stale = [
        f"{source.connection}/{source.stream}"
        for source in facts.streams
        if source.last_ok_at is None
        or source.last_ok_at > facts.now + CLOCK_SLACK
        or facts.now - source.last_ok_at > timedelta(seconds=source.fresh_for)
    ]
    detail = f"not pulled well of late: {', '.join(stale)}" if stale else f"{counted(len(facts.streams), 'source')} fresh"
    return GateAnswer(question="fresh", ok=not stale, detail=detail)


def _holds(action: HandOver, facts: GateFacts) -> GateAnswer:
    keys = [RecordKey(item.connection, Stream.INVOICES, item.ref) for item in action.invoices]
    today = facts.now.date()
    found = [hold for hold in facts.holds if hold.kind in STOPS and any(hold.covers(key, today) for key in keys)]
    text = "; ".join(_named(hold) for hold in found)
    return GateAnswer(question="holds", ok=not found, detail=text or "nothing that stops a hand-over")


def _named(hold: Hold) -> str:
    return f"on hold: {hold.kind.replace('_', ' ')}{f' ({hold.reason})' if hold.reason else ''}"
