"""Where everything about one client stands: for each table, which rows are its. Export reads them, erasure empties them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, false, or_, select

from core.books import Account
from core.store.among import among
from core.store.changes import CLASS_OF
from core.store.part import chunks
from core.store.record_tables import METADATA, PART_TABLES, RECORD_TABLES, table
from core.store.shape import children

_SUBJECTS = {
    "outbox": "outbox",
    "hold": "holds",
    "finding": "findings",
    "promise": "promises",
    "plan": "payment_plans",
    "contact": "contact_log",
}
_CHILDREN = {"case_events": ("case_id", "cases"), "outbox_steps": ("outbox_id", "outbox")}
Key = tuple[str, str, str]  # connection, stream, ref


@dataclass(slots=True)
class Places:
    """The rows of one client, by table. `records` are the keys of its records, those deleted at the vendor included."""

    account: Account
    records: set[Key] = field(default_factory=set)
    ids: dict[str, list[str]] = field(default_factory=dict)  # of the rows that are kept under the account's id, by table

    def rows(self, tx: Connection, held: Table) -> Iterator[Any]:
        """The rows of `held` that are about the client."""
        for condition in self.conditions(held):
            yield from tx.execute(select(held).where(condition).order_by(*held.primary_key))

    def conditions(self, held: Table) -> list[ColumnElement[bool]]:
        """What picks the client's rows out of `held`, in slices that fit a statement; empty where it can have none."""
        if held.name in self.ids and "id" in held.c:
            return _slices(held.c.id, self.ids[held.name])
        if "account" in held.c:
            return [held.c.account == self.account.id]
        if held.name in _CHILDREN:
            column, owner = _CHILDREN[held.name]
            return _slices(held.c[column], self.ids.get(owner, []))
        named = self._named(held)
        return [] if named is None else named

    def _named(self, held: Table) -> list[ColumnElement[bool]] | None:
        if held.name == "accounts":
            return [held.c.id == self.account.id]
        if held.name == "account_parties":
            return [held.c.account_id == self.account.id]
        if held.name == "journal":
            return _slices(held.c.subject, sorted(self.subjects()))
        if held.name == "change_log":
            return self._of_parties(held.c.connection, held.c.party_ref)
        return self._of_records(held)

    def _of_records(self, held: Table) -> list[ColumnElement[bool]] | None:
        """Tables keyed by the records themselves: their identities, their typed rows, their parts."""
        typed = {item.name: stream.value for stream, item in ((stream, RECORD_TABLES[cls]) for stream, cls in CLASS_OF.items())}
        if held.name in typed:
            return self._by_key(held, "ref", typed[held.name])
        if held.name in ("records", "malformed"):
            return self._by_key(held, "ref", None)
        if "owner_ref" in held.c:
            return self._by_key(held, "owner_ref", None)
        return None

    def _by_key(self, held: Table, name: str, only: str | None) -> list[ColumnElement[bool]]:
        stream_column = held.c.owner_stream if "owner_stream" in held.c else held.c.get("stream")
        found = []
        for connection, stream in sorted({(key[0], key[1]) for key in self.records}):
            if only is not None and stream != only:
                continue
            refs = sorted(key[2] for key in self.records if key[:2] == (connection, stream))
            mine = [held.c.connection == connection] + ([] if stream_column is None else [stream_column == stream])
            found += [and_(*mine, condition) for condition in _slices(held.c[name], refs)]
        return found

    def _of_parties(self, connection: ColumnElement[Any], ref: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        return [and_(connection == name, among(ref, refs)) for name, refs in _by_connection(self.account)]

    def subjects(self) -> set[str]:
        """What the journal's entries about the client are entered under."""
        named = {f"{word}/{name}" for word, owner in _SUBJECTS.items() for name in self.ids.get(owner, [])}
        return named | {f"case/{name}" for name in self.ids.get("cases", [])} | {f"account/{self.account.id}"}


def _slices(column: ColumnElement[Any], values: Sequence[str]) -> list[ColumnElement[bool]]:
    return [among(column, some) for some in chunks(values)]


def _by_connection(account: Account) -> list[tuple[str, list[str]]]:
    names = sorted({key.connection for key in account.parties})
    return [(name, sorted(key.ref for key in account.parties if key.connection == name)) for name in names]


def places_of(tx: Connection, account: Account) -> Places:
    """Find everything: records by their party, deleted ones by the change log, the rest by the account's id."""
    found = Places(account)
    for connection, refs in _by_connection(account):
        found.records |= {(connection, "parties", ref) for ref in refs}
        for cls, typed in RECORD_TABLES.items():
            stream = next(stream.value for stream, kind in CLASS_OF.items() if kind is cls)
            found.records |= {(connection, stream, ref) for ref in _refs_of(tx, cls, typed, connection, refs)}
        found.records |= {(connection, *key) for key in _deleted(tx, connection, refs)}
    for held in METADATA.sorted_tables:
        if "account" in held.c and "id" in held.c:
            found.ids[held.name] = list(tx.execute(select(held.c.id).where(held.c.account == account.id)).scalars())
    found.ids["findings"] = _findings_naming(tx, found)
    log = table("contact_log")
    found.ids["contact_log"] = [str(seq) for seq in tx.execute(select(log.c.seq).where(log.c.account == account.id)).scalars()]
    return found


def _deleted(tx: Connection, connection: str, parties: Sequence[str]) -> set[tuple[str, str]]:
    """Records deleted at the vendor that the change log says were of these parties; the payload is all that is left of them."""
    log, held = table("change_log"), table("records")
    same = and_(held.c.connection == log.c.connection, held.c.stream == log.c.stream, held.c.ref == log.c.ref)
    mine = and_(log.c.connection == connection, among(log.c.party_ref, parties), held.c.deleted_at.is_not(None))
    return {(row[0], row[1]) for row in tx.execute(select(log.c.stream, log.c.ref).join(held, same).where(mine).distinct())}


def _refs_of(tx: Connection, cls: type[Any], typed: Table, connection: str, parties: Sequence[str]) -> Iterator[str]:
    """The records of one type that name these parties, by themselves or in one of their lines."""
    if "party_ref" in typed.c:
        mine = and_(typed.c.connection == connection, among(typed.c.party_ref, parties))
        yield from tx.execute(select(typed.c.ref).where(mine)).scalars()
    for shape in children(cls):
        assert shape.of is not None
        lines = PART_TABLES[shape.of]
        if "party_ref" in lines.c:
            stream = next(stream.value for stream, kind in CLASS_OF.items() if kind is cls)
            mine = and_(lines.c.connection == connection, lines.c.owner_stream == stream, among(lines.c.party_ref, parties))
            yield from tx.execute(select(lines.c.owner_ref).where(mine).distinct()).scalars()


def _findings_naming(tx: Connection, found: Places) -> list[str]:
    """The account's findings, and those of others that name one of its records as their subject."""
    held = table("findings")
    names = []
    for row in tx.execute(select(held.c.id, held.c.account, held.c.subjects).order_by(held.c.id)):
        subjects = {tuple(item) for item in msgspec.json.decode(row.subjects)}
        if row.account == found.account.id or subjects & found.records:
            names.append(row.id)
    return names


def lines_of(held: Table, places: Places) -> ColumnElement[bool]:
    """Of a table of lines: those that name one of the client's parties themselves, whoever the others belong to."""
    named = [
        and_(held.c.connection == connection, among(held.c.party_ref, refs))
        for connection, refs in _by_connection(places.account)
    ]
    return or_(*named) if named else false()
