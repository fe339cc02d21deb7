"""A collections case: one client's invoices on the way to an agency, as the sum of what happened to it.

A case is its events folded in order (`core.collections.case_moves`); nothing about it is stored otherwise, and every event also
enters the hash-chained journal. Here are the words only: states, the things a case collects, and the facts an event states.
States A114 of the product notes asks for (legal review, suit, judgment, satisfied) are part of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.money import Money
from core.records import RecordKey


class CaseState(StrEnum):
    """Where a case stands. Values are part of the command line's JSON."""

    PREPARING = "preparing"  # documents and checks are gathered
    APPROVED = "approved"  # two people said yes; the final notice was not sent yet
    NOTICED = "noticed"  # approved, and the final notice really left
    PLACING = "placing"  # on its way to the agency through the outbox
    PLACED = "placed"  # the agency has it
    ACKNOWLEDGED = "acknowledged"  # the agency confirmed count and amount
    LEGAL_REVIEW = "legal_review"
    SUIT = "suit"
    JUDGMENT = "judgment"
    SATISFIED = "satisfied"  # the judgment was paid
    PAID = "paid"  # the claim was paid in full
    RECALLED = "recalled"  # taken back from the agency, or given back by it
    CLOSED = "closed"


# The agency works on the case: our own dunning rests, a direct payment is told to the agency, silence is alarmed.
WITH_AGENCY = frozenset(
    {
        CaseState.PLACING,
        CaseState.PLACED,
        CaseState.ACKNOWLEDGED,
        CaseState.LEGAL_REVIEW,
        CaseState.SUIT,
        CaseState.JUDGMENT,
    }
)
BEFORE_PLACEMENT = frozenset({CaseState.PREPARING, CaseState.APPROVED, CaseState.NOTICED})
OVER = frozenset({CaseState.CLOSED})
APPROVERS = 2  # different people who must say yes (product notes A38; never automatic)


class Outcome(StrEnum):
    """How a case ended."""

    PAID = "paid"
    PART_PAID = "part_paid"
    SETTLED = "settled"
    UNCOLLECTABLE = "uncollectable"
    WRITTEN_OFF = "written_off"
    OPENED_IN_ERROR = "opened_in_error"
    BANKRUPT = "bankrupt"


class AttachmentKind(StrEnum):
    """What a document proves; the pack has a folder for each (product notes A1-A6, A20, B.12)."""

    AGREEMENT = "agreement"
    INVOICE = "invoice"
    DELIVERY = "delivery"
    COMMUNICATION = "communication"
    DISPUTE = "dispute"
    LEGAL = "legal"
    OTHER = "other"


# ── what a case collects ────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A document kept in the store under the SHA-256 of its bytes. `invoice` None: it is about the whole case."""

    kind: AttachmentKind
    sha256: str
    filename: str
    by: str
    at: datetime
    invoice: RecordKey | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A person lets one item of the checklist pass, and says why."""

    item: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A person's answer to an item no system can answer (a sign-off, the impact on reputation, a lawyer's word)."""

    item: str
    ok: bool
    text: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One person's yes to handing the case over. `digest` is the checklist as it stood when they said so."""

    by: str
    at: datetime
    note: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalNotice:
    """The final notice as the contact log has it: when it left, as which row of the outbox, and the first day to place."""

    sent_at: datetime
    outbox_id: str | None
    placeable_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A hand-over to an agency: what was claimed, and the SHA-256 of the pack that says why. `reference` names it there."""

    agency: str
    reference: str
    placed_on: date
    count: int
    amount: Money
    pack_sha256: str
    outbox_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What the agency says it received. `problem` is "" where count and amount are those that were placed."""

    received_at: datetime
    count: int
    amount: Money
    reference: str = ""
    problem: str = ""
    accepted_by: str = ""  # who let a difference stand, and so lifted the block


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyStatus:
    """One status of the agency. `code` is theirs, `meaning` one of core.collections.statuses."""

    code: str
    meaning: str
    on: date
    received_at: datetime
    note: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectPayment:
    """The client paid us while the agency had the case: it must hear of it by `tell_by`, and its fee is accrued."""

    payment: RecordKey
    amount: Money
    paid_on: date
    seen_at: datetime
    fee: Money
    tell_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Remittance:
    """Money the agency collected: `gross` from the client, less `fee`, `net` to us. `residual` is what stays open."""

    reference: str
    remitted_on: date
    gross: Money
    fee: Money
    net: Money
    residual: Money
    payment: RecordKey | None = None  # the payment in the books it was matched with
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalStep:
    """The case moved to legal review, suit, judgment or its satisfaction, with the court's or lawyer's reference."""

    state: CaseState
    on: date
    reference: str = ""
    note: str = ""


# ── what an event states ────────────────────────────────────────────────────────────────────────────────────────────────
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
