"""The passes over the whole set, the surest first; what one pass claims is gone for the next.

A payment is settled when the chance of its best hypothesis, against its rivals and against "for nothing here", reaches the pass's
threshold. Accounts, names and habits are learned again between passes. Equal amounts are decided in groups, instalments last.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.matching import equal, prepare
from core.matching.instalments import adding_up
from core.matching.likelihood import Evidence, Explained
from core.matching.pools import Cash
from core.matching.prepare import Table
from core.matching.search import Hypothesis, Search
from core.matching.values import MatchSettings

# (deep search, chance needed, only exact amounts); later passes see what earlier ones left
STEPS = (
    (False, 0.9995, True),
    (False, 0.995, True),
    (True, 0.995, False),
    (True, 0.97, False),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """`cash` settles `shares` ((bill, amount) pairs). `chance` is raw; `contested`: another payment wanted the same money."""

    cash: int
    shares: tuple[tuple[int, int], ...]
    hypothesis: Hypothesis
    chance: float
    contested: bool
    stage: Evidence


class Passes:
    """Runs the passes on a table. Deterministic: payments are taken by chance, then date, then id."""

    def __init__(self, table: Table, settings: MatchSettings) -> None:
        self._table = table
        self._settings = settings
        self._search = Search(table.bills, table.pools, table.claims.bill_left, settings)
        self._waiting = list(table.cash)
        self.decisions: list[Decision] = []
        self.stopped: set[int] = set()

    def run(self) -> Iterator[float]:
        """Decide everything that can be decided, telling the share of the work done after each pass."""
        for step, (deep, needed, exact_only) in enumerate(STEPS):
            self._pass(deep=deep, needed=needed, exact_only=exact_only)
            if step in (0, 2):
                self._learn_again()
            yield (step + 1) / 8
        self._equal_amounts(0.9)
        self._pass(deep=True, needed=0.8, exact_only=False)
        yield 5 / 8
        self._equal_amounts(self._settings.suggest_from)
        yield 6 / 8
        self._instalments()
        for needed in (0.6, self._settings.suggest_from):
            self._pass(deep=True, needed=needed, exact_only=False)
        yield 1.0

    # ── one payment after the other ─────────────────────────────────────────────────────────────────────────────────────
    def _pass(self, *, deep: bool, needed: float, exact_only: bool) -> None:
        offers = []
        for cash in self._waiting:
            best, chance = self._best(cash, deep=deep)
            if best and chance >= needed and (best.exact or not exact_only):
                offers.append((cash, best, chance))
        wanted = Counter(bill for _, best, _ in offers for bill in best.bills)
        offers.sort(key=lambda offer: (not offer[1].exact, -round(offer[2], 6), offer[0].paid, offer[0].id))
        for cash, offered, offered_chance in offers:
            best, chance = offered, offered_chance
            if not self._fits(best):
                again, chance = self._best(cash, deep=deep)
                if not again or chance < needed or (exact_only and not again.exact):
                    continue
                best = again
            contested = any(wanted[bill] > 1 for bill in offered.bills) and best.explained.evidence is not Evidence.PART
            self._settle(cash, best, chance, contested=contested)
        self._sweep()

    def _best(self, cash: Cash, *, deep: bool) -> tuple[Hypothesis | None, float]:
        """The best hypothesis and its chance against the others and against nothing."""
        amount = self._table.claims.cash_left[cash.index]
        found = self._search.hypotheses(cash, amount, self._table.unit(cash), deep=deep)
        if not found:
            return None, 0.0
        best = found[0]
        if best.stopped:
            self.stopped.add(cash.index)
        none = self._search.nothing(cash, amount)
        rivals = sum(math.exp(max(other.score - best.score, -40.0)) for other in found[1:])
        return best, 1 / (1 + rivals + math.exp(min(none - best.score, 40.0)))

    def _fits(self, hypothesis: Hypothesis) -> bool:
        left = self._table.claims.bill_left
        return sum(left[bill] for bill in hypothesis.bills) == hypothesis.total and all(left[bill] for bill in hypothesis.bills)

    def _settle(self, cash: Cash, best: Hypothesis, chance: float, *, contested: bool, stage: Evidence | None = None) -> None:
        shares = shares_of(best, self._table.claims.bill_left, self._table.claims.cash_left[cash.index])
        self._table.claims.claim(cash.index, shares)
        for bill, _ in shares:
            self._table.pools[best.pool].spent(bill)
        self.decisions.append(Decision(cash.index, shares, best, chance, contested, stage or best.explained.evidence))

    def _sweep(self) -> None:
        done = {decision.cash for decision in self.decisions}
        self._waiting = [cash for cash in self._waiting if cash.index not in done]

    def _learn_again(self) -> None:
        """Take what was settled so far as lessons, and rank the clients of the rest anew."""
        table = self._table
        table.samples.clear()
        for decision in self.decisions:
            if decision.chance >= 0.995 and not decision.contested:
                prepare.note(table, table.cash[decision.cash], [table.bills[bill] for bill, _ in decision.shares])
        prepare.settle_habits(table)
        prepare.identify(table, self._waiting)
        prepare.read_cites(table, self._waiting, self._settings.options)

    # ── equal amounts, instalments ──────────────────────────────────────────────────────────────────────────────────────
    def _equal_amounts(self, needed: float) -> None:
        edges: dict[int, dict[int, float]] = {}
        offers: dict[tuple[int, int], Hypothesis] = {}
        otherwise: dict[int, float] = {}
        for cash in self._waiting:
            amount = self._table.claims.cash_left[cash.index]
            found = self._search.hypotheses(cash, amount, self._table.unit(cash), deep=False)
            singles = [item for item in found if item.exact and len(item.bills) == 1]
            if not singles or singles[0] is not found[0]:
                continue
            edges[cash.index] = {item.bills[0]: item.score for item in singles}
            offers.update(((cash.index, item.bills[0]), item) for item in singles)
            rest = [item.score for item in found if item not in singles]
            otherwise[cash.index] = max([self._search.nothing(cash, amount), *rest])
        order = {cash.index: cash.paid for cash in self._waiting}
        for group in equal.groups(edges, order):
            for cash_index, (bill, chance) in equal.assign(group, edges, otherwise).items():
                offer = offers[cash_index, bill]
                if chance >= needed and self._fits(offer):
                    self._settle(self._table.cash[cash_index], offer, chance, contested=chance < 0.99, stage=Evidence.EQUAL)
        self._sweep()

    def _instalments(self) -> None:
        by_pool: dict[int, list[Cash]] = defaultdict(list)
        for cash in self._waiting:
            if cash.pools and cash.pools[0][1] > -2.5:
                by_pool[cash.pools[0][0]].append(cash)
        for pool_index, waiting in sorted(by_pool.items()):
            if len(waiting) > 1:
                self._add_up(pool_index, waiting)
        self._sweep()

    def _add_up(self, pool_index: int, waiting: Sequence[Cash]) -> None:
        left = self._table.claims.bill_left
        for bill, parts in adding_up(self._table.pools[pool_index], waiting, left):
            total = left[bill.index]
            explained = Explained(Evidence.SUM, -4.0, f"1/{len(parts)}")
            for cash in parts:
                cites = [cite for cite in cash.cites.get(pool_index, ()) if cite.bill == bill.index]
                named = bool(cites)
                hypothesis = Hypothesis(pool_index, (bill.index,), total, explained, 0.0, int(named), 0, False, False, False)
                self._settle(cash, hypothesis, 0.95 if named else 0.75, contested=False, stage=Evidence.SUM)


def shares_of(best: Hypothesis, left: Sequence[int], amount: int) -> tuple[tuple[int, int], ...]:
    """How `amount` is spread over the invoices: in full where it suffices, in proportion for a percentage, else oldest first."""
    wants = [(bill, left[bill]) for bill in best.bills]
    total = sum(want for _, want in wants)
    if amount >= total:
        return tuple(wants)
    if best.explained.evidence in (Evidence.DISCOUNT, Evidence.WITHHOLDING) and len(wants) > 1:
        return _in_proportion(wants, amount, total)
    if best.explained.evidence in (Evidence.FEE, Evidence.NEAR):
        short = total - amount
        largest = max(range(len(wants)), key=lambda at: (wants[at][1], -at))
        if wants[largest][1] > short:
            return tuple((bill, want - (short if at == largest else 0)) for at, (bill, want) in enumerate(wants))
    return tuple(_in_turn(wants, amount))


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
