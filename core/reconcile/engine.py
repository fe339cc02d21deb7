"""Books in, findings out. Pure: the same books on the same day give the same findings, in the same order.

Families run in a fixed order per account, the most specific fault first (see `core.reconcile.desk`). `accounts` restricts the
pass: the findings of those accounts are exactly the ones a full pass would give them. None stands among them for what belongs
to no account: unreadable rows and the cash of strangers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date

from core.books import Books
from core.findings import Finding
from core.reconcile.allocations import (
    allocations_to_void,
    currency_mismatches,
    foreign_documents,
    misapplied_parties,
    misapplied_payments,
    reversed_payments,
)
from core.reconcile.balances import balance_mismatches
from core.reconcile.billing import billing_gaps
from core.reconcile.cash import overpayments, short_payments, unapplied_credits, unapplied_payments
from core.reconcile.cross_system import cross_system
from core.reconcile.deposits import deposits_to_income, stale_undeposited
from core.reconcile.desk import Desk
from core.reconcile.duplicate_invoices import duplicate_invoices
from core.reconcile.duplicate_payments import duplicate_payments
from core.reconcile.malformed import malformed_records
from core.reconcile.parties import ambiguous_links, duplicate_parties
from core.reconcile.rules import ReconcileRules
from core.reconcile.strangers import strangers_money
from core.reconcile.world import World

Family = Callable[[Desk], Iterable[Finding]]

# The order decides which of two stories about one record is told: see each family's claims.
FAMILIES: tuple[Family, ...] = (
    duplicate_invoices,
    duplicate_payments,
    currency_mismatches,
    foreign_documents,
    allocations_to_void,
    reversed_payments,
    misapplied_payments,
    misapplied_parties,
    overpayments,
    strangers_money,
    unapplied_payments,
    balance_mismatches,
    unapplied_credits,
    deposits_to_income,
    short_payments,
    stale_undeposited,
    cross_system,
    billing_gaps,
    duplicate_parties,
    ambiguous_links,
)


def reconcile(
    books: Books,
    *,
    today: date,
    rules: ReconcileRules | None = None,
    accounts: Collection[str | None] | None = None,
    systems: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Everything that does not add up in `books` on `today`, sorted by account, kind and subjects.

    `books` must hold every account even when `accounts` examines only some: faults reach across accounts. `systems` maps a
    connection to its vendor ("quickbooks", "xero", "connectwise", "csv") and only chooses the words of proposals.
    """
    world = World(books=books, today=today, rules=rules or ReconcileRules.model_validate({}), systems=systems or {})
    found = [*_examined(world, accounts)]
    return tuple(sorted(found, key=_order))


def _examined(world: World, accounts: Collection[str | None] | None) -> Iterator[Finding]:
    for name, books in world.books.accounts.items():
        if accounts is None or name in accounts:
            yield from examine(Desk(world, name, books))
    if accounts is None or None in accounts:
        yield from examine(Desk(world, None, world.books.unassigned))
        yield from malformed_records(world)


def examine(desk: Desk) -> Iterator[Finding]:
    """The findings of one account."""
    for family in FAMILIES:
        yield from family(desk)


def _order(finding: Finding) -> tuple[str, str, tuple[str, ...]]:
    return (finding.account or "", str(finding.kind), tuple(str(subject) for subject in finding.subjects))
