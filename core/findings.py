"""A finding: something in the books that does not add up, with what a bookkeeper needs to check and mend it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.money import Money
from core.records import RecordKey


class FindingKind(StrEnum):
    """Stable names: they are part of the command line's JSON (DESIGN.md section 6)."""

    DUPLICATE_INVOICE = "duplicate_invoice"
    DUPLICATE_PAYMENT = "duplicate_payment"
    DUPLICATE_PARTY = "duplicate_party"
    MISAPPLIED_PAYMENT = "misapplied_payment"
    MISAPPLIED_PARTY = "misapplied_party"
    UNAPPLIED_PAYMENT = "unapplied_payment"
    UNAPPLIED_CREDIT = "unapplied_credit"
    OVERPAYMENT = "overpayment"
    SHORT_PAYMENT = "short_payment"
    DEPOSIT_TO_INCOME = "deposit_to_income"
    ALLOCATION_TO_VOID = "allocation_to_void"
    REVERSED_PAYMENT = "reversed_payment"
    BALANCE_MISMATCH = "balance_mismatch"
    CURRENCY_MISMATCH = "currency_mismatch"
    STALE_UNDEPOSITED = "stale_undeposited"
    MISSING_IN_BOOKS = "missing_in_books"
    MISSING_IN_PSA = "missing_in_psa"
    AMOUNT_MISMATCH = "amount_mismatch"
    STATUS_MISMATCH = "status_mismatch"
    PAYMENT_MISSING_IN_PSA = "payment_missing_in_psa"
    AMBIGUOUS_LINK = "ambiguous_link"
    BILLING_GAP = "billing_gap"
    MALFORMED_RECORD = "malformed_record"


class Severity(StrEnum):
    """HIGH: a client may be chased wrongly or money is lost. MEDIUM: the books are wrong. LOW: tidy up."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class FindingState(StrEnum):
    """OPEN until the books are corrected (RESOLVED) or a person decides (ACCEPTED: will be mended; DISMISSED: not a fault)."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault. `subjects` are the records at fault, the most telling first; `evidence` is JSON-plain and complete in itself.

    `confidence` is the chance in [0, 1] that a bookkeeper would agree. `account` is the client it concerns, if one is known.
    """

    kind: FindingKind
    severity: Severity
    confidence: float
    account: str | None
    connection: str
    subjects: tuple[RecordKey, ...]
    at_stake: Money
    evidence: Mapping[str, Any] = field(hash=False)
    proposal: str

    @property
    def fingerprint(self) -> str:
        """Stable over runs: the kind and the records, not the amounts or wording, so a growing fault stays one finding."""
        parts = (self.kind, *sorted(str(subject) for subject in self.subjects))
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
