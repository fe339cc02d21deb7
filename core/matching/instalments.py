"""Several payments that add up to one invoice, without a word to say so: bounded sums over a client's unexplained payments."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from core.matching.pools import Bill, Cash, Pool
from core.matching.sums import pairs_worth, runs_worth, triples_worth

MOST_PAYMENTS = 40
LONGEST = 400


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
