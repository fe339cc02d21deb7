"""Habits of a whole connection that decide whether an absence means anything: does it deposit everything, is it a mirror?

They are the only facts of the reconciler that no single account holds. `conventions` gives them as one comparable value, so
that a caller who examines only changed accounts can tell when a habit changed and a full pass is due.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from core.books import COUNTED_PAYMENTS
from core.reconcile.world import World
from core.records import Posting, Role

_LEAST_OLD = 10  # payments needed before a habit can be told


def deposits_everything(world: World) -> frozenset[str]:
    """Books in which (nearly) every old payment stands in a deposit line, so that the few others are undeposited."""
    if "deposits" not in world.memory:
        world.memory["deposits"] = frozenset(_depositing(world))
    result: frozenset[str] = world.memory["deposits"]
    return result


def _depositing(world: World) -> list[str]:
    limit = world.today - timedelta(days=world.rules.undeposited_days)
    old: Counter[str] = Counter()
    banked: Counter[str] = Counter()
    for books in world.books.all():
        for payment in books.payments:
            if payment.paid_on >= limit or payment.status not in COUNTED_PAYMENTS or payment.amount.minor <= 0:
                continue
            old[payment.connection] += 1
            lines = world.lines_of_payment.get((payment.connection, payment.ref), ())
            banked[payment.connection] += any(item.line.posting is not Posting.UNDEPOSITED for item in lines)
    return [
        connection
        for connection, count in sorted(old.items())
        if count >= _LEAST_OLD
        and banked[connection] >= count * world.rules.undeposited_share
        and world.role(connection) is Role.BOOKS
    ]


def conventions(world: World) -> Mapping[str, tuple[str, ...]]:
    """All of them, JSON-plain."""
    return {
        "deposits_everything": tuple(sorted(deposits_everything(world))),
        "keeps_allocations": tuple(sorted(world.keeps_allocations)),
    }
