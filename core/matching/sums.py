"""Which invoices add up to an amount: bounded searches that say when they stopped early.
`pick_cited` combines what a memo may name; `runs_worth`, `pairs_worth` and `triples_worth` look for sums among a client's open
invoices without any word to go by. Amounts are minor units. None looks at all subsets.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

MAX_FOUND = 24


class Option(NamedTuple):
    """One reading of one place in a memo: `bill` wanting `amount`, said with `gain`, using the digit runs in `mask`."""

    bill: int
    amount: int
    gain: float
    mask: int


@dataclass(frozen=True, slots=True)
class Pick:
    """Bills chosen for a payment, their sum, and the gain of the words that name them."""

    bills: tuple[int, ...]
    total: int
    gain: float
    mask: int


_State = tuple[int, int, float, tuple[int, ...]]  # total, mask, gain, bills
_EMPTY: _State = (0, 0, 0.0, ())


def pick_cited(groups: Sequence[Sequence[Option]], target: int, limit: int, states: int) -> tuple[list[Pick], list[Pick], bool]:
    """Combinations of at most one option per group: those worth `target`, and the best supported of any worth up to `limit`.

    Meets in the middle: each half of the groups grows to `states` partial combinations at most, the best supported ones; the
    third value says whether some had to be dropped.
    """
    ordered = sorted(groups, key=len)
    left, left_stopped = _grow(ordered[::2], limit, states)
    right, right_stopped = _grow(ordered[1::2], limit, states)
    worth: dict[int, list[_State]] = defaultdict(list)
    for state in right:
        worth[state[0]].append(state)
    exact = [joined for one in left for two in worth.get(target - one[0], ()) if (joined := _join(one, two))]
    exact.sort(key=_by_gain)
    best = [
        joined for one in _top(left) for two in _top(right) if (joined := _join(one, two)) and joined[0] <= limit and joined[3]
    ]
    best.sort(key=_by_gain)
    return (
        [_pick(state) for state in exact[:MAX_FOUND]],
        [_pick(state) for state in best[:MAX_FOUND]],
        left_stopped or right_stopped,
    )


def _by_gain(state: _State) -> tuple[float, tuple[int, ...]]:
    return -state[2], state[3]


def _top(states: list[_State]) -> list[_State]:
    return heapq.nsmallest(6, states, key=_by_gain)


def _pick(state: _State) -> Pick:
    return Pick(state[3], state[0], state[2], state[1])


def _join(one: _State, two: _State) -> _State | None:
    if one[1] & two[1] or (one[3] and two[3] and not set(one[3]).isdisjoint(two[3])):
        return None
    return one[0] + two[0], one[1] | two[1], one[2] + two[2], one[3] + two[3]


def _grow(groups: Sequence[Sequence[Option]], limit: int, states: int) -> tuple[list[_State], bool]:
    grown, stopped = [_EMPTY], False
    for group in groups:
        fresh = []
        for option in group:
            bill, amount, gain, mask = option
            room = limit - amount
            for total, used, said, bills in grown:
                if used & mask:
                    continue
                if bill in bills:  # named twice, by number and by order: surer, not more money
                    fresh.append((total, used | mask, said + 0.5 * gain, bills))
                elif total <= room:
                    fresh.append((total + amount, used | mask, said + gain, (*bills, bill)))
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
