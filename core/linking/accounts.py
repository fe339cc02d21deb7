"""Parties of all systems joined to accounts: one client, one account, over every connection.

Evidence, surest first: what the operator wrote, what was joined before, parent and sub-customer, one name in both systems,
invoices with one number and total in both, one mail domain of the client's own. A party that fits two clients is joined to
neither and told as an ambiguity. An account's id is the first books party's "connection:ref" and never changes while any of
its parties is left.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.books import Account
from core.linking.names import firm_domain, mail_addresses, name_key
from core.linking.numbers import invoice_marks
from core.records import Invoice, Party, RecordKey, Ref, Role, Stream, key_of

_RANK = {Role.BOOKS: 0, Role.PSA: 1, Role.BANK: 2, Role.AGENCY: 3, Role.CHANNEL: 4}
_DIGITS = re.compile(r"(\d+)")
_SURE_SHARED = 2  # invoices with one number and total in both systems that settle a link against the name


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambiguity:
    """A party that may stand for more than one client; `candidates` are parties of the other system."""

    party: RecordKey
    candidates: tuple[RecordKey, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkResult:
    """Accounts sorted by id, what could not be decided, and explicit parties that no system has."""

    accounts: tuple[Account, ...]
    ambiguities: tuple[Ambiguity, ...]
    unknown: tuple[str, ...] = ()


def link_accounts(
    parties: Iterable[Party],
    invoices: Iterable[Invoice] = (),
    *,
    explicit: Mapping[str, Sequence[str]] | None = None,
    existing: Iterable[Account] = (),
    roles: Mapping[str, Role] | None = None,
    segments: Mapping[str, str] | None = None,
) -> LinkResult:
    """Join `parties` to accounts. `explicit` maps a client's name or "connection:ref" to parties written "connection:ref".

    `segments` gives, by the same keys, an account's dunning segment. Runs in n log n.
    """
    joiner = _Joiner(sorted(parties, key=lambda item: (item.connection, item.ref)), dict(roles or {}))
    unknown = joiner.join_explicit(explicit or {})
    before = tuple(sorted(existing, key=lambda item: item.id))
    joiner.join_existing(before)
    joiner.join_children()
    ambiguities = joiner.join_systems(tuple(invoices))
    accounts = joiner.accounts(before, explicit or {}, segments or {})
    return LinkResult(accounts=accounts, ambiguities=ambiguities, unknown=unknown)


@dataclass
class _Joiner:
    """A union-find over parties. Groups that the operator wrote never merge with one another."""

    parties: list[Party]
    roles: dict[str, Role]
    parent: dict[RecordKey, RecordKey] = field(default_factory=dict)
    owner: dict[RecordKey, str] = field(default_factory=dict)  # root -> explicit key

    def __post_init__(self) -> None:
        self.by_key = {key_of(item): item for item in self.parties}
        self.parent = {key: key for key in self.by_key}

    def root(self, key: RecordKey) -> RecordKey:
        while self.parent[key] != key:
            self.parent[key] = self.parent[self.parent[key]]
            key = self.parent[key]
        return key

    def union(self, one: RecordKey, two: RecordKey) -> bool:
        """Join two groups; false when the operator keeps them apart."""
        first, second = sorted((self.root(one), self.root(two)))
        if first == second:
            return True
        owners = {self.owner[root] for root in (first, second) if root in self.owner}
        if len(owners) > 1:
            return False
        self.parent[second] = first
        if owners:
            self.owner[first] = owners.pop()
        return True

    # ── what is known ───────────────────────────────────────────────────────────────────────────────────────────────────
    def join_explicit(self, explicit: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        unknown: list[str] = []
        for name in sorted(explicit):
            listed = [*explicit[name], *([name] if self._key(name) in self.by_key else ())]
            keys = [key for text in listed if (key := self._key(text)) in self.by_key]
            unknown += [text for text in explicit[name] if self._key(text) not in self.by_key]
            for key in keys:
                if self.owner.setdefault(self.root(key), name) == name:
                    self.union(keys[0], key)
        return tuple(unknown)

    def _key(self, text: str) -> RecordKey:
        connection, _, ref = text.partition(":")
        return RecordKey(connection, Stream.PARTIES, Ref(ref))

    def join_existing(self, existing: Sequence[Account]) -> None:
        for account in existing:
            known = [key for key in account.parties if key in self.by_key]
            for key in known[1:]:
                self.union(known[0], key)

    def join_children(self) -> None:
        for party in self.parties:
            above = RecordKey(party.connection, Stream.PARTIES, party.parent_ref) if party.parent_ref else None
            if above in self.by_key:
                self.union(above, key_of(party))

    # ── what the records say ────────────────────────────────────────────────────────────────────────────────────────────
    def join_systems(self, invoices: tuple[Invoice, ...]) -> tuple[Ambiguity, ...]:
        """Join each connection to those before it, books first."""
        connections = sorted(
            {item.connection for item in self.parties}, key=lambda name: (_RANK[self.roles.get(name, Role.BOOKS)], name)
        )
        found: list[Ambiguity] = []
        for position, later in enumerate(connections):
            for earlier in connections[:position]:
                found += _Pair(self, earlier, later, invoices).join()
        return tuple(sorted(found, key=lambda item: item.party))

    def groups(self, connection: str) -> dict[RecordKey, list[Party]]:
        found: dict[RecordKey, list[Party]] = defaultdict(list)
        for party in self.parties:
            if party.connection == connection:
                found[self.root(key_of(party))].append(party)
        return found

    # ── what comes out ──────────────────────────────────────────────────────────────────────────────────────────────────
    def accounts(
        self, existing: Sequence[Account], explicit: Mapping[str, Sequence[str]], segments: Mapping[str, str]
    ) -> tuple[Account, ...]:
        groups: dict[RecordKey, list[Party]] = defaultdict(list)
        for party in self.parties:
            groups[self.root(key_of(party))].append(party)
        ids: dict[RecordKey, Account] = {}
        for account in existing:
            for key in account.parties:
                if key in self.by_key:
                    ids.setdefault(self.root(key), account)
        by_name = {name_key(name): name for name in (*explicit, *segments)}
        made = [self._account(root, group, ids.get(root), by_name, segments) for root, group in groups.items()]
        return tuple(sorted(_unique(made), key=lambda item: item.id))

    def _account(
        self,
        root: RecordKey,
        group: list[Party],
        before: Account | None,
        by_name: Mapping[str, str],
        segments: Mapping[str, str],
    ) -> Account:
        ordered = sorted(group, key=self._precedence)
        first = ordered[0]
        written = self.owner.get(root) or by_name.get(name_key(first.name)) or f"{first.connection}:{first.ref}"
        return Account(
            id=before.id if before else f"{first.connection}:{first.ref}",
            name=first.name,
            parties=tuple(sorted(key_of(item) for item in group)),
            segment=segments.get(written) or (before.segment if before and not segments else None),
        )

    def _precedence(self, party: Party) -> tuple[object, ...]:
        rank = _RANK[self.roles.get(party.connection, Role.BOOKS)]
        return (rank, party.parent_ref is not None, not party.active, party.connection, natural(party.ref), party.ref)


def _unique(accounts: list[Account]) -> Iterable[Account]:
    """An account that was split keeps its id in the part with the id's own party; the others take their own."""
    taken: dict[str, Account] = {}
    for account in sorted(accounts, key=lambda item: (item.id not in _own_ids(item), item.parties)):
        free = next((name for name in (account.id, *_own_ids(account)) if name not in taken), account.id)
        taken[free] = (
            account
            if free == account.id
            else Account(id=free, name=account.name, parties=account.parties, segment=account.segment)
        )
    return taken.values()


