"""Do a few open invoices come to an amount? Only a single such group tells anything."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from core.money import Money
from core.records import Invoice

_MOST_TOGETHER = 3
_MOST_CANDIDATES = 12  # invoices tried together; beyond that sums of three prove nothing


def adding_up(owed: Sequence[Invoice], amount: Money) -> tuple[Invoice, ...]:
    """The two or three of the first dozen of `owed`, all of one currency, whose open amounts come to `amount`.

    Empty where no such group does, or several of one size do.
    """
    for count in range(2, _MOST_TOGETHER + 1):
        groups = itertools.combinations(owed[:_MOST_CANDIDATES], count)
        sums = [group for group in groups if sum(item.open.minor for item in group) == amount.minor]
        if len(sums) == 1:
            return sums[0]
    return ()
