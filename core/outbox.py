"""Words of the outbox: what waits to be done at a vendor, and what clients have already heard from us.

A row moves draft -> queued -> reserved -> sending -> settled, and leaves that path as dropped, ambiguous or parked. `sending` is
committed before the push, so a crash can be told apart: a reserved row was certainly not pushed, a sending one may have been.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.actions import Action, IdempotencyKey, Receipt
from core.records import RecordKey


class OutboxState(StrEnum):
    """Where a row stands."""

    DRAFT = "draft"  # waits for a person's approval
    QUEUED = "queued"  # may go from `not_before` on
    RESERVED = "reserved"  # one worker holds it; nothing was pushed
    SENDING = "sending"  # the push may be under way
    SETTLED = "settled"  # done, with a receipt
    DROPPED = "dropped"  # the gate or a person said no; its steps may be decided again
    AMBIGUOUS = "ambiguous"  # may have been done; read back, or ask a person; blocks its own repetition
    PARKED = "parked"  # the vendor said never; a person must look


LIVE_STATES = frozenset({OutboxState.DRAFT, OutboxState.QUEUED, OutboxState.RESERVED, OutboxState.SENDING, OutboxState.AMBIGUOUS})


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """One question of the gate, answered before a send. `ok` None means it could not be told, which counts as no."""

    question: str
    ok: bool | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One action with everything known about it. `reasons` say why it was decided, `gate` why it went or did not go."""

    id: str
    key: IdempotencyKey
    action: Action
    state: OutboxState
    created_at: datetime
    updated_at: datetime
    not_before: datetime
    attempts: int = 0
    reserved_by: str | None = None
    reserved_until: datetime | None = None
    reasons: tuple[str, ...] = ()
    gate: tuple[GateAnswer, ...] = ()
    receipt: Receipt | None = None
    error: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """An action to enqueue, with why. `draft` rows wait for approval."""

    action: Action
    reasons: tuple[str, ...]
    not_before: datetime
    draft: bool = False


class ContactKind(StrEnum):
    """How a client and we were in touch."""

    MESSAGE = "message"
    STATEMENT = "statement"
    CALL = "call"
    REPLY = "reply"
    BOUNCE = "bounce"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastContact:
    """One entry of the contact log. `waived` steps were skipped with a reason and count as done for the cadence."""

    account: str
    kind: ContactKind
    at: datetime
    channel: str
    stage: str | None = None
    cycle: str | None = None
    invoices: tuple[RecordKey, ...] = ()
    to: tuple[str, ...] = ()
    subject: str = ""
    content_hash: str = ""
    outbox_id: str | None = None
    outcome: str = ""
    waived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A client's word: `amount_minor` of `invoice` (None: the whole account) by `due_on`."""

    account: str
    invoice: RecordKey | None
    amount_minor: int | None
    currency: str | None
    due_on: date
    made_at: datetime
    made_by: str
