"""What the PSA and the books are told of a case: one plain note for each step that matters there (A82-A88)."""

from __future__ import annotations

from core.collections.case import (
    AcknowledgementRead,
    AgencyTold,
    Answered,
    ApprovalWithdrawn,
    Approved,
    Attached,
    Case,
    CaseClosed,
    CaseEvent,
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
from core.collections.case_words import counted
from core.collections.redaction import strip_secrets
from core.collections.statuses import MEANINGS
from core.messages.clean import one_line


def note_of(event: CaseEvent, case: Case) -> str | None:
    """The note for one event of a case; None for what concerns nobody there (documents, waivers, remarks)."""
    text = _text(event.fact, case)
    return None if text is None else one_line(strip_secrets(f"{event.at.date()}: collections case {case.id}: {text}"), 900)


def words_of(event: CaseEvent, case: Case) -> str:
    """What one event of a case's history says, on one line; "" where its name says it all."""
    fact = event.fact
    match fact:
        case Attached():
            text = f"{fact.attachment.kind}: {fact.attachment.filename}"
        case Detached() | WaiverLifted() | ApprovalWithdrawn():
            text = fact.reason
        case Waived():
            text = f"{fact.waiver.item}: {fact.waiver.reason}"
        case Answered():
            text = f"{fact.answer.item}: {fact.answer.text}"
        case Approved():
            text = f"by {fact.approval.by}"
        case AgencyTold():
            text = fact.about
        case Noted():
            text = fact.text
        case Opened():
            text = fact.reason
        case _:
            text = _text(fact, case) or ""
    return one_line(strip_secrets(text), 200)


def _text(fact: Fact, case: Case) -> str | None:
    match fact:
        case NoticeGiven():
            return f"final notice sent on {fact.notice.sent_at.date()}; may be placed from {fact.notice.placeable_on} on."
        case PlacementQueued():
            placed = fact.placement
            return f"placing {counted(placed.count, 'invoice')}, {placed.amount}, with {placed.agency}; our reminders rest."
        case PlacementDelivered():
            return f"placed with {case.placement.agency if case.placement else 'the agency'} ({fact.receipt})."
        case PlacementFailed():
            return f"the hand-over did not happen: {fact.reason}"
        case DirectPaymentSeen():
            paid = fact.payment
            if not paid.amount:
                return f"the payment of {paid.paid_on} to us came back; no fee is due on it."
            return f"{paid.amount} was paid to us on {paid.paid_on}; the agency is told; its fee on it is {paid.fee}."
        case _:
            return _reported(fact) or _ended(fact)


def _reported(fact: Fact) -> str | None:
    match fact:
        case AcknowledgementRead():
            said = fact.acknowledgement
            stands = f"; let stand by {said.accepted_by}" if said.accepted_by else ""
            fine = f"acknowledged: {counted(said.count, 'invoice')}, {said.amount}."
            return f"{said.problem}{stands}." if said.problem else fine
        case StatusRead():
            status = fact.status
            return f"agency status {status.code} on {status.on}: {MEANINGS[status.meaning]}. {status.note}"
        case Remitted():
            money = fact.remittance
            return (
                f"remittance {money.reference}: {money.gross} collected, fee {money.fee}, net {money.net}; "
                f"{money.residual} stays open. To be entered by the bookkeeper."
            )
        case LegalStepTaken():
            return f"{fact.step.state.replace('_', ' ')} on {fact.step.on}. {fact.step.reference}"
    return None


def _ended(fact: Fact) -> str | None:
    match fact:
        case PaidInFull():
            return f"paid: {fact.how}."
        case Recalled():
            return f"{'given back by the agency' if fact.by_agency else 'recalled from the agency'}: {fact.reason}."
        case Stayed():
            return f"everything stands still: {fact.reason}."
        case StayLifted():
            return f"goes on: {fact.reason}."
        case CaseClosed():
            return f"closed: {fact.outcome.replace('_', ' ')}. {fact.note}"
        case Reopened():
            return f"opened again: {fact.reason}."
    return None
