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
    HARDSHIP = "hardship"  # the client is in trouble: gentler and rarer, nothing threatened (A60)
    AGENCY = "agency"  # placed with a collection agency or attorney: it writes now, we do not (A84)


# These stop what is already reserved, on every channel, until a person lifts them (11 U.S.C. 362; product notes E53).
HARD_HOLDS = frozenset({HoldKind.BANKRUPTCY, HoldKind.LEGAL, HoldKind.DO_NOT_CONTACT, HoldKind.COLLECTIONS, HoldKind.AGENCY})

# These change how a client is written to, not whether: with approval (A89), or by the gentle policy (A60).
FLAGS = frozenset({HoldKind.PROTECTED, HoldKind.HARDSHIP})


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

    def stands(self, today: date) -> bool:
        """Is it neither lifted nor over on `today`?"""
        return self.lifted_at is None and (self.until is None or today <= self.until)

    def covers(self, invoice: RecordKey, today: date) -> bool:
        """Does it stop a reminder about `invoice` of its account on `today`?"""
        return self.stands(today) and self.invoice in (None, invoice)
