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
from core.reconcile.world import LIVE, Line, World
from core.records import Invoice, Posting, Role

_LEAST_OLD = 10  # payments needed before a habit can be told
_TOLD_SHARE = 0.25  # of the share of invoices that the books show as paid


def reached_bank(world: World, item: Line) -> bool:
    """Does this deposit line say that its payment went to the bank?

    A line posted to Undeposited Funds says that the payment still lies there, unless the deposit bundles several payments (a
    trip to the bank) or most payments of these books stand in such lines: then the account named is where the money came from.
    """
    if item.line.posting is not Posting.UNDEPOSITED:
        return True
    bundled = sum(line.payment_ref is not None for line in item.deposit.lines) > 1
    return bundled or item.deposit.connection in _naming_the_source(world)


def _naming_the_source(world: World) -> frozenset[str]:
    if "naming_the_source" not in world.memory:
        held: Counter[str] = Counter()
        for (connection, _), lines in world.lines_of_payment.items():
            held[connection] += all(item.line.posting is Posting.UNDEPOSITED for item in lines)
        every = Counter(
            payment.connection
            for books in world.books.all()
            for payment in books.payments
            if payment.status in COUNTED_PAYMENTS and payment.amount.minor > 0
        )
        world.memory["naming_the_source"] = frozenset(name for name, count in held.items() if count * 2 > every[name])
    result: frozenset[str] = world.memory["naming_the_source"]
    return result


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
        if item.line.payment_ref is not None and reached_bank(world, item):
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
            banked[payment.connection] += any(reached_bank(world, item) for item in lines)
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
    """Does this PSA learn of payments at all? One where nothing is ever paid would repeat one finding for every invoice.

    Measured against the books: a PSA that shows far fewer of its invoices as paid than they do is not told of payments.
    """
    if "tracking" not in world.memory:
        billed: Counter[str] = Counter()
        paid: Counter[str] = Counter()
        for (connection, _), invoice in world.invoices.items():
            if invoice.status in LIVE and invoice.total.minor > 0:
                billed[connection] += 1
                paid[connection] += 0 <= invoice.open.minor < invoice.total.minor
        shares = {name: paid[name] / count for name, count in billed.items()}
        usual = min((share for name, share in shares.items() if world.role(name) is Role.BOOKS and share), default=0.0)
        world.memory["tracking"] = frozenset(name for name, share in shares.items() if share > usual * _TOLD_SHARE)
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
        "deposits_name_the_source": tuple(sorted(_naming_the_source(world))),
        "mirrors": tuple(sorted(" > ".join(pair) for pair in _mirrors(world))),
    }


def _names(world: World) -> str:
    """All that clients are called and reached by, as one value: who else bears a name decides whether it says anything."""
    said = sha256()
    for (connection, ref), party in sorted(world.parties.items()):
        told = (connection, ref, party.name, party.legal_name, party.email, party.phone, party.parent_ref, party.active)
        said.update(repr(told).encode())
    return said.hexdigest()[:16]
