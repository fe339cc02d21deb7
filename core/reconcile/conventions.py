"""Habits of a whole connection that decide whether an absence means anything: does it deposit everything, is it a mirror?

They are the only facts of the reconciler that no single account holds. `conventions` gives them as one comparable value, so
that a caller who examines only changed accounts can tell when a habit changed and a full pass is due.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from hashlib import sha256

from core.books import COUNTED_PAYMENTS
from core.linking.numbers import invoice_marks
from core.reconcile.world import LIVE, World
from core.records import Invoice, Posting, Role

_LEAST_OLD = 10  # payments needed before a habit can be told


def banked_until(world: World) -> Mapping[str, date]:
    """Books in which (nearly) every payment stands in a deposit line, with the day until which the others are overdue there.

    That day is the Monday `undeposited_days` before the last deposit: what was paid by then and is in no deposit was passed
    over while later money went to the bank. Books nobody has updated for months do not make their last week stale.
    """
    if "banked_until" not in world.memory:
        world.memory["banked_until"] = dict(_depositing(world))
    result: Mapping[str, date] = world.memory["banked_until"]
    return result


def _depositing(world: World) -> Iterator[tuple[str, date]]:
    days = timedelta(days=world.rules.undeposited_days)
    until: dict[str, date] = {}
    for item in world.lines:
        if item.line.payment_ref is not None and item.line.posting is not Posting.UNDEPOSITED:
            last = min(item.deposit.deposited_on, world.today) - days
            until[item.deposit.connection] = max(last, until.get(item.deposit.connection, last))
    old: Counter[str] = Counter()
    banked: Counter[str] = Counter()
    for books in world.books.all():
        for payment in books.payments:
            limit = until.get(payment.connection)
            if limit is None or payment.paid_on > limit or payment.status not in COUNTED_PAYMENTS or payment.amount.minor <= 0:
                continue
            old[payment.connection] += 1
            lines = world.lines_of_payment.get((payment.connection, payment.ref), ())
            banked[payment.connection] += any(item.line.posting is not Posting.UNDEPOSITED for item in lines)
    for connection, count in sorted(old.items()):
        usual = count >= _LEAST_OLD and banked[connection] >= count * world.rules.undeposited_share
        if usual and world.role(connection) is Role.BOOKS:
            yield connection, until[connection] - timedelta(days=until[connection].weekday())


def mirrors(world: World, here: str, there: str) -> bool:
    """Are (nearly) all invoices of one connection in the other as well, so that an absence means something?"""
    return (here, there) in _mirrors(world)


def _mirrors(world: World) -> frozenset[tuple[str, str]]:
    if "mirrors" not in world.memory:
        connections = sorted({connection for connection, _ in world.invoices})
        world.memory["mirrors"] = frozenset(
            (here, there)
            for here in connections
            for there in connections
            if {world.role(here), world.role(there)} == {Role.BOOKS, Role.PSA} and _mirrored(world, here, there)
        )
    result: frozenset[tuple[str, str]] = world.memory["mirrors"]
    return result


def _mirrored(world: World, here: str, there: str) -> bool:
    began = world.first_invoices.get(there)
    late = world.today - timedelta(days=world.rules.cross_system_grace_days)
    seen = _keys(world, world.role(there))
    counted = found = 0
    for (connection, _), invoice in world.invoices.items():
        if connection != here or invoice.status not in LIVE or invoice.total.minor <= 0 or not _in_both(world, invoice, there):
            continue
        if began is not None and began <= invoice.issued_on <= late:
            counted += 1
            found += bool(invoice_marks(invoice) & seen)
    return counted > 0 and found >= counted * world.rules.mirrored_share


def _in_both(world: World, invoice: Invoice, there: str) -> bool:
    """Does the invoice's client have a record in the other system too?"""
    account = world.account_of(invoice)
    return account is not None and any(key.connection == there for key in world.books.accounts[account].account.parties)


def _keys(world: World, role: Role) -> set[str]:
    """Marks of every invoice on one side: a firm with two companies keeps each invoice in one of them."""
    return {mark for (name, _), invoice in world.invoices.items() if world.role(name) is role for mark in invoice_marks(invoice)}


def tracks_payments(world: World, psa: str) -> bool:
    """Does this PSA learn of payments at all? One where nothing was ever paid would only repeat one finding for every invoice."""
    if "tracking" not in world.memory:
        world.memory["tracking"] = frozenset(
            connection
            for (connection, _), invoice in world.invoices.items()
            if invoice.status in LIVE and 0 <= invoice.open.minor < invoice.total.minor
        )
    result: frozenset[str] = world.memory["tracking"]
    return psa in result


def conventions(world: World) -> Mapping[str, tuple[str, ...]]:
    """All of them, JSON-plain."""
    return {
        "deposits_everything": tuple(f"{name} until {day}" for name, day in sorted(banked_until(world).items())),
        "first_invoices": tuple(f"{name} {day}" for name, day in sorted(world.first_invoices.items())),
        "first_payments": tuple(f"{name} {day}" for name, day in sorted(world.first_payments.items())),
        "keeps_allocations": tuple(sorted(world.keeps_allocations)),
        "shows_credit_use": tuple(sorted(world.shows_credit_use)),
        "learns_of_payments": tuple(sorted(name for name in world.first_invoices if tracks_payments(world, name))),
        "names": (_names(world),),
        "mirrors": tuple(sorted(" > ".join(pair) for pair in _mirrors(world))),
    }


def _names(world: World) -> str:
    """All that clients are called and reached by, as one value: who else bears a name decides whether it says anything."""
    said = sha256()
    for (connection, ref), party in sorted(world.parties.items()):
        told = (connection, ref, party.name, party.legal_name, party.email, party.phone, party.parent_ref, party.active)
        said.update(repr(told).encode())
    return said.hexdigest()[:16]
