"""When records came to be known: the first pull of each stream, what was first seen long after it, and what changed since.

A back-test goes by it. What the first pull brought was known for long before; of that only the records' own dates can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select

from core.records import RecordKey, Ref, Stream
from core.store.among import among
from core.store.part import Part, chunks
from core.store.record_tables import table

FIRST_PULL = timedelta(days=2)  # a first pull of large books may take that long; what it brings did not arrive late


class ArrivalVerbs(Part):
    """Reading when records were seen and changed."""

    def beginnings(self) -> Mapping[tuple[str, Stream], datetime]:
        """The moment of the first record of each stream of each connection."""
        held = table("records")
        statement = select(held.c.connection, held.c.stream, func.min(held.c.first_seen_at)).group_by(
            held.c.connection, held.c.stream
        )
        with self._db.read() as tx:
            return {(row[0], Stream(row[1])): row[2] for row in tx.execute(statement)}

    def arrived_late(self) -> Mapping[RecordKey, datetime]:
        """When each record was first seen that came after its stream's first pull."""
        held = table("records")
        found: dict[RecordKey, datetime] = {}
        for (connection, stream), began in self.beginnings().items():
            mine = (held.c.connection == connection, held.c.stream == stream.value, held.c.first_seen_at > began + FIRST_PULL)
            with self._db.read() as tx:
                rows = tx.execute(select(held.c.ref, held.c.first_seen_at).where(*mine))
                found |= {RecordKey(connection, stream, Ref(row[0])): row[1] for row in rows}
        return found

    def changed_since_seen(self, keys: Iterable[RecordKey]) -> Mapping[RecordKey, datetime]:
        """When each of these records changed last, of those that are not as they were first seen."""
        held = table("records")
        groups: dict[tuple[str, Stream], list[str]] = {}
        for key in keys:
            groups.setdefault((key.connection, key.stream), []).append(key.ref)
        found: dict[RecordKey, datetime] = {}
        with self._db.read() as tx:
            for (connection, stream), refs in sorted(groups.items()):
                for some in chunks(refs):
                    mine = (held.c.connection == connection, held.c.stream == stream.value, among(held.c.ref, some))
                    rows = tx.execute(
                        select(held.c.ref, held.c.changed_at).where(*mine, held.c.changed_at > held.c.first_seen_at)
                    )
                    found |= {RecordKey(connection, stream, Ref(row[0])): row[1] for row in rows}
        return found