def _own_ids(account: Account) -> list[str]:
    return [f"{key.connection}:{key.ref}" for key in account.parties]


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts "9" before "10"."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _DIGITS.split(text) if part)


_Sides = tuple[dict[str, set[RecordKey]], dict[str, set[RecordKey]]]  # earlier, later


class _Pair:
    """Joins the groups of one connection (`later`) to those of another (`earlier`)."""

    def __init__(self, joiner: _Joiner, earlier: str, later: str, invoices: tuple[Invoice, ...]) -> None:
        self.joiner = joiner
        self.left, self.right = joiner.groups(earlier), joiner.groups(later)
        self.linked = self.left.keys() & self.right.keys()
        self.names = (_index(self.left, _name_keys), _index(self.right, _name_keys))
        self.domains = (_index(self.left, _domains), _index(self.right, _domains))
        self.shared = self._shared(earlier, later, invoices)

    def join(self) -> list[Ambiguity]:
        """Decide on everything first, then join, so that order does not matter."""
        open_right = [root for root in self.right if root not in self.linked]
        decided: dict[RecordKey, RecordKey] = {}
        unclear: list[Ambiguity] = []
        for root in open_right:
            chosen, candidates, why = self._choose(root)
            if chosen is not None:
                decided[root] = chosen
            elif candidates:
                unclear.append(self._ambiguity(root, candidates, why))
        claims: dict[RecordKey, list[RecordKey]] = defaultdict(list)
        for root, chosen in decided.items():
            claims[chosen].append(root)
        for chosen, roots in claims.items():
            if len(roots) == 1:
                self.joiner.union(chosen, roots[0])
            else:
                unclear += [self._ambiguity(root, {chosen}, "several records of one system fit it") for root in roots]
        return unclear

    def _choose(self, root: RecordKey) -> tuple[RecordKey | None, set[RecordKey], str]:
        by_name = self._free(self.names, root)
        by_invoice = {other for other, count in self.shared.get(root, {}).items() if count > 0} - self.linked
        settled = {other for other, count in self.shared.get(root, {}).items() if count >= _SURE_SHARED} - self.linked
        both = by_name & (settled or by_invoice)
        if len(both) == 1:
            return both.pop(), set(), ""
        if by_name:
            if len(by_name) == 1 and not settled:
                return next(iter(by_name)), set(), ""
            return None, by_name | settled, "its name and its invoices fit several clients"
        if len(by_invoice) == 1:
            return next(iter(by_invoice)), set(), ""
        if by_invoice:
            return None, by_invoice, "its invoice numbers stand under several clients"
        by_domain = self._free(self.domains, root)
        if len(by_domain) == 1 and self._alone(self.domains, root):
            return by_domain.pop(), set(), ""
        return None, set(), ""

    def _free(self, index: _Sides, root: RecordKey) -> set[RecordKey]:
        found = {other for key in self._keys(index, root) for other in index[0].get(key, ())} - self.linked
        alive = {other for other in found if any(party.active for party in self.left[other])}
        return alive or found  # a record that was merged into another or laid aside does not make its namesake ambiguous

    def _keys(self, index: _Sides, root: RecordKey) -> set[str]:
        read = _name_keys if index is self.names else _domains
        return {key for party in self.right[root] for key in read(party)}

    def _alone(self, index: _Sides, root: RecordKey) -> bool:
        return all(len(index[side].get(key, ())) <= 1 for key in self._keys(index, root) for side in (0, 1))

    def _shared(self, earlier: str, later: str, invoices: tuple[Invoice, ...]) -> dict[RecordKey, dict[RecordKey, int]]:
        """How many invoices with one number and total two groups share; numbers alone repeat between companies."""
        left: dict[object, set[RecordKey]] = defaultdict(set)
        right: dict[object, set[RecordKey]] = defaultdict(set)
        for invoice in invoices:
            side = left if invoice.connection == earlier else right if invoice.connection == later else None
            party = RecordKey(invoice.connection, Stream.PARTIES, invoice.party_ref)
            if side is None or party not in self.joiner.by_key or invoice.total.minor == 0:
                continue
            for key in invoice_marks(invoice):
                side[(key, invoice.total)].add(self.joiner.root(party))
        found: dict[RecordKey, dict[RecordKey, int]] = defaultdict(lambda: defaultdict(int))
        for mark, roots in right.items():
            others = left.get(mark, set())
            if len(roots) == 1 and len(others) == 1:
                found[next(iter(roots))][next(iter(others))] += 1
        return found

    def _ambiguity(self, root: RecordKey, candidates: Iterable[RecordKey], why: str) -> Ambiguity:
        party = min(key_of(item) for item in self.right[root])
        others = sorted(min(key_of(item) for item in self.left[other]) for other in candidates)
        return Ambiguity(party=party, candidates=tuple(others), why=why)


def _name_keys(party: Party) -> set[str]:
    return {name_key(name) for name in (party.name, party.legal_name) if name} - {""}


def _domains(party: Party) -> set[str]:
    return {domain for address in mail_addresses(party.email) if (domain := firm_domain(address))}


def _index(groups: Mapping[RecordKey, list[Party]], read: Callable[[Party], set[str]]) -> dict[str, set[RecordKey]]:
    found: dict[str, set[RecordKey]] = defaultdict(set)
    for root, parties in groups.items():
        for party in parties:
            for key in read(party):
                found[key].add(root)
    return found
