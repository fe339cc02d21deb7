"""Lays out invoices and payments for the passes: sorted, so that order of input never shows; grouped by client and currency."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field

from core.matching.citations import GRACE, Cite, ReferenceIndex, likeness, strongest
from core.matching.claims import Claims
from core.matching.clients import Directory, GlobalReferences, bill_keys, common_prefixes
from core.matching.habits import learn
from core.matching.instalments import Begun
from core.matching.likelihood import PER_MYRIAD, SHORT_RATES, STRONG_CITE, explain
from core.matching.pools import Bill, Cash, Pool, ordinal
from core.matching.references import read_words
from core.matching.values import IncomingPayment, MatchSettings, OpenInvoice
from core.money import exponent

LONGEST_MEMO = 400
MOST_STRANGERS = 150
MOST_OF_A_RATE = 8
UNSURE = -2.5
SURE = -0.7


@dataclass
class Table:
    """Everything the passes share.

    `wants` is what each bill still waits for: what Claims has left, or nothing once a deduction was taken for settling it.
    `amounts` are (amount, bill) per currency, rising.
    """

    invoices: list[OpenInvoice]
    payments: list[IncomingPayment]
    bills: list[Bill]
    cash: list[Cash]
    pools: list[Pool]
    claims: Claims
    wants: list[int]
    directory: Directory
    references: GlobalReferences
    by_amount: dict[tuple[str, int], list[Bill]]
    keys: dict[int, dict[str, float]]
    clients: dict[str, int]
    amounts: dict[str, list[tuple[int, int]]]
    common: frozenset[str] = frozenset()
    samples: dict[int, list[tuple[int, int, int]]] = field(default_factory=lambda: defaultdict(list))
    begun: Begun = field(default_factory=Begun)

    def unit(self, cash: Cash) -> int:
        """Minor units that make one of the payment's currency; at least 100, so that a yen is small change."""
        return int(max(10 ** exponent(cash.currency), 100))


def lay_out(invoices: Iterable[OpenInvoice], payments: Iterable[IncomingPayment], settings: MatchSettings) -> Table:
    """The table for a set of invoices and payments. ValueError if an id stands twice: claims would not be exclusive."""
    owed = sorted(invoices, key=lambda item: item.id)
    paid = sorted(payments, key=lambda item: item.id)
    _unique(item.id for item in owed)
    _unique(item.id for item in paid)
    notes = [item for item in owed if item.open.minor < 0]
    owed = [item for item in owed if item.open.minor > 0]
    paid = [item for item in paid if item.amount.minor > 0]
    bills = [_bill(index, item) for index, item in enumerate(owed)]
    cash = [_cash(index, item) for index, item in enumerate(paid)]
    claims = Claims((bill.amount for bill in bills), (item.amount for item in cash))
    parties = sorted({_client(item) for item in owed})
    clients = {party: index for index, party in enumerate(parties)}
    wants = list(claims.bill_left)
    pools = _pools(owed, bills, clients, wants)
    _lay_out_credits(notes, pools, clients)
    names = {clients[_client(item)]: item.party for item in reversed(owed)}
    common = common_prefixes(bills)
    keys = {bill.index: bill_keys(bill, common) for bill in bills}
    by_amount: dict[tuple[str, int], list[Bill]] = defaultdict(list)
    for bill in bills:
        by_amount[pools[bill.pool].currency, bill.amount].append(bill)
    directory = Directory([names[index] for index in range(len(parties))], pools, settings.pools)
    amounts: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for (currency, amount), found in sorted(by_amount.items()):
        amounts[currency] += [(amount, bill.index) for bill in found]
    references = GlobalReferences(bills, keys, common)
    return Table(owed, paid, bills, cash, pools, claims, wants, directory, references, by_amount, keys, clients, amounts, common)


