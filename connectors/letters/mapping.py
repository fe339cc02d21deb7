"""What a letter says and what its file is called: the same action, the same words and name. Pure."""

from __future__ import annotations

from datetime import date

from core.actions import IdempotencyKey, SendReminder
from core.messages.alphabets import Faces
from core.messages.clean import file_name
from core.messages.context import date_text, known_language, locale_for
from core.messages.pdf import Sheet

DIGITS = 16  # of the key in a file's name: enough to tell all letters of an MSP apart


def letter_name(action: SendReminder, key: IdempotencyKey) -> str:
    """The file of a letter: client, stage and the beginning of its key, the same on any day."""
    client = file_name(action.to[0] if action.to else action.account).removesuffix(".pdf")[:40]
    return f"{client}-{action.stage}-{key[:DIGITS]}.pdf"


def letter_pdf(action: SendReminder, *, sender: str, on: date, faces: Faces) -> bytes:
    """The message on paper: sender, client, day, subject and text."""
    language = known_language(action.locale)
    sheet = Sheet(made_on=on, language=language, footer=action.subject)
    for number, line in enumerate(part.strip() for part in sender.split("|") if part.strip()):
        sheet.line(line, bold=number == 0)
    sheet.gap(12)
    for number, line in enumerate(action.to):
        sheet.line(line, bold=number == 0)
    sheet.gap(18)
    sheet.line(date_text(on, locale_for(action.locale, language, "")))
    sheet.gap(6)
    sheet.line(action.subject, bold=True)
    sheet.gap(4)
    sheet.text(action.text)
    return sheet.pdf(faces)
