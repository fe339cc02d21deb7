"""The contact log: what clients heard from us and we from them. An entry made by an outbox row exists once, whoever writes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from core.outbox import ContactKind, PastContact
from core.records import RecordKey, Ref, Stream
from core.store.among import among
from core.store.engine import Database
from core.store.part import Part, chunks, to_json
from core.store.record_tables import table


def add(db: Database, tx: Connection, entries: Iterable[PastContact]) -> None:
    """Write entries in the caller's transaction; one whose outbox row has its entry already is passed over."""
    rows = [_row(entry) for entry in entries]
    if rows:
        tx.execute(db.upsert(table("contact_log")).on_conflict_do_nothing(index_elements=["outbox_id"]), rows)


class ContactVerbs(Part):
    """Reading and adding to the contact log."""

    def log_contact(self, entry: PastContact) -> None:
        """Add one entry: a call, a reply, a bounce, a step that was waived."""
        with self._db.write() as tx:
            add(self._db, tx, [entry])

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
        "content_hash": entry.content_hash,
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
