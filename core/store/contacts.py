"""The contact log: what clients heard from us and we from them. An entry made by an outbox row exists once, whoever writes it.

Every entry has its line in the journal, in the same commit: "contact.KIND" about "contact/SEQ", with digests of what it says.
So an entry edited, removed or put in by hand shows (core.store.contact_proofs).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from core.outbox import ContactKind, PastContact
from core.records import RecordKey, Ref, Stream
from core.store.among import among
from core.store.engine import Database
from core.store.journal import Note, append
from core.store.part import Part, chunks, to_json
from core.store.record_tables import table

SUBJECT = "contact"  # the journal's lines about an entry are entered under "contact/SEQ"
_FIXED = ("kind", "channel", "stage", "cycle", "invoices", "content_hash", "outbox_id", "outcome", "waived")
_WORDS = ("recipients", "subject")  # what retention empties


def add(db: Database, tx: Connection, entries: Iterable[PastContact], *, now: datetime, actor: str) -> None:
    """Write entries in the caller's transaction, each with its line in the journal.

    One whose outbox row has its entry already is passed over.
    """
    held, notes = table("contact_log"), []
    for row in [_row(entry) for entry in entries]:
        statement = db.upsert(held).on_conflict_do_nothing(index_elements=["outbox_id"]).returning(held.c.seq)
        seq = tx.execute(statement, row).scalar()
        if seq is not None:
            notes.append(Note(f"{SUBJECT}.{row['kind']}", f"{SUBJECT}/{seq}", journaled(row)))
    append(db, tx, notes, now=now, actor=actor)


def journaled(row: Mapping[str, Any]) -> dict[str, str]:
    """What the journal says of an entry: whose it is, and SHA-256 digests of what stays for ever and of its words."""
    at = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    return {
        "account": row["account"],
        "entry": _digest([at, *(row[name] for name in _FIXED)]),
        "words": _digest([row[name] for name in _WORDS]),
    }


def _digest(values: list[Any]) -> str:
    return hashlib.sha256(to_json(values).encode()).hexdigest()


class ContactVerbs(Part):
    """Reading and adding to the contact log."""

    def log_contact(self, entry: PastContact, *, by: str = "duesync") -> None:
        """Add one entry: a call, a reply, a bounce, a step that was waived. `by` is who had it entered."""
        with self._db.write() as tx:
            add(self._db, tx, [entry], now=self._clock.now(), actor=by)

    def contacts(self, accounts: Collection[str] | None = None) -> Mapping[str, tuple[PastContact, ...]]:
        """Entries by account, oldest first; accounts without any are absent. None: all accounts."""
        held = table("contact_log")
        statement = select(held).order_by(held.c.at, held.c.seq)
        found: dict[str, list[PastContact]] = {}
        with self._db.read() as tx:
            groups = (
                [statement]
                if accounts is None
                else [statement.where(among(held.c.account, some)) for some in chunks(list(accounts))]
            )
            for group in groups:
                for row in tx.execute(group):
                    found.setdefault(row.account, []).append(_entry(row))
        return {account: tuple(entries) for account, entries in sorted(found.items())}


def _row(entry: PastContact) -> dict[str, Any]:
    return {
        "account": entry.account,
        "kind": entry.kind.value,
        "at": entry.at,
        "channel": entry.channel,
        "stage": entry.stage,
        "cycle": entry.cycle,
        "invoices": to_json([[key.connection, key.stream.value, key.ref] for key in entry.invoices]),
        "recipients": to_json(list(entry.to)),
        "subject": entry.subject,
        "content_hash": entry.content_hash or _digest([entry.subject, entry.outcome])[:16],
        "outbox_id": entry.outbox_id,
        "outcome": entry.outcome,
        "waived": entry.waived,
    }


def _entry(row: Any) -> PastContact:
    return PastContact(
        account=row.account,
        kind=ContactKind(row.kind),
        at=row.at,
        channel=row.channel,
        stage=row.stage,
        cycle=row.cycle,
        invoices=tuple(RecordKey(item[0], Stream(item[1]), Ref(item[2])) for item in msgspec.json.decode(row.invoices)),
        to=tuple(msgspec.json.decode(row.recipients)),
        subject=row.subject,
        content_hash=row.content_hash,
        outbox_id=row.outbox_id,
        outcome=row.outcome,
        waived=row.waived,
    )
