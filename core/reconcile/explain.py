"""Why the PSA, the books and duesync state different balances for one client: every cent has a cause or stays unexplained.

psa - ours = sum of the causes + unexplained, exactly, per currency; and likewise stated - ours for what the books' own party
records state. Nothing is plugged: an unexplained rest is shown as such (product.md D2, E38).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from core.books import COUNTED_PAYMENTS, AccountBooks, Books
from core.linking.invoices import InvoiceLink
from core.money import Money, total
from core.reconcile.cross_system import linked, pairs
from core.reconcile.desk import Desk
from core.reconcile.rules import ReconcileRules
from core.reconcile.world import LIVE, World
from core.records import DocumentStatus, Invoice, Posting, Record, RecordKey, key_of


class Cause(StrEnum):
    """Why a part of the difference exists."""

    UNAPPLIED_PAYMENT = "unapplied_payment"
    UNAPPLIED_CREDIT = "unapplied_credit"
    DIRECT_DEPOSIT = "direct_deposit"
    ADJUSTMENT = "adjustment"
    ONLY_IN_PSA = "only_in_psa"
    ONLY_IN_BOOKS = "only_in_books"
    TAX_ROUNDING = "tax_rounding"
    AMOUNT_DIFFERS = "amount_differs"
    PAYMENT_NOT_IN_PSA = "payment_not_in_psa"
    PAID_ONLY_IN_PSA = "paid_only_in_psa"
    VOID_ON_ONE_SIDE = "void_on_one_side"
    FUTURE_DATED = "future_dated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A part of the difference: `amount` is how much more the PSA states than we do. `on` is the record's day, for its age."""

    cause: Cause
    amount: Money
    records: tuple[RecordKey, ...]
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One client in one currency. `psa` or `stated` is None where no system says it; `ours` is core.books' net balance."""

    account: str
    currency: str
    psa: Money | None
    stated: Money | None
    ours: Money
    differences: tuple[Difference, ...]
    unexplained: Money
    unexplained_stated: Money

    @property
    def oldest_on(self) -> date | None:
        """The day of the oldest record behind the difference."""
        return min((item.on for item in self.differences), default=None)


def explain(books: Books, account: str, *, today: date, rules: ReconcileRules | None = None) -> tuple[Explanation, ...]:
    """An explanation per currency of the account. KeyError if `books` have no such account."""
    world = World(books=books, today=today, rules=rules or ReconcileRules.model_validate({}))
    desk = Desk(world, account, books.accounts[account])
    return tuple(_explain(desk, currency) for currency in desk.books.currencies)


def _explain(desk: Desk, currency: str) -> Explanation:
    ours = desk.books.balance(currency).net
    psa = _psa_total(desk, currency)
    differences = tuple(sorted(_differences(desk, currency), key=lambda item: (item.on, item.records))) if psa is not None else ()
    explained = total((item.amount for item in differences), currency)
    stated = _stated(desk.books, desk.ledger, currency)
    zero = Money.zero(currency)
    return Explanation(
        account=desk.books.account.id,
        currency=currency,
        psa=psa,
        stated=stated,
        ours=ours,
        differences=differences,
        unexplained=psa - ours - explained if psa is not None else zero,
        unexplained_stated=stated - ours if stated is not None else zero,
    )


def _psa_total(desk: Desk, currency: str) -> Money | None:
    """What the PSA's invoices say is open; None where the account is not in both a PSA and books."""
    psas = {psa for psa, _ in pairs(desk)}
    if not psas:
        return None
    return total((item.open for item in desk.books.invoices if item.connection in psas and _owes(item, currency)), currency)


def _owes(invoice: Invoice, currency: str) -> bool:
    return invoice.status in LIVE and invoice.open.currency == currency


