"""What may happen to a case, and what it is afterwards: events folded in order, illegal ones refused with a plain word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, get_args

from core.collections.case import (
    APPROVERS,
    BEFORE_PLACEMENT,
    WITH_AGENCY,
    AcknowledgementRead,
    AgencyTold,
    Answered,
    Approval,
    ApprovalWithdrawn,
    Approved,
    Attached,
    Case,
    CaseClosed,
    CaseEvent,
    CaseState,
    Detached,
    DirectPaymentSeen,
    Fact,
    LegalStepTaken,
    Noted,
    NoticeGiven,
    Opened,
    PaidInFull,
    PlacementDelivered,
    PlacementFailed,
    PlacementQueued,
    Recalled,
    Remitted,
    Reopened,
    StatusRead,
    Stayed,
    StayLifted,
    Waived,
    WaiverLifted,
)
from core.errors import UsageError

_S = CaseState
_ANY = frozenset(CaseState) - {_S.CLOSED}
_HELD_THERE = WITH_AGENCY - {_S.PLACING}
_LEGAL_FROM: Mapping[CaseState, frozenset[CaseState]] = {
    _S.LEGAL_REVIEW: frozenset({_S.PLACED, _S.ACKNOWLEDGED, _S.RECALLED}),
    _S.SUIT: frozenset({_S.PLACED, _S.ACKNOWLEDGED, _S.RECALLED, _S.LEGAL_REVIEW}),  # an agency may report only the later step
    _S.JUDGMENT: frozenset({_S.PLACED, _S.ACKNOWLEDGED, _S.RECALLED, _S.LEGAL_REVIEW, _S.SUIT}),
    _S.SATISFIED: frozenset({_S.JUDGMENT}),
}
# From which states a fact may follow. Money and reports can also arrive after the end of our part: late is not never.
_FROM: Mapping[type[Any], frozenset[CaseState]] = {
    Attached: _ANY,
    Detached: BEFORE_PLACEMENT,
    Waived: BEFORE_PLACEMENT,
    WaiverLifted: BEFORE_PLACEMENT,
    Answered: BEFORE_PLACEMENT,
    Approved: BEFORE_PLACEMENT,  # again, where the checklist changed since
    ApprovalWithdrawn: BEFORE_PLACEMENT,
    NoticeGiven: BEFORE_PLACEMENT,
    PlacementQueued: frozenset({_S.NOTICED}),
    PlacementDelivered: frozenset({_S.PLACING}),
    PlacementFailed: frozenset({_S.PLACING}),
    AcknowledgementRead: _HELD_THERE | {_S.RECALLED},
    StatusRead: _HELD_THERE | {_S.RECALLED, _S.PAID, _S.SATISFIED},
    DirectPaymentSeen: WITH_AGENCY | {_S.RECALLED},
    AgencyTold: WITH_AGENCY | {_S.RECALLED, _S.PAID, _S.SATISFIED},
    Remitted: _HELD_THERE | {_S.RECALLED, _S.PAID, _S.SATISFIED},
    LegalStepTaken: frozenset({_S.PLACED, _S.ACKNOWLEDGED, _S.RECALLED, _S.LEGAL_REVIEW, _S.SUIT, _S.JUDGMENT}),
    PaidInFull: _ANY - {_S.PAID, _S.PLACING, _S.SATISFIED},
    Recalled: _HELD_THERE,
    Stayed: _ANY,
    StayLifted: _ANY,
    CaseClosed: BEFORE_PLACEMENT | {_S.RECALLED, _S.PAID, _S.SATISFIED},
    Reopened: frozenset({_S.CLOSED}),
    Noted: frozenset(CaseState),
}
# What a stay stops: everything that presses the claim further.
_STOPPED_BY_STAY = (Approved, NoticeGiven, PlacementQueued, LegalStepTaken)
# What waits while the agency's acknowledgement differs from what was placed.
_STOPPED_BY_DIFFERENCE = (Remitted, LegalStepTaken)
_REMEDIES = {
    CaseClosed: "A case at an agency is recalled first: duesync collections recall",
    PlacementQueued: "It takes two approvals and the final notice: duesync collections show",
    Approved: "See what it waits for: duesync collections show",
}


class IllegalMove(UsageError):
    """Something that cannot happen to a case as it stands."""


def fold(events: Iterable[CaseEvent]) -> Case:
    """The case its events make. IllegalMove when they cannot follow each other; ValueError without any."""
    case: Case | None = None
    for event in events:
        case = follow(case, event)
    if case is None:
        raise ValueError("a case has at least the event that opened it")
    return case


def follow(case: Case | None, event: CaseEvent) -> Case:
    """The case after one more event. IllegalMove says in a plain word why it cannot be."""
    fact = event.fact
    if case is None:
        if not isinstance(fact, Opened):
            raise IllegalMove(f"there is no case {event.case}", remedy="See them with: duesync collections list")
        return _opened(event, fact)
    _check(case, event)
    changes = _EFFECTS[type(fact)](case, fact)
    return replace(case, **changes, number=event.number, changed_at=event.at)


def _opened(event: CaseEvent, fact: Opened) -> Case:
    if not fact.invoices:
        raise IllegalMove("a case is about one invoice at least", remedy="Name invoices that are open and past due.")
    return Case(
        id=event.case,
        account=fact.account,
        opened_at=event.at,
        opened_by=event.by,
        state=_S.PREPARING,
        invoices=tuple(sorted(set(fact.invoices))),
        currency=fact.currency,
        reason=fact.reason,
        number=event.number,
        changed_at=event.at,
    )


def _check(case: Case, event: CaseEvent) -> None:
    fact = event.fact
    word = _word(type(fact))
    if isinstance(fact, Opened):
        raise IllegalMove(f"case {case.id} is open already")
    if event.number != case.number + 1:
        raise IllegalMove(f"case {case.id} moved on meanwhile: it has {case.number} events", remedy="Look again and repeat it.")
    allowed = _LEGAL_FROM[fact.step.state] if isinstance(fact, LegalStepTaken) and fact.step.state in _LEGAL_FROM else None
    if isinstance(fact, LegalStepTaken) and allowed is None:
        raise IllegalMove(f"{fact.step.state} is no step at law", remedy="Use legal_review, suit, judgment or satisfied.")
    if case.state not in (allowed if allowed is not None else _FROM[type(fact)]):
        raise IllegalMove(
            f"case {case.id} is {case.state.replace('_', ' ')}: {word} does not fit", remedy=_REMEDIES.get(type(fact), "")
        )
    if case.stayed and isinstance(fact, _STOPPED_BY_STAY):
        raise IllegalMove(f"case {case.id} stands still: {case.stayed}", remedy="Nothing goes forward until the stay is lifted.")
    if case.blocked and isinstance(fact, _STOPPED_BY_DIFFERENCE):
        raise IllegalMove(
            f"case {case.id} waits: {case.blocked}", remedy="Have the agency correct it, or accept it: duesync collections status"
        )
    _check_content(case, fact)


def _check_content(case: Case, fact: Fact) -> None:
    """What the state alone does not say."""
    if isinstance(fact, Approved) and any(_same(item, fact.approval) for item in case.approvals):
        raise IllegalMove(f"{fact.approval.by} has approved case {case.id} already", remedy="It takes two different people.")
    if isinstance(fact, ApprovalWithdrawn) and all(item.by != fact.approver for item in case.approvals):
        raise IllegalMove(f"{fact.approver} has not approved case {case.id}")
    if isinstance(fact, WaiverLifted) and case.waiver(fact.item) is None:
        raise IllegalMove(f"{fact.item} is not waived in case {case.id}")
    if isinstance(fact, Detached) and all(item.sha256 != fact.sha256 for item in case.attachments):
        raise IllegalMove(f"case {case.id} has no such document")
    if isinstance(fact, StayLifted) and not case.stayed:
        raise IllegalMove(f"case {case.id} does not stand still")
    if isinstance(fact, Waived) and not fact.waiver.reason.strip():
        raise IllegalMove("a waiver needs a reason", remedy="Say why with --reason.")


def _same(one: Approval, other: Approval) -> bool:
    """One person's yes to one checklist, said twice."""
    return one.by.casefold() == other.by.casefold() and one.digest == other.digest


