"""What a payment may be for: sets of one client's invoices that explain its amount and its words, each with a score.
Scores are logarithms of likelihood and can be compared between sets, clients and "nothing at all" (`nothing`), so that the
chance of the best follows from its rivals. Shallow search looks at what is named, at exact amounts and at stretches of
neighbours; deep search adds invoices a cut-off memo left out, deductions without a reference, pairs, triples and instalments.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.matching import sums
from core.matching.likelihood import (
    CONTRADICTED,
    NO_CITES,
    NOTHING,
    STRONG_CITE,
    UNCITED,
    Evidence,
    Explained,
    chance_amount,
    explain,
    size_weight,
)
from core.matching.pools import Bill, Cash, Pool
from core.matching.references import Cite
from core.matching.sums import Option, Pick
from core.matching.values import MatchSettings

# lengths at which banks cut the text they pass on (BAI2, MT940 lines, SEPA 35 and 140, NACHA 10-80 addenda, card descriptors)
CUT_LENGTHS = frozenset((10, 15, 16, 18, 20, 22, 24, 25, 27, 30, 32, 34, 35, 40, 50, 54, 65, 70, 80, 100, 105, 128, 140))
LIST_WEIGHT = -6.0
DISCOUNT_SHARES = (1000, 980, 990, 970, 950, 975, 985, 995, 900, 925, 850, 800, 981, 960, 940, 930)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A payment is for `bills` (positions) of `pool`; `cited` are named, `slips`: worst correction; `listed`: a stretch."""

    pool: int
    bills: tuple[int, ...]
    total: int
    explained: Explained
    score: float
    cited: int
    slips: int
    listed: bool
    contradicted: bool
    stopped: bool

    @property
    def exact(self) -> bool:
        return self.explained.evidence is Evidence.EXACT


@dataclass(slots=True)
class _View:
    """One payment beside one client's pool."""

    cash: Cash
    amount: int
    unit: int
    pool: Pool
    weight: float
    cites: dict[int, list[Cite]]
    named: dict[int, float]
    stopped: bool = False


