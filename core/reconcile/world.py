"""The books indexed once: what was applied to each invoice, which payments stand in deposits, whose each number and name is.

A `World` spans all accounts, so that examining one account sees exactly what a full pass would see. Building it is linear in
the number of records; every question below is a look-up.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from core.books import COUNTED_PAYMENTS, AccountBooks, Books
from core.linking.names import name_key, words
from core.linking.numbers import Named, bare_key, named_numbers, number_key, tail_key
from core.money import Money
from core.reconcile.rules import ReconcileRules
from core.records import (
    Adjustment,
    Allocation,
    CreditNote,
    Deposit,
    DepositLine,
    DocumentStatus,
    Invoice,
    Party,
    Payment,
    RecordKey,
    Ref,
    Role,
    Stream,
    key_of,
)
from core.unread import called_in

Source = Payment | CreditNote | Adjustment
Place = tuple[str, Ref]  # connection and ref of an invoice
LIVE = frozenset({DocumentStatus.OPEN, DocumentStatus.CLOSED})


@dataclass(frozen=True, slots=True)
class Applied:
    """Money of `source` on an invoice. `counted` is false when the source is void or reversed."""

    source: Source
    allocation: Allocation
    counted: bool

    @property
    def amount(self) -> Money:
        return self.allocation.amount


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a deposit with the deposit it stands in."""

    deposit: Deposit
    line: DepositLine


@dataclass(frozen=True, slots=True)
class Mention:
    """An invoice that a payment's reference or memo names. `sure`: the text can hardly mean anything else (a check, a year).

    `marked`: the text says itself that it is an invoice number, by its letters or a word before it. `digits`: how many figures
    name it; none where the word before them says that they name something else (an account, a check).
    """

    invoice: Invoice
    sure: bool
    marked: bool
    digits: int


