"""The passes over the whole set, the surest first; what one pass claims is gone for the next.

A payment is settled when the chance of its best hypothesis, against its rivals and against "for nothing here", reaches the pass's
threshold. Accounts, names and habits are learned again between passes. Equal amounts are decided in groups, instalments last.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

from core.matching import equal, prepare
from core.matching.exchange import Change, Exchange, Held, Lures
from core.matching.habits import MIN_SAMPLES, guess
from core.matching.instalments import adding_up
from core.matching.likelihood import SETTLING, Evidence, Explained, gap_is_small
from core.matching.pools import Bill, Cash
from core.matching.prepare import Table
from core.matching.search import Hypothesis, Search
from core.matching.shares import shares_of
from core.matching.values import MatchSettings

PLAIN_CHANCE = 0.9999
EXACT = frozenset({Evidence.EXACT})
ANY = frozenset(Evidence)
MOST_KNOWN = 40
OTHER_CLIENT = 3.0
LATE = 0.7
UNEASY = 0.95  # a match less sure than this may be exchanged for another
SURELY_BEGUN = 0.9
LEAST_CHANCE = 0.15  # raw; what calibration then puts below `suggest_from` is not said


@dataclass(frozen=True, slots=True)
class Decision:
    """`cash` settles `shares` ((bill, amount) pairs). `chance` is raw; `contested`: another payment wanted the same money.

    `whose`: nothing names the invoices, and the money may come from another client (product notes E41).
    `usual`: nothing names the invoice, and the client is billed this amount again and again.
    `early`: an invoice was written well after the money came; by a slip, its number may have been made from another's.
    `exchangeable`: if another payment gave up an invoice for this one, all would be explained nearly as well.
    `again`: as much was paid on the invoice before, and it is not named as it stands: perhaps the same part, sent twice.
    """

    cash: int
    shares: tuple[tuple[int, int], ...]
    hypothesis: Hypothesis
    chance: float
    contested: bool
    stage: Evidence
    whose: bool = False
    usual: bool = False
    early: bool = False
    exchangeable: bool = False
    again: bool = False


class Passes:
    """Runs the passes on a table. Deterministic: payments are taken by chance, then date, then id."""

    def __init__(self, table: Table, settings: MatchSettings) -> None:
        self._table = table
        self._settings = settings
        self._search = Search(table.bills, table.pools, table.wants, table.keys, settings, table.begun)
        self._waiting = list(table.cash)
        self.decisions: list[Decision] = []
        self.stopped: set[int] = set()
        self._known: dict[int, tuple[bool, list[Hypothesis]]] = {}

    def run(self) -> Iterator[float]:
        """Decide everything that can be decided, telling the share of the work done after each pass."""
        self._plain(prepare.plain_match)
        self._read(0)
        self._plain(prepare.named_by_client)
        self._pass(deep=False, needed=0.9995, kinds=EXACT)
        self._learn_again()
        yield 0.3
        self._read(1)
        self._pass(deep=False, needed=0.9995, kinds=EXACT)
        self._pass(deep=False, needed=0.99, kinds=SETTLING)
        self._learn_again(thorough=True)
        yield 0.5
        self._read(2)
        self._guess_habits()
        self._pass(deep=True, needed=0.99, kinds=SETTLING)
        self._equal_amounts(0.9)
        self._pass(deep=True, needed=0.95, kinds=SETTLING)
        self._pass(deep=True, needed=0.9, kinds=ANY)
        yield 0.7
        self._equal_amounts(0.4)
        self._instalments()
        yield 0.8
        for needed in (0.7, 0.45, LEAST_CHANCE):
            self._pass(deep=True, needed=needed, kinds=ANY)
        self._exchange()
        for needed in (0.45, LEAST_CHANCE):
            self._pass(deep=True, needed=needed, kinds=ANY)
        self._doubt_exchangeable()
        self._remainders()
        self._doubt_twins()
        yield 1.0

    def _plain(self, find: Callable[[Table, Cash], list[Bill]]) -> None:
        """Payments whose words name just the invoices that add up to them, of their client, wanted by nobody else."""
        offers = []
        for cash in self._waiting:
            bills = find(self._table, cash)
            if bills and any(pool == bills[0].pool and weight > prepare.UNSURE for pool, weight in cash.pools):
                offers.append((cash, bills))
        wanted = Counter(bill.index for _, bills in offers for bill in bills)
        explained = Explained(Evidence.EXACT, 0.0)
        for cash, bills in offers:
            if all(wanted[bill.index] == 1 for bill in bills):
                found = tuple(bill.index for bill in bills)
                best = Hypothesis(bills[0].pool, found, cash.amount, explained, 0.0, len(found), 0, False, False, False)
                self._settle(cash, best, PLAIN_CHANCE, contested=False)
        self._sweep()

    def _read(self, level: int) -> None:
        prepare.read_cites(self._table, self._waiting, self._settings.options, level=level)
        self._known.clear()

    # ── one payment after the other ─────────────────────────────────────────────────────────────────────────────────────
    def _pass(self, *, deep: bool, needed: float, kinds: Set[Evidence]) -> None:
        offers = []
        named: dict[int, set[int]] = defaultdict(set)
        for cash in self._waiting:
            best, chance = self._best(cash, deep=deep)
            if best and best.cited and not best.slips and chance >= 0.5:
                for bill in best.bills:
                    named[bill].add(cash.index)
            if best and chance >= needed and best.explained.evidence in kinds and (deep or _speaks_plainly(best)):
                offers.append((cash, best, chance))
        wanted = Counter(bill for _, best, _ in offers for bill in best.bills)
        plainly = Counter(bill for _, best, _ in offers if best.plain for bill in best.bills)
        offers.sort(key=lambda offer: (not offer[1].plain, not offer[1].exact, -round(offer[2], 6), offer[0].paid, offer[0].id))
        for cash, offered, offered_chance in offers:
            best, chance = offered, offered_chance
            if needed > LATE and best.cited < len(best.bills) and any(named[bill] - {cash.index} for bill in best.bills):
                continue  # another payment names the invoice: it goes first
            if not self._fits(best):
                again, chance = self._best(cash, deep=deep)
                if not again or chance < needed or again.explained.evidence not in kinds or not (deep or _speaks_plainly(again)):
                    continue
                best = again
            rivals = plainly if best.plain and best.exact and best is offered else wanted
            contested = any(rivals[bill] > 1 for bill in offered.bills) and best.explained.evidence is not Evidence.PART
            self._settle(cash, best, chance, contested=contested)
        self._sweep()

    def _best(self, cash: Cash, *, deep: bool) -> tuple[Hypothesis | None, float]:
        """The best hypothesis and its chance against the others and against nothing."""
        amount = self._table.claims.cash_left[cash.index]
        found = self._hypotheses(cash, amount, deep=deep)
        if not found:
            return None, 0.0
        best = found[0]
        if best.stopped:
            self.stopped.add(cash.index)
        none = self._search.nothing(cash, amount)
        rivals = sum(math.exp(max(other.score - best.score, -40.0)) for other in found[1:])
        return best, 1 / (1 + rivals + math.exp(min(none - best.score, 40.0)))

    def _hypotheses(self, cash: Cash, amount: int, *, deep: bool) -> list[Hypothesis]:
        """What `cash` may be for; what was found before, less what others took since, as long as nothing new was learned."""
        known = self._known.get(cash.index)
        if known and (known[0] or not deep):
            still = [hypothesis for hypothesis in known[1] if self._fits(hypothesis)]
            if len(still) == len(known[1]) or not self._part_paid(known[1]):
                return still
        found = self._search.hypotheses(cash, amount, self._table.unit(cash), deep=deep)[:MOST_KNOWN]
        self._known[cash.index] = deep, found
        return found

    def _part_paid(self, hypotheses: Iterable[Hypothesis]) -> bool:
        """Whether an invoice of these was paid in part: then the rest of it may be what the payment is for."""
        wants, bills = self._table.wants, self._table.bills
        return any(0 < wants[bill] < bills[bill].amount for hypothesis in hypotheses for bill in hypothesis.bills)

    def _fits(self, hypothesis: Hypothesis) -> bool:
        wants, explained = self._table.wants, hypothesis.explained
        if explained.evidence is Evidence.CREDIT and not self._table.pools[hypothesis.pool].has_credit(explained.detail):
            return False
        return sum(wants[bill] for bill in hypothesis.bills) == hypothesis.total and all(wants[bill] for bill in hypothesis.bills)

    def _settle(self, cash: Cash, best: Hypothesis, chance: float, *, contested: bool, stage: Evidence | None = None) -> None:
        claims, wants = self._table.claims, self._table.wants
        shares = shares_of(best, wants, claims.cash_left[cash.index])
        claims.claim(cash.index, shares)
        more_to_come = best.explained.evidence in (Evidence.PART, Evidence.SUM)
        for bill, _ in shares:
            wants[bill] = claims.bill_left[bill] if more_to_come else 0
            self._table.pools[best.pool].changed(bill)
        part = best.explained.evidence is Evidence.PART
        again = part and not best.plain and self._table.begun.again(best.bills[0], cash.amount)
        if part and best.cited and chance >= SURELY_BEGUN and not gap_is_small(best.total, shares[0][1]):
            self._table.begun.note(best.pool, shares[0][0], cash, shares[0][1])
        if best.explained.evidence is Evidence.CREDIT:
            self._table.pools[best.pool].take_credit(best.explained.detail)
        rivals = [weight for pool, weight in cash.pools if pool != best.pool]
        mine = next((weight for pool, weight in cash.pools if pool == best.pool), 0.0)
        whose = not best.cited and max(rivals, default=-99.0) > mine - OTHER_CLIENT
        stage = stage or best.explained.evidence
        usual = not best.cited and best.exact and self._table.pools[best.pool].often(best.total)
        early = any(prepare.not_yet(self._table.bills[bill], cash) for bill in best.bills)
        doubts = {"whose": whose, "usual": usual, "early": early, "again": again}
        self.decisions.append(Decision(cash.index, shares, best, chance, contested, stage, **doubts))

    def _exchange(self) -> None:
        """Let payments without a match take what others hold on weak evidence, where all together is likelier then."""
        seekers: dict[int, list[Cash]] = defaultdict(list)
        for cash in self._waiting:
            if cash.pools and cash.pools[0][1] > prepare.UNSURE:
                seekers[cash.pools[0][0]].append(cash)
        for item in self.decisions:
            if self._weak(item) and (item.contested or item.chance < UNEASY):
                seekers[item.hypothesis.pool].append(self._table.cash[item.cash])
        held = self._held(seekers.keys())
        exchange = Exchange(self._table, self._search)
        for pool, waiting in sorted(seekers.items()):
            weak = held[pool]
            if weak:
                both = {item.index: item for item in waiting} | {item.cash: self._table.cash[item.cash] for item in weak}
                bills = frozenset(bill for item in weak for bill, _ in item.wanted)
                prepare.read_cites(self._table, both.values(), self._settings.options, level=2, held=bills)
                for change in exchange.changes(pool, waiting, weak):
                    self._change(change)
        self._known.clear()
        self._sweep()

    def _weak(self, item: Decision) -> bool:
        """Whether another payment may have the better right to what this one holds alone."""
        hypothesis, bills = item.hypothesis, self._table.bills
        whole = all(self._table.wants[bill] == 0 for bill, _ in item.shares)
        alone = hypothesis.total == sum(bills[bill].amount for bill in hypothesis.bills)
        return whole and alone and not (hypothesis.plain and hypothesis.exact) and item.stage is not Evidence.SUM

    def _change(self, change: Change) -> None:
        gone = {cash for cash, _ in change.holders} | {change.taker.index}
        for item in self.decisions:
            if item.cash in gone:
                self._table.claims.release(item.cash, item.shares)
                if item.stage is Evidence.CREDIT:
                    given = item.hypothesis.total - sum(amount for _, amount in item.shares)
                    self._table.pools[item.hypothesis.pool].return_credit(given, item.hypothesis.explained.detail)
                for bill, _ in item.shares:
                    self._table.begun.forget(bill, item.cash)
                    self._table.wants[bill] = self._table.claims.bill_left[bill]
                    self._table.pools[item.hypothesis.pool].changed(bill)
        self.decisions = [item for item in self.decisions if item.cash not in gone]
        chance = 1 / (1 + math.exp(-change.gain))
        self._settle(change.taker, change.hypothesis, chance, contested=True)
        for cash, other in change.holders:
            if other is not None:
                self._settle(self._table.cash[cash], other, chance, contested=True)
            else:
                self._waiting.append(self._table.cash[cash])

    def _doubt_twins(self) -> None:
        """Where the same client sent the same amount once more and it fits nothing, one of the two was paid twice: but which?"""
        left_over = {(pool, cash.amount) for cash in self._waiting for pool, weight in cash.pools if weight > prepare.UNSURE}
        cash = self._table.cash
        self.decisions = [
            replace(item, contested=True) if (item.hypothesis.pool, cash[item.cash].amount) in left_over else item
            for item in self.decisions
        ]

    def _doubt_exchangeable(self) -> None:
        """What had no rival because the rival's invoice was taken already, on evidence no better, is not certain."""
        held = self._held({item.hypothesis.pool for item in self.decisions})
        doubted: set[int] = set()
        sure = {item.cash for item in self.decisions if not item.contested}
        for pool, weak in sorted(held.items()):
            lures = Lures(self._table, weak)
            seekers = [(item, others) for item in weak if item.cash in sure and (others := lures.for_(item))]
            cash = [self._table.cash[item.cash] for item, _ in seekers]
            bills = frozenset(bill for item in weak for bill, _ in item.wanted)
            prepare.read_cites(self._table, cash, self._settings.options, level=2, held=bills)
            doubted |= Exchange(self._table, self._search).doubtful(pool, seekers)
        self.decisions = [replace(item, exchangeable=True) if item.cash in doubted else item for item in self.decisions]

    def _held(self, pools: Set[int]) -> dict[int, list[Held]]:
        """What payments of `pools` hold on evidence that another may beat."""
        held: dict[int, list[Held]] = defaultdict(list)
        for item in self.decisions:
            if item.hypothesis.pool in pools and self._weak(item):
                wanted = tuple((bill, self._table.bills[bill].amount) for bill, _ in item.shares)
                held[item.hypothesis.pool].append(Held(item.cash, item.hypothesis, wanted))
        return held

    def _sweep(self) -> None:
        done = {decision.cash for decision in self.decisions}
        self._waiting = [cash for cash in self._waiting if cash.index not in done]
        begun = self._table.begun.fresh
        for cash in self._waiting if begun else ():
            if any(pool in begun for pool, _ in cash.pools):
                self._known.pop(cash.index, None)
        begun.clear()

    def _learn_again(self, *, thorough: bool = False) -> None:
        """Take what was settled so far as lessons, and rank the clients of the rest anew."""
        table = self._table
        table.samples.clear()
        for decision in self.decisions:
            if decision.chance >= 0.99 and not decision.contested:
                prepare.note(table, table.cash[decision.cash], [table.bills[bill] for bill, _ in decision.shares])
        prepare.settle_habits(table)
        prepare.identify(table, self._waiting, thorough=thorough)
        self._known.clear()

    def _guess_habits(self) -> None:
        """Where sure matches are too few to show a client's habit, take the one that all its payments fit best together."""
        table = self._table
        by_pool: dict[int, list[Cash]] = defaultdict(list)
        for cash in self._waiting:
            if cash.pools and cash.pools[0][1] > prepare.UNSURE and cash.paid:
                by_pool[cash.pools[0][0]].append(cash)
        for index, waiting in by_pool.items():
            pool, samples = table.pools[index], table.samples.get(index, [])
            if len(samples) >= MIN_SAMPLES:
                continue
            lags = [[cash.paid - bill.issued for bill in pool.worth(cash.amount) if bill.issued] for cash in waiting]
            pool.habit = guess(lags, [paid - issued for issued, _, paid in samples if issued and paid])

    def _remainders(self) -> None:
        """Let payments settle what a deduction left open: last, and only to the cent."""
        table = self._table
        for pool in table.pools:
            for bill in pool.bills:
                if table.claims.bill_left[bill.index] and not table.wants[bill.index]:
                    table.wants[bill.index] = table.claims.bill_left[bill.index]
                    pool.changed(bill.index)
        self._known.clear()
        self._pass(deep=False, needed=0.9, kinds=EXACT)

    # ── equal amounts, instalments ──────────────────────────────────────────────────────────────────────────────────────
    def _equal_amounts(self, needed: float) -> None:
        edges: dict[int, dict[int, float]] = {}
        offers: dict[tuple[int, int], Hypothesis] = {}
        otherwise: dict[int, float] = {}
        for cash in self._waiting:
            amount = self._table.claims.cash_left[cash.index]
            found = self._hypotheses(cash, amount, deep=True)
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
        wants = self._table.wants
        for bill, parts in adding_up(self._table.pools[pool_index], waiting, wants):
            total = wants[bill.index]
            explained = Explained(Evidence.SUM, -4.0, f"1/{len(parts)}")
            for cash in parts:
                cites = [cite for cite in cash.cites.get(pool_index, ()) if cite.bill == bill.index]
                named = bool(cites)
                if not named and cash.amount != parts[0].amount:
                    continue  # unnamed and unequal: as likely chance
                hypothesis = Hypothesis(pool_index, (bill.index,), total, explained, 0.0, int(named), 0, False, False, False)
                self._settle(cash, hypothesis, 0.95 if named else 0.75, contested=False, stage=Evidence.SUM)


def _speaks_plainly(best: Hypothesis) -> bool:
    """Whether a shallow look is enough: an exact amount, or one that a single surely named invoice or a usual rate explains.

    Where the words name some of the invoices only, the others may be named with slips, which a shallow look does not read.
    """
    if best.exact:
        return best.cited == 0 or best.plain or (best.cited == len(best.bills) and best.slips > 0)
    named = best.cited == len(best.bills) and not best.slips and not best.contradicted and not best.loose
    return named and (len(best.bills) == 1 or best.explained.evidence is Evidence.DISCOUNT)
