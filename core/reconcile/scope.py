"""Which accounts a change can reach: faults look across clients, so examining only what changed needs its neighbours too.

A change of account X can alter a finding of account Y when money of one is applied to the other's invoice, when Y's payment
names a number or a name of X, when the two have records that could be one client, when both owe one telling amount that a
nameless deposit may pay, or when an open finding of Y names a record of X (also one that is gone now). Whatever belongs to no
account (income nobody's name is on, bank rows) is looked at every time, with the accounts it can reach. Habits of whole
connections are not reached this way: compare `core.reconcile.conventions.conventions` and take a full pass when they differ.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from datetime import date

from core.books import AccountBooks, Books
from core.findings import Finding, FindingKind
from core.linking.names import firm_domain, loose_key, mail_addresses, name_key, words
from core.linking.numbers import number_key
from core.reconcile.conventions import conventions
from core.reconcile.deposits import named_income, nameless_income
from core.reconcile.evidence import telling
from core.reconcile.rules import ReconcileRules
from core.reconcile.strangers import accounts_reached
from core.reconcile.world import World
from core.records import Payment, Stream

_DIGITS = re.compile(r"\d+")


def touched_accounts(
    books: Books, changed: Collection[str], *, rules: ReconcileRules | None = None, open_findings: Iterable[Finding] = ()
) -> frozenset[str | None]:
    """`changed` and every account whose findings the change may alter, and None for what belongs to no account.

    `books` hold all accounts as they are after the change, `open_findings` what was found before it. Of an account that is gone
    nobody knows any more what its records were called: then every account is reached, and it too, for its findings end.
    """
    held = tuple(open_findings)
    if not books.accounts.keys() >= set(changed):
        return frozenset({None, *books.accounts, *changed, *(item.account for item in held)})
    world = World(books=books, today=books.as_of.date(), rules=rules or ReconcileRules.model_validate({}))
    chosen = frozenset(changed)
    seeds = [books.accounts[name] for name in sorted(chosen)]
    reached: set[str | None] = {None, *chosen, *_by_money(world, seeds), *_by_findings(books, chosen, held)}
    reached.update(_by_strangers(world, held))
    reached.update(item.account for item in held if item.account not in books.accounts)
    marks = _Marks(seeds)
    reached.update(
        account.account.id for account in books.accounts.values() if account.account.id not in reached and marks.met(account)
    )
    return frozenset(reached)


def habits(books: Books, today: date, rules: ReconcileRules) -> dict[str, tuple[str, ...]]:
    """The habits of all connections, JSON-plain and comparable: where they differ from the last pass, a full pass is due."""
    return dict(conventions(World(books=books, today=today, rules=rules)))


def _by_strangers(world: World, findings: Iterable[Finding]) -> Iterator[str]:
    """Accounts that money of nobody's reaches now, or was found to reach: it has no account whose change would tell."""
    yield from named_income(world)
    yield from accounts_reached(world)
    amounts = nameless_income(world)
    strangers = world.books.unassigned
    paid = {(item.connection, one.invoice_ref) for item in strangers.payments for one in item.allocations}
    paid |= {(item.connection, one.invoice_ref) for item in strangers.adjustments for one in item.allocations}
    for name, account in world.books.accounts.items():
        if any((item.connection, item.open) in amounts or (item.connection, item.ref) in paid for item in account.invoices):
            yield name
    yield from (item.account for item in findings if item.account is not None and _of_nobodys_money(item))


def _of_nobodys_money(finding: Finding) -> bool:
    """Income, and idle cash told beside an invoice: mostly a bank row's (core.reconcile.strangers)."""
    idle = finding.kind is FindingKind.UNAPPLIED_PAYMENT and any(key.stream is Stream.INVOICES for key in finding.subjects)
    return idle or finding.kind is FindingKind.DEPOSIT_TO_INCOME


