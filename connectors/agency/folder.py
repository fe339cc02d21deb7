"""The door that is a folder: a share, or one that something else carries away. A hand-over appears whole, by one rename."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from connectors.agency.mapping import FROM_AGENCY, TO_AGENCY, report_names
from connectors.agency.settings import AgencyDoorSettings
from core.actions import IdempotencyKey
from core.collections.reports import LARGEST
from core.errors import OutcomeUnknown, Transient
from core.ports import AgencyFile, Check


class FolderDoor:
    """Two folders below one path."""

    def __init__(self, settings: AgencyDoorSettings, *, connection: str) -> None:
        self._connection = connection
        self._path = Path(settings.path or ".")

    def holds(self, name: str, key: IdempotencyKey) -> bool:
        """Is the hand-over's folder there? It only ever appears whole."""
        del key
        try:
            return name in {entry.name for entry in (self._path / TO_AGENCY).iterdir()}
        except FileNotFoundError:
            if self._path.is_dir():
                return False
            raise self._unreachable("it is not there") from None
        except OSError as error:
            raise self._unreachable(error.strerror or type(error).__name__) from None

    def deliver(self, name: str, key: IdempotencyKey, files: Sequence[tuple[str, bytes]]) -> str:
        """Write everything beside it, then rename it into place."""
        target = self._path / TO_AGENCY / name
        partial = target.with_name(f".{name}.partial")
        try:
            target.parent.mkdir(exist_ok=True)
            shutil.rmtree(partial, ignore_errors=True)  # what a crash left behind
            partial.mkdir()
            for file, content in files:
                _write(partial / file, content)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise self._unreachable(error.strerror or type(error).__name__) from None
        try:
            partial.rename(target)
            _sync(target.parent)
        except OSError as error:
            raise OutcomeUnknown(
                f"{self._connection}: {target.parent} failed as {name} was put into place ({error.strerror}).",
                connection=self._connection,
                remedy="It is looked for there before anything else is done.",
            ) from None
        return f"{len(files)} file(s) in {target}, key {key[:12]}"

    def reports(self, seen: Callable[[str], bool]) -> Iterator[AgencyFile]:
        """Files in from-agency; one that is too large is cut where nobody could mistake it for whole."""
        place = self._path / FROM_AGENCY
        try:
            names = [entry.name for entry in place.iterdir() if entry.is_file()] if place.is_dir() else []
            for name in report_names(names, seen):
                with (place / name).open("rb") as file:
                    yield AgencyFile(name=name, content=file.read(LARGEST + 1))
        except OSError as error:
            raise self._unreachable(error.strerror or type(error).__name__) from None

    def check(self) -> Check:
        """May we write there?"""
        if not self._path.is_dir():
            return Check(
                name="agency folder", ok=False, detail=f"{self._path} is no folder", remedy="Create it, or correct path."
            )
        writable = os.access(self._path, os.W_OK)
        remedy = "" if writable else "Let this user write there."
        return Check(
            name="agency folder", ok=writable, detail=f"{self._path} {'takes' if writable else 'refuses'} files", remedy=remedy
        )

    def close(self) -> None:
        """Nothing to close."""

    def _unreachable(self, why: str) -> Transient:
        return Transient(
            f"{self._connection}: the folder {self._path} cannot be used: {why}.",
            connection=self._connection,
            remedy="Check that it exists, is mounted and may be written to.",
        )


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make a rename last a power cut, where the system lets a folder be synced."""
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
