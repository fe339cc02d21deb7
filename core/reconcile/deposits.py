"""Money in the bank that never reached its invoice: income that equals an open invoice, cash that nobody deposited.

A deposit is the payment of an invoice when it names the client (by party, by name or by invoice number in its memo) and
equals what one invoice, or a few together, still owe; without any name only when its amount is telling and owed by exactly
one invoice of all. Sources: vendors/quickbooks.md R7-R9, xero.md R3, product.md E2, D4.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from core.findings import Finding, FindingKind, Severity
from core.money import Money
from core.reconcile import wording
from core.reconcile.allocations import parties_named
from core.reconcile.conventions import banked_until, reached_bank
from core.reconcile.desk import Desk
from core.reconcile.evidence import called, money_fact, telling
from core.reconcile.world import Line, World
from core.records import Deposit, DocumentStatus, Invoice, Payment, PaymentStatus, Posting, Ref, Role, Sale, key_of

_EARLY = timedelta(days=7)  # deposits are sometimes booked before the invoice they pay
_NAMED_LONGER = 4  # money that names the client or the invoice may come this many times later
_MOST_TOGETHER = 3
_MOST_CANDIDATES = 12  # invoices tried together; beyond that sums of three prove nothing


@dataclass(frozen=True, slots=True)
class _Income:
    """Money booked as income: a deposit line or a sales receipt."""

    record: Deposit | Sale
    amount: Money
    on: date
    party: Ref | None
    memo: str
    posted_to: str


def deposits_to_income(desk: Desk) -> Iterator[Finding]:
    """Income that is this client's payment of what is still open."""
    used: set[object] = set()
    for income in sorted(_mine(desk), key=lambda item: (item.on, item.record.ref)):
        chosen = _fitting(desk, income, used)
        if chosen:
            used.update(key_of(item) for item in chosen)
            yield _to_income(desk, income, chosen, 0.95 if income.party is not None and len(chosen) == 1 else 0.85)
    yield from _nameless(desk, used)


def _mine(desk: Desk) -> Iterator[_Income]:
    """Income that names this client."""
    for line in desk.direct_lines:
        yield from _income(line)
    for sale in desk.books.sales:
        if sale.connection in desk.ledger and sale.posting is not Posting.RECEIVABLE and sale.status is not DocumentStatus.VOID:
            yield _Income(sale, sale.amount, sale.sold_on, sale.party_ref, sale.memo or "", sale.posted_to or "income")
    yield from named_income(desk.world).get(desk.account or "", ())


def _income(line: Line) -> Iterator[_Income]:
    item = line.line
    if item.posting is Posting.INCOME and item.amount.minor > 0:
        memo = " ".join(dict.fromkeys(filter(None, (item.memo, line.deposit.memo))))
        yield _Income(
            line.deposit, item.amount, line.deposit.deposited_on, item.party_ref, memo, item.posted_to or str(item.posting)
        )


def named_income(world: World) -> Mapping[str, tuple[_Income, ...]]:
    """Income without a party whose memo names exactly one client, by that client; computed once per world."""
    if "named_income" not in world.memory:
        found: dict[str, list[_Income]] = defaultdict(list)
        for line in world.lines_of_account.get(None, ()):
            for income in _income(line):
                client = _client_named(world, income) if income.party is None else None
                if client is not None:
                    found[client].append(income)
        world.memory["named_income"] = {account: tuple(items) for account, items in found.items()}
    result: Mapping[str, tuple[_Income, ...]] = world.memory["named_income"]
    return result


def _client_named(world: World, income: _Income) -> str | None:
    """The one client the memo names by number or name; of several with that name, the only one that owes the amount."""
    connection = income.record.connection
    named = {world.account_of(invoice) for invoice, how in world.named_in(connection, income.memo) if how.telling}
    named |= {world.account(party.connection, party.ref) for party in parties_named(world, connection, income.memo)}
    clients = sorted(account for account in named if account is not None)
    if len(clients) > 1:
        clients = [
            item for item in clients if any(bill.open == income.amount for bill in world.books.accounts[item].open_invoices())
        ]
    return clients[0] if len(clients) == 1 else None


def _fitting(desk: Desk, income: _Income, used: set[object]) -> tuple[Invoice, ...]:
    """The invoices this money pays: the named one, the equal one, or the few that add up to it."""
    open_now = [
        item
        for item in desk.open_invoices
        if item.connection == income.record.connection
        and item.open.currency == income.amount.currency
        and key_of(item) not in used
        and _in_time(desk.world, income, item, named=True)
    ]
    equal = [item for item in open_now if item.open == income.amount]
    if equal:
        named = {key_of(invoice) for invoice, how in desk.world.named_in(income.record.connection, income.memo) if how.telling}
        return (min(equal, key=lambda item: (key_of(item) not in named, _distance(income, item), item.ref)),)
    for count in range(2, _MOST_TOGETHER + 1):
        sums = [
            group
            for group in itertools.combinations(open_now[:_MOST_CANDIDATES], count)
            if sum(item.open.minor for item in group) == income.amount.minor
        ]
        if len(sums) == 1:
            return sums[0]
    return ()


