"""A hold: a reason not to remind, placed by a person or read from a vendor, on an account or one invoice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.records import RecordKey


class HoldKind(StrEnum):
    """Why nobody may be reminded."""

    DISPUTE = "dispute"
    PROMISE = "promise"
    PLAN = "plan"
    BANKRUPTCY = "bankruptcy"
    LEGAL = "legal"
    DO_NOT_CONTACT = "do_not_contact"
    PROTECTED = "protected"
    AUTOPAY = "autopay"
    TICKET = "ticket"
    REPLY = "reply"
    COLLECTIONS = "collections"
    AGENCY = "agency"  # placed with a collection agency or attorney: it writes now, we do not (A84)


# These stop what is already reserved, on every channel, until a person lifts them (11 U.S.C. 362; product notes E53).
HARD_HOLDS = frozenset({HoldKind.BANKRUPTCY, HoldKind.LEGAL, HoldKind.DO_NOT_CONTACT, HoldKind.COLLECTIONS, HoldKind.AGENCY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """`invoice` None means the whole account. `until` is the last day it holds; None holds until lifted."""

    id: str
    kind: HoldKind
    account: str
    invoice: RecordKey | None = None
    reason: str = ""
    placed_at: datetime
    placed_by: str
    until: date | None = None
    lifted_at: datetime | None = None

    @property
    def hard(self) -> bool:
        return self.kind in HARD_HOLDS

    def covers(self, invoice: RecordKey, today: date) -> bool:
        """Does it stop a reminder about `invoice` of its account on `today`?"""
        if self.lifted_at is not None or (self.until is not None and today > self.until):
            return False
        return self.invoice is None or self.invoice == invoice
