"""The span a restored store knows nothing of: from the last moment in the backup to the restore.

What went to clients in it, and what was agreed with them, is not in the store. A message decided again may name other invoices
than the one that went, and then has another key: so "not found at the channel" is no proof for a client. Until a person ends the
span, each action is first looked for at its channel (found: it is on record and not repeated); a message or call not found there
waits for a person's approval; a note or field not found there goes, for its key names the very record it is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from core.actions import Action, OpenTicket, PostNote, SetField

if TYPE_CHECKING:
    from core.outbox import OutboxRow
    from core.store import Store

SETTING = "restored"
# The mark of a row that waited for a person because of the span; queued with it, a person has approved it.
MAY_HAVE_GONE = "restored store: this or the like may have gone out before the restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class LostSpan:
    """Nothing that happened after `since` and before `until` is known here. `backup` is the file the store came from."""

    since: datetime | None
    until: datetime
    backup: str
    by: str


def lost_span(store: Store) -> LostSpan | None:
    """The span of a restored store that no person has ended yet; None otherwise."""
    kept = store.setting(SETTING)
    if kept is None:
        return None
    since = kept["since"]
    return LostSpan(
        since=None if since is None else datetime.fromisoformat(since),
        until=datetime.fromisoformat(kept["until"]),
        backup=kept["backup"],
        by=kept["by"],
    )


def end_lost_span(store: Store, *, by: str, now: datetime) -> LostSpan | None:
    """A person has seen to everything of the span: messages go as before. The span that ended; None where there was none."""
    span = lost_span(store)
    if span is not None:
        with store.unit():
            store.put_setting(SETTING, None)
            store.journal_append("restored.finished", "store/restored", {"backup": span.backup}, now=now, actor=by)
    return span


def waits_for_a_person(action: Action) -> bool:
    """Would a client (or an agency) notice if it were done a second time?"""
    quiet = isinstance(action, PostNote | SetField) or (isinstance(action, OpenTicket) and not action.invoices)
    return not quiet


def approved_since(row: OutboxRow) -> bool:
    """Did a person let this row go after it had waited because of the span?"""
    return MAY_HAVE_GONE in row.reasons
