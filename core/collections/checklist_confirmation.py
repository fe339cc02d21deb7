"""The mail that puts an agreement by word of mouth in writing: drafted for a person to send, right after the call (A8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from babel import Locale

from core.collections.checklist_documents import VERBAL
from core.collections.client_words import WORDS, ClientWords, wrapped
from core.dunning.calendars import Place
from core.dunning.calls import CallOutcome
from core.messages.clean import one_line
from core.messages.context import date_text, known_language, locale_for
from core.messages.letter import Organisation
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


def _agreed(note: PastContact, promises: Sequence[Promise], words: ClientWords, place: Locale) -> str:
    """What was agreed: the note's own words, or the day that was promised in the call."""
    if _is_note(note):
        return note.outcome[len(VERBAL) :].lstrip(" :-").strip()
    due = [item.due_on for item in promises if item.made_at >= note.at]
    return words.promised.format(day=date_text(min(due), place)) if due else words.soon


def confirmation(
    note: PastContact,
    promises: Sequence[Promise],
    *,
    client: str,
    organisation: Organisation,
    answer_by: date,
    place: Place,
    locale: str | None = None,
) -> Draft:
    """The draft for one note or call, in the language of `locale` (None: ours); what a note says stays as it was written.

    It repeats what was agreed, and asks to be corrected or confirmed.
    """
    language = known_language(locale or "", organisation.locale)
    words, written = WORDS[language], locale_for(locale or organisation.locale, language, organisation.country)
    said_on = date_text(place.today(note.at), written)
    text = words.agreed.format(
        said_on=said_on,
        agreed=one_line(_agreed(note, promises, words, written), 1000),
        answer_by=date_text(answer_by, written),
        organisation=one_line(organisation.name),
        client=one_line(client),
    )
    return Draft(subject=words.agreed_subject.format(said_on=said_on), text=wrapped(text))
