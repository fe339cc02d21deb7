"""Events that webhooks told of, remembered so that a repeated or replayed call is known for one, also after a restart.

Kept are fingerprints, not the vendor's ids: a row is small whatever a vendor calls its events, and says nothing of a client.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, or_, select

from core.store.part import Part, chunks
from core.store.record_tables import table

KEPT = timedelta(days=30)  # our choice: vendors repeat a call for hours; a replay after that costs one early pull
MOST = 10_000  # events of one connection, our choice: about a megabyte with its indexes


class NoticeVerbs(Part):
    """What webhooks said already."""

    def first_heard(self, connection: str, events: Iterable[str], now: datetime) -> int:
        """Remember the vendor's ids of `events`; how many of them nobody had heard of, in no process of this store.

        Forgets what is older than KEPT, and of what is left all but the MOST heard last.
        """
        prints = sorted({_print(event) for event in events})
        held = table("heard_events")
        fresh = 0
        with self._db.write() as tx:
            for some in chunks(prints):
                rows = [{"connection": connection, "event": event, "heard_at": now} for event in some]
                added = self._db.upsert(held).values(rows).on_conflict_do_nothing(index_elements=["connection", "event"])
                fresh += len(tx.execute(added.returning(held.c.event)).all())
            if fresh:
                self._forget(connection, now)
        return fresh

    def _forget(self, connection: str, now: datetime) -> None:
        held = table("heard_events")
        newest_first = select(held.c.heard_at).where(held.c.connection == connection).order_by(held.c.heard_at.desc())
        with self._db.write() as tx:
            last_kept = tx.execute(newest_first.offset(MOST).limit(1)).scalar()
            old = held.c.heard_at < now - KEPT
            too_many = old if last_kept is None else or_(old, held.c.heard_at <= last_kept)
            tx.execute(delete(held).where(and_(held.c.connection == connection, too_many)))


def _print(event: str) -> str:
    return hashlib.sha256(event.encode()).hexdigest()