def _word(cls: type[Any]) -> str:
    """The plain word for a fact: "placement queued"."""
    name = cls.__name__
    return "".join(f" {char.lower()}" if char.isupper() else char for char in name).strip()


def kind_of(fact: Fact) -> str:
    """The name of a fact in the store and the journal: "placement_queued"."""
    return _word(type(fact)).replace(" ", "_")


# ── effects ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _standing(case: Case, changes: dict[str, Any]) -> dict[str, Any]:
    """The state before a placement follows from approvals and notice alone."""
    approvals = changes.get("approvals", case.approvals)
    notice = changes.get("notice", case.notice)
    state = _S.PREPARING if len(approvals) < APPROVERS else _S.NOTICED if notice is not None else _S.APPROVED
    return {**changes, "state": state}


def _attached(case: Case, fact: Attached) -> dict[str, Any]:
    others = tuple(item for item in case.attachments if item.sha256 != fact.attachment.sha256)
    return {"attachments": (*others, fact.attachment)}


def _detached(case: Case, fact: Detached) -> dict[str, Any]:
    kept = tuple(item for item in case.attachments if item.sha256 != fact.sha256)
    return _standing(case, {"attachments": kept, "approvals": ()})


def _waived(case: Case, fact: Waived) -> dict[str, Any]:
    others = tuple(item for item in case.waivers if item.item != fact.waiver.item)
    return _standing(case, {"waivers": (*others, fact.waiver), "approvals": ()})