@dataclass(frozen=True)
class World:
    """Everything the families of findings may ask. `today` is the day they are asked on."""

    books: Books
    today: date
    rules: ReconcileRules
    systems: Mapping[str, str] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict, repr=False)  # what modules compute once per world
    _mentions: dict[RecordKey, tuple[Mention, ...]] = field(default_factory=dict, repr=False)

    def account(self, connection: str, party: Ref | None) -> str | None:
        return None if party is None else self.books.find_party(connection, party)

    def account_of(self, record: Invoice | Payment | CreditNote) -> str | None:
        return self.account(record.connection, record.party_ref)

    def role(self, connection: str) -> Role:
        return self.books.roles.get(connection, Role.BOOKS)

    @cached_property
    def invoices(self) -> Mapping[Place, Invoice]:
        return {(item.connection, item.ref): item for books in self.books.all() for item in books.invoices}

    @cached_property
    def parties(self) -> Mapping[Place, Party]:
        return {(item.connection, item.ref): item for books in self.books.all() for item in books.parties}

    @cached_property
    def applied(self) -> Mapping[Place, tuple[Applied, ...]]:
        """What was applied to each invoice, by payments, credit notes and journal entries, whichever account they stand in."""
        found: dict[Place, list[Applied]] = defaultdict(list)
        for books in self.books.all():
            for source, counted in _sources(books):
                for allocation in source.allocations:
                    found[(source.connection, allocation.invoice_ref)].append(Applied(source, allocation, counted))
        return {place: tuple(items) for place, items in found.items()}

    @cached_property
    def half_read(self) -> frozenset[RecordKey]:
        """Invoices, payments and credit notes of which an allocation could not be read: nobody can say what is applied there."""
        found: set[RecordKey] = set()
        for connection, row in self.books.malformed:
            if row.stream is Stream.ALLOCATIONS and row.ref is not None:
                source, _, invoice = row.ref.partition(">")
                found.add(RecordKey(connection, Stream.INVOICES, Ref(invoice)))
                found.update(RecordKey(connection, stream, Ref(source)) for stream in (Stream.PAYMENTS, Stream.CREDIT_NOTES))
        return frozenset(found)

    @cached_property
    def unread_invoices(self) -> Mapping[str, tuple[frozenset[str], Counter[str]]]:
        """Of each connection the numbers of invoices that could not be read, and how many such bills each agreement has."""
        numbers: dict[str, set[str]] = defaultdict(set)
        agreements: dict[str, Counter[str]] = defaultdict(Counter)
        for connection, row in self.books.malformed:
            if row.stream is Stream.INVOICES:
                called = called_in(row.problem)
                keys = [number_key(called.get(word)) for word in ("number", "reference")]
                numbers[connection].update({*keys, *map(bare_key, keys)} - {""})
                agreements[connection][called.get("agreement", "")] += 1
        return {name: (frozenset(numbers[name]), agreements[name]) for name in agreements}

    @cached_property
    def half_read_clients(self) -> frozenset[Place]:
        """Clients of which a record could not be read: what the rest comes to is no balance."""
        called = ((connection, called_in(row.problem).get("client")) for connection, row in self.books.malformed)
        return frozenset((connection, Ref(client)) for connection, client in called if client)

    @cached_property
    def credit_uses(self) -> Mapping[RecordKey, int]:
        """Minor units of each credit note or journal entry that payments carried to invoices."""
        used: dict[RecordKey, int] = defaultdict(int)
        for books in self.books.all():
            for payment in books.payments:
                if payment.status in COUNTED_PAYMENTS:
                    for use in payment.credits_used:
                        used[RecordKey(payment.connection, use.stream, use.ref)] += use.amount.minor
        return used

    @cached_property
    def shows_credit_use(self) -> frozenset[str]:
        """Connections that say what became of credit notes."""
        used = {key.connection for key in self.credit_uses}
        return frozenset(used) | frozenset(place[0] for place, items in self.applied.items() if _by_credit(items))

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Every deposit line once, however many accounts list the deposit."""
        deposits = {key_of(item): item for books in self.books.all() for item in books.deposits}
        return tuple(Line(deposits[key], line) for key in sorted(deposits) for line in deposits[key].lines)

    @cached_property
    def open_amounts(self) -> Mapping[tuple[str, Money], int]:
        """How many open invoices of a connection owe each amount, over all clients."""
        found: dict[tuple[str, Money], int] = defaultdict(int)
        for invoice in self.invoices.values():
            if invoice.status is DocumentStatus.OPEN and invoice.open.minor > 0:
                found[(invoice.connection, invoice.open)] += 1
        return found

    @cached_property
    def lines_of_payment(self) -> Mapping[Place, tuple[Line, ...]]:
        found: dict[Place, list[Line]] = defaultdict(list)
        for item in self.lines:
            if item.line.payment_ref is not None:
                found[(item.deposit.connection, item.line.payment_ref)].append(item)
        return {place: tuple(items) for place, items in found.items()}

    @cached_property
    def keeps_allocations(self) -> frozenset[str]:
        """Connections that say what was applied to what. Elsewhere an invoice's identity cannot be checked."""
        return frozenset(connection for connection, _ in self.applied)

    @cached_property
    def first_payments(self) -> Mapping[str, date]:
        """The day of each connection's first payment: what was settled before it is history we were not given."""
        first: dict[str, date] = {}
        for books in self.books.all():
            for payment in books.payments:
                first[payment.connection] = min(payment.paid_on, first.get(payment.connection, payment.paid_on))
        return first

    @cached_property
    def first_invoices(self) -> Mapping[str, date]:
        """The day of each connection's first invoice."""
        first: dict[str, date] = {}
        for (connection, _), invoice in self.invoices.items():
            first[connection] = min(invoice.issued_on, first.get(connection, invoice.issued_on))
        return first

    def elsewhere(self, invoice: Invoice) -> tuple[Invoice, ...]:
        """Invoices of the same number and total under another client in another system."""
        key = number_key(invoice.number)
        others = sorted(self.first_invoices.keys() - {invoice.connection}) if key else ()
        found = (item for name in others for item in self.numbers.get((name, key), ()))
        mine = self.account_of(invoice)
        return tuple(item for item in found if item.total == invoice.total and self.account_of(item) != mine)

    @cached_property
    def lines_of_account(self) -> Mapping[str | None, tuple[Line, ...]]:
        """Deposit lines that no payment record carries, by the account they name; None holds those that name nobody."""
        found: dict[str | None, list[Line]] = defaultdict(list)
        for item in self.lines:
            if item.line.payment_ref is None:
                found[self.account(item.deposit.connection, item.line.party_ref)].append(item)
        return {account: tuple(items) for account, items in found.items()}

    @cached_property
    def numbers(self) -> Mapping[tuple[str, str], tuple[Invoice, ...]]:
        """Invoices by connection and number key, and by the key without its leading marker."""
        found: dict[tuple[str, str], list[Invoice]] = defaultdict(list)
        for invoice in self.invoices.values():
            if invoice.status not in LIVE and invoice.status is not DocumentStatus.VOID:
                continue
            key = number_key(invoice.number)
            for alias in {key, tail_key(key)} - {""}:
                found[(invoice.connection, alias)].append(invoice)
        return {key: tuple(items) for key, items in found.items()}

    @cached_property
    def shared_references(self) -> frozenset[tuple[str, str]]:
        """References that payments of several clients carry: a direct-debit run, a payment service. They name no payment."""
        used: dict[tuple[str, str], set[str | None]] = defaultdict(set)
        for books in self.books.all():
            for payment in books.payments:
                for text in {plain_reference(payment), payment_text(payment)}:
                    used[(payment.connection, text)].add(books.account.id)
        return frozenset(key for key, accounts in used.items() if len(accounts) >= _MANY_CLIENTS)

    def mentions(self, payment: Payment) -> tuple[Mention, ...]:
        """The invoices that the payment's reference and memo name, in every account of its connection."""
        key = key_of(payment)
        if key not in self._mentions:
            self._mentions[key] = tuple(self._find_mentions(payment))
        return self._mentions[key]

    @cached_property
    def references(self) -> Mapping[tuple[str, str], Invoice]:
        """The one invoice whose reference is this number and which no invoice has as its own: the PSA's number on the bill."""
        found: dict[tuple[str, str], list[Invoice]] = defaultdict(list)
        for invoice in self.invoices.values():
            key = number_key(invoice.reference) if invoice.status in LIVE else ""
            for alias in {key, tail_key(key)} - {""}:
                found[(invoice.connection, alias)].append(invoice)
        return {key: items[0] for key, items in found.items() if len(items) == 1 and key not in self.numbers}

    def named_in(self, connection: str, text: str | None) -> Iterable[tuple[Invoice, Named]]:
        """Invoices of a connection whose number, or whose own reference, stands in `text` as whole tokens."""
        for named in named_numbers(text):
            for invoice in self.numbers.get((connection, named.key), ()):
                yield invoice, named
            referred = self.references.get((connection, named.key))
            if referred is not None:
                yield referred, named

    def _find_mentions(self, payment: Payment) -> Iterable[Mention]:
        held: dict[Place, tuple[bool, bool, int]] = {}
        common = (payment.connection, plain_reference(payment)) in self.shared_references
        check = "check" in words(payment.method or "") or "cheque" in words(payment.method or "")
        for text, may_be_check in ((None if common else payment.reference, True), (payment.memo, False)):
            for invoice, named in self.named_in(payment.connection, text):
                if invoice.issued_on > payment.paid_on + _NAMED_AHEAD:
                    continue  # nobody knew that number yet
                if check and may_be_check and not named.marked and named.digits < _LONGER_THAN_CHECKS:
                    continue  # the number of the check itself
                equal = payment.amount in (invoice.total, invoice.open)
                if not (named.telling or (equal and named.digits >= _SHORT_EQUAL)):
                    continue
                place = (invoice.connection, invoice.ref)
                sure, marked, digits = held.get(place, (False, False, 0))
                certain = equal or (named.marked if may_be_check else named.telling)
                held[place] = (sure or certain, marked or named.marked, max(digits, 0 if named.other else named.digits))
        return (Mention(self.invoices[place], *said) for place, said in sorted(held.items()))

    @cached_property
    def names(self) -> Mapping[tuple[str, str], tuple[Party, ...]]:
        """Parties by connection and name key, legal names included; namesakes that were laid aside stand behind active ones."""
        found: dict[tuple[str, str], dict[Ref, Party]] = defaultdict(dict)
        for party in self.parties.values():
            for name in (party.name, party.legal_name):
                if name and name_key(name):
                    found[(party.connection, name_key(name))][party.ref] = party
        return {key: _active_first(items.values()) for key, items in found.items()}


