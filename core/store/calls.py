"""Calls spent at each vendor, counted by all processes of a store together: a daily budget must survive a restart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from core.store.part import Part
from core.store.record_tables import table

KEPT = timedelta(hours=25)  # the longest window a vendor counts is a day


class CallVerbs(Part):
    """How many calls a connection made, by the quarter of a minute they began in."""

    def count_calls(self, connection: str, calls: Mapping[datetime, int], now: datetime) -> None:
        """Add `calls` (how many, by the instant their slot began) and forget what is older than a day."""
        held = table("calls")
        statement = self._db.upsert(held)
        statement = statement.on_conflict_do_update(
            index_elements=["connection", "slot_at"], set_={"count": held.c.count + statement.excluded.count}
        )
        rows = [{"connection": connection, "slot_at": at, "count": count} for at, count in sorted(calls.items()) if count > 0]
        with self._db.write() as tx:
            tx.execute(delete(held).where(held.c.connection == connection, held.c.slot_at < now - KEPT))
            if rows:
                tx.execute(statement, rows)

    def calls_since(self, connection: str, since: datetime) -> Mapping[datetime, int]:
        """Calls of every process in the slots that began at or after `since`."""
        held = table("calls")
        wanted = select(held.c.slot_at, held.c.count.label("made")).where(
            held.c.connection == connection, held.c.slot_at >= since
        )
        with self._db.read() as tx:
            return {row.slot_at: row.made for row in tx.execute(wanted.order_by(held.c.slot_at))}

    def calls_by_connection(self, since: datetime) -> Mapping[str, int]:
        """How many calls each connection made since `since`."""
        held = table("calls")
        wanted = select(held.c.connection, func.sum(held.c.count).label("made")).where(held.c.slot_at >= since)
        with self._db.read() as tx:
            return {row.connection: int(row.made) for row in tx.execute(wanted.group_by(held.c.connection))}
