"""Who has been given what: every invoice's open amount and every payment's money is claimed once, to the unit.

The one place where money is handed out; it refuses to give more than is left, so conservation holds whatever the passes decide
(product notes C.20, E52: two payments never settle the same money).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Overclaimed(ValueError):
    """More was claimed than is left: a fault of the caller, never of the data."""


class Claims:
    """Remaining minor units by position of invoice (`bill`) and payment (`cash`)."""

    def __init__(self, bills: Iterable[int], cash: Iterable[int]) -> None:
        self.bill_left = list(bills)
        self.cash_left = list(cash)

    def claim(self, cash: int, shares: Sequence[tuple[int, int]]) -> None:
        """Give each (bill, amount) of `shares` from payment `cash`, all or nothing. Overclaimed when it does not fit."""
        wanted: dict[int, int] = {}
        for bill, amount in shares:
            wanted[bill] = wanted.get(bill, 0) + amount
        if any(amount <= 0 or amount > self.bill_left[bill] for bill, amount in wanted.items()):
            raise Overclaimed(f"payment {cash} claims more of an invoice than is open: {shares}")
        if sum(wanted.values()) > self.cash_left[cash]:
            raise Overclaimed(f"payment {cash} gives away more than it has: {shares}")
        for bill, amount in wanted.items():
            self.bill_left[bill] -= amount
        self.cash_left[cash] -= sum(wanted.values())

    def release(self, cash: int, shares: Sequence[tuple[int, int]]) -> None:
        """Give back what `cash` was given by `claim` with the same `shares`."""
        for bill, amount in shares:
            self.bill_left[bill] += amount
            self.cash_left[cash] += amount
