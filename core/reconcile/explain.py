"""Why the PSA, the books and duesync state different balances for one client: every cent has a cause or stays unexplained.

psa - ours = sum of the causes, exactly, per currency: each invoice of either side stands in exactly one group of invoices that
are one bill, and each group's difference is split without a rest. What the books' own customer records state is a figure of
theirs: a difference between it and their own transactions has no cause that could be derived, so it is never plugged
(product.md D2, E38); records of just that amount are named as a hint.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from core.books import COUNTED_PAYMENTS, AccountBooks, Books
from core.money import Money, total
from core.reconcile.cross_system import linked, pairs
from core.reconcile.desk import Desk
from core.reconcile.rules import ReconcileRules
from core.reconcile.world import LIVE, Source, World
from core.records import (
    CreditNote,
    Deposit,
    DocumentStatus,
    Invoice,
    Payment,
    Posting,
    Record,
    RecordKey,
    Ref,
    Stream,
    key_of,
)


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
    CREDIT_NOT_IN_PSA = "credit_not_in_psa"
    PAID_ONLY_IN_PSA = "paid_only_in_psa"
    VOID_ON_ONE_SIDE = "void_on_one_side"
    AMBIGUOUS = "ambiguous"
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
    """One client in one currency. `psa` or `stated` is None where no system says it; `ours` is core.books' net balance.

    `hints` are records of exactly the amount that `unexplained_stated` leaves open: worth a look, and no more.
    """

    account: str
    currency: str
    psa: Money | None
    stated: Money | None
    ours: Money
    differences: tuple[Difference, ...]
    unexplained: Money
    unexplained_stated: Money
    hints: tuple[RecordKey, ...] = ()

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
    beyond = stated - ours if stated is not None else zero
    return Explanation(
        account=desk.books.account.id,
        currency=currency,
        psa=psa,
        stated=stated,
        ours=ours,
        differences=differences,
        unexplained=psa - ours - explained if psa is not None else zero,
        unexplained_stated=beyond,
        hints=tuple(sorted(_of_amount(desk, abs(beyond)))) if beyond else (),
    )


def _psa_total(desk: Desk, currency: str) -> Money | None:
    """What the PSA's invoices say is open; None where the account is not in both a PSA and books."""
    psas = {psa for psa, _ in pairs(desk)}
    if not psas:
        return None
    mine = [item for item in desk.books.invoices if item.connection in psas]
    return Money(_open_in_psa(mine, currency), currency)


def _open_in_psa(invoices: Iterable[Invoice], currency: str) -> int:
    return sum(item.open.minor for item in invoices if item.status in LIVE and item.open.currency == currency)


def _open_in_books(invoices: Iterable[Invoice], currency: str) -> int:
    """As core.books counts them: issued, and something owed."""
    owed = (item for item in invoices if item.status is DocumentStatus.OPEN and item.open.minor > 0)
    return sum(item.open.minor for item in owed if item.open.currency == currency)


def _stated(books: AccountBooks, ledger: frozenset[str], currency: str) -> Money | None:
    """The sum of what the books' own party records state; None unless each of them states a balance."""
    mine = [party for party in books.parties if party.connection in ledger]
    balances = [party.balance for party in mine if party.balance is not None]
    if not mine or len(balances) < len(mine):
        return None
    return total((item for item in balances if item.currency == currency), currency)


def _of_amount(desk: Desk, amount: Money) -> Iterator[RecordKey]:
    """Ledger records of this amount, or with this much left: the likeliest places to look for an unexplained rest."""
    books = desk.books
    for item in (*books.invoices, *books.payments, *books.credit_notes, *books.adjustments, *books.sales, *books.refunds):
        sums = {getattr(item, name, None) for name in ("amount", "total", "open", "unapplied", "remaining")}
        if item.connection in desk.ledger and {amount, -amount} & sums:
            yield key_of(item)


# ── invoices ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class _Group:
    """Invoices of both sides that are one bill. `unsure`: a number points to two of them."""

    psa: tuple[Invoice, ...]
    books: tuple[Invoice, ...]
    unsure: bool

    @property
    def everything(self) -> tuple[Invoice, ...]:
        return (*self.psa, *self.books)


def _differences(desk: Desk, currency: str) -> Iterator[Difference]:
    for group in _groups(desk):
        yield from _of_group(desk, group, currency)
    yield from _cash(desk, currency)


def _groups(desk: Desk) -> Iterator[_Group]:
    """Every invoice of the account's PSAs and books in exactly one group, however many systems the client is billed in."""
    psas, ledger = {psa for psa, _ in pairs(desk)}, {books for _, books in pairs(desk)}
    mine = {key_of(item): item for item in desk.books.invoices if item.connection in psas | ledger}
    root: dict[RecordKey, RecordKey] = {key: key for key in mine}

    def find(key: RecordKey) -> RecordKey:
        while root[key] != key:
            root[key] = root[root[key]]
            key = root[key]
        return key

    unsure: set[RecordKey] = set()
    for psa, books in pairs(desk):
        links = linked(desk, psa, books)
        for members in (*((*link.left, *link.right) for link in links.links), *((one, *two) for one, two in links.ambiguous)):
            for item in members[1:]:
                root[find(key_of(item))] = find(key_of(members[0]))
        unsure.update(key_of(item) for item, _ in links.ambiguous)
    groups: dict[RecordKey, list[Invoice]] = defaultdict(list)
    for key in sorted(mine):
        groups[find(key)].append(mine[key])
    for items in groups.values():
        yield _Group(
            psa=tuple(item for item in items if item.connection in psas),
            books=tuple(item for item in items if item.connection in ledger),
            unsure=any(key_of(item) in unsure for item in items),
        )


