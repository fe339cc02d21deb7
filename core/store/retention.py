"""What time takes away: payloads, words of old messages, the change log. Numbers and the journal's chain stay.

Each verb works in slices of its own, so that the daemon's other jobs wait for none of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import and_, delete, func, or_, select, tuple_, update

from core.outbox import OutboxState
from core.store.outbox_rows import value_of
from core.store.part import Part, to_json
from core.store.personal import EMPTY_PAYLOAD, wordless
from core.store.record_tables import table

_SLICE = 2_000  # rows of one transaction
_OVER = (OutboxState.SETTLED.value, OutboxState.DROPPED.value)


class RetentionVerbs(Part):
    """Forgetting what is older than the rules say. Each returns how many rows it emptied or deleted."""

    def forget_payloads(self, before: datetime) -> int:
        """Empty the vendors' payloads of records that neither changed nor were deleted since `before`."""
        held = table("records")
        old = and_(func.coalesce(held.c.deleted_at, held.c.changed_at) < before, held.c.raw != EMPTY_PAYLOAD)
        return self._in_slices(held, old, {"raw": EMPTY_PAYLOAD})

    def forget_deleted(self, before: datetime) -> int:
        """Empty the payloads of records their vendor deleted before `before`: all that is left of them."""
        held = table("records")
        gone = and_(held.c.deleted_at.is_not(None), held.c.deleted_at < before, held.c.raw != EMPTY_PAYLOAD)
        return self._in_slices(held, gone, {"raw": EMPTY_PAYLOAD})

    def forget_messages(self, before: datetime) -> int:
        """Empty the words and recipients of messages that were settled or dropped before `before`, and of the contact log.

        Which invoices, which step, when, and the hash of the words stay. Returns messages and entries together.
        """
        log = table("contact_log")
        old = and_(log.c.at < before, or_(log.c.recipients != "[]", log.c.subject != ""))
        return self._forget_words(before) + self._in_slices(log, old, {"recipients": "[]", "subject": ""})

    def forget_old_changes(self, before: datetime, upto: int) -> int:
        """Delete changes logged before an instant, as far as every reader has come (`upto`)."""
        held = table("change_log")
        deleted = 0
        while True:
            with self._db.write() as tx:
                some = select(held.c.seq).where(held.c.at < before, held.c.seq <= upto).order_by(held.c.seq).limit(_SLICE)
                gone = tx.execute(delete(held).where(held.c.seq.in_(some))).rowcount
            deleted += gone
            if gone < _SLICE:
                return deleted

    def _in_slices(self, held: Any, condition: Any, fresh: dict[str, Any]) -> int:
        key = tuple_(*held.primary_key)
        changed = 0
        while True:
            with self._db.write() as tx:
                some = select(*held.primary_key).where(condition).limit(_SLICE)
                done = tx.execute(update(held).where(key.in_(some)).values(fresh)).rowcount
            changed += done
            if done < _SLICE:
                return changed

    def _forget_words(self, before: datetime) -> int:
        held = table("outbox")
        emptied, after = 0, ""
        while True:
            with self._db.write() as tx:
                old = select(held).where(held.c.state.in_(_OVER), held.c.updated_at < before, held.c.id > after)
                rows = tx.execute(old.order_by(held.c.id).limit(_SLICE)).all()
                for row in rows:
                    action = to_json(wordless(value_of(row).action))
                    if action != row.action:
                        receipt = None if row.receipt is None else to_json({**msgspec.json.decode(row.receipt), "detail": ""})
                        tx.execute(update(held).where(held.c.id == row.id).values(action=action, gate="[]", receipt=receipt))
                        emptied += 1
            if len(rows) < _SLICE:
                return emptied
            after = rows[-1].id
