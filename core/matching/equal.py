"""Equal amounts: several payments that could each be for several invoices, decided together instead of one after the other.
Monthly retainers to the cent without a word on the transfer are only told apart by dates. Each group of payments and invoices
linked by possibility is solved for the best total (Hungarian method); a group too large for that is cut by date. The chance of
a pair comes from what it would cost to swap it with its best rival: where two are as good as each other it is a half, and never
certain.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

LARGEST = 120
IMPOSSIBLE = -1e6


def groups(edges: Mapping[int, Mapping[int, float]], order: Mapping[int, int]) -> list[list[int]]:
    """Payments linked through shared invoices, each group sorted by date (`order`) and cut at LARGEST."""
    by_bill: dict[int, list[int]] = defaultdict(list)
    for cash, bills in edges.items():
        for bill in bills:
            by_bill[bill].append(cash)
    found, seen = [], set()
    for start in sorted(edges):
        if start in seen:
            continue
        group, queue = [], [start]
        seen.add(start)
        while queue:
            cash = queue.pop()
            group.append(cash)
            fresh = {other for bill in edges[cash] for other in by_bill[bill]} - seen
            seen |= fresh
            queue += sorted(fresh)
        group.sort(key=lambda item: (order[item], item))
        found += [group[at : at + LARGEST] for at in range(0, len(group), LARGEST)]
    return found


def assign(
    group: Sequence[int], edges: Mapping[int, Mapping[int, float]], otherwise: Mapping[int, float]
) -> dict[int, tuple[int, float]]:
    """Payment → (invoice, chance) of the best assignment; a payment may go without at the price `otherwise`."""
    bills = sorted({bill for cash in group for bill in edges[cash]})
    place = {bill: at for at, bill in enumerate(bills)}
    worth = [[IMPOSSIBLE] * len(bills) + [otherwise[cash] if other == cash else IMPOSSIBLE for other in group] for cash in group]
    for row, cash in enumerate(group):
        for bill, score in edges[cash].items():
            worth[row][place[bill]] = score
    chosen = _best(worth)
    result = {}
    for row, cash in enumerate(group):
        if chosen[row] < len(bills):
            result[cash] = bills[chosen[row]], _chance(row, worth, chosen)
    return result


def _chance(row: int, worth: Sequence[Sequence[float]], chosen: Sequence[int]) -> float:
    """The chance of the pair against every exchange with one other payment or a free invoice."""
    column, mine = chosen[row], worth[row][chosen[row]]
    holder = {taken: other for other, taken in enumerate(chosen)}
    rivals = 0.0
    for other, score in enumerate(worth[row]):
        if other == column or score <= IMPOSSIBLE:
            continue
        loss = mine - score
        rival = holder.get(other)
        if rival is not None:
            loss += worth[rival][other] - max(worth[rival][column], worth[rival][len(worth[rival]) - len(worth) + rival])
        rivals += math.exp(min(-loss, 50.0))
    for rival, takes in enumerate(chosen):  # another payment takes this invoice and leaves its own; this one goes without
        if rival != row and worth[rival][column] > IMPOSSIBLE and takes >= len(worth[rival]) - len(worth):
            loss = mine - worth[row][len(worth[row]) - len(worth) + row] + worth[rival][takes] - worth[rival][column]
            rivals += math.exp(min(-loss, 50.0))
    return 1 / (1 + rivals)


def _best(worth: Sequence[Sequence[float]]) -> list[int]:
    """Column per row with the largest total (shortest augmenting paths with potentials; rows <= columns)."""
    rows, columns = len(worth), len(worth[0])
    row_price, column_price = [0.0] * (rows + 1), [0.0] * (columns + 1)
    owner = [0] * (columns + 1)
    for row in range(1, rows + 1):
        owner[0] = row
        _augment(worth, row_price, column_price, owner)
    chosen = [0] * rows
    for column in range(1, columns + 1):
        if owner[column]:
            chosen[owner[column] - 1] = column - 1
    return chosen


def _augment(worth: Sequence[Sequence[float]], row_price: list[float], column_price: list[float], owner: list[int]) -> None:
    columns = len(column_price) - 1
    least = [math.inf] * (columns + 1)
    came = [0] * (columns + 1)
    used = [False] * (columns + 1)
    at = 0
    while owner[at]:
        used[at] = True
        row, step, following = owner[at], math.inf, 0
        for column in range(1, columns + 1):
            if used[column]:
                continue
            cost = -worth[row - 1][column - 1] - row_price[row] - column_price[column]
            if cost < least[column]:
                least[column], came[column] = cost, at
            if least[column] < step:
                step, following = least[column], column
        for column in range(columns + 1):
            if used[column]:
                row_price[owner[column]] += step
                column_price[column] -= step
            else:
                least[column] -= step
        at = following
    while at:
        owner[at] = owner[came[at]]
        at = came[at]
