"""Words of a collections case: its states, those at law among them (product notes A114), and the things it collects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.money import Money
from core.records import RecordKey


def counted(number: int, what: str) -> str:
    """A number with its noun: "1 call", "3 calls", "no calls"."""
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


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