def _difference(cause: Cause, minor: int, currency: str, on: date, *records: Record) -> Difference:
    keys = dict.fromkeys(key_of(item) for item in records)
    return Difference(cause=cause, amount=Money(minor, currency), records=tuple(keys), on=on)


def _of_group(desk: Desk, group: _Group, currency: str) -> Iterator[Difference]:
    """Split the difference of the open amounts into the difference of the totals and that of the payments."""
    everything = group.everything
    apart = _open_in_psa(group.psa, currency) - _open_in_books(group.books, currency)
    if not apart:
        return
    on = min(item.issued_on for item in everything)
    alone = Cause.AMBIGUOUS if group.unsure else None
    if any(item.status is DocumentStatus.VOID for item in everything) and len(everything) > 1:
        alone = alone or Cause.VOID_ON_ONE_SIDE
    if not (group.psa and group.books):
        alone = alone or (Cause.ONLY_IN_PSA if group.psa else Cause.ONLY_IN_BOOKS)
    if alone is not None:
        yield _difference(alone, apart, currency, on, *everything)
        return
    totals = _total(group.psa, currency) - _total(group.books, currency)
    if totals:
        cause = Cause.TAX_ROUNDING if abs(totals) <= desk.world.rules.tax_rounding_minor else Cause.AMOUNT_DIFFERS
        yield _difference(cause, totals, currency, on, *everything)
    if paid := apart - totals:
        sources = _settled_by(desk, group)
        yield _difference(_cause_of_payment(paid, sources), paid, currency, on, *everything, *sources)


def _settled_by(desk: Desk, group: _Group) -> tuple[Source, ...]:
    """What the books applied to these invoices."""
    return tuple(item.source for invoice in group.books for item in desk.applied(invoice))


def _cause_of_payment(paid: int, sources: tuple[Source, ...]) -> Cause:
    if paid < 0:
        return Cause.PAID_ONLY_IN_PSA
    credited = sources and all(isinstance(item, CreditNote) or not _is_cash(item) for item in sources)
    return Cause.CREDIT_NOT_IN_PSA if credited else Cause.PAYMENT_NOT_IN_PSA


def _is_cash(source: Source) -> bool:
    return isinstance(source, Payment) and source.amount.minor > 0


def _total(invoices: tuple[Invoice, ...], currency: str) -> int:
    return sum(item.total.minor for item in invoices if item.total.currency == currency)


# ── cash ────────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _cash(desk: Desk, currency: str) -> Iterator[Difference]:
    """What the books take off the balance that no invoice shows, with the signs of core.books.NetBalance."""
    books, ledger = desk.books, desk.ledger
    for payment in books.payments:
        if payment.connection in ledger and payment.status in COUNTED_PAYMENTS and _some(payment.unapplied, currency):
            cause = Cause.FUTURE_DATED if payment.paid_on > desk.world.today else Cause.UNAPPLIED_PAYMENT
            yield _difference(cause, payment.unapplied.minor, currency, payment.paid_on, payment)
    for note in books.credit_notes:
        if note.connection in ledger and note.status in LIVE and _some(note.remaining, currency):
            yield _difference(Cause.UNAPPLIED_CREDIT, note.remaining.minor, currency, note.issued_on, note)
    for item in books.adjustments:
        if item.connection in ledger and _some(item.remaining, currency):
            yield _difference(Cause.ADJUSTMENT, -item.remaining.minor, currency, item.adjusted_on, item)
    yield from _direct_deposits(desk, currency)


def _direct_deposits(desk: Desk, currency: str) -> Iterator[Difference]:
    """Deposits posted to receivables, less what payments carried of them to invoices since."""
    left: dict[tuple[str, Ref], int] = defaultdict(int)
    behind: dict[tuple[str, Ref], list[Deposit | Payment]] = defaultdict(list)
    for line in desk.direct_lines:
        deposit = line.deposit
        if line.line.posting is Posting.RECEIVABLE and deposit.connection in desk.ledger and _some(line.line.amount, currency):
            left[(deposit.connection, deposit.ref)] += line.line.amount.minor
            behind[(deposit.connection, deposit.ref)].append(deposit)
    for payment in desk.books.payments:
        for use in payment.credits_used if payment.connection in desk.ledger else ():
            if use.stream is Stream.DEPOSITS and _some(use.amount, currency):
                left[(payment.connection, use.ref)] -= use.amount.minor
                behind[(payment.connection, use.ref)].append(payment)
    for place, minor in left.items():
        if minor:
            days = [item.deposited_on if isinstance(item, Deposit) else item.paid_on for item in behind[place]]
            yield _difference(Cause.DIRECT_DEPOSIT, minor, currency, min(days), *behind[place])


def _some(amount: Money, currency: str) -> bool:
    return amount.currency == currency and amount.minor != 0
