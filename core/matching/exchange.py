"""Takes a claim back where another payment has the better right: what passes settled too early is put right here, by pairs.

A payment that found nothing is weighed against invoices that others hold on weak evidence. If it would take one, the holder is
searched for again; the change is made only if both together explain words, amounts and dates better than before. Scores are
logarithms of likelihoods, so they add up. What is exchanged is never certain.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from core.matching.likelihood import explain
from core.matching.pools import Cash
from core.matching.prepare import Table
from core.matching.search import Hypothesis, Search

MARGIN = 0.7
SURE_BY = 3.0  # from 2 to 5 as many certain matches were wrong on labelled ledgers of two kinds; below 2 more
HOLDERS_GAIN = 4.0
MOST_HOLDERS = 2
MOST = 1 << 62
LOOKED_AT = 40
TEMPTING = -10.5
MOST_TRIED = 6
MOST_PER_POOL = 150  # payments without a match looked at for one client; beyond, the client's data is not of a kind to mend


@dataclass(frozen=True, slots=True)
class Held:
    """What a settled payment holds: the bills of `hypothesis`, which it was given while they wanted `wanted` each."""

    cash: int
    hypothesis: Hypothesis
    wanted: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """`taker` gets `hypothesis`; each of `holders` gets another one or None. `gain`: by how much all is better explained."""

    taker: Cash
    hypothesis: Hypothesis
    holders: tuple[tuple[int, Hypothesis | None], ...]
    gain: float


class Lures:
    """What a payment could want of what others of its client hold on weak evidence: looked up by amount, before any search."""

    def __init__(self, table: Table, held: Sequence[Held]) -> None:
        self._table = table
        self._holder = {bill: item for item in held for bill, _ in item.wanted}
        self._amounts = sorted((wanted, bill) for item in held for bill, wanted in item.wanted)

    def for_(self, own: Held) -> list[Held]:
        """Who holds a bill that could stand in for one of `own`'s, for what the payment is worth."""
        cash, hypothesis = self._table.cash[own.cash], own.hypothesis
        if hypothesis.exact and hypothesis.slips < 2 and hypothesis.cited == len(hypothesis.bills):
            return []
        if len(own.wanted) > 1:
            found = [bill for _, wanted in own.wanted for _, bill in self._worth(wanted, wanted)]
        else:
            unit, near = self._table.unit(cash), self._worth(cash.amount, cash.amount * 4 // 3 + 1)
            found = [bill for wanted, bill in near if explain(wanted, cash.amount, unit).weight > TEMPTING]
        holders = {self._holder[bill].cash: self._holder[bill] for bill in found}
        holders.pop(own.cash, None)
        return list(holders.values())

    def _worth(self, low: int, high: int) -> list[tuple[int, int]]:
        start, end = bisect_left(self._amounts, (low, -1)), bisect_right(self._amounts, (high, MOST))
        return self._amounts[start : min(end, start + LOOKED_AT)]


class Exchange:
    """Finds the changes worth making among one client's payments; it opens and closes bills, the caller moves the money."""

    def __init__(self, table: Table, search: Search) -> None:
        self._table = table
        self._search = search

    def changes(self, pool: int, seekers: Sequence[Cash], held: Sequence[Held]) -> Iterator[Change]:
        """The best change for each seeker, one at a time; the caller makes it before the next is looked for."""
        gone: set[int] = set()
        for seeker in seekers[:MOST_PER_POOL]:
            if seeker.index in gone:
                continue
            own = next((item for item in held if item.cash == seeker.index), None)
            others = [item for item in held if item.cash not in gone and item is not own]
            change = self._best(pool, seeker, own, others)
            if change is not None:
                gone.update(cash for cash, _ in change.holders)
                gone.add(seeker.index)
                yield change

    def doubtful(self, pool: int, seekers: Sequence[tuple[Held, Sequence[Held]]]) -> set[int]:
        """The payments that could change with others at so small a loss that nobody should be certain, on both sides.

        `seekers` are those to look at, each with who holds what it could want.
        """
        found: set[int] = set()
        for own, others in seekers[:MOST_PER_POOL]:
            change = self._best(pool, self._table.cash[own.cash], own, others, least=-SURE_BY)
            if change is not None:
                found |= {own.cash, *(cash for cash, _ in change.holders)}
        return found

    def _best(self, pool: int, seeker: Cash, own: Held | None, held: Sequence[Held], *, least: float = MARGIN) -> Change | None:
        holder = {bill: item for item in held for bill, _ in item.wanted}
        mine = [own] if own else []
        with self._open([*mine, *held]):
            with_all = self._hypotheses(seeker)
        none = own.hypothesis.score if own else self._search.nothing(seeker, seeker.amount)
        best: Change | None = None
        for hypothesis in with_all[:MOST_TRIED]:
            if hypothesis.score <= none + least - (HOLDERS_GAIN if least < 0 else 0.0):
                break
            holders = {holder[bill].cash: holder[bill] for bill in hypothesis.bills if bill in holder}
            if not 0 < len(holders) <= MOST_HOLDERS or hypothesis.pool != pool:
                continue
            change = self._weigh(seeker, hypothesis, none, list(holders.values()), mine)
            if change.gain > least and (best is None or change.gain > best.gain):
                best = change
        return best

    def _weigh(self, seeker: Cash, hypothesis: Hypothesis, none: float, holders: Sequence[Held], mine: Sequence[Held]) -> Change:
        """What is won if `seeker` gives up what is `mine`, takes the bills of `hypothesis`, and the holders look elsewhere."""
        gain = hypothesis.score - none
        moved: list[tuple[int, Hypothesis | None]] = []
        taken = set(hypothesis.bills)
        for item in holders:
            cash = self._table.cash[item.cash]
            with self._open([*holders, *mine]):
                others = self._hypotheses(cash)
            free = next((other for other in others if taken.isdisjoint(other.bills)), None)
            nothing = self._search.nothing(cash, cash.amount)
            if free is not None and free.score > nothing:
                gain += free.score - item.hypothesis.score
                moved.append((item.cash, free))
                taken.update(free.bills)
            else:
                gain += nothing - item.hypothesis.score
                moved.append((item.cash, None))
        return Change(seeker, hypothesis, tuple(moved), gain)

    def _hypotheses(self, cash: Cash) -> list[Hypothesis]:
        return self._search.hypotheses(cash, cash.amount, self._table.unit(cash), deep=True)

    @contextmanager
    def _open(self, held: Iterable[Held]) -> Iterator[None]:
        """The bills of `held` want their money again, for as long as this is open."""
        table, before = self._table, []
        for item in held:
            for bill, wanted in item.wanted:
                before.append((bill, table.wants[bill]))
                self._want(bill, wanted)
        yield
        for bill, wanted in reversed(before):
            self._want(bill, wanted)

    def _want(self, bill: int, wanted: int) -> None:
        self._table.wants[bill] = wanted
        self._table.pools[self._table.bills[bill].pool].changed(bill)
