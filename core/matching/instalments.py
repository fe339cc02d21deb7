"""Instalments: invoices of which parts were paid are expected to be paid on, in like parts (`Begun`); and several payments that
add up to one invoice, without a word to say so: bounded sums over a client's unexplained payments.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

from core.matching.likelihood import SETTLING, Evidence, Explained, explain
from core.matching.pools import Bill, Cash, Pool
from core.matching.sums import pairs_worth, runs_worth, triples_worth

MOST_PAYMENTS = 40
LONGEST = 400
SOON = 100  # days between two parts; plans go by the week, the month or the quarter
ANY_PART = -2.0  # who pays in parts pays another part, of whatever size
LIKE_PART = -1.0  # or one like those before


class Begun:
    """What was paid on invoices that are settled in parts. A begun invoice is expected to be paid on whenever others fall due."""

    def __init__(self) -> None:
        self._parts: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
        self._of_pool: dict[int, set[int]] = defaultdict(set)
        self.fresh: set[int] = set()

    def note(self, pool: int, bill: int, cash: Cash, amount: int) -> None:
        """`cash` paid `amount` of a bill of `pool`, and more is to come."""
        self._parts[bill][cash.index] = amount, cash.paid
        self._of_pool[pool].add(bill)
        self.fresh.add(pool)

    def forget(self, bill: int, cash: int) -> None:
        """Payment `cash` is not for `bill` after all."""
        self._parts[bill].pop(cash, None)

    def of(self, pool: int, paid: int) -> list[int]:
        """Bills of `pool` of which a part was paid around `paid`."""
        return [bill for bill in sorted(self._of_pool.get(pool, ())) if self.lately(bill, paid)]

    def lately(self, bill: int, paid: int) -> bool:
        """Whether another part was paid within SOON days."""
        return any(abs(paid - day) <= SOON for _, day in self._parts.get(bill, {}).values())

    def again(self, bill: int, amount: int) -> bool:
        """Whether just this amount was paid on the bill before: perhaps it is the same money, sent twice."""
        return any(part == amount for part, _ in self._parts.get(bill, {}).values())

    def resumed(self, bills: Sequence[int], paid: int) -> bool:
        """Whether these are one bill of which a part was paid around `paid`."""
        return len(bills) == 1 and self.lately(bills[0], paid)

    def explain(self, bill: int, rest: int, paid: int, unit: int, *, named: bool) -> Explained:
        """As likelihood.explain for the `rest` of a begun bill: a part, perhaps short itself, is what was to be expected.

        Any part, where words name the bill; else only one like those before.
        """
        found = explain(rest, paid, unit)
        if found.evidence is not Evidence.PART:
            return found
        likely = [found.weight, ANY_PART - math.log(rest) if named else found.weight]
        for amount, _ in self._parts[bill].values():
            like = explain(max(amount, paid), min(amount, paid), unit)
            if like.evidence in SETTLING:
                likely.append(LIKE_PART + like.weight)
        return Explained(Evidence.PART, max(likely), found.detail)


def adding_up(pool: Pool, payments: Sequence[Cash], wants: Sequence[int]) -> Iterable[tuple[Bill, tuple[Cash, ...]]]:
    """(invoice, the payments that settle it together), oldest invoice first. No payment is offered twice."""
    waiting = sorted(payments, key=lambda cash: (cash.paid, cash.id))
    taken: set[int] = set()
    dates = [cash.paid for cash in waiting]
    for bill in pool.alive():
        start = bisect_left(dates, bill.issued) if bill.issued else 0
        end = bisect_right(dates, bill.issued + LONGEST) if bill.issued else len(waiting)
        near = [cash for cash in waiting[start:end] if cash.index not in taken][:MOST_PAYMENTS]
        found = _parts([cash.amount for cash in near], wants[bill.index])
        if found:
            chosen = tuple(near[place] for place in found)
            meant = _when_due(pool, wants[bill.index], chosen[0])
            taken.update(cash.index for cash in chosen)
            yield meant or bill, chosen


def _when_due(pool: Pool, amount: int, first: Cash) -> Bill | None:
    """Of several invoices that want `amount`, the one whose first part the client would have paid on that day."""
    here = pool.worth(amount)
    return max(here, key=lambda bill: (pool.habit.fit(bill.issued, bill.due, first.paid), -bill.issued), default=None)


def _parts(amounts: Sequence[int], target: int) -> tuple[int, ...]:
    """Positions that add up to `target`, if there is exactly one simplest way."""
    pairs = pairs_worth(amounts, target)
    if pairs:
        return pairs[0] if len(pairs) == 1 else ()
    runs = [found for found in runs_worth(amounts, target) if found[1] - found[0] <= 12]
    if len(runs) == 1:
        return tuple(range(*runs[0]))
    triples = triples_worth(amounts, target)
    return triples[0] if len(triples) == 1 else ()
