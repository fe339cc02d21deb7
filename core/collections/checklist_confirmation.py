"""The mail that puts an agreement by word of mouth in writing: drafted for a person to send, right after the call (A8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from core.collections.checklist_documents import VERBAL
from core.dunning.calendars import Place
from core.dunning.calls import CallOutcome
from core.outbox import PastContact, Promise


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail nobody has sent yet."""

    subject: str
    text: str


def verbal_notes(contacts: Sequence[PastContact]) -> tuple[PastContact, ...]:
    """Notes that record an agreement by word of mouth, and calls in which payment was promised; the newest first."""
    found = [item for item in contacts if not item.waived and (_is_note(item) or item.outcome == CallOutcome.PROMISED)]
    return tuple(sorted(found, key=lambda item: item.at, reverse=True))


def _is_note(contact: PastContact) -> bool:
    return contact.outcome.casefold().startswith(VERBAL)


def _agreed(note: PastContact, promises: Sequence[Promise]) -> str:
    """What was agreed: the note's own words, or the day that was promised in the call."""
    if _is_note(note):
        return note.outcome[len(VERBAL) :].lstrip(" :-").strip()
    due = [item.due_on for item in promises if item.made_at >= note.at]
    return f"you will pay what is open by {min(due):%-d %B %Y}" if due else "you will pay what is open soon"


def confirmation(
    note: PastContact, promises: Sequence[Promise], *, client: str, organisation: str, answer_by: date, place: Place
) -> Draft:
    """The draft for one note or call. It repeats what was agreed, and asks to be corrected or confirmed."""
    said_on = place.today(note.at)
    return Draft(
        subject=f"What we agreed on {said_on:%-d %B %Y}",
        text=(
            f"Hello,\n\nthank you for speaking with us on {said_on:%-d %B %Y}. So that we both have it in writing, this is what "
            f"we understood:\n\n    {_agreed(note, promises)}\n\nPlease reply to this mail by {answer_by:%-d %B %Y}. If it is "
            f"right, one word is enough; if anything is different, tell us what.\n\nKind regards\n{organisation}\n\n"
            f"(for {client})\n"
        ),
    )
