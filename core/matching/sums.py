"""Which invoices add up to an amount: bounded searches that say when they stopped early.
`CitedSums` combines what a memo may name; `runs_worth`, `pairs_worth` and `triples_worth` look for sums among a client's open
invoices without any word to go by. Amounts are minor units. None looks at all subsets.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

MAX_FOUND = 24
NEAR_LIMIT = 3000
NEAR_STATES = 250


class Option(NamedTuple):
    """One reading of one place in a memo: `bill` wanting `amount`, said with `gain`, using the digit runs in `mask`."""

    bill: int
    amount: int
    gain: float
    mask: int


class Pick(NamedTuple):
    """Bills chosen for a payment, their sum, and the gain of the words (digit runs in `mask`) that name them."""

    total: int
    mask: int
    gain: float
    bills: tuple[int, ...]


_EMPTY = Pick(0, 0, 0.0, ())


class CitedSums:
    """Combinations of at most one option per place of a memo.

    Meets in the middle: each half of the places grows to `states` partial combinations at most, the best supported ones;
    `stopped` says whether some had to be dropped.
    """

    def __init__(self, groups: Sequence[Sequence[Option]], limit: int, states: int) -> None:
        """Only sums up to `limit` are kept."""
        ordered = sorted(groups, key=len)
        self._limit = limit
        self._left, left_stopped = _grow(ordered[::2], limit, states)
        self._right, right_stopped = _grow(ordered[1::2], limit, states)
        self.stopped = left_stopped or right_stopped
        self._near: tuple[list[Pick], list[Pick], list[int]] | None = None

    def worth(self, target: int) -> list[Pick]:
        """Combinations worth exactly `target`, best supported first."""
        by_total: dict[int, list[Pick]] = defaultdict(list)
        for pick in self._right:
            by_total[pick[0]].append(pick)
        found = [joined for one in self._left for two in by_total.get(target - one[0], ()) if (joined := _join(one, two))]
        return _best(found, MAX_FOUND)

    def best(self) -> list[Pick]:
        """The best supported combinations of any worth."""
        found = [joined for one in _top(self._left) for two in _top(self._right) if (joined := _join(one, two))]
        return _best([pick for pick in found if pick.bills and pick.total <= self._limit], MAX_FOUND)

    def worth_between(self, low: int, high: int) -> list[Pick]:
        """Combinations worth `low` to `high`, best supported first; looks at no more than NEAR_LIMIT of them."""
        left, right, totals = self._halves()
        found: list[Pick] = []
        for one in left:
            start = bisect_left(totals, low - one[0])
            end = bisect_right(totals, high - one[0])
            found += [joined for two in right[start:end] if (joined := _join(one, two)) and joined.bills]
            if len(found) > NEAR_LIMIT:
                self.stopped = True
                break
        return _best(found, MAX_FOUND)

    def _halves(self) -> tuple[list[Pick], list[Pick], list[int]]:
        """The best supported of each half, the right one by total, and those totals."""
        if self._near is None:
            right = sorted(_best(self._right, NEAR_STATES))
            self._near = _best(self._left, NEAR_STATES), right, [pick[0] for pick in right]
        return self._near


def _best(picks: list[Pick], count: int) -> list[Pick]:
    return heapq.nsmallest(count, picks, key=_by_gain) if len(picks) > 1 else picks


def _by_gain(pick: Pick) -> tuple[float, tuple[int, ...]]:
    return -pick[2], pick[3]


def _top(picks: list[Pick]) -> list[Pick]:
    """The best supported six, and none at all: the other half may say everything."""
    found = _best(picks, 6)
    return found if _EMPTY in found else [*found, _EMPTY]


def _join(one: Pick, two: Pick) -> Pick | None:
    if one[1] & two[1] or (one[3] and two[3] and not set(one[3]).isdisjoint(two[3])):
        return None
    return Pick(one[0] + two[0], one[1] | two[1], one[2] + two[2], one[3] + two[3])


def _grow(groups: Sequence[Sequence[Option]], limit: int, states: int) -> tuple[list[Pick], bool]:
    grown, stopped = [_EMPTY], False
    for group in groups:
        fresh = []
        for bill, amount, gain, mask in group:
            room = limit - amount
            for total, used, said, bills in grown:
                if used & mask:
                    continue
                if bill in bills:  # named twice, by number and by order: surer, not more money
                    fresh.append(Pick(total, used | mask, said + 0.5 * gain, bills))
                elif total <= room:
                    fresh.append(Pick(total + amount, used | mask, said + gain, (*bills, bill)))
        grown += fresh
        if len(grown) > states:
            grown = heapq.nsmallest(states, grown, key=_by_gain)
            stopped = True
    return grown, stopped


def runs_worth(amounts: Sequence[int], target: int) -> list[tuple[int, int]]:
    """(first, end) of every stretch of at least two neighbours that adds up to `target`."""
    found = []
    first = total = 0
    for end, amount in enumerate(amounts, 1):
        total += amount
        while total > target and first < end:
            total -= amounts[first]
            first += 1
        if total == target and end - first >= 2:
            found.append((first, end))
    return found[-MAX_FOUND:]


def pairs_worth(amounts: Sequence[int], target: int) -> list[tuple[int, int]]:
    """Positions of two that add up to `target`."""
    seen: dict[int, list[int]] = defaultdict(list)
    found: list[tuple[int, int]] = []
    for place, amount in enumerate(amounts):
        found += [(other, place) for other in seen.get(target - amount, ())]
        seen[amount].append(place)
        if len(found) >= MAX_FOUND:
            break
    return found[:MAX_FOUND]


def triples_worth(amounts: Sequence[int], target: int) -> list[tuple[int, int, int]]:
    """Positions of three that add up to `target`; stops at MAX_FOUND."""
    last_at: dict[int, list[int]] = defaultdict(list)
    for place, amount in enumerate(amounts):
        last_at[amount].append(place)
    found: list[tuple[int, int, int]] = []
    for first, one in enumerate(amounts):
        for second in range(first + 1, len(amounts)):
            rest = target - one - amounts[second]
            found += [(first, second, third) for third in last_at.get(rest, ()) if third > second]
        if len(found) >= MAX_FOUND:
            break
    return found[:MAX_FOUND]


def all_but_one(amounts: Sequence[int], target: int) -> list[tuple[int, int, int]]:
    """(first, end, left out) of stretches of three or more neighbours worth `target` without one inside: a disputed one."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, amount in enumerate(amounts):
        places[amount].append(place)
    found: list[tuple[int, int, int]] = []
    for first in range(len(amounts)):
        total = amounts[first]
        for end in range(first + 2, min(first + 14, len(amounts) + 1)):
            total += amounts[end - 1]
            found += [(first, end, out) for out in places.get(total - target, ()) if first < out < end - 1]
        if len(found) >= MAX_FOUND:
            break
    return found[:MAX_FOUND]
