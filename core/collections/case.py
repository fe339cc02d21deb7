"""A collections case: one client's invoices on the way to an agency, as the sum of what happened to it.

A case is its events folded in order (`core.collections.case_moves`); nothing about it is stored otherwise, and every event also
enters the hash-chained journal. The words (`case_words`) and facts (`case_facts`) are all at hand here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.collections.case_facts import (
    AcknowledgementRead,
    AgencyTold,
    Answered,
    ApprovalWithdrawn,
    Approved,
    Attached,
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
from core.collections.case_words import (
    APPROVERS,
    BEFORE_PLACEMENT,
    OVER,
    WITH_AGENCY,
    Acknowledgement,
    AgencyStatus,
    Answer,
    Approval,
    Attachment,
    AttachmentKind,
    CaseState,
    DirectPayment,
    FinalNotice,
    LegalStep,
    Outcome,
    Placement,
    Remittance,
    Waiver,
)
from core.records import RecordKey

__all__ = [
    "APPROVERS",
    "BEFORE_PLACEMENT",
    "OVER",
    "WITH_AGENCY",
    "Acknowledgement",
    "AcknowledgementRead",
    "AgencyStatus",
    "AgencyTold",
    "Answer",
    "Answered",
    "Approval",
    "ApprovalWithdrawn",
    "Approved",
    "Attached",
    "Attachment",
    "AttachmentKind",
    "Case",
    "CaseClosed",
    "CaseEvent",
    "CaseState",
    "Detached",
    "DirectPayment",
    "DirectPaymentSeen",
    "Fact",
    "FinalNotice",
    "LegalStep",
    "LegalStepTaken",
    "Noted",
    "NoticeGiven",
    "Opened",
    "Outcome",
    "PaidInFull",
    "Placement",
    "PlacementDelivered",
    "PlacementFailed",
    "PlacementQueued",
    "Recalled",
    "Remittance",
    "Remitted",
    "Reopened",
    "StatusRead",
    "StayLifted",
    "Stayed",
    "Waived",
    "Waiver",
    "WaiverLifted",
]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A case as its events leave it. `number` is that of the last event; `state_before` is where a closed case stood."""

    id: str
    account: str
    opened_at: datetime
    opened_by: str
    state: CaseState
    invoices: tuple[RecordKey, ...]
    currency: str
    reason: str = ""
    number: int = 1
    changed_at: datetime
    attachments: tuple[Attachment, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    answers: tuple[Answer, ...] = ()
    approvals: tuple[Approval, ...] = ()
    notice: FinalNotice | None = None
    placement: Placement | None = None
    placed_at: datetime | None = None
    receipt: str = ""
    acknowledgement: Acknowledgement | None = None
    statuses: tuple[AgencyStatus, ...] = ()
    direct_payments: tuple[DirectPayment, ...] = ()
    told: tuple[AgencyTold, ...] = ()
    remittances: tuple[Remittance, ...] = ()
    legal: tuple[LegalStep, ...] = ()
    stayed: str = ""
    recall: Recalled | None = None
    closing: CaseClosed | None = None
    state_before: CaseState | None = None
    notes: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Is there anything left to do?"""
        return self.state not in OVER

    @property
    def with_agency(self) -> bool:
        """Does an agency work on it?"""
        return self.state in WITH_AGENCY

    @property
    def blocked(self) -> str:
        """Why nothing may go on between us and the agency until a person looked; "" when it may."""
        said = self.acknowledgement
        return said.problem if said is not None and not said.accepted_by else ""

    def waiver(self, item: str) -> Waiver | None:
        """The waiver of one item of the checklist."""
        return next((waiver for waiver in self.waivers if waiver.item == item), None)

    def answer(self, item: str) -> Answer | None:
        """What a person last answered to one item."""
        return next((answer for answer in reversed(self.answers) if answer.item == item), None)
