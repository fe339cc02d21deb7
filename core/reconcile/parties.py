"""Clients entered twice, and clients of one system that could be several of another.

Two records of one system are one client when their names are one name (legal forms, case and copy suffixes aside), or when
they share a mail address or telephone number and their names are nearly one. Sub-customers are no duplicates of their parent.
Sources: vendors/xero.md R8, R9, quickbooks.md R4, R18, product.md E36.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from rapidfuzz.fuzz import token_sort_ratio

from core.findings import Finding, FindingKind, Severity
from core.linking import Ambiguity, link_accounts
from core.linking.accounts import natural
from core.linking.names import loose_key, mail_addresses, name_key
from core.money import Money
from core.reconcile.desk import Desk
from core.reconcile.evidence import fact, plain
from core.reconcile.wording import where
from core.reconcile.world import World
from core.records import Party, RecordKey, Ref, key_of

_NEARLY = 80  # of 100: "Northwind Trader" and "Northwind Traders LLC", not "Kookies by Kathy" and "Red Rock Diner"
_PHONE_DIGITS = 9
_MOST_SHARING = 6  # a telephone number or mail address that more records share is a bookkeeper's or a group's


def duplicate_parties(desk: Desk) -> Iterator[Finding]:
    """Records of this account that repeat an older record of another account."""
    twins = _twins(desk.world)
    for party in desk.books.parties:
        found = twins.get(key_of(party))
        if found is not None:
            yield _duplicate(desk, party, *found)


def _twins(world: World) -> Mapping[RecordKey, tuple[Party, str, float]]:
    """Every repeated party with the one it repeats, why, and the chance; computed once per world."""
    if "twins" not in world.memory:
        found: dict[RecordKey, tuple[Party, str, float]] = {}
        for why, groups in (("name", _by_name(world)), ("mail address", _by_mail(world)), ("telephone number", _by_phone(world))):
            for group in groups:
                _pair_up(world, group, why, found)
        world.memory["twins"] = found
    result: Mapping[RecordKey, tuple[Party, str, float]] = world.memory["twins"]
    return result


def repeated(world: World) -> Mapping[tuple[str, Ref], frozenset[Ref]]:
    """By (connection, ref) of a party the refs of the other records of its connection that seem to be the same client."""
    if "repeated" not in world.memory:
        found: dict[tuple[str, Ref], set[Ref]] = defaultdict(set)
        for key, (older, _, _) in _twins(world).items():
            found[(key.connection, key.ref)].add(older.ref)
            found[(key.connection, older.ref)].add(key.ref)
        world.memory["repeated"] = {place: frozenset(refs) for place, refs in found.items()}
    result: Mapping[tuple[str, Ref], frozenset[Ref]] = world.memory["repeated"]
    return result


def _pair_up(world: World, group: list[Party], why: str, found: dict[RecordKey, tuple[Party, str, float]]) -> None:
    ordered = sorted(group, key=lambda item: (natural(item.ref), item.ref))
    for position, party in enumerate(ordered):
        for older in ordered[:position]:
            if key_of(party) in found or _one_account(world, party, older):
                continue
            if why == "name" or _nearly_one(name_key(party.name), name_key(older.name)):
                found[key_of(party)] = (older, why, 0.92 if why == "name" else 0.85)


def _nearly_one(one: str, two: str) -> bool:
    """A slip of the pen, not a further word: "Harbor Dental Airport" is a site of "Harbor Dental", not the same record twice."""
    more, less = sorted((set(one.split()), set(two.split())), key=len, reverse=True)
    return not less < more and token_sort_ratio(one, two) >= _NEARLY


def _one_account(world: World, one: Party, two: Party) -> bool:
    first = world.account(one.connection, one.ref)
    return first is not None and first == world.account(two.connection, two.ref)


def _by_name(world: World) -> Iterator[list[Party]]:
    yield from _groups(world, lambda party: {loose_key(party.name)})


def _by_mail(world: World) -> Iterator[list[Party]]:
    yield from _groups(world, lambda party: set(mail_addresses(party.email)))


def _by_phone(world: World) -> Iterator[list[Party]]:
    def digits(party: Party) -> set[str]:
        number = re.sub(r"\D", "", party.phone or "")
        return {number[-_PHONE_DIGITS:]} if len(number) >= _PHONE_DIGITS else set()

    yield from _groups(world, digits)


def _groups(world: World, keys: Callable[[Party], set[str]]) -> Iterator[list[Party]]:
    found: dict[tuple[str, str], list[Party]] = defaultdict(list)
    for party in world.parties.values():
        if party.active:
            for key in keys(party) - {""}:
                found[(party.connection, key)].append(party)
    yield from (group for group in found.values() if 1 < len(group) <= _MOST_SHARING)


def _duplicate(desk: Desk, party: Party, older: Party, why: str, confidence: float) -> Finding:
    currency = party.currency or (desk.books.currencies or ("USD",))[0]
    mine = [item for item in desk.open_invoices if (item.connection, item.party_ref) == (party.connection, party.ref)]
    owed = Money(sum(item.open.minor for item in mine if item.open.currency == currency), currency)
    return desk.find(
        FindingKind.DUPLICATE_PARTY,
        (party, older),
        at_stake=owed,
        confidence=confidence,
        severity=Severity.MEDIUM,
        what=f"{party.name} ({party.ref}) and {older.name} ({older.ref}) have one {why}.",
        proposal=f"{where(desk.system(party.connection))}: if they are one client, merge {party.ref} into {older.ref}; "
        "payments on one cannot pay the other's invoices.",
        more={"why": why, "contact": [plain(item) for item in (party.email, older.email, party.phone, older.phone)]},
    )


def ambiguous_links(desk: Desk) -> Iterator[Finding]:
    """Records of this account that could stand for several clients of another system, and so stand for none."""
    for item in _ambiguities(desk.world):
        if desk.world.books.account_of_party.get(item.party) == desk.account:
            yield _ambiguous(desk, item)


def _ambiguities(world: World) -> tuple[Ambiguity, ...]:
    if "ambiguities" not in world.memory:
        accounts = [books.account for books in world.books.accounts.values()]
        linked = link_accounts(world.parties.values(), world.invoices.values(), existing=accounts, roles=world.books.roles)
        world.memory["ambiguities"] = linked.ambiguities
    result: tuple[Ambiguity, ...] = world.memory["ambiguities"]
    return result


def _ambiguous(desk: Desk, item: Ambiguity) -> Finding:
    party = desk.world.parties[(item.party.connection, item.party.ref)]
    others = [desk.world.parties[(key.connection, key.ref)] for key in item.candidates]
    names = ", ".join(f"{other.name} ({other.connection}:{other.ref})" for other in others)
    currency = party.currency or (desk.books.currencies or ("USD",))[0]
    owed = Money(sum(one.open.minor for one in desk.books.open_invoices(currency)), currency)
    return desk.find(
        FindingKind.AMBIGUOUS_LINK,
        (party, *others),
        at_stake=owed,
        confidence=0.9,
        severity=Severity.MEDIUM,
        what=f"{party.name} ({party.connection}:{party.ref}) could be {names}: {item.why}.",
        proposal=f'Say which it is: [accounts."{party.name}"] parties = ["{party.connection}:{party.ref}", …] in duesync.toml.',
        more={"why": item.why, "candidates": [fact(other) for other in others]},
    )
