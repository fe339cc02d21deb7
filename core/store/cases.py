"""Collections cases: their events, append-only and journaled in the same commit, and the documents kept as evidence.

A case belongs to the account its row names, which follows linking as holds and plans do. An invoice is in one open case at most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select

from core.collections.case import Case, CaseEvent, Fact, Opened
from core.collections.case_moves import FACTS, IllegalMove, fold, follow, kind_of
from core.errors import StoreError, UsageError
from core.records import RecordKey, Ref, Stream
from core.store.among import among
from core.store.case_tables import DocumentRow as _DocumentRow
from core.store.journal import Note, append
from core.store.part import Part, chunks, to_json
from core.store.record_tables import table

LARGEST_DOCUMENT = 25 * 1024 * 1024  # bytes; what mail servers commonly take in one message
_DOCUMENTS = _DocumentRow.__tablename__


class CaseVerbs(Part):
    """Opening cases, adding events, reading; keeping documents."""

    def open_case(self, opened: Opened, *, by: str, now: datetime) -> Case:
        """Open a case. UsageError when one of its invoices is in another open case."""
        with self._db.write() as tx:
            self._db.queue_behind(tx, "journal")
            taken = {key: case.id for case in self._load(tx, None).values() if case.open for key in case.invoices}
            clash = next((f"{key} is in case {taken[key]}" for key in sorted(opened.invoices) if key in taken), None)
            if clash is not None:
                raise UsageError(f"{clash} already", remedy="Add to that case, or close it first.")
            case_id = _new_id(tx, opened, now)
            event = CaseEvent(case=case_id, number=1, at=now, by=by, fact=opened)
            case = fold([event])
            tx.execute(insert(table("cases")), [{"id": case_id, "account": opened.account, "opened_at": now}])
            self._write(tx, event, case.account)
        return case

    def append_case_event(self, case_id: str, fact: Fact, *, by: str, now: datetime, after: int | None = None) -> Case:
        """Add one event, in the caller's unit if there is one; the case as it is then.

        `after`: number of the last event the caller has seen; IllegalMove when there are newer ones, or the fact does not fit.
        """
        with self._db.write() as tx:
            self._db.queue_behind(tx, "journal")
            case = self._load(tx, [case_id]).get(case_id)
            if case is None:
                raise UsageError(f"There is no case {case_id}.", remedy="See them with: duesync collections list")
            number = (case.number if after is None else after) + 1
            event = CaseEvent(case=case_id, number=number, at=now, by=by, fact=fact)
            changed = follow(case, event)
            self._write(tx, event, case.account)
        return changed

    def case(self, case_id: str) -> Case:
        """One case by its id, or by the beginning of it where that names one only. UsageError otherwise."""
        held = table("cases")
        with self._db.read() as tx:
            names = sorted(row[0] for row in tx.execute(select(held.c.id)) if row[0].startswith(case_id)) if case_id else []
            wanted = [case_id] if case_id in names else names
            if len(wanted) != 1:
                problem = f"{case_id} could be any of {', '.join(wanted)}." if wanted else f"There is no case {case_id}."
                raise UsageError(problem, remedy="See them with: duesync collections list")
            return self._load(tx, wanted)[wanted[0]]

    def cases(self, account: str | None = None, *, include_closed: bool = True) -> tuple[Case, ...]:
        """Cases of one account or all, the oldest first."""
        with self._db.read() as tx:
            found = self._load(tx, None, account)
        return tuple(case for case in found.values() if include_closed or case.open)

    def case_events(self, case_id: str) -> tuple[CaseEvent, ...]:
        """The events of one case, in order."""
        with self._db.read() as tx:
            return _events(tx, [case_id]).get(case_id, ())

    def first_seen(self, keys: Collection[RecordKey]) -> dict[RecordKey, datetime]:
        """When each of these records was first pulled; those not held are left out."""
        held = table("records")
        found: dict[RecordKey, datetime] = {}
        groups: dict[tuple[str, Stream], list[str]] = {}
        for key in keys:
            groups.setdefault((key.connection, key.stream), []).append(key.ref)
        with self._db.read() as tx:
            for (connection, stream), refs in sorted(groups.items()):
                mine = (held.c.connection == connection, held.c.stream == stream.value)
                for some in chunks(refs):
                    rows = tx.execute(select(held.c.ref, held.c.first_seen_at).where(*mine, among(held.c.ref, some)))
                    found |= {RecordKey(connection, stream, Ref(row[0])): row[1] for row in rows}
        return found

    def put_document(self, content: bytes, *, now: datetime) -> str:
        """Keep a document; its SHA-256. UsageError when it is empty or too large to be sent anywhere."""
        if not content or len(content) > LARGEST_DOCUMENT:
            size = "empty" if not content else f"{len(content) // 1024 // 1024} MB large"
            raise UsageError(f"the document is {size}", remedy=f"Keep documents below {LARGEST_DOCUMENT // 1024 // 1024} MB.")
        name = hashlib.sha256(content).hexdigest()
        with self._db.write() as tx:
            self._db.add_new(tx, table(_DOCUMENTS), {"sha256": name, "kept_at": now, "content": content})
        return name

    def document(self, sha256: str) -> bytes | None:
        """A document's bytes; None if there is none of that hash. StoreError when they are no longer what was kept."""
        held = table(_DOCUMENTS)
        with self._db.read() as tx:
            content = tx.execute(select(held.c.content).where(held.c.sha256 == sha256)).scalar()
        if content is None:
            return None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoreError(
                f"The document {sha256[:12]} was changed in the store.", remedy="Restore a backup, or attach it again."
            )
        return bytes(content)

    def _write(self, tx: Connection, event: CaseEvent, account: str) -> None:
        kind, fact = kind_of(event.fact), to_json(event.fact)
        row = {"case_id": event.case, "number": event.number, "at": event.at, "by": event.by, "kind": kind, "fact": fact}
        tx.execute(insert(table("case_events")), [row])
        detail = {"account": account, "number": event.number, "fact": msgspec.json.decode(fact)}
        append(self._db, tx, [Note(f"case.{kind}", f"case/{event.case}", detail)], now=event.at, actor=event.by)

    def _load(self, tx: Connection, ids: Collection[str] | None, account: str | None = None) -> dict[str, Case]:
        """Cases by id, the oldest first; each under the account its row names by now."""
        held = table("cases")
        statement = select(held).order_by(held.c.opened_at, held.c.id)
        if ids is not None:
            statement = statement.where(among(held.c.id, ids))
        if account is not None:
            statement = statement.where(held.c.account == account)
        owners = {row.id: row.account for row in tx.execute(statement)}
        events = _events(tx, list(owners))
        return {name: replace(fold(events[name]), account=owner) for name, owner in owners.items()}


def _new_id(tx: Connection, opened: Opened, now: datetime) -> str:
    """Eight digits of a hash over whose case it is and when it was opened: short enough to type."""
    digest = hashlib.sha256(to_json([opened.account, opened.invoices, now]).encode()).hexdigest()
    held = table("cases")
    if tx.execute(select(held.c.id).where(held.c.id == digest[:8])).first() is None:
        return digest[:8]
    raise IllegalMove("this very case was opened already", remedy="See them with: duesync collections list")


def _events(tx: Connection, ids: list[str]) -> Mapping[str, tuple[CaseEvent, ...]]:
    held = table("case_events")
    found: dict[str, list[CaseEvent]] = {}
    for some in chunks(ids):
        statement = select(held).where(among(held.c.case_id, some)).order_by(held.c.case_id, held.c.number)
        for row in tx.execute(statement):
            found.setdefault(row.case_id, []).append(_event(row))
    return {name: tuple(events) for name, events in found.items()}


def _event(row: Any) -> CaseEvent:
    fact: Fact = msgspec.json.decode(row.fact, type=FACTS[row.kind])
    return CaseEvent(case=row.case_id, number=row.number, at=row.at, by=row.by, fact=fact)
