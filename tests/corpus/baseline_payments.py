"""A plain script for comparison, as written in an afternoon: exact ids, exact amounts, names, oldest first, small sums."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import combinations

from rapidfuzz import fuzz, process

from core.matching import IncomingPayment, Match, OpenInvoice, Tier


def _clients(invoices: Iterable[OpenInvoice], payments: Sequence[IncomingPayment]) -> dict[str, str]:
    """Payment id → party, by name, or by the account others of that name paid from."""
    parties = sorted({invoice.party for invoice in invoices})
    known: dict[str, str | None] = {}
    accounts: dict[str, str] = {}
    for payment in payments:
        if payment.payer not in known:
            best = process.extractOne(payment.payer, parties, scorer=fuzz.token_sort_ratio, score_cutoff=80)
            known[payment.payer] = best[0] if best else None
        party = known[payment.payer]
        if party and payment.account:
            accounts.setdefault(payment.account, party)
    found = {payment.id: accounts.get(payment.account) or known[payment.payer] for payment in payments}
    return {payment: party for payment, party in found.items() if party}


def _named(payment: IncomingPayment, candidates: Sequence[OpenInvoice]) -> list[OpenInvoice]:
    """Invoices whose whole number, or all its digits, stand in the memo."""
    squeezed = re.sub(r"[^A-Z0-9]", "", payment.memo.upper())
    digits = set(re.findall(r"\d{3,}", payment.memo))
    return [
        invoice
        for invoice in candidates
        if re.sub(r"[^A-Z0-9]", "", (invoice.number or "").upper()) in squeezed
        or re.sub(r"\D", "", invoice.number or "x") in digits
        or (re.findall(r"\d+", invoice.number or "") or ["x"])[-1] in digits
    ]


def _choose(payment: IncomingPayment, candidates: Sequence[OpenInvoice]) -> Sequence[OpenInvoice]:
    amount = payment.amount.minor
    named = _named(payment, candidates)
    if named and abs(sum(invoice.open.minor for invoice in named) - amount) <= 0.2 * amount:
        return named
    pool = named or candidates
    exact = [invoice for invoice in pool if invoice.open.minor == amount] or [i for i in candidates if i.open.minor == amount]
    if exact:
        return exact[:1]
    for size in (2, 3):
        for some in combinations(candidates[:25], size):
            if sum(invoice.open.minor for invoice in some) == amount:
                return some
    near = [invoice for invoice in pool if 0.8 * invoice.open.minor <= amount <= 1.01 * invoice.open.minor]
    return near[:1]


def baseline(invoices: Sequence[OpenInvoice], payments: Sequence[IncomingPayment]) -> list[Match]:
    """Payments in order of date, each taking what fits first."""
    clients = _clients(invoices, payments)
    waiting: dict[tuple[str, str], list[OpenInvoice]] = defaultdict(list)
    for invoice in sorted(invoices, key=lambda item: (item.issued_on or date.min, item.id)):
        waiting[invoice.party, invoice.open.currency].append(invoice)
    found = []
    for payment in sorted(payments, key=lambda item: (item.paid_on or date.min, item.id)):
        mine = waiting[clients.get(payment.id, ""), payment.amount.currency]
        issued = [
            invoice for invoice in mine if not payment.paid_on or not invoice.issued_on or invoice.issued_on <= payment.paid_on
        ]
        for invoice in _choose(payment, issued):
            mine.remove(invoice)
            found.append(
                Match(
                    payment_id=payment.id,
                    invoice_id=invoice.id,
                    amount=invoice.open,
                    confidence=0.5,
                    tier=Tier.SUGGESTED,
                    stage="",
                    reason="",
                )
            )
    return found