def _stated(books: AccountBooks, ledger: frozenset[str], currency: str) -> Money | None:
    """The sum of what the books' own party records state; None unless each of them states a balance."""
    mine = [party for party in books.parties if party.connection in ledger]
    balances = [party.balance for party in mine if party.balance is not None]
    if not mine or len(balances) < len(mine):
        return None
    return total((item for item in balances if item.currency == currency), currency)


def _differences(desk: Desk, currency: str) -> Iterator[Difference]:
    for psa, books in pairs(desk):
        links = linked(desk, psa, books)
        for link in links.links:
            yield from _of_link(desk, link, currency)
        for invoice in links.left_only:
            if _owes(invoice, currency) and invoice.open.minor:
                yield _difference(Cause.ONLY_IN_PSA, invoice.open, invoice.issued_on, invoice)
        for invoice in links.right_only:
            if _owes(invoice, currency) and invoice.open.minor:
                yield _difference(Cause.ONLY_IN_BOOKS, -invoice.open, invoice.issued_on, invoice)
    yield from _cash(desk, currency)


def _difference(cause: Cause, amount: Money, on: date, *records: Record) -> Difference:
    return Difference(cause=cause, amount=amount, records=tuple(key_of(item) for item in records), on=on)


def _of_link(desk: Desk, link: InvoiceLink, currency: str) -> Iterator[Difference]:
    """Split the difference of the open amounts into the difference of the totals and that of the payments."""
    everything = (*link.left, *link.right)
    on = min(item.issued_on for item in everything)
    psa, books = (_open(side, currency) for side in (link.left, link.right))
    if psa == books:
        return
    if any(item.status is DocumentStatus.VOID for item in everything):
        yield _difference(Cause.VOID_ON_ONE_SIDE, Money(psa - books, currency), on, *everything)
        return
    totals = _total(link.left, currency) - _total(link.right, currency)
    if totals:
        cause = Cause.TAX_ROUNDING if abs(totals) <= desk.world.rules.tax_rounding_minor else Cause.AMOUNT_DIFFERS
        yield _difference(cause, Money(totals, currency), on, *everything)
    paid = psa - books - totals
    if paid:
        cause = Cause.PAYMENT_NOT_IN_PSA if paid > 0 else Cause.PAID_ONLY_IN_PSA
        yield _difference(cause, Money(paid, currency), on, *everything)


def _open(invoices: tuple[Invoice, ...], currency: str) -> int:
    return sum(item.open.minor for item in invoices if _owes(item, currency))


def _total(invoices: tuple[Invoice, ...], currency: str) -> int:
    return sum(item.total.minor for item in invoices if item.total.currency == currency)


def _cash(desk: Desk, currency: str) -> Iterator[Difference]:
    """What the books take off the balance that no invoice shows, with the signs of core.books.NetBalance."""
    books, ledger = desk.books, desk.ledger
    for payment in books.payments:
        if payment.connection in ledger and payment.status in COUNTED_PAYMENTS and _some(payment.unapplied, currency):
            cause = Cause.FUTURE_DATED if payment.paid_on > desk.world.today else Cause.UNAPPLIED_PAYMENT
            yield _difference(cause, payment.unapplied, payment.paid_on, payment)
    for note in books.credit_notes:
        if note.connection in ledger and note.status in LIVE and _some(note.remaining, currency):
            yield _difference(Cause.UNAPPLIED_CREDIT, note.remaining, note.issued_on, note)
    for item in books.adjustments:
        if item.connection in ledger and _some(item.remaining, currency):
            yield _difference(Cause.ADJUSTMENT, -item.remaining, item.adjusted_on, item)
    for line in desk.direct_lines:
        if line.line.posting is Posting.RECEIVABLE and line.deposit.connection in ledger and _some(line.line.amount, currency):
            yield _difference(Cause.DIRECT_DEPOSIT, line.line.amount, line.deposit.deposited_on, line.deposit)


def _some(amount: Money, currency: str) -> bool:
    return amount.currency == currency and amount.minor != 0
