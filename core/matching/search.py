"""What a payment may be for: sets of one client's invoices that explain its amount and its words, each with a score.
Scores are logarithms of likelihood and can be compared between sets, clients and "nothing at all" (`nothing`), so that the
chance of the best follows from its rivals. Shallow search looks at what is named, at exact amounts and at stretches of
neighbours; deep search adds invoices a cut-off memo left out, deductions without a reference, pairs, triples and instalments.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.matching import sums
from core.matching.citations import MIN_GAIN, Cite
from core.matching.damage import nearest, readable
from core.matching.instalments import Begun
from core.matching.likelihood import (
    CONTRADICTED,
    CONTRADICTED_BY_SETTLED,
    CREDIT_TAKEN,
    FEE_LIMIT,
    LOOSE_WORD,
    NO_CITES,
    NOTHING,
    PER_MYRIAD,
    SHORT_RATES,
    STRONG_CITE,
    UNCITED,
    Evidence,
    Explained,
    chance_amount,
    explain,
    gap_is_small,
    size_weight,
)
from core.matching.pools import Bill, Cash, Pool
from core.matching.references import Word, read_words
from core.matching.sums import CitedSums, Option, Pick
from core.matching.values import MatchSettings

# lengths at which banks cut the text they pass on (BAI2, MT940 lines, SEPA 35 and 140, NACHA 10-80 addenda, card descriptors)
CUT_LENGTHS = frozenset((10, 15, 16, 18, 20, 22, 24, 25, 27, 30, 32, 34, 35, 40, 50, 54, 65, 70, 80, 100, 105, 128, 140))
LIST_WEIGHT = -6.0
LEFT_OUT = -2.5  # each invoice between the others that is not paid with them
SHORTEST_LIST = 4
MOST_LEFT_OUT = 6
PART_OF_MANY = -4.0
RESUMED, RESUMED_UNSAID = -1.5, -3.0  # the next of several parts, whenever it comes: named, and without a word for it
LOOSE_CITE = 3.5
PAID_TWICE = 9.0
FAINT = 3.5
TRIPLE_WINDOW = 36
MOST_DAMAGED = 2  # unnamed invoices of a set that are looked for among damaged words
MOST_READ = 60
UNLIKELY_SUM = 4.0  # an exact sum of words read so much worse than others is chance: look for the likelier ones short of it


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A payment is for `bills` (positions) of `pool`; `cited` are named, `slips`: worst correction; `listed`: a stretch.

    `faint`: one is named by so little (two digits, part of a date) that it may stand there by chance.
    """

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
    loose: int = 0
    faint: bool = False

    @property
    def doubtful(self) -> bool:
        """Whether a person should look: words or money left over, a sum nobody named, a search cut short."""
        all_named = self.cited == len(self.bills)
        unnamed = not self.cited and len(self.bills) > 1
        unexplained = self.explained.evidence in (Evidence.OVER, Evidence.PART) and (len(self.bills) > 1 or not self.cited)
        cut_short = self.stopped and not (self.exact and all_named)
        return self.contradicted or cut_short or self.loose > 0 or unnamed or unexplained

    @property
    def plain(self) -> bool:
        """Whether the words name every invoice as it stands, and nothing else."""
        return self.cited == len(self.bills) and not self.slips and not self.contradicted and not self.faint

    @property
    def exact(self) -> bool:
        """Whether the amount is paid to the unit."""
        return self.explained.evidence is Evidence.EXACT


@dataclass(slots=True)
class _View:
    """One payment beside one client's pool.

    `named`: places that name an invoice surely, with what it costs to disregard them; `loose`: places that nearly name one;
    `covered`: the digit runs that are read in full.
    """

    cash: Cash
    amount: int
    unit: int
    pool: Pool
    weight: float
    cites: dict[int, list[Cite]]
    named: dict[int, float]
    loose: frozenset[int]
    covered: int
    words: list[Word] | None = None
    damaged: dict[int, tuple[float, int]] = field(default_factory=dict)
    stopped: bool = False