class Search:
    """Builds hypotheses against what is still open now (`left` is read live)."""

    def __init__(self, bills: Sequence[Bill], pools: Sequence[Pool], left: Sequence[int], settings: MatchSettings) -> None:
        self._bills = bills
        self._pools = pools
        self._left = left
        self._settings = settings

    def hypotheses(self, cash: Cash, amount: int, unit: int, *, deep: bool) -> list[Hypothesis]:
        """Everything `amount` of `cash` may be for, likeliest first."""
        found: dict[tuple[int, ...], Hypothesis] = {}
        for index, weight in cash.pools:
            view = self._view(cash, amount, unit, self._pools[index], weight)
            for bills, listed in self._sets(view, deep=deep):
                kept = found.get(bills)
                if kept is None or (listed and not kept.listed):
                    hypothesis = self._score(view, bills, listed=listed)
                    if kept is None or hypothesis.score > kept.score:
                        found[bills] = hypothesis
        return sorted(found.values(), key=lambda item: (-item.score, item.bills))

    def nothing(self, cash: Cash, amount: int) -> float:
        """The score of "for none of these invoices"; higher where an invoice is named that is settled already (paid twice)."""
        again = 0.0
        for cites in cash.cites.values():
            for cite in cites:
                if cite.slips == 0 and cite.gain >= STRONG_CITE and not self._left[cite.bill]:
                    again = max(again, 9.0 if self._bills[cite.bill].amount == amount else 3.0)
        return NOTHING + chance_amount(amount) + again

    def _view(self, cash: Cash, amount: int, unit: int, pool: Pool, weight: float) -> _View:
        found = cash.cites.get(pool.index, ())
        named: dict[int, float] = {}
        covered = 0
        for cite in found:
            if cite.slips == 0 and cite.gain >= STRONG_CITE:
                named[cite.anchor] = max(named.get(cite.anchor, 0.0), cite.gain)
                covered |= cite.mask
        cites: dict[int, list[Cite]] = defaultdict(list)
        for cite in found:  # a part of a reference that was read in full (its year) names nothing on its own
            if self._left[cite.bill] and (cite.anchor in named or not covered >> cite.anchor & 1):
                cites[cite.bill].append(cite)
        return _View(cash, amount, unit, pool, weight, cites, named)

    # ── which sets ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def _sets(self, view: _View, *, deep: bool) -> Iterable[tuple[tuple[int, ...], bool]]:
        singles = [bill.index for bill in view.pool.worth(view.amount)[:40]]
        exact, best = self._picks(view, slips=False)
        if not exact and (deep or not any(bill in view.cites for bill in singles)):
            exact, best = self._picks(view, slips=True)
        for pick in (*exact, *best[:6]):
            yield tuple(sorted(pick.bills)), False
        for bill in (*singles, *list(view.cites)[:8]):
            yield (bill,), False
        if not exact or deep:
            yield from self._stretches(view)
        if deep:
            yield from self._deep(view, best)

    def _picks(self, view: _View, *, slips: bool) -> tuple[list[Pick], list[Pick]]:
        """Combinations of named invoices: of the very amount, and the best supported of any.

        Without `slips`, corrected readings stand only where the memo has no exact one.
        """
        groups: dict[int, list[Option]] = defaultdict(list)
        for bill, cites in view.cites.items():
            for cite in cites:
                if slips or not cite.slips or cite.anchor not in view.named:
                    groups[cite.anchor].append(Option(bill, self._left[bill], cite.gain, cite.mask))
        if not groups:
            return [], []
        limit = view.amount * 3 // 2 + 100 * view.unit
        exact, best, stopped = sums.pick_cited(list(groups.values()), view.amount, limit, self._settings.states)
        view.stopped = view.stopped or stopped
        return exact, best

    def _stretches(self, view: _View) -> Iterable[tuple[tuple[int, ...], bool]]:
        near = view.pool.before(view.cash.paid, self._settings.window)
        wants = [self._left[bill.index] for bill in near]
        for first, end in sums.runs_worth(wants, view.amount):
            yield tuple(sorted(bill.index for bill in near[first:end])), True

    def _deep(self, view: _View, picks: Sequence[Pick]) -> Iterable[tuple[tuple[int, ...], bool]]:
        near = view.pool.before(view.cash.paid, self._settings.window)
        wants = [self._left[bill.index] for bill in near]
        yield from self._filled(view, picks[:12], near)
        for first, end, out in sums.all_but_one(wants, view.amount):
            yield tuple(sorted(bill.index for place, bill in enumerate(near[first:end], first) if place != out)), True
        for pair in sums.pairs_worth(wants, view.amount):
            yield tuple(sorted(near[place].index for place in pair)), False
        for triple in sums.triples_worth(wants, view.amount):
            yield tuple(sorted(near[place].index for place in triple)), False
        yield from self._deducted(view)
        yield from self._instalments(view)

    def _filled(self, view: _View, picks: Sequence[Pick], near: Sequence[Bill]) -> Iterable[tuple[tuple[int, ...], bool]]:
        """Named invoices and one, two or a stretch of others that the memo had no room for."""
        for rank, pick in enumerate(picks):
            rest = view.amount - pick.total
            if rest <= 0 or pick.gain < 2.0:
                continue
            for bill in view.pool.worth(rest)[:8]:
                if bill.index not in pick.bills:
                    yield tuple(sorted((*pick.bills, bill.index))), False
            if rank < 4:
                yield from self._filled_by_many(pick, rest, [bill for bill in near if bill.index not in pick.bills])

    def _filled_by_many(self, pick: Pick, rest: int, others: Sequence[Bill]) -> Iterable[tuple[tuple[int, ...], bool]]:
        wants = [self._left[bill.index] for bill in others]
        for first, end in sums.runs_worth(wants, rest)[:6]:
            yield tuple(sorted((*pick.bills, *(bill.index for bill in others[first:end])))), False
        for one, two in sums.pairs_worth(wants, rest)[:8]:
            yield tuple(sorted((*pick.bills, others[one].index, others[two].index))), False

    def _deducted(self, view: _View) -> Iterable[tuple[tuple[int, ...], bool]]:
        """Single invoices of which the amount is what a discount, withholding or fee leaves, or a little more."""
        for share in DISCOUNT_SHARES[1:]:
            wanted = view.amount * 1000 // share
            for bill in view.pool.worth_between(wanted - 1, wanted + 2, 4):
                yield (bill.index,), False
        for bill in view.pool.worth_between(view.amount - view.unit, view.amount + 60 * view.unit, 24):
            yield (bill.index,), False

    def _instalments(self, view: _View) -> Iterable[tuple[tuple[int, ...], bool]]:
        for parts in (2, 3, 4):
            wanted = view.amount * parts
            for bill in view.pool.worth_between(wanted - parts, wanted + parts, 4):
                yield (bill.index,), False

    # ── how likely ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def _score(self, view: _View, bills: tuple[int, ...], *, listed: bool) -> Hypothesis:
        total = sum(self._left[bill] for bill in bills)
        explained = explain(total, view.amount, view.unit, len(bills))
        gain, cited, slips, used = _said(bills, view.cites)
        contradicted = [anchor for anchor in view.named if not used >> anchor & 1]
        missing = len(bills) - cited
        cut = 0.35 if view.cash.memo_length in CUT_LENGTHS else 1.0
        words = gain + (UNCITED * cut * missing if cited else NO_CITES) + CONTRADICTED * len(contradicted)
        score = view.weight + explained.weight + words + self._prior(view, bills, listed=listed)
        return Hypothesis(view.pool.index, bills, total, explained, score, cited, slips, listed, bool(contradicted), view.stopped)

    def _prior(self, view: _View, bills: tuple[int, ...], *, listed: bool) -> float:
        """How likely this client pays these invoices then, before looking at amount and words."""
        habit, paid = view.pool.habit, view.cash.paid
        fits = [habit.fit(self._bills[bill].issued, self._bills[bill].due, paid) for bill in bills]
        crowd = math.log(view.pool.crowd(paid))
        apart = sum(fits) - crowd * len(bills) + math.lgamma(len(bills) + 1) + size_weight(len(bills))
        if not listed:
            return apart
        return max(apart, LIST_WEIGHT - crowd + sum(fits) / len(fits))


def _said(bills: tuple[int, ...], cites: dict[int, list[Cite]]) -> tuple[float, int, int, int]:
    """(gain, bills named, worst slips, digit runs used) of the words that name `bills`; one stretch of text names one invoice."""
    gain, used, slips = 0.0, 0, 0
    named: set[int] = set()
    offers = sorted(
        (cite for bill in bills for cite in cites.get(bill, ())), key=lambda cite: (-cite.gain, cite.anchor, cite.bill)
    )
    for cite in offers:
        if cite.bill in named:
            gain += 0.0 if used & cite.mask else 0.5 * cite.gain
            used |= cite.mask
        elif not used & cite.mask:
            named.add(cite.bill)
            gain += cite.gain
            slips = max(slips, cite.slips)
            used |= cite.mask
    return gain, len(named), slips, used