def _active_first(parties: Iterable[Party]) -> tuple[Party, ...]:
    every = tuple(parties)
    return tuple(item for item in every if item.active) or every


def _by_credit(items: tuple[Applied, ...]) -> bool:
    return any(isinstance(item.source, CreditNote) for item in items)


_NAMED_AHEAD = timedelta(days=31)  # a bill that is dated later than its payment, but sent before
_LONGER_THAN_CHECKS = 5  # digits; the numbers on checks mostly have four
_MANY_CLIENTS = 3  # two clients with one reference may be one payment under the wrong client
_SHORT_EQUAL = 3  # a bare three-digit number counts when the amounts agree to the cent


def _sources(books: AccountBooks) -> Iterable[tuple[Source, bool]]:
    for payment in books.payments:
        yield payment, payment.status in COUNTED_PAYMENTS
    for note in books.credit_notes:
        yield note, note.status in LIVE
    for item in books.adjustments:
        yield item, True


def plain_reference(payment: Payment) -> str:
    """The reference without case and space, for comparing."""
    return "".join((payment.reference or "").casefold().split())


def payment_text(payment: Payment) -> str:
    """What names this one payment: its reference, or where it has none a memo with an id in it."""
    reference = plain_reference(payment)
    memo = "".join((payment.memo or "").casefold().split())
    return reference or (f"memo {memo}" if _ID.search(memo) else "")


_ID = re.compile(r"\d{4}")
