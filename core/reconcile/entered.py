"""Which rows of the bank stand in the books already, and of which nobody can tell?

A row and an entry in the books may be one when their amounts are equal, their days are near and neither names another client
than the other. An entry is one row at most. As many rows as possible are taken for entered, nearest days first, so that nothing
is called idle which the books can hold. Where a row is left over, it may be another one that was not entered: the left one may
be the entry of that one, which then takes the entry of a third. Rows reached by so few changes of places are in doubt, unless
their entry pays the very invoice that they name. A row that names an invoice, and whose entry pays another, may be that entry
put on the wrong invoice, or none at all. Without an end to the changes one row that nobody ever enters would put every
later month of a retainer in doubt.
Sources: product.md E1, D1; unlimited, the rows in doubt are those that some maximum matching leaves out (Dulmage and Mendelsohn).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from core.books import COUNTED_PAYMENTS
from core.money import Money
from core.reconcile.world import Place, World
from core.records import Deposit, DocumentStatus, Payment, RecordKey, Role, key_of

_EARLY, _LATE = 10, 45  # days around the bank's day within which an entry in the books is the same money
_CHANGES = 2  # two entries that were each made weeks late, with the later day, in a row: tests/simulation has such clients


@dataclass(frozen=True, slots=True)
class BankRow:
    """Money that names no customer record, and every word it carries."""

    record: Payment | Deposit
    amount: Money
    on: date
    text: str

    @property
    def key(self) -> RecordKey:
        """The record's."""
        return key_of(self.record)


@dataclass(frozen=True, slots=True)
class Entered:
    """`rows` stand in the books, as far as anybody can tell; of those `in_doubt` the row told there may be the one that does.

    `elsewhere`: of the rows that name an invoice the entry that may be it, where that pays other invoices only.
    """

    rows: frozenset[RecordKey]
    in_doubt: Mapping[RecordKey, RecordKey]
    elsewhere: Mapping[RecordKey, RecordKey]


@dataclass(frozen=True, slots=True)
class _Entry:
    """Money that somebody entered in the books, the client it is booked under (None: it names none), and what it pays."""

    key: RecordKey
    amount: Money
    on: date
    account: str | None
    pays: frozenset[Place] = frozenset()


def entered_rows(
    world: World,
    rows: Sequence[BankRow],
    clients: Mapping[RecordKey, str | None],
    named: Mapping[RecordKey, frozenset[Place]],
) -> Entered:
    """`clients`: the one client that each row names, or None; `named`: the invoices that its words name."""
    entries: dict[Money, list[_Entry]] = defaultdict(list)
    pays: dict[RecordKey, frozenset[Place]] = {}
    for entry in _entries(world):
        entries[entry.amount].append(entry)
        pays[entry.key] = entry.pays
    pairs = sorted(
        (not named[row.key] & entry.pays, abs((entry.on - row.on).days), row.key, entry.key)
        for row in rows
        for entry in entries.get(row.amount, ())
        if _may_be_one(row, entry, clients[row.key])
    )
    certain = _nearest(pair for pair in pairs if not pair[0])
    sure_entries = set(certain.values())
    open_pairs = [pair for pair in pairs if pair[2] not in certain and pair[3] not in sure_entries]
    pairing = _Pairing(_nearest(open_pairs))
    for _, _, row_key, entry_key in open_pairs:
        pairing.fits[row_key].append(entry_key)
    pairing.complete()
    elsewhere = {row: entry for row, entry in pairing.entry_of.items() if named[row] and pays[entry]}
    return Entered(frozenset({*certain, *pairing.entry_of}), pairing.in_doubt(), elsewhere)


def _may_be_one(row: BankRow, entry: _Entry, client: str | None) -> bool:
    elsewhere = entry.key != row.key and entry.key.connection != row.key.connection
    near = -_EARLY <= (entry.on - row.on).days <= _LATE
    return elsewhere and near and (None in (entry.account, client) or entry.account == client)


def _entries(world: World) -> Iterator[_Entry]:
    for account, books in world.books.accounts.items():
        for payment in books.payments:
            if payment.status in COUNTED_PAYMENTS and payment.amount.minor > 0:
                pays = frozenset((payment.connection, item.invoice_ref) for item in payment.allocations)
                yield _Entry(key_of(payment), payment.amount, payment.paid_on, account, pays)
        for sale in books.sales:
            if sale.status is not DocumentStatus.VOID:
                yield _Entry(key_of(sale), sale.amount, sale.sold_on, account)
    deposits = {key_of(item.deposit): item.deposit for item in world.lines if world.role(item.deposit.connection) is Role.BOOKS}
    for key, deposit in deposits.items():
        yield _Entry(key, deposit.amount, deposit.deposited_on, None)


def _nearest(pairs: Iterable[tuple[bool, int, RecordKey, RecordKey]]) -> dict[RecordKey, RecordKey]:
    """The entry of each row, the first pairs first."""
    found: dict[RecordKey, RecordKey] = {}
    taken: set[RecordKey] = set()
    for _, _, row, entry in pairs:
        if row not in found and entry not in taken:
            found[row] = entry
            taken.add(entry)
    return found


@dataclass
class _Pairing:
    """Rows and their entries: made as large as it can be, and then asked which rows could change places with one left over."""

    entry_of: dict[RecordKey, RecordKey]
    fits: dict[RecordKey, list[RecordKey]] = field(default_factory=lambda: defaultdict(list))  # nearest first

    def complete(self) -> None:
        """A row left over takes an entry that others can spare.

        What one search in vain has seen leads no later search anywhere, so all of these together look at each pair once.
        """
        row_of = {entry: row for row, entry in self.entry_of.items()}
        spent: set[RecordKey] = set()
        for row in self._left_over():
            came_from: dict[RecordKey, RecordKey] = {}
            free = self._search(row, row_of, spent, came_from)
            if free is None:
                spent |= came_from.keys()
            while free is not None:
                asker = came_from[free]
                row_of[free] = asker
                given_up = self.entry_of.get(asker)
                self.entry_of[asker] = free
                free = given_up

    def in_doubt(self) -> dict[RecordKey, RecordKey]:
        """Rows that stand in the books unless the row told here does, which is left over."""
        row_of = {entry: row for row, entry in self.entry_of.items()}
        origin = {row: row for row in self._left_over()}
        asking = list(origin)
        for _ in range(_CHANGES):
            reached: list[RecordKey] = []
            for asker in asking:
                for other in (row_of[entry] for entry in self.fits[asker]):
                    if other not in origin:
                        origin[other] = origin[asker]
                        reached.append(other)
            asking = reached
        return {row: left for row, left in origin.items() if row != left}

    def _left_over(self) -> list[RecordKey]:
        return [row for row in self.fits if row not in self.entry_of]

    def _search(
        self, row: RecordKey, row_of: Mapping[RecordKey, RecordKey], spent: set[RecordKey], came_from: dict[RecordKey, RecordKey]
    ) -> RecordKey | None:
        """An entry that is nobody's, in reach of `row`; `came_from` says for each entry on the way which row asked for it."""
        asking = [row]
        for asker in asking:
            for entry in self.fits[asker]:
                if entry in spent or entry in came_from:
                    continue
                came_from[entry] = asker
                if entry not in row_of:
                    return entry
                asking.append(row_of[entry])
        return None
