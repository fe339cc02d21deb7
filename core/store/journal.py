"""The journal: what was decided and done, append-only and hash-chained, so that a later edit, cut or insertion shows.

hash = SHA-256 over the previous hash and the canonical JSON of (seq, at, kind, subject, actor, detail_hash); detail_hash =
SHA-256 over a salt and the detail's canonical JSON. A client's personal data can so be erased (detail and salt go, the hash
stays) without breaking the chain, and nobody can guess the detail back from its hash. The head row counts entries: a tail cut
off shows as well.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from core.store.codec import streamed
from core.store.engine import Database
from core.store.part import Part, to_json
from core.store.record_tables import table
from core.store.values import JournalCheck, JournalEntry

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to enter: `subject` names what it is about ("outbox/1f3a", "finding/9c22"), `detail` is JSON-plain."""

    kind: str
    subject: str
    detail: Mapping[str, Any]


def append(db: Database, tx: Connection, notes: Iterable[Note], *, now: datetime, actor: str) -> None:
    """Enter `notes` in order, in the caller's transaction. Appenders queue at the head row until the other has committed."""
    todo = list(notes)
    if not todo:
        return
    db.queue_behind(tx, "journal")
    head = table("journal_head")
    found = tx.execute(select(head.c.entries, head.c.hash).where(head.c.id == 1)).first()
    entries, last = (found[0], found[1]) if found else (0, GENESIS)
    rows = []
    for note in todo:
        entries += 1
        row = _row(note, entries, last, now, actor)
        last = row["hash"]
        rows.append(row)
    tx.execute(insert(table("journal")), rows)
    fresh = {"entries": entries, "hash": last}
    if found:
        tx.execute(update(head).where(head.c.id == 1).values(fresh))
    else:
        tx.execute(insert(head), [{"id": 1, **fresh}])


def _row(note: Note, seq: int, last: str, now: datetime, actor: str) -> dict[str, Any]:
    salt, detail = secrets.token_hex(8), to_json(note.detail)
    row: dict[str, Any] = {
        "seq": seq,
        "at": now,
        "kind": note.kind,
        "subject": note.subject,
        "actor": actor,
        "salt": salt,
        "detail": detail,
        "detail_hash": _hash(salt, detail),
    }
    return {**row, "hash": _link(row, last)}


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _link(row: Mapping[str, Any], last: str) -> str:
    at = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    return _hash(last, to_json([row["seq"], at, row["kind"], row["subject"], row["actor"], row["detail_hash"]]))


class JournalVerbs(Part):
    """Appending, reading and checking."""

    def journal_append(self, kind: str, subject: str, detail: Mapping[str, Any], *, now: datetime, actor: str) -> None:
        """Enter one thing, in the caller's unit if there is one."""
        with self._db.write() as tx:
            append(self._db, tx, [Note(kind, subject, detail)], now=now, actor=actor)

    def journal_entries(
        self, *, subject: str | None = None, kind: str | None = None, after: int = 0, limit: int | None = None
    ) -> tuple[JournalEntry, ...]:
        """Entries in order, of one subject or kind, from after a seq on."""
        held = table("journal")
        statement = select(held).where(held.c.seq > after).order_by(held.c.seq).limit(limit)
        if subject is not None:
            statement = statement.where(held.c.subject == subject)
        if kind is not None:
            statement = statement.where(held.c.kind == kind)
        with self._db.read() as tx:
            return tuple(_entry(row) for row in tx.execute(statement))

    def journal_erase(self, subject: str) -> int:
        """Erase the details entered about a subject (a client's right to be forgotten).

        The chain still holds. Returns how many.
        """
        held = table("journal")
        with self._db.write() as tx:
            mine = (held.c.subject == subject, held.c.detail.is_not(None))
            return tx.execute(update(held).where(*mine).values(detail=None, salt=None)).rowcount

    def journal_end(self) -> tuple[int, str]:
        """How many entries there are, and the hash of the last: kept elsewhere, it shows a chain that was made anew."""
        head = table("journal_head")
        with self._db.read() as tx:
            found = tx.execute(select(head.c.entries, head.c.hash).where(head.c.id == 1)).first()
        return (found[0], found[1]) if found else (0, GENESIS)

    def verify_journal(self) -> JournalCheck:
        """Recompute the whole chain. Names the first entry that was changed, is missing or does not belong."""
        held, head = table("journal"), table("journal_head")
        columns = [held.c[name] for name in ("seq", "at", "kind", "subject", "actor", "salt", "detail", "detail_hash", "hash")]
        with self._db.read() as tx:
            end = tx.execute(select(head.c.entries, head.c.hash).where(head.c.id == 1)).first()
            expected, last = 0, GENESIS
            with closing(streamed(tx, select(*columns).order_by(held.c.seq))) as groups:
                for values in chain.from_iterable(groups):
                    row = dict(zip((column.name for column in columns), values, strict=True))
                    expected += 1
                    problem = _problem(row, expected, last)
                    if problem:
                        return JournalCheck(ok=False, entries=expected - 1, broken_at=expected, problem=problem)
                    last = row["hash"]
        if (expected, last) != ((end[0], end[1]) if end else (0, GENESIS)):
            problem = f"the journal ends at entry {expected}, but {end[0] if end else 0} were written"
            return JournalCheck(ok=False, entries=expected, broken_at=expected + 1, problem=problem)
        return JournalCheck(ok=True, entries=expected)


def _problem(row: Mapping[str, Any], expected: int, last: str) -> str:
    if row["seq"] != expected:
        return f"entry {expected} is missing"
    if row["detail"] is not None and _hash(row["salt"] or "", row["detail"]) != row["detail_hash"]:
        return f"the detail of entry {expected} was changed"
    return "" if _link(row, last) == row["hash"] else f"entry {expected} does not follow from the one before it"


def _entry(row: Any) -> JournalEntry:
    detail = None if row.detail is None else msgspec.json.decode(row.detail)
    return JournalEntry(seq=row.seq, at=row.at, kind=row.kind, subject=row.subject, actor=row.actor, detail=detail, hash=row.hash)
