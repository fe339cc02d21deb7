"""Takes a claim back where another payment has the better right: what passes settled too early is put right here, by pairs.

A payment that found nothing is weighed against invoices that others hold on weak evidence. If it would take one, the holder is
searched for again; the change is made only if both together explain words, amounts and dates better than before. Scores are
logarithms of likelihoods, so they add up. What is exchanged is never certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from core.matching.pools import Cash
from core.matching.prepare import Table
from core.matching.search import Hypothesis, Search

MARGIN = 0.7
MOST_HOLDERS = 2
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

    def _best(self, pool: int, seeker: Cash, own: Held | None, held: Sequence[Held]) -> Change | None:
        holder = {bill: item for item in held for bill, _ in item.wanted}
        mine = [own] if own else []
        with self._open([*mine, *held]):
            with_all = self._hypotheses(seeker)
        none = own.hypothesis.score if own else self._search.nothing(seeker, seeker.amount)
        best: Change | None = None
        for hypothesis in with_all[:MOST_TRIED]:
            if hypothesis.score <= none + MARGIN:
                break
            holders = {holder[bill].cash: holder[bill] for bill in hypothesis.bills if bill in holder}
            if not 0 < len(holders) <= MOST_HOLDERS or hypothesis.pool != pool:
                continue
            change = self._weigh(seeker, hypothesis, none, list(holders.values()), mine)
            if change.gain > MARGIN and (best is None or change.gain > best.gain):
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
