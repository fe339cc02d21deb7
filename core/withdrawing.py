"""Drafts that are no longer true are taken back: what a person approves should be what is owed, and a stale one blocks others."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from core.actions import CONTACTS, OpenTicket, SendReminder
from core.errors import TakenUp
from core.lost_span import MAY_HAVE_GONE
from core.outbox import OutboxRow, OutboxState
from core.records import RecordKey, Stream
from core.store import Store

log = structlog.get_logger()
WHY = "an invoice in it changed while it waited for approval; it is decided again"
TOO_OLD = "it waited so long for approval that its days are out of date; it is decided again"
_KEEPS = timedelta(days=5)  # a message says how many days late, and by when to answer: the shortest answer day is five days off


def withdraw_drafts(store: Store, now: datetime) -> int:
    """Drop every draft about an invoice that is not as it was decided on by what was pulled last, or that is too old; how many.

    What a restore put back waits for a person whatever happens: it may have gone.
    """
    drafts = [row for row in store.outbox(states=[OutboxState.DRAFT]) if _keys(row) and MAY_HAVE_GONE not in row.reasons]
    if not drafts:
        return 0
    known = store.digests(sorted({key for row in drafts for key in _keys(row)}))
    changed = [(row, WHY) for row in drafts if any(known.get(key) != digest for key, digest in _keys(row).items())]
    aged = [(row, TOO_OLD) for row in drafts if isinstance(row.action, SendReminder) and now - row.created_at > _KEEPS]
    withdrawn = 0
    for row, why in {row.id: (row, why) for row, why in (*aged, *changed)}.values():
        try:
            store.withdraw(row.id, why, now)
        except TakenUp:
            continue  # a person decided about it this moment
        withdrawn += 1
        log.info("draft.withdrawn", row=row.id, account=row.action.account)
    return withdrawn


def _keys(row: OutboxRow) -> dict[RecordKey, str]:
    """The invoices of a message or ticket, with the version each was decided on."""
    if not isinstance(row.action, (*CONTACTS, OpenTicket)):
        return {}
    return {RecordKey(item.connection, Stream.INVOICES, item.ref): item.digest for item in row.action.invoices}