def _waiver_lifted(case: Case, fact: WaiverLifted) -> dict[str, Any]:
    others = tuple(item for item in case.waivers if item.item != fact.item)
    return _standing(case, {"waivers": others, "approvals": ()})


def _answered(case: Case, fact: Answered) -> dict[str, Any]:
    return _standing(case, {"answers": (*case.answers, fact.answer), "approvals": ()})


def _approved(case: Case, fact: Approved) -> dict[str, Any]:
    others = tuple(item for item in case.approvals if item.by.casefold() != fact.approval.by.casefold())
    return _standing(case, {"approvals": (*others, fact.approval)})


def _approval_withdrawn(case: Case, fact: ApprovalWithdrawn) -> dict[str, Any]:
    return _standing(case, {"approvals": tuple(item for item in case.approvals if item.by != fact.approver)})


def _notice_given(case: Case, fact: NoticeGiven) -> dict[str, Any]:
    return _standing(case, {"notice": fact.notice})


def _delivered(_case: Case, fact: PlacementDelivered) -> dict[str, Any]:
    return {"state": _S.PLACED, "receipt": fact.receipt, "placed_at": fact.at}


def _acknowledged(case: Case, fact: AcknowledgementRead) -> dict[str, Any]:
    said = fact.acknowledgement
    good = not said.problem or bool(said.accepted_by)
    return {"acknowledgement": said, "state": _S.ACKNOWLEDGED if good and case.state is _S.PLACED else case.state}


def _paid_directly(case: Case, fact: DirectPaymentSeen) -> dict[str, Any]:
    others = tuple(item for item in case.direct_payments if item.payment != fact.payment.payment)
    return {"direct_payments": (*others, fact.payment)}


def _closed(case: Case, fact: CaseClosed) -> dict[str, Any]:
    return {"state": _S.CLOSED, "closing": fact, "state_before": case.state}


def _reopened(case: Case, _fact: Reopened) -> dict[str, Any]:
    return {"state": case.state_before or _S.PREPARING, "closing": None, "state_before": None}


_EFFECTS: Mapping[type[Any], Callable[[Case, Any], dict[str, Any]]] = {
    Attached: _attached,
    Detached: _detached,
    Waived: _waived,
    WaiverLifted: _waiver_lifted,
    Answered: _answered,
    Approved: _approved,
    ApprovalWithdrawn: _approval_withdrawn,
    NoticeGiven: _notice_given,
    PlacementQueued: lambda _case, fact: {"placement": fact.placement, "state": _S.PLACING},
    PlacementDelivered: _delivered,
    PlacementFailed: lambda _case, _fact: {"placement": None, "state": _S.NOTICED},
    AcknowledgementRead: _acknowledged,
    StatusRead: lambda case, fact: {"statuses": (*case.statuses, fact.status)},
    DirectPaymentSeen: _paid_directly,
    AgencyTold: lambda case, fact: {"told": (*case.told, fact)},
    Remitted: lambda case, fact: {"remittances": (*case.remittances, fact.remittance)},
    LegalStepTaken: lambda case, fact: {"legal": (*case.legal, fact.step), "state": fact.step.state},
    PaidInFull: lambda case, fact: {"state": _S.PAID, "notes": (*case.notes, fact.how)},
    Recalled: lambda _case, fact: {"state": _S.RECALLED, "recall": fact},
    Stayed: lambda _case, fact: {"stayed": fact.reason},
    StayLifted: lambda _case, _fact: {"stayed": ""},
    CaseClosed: _closed,
    Reopened: _reopened,
    Noted: lambda case, fact: {"notes": (*case.notes, fact.text)},
}
FACTS: Mapping[str, type[Any]] = {_word(cls).replace(" ", "_"): cls for cls in get_args(Fact)}
