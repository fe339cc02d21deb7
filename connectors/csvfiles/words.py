"""Words people and systems write in status, active and posted_to cells, and what they mean. Case and punctuation do not matter.

The lists hold what QuickBooks, Xero, ConnectWise and common exports call these states. An unknown status is a problem of its row,
never a guess: taking "on hold" for open would chase somebody.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeVar

from core.records import DocumentStatus, PaymentStatus, Posting

Meaning = TypeVar("Meaning")

_DOCUMENT: dict[DocumentStatus, str] = {
    DocumentStatus.DRAFT: (
        "draft, pending, submitted, awaiting approval, pending approval, unapproved, not sent, in progress, new, ready to send"
    ),
    DocumentStatus.OPEN: (
        "open, unpaid, sent, not paid, authorised, authorized, approved, awaiting payment, due, overdue, past due, late, "
        "outstanding, partial, partially paid, partly paid, part paid, issued, posted, invoiced, billed, emailed, viewed, "
        "exported, disputed, in dispute, dispute, unapplied, partially applied, partly applied"
    ),
    DocumentStatus.CLOSED: (
        "paid, closed, paid in full, fully paid, settled, complete, completed, cleared, credited, fully credited, applied, "
        "fully applied, used, written off, write off, bad debt, uncollectible, refunded"
    ),
    DocumentStatus.VOID: "void, voided, cancelled, canceled, deleted, reversed, annulled, removed",
}
_PAYMENT: dict[PaymentStatus, str] = {
    PaymentStatus.RECEIVED: (
        "received, cleared, posted, paid, complete, completed, settled, succeeded, success, deposited, authorised, authorized, "
        "approved, reconciled, applied, unapplied, partially applied, partly applied, closed, open, captured, ok"
    ),
    PaymentStatus.PENDING: (
        "pending, in clearing, clearing, processing, in progress, in transit, submitted, scheduled, initiated, uncleared, on hold"
    ),
    PaymentStatus.VOID: "void, voided, deleted, cancelled, canceled, removed, annulled",
    PaymentStatus.REVERSED: (
        "reversed, bounced, nsf, returned, failed, charged back, chargeback, rejected, declined, dishonoured, dishonored, "
        "refunded, insufficient funds, unpaid"
    ),
}
_ACTIVE: dict[bool, str] = {
    True: "true, yes, y, 1, active, t, x, on, enabled, current",
    False: "false, no, n, 0, inactive, archived, f, off, disabled, deleted, former",
}
_DISPUTED = frozenset({"disputed", "in dispute", "dispute"})
_PARTIAL = frozenset({"partial", "partially paid", "partly paid", "part paid", "partially applied", "partly applied"})

_STRAY = re.compile(r"[\W_]+")
# Receivable is asked before the rest: "Accounts Receivable - Sales". Liabilities and costs that mention sales are neither.
_RECEIVABLE = re.compile(r"\b(?:accounts? receivable|receivables?|trade debtors|debtors?|a ?r)\b")
_UNDEPOSITED = re.compile(r"\b(?:undeposited|clearing|payments to deposit|cash in transit)\b")
_NEITHER = re.compile(
    r"\b(?:tax|taxes|vat|gst|hst|cost|costs|expenses?|payable|discounts?|deferred|unearned|prepaid|loan|equity|bank)\b"
)
_INCOME = re.compile(r"^4\d{2,4}\b|\b(?:income|sales|revenues?|services?|turnover|fees earned)\b")


def _by_word(words: dict[Meaning, str]) -> dict[str, Meaning]:
    return {word.strip(): meaning for meaning, text in words.items() for word in text.split(",")}


DOCUMENT_WORDS = _by_word(_DOCUMENT)
PAYMENT_WORDS = _by_word(_PAYMENT)
ACTIVE_WORDS = _by_word(_ACTIVE)


@lru_cache(maxsize=1_000)
def plain(text: str) -> str:
    """`text` in lower case, every run of punctuation and space as one space: "Partially-Paid" is "partially paid"."""
    return _STRAY.sub(" ", text.casefold()).strip()


def says_disputed(text: str | None) -> bool:
    """The status names a dispute."""
    return text is not None and plain(text) in _DISPUTED


def says_partial(text: str | None) -> bool:
    """The status says that a part is paid, without saying which."""
    return text is not None and plain(text) in _PARTIAL


def posting_of(account: str | None, *, is_payment: bool) -> Posting:
    """Which side of the books an account name or number means. Blank is undeposited funds for a payment's line, else unknown."""
    if account is None:
        return Posting.UNDEPOSITED if is_payment else Posting.OTHER
    words = plain(account)
    if _RECEIVABLE.search(words):
        return Posting.RECEIVABLE
    if _UNDEPOSITED.search(words):
        return Posting.UNDEPOSITED
    if _INCOME.search(words) and not _NEITHER.search(words):
        return Posting.INCOME
    return Posting.OTHER
