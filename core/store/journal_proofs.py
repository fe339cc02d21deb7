"""Entries of the journal with what it takes to check them elsewhere: the hash before, and the very text that was hashed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from core.store.among import among
from core.store.journal import GENESIS
from core.store.part import Part, chunks, to_json
from core.store.record_tables import table

if TYPE_CHECKING:
    from core.collections.evidence import JournalLine


class JournalProofVerbs(Part):
    """Reading the journal for somebody who has only a part of it."""

    def journal_lines(self, subjects: Collection[str]) -> tuple[JournalLine, ...]:
        """Every entry about these subjects, in order."""
        from core.collections.evidence import JournalLine  # stands on much that only evidence needs

        held = table("journal")
        rows = []
        with self._db.read() as tx:
            for some in chunks(sorted(subjects)):
                rows += list(tx.execute(select(held).where(among(held.c.subject, some))))
            before = {row.seq - 1 for row in rows if row.seq > 1}
            hashes = {0: GENESIS}
            for seqs in chunks(sorted(before)):
                hashes |= {row[0]: row[1] for row in tx.execute(select(held.c.seq, held.c.hash).where(held.c.seq.in_(seqs)))}
        return tuple(
            JournalLine(
                seq=row.seq,
                previous=hashes[row.seq - 1],
                chained=to_json([row.seq, _at(row.at), row.kind, row.subject, row.actor, row.detail_hash]),
                hash=row.hash,
                salt=row.salt,
                detail=row.detail,
            )
            for row in sorted(rows, key=lambda row: row.seq)
        )


def _at(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")
