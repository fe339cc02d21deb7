"""How a payment is spread over the invoices it settles: in full, in proportion for a rate, else the oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.matching.likelihood import Evidence
from core.matching.search import Hypothesis


def shares_of(best: Hypothesis, wants: Sequence[int], amount: int) -> tuple[tuple[int, int], ...]:
    """How `amount` is spread over the invoices: in full where it suffices, in proportion for a percentage, else oldest first."""
    owed = [(bill, wants[bill]) for bill in best.bills]
    total = sum(want for _, want in owed)
    if amount >= total:
        return tuple(owed)
    if best.explained.evidence in (Evidence.DISCOUNT, Evidence.WITHHOLDING) and len(owed) > 1:
        return _in_proportion(owed, amount, total)
    if best.explained.evidence in (Evidence.FEE, Evidence.NEAR, Evidence.CREDIT):
        short = total - amount
        largest = max(range(len(owed)), key=lambda at: (owed[at][1], -at))
        if owed[largest][1] > short:
            return tuple((bill, want - (short if at == largest else 0)) for at, (bill, want) in enumerate(owed))
    return tuple(_in_turn(owed, amount))


def _in_proportion(wants: Sequence[tuple[int, int]], amount: int, total: int) -> tuple[tuple[int, int], ...]:
    """Rounded down each, the units left over to the first ones that still have room."""
    shares = [(bill, want * amount // total) for bill, want in wants]
    over = amount - sum(share for _, share in shares)
    spread = [(bill, share + (1 if at < over else 0)) for at, (bill, share) in enumerate(shares)]
    return tuple((bill, share) for bill, share in spread if share)


def _in_turn(wants: Iterable[tuple[int, int]], amount: int) -> Iterable[tuple[int, int]]:
    for bill, want in wants:
        share = min(want, amount)
        if share <= 0:
            return
        amount -= share
        yield bill, share
