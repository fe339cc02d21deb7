"""Reading the books: rows of the store grouped by account, as the pure rooms want them.

A record goes to the account of its party; a deposit to every account that one of its lines names, by party or by payment.
What belongs to nobody stands in `unassigned`. Everything is read in one transaction: the books are of one moment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select

from core.books import Account, AccountBooks, Books
from core.records import STREAM_OF, Deposit, Party, Payment, Record, RecordKey, Ref, Stream
from core.store import malformed
from core.store.accounts import load_accounts, load_roles, parties_of
from core.store.among import among
from core.store.changes import CLASS_OF
from core.store.codec import load_records
from core.store.collector import collector_paused
from core.store.part import Part, chunks
from core.store.payloads import Payloads
from core.store.record_tables import RECORD_TABLES, table

_UNASSIGNED = ""
_connection, _ref, _party_ref = attrgetter("connection"), attrgetter("ref"), attrgetter("party_ref")
_CREDITING = (Stream.PAYMENTS, Stream.CREDIT_NOTES, Stream.ADJUSTMENTS)


class ReadVerbs(Part):
    """Records one by one, and the books as a whole."""

    _payloads: Payloads

    def find_record(self, key: RecordKey) -> Record | None:
        """The live record of that name; None when it is unknown or deleted."""
        cls = CLASS_OF.get(key.stream)
        if cls is None:
            return None
        typed = RECORD_TABLES[cls]
        with self._db.read() as tx:
            found = load_records(tx, cls, typed.c.connection == key.connection, typed.c.ref == key.ref)
        return found[0] if found else None

    def digest(self, key: RecordKey) -> str | None:
        """The content digest of a live record: what InvoiceMention.digest is compared with."""
        held = table("records")
        with self._db.read() as tx:
            found: str | None = tx.execute(select(held.c.digest).where(*_named(held, key), held.c.deleted_at.is_(None))).scalar()
        return found

    def raw(self, key: RecordKey) -> bytes | None:
        """The vendor's payload the record was read from, a deleted record's last one included."""
        held = table("records")
        with self._db.read() as tx:
            packed = tx.execute(select(held.c.raw).where(*_named(held, key))).scalar()
            return None if packed is None else self._payloads.unpack(tx, packed)

    def digests(self, keys: Collection[RecordKey]) -> dict[RecordKey, str]:
        """The content digests of those of `keys` that are alive."""
        held = table("records")
        groups: dict[tuple[str, Stream], list[str]] = {}
        for key in keys:
            groups.setdefault((key.connection, key.stream), []).append(key.ref)
        found: dict[RecordKey, str] = {}
        with self._db.read() as tx:
            for (connection, stream), refs in groups.items():
                for some in chunks(refs):
                    mine = (held.c.connection == connection, held.c.stream == stream.value, among(held.c.ref, some))
                    for row in tx.execute(select(held.c.ref, held.c.digest).where(*mine, held.c.deleted_at.is_(None))):
                        found[RecordKey(connection, stream, Ref(row[0]))] = row[1]
        return found

    def load_books(self, *, now: datetime, accounts: Collection[str] | None = None) -> Books:
        """The books at `now`: all of them, or those of `accounts` with the accounts their money is allocated across.

        Records of nobody are always there, in `unassigned`. Sequences are sorted by connection and ref.
        """
        with collector_paused(), self._db.read() as tx:
            known = load_accounts(tx)
            chosen = known if accounts is None else _with_neighbours(tx, known, accounts)
            gathered = _Gathered(homes=parties_of(known.values()), wanted=None if accounts is None else frozenset(chosen))
            for cls in STREAM_OF:
                gathered.add(cls, load_records(tx, cls, *_conditions(cls, gathered)))
            roles = load_roles(tx)
            unreadable = malformed.load(tx)
        books = {name: gathered.books(account, roles) for name, account in chosen.items()}
        nobody = gathered.books(Account(id=_UNASSIGNED, name="", parties=()), roles)
        return Books(as_of=now, accounts=books, unassigned=nobody, roles=roles, malformed=unreadable)


@dataclass(slots=True)
class _Gathered:
    """Records by account and stream while they are read."""

    homes: Mapping[tuple[str, str], str]
    wanted: frozenset[str] | None
    groups: dict[str, dict[str, list[Record]]] = field(default_factory=dict)
    payers: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, cls: type[Record], records: list[Any]) -> None:
        """Take every record of a type; afterwards `records` is in order of connection and ref."""
        name = STREAM_OF[cls].value
        records.sort(key=_ref)
        records.sort(key=_connection)
        found: dict[str, list[Record]] = {}
        for record, account in self._homes_of(cls, records):
            if account in found:
                found[account].append(record)
            elif self.wanted is None or account in self.wanted or account == _UNASSIGNED:
                found[account] = [record]
        for account, mine in found.items():
            self.groups.setdefault(account, {})[name] = mine

    def _homes_of(self, cls: type[Record], records: Sequence[Any]) -> Iterable[tuple[Any, str]]:
        """Each record with the account it belongs to; a deposit with each of its accounts."""
        if cls is Deposit:
            return [(deposit, account) for deposit in records for account in self._homes_of_deposit(deposit)]
        if cls is Party:
            return [(party, self.homes[(party.connection, party.ref)]) for party in records]
        keys = zip(map(_connection, records), map(_party_ref, records), strict=True)
        homes = [*map(self.homes.get, keys, repeat(_UNASSIGNED))]
        if cls is Payment:
            self.payers.update(zip(zip(map(_connection, records), map(_ref, records), strict=True), homes, strict=True))
        return zip(records, homes, strict=True)

    def _homes_of_deposit(self, deposit: Deposit) -> Iterable[str]:
        found = {
            self.homes.get((deposit.connection, line.party_ref or ""))
            or self.payers.get((deposit.connection, line.payment_ref or ""), _UNASSIGNED)
            for line in deposit.lines
        }
        return sorted(found - {_UNASSIGNED}) or (_UNASSIGNED,)

    def books(self, account: Account, roles: Mapping[str, Any]) -> AccountBooks:
        mine = self.groups.get(account.id, {})
        sequences: dict[str, Any] = {name: tuple(records) for name, records in mine.items()}
        return AccountBooks(account=account, roles=roles, **sequences)


# ── some accounts only ──────────────────────────────────────────────────────────────────────────────────────────────────
def _conditions(cls: type[Record], gathered: _Gathered) -> tuple[ColumnElement[bool], ...]:
    """What to read of a type: everything, or what may belong to the accounts wanted, or to nobody."""
    typed = RECORD_TABLES[cls]
    if gathered.wanted is None or cls is Deposit:
        return ()
    column = typed.c.ref if cls is Party else typed.c.party_ref
    mine = [key for key, account in gathered.homes.items() if account in gathered.wanted]
    theirs = _among(typed.c.connection, column, mine)
    return (or_(theirs, column.is_(None)) if column.nullable else theirs,)


def _among(connection: ColumnElement[Any], ref: ColumnElement[Any], keys: Iterable[tuple[str, str]]) -> ColumnElement[bool]:
    groups: dict[str, list[str]] = {}
    for name, value in keys:
        groups.setdefault(name, []).append(value)
    return or_(
        *(and_(connection == name, among(ref, refs)) for name, refs in sorted(groups.items())), and_(connection == "", ref == "")
    )


def _with_neighbours(tx: Connection, known: Mapping[str, Account], asked: Collection[str]) -> dict[str, Account]:
    """The accounts asked for, and those on the other end of an allocation: without them a paid invoice would look unpaid."""
    chosen = {name: known[name] for name in asked if name in known}
    homes = parties_of(known.values())
    keys = list(parties_of(chosen.values()))
    for some in chunks(keys):
        for connection, party in _across(tx, some):
            home = homes.get((connection, party))
            if home is not None:
                chosen.setdefault(home, known[home])
    return chosen


def _across(tx: Connection, keys: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Parties whose money went to invoices of `keys`, and parties whose invoices money of `keys` went to."""
    for stream in _CREDITING:
        source = RECORD_TABLES[CLASS_OF[stream]]
        yield from _joined(tx, stream, source, keys)


def _joined(tx: Connection, stream: Stream, source: Table, keys: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    applied, invoices = table("allocations"), table("invoices")
    joined = applied.join(
        invoices, and_(invoices.c.connection == applied.c.connection, invoices.c.ref == applied.c.invoice_ref)
    ).join(source, and_(source.c.connection == applied.c.connection, source.c.ref == applied.c.owner_ref))
    apart = and_(applied.c.owner_stream == stream.value, invoices.c.party_ref != source.c.party_ref)
    for mine, other in ((invoices, source), (source, invoices)):
        chosen = _among(mine.c.connection, mine.c.party_ref, keys)
        rows = tx.execute(select(other.c.connection, other.c.party_ref).select_from(joined).where(apart, chosen).distinct())
        yield from ((row[0], row[1]) for row in rows)


def _named(held: Table, key: RecordKey) -> tuple[ColumnElement[bool], ...]:
    return held.c.connection == key.connection, held.c.stream == key.stream.value, held.c.ref == key.ref
