"""The mail that puts an agreement by word of mouth in writing: drafted for a person to send, right after the call (A8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from core.collections.checklist_documents import VERBAL
from core.dunning.calendars import Place
from core.outbox import PastContact


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail nobody has sent yet."""

    subject: str
    text: str


def verbal_notes(contacts: Sequence[PastContact]) -> tuple[PastContact, ...]:
    """Notes that record an agreement by word of mouth, the newest first."""
    found = [item for item in contacts if item.outcome.casefold().startswith(VERBAL) and not item.waived]
    return tuple(sorted(found, key=lambda item: item.at, reverse=True))


def confirmation(note: PastContact, *, client: str, organisation: str, answer_by: date, place: Place) -> Draft:
    """The draft for one note. It repeats what was agreed in the note's own words, and asks to be corrected or confirmed."""
    agreed = note.outcome[len(VERBAL) :].lstrip(" :-").strip()
    said_on = place.today(note.at)
    return Draft(
        subject=f"What we agreed on {said_on:%-d %B %Y}",
        text=(
            f"Hello,\n\nthank you for speaking with us on {said_on:%-d %B %Y}. So that we both have it in writing, this is what "
            f"we understood:\n\n    {agreed}\n\nPlease reply to this mail by {answer_by:%-d %B %Y}. If it is right, one word is "
            f"enough; if anything is different, tell us what.\n\nKind regards\n{organisation}\n\n(for {client})\n"
        ),
    )
