"""Who paid: the clients a payment may come from, by bank account, payer's name, references and, where all fail, the amount.

Accounts and payer names are learned from sure matches: the same account belongs to the same client, unless it was seen to pay for
several (a shared account, a group that pays for its subsidiaries). Weights are logarithms; 0 is "surely this one".
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from types import MappingProxyType

from core.matching.names import NameIndex, key, words
from core.matching.pools import Bill, Cash, Pool
from core.matching.references import Word, keys_of, otherwise, prefix_of

UNRELATED_NAME = -4.5
OTHER_ACCOUNT = -5.0
STRANGER_LIMIT = 24
GLOBAL_GAIN = 6.0
SPACED = 1.0  # what a space inside a reference costs
FAR_BEHIND = 2.6
KNOWN = -0.7
FEW = 2
ANYBODY = 4.0  # what knowing the client is worth: one of about fifty; fixed, so that a new client changes no other's matches
_LIKENESS = ((0.97, 0.0), (0.92, -0.4), (0.85, -1.0), (0.75, -2.0), (0.65, -3.0), (0.5, -4.0))


class GlobalReferences:
    """Where a strong reference leads when nobody knows the client: string → bills, over all clients."""

    def __init__(self, bills: Iterable[Bill], keys: Mapping[int, Mapping[str, float]], common: Container[str] = ()) -> None:
        self._keys, self._common = keys, common
        self._bills: dict[str, list[int]] = defaultdict(list)
        for bill in bills:
            for text, gain in keys[bill.index].items():
                if gain >= GLOBAL_GAIN:
                    self._bills[text].append(bill.index)

    def named(self, found: Iterable[Word]) -> dict[int, list[int]]:
        """Bills by place in the memo that the words name exactly, where they are few."""
        places: dict[int, list[int]] = {}
        for word in found:
            bills = self._bills.get(word.text)
            if bills and len(bills) <= STRANGER_LIMIT:
                meant = [bill for bill in bills if self._meant(word, bill)] if word.before or word.cost > SPACED else bills
                if meant:
                    places.setdefault(word.anchor, []).extend(meant)
        return places

    def _meant(self, word: Word, bill: int) -> bool:
        keys = self._keys[bill]
        return keys[word.text] - otherwise(word, keys, self._common) - max(word.cost - SPACED, 0.0) >= GLOBAL_GAIN


class Directory:
    """Ranks the clients of payments; learns as matches become sure."""

    def __init__(self, parties: Sequence[str], pools: Sequence[Pool], limit: int) -> None:
        """`parties[c]` is the name of client c."""
        self._names = NameIndex([words(party) for party in parties])
        self._pools = {(pool.client, pool.currency): pool for pool in pools}
        self._client_of_pool = {pool.index: pool.client for pool in pools}
        self._accounts: dict[str, Counter[int]] = defaultdict(Counter)
        self._payers: dict[str, Counter[int]] = defaultdict(Counter)
        self._aliases = NameIndex([])
        self._alias_keys: list[str] = []
        self._likenesses: dict[str, dict[int, float]] = {}
        self._limit = limit

    def learn(self, cash: Cash, client: int) -> None:
        """`cash` surely came from `client`."""
        if cash.account:
            self._accounts[cash.account][client] += 2
        if cash.payer:
            self._payers[key(cash.payer)][client] += 2

    def settle(self) -> None:
        """Make the payer names learned so far findable in the variants people and banks make of them, too."""
        self._likenesses.clear()
        self._alias_keys = sorted(self._payers)
        self._aliases = NameIndex([words(name) for name in self._alias_keys])

    def learn_names(self, payments: Iterable[Cash]) -> None:
        """Take an account whose payer has exactly one client's name as a hint of whose account it is."""
        for cash in payments:
            if cash.account and cash.payer:
                best = self._names.find(cash.payer)
                if best and best[0][1] >= 0.97 and (len(best) == 1 or best[1][1] < 0.9):
                    self._accounts[cash.account][best[0][0]] += 1

    def rank(
        self, cash: Cash, named: Iterable[Bill], worth: Iterable[Bill], fits: Mapping[int, float] = MappingProxyType({})
    ) -> list[tuple[int, float]]:
        """(pool, weight) of the likeliest clients; `named` bills its words lead to, `worth` bills of exactly its amount.

        `fits` (client → how well words and amount agree, any scale) decides between clients that are as likely otherwise.
        """
        likeness = self._likeness(cash.payer) if cash.payer else {}
        accounts, payers = self._accounts.get(cash.account), self._payers.get(key(cash.payer)) if cash.payer else None
        here: dict[int, float] = {}

        def weigh(clients: Iterable[int]) -> None:
            found = (client for client in clients if (client, cash.currency) in self._pools)
            here.update((client, self._weight(client, cash, likeness, accounts, payers)) for client in found)

        weigh({*likeness, *(accounts or ()), *(payers or ())})
        said = self._clients_of(named)
        if len(said) <= FEW or max(here.values(), default=-99.0) <= KNOWN:  # else these would be far behind
            weigh(said)
        if max(here.values(), default=-99.0) < -2.5:
            strangers = self._clients_of(worth)
            if len(strangers) <= STRANGER_LIMIT:
                weigh(strangers)
        best = sorted(here.items(), key=lambda item: (-item[1], -fits.get(item[0], -math.inf), item[0]))[: self._limit]
        worst = best[0][1] - FAR_BEHIND if best and best[0][1] > KNOWN else -math.inf
        sure = said if len(said) <= FEW else ()  # a reference outweighs a name, if it leads to few
        found = [(client, weight) for client, weight in best if weight >= worst or client in sure]
        return [(self._pools[client, cash.currency].index, weight) for client, weight in found]

    def _likeness(self, payer: str) -> dict[int, float]:
        """Client → how like `payer` is to its name, or to a name it was seen to pay under."""
        known = self._likenesses.get(payer)
        if known is not None:
            return known
        found = self._likenesses[payer] = dict(self._names.find(payer))
        for alias, near in self._aliases.find(payer):
            votes = self._payers[self._alias_keys[alias]]
            for client, count in votes.items():
                if 2 * count > votes.total():
                    found[client] = max(found.get(client, 0.0), near)
        return found

    def _clients_of(self, bills: Iterable[Bill]) -> set[int]:
        return {self._client_of_pool[bill.pool] for bill in bills}

    def _weight(
        self, client: int, cash: Cash, likeness: Mapping[int, float], accounts: Counter[int] | None, payers: Counter[int] | None
    ) -> float:
        weight = -ANYBODY
        if accounts:
            weight += self._learned(accounts, client, OTHER_ACCOUNT)
        if payers and _share(payers, client) > 0.3:
            weight += self._learned(payers, client, UNRELATED_NAME)
        elif cash.payer:
            near = likeness.get(client, 0.0)
            weight += next((ANYBODY + cost for least, cost in _LIKENESS if near >= least), UNRELATED_NAME)
        return min(weight, 0.0)

    def _learned(self, votes: Counter[int], client: int, other: float) -> float:
        share = _share(votes, client)
        return ANYBODY + math.log(share) if share > 0.02 else other


def _share(votes: Counter[int], client: int) -> float:
    return votes.get(client, 0) / (votes.total() + 0.5)


def bill_keys(bill: Bill, common: Container[str]) -> dict[str, float]:
    """Every string that names an invoice: its number, its own id, and the order or other reference it carries."""
    found = dict(keys_of(bill.number, common=common)) if bill.number else {}
    for text, gain in keys_of(bill.id, whole_only=bool(bill.number), common=common).items():
        found.setdefault(text, gain)
    if bill.reference:
        for text, gain in keys_of(bill.reference, common=common).items():
            found.setdefault(text, gain - 0.5)
    return found


def common_prefixes(bills: Iterable[Bill]) -> frozenset[str]:
    """Letters that more than three numbers, ids or references begin with."""
    counts = Counter(prefix_of(text) for bill in bills for text in (bill.number, bill.id, bill.reference) if text)
    return frozenset(prefix for prefix, count in counts.items() if prefix and count > 3)
