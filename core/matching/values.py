"""What cash application works on and gives back: open invoices, incoming payments, matches. Small frozen values, money exact.
`client` is the caller's own name for who owes or who paid, where it already knows (an account id); otherwise matching finds out
from names, bank accounts and references. NO_CURRENCY (ISO 4217 "XXX") stands for a currency nobody stated: it meets only
itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from core.money import Money

NO_CURRENCY = "XXX"


class Tier(StrEnum):
    """CERTAIN may be posted unattended; SUGGESTED is for a person to confirm. Values are part of the MATCHES file."""

    CERTAIN = "certain"
    SUGGESTED = "suggested"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvoice:
    """An invoice that still wants money. `id` is unique in the set; `open` must be positive to be matched."""

    id: str
    open: Money
    party: str = ""
    number: str | None = None
    reference: str | None = None
    issued_on: date | None = None
    due_on: date | None = None
    client: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingPayment:
    """Money that came in and is not yet applied. `account` is the bank account it was paid from, `payer` the name beside it."""

    id: str
    amount: Money
    payer: str = ""
    account: str = ""
    memo: str = ""
    paid_on: date | None = None
    client: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """`amount` of a payment settles (part of) an invoice. `confidence` is calibrated: of matches at 0.9 nine in ten are right.

    `stage` names the kind of evidence (see core.matching.likelihood.Evidence); `reason` says it in words.
    """

    payment_id: str
    invoice_id: str
    amount: Money
    confidence: float
    tier: Tier
    stage: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSettings:
    """Limits of the search. Every bound is on work per payment, so that cost grows with the data and never with its square.

    `certain_from`: calibrated confidence from which a match may be posted unattended. `suggest_from`: below it nothing is said.
    `window`: open invoices of one client looked at for sums. `states`: partial sums kept. `options`: invoices one word of a memo
    may stand for. `pools`: clients one payment may be weighed against.
    """

    certain_from: float = 0.99
    suggest_from: float = 0.45
    window: int = 60
    states: int = 700
    options: int = 40
    pools: int = 8