def _unique(ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for identity in ids:
        if identity in seen:
            raise ValueError(f"{identity!r} stands twice among the invoices or payments; ids must be unique")
        seen.add(identity)


def _client(invoice: OpenInvoice) -> str:
    return invoice.client if invoice.client is not None else " ".join(invoice.party.casefold().split())


def _bill(index: int, item: OpenInvoice) -> Bill:
    return Bill(
        index, item.id, item.number or "", item.reference or "", item.open.minor, ordinal(item.issued_on), ordinal(item.due_on)
    )


def _cash(index: int, item: IncomingPayment) -> Cash:
    account = "".join(char for char in item.account.upper() if char.isalnum())
    paid = ordinal(item.paid_on)
    return Cash(index, item.id, item.amount.minor, paid, item.amount.currency, account, item.payer, item.memo[:LONGEST_MEMO])


def _pools(owed: Sequence[OpenInvoice], bills: Sequence[Bill], clients: dict[str, int], wants: list[int]) -> list[Pool]:
    members: dict[tuple[int, str], list[Bill]] = defaultdict(list)
    for item, bill in zip(owed, bills, strict=True):
        members[clients[_client(item)], item.open.currency].append(bill)
    pools = []
    for index, ((client, currency), found) in enumerate(sorted(members.items())):
        for bill in found:
            bill.pool = index
        pools.append(Pool(index, client, currency, found, wants))
    return pools


def _lay_out_credits(notes: Iterable[OpenInvoice], pools: Iterable[Pool], clients: dict[str, int]) -> None:
    """Give each client's pool its open credit notes: rows whose open amount is negative."""
    pool_of = {(pool.client, pool.currency): pool for pool in pools}
    for item in notes:
        pool = pool_of.get((clients.get(_client(item), -1), item.open.currency))
        if pool is not None:
            pool.credits.setdefault(-item.open.minor, []).append(item.number or item.id)


# ── who paid, and what the words say ────────────────────────────────────────────────────────────────────────────────────
def identify(table: Table, cash: Iterable[Cash], *, thorough: bool = False) -> None:
    """Rank the clients of each payment; where the caller knows the client, it is the only one.

    `thorough` also looks for payments of no known client among the invoices of nearly their amount that the words may name.
    """
    pool_of = {(pool.client, pool.currency): pool.index for pool in table.pools}
    for item in cash:
        known = table.payments[item.index].client
        if known is not None:
            index = pool_of.get((table.clients.get(known, -1), item.currency))
            item.pools = [] if index is None else [(index, 0.0)]
            continue
        named = [table.bills[bill] for bill in sorted({bill for found in item.named.values() for bill in found})]
        worth = table.by_amount.get((item.currency, item.amount), ())
        item.pools = table.directory.rank(item, named, worth)
        if not item.pools or item.pools[0][1] < UNSURE:
            perhaps = _perhaps_named(table, item) if thorough else []
            item.pools = table.directory.rank(item, [*named, *perhaps], worth, _fits(table, item))


def _fits(table: Table, cash: Cash) -> dict[int, float]:
    """Client → how well its invoices that the words name agree with the amount: places named, and the best single fit."""
    places: dict[int, set[int]] = defaultdict(set)
    best: dict[int, float] = {}
    for place, bills in cash.named.items():
        for index in bills:
            bill = table.bills[index]
            client = table.pools[bill.pool].client
            places[client].add(place)
            if table.wants[index]:
                weight = explain(table.wants[index], cash.amount, table.unit(cash)).weight
                best[client] = max(best.get(client, -math.inf), weight)
    return {client: 3.0 * len(found) + max(best.get(client, -20.0), -20.0) for client, found in places.items()}


def _perhaps_named(table: Table, cash: Cash) -> list[Bill]:
    """Invoices of any client that want this amount or a little more and that the words name, slips corrected."""
    amounts = table.amounts.get(cash.currency, [])
    start = bisect_left(amounts, (cash.amount - table.unit(cash), -1))
    words = read_words(cash.memo)
    near = [table.bills[bill] for _, bill in amounts[start : start + MOST_STRANGERS]]
    for rate in SHORT_RATES:
        wanted = cash.amount * PER_MYRIAD // (PER_MYRIAD - rate)
        start = bisect_left(amounts, (wanted - 1, -1))
        near += [table.bills[bill] for amount, bill in amounts[start : start + MOST_OF_A_RATE] if amount <= wanted + 2]
    return [bill for bill in near if table.wants[bill.index] and likeness(words, table.keys[bill.index]) >= 1.2]


def first_lessons(table: Table) -> None:
    """Learn accounts, payer names and habits from payments whose words and amount agree on one client beyond doubt."""
    table.directory.learn_names(table.cash)
    for cash in table.cash:
        cash.named = table.references.named(read_words(cash.memo))
        found = plain_match(table, cash)
        if found:
            note(table, cash, found)
    settle_habits(table)


def note(table: Table, cash: Cash, bills: Sequence[Bill]) -> None:
    """Remember a sure match."""
    table.directory.learn(cash, table.pools[bills[0].pool].client)
    table.samples[bills[0].pool] += [(bill.issued, bill.due, cash.paid) for bill in bills]


def settle_habits(table: Table) -> None:
    """Give every client the habit its sure matches show."""
    for index, samples in table.samples.items():
        table.pools[index].habit = learn(samples)
    table.directory.settle()


def plain_match(table: Table, cash: Cash) -> list[Bill]:
    """The bills of one client that the words name exactly, if they add up to the amount and no other client's do.

    One bill at each place, or several of one order, and none of the future.
    """
    by_pool: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for place, bills in cash.named.items():
        for bill in bills:
            if not not_yet(table.bills[bill], cash):
                by_pool[table.bills[bill].pool][place].add(bill)
    fitting: list[set[int]] = []
    for pool, places in by_pool.items():
        members = {bill for found in places.values() for bill in found}
        one_each = all(len(found) == 1 or _of_one_order(table, found) for found in places.values())
        worth = table.pools[pool].currency == cash.currency and sum(table.bills[bill].amount for bill in members) == cash.amount
        if one_each and worth:
            fitting.append(members)
    return [table.bills[bill] for bill in sorted(fitting[0])] if len(fitting) == 1 else []


def _of_one_order(table: Table, bills: Iterable[int]) -> bool:
    orders = {table.bills[bill].reference for bill in bills}
    return len(orders) == 1 and "" not in orders


def not_yet(bill: Bill, cash: Cash) -> bool:
    """Whether the bill was written well after the payment: its number stands in the words by chance, or by a slip."""
    return 0 < cash.paid < bill.issued - GRACE


def named_by_client(table: Table, cash: Cash) -> list[Bill]:
    """The open bills of the likeliest client that the words name, one at each place, if they add up to the amount."""
    if not cash.pools or cash.pools[0][1] < SURE:
        return []
    places: dict[int, int] = {}
    for cite in cash.cites[cash.pools[0][0]]:
        if cite.gain >= STRONG_CITE and not cite.slips and places.setdefault(cite.anchor, cite.bill) != cite.bill:
            return []
    found = sorted(set(places.values()))
    wants = [table.wants[bill] for bill in found]
    return [table.bills[bill] for bill in found] if found and all(wants) and sum(wants) == cash.amount else []


def read_cites(table: Table, cash: Iterable[Cash], options: int, *, level: int, held: Set[int] = frozenset()) -> None:
    """Read each payment's words against the references of each client it may come from, one client's index at a time.

    Level 0 reads them as they stand, 1 corrects slips in words that name nothing, 2 in all (a slip may make another's number).
    Slips are corrected towards bills that want money, and those `held` by a payment that may have to give them back.
    """
    wanted: dict[int, list[Cash]] = defaultdict(list)
    for item in cash:
        for pool, _ in item.pools:
            wanted[pool].append(item)
    for pool, readers in wanted.items():
        bills = table.pools[pool].bills
        unpaid = {bill.index for bill in bills if table.wants[bill.index] or bill.index in held}
        keys = {bill.index: table.keys[bill.index] for bill in bills}
        index = ReferenceIndex(keys, {bill.index: bill.issued for bill in bills}, unpaid, table.common)
        for item in readers:
            item.cites[pool] = _cites(index, item, options, level)


def _cites(index: ReferenceIndex, cash: Cash, options: int, level: int) -> list[Cite]:
    words = read_words(cash.memo)
    exact = index.exact(words, cash.paid, options=options)
    if not level:
        return exact
    settled = 0
    if level == 1:
        for cite in exact:
            settled |= cite.mask if cite.gain >= STRONG_CITE else 0
    slipped = index.slipped(words, cash.paid, options=options, settled=settled)
    return strongest((*exact, *slipped))
