"""What an event of a case states: one class per kind of fact, as it is stored and as it enters the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.collections.case_words import (
    Acknowledgement,
    AgencyStatus,
    Answer,
    Approval,
    Attachment,
    DirectPayment,
    FinalNotice,
    LegalStep,
    Outcome,
    Placement,
    Remittance,
    Waiver,
)
from core.records import RecordKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A person opened the case for these invoices of one account, all in one currency."""

    account: str
    invoices: tuple[RecordKey, ...]
    currency: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A document was added."""

    attachment: Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Detached:
    """A document was taken out again; the store keeps its bytes."""

    sha256: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waived:
    """An item of the checklist was waived. Approvals given before it fall: they were for another checklist."""

    waiver: Waiver


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverLifted:
    """A waiver was taken back. Approvals fall."""

    item: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An item of the checklist was answered by a person. Approvals fall."""

    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """One person approved. The second, different one makes the case approved."""

    approval: Approval


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalWithdrawn:
    """A person took an approval back, their own or another's."""

    approver: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeGiven:
    """The final notice left."""

    notice: FinalNotice


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementQueued:
    """A person had the case placed; it waits in the outbox."""

    placement: Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementDelivered:
    """The agency's system took it at `at`: `receipt` is its proof."""

    receipt: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementFailed:
    """It was certainly not handed over; the case is where it was before."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementRead:
    """The agency acknowledged."""

    acknowledgement: Acknowledgement


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRead:
    """The agency reported."""

    status: AgencyStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectPaymentSeen:
    """A pull brought a payment straight to us."""

    payment: DirectPayment


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyTold:
    """A notice to the agency was queued: `about` names what ("payment books/payments/42", "recall", "stay")."""

    about: str
    outbox_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remitted:
    """The agency's remittance was read and matched."""

    remittance: Remittance


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalStepTaken:
    """The case moved on at law."""

    step: LegalStep


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidInFull:
    """Nothing of the claim is open any more."""

    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """The case was taken back, or (`by_agency`) given back uncollected."""

    reason: str
    by_agency: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stayed:
    """A bankruptcy or legal hold: nothing goes forward until a person says so (11 U.S.C. 362; product notes A36)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StayLifted:
    """The reason to stand still is gone."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClosed:
    """The case is over. `cause` is the root cause to learn from (product notes A43)."""

    outcome: Outcome
    cause: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """A closed case that was closed too soon."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A remark."""

    text: str


Fact = (
    Opened
    | Attached
    | Detached
    | Waived
    | WaiverLifted
    | Answered
    | Approved
    | ApprovalWithdrawn
    | NoticeGiven
    | PlacementQueued
    | PlacementDelivered
    | PlacementFailed
    | AcknowledgementRead
    | StatusRead
    | DirectPaymentSeen
    | AgencyTold
    | Remitted
    | LegalStepTaken
    | PaidInFull
    | Recalled
    | Stayed
    | StayLifted
    | CaseClosed
    | Reopened
    | Noted
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """One thing that happened to a case: its place in the case's history, when, by whom, and what."""

    case: str
    number: int
    at: datetime
    by: str
    fact: Fact
