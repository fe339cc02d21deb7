"""Money of the client that looks like an invoice's payment though nobody applied it to the invoice (product notes E1, E2).

Only what the account's own books hold is looked at: unapplied payments, deposits posted to income, sales paid at once. The
reconciler looks further (core.reconcile.strangers: bank rows of nobody's) and says so with findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from core.books import COUNTED_PAYMENTS, AccountBooks
from core.dunning.policy import Policy
from core.money import Money
from core.records import DocumentStatus, Invoice, Posting

_SHORTEST = 3  # characters of an invoice number that may be recognised inside a memo (E51: never part of a longer word)
_SUSPECT = frozenset({Posting.INCOME, Posting.OTHER, Posting.UNDEPOSITED})


def names_invoice(invoice: Invoice, *texts: str | None) -> bool:
    """Is the invoice's number or reference a whole word of one of the texts?"""
    for number in (invoice.number, invoice.reference):
        bare = (number or "").strip()
        if len(bare) >= _SHORTEST and any(char.isdigit() for char in bare):
            pattern = re.compile(rf"(?<![0-9A-Za-z]){re.escape(bare)}(?![0-9A-Za-z])", re.IGNORECASE)
            if any(pattern.search(text) for text in texts if text):
                return True
    return False


def _equals(invoice: Invoice, amount: Money) -> bool:
    return amount.minor > 0 and amount in (invoice.open, invoice.total)


def lookalikes(books: AccountBooks, invoice: Invoice, *, policy: Policy, today: date) -> tuple[str, ...]:
    """What looks like the payment of `invoice`, in plain words; empty when nothing does."""
    since = today - timedelta(days=policy.lookalike_days)
    found = (*_payments(books, invoice, since), *_deposits(books, invoice, since), *_sales(books, invoice, since))
    return tuple(dict.fromkeys(found))


def _payments(books: AccountBooks, invoice: Invoice, since: date) -> Iterator[str]:
    for payment in books.payments:
        if payment.status not in COUNTED_PAYMENTS or payment.unapplied.minor <= 0 or payment.paid_on < since:
            continue
        named = names_invoice(invoice, payment.reference, payment.memo)  # in whatever currency: its amount says nothing then
        if named or _equals(invoice, payment.unapplied):
            yield f"a payment of {payment.unapplied} from {payment.paid_on} is not applied and looks like this one's"


def _deposits(books: AccountBooks, invoice: Invoice, since: date) -> Iterator[str]:
    mine = {(party.connection, party.ref) for party in books.parties}
    for deposit in books.deposits:
        if deposit.deposited_on < since:
            continue
        for line in deposit.lines:
            if line.payment_ref is not None or line.posting not in _SUSPECT:
                continue
            named = names_invoice(invoice, line.memo, deposit.memo)
            ours = (deposit.connection, line.party_ref) in mine
            if named or (ours and _equals(invoice, line.amount)):
                where = line.posted_to or line.posting
                yield f"a deposit of {line.amount} from {deposit.deposited_on}, posted to {where}, looks like its payment"


def _sales(books: AccountBooks, invoice: Invoice, since: date) -> Iterator[str]:
    for sale in books.sales:
        if sale.sold_on >= since and sale.status is not DocumentStatus.VOID and _equals(invoice, sale.amount):
            yield f"a sale of {sale.amount} from {sale.sold_on}, paid at once, looks like its payment"
