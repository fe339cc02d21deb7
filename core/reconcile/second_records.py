"""Idle money of a client that stands in the books twice: what the client's other record owes may be what it paid.

The bookkeeper picked one of two records of one client, and the invoice stands with the other (E36). Nothing moves by itself:
the invoice is told beside the money, so that nobody is reminded of it before somebody looked. Money that fits what its own
record owes stays there. Sources: product.md E1, E36; vendors/quickbooks.md R4 (payments of one customer record cannot pay the
invoices of another).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from core.money import Money
from core.reconcile.desk import Desk
from core.reconcile.parties import repeated
from core.reconcile.sums import adding_up
from core.records import CreditNote, Invoice, Payment

_EARLY = timedelta(days=7)  # money that comes this long before its invoice is dated is still its payment


def owed_by_the_other_record(desk: Desk, source: Payment | CreditNote, idle: Money, on: date) -> tuple[Invoice, ...]:
    """Open invoices of the client's other records that `idle` money of `on` may pay: all of that amount, the few that add up
    to it, or everything they owe where it covers that. Empty where its own record owes this very amount.
    """
    if _own(desk, source, idle):
        return ()
    owed = _owed(desk, source, idle.currency, on)
    return _equal(owed, idle) or adding_up(owed, idle) or (tuple(owed) if 0 < _sum(owed) <= idle.minor else ())


def equal_of_the_other_record(desk: Desk, source: Payment | CreditNote, idle: Money, on: date) -> tuple[Invoice, ...]:
    """Only those of exactly this amount."""
    return () if _own(desk, source, idle) else _equal(_owed(desk, source, idle.currency, on), idle)


def _own(desk: Desk, source: Payment | CreditNote, idle: Money) -> bool:
    return any(item.connection == source.connection and item.open == idle for item in desk.open_invoices)


def _equal(owed: Sequence[Invoice], idle: Money) -> tuple[Invoice, ...]:
    return tuple(item for item in owed if idle in (item.open, item.total))


def _owed(desk: Desk, source: Payment | CreditNote, currency: str, on: date) -> list[Invoice]:
    twins = repeated(desk.world).get((source.connection, source.party_ref), frozenset()) if source.party_ref is not None else ()
    accounts = {desk.world.account(source.connection, ref) for ref in twins} - {None, desk.account}
    bills = (item for name in sorted(filter(None, accounts)) for item in desk.world.books.accounts[name].open_invoices(currency))
    return [
        item
        for item in bills
        if item.connection == source.connection and item.party_ref in twins and item.issued_on <= on + _EARLY
    ]


def _sum(bills: Sequence[Invoice]) -> int:
    return sum(item.open.minor for item in bills)
