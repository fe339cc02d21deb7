"""The open invoices of one client in one currency, arranged for looking up by amount and by date; and the payments beside them.

`Bill` and `Cash` are positions into the sorted input with what the passes need at hand; amounts are minor units, dates ordinals.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from core.matching.citations import Cite
from core.matching.habits import Habit

UNDATED = 0


@dataclass(slots=True)
class Bill:
    """An invoice under work. `issued` and `due` are ordinals; UNDATED where the invoice states none."""

    index: int
    id: str
    number: str
    reference: str
    amount: int
    issued: int
    due: int
    pool: int = -1


@dataclass(slots=True)
class Cash:
    """A payment under work. `pools` are (pool, log of its likelihood), the likeliest first; `cites` per pool.

    `named` are the bills, over all clients, that strong references in the memo lead to, by place in it.
    """

    index: int
    id: str
    amount: int
    paid: int
    currency: str
    account: str
    payer: str
    memo: str
    named: dict[int, list[int]] = field(default_factory=dict)
    pools: list[tuple[int, float]] = field(default_factory=list)
    cites: dict[int, list[Cite]] = field(default_factory=dict)


def ordinal(day: date | None) -> int:
    """The day as a number; UNDATED for none."""
    return day.toordinal() if day else UNDATED


class Pool:
    """Bills of one client and currency, in order of issue. Only bills that still wait for money are found.

    `credits` are the numbers of the client's open credit notes by amount, which a payer may take off what is paid.
    """

    def __init__(self, index: int, client: int, currency: str, bills: Iterable[Bill], wants: Sequence[int]) -> None:
        """`wants[bill.index]` is what each bill still waits for; read live."""
        self.index = index
        self.client = client
        self.currency = currency
        self.bills = sorted(bills, key=lambda bill: (bill.issued, bill.due, bill.id))
        self.habit = Habit()
        self.credits: dict[int, list[str]] = {}
        self._wants = wants
        self._place = {bill.index: place for place, bill in enumerate(self.bills)}
        self._alive = list(range(len(self.bills)))
        self._issued = [bill.issued for bill in self.bills]
        self._by_amount: dict[int, list[int]] = defaultdict(list)
        for place, bill in enumerate(self.bills):
            self._by_amount[wants[bill.index]].append(place)
        self._amounts = sorted(self._by_amount)

    def changed(self, bill: int) -> None:
        """Tell the pool that what `bill` wants has changed: it leaves, comes back, or is found under its new amount."""
        place, wanted = self._place[bill], self._wants[bill]
        at = bisect_left(self._alive, place)
        there = at < len(self._alive) and self._alive[at] == place
        if not wanted:
            if there:
                del self._alive[at]
            return
        if not there:
            self._alive.insert(at, place)
        if wanted not in self._by_amount:
            insort(self._amounts, wanted)
        if place not in self._by_amount[wanted]:
            self._by_amount[wanted].append(place)

    def has_credit(self, number: str) -> bool:
        """Whether the credit note of that number was not taken yet."""
        return any(number in found for found in self.credits.values())

    def take_credit(self, number: str) -> None:
        """The credit note is used up."""
        for amount in [amount for amount, found in self.credits.items() if number in found][:1]:
            self.credits[amount].remove(number)

    def return_credit(self, amount: int, number: str) -> None:
        """The credit note is open again."""
        self.credits.setdefault(amount, []).append(number)

    def often(self, amount: int) -> bool:
        """Whether several bills were written over `amount`, settled ones included."""
        return len(self._by_amount.get(amount, ())) > 1

    def worth(self, amount: int) -> list[Bill]:
        """Bills that want exactly `amount`."""
        return [self.bills[place] for place in self._by_amount.get(amount, ()) if self._wants[self.bills[place].index] == amount]

    def worth_between(self, low: int, high: int, limit: int) -> list[Bill]:
        """Bills that want between `low` and `high`, the smallest first, at most `limit`."""
        found: list[Bill] = []
        at = bisect_left(self._amounts, low)
        while at < len(self._amounts) and self._amounts[at] <= high and len(found) < limit:
            found += self.worth(self._amounts[at])
            at += 1
        return found[:limit]

    def before(self, paid: int, limit: int) -> list[Bill]:
        """The bills with money left that were issued by `paid` (a few days' grace), the `limit` newest of them, oldest first."""
        if not paid:
            return [self.bills[place] for place in self._alive[-limit:]]
        end = bisect_right(self._alive, bisect_right(self._issued, paid + 3) - 1)
        return [self.bills[place] for place in self._alive[max(end - limit, 0) : end]]

    def open_among(self, bills: Iterable[int]) -> int:
        """How many bills with money left there are from the first to the last of `bills`, these included."""
        places = [self._place[bill] for bill in bills]
        return bisect_right(self._alive, max(places)) - bisect_left(self._alive, min(places))

    def crowd(self, paid: int) -> float:
        """How many bills this client may be expected to pay around `paid`; at least 1."""
        if not paid:
            return max(1.0, float(len(self._alive)))
        early, late = self.habit.issued_between(paid)
        return 1.0 + 0.6 * (bisect_right(self._issued, late) - bisect_left(self._issued, early))

    def alive(self) -> list[Bill]:
        """Every bill with money left, oldest first."""
        return [self.bills[place] for place in self._alive]