class Search:
    """Builds hypotheses against what is still open now (`wants` is read live)."""

    def __init__(
        self,
        bills: Sequence[Bill],
        pools: Sequence[Pool],
        wants: Sequence[int],
        keys: Mapping[int, Mapping[str, float]],
        settings: MatchSettings,
        begun: Begun,
    ) -> None:
        self._begun = begun
        self._bills = bills
        self._keys = keys
        self._pools = pools
        self._wants = wants
        self._settings = settings

    def hypotheses(self, cash: Cash, amount: int, unit: int, *, deep: bool) -> list[Hypothesis]:
        """Everything `amount` of `cash` may be for, likeliest first."""
        found: dict[tuple[int, ...], Hypothesis] = {}
        for index, weight in cash.pools:
            view = self._view(cash, amount, unit, self._pools[index], weight)
            if deep:
                view.words = [word for word in readable(read_words(cash.memo)) if not word.mask & view.covered]
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
                if cite.slips == 0 and cite.gain >= STRONG_CITE and not self._wants[cite.bill]:
                    again = max(again, PAID_TWICE if self._bills[cite.bill].amount == amount else 0.0)
        return NOTHING + chance_amount(amount) + again

    def _view(self, cash: Cash, amount: int, unit: int, pool: Pool, weight: float) -> _View:
        found = cash.cites.get(pool.index, ())
        named: dict[int, float] = {}
        covered = 0
        for cite in found:
            if cite.slips == 0 and cite.gain >= STRONG_CITE:
                against = CONTRADICTED if self._wants[cite.bill] else CONTRADICTED_BY_SETTLED
                named[cite.anchor] = min(named.get(cite.anchor, 0.0), against)
                covered |= cite.mask
        cites: dict[int, list[Cite]] = defaultdict(list)
        for cite in found:  # a part of a reference that was read in full (its year) names nothing on its own
            if self._wants[cite.bill] and (cite.anchor in named or not covered >> cite.anchor & 1):
                cites[cite.bill].append(cite)
        near = {cite.anchor for cite in found if cite.slips and cite.gain >= LOOSE_CITE and not covered >> cite.anchor & 1}
        return _View(cash, amount, unit, pool, weight, cites, named, frozenset(near), covered)

    # ── which sets ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def _sets(self, view: _View, *, deep: bool) -> Iterable[tuple[tuple[int, ...], bool]]:
        singles = [bill.index for bill in view.pool.worth(view.amount)[:40]]
        named = self._cited_sums(view, slips=False)
        exact = named.worth(view.amount) if named else []
        best = named.best() if named else []
        if named and not exact and (deep or not any(bill in view.cites for bill in singles)):
            named = self._cited_sums(view, slips=True) or named
            exact = named.worth(view.amount)
            best += named.best()
        if named and (not exact or (best and exact[0].gain < best[0].gain - UNLIKELY_SUM)):
            best += named.worth_between(view.amount - view.unit, view.amount + FEE_LIMIT * view.unit)
            best += self._withheld(view, named) if deep else ()
        for pick in (*exact, *self._plausible(view, best)):
            yield tuple(sorted(pick.bills)), False
        for bill in (*singles, *list(view.cites)[:40]):
            yield (bill,), False
        if not exact or deep:
            yield from self._stretches(view)
        if deep:
            yield from self._deep(view, best)

    def _plausible(self, view: _View, picks: Iterable[Pick]) -> list[Pick]:
        """The likeliest by words and amount together."""
        weights: dict[tuple[int, ...], float] = {}
        chosen: dict[tuple[int, ...], Pick] = {}
        for pick in picks:
            bills = tuple(sorted(pick.bills))
            weight = explain(pick.total, view.amount, view.unit, len(bills)).weight + pick.gain - 3.0 * len(bills)
            if weight > weights.get(bills, -math.inf):
                weights[bills], chosen[bills] = weight, pick
        likeliest = sorted(weights, key=lambda bills: (-weights[bills], bills))[:10]
        return [chosen[bills] for bills in likeliest]

    def _cited_sums(self, view: _View, *, slips: bool) -> CitedSums | None:
        """Combinations of named invoices; without `slips`, corrected readings stand only where the memo has no exact one."""
        groups: dict[int, list[Option]] = defaultdict(list)
        for bill, cites in view.cites.items():
            for cite in cites:
                if slips or not cite.slips or cite.anchor not in view.named:
                    groups[cite.anchor].append(Option(bill, self._wants[bill], cite.gain, cite.mask))
        if not groups:
            return None
        found = CitedSums(list(groups.values()), view.amount * 3 // 2 + 100 * view.unit, self._settings.states)
        view.stopped = view.stopped or found.stopped
        return found

    def _withheld(self, view: _View, named: CitedSums) -> list[Pick]:
        """Named invoices of which a usual rate of discount or tax was kept back."""
        found: list[Pick] = []
        for rate in SHORT_RATES:
            wanted = view.amount * PER_MYRIAD // (PER_MYRIAD - rate)
            found += named.worth_between(wanted - 3, wanted + 4)[:3]
        return found

    def _stretches(self, view: _View) -> Iterable[tuple[tuple[int, ...], bool]]:
        near = view.pool.before(view.cash.paid, self._settings.window)
        wants = [self._wants[bill.index] for bill in near]
        for first, end in sums.runs_worth(wants, view.amount):
            yield tuple(sorted(bill.index for bill in near[first:end])), True

    def _deep(self, view: _View, picks: Sequence[Pick]) -> Iterable[tuple[tuple[int, ...], bool]]:
        near = view.pool.before(view.cash.paid, self._settings.window)
        yield from self._filled(view, picks[:12], near)
        if not view.named:
            yield from self._unnamed(view, near)
        yield from self._deducted(view)
        yield from self._instalments(view)
        yield from (((bill,), False) for bill in self._begun.of(view.pool.index, view.cash.paid) if self._wants[bill])

    def _unnamed(self, view: _View, near: Sequence[Bill]) -> Iterable[tuple[tuple[int, ...], bool]]:
        """Sums and deductions for a memo that names nothing surely."""
        wants = [self._wants[bill.index] for bill in near]
        for first, end, out in sums.all_but_one(wants, view.amount):
            yield tuple(sorted(bill.index for place, bill in enumerate(near[first:end], first) if place != out)), True
        for pair in sums.pairs_worth(wants, view.amount):
            yield tuple(sorted(near[place].index for place in pair)), False
        newest = max(len(near) - TRIPLE_WINDOW, 0)
        for triple in sums.triples_worth(wants[newest:], view.amount):
            yield tuple(sorted(near[newest + place].index for place in triple)), False

    def _filled(self, view: _View, picks: Sequence[Pick], near: Sequence[Bill]) -> Iterable[tuple[tuple[int, ...], bool]]:
        """Named invoices and one, two or a stretch of others that the memo had no room for."""
        short = [pick for pick in picks if pick.total < view.amount and pick.gain >= MIN_GAIN]
        for rank, pick in enumerate(short):
            rest = view.amount - pick.total
            if rank < 4:
                yield from self._filled_short(view, pick)
            for bill in view.pool.worth(rest)[:8]:
                if bill.index not in pick.bills:
                    yield tuple(sorted((*pick.bills, bill.index))), False
            if rank < 4:
                yield from self._filled_by_many(pick, rest, [bill for bill in near if bill.index not in pick.bills])

    def _filled_short(self, view: _View, pick: Pick) -> Iterable[tuple[tuple[int, ...], bool]]:
        """Named invoices and another one, less a usual rate or a small deduction from the whole."""
        wanted = {view.amount * PER_MYRIAD // (PER_MYRIAD - rate) - pick.total for rate in SHORT_RATES}
        others = [bill for rest in sorted(wanted) if rest > 0 for bill in view.pool.worth_between(rest - 4, rest + 5, 3)]
        rest = view.amount - pick.total
        others += view.pool.worth_between(rest - view.unit, rest + FEE_LIMIT * view.unit, 12)
        for bill in others:
            if bill.index not in pick.bills:
                yield tuple(sorted((*pick.bills, bill.index))), False

    def _filled_by_many(self, pick: Pick, rest: int, others: Sequence[Bill]) -> Iterable[tuple[tuple[int, ...], bool]]:
        wants = [self._wants[bill.index] for bill in others]
        for first, end in sums.runs_worth(wants, rest)[:6]:
            yield tuple(sorted((*pick.bills, *(bill.index for bill in others[first:end])))), False
        for one, two in sums.pairs_worth(wants, rest)[:8]:
            yield tuple(sorted((*pick.bills, others[one].index, others[two].index))), False

    def _deducted(self, view: _View) -> Iterable[tuple[tuple[int, ...], bool]]:
        """Single invoices of which the amount is what a discount, withholding or fee leaves, or a little more."""
        for rate in SHORT_RATES:
            wanted = view.amount * PER_MYRIAD // (PER_MYRIAD - rate)
            for bill in view.pool.worth_between(wanted - 1, wanted + 2, 4):
                yield (bill.index,), False
        most = view.amount + max(FEE_LIMIT * view.unit, view.amount * 6 // 94)
        for bill in view.pool.worth_between(view.amount - view.unit, most, 60):
            yield (bill.index,), False

    def _instalments(self, view: _View) -> Iterable[tuple[tuple[int, ...], bool]]:
        for parts in (2, 3, 4):
            wanted = view.amount * parts
            for bill in view.pool.worth_between(wanted - parts, wanted + parts, 4):
                yield (bill.index,), False

    # ── how likely ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def _score(self, view: _View, bills: tuple[int, ...], *, listed: bool) -> Hypothesis:
        total = sum(self._wants[bill] for bill in bills)
        gain, cited, slips, used, faint = _said(bills, view)
        unsaid, mask = self._unsaid(view, bills, cited, used)
        used |= mask
        explained = self._explained(view, total, bills, named=used > 0)
        contradicted = [anchor for anchor in view.named if not used >> anchor & 1]
        loose = sum(not used >> anchor & 1 for anchor in view.loose)
        words = gain + unsaid + LOOSE_WORD * loose + sum(view.named[anchor] for anchor in contradicted)
        if explained.evidence is Evidence.PART and len(bills) > 1 and not gap_is_small(total, view.amount):
            words += PART_OF_MANY
        prior = self._prior(view, bills, listed=listed)
        if self._begun.resumed(bills, view.cash.paid) and explained.evidence is not Evidence.OVER:
            prior = max(prior, RESUMED if used else RESUMED_UNSAID)
        score = view.weight + explained.weight + words + prior
        return Hypothesis(
            view.pool.index, bills, total, explained, score, cited, slips, listed, bool(contradicted), view.stopped, loose, faint
        )

    def _explained(self, view: _View, total: int, bills: tuple[int, ...], *, named: bool) -> Explained:
        credit = view.pool.credits.get(total - view.amount)
        if credit:
            return Explained(Evidence.CREDIT, CREDIT_TAKEN, credit[0])
        if self._begun.resumed(bills, view.cash.paid):
            return self._begun.explain(bills[0], total, view.amount, view.unit, named=named)
        return explain(total, view.amount, view.unit, len(bills))

    def _unsaid(self, view: _View, bills: tuple[int, ...], cited: int, used: int) -> tuple[float, int]:
        """(weight, digit runs) of what stands in the memo for the bills that no word names: nothing, or a word badly damaged."""
        missing = len(bills) - cited
        if not missing:
            return 0.0, 0
        cost = UNCITED * (0.35 if len(view.cash.memo) in CUT_LENGTHS else 1.0)
        silent = cost * missing if cited else NO_CITES
        if view.words and missing <= MOST_DAMAGED:
            gain, mask = self._damaged(view, bills, used)
            damaged = gain + (cost * (missing - 1) if cited else 0.0)
            if damaged > silent:
                return damaged, mask
        return silent, 0

    def _damaged(self, view: _View, bills: tuple[int, ...], used: int) -> tuple[float, int]:
        """The best reading of a word nothing else uses as a badly damaged reference of one of `bills` that no word names."""
        best, mask = -math.inf, 0
        for bill in bills:
            if bill in view.cites:
                continue
            if bill not in view.damaged:
                if len(view.damaged) >= MOST_READ:
                    continue
                view.damaged[bill] = nearest(view.words or (), self._keys[bill], NO_CITES)
            found = view.damaged[bill]
            if found[0] > best and not found[1] & used:
                best, mask = found
        return best, mask

    def _prior(self, view: _View, bills: tuple[int, ...], *, listed: bool) -> float:
        """How likely this client pays these invoices then, before looking at amount and words."""
        habit, paid = view.pool.habit, view.cash.paid
        fits = [habit.fit(self._bills[bill].issued, self._bills[bill].due, paid) for bill in bills]
        crowd = math.log(view.pool.crowd(paid))
        apart = sum(fits) - crowd * len(bills) + math.lgamma(len(bills) + 1) + size_weight(len(bills))
        left_out = 0 if listed else view.pool.open_among(bills) - len(bills) if len(bills) >= SHORTEST_LIST else MOST_LEFT_OUT
        if left_out >= MOST_LEFT_OUT:
            return apart
        return max(apart, LIST_WEIGHT - crowd + sum(fits) / len(fits) + LEFT_OUT * left_out)


def _said(bills: tuple[int, ...], view: _View) -> tuple[float, int, int, int, bool]:
    """(gain, bills named, worst slips, digit runs used, whether one is named faintly) of the words that name `bills`.

    One stretch of text names one invoice.
    Words that name another invoice as they stand are no second mention of one of these with a slip.
    """
    gain, used, slips, faint = 0.0, 0, 0, False
    named: set[int] = set()
    offers = sorted(
        (cite for bill in bills for cite in view.cites.get(bill, ())), key=lambda cite: (-cite.gain, cite.anchor, cite.bill)
    )
    for cite in offers:
        if cite.bill in named:
            if not cite.slips or cite.anchor not in view.named:
                gain += 0.0 if used & cite.mask else 0.5 * cite.gain
                used |= cite.mask
        elif not used & cite.mask:
            named.add(cite.bill)
            gain += cite.gain
            slips = max(slips, cite.slips)
            faint = faint or (not cite.slips and cite.gain < FAINT)
            used |= cite.mask
    return gain, len(named), slips, used, faint