def _in_time(world: World, income: _Income, invoice: Invoice, *, named: bool) -> bool:
    days = world.rules.income_deposit_days * (_NAMED_LONGER if named else 1)
    return invoice.issued_on - _EARLY <= income.on <= (invoice.due_on or invoice.issued_on) + timedelta(days=days)


def _distance(income: _Income, invoice: Invoice) -> int:
    return abs((income.on - (invoice.due_on or invoice.issued_on)).days)


def _nameless(desk: Desk, used: set[object]) -> Iterator[Finding]:
    """Income without any name whose telling amount exactly one open invoice of all clients owes, and it is this client's."""
    for invoice in desk.open_invoices:
        if key_of(invoice) in used or not telling(invoice.open):
            continue
        lines = nameless_income(desk.world).get((invoice.connection, invoice.open), ())
        fits = [item for item in lines if _in_time(desk.world, item, invoice, named=False)]
        if len(fits) == 1 and desk.world.open_amounts.get((invoice.connection, invoice.open), 0) == 1:
            yield _to_income(desk, fits[0], (invoice,), 0.7)


def nameless_income(world: World) -> Mapping[tuple[str, Money], tuple[_Income, ...]]:
    """Income that names nobody, by connection and amount; computed once per world."""
    if "nameless" not in world.memory:
        found: dict[tuple[str, Money], list[_Income]] = defaultdict(list)
        for line in world.lines_of_account.get(None, ()):
            for income in _income(line):
                if income.party is None and not income.memo.strip():
                    found[(income.record.connection, income.amount)].append(income)
        world.memory["nameless"] = {key: tuple(items) for key, items in found.items()}
    result: Mapping[tuple[str, Money], tuple[_Income, ...]] = world.memory["nameless"]
    return result


def _to_income(desk: Desk, income: _Income, invoices: tuple[Invoice, ...], confidence: float) -> Finding:
    desk.told_invoices.update(key_of(item) for item in invoices)
    names = ", ".join(called(item) for item in invoices)
    word = "Sales receipt" if isinstance(income.record, Sale) else "Deposit"
    return desk.find(
        FindingKind.DEPOSIT_TO_INCOME,
        (income.record, *invoices),
        at_stake=income.amount,
        confidence=confidence,
        severity=Severity.HIGH,
        what=f"{word} {called(income.record)} over {income.amount} went to {income.posted_to}; invoice {names} is still open.",
        proposal=wording.income_to_receivable(desk.system(income.record.connection), called(income.record), names),
        more={"amount": money_fact(income.amount), "on": income.on.isoformat(), "memo": income.memo},
    )


def stale_undeposited(desk: Desk) -> Iterator[Finding]:
    """Payments that sit in Undeposited Funds for longer than the rule allows."""
    for payment in desk.payments:
        if payment.status is PaymentStatus.RECEIVED and _undeposited(desk, payment):
            yield _stale(desk, payment)


def _undeposited(desk: Desk, payment: Payment) -> bool:
    """Does the vendor say so, does a line say so, or was it passed over where every payment is deposited?"""
    late = payment.paid_on < desk.world.today - timedelta(days=desk.world.rules.undeposited_days)
    if payment.deposited is not None:
        return late and not payment.deposited
    if desk.world.role(payment.connection) is not Role.BOOKS:
        return False
    lines = desk.world.lines_of_payment.get((payment.connection, payment.ref), ())
    if lines:
        return late and not any(reached_bank(desk.world, item) for item in lines)
    until = banked_until(desk.world).get(payment.connection)
    return until is not None and payment.paid_on <= until and key_of(payment) not in desk.told_payments


def _stale(desk: Desk, payment: Payment) -> Finding:
    days = (desk.world.today - payment.paid_on).days
    said = payment.deposited is False
    return desk.find(
        FindingKind.STALE_UNDEPOSITED,
        (payment,),
        at_stake=payment.amount,
        confidence=0.95 if said else 0.85,
        severity=Severity.LOW,
        what=f"Payment {called(payment)} over {payment.amount} is in no bank deposit after {days} days.",
        proposal=wording.deposit_it(desk.system(payment.connection), called(payment)),
        more={"days": days},
    )