def _by_money(world: World, seeds: Iterable[AccountBooks]) -> Iterator[str]:
    """Accounts whose invoices the seeds' money pays, or whose money pays the seeds' invoices."""
    for seed in seeds:
        places = [(item.connection, one.invoice_ref) for item in seed.payments for one in item.allocations]
        places += [(item.connection, one.invoice_ref) for item in seed.credit_notes for one in item.allocations]
        owners = [world.account_of(world.invoices[place]) for place in places if place in world.invoices]
        sources = [item.source for bill in seed.invoices for item in world.applied.get((bill.connection, bill.ref), ())]
        owners += [world.account(item.connection, item.party_ref) for item in sources]
        yield from (owner for owner in owners if owner is not None)


def _by_findings(books: Books, changed: frozenset[str], findings: Iterable[Finding]) -> Iterator[str]:
    owner = {(item.connection, item.ref): name for name in changed for item in books.accounts[name].invoices}
    owner |= {(item.connection, item.ref): name for name in changed for item in books.accounts[name].payments}
    parties = {key for name in changed for key in books.accounts[name].account.parties}
    known = {*books.invoices, *books.payments, *books.account_of_party}
    for finding in findings:
        if finding.account is None or finding.account in changed:
            continue
        for key in finding.subjects:
            if (key.connection, key.ref) in owner or key in parties or key not in known:
                yield finding.account
                break


class _Marks:
    """What other accounts may name of the seeds: ends of invoice numbers, names, addresses, telephone numbers, open amounts."""

    def __init__(self, seeds: Iterable[AccountBooks]) -> None:
        self.numbers: set[str] = set()
        self.names: set[str] = set()
        self.contacts: set[str] = set()
        self.amounts: set[object] = set()
        self.references: set[str] = set()
        for seed in seeds:
            self.numbers.update(_last_digits(text) for item in seed.invoices for text in (item.number, item.reference))
            self.names.update(_names(seed))
            self.contacts.update(_contacts(seed))
            self.amounts.update(item.open for item in seed.invoices if telling(item.open))
            self.references.update(_reference(item) for item in seed.payments)
        for found in (self.numbers, self.names, self.contacts, self.references):
            found.discard("")
        self.first_words = {name.split(" ")[0] for name in self.names}

    def met(self, account: AccountBooks) -> bool:
        """Could anything of this account depend on the seeds?"""
        return (
            not self.names.isdisjoint(_names(account))
            or not self.contacts.isdisjoint(_contacts(account))
            or any(item.open in self.amounts for item in account.invoices)
            or any(_last_digits(text) in self.numbers for item in account.invoices for text in (item.number, item.reference))
            or any(self._named_by(item) for item in account.payments)
        )

    def _named_by(self, payment: Payment) -> bool:
        text = f"{payment.reference or ''} {payment.memo or ''} {payment.payer or ''}"
        if any(run.lstrip("0") in self.numbers for run in _DIGITS.findall(text)) or _reference(payment) in self.references:
            return True
        said = [word for word in words(text) if word != "and"]
        if self.first_words.isdisjoint(said):
            return False
        line = f" {' '.join(said)} "
        return any(f" {name} " in line for name in self.names)


def _last_digits(number: str | None) -> str:
    found = _DIGITS.findall(number or "")
    return found[-1].lstrip("0") if found and number_key(number) else ""


def _names(account: AccountBooks) -> set[str]:
    return {
        key(name) for item in account.parties for name in (item.name, item.legal_name) if name for key in (name_key, loose_key)
    }


def _contacts(account: AccountBooks) -> set[str]:
    found: set[str] = set()
    for item in account.parties:
        addresses = mail_addresses(item.email)
        found.update(addresses)
        found.update(firm_domain(address) or "" for address in addresses)
        found.add(re.sub(r"\D", "", item.phone or "")[-9:])
    return found - {""}


def _reference(payment: Payment) -> str:
    return "".join((payment.reference or "").casefold().split())
