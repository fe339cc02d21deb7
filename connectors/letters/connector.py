"""A folder as a channel: a message becomes one PDF, named by its key, so that it is written once and found again.

A letter is looked for in the folder and in every folder inside it: whoever posted it may file it there. It is written aside and
then named, so that nobody ever prints half a letter.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from connectors.letters.mapping import DIGITS, letter_name, letter_pdf
from connectors.letters.settings import LetterSettings
from core.actions import Action, IdempotencyKey, Receipt, SendReminder
from core.clock import local_date
from core.errors import OutcomeUnknown, Rejected, Transient
from core.fonts import faces_of
from core.ports import Check, ConnectionContext, Hint, Probe, StreamInfo
from core.records import Cursor, Page, Record, Ref, Stream


class LetterConnector:
    """One folder of letters."""

    def __init__(self, context: ConnectionContext) -> None:
        settings: LetterSettings = context.settings
        self._name = context.name
        self._settings = settings
        self._context = context

    def streams(self) -> Mapping[Stream, StreamInfo]:
        """None: letters are written, not pulled."""
        return {}

    def pull(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """Raises Rejected: there is nothing to pull."""
        del cursor
        raise self._no(f"a folder of letters has no {stream} to pull")

    def reread(self, stream: Stream, ref: Ref) -> Record | None:
        """Raises Rejected: there is nothing to read."""
        raise self._no(f"a folder of letters has no {stream} to read ({ref})")

    def push(self, action: Action, key: IdempotencyKey) -> Receipt:
        """Write the letter once per key. Transient where the folder cannot be written to: nothing is there then."""
        if not isinstance(action, SendReminder):
            raise self._no(f"a folder of letters cannot do a {type(action).__name__}")
        already = self._found(key)
        if already is not None:
            return already
        now = self._context.clock.now()
        document = letter_pdf(action, sender=self._settings.sender, on=local_date(now, self._context.timezone), faces=faces_of())
        place = self._settings.path / letter_name(action, key)
        aside = place.with_suffix(".part")
        try:
            with aside.open("wb") as file:
                file.write(document)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(place)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            sync_folder(self._settings.path)
        except OSError as error:
            raise OutcomeUnknown(
                f"{self._name}: the letter was written, but the disk did not confirm it: {error.strerror}.",
                connection=self._name,
                remedy="It is looked for in the folder before anything else is done.",
            ) from None
        return Receipt(ref=place.name, at=now, detail="written, to be printed and posted")

    def find_pushed(self, action: Action, key: IdempotencyKey) -> Receipt | None:
        """Look for the letter. OutcomeUnknown where the folder cannot be read."""
        if not isinstance(action, SendReminder):
            raise self._no(f"a folder of letters cannot do a {type(action).__name__}")
        return self._found(key)

    def probe(self) -> Probe:
        """Can letters be written there? Writes none."""
        path = self._settings.path
        usable = path.is_dir() and os.access(path, os.W_OK | os.X_OK)
        waiting = len(list(path.glob("*.pdf"))) if usable else 0
        detail = f"{waiting} letter(s) to post in {path.name}" if usable else f"{path} is no folder that can be written to"
        remedy = (
            "" if usable else f"Make the folder, and let this user write there; or correct path in [connections.{self._name}]."
        )
        return Probe(ok=usable, checks=(Check(name="folder", ok=usable, detail=detail, remedy=remedy),))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Raises Rejected: a folder sends none."""
        del headers
        raise self._no(f"a folder of letters sends no webhooks ({len(body)} bytes)")

    def close(self) -> None:
        """Nothing is held open."""

    def _found(self, key: IdempotencyKey) -> Receipt | None:
        try:
            if not self._settings.path.is_dir():
                raise NotADirectoryError(20, "it is no folder")
            place = next(self._settings.path.rglob(f"*-{key[:DIGITS]}.pdf"), None)
        except OSError as error:
            raise self._unusable(error) from None
        return None if place is None else Receipt(ref=place.name, detail=f"found in {place.parent.name}", found=True)

    def _unusable(self, error: OSError) -> Transient:
        return Transient(
            f"{self._name}: the folder {self._settings.path} cannot be used: {error.strerror}.",
            connection=self._name,
            remedy="Make the folder, and let the user that runs duesync write there.",
        )

    def _no(self, text: str) -> Rejected:
        return Rejected(f"{self._name}: {text}.", connection=self._name)


def sync_folder(folder: Path) -> None:
    """Make the new name durable (fsync of the directory, POSIX); where folders cannot be opened, as on Windows, nothing."""
    flag = getattr(os, "O_DIRECTORY", None)
    if flag is None:
        return
    handle = os.open(folder, os.O_RDONLY | flag)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
