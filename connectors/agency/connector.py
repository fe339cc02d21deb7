"""One agency behind one door. What is handed over stands there under a name made from its key: that is how it is found again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from connectors.agency.mapping import FileMissing, files_of, folder_of
from connectors.agency.settings import AgencyDoorSettings
from core.actions import Action, HandOver, IdempotencyKey, Receipt
from core.errors import ConnectorError, Rejected
from core.ports import AgencyFile, Check, ConnectionContext, Hint, Probe, StreamInfo
from core.records import Cursor, Page, Record, Ref, Stream


class Door(Protocol):
    """A way in and out. `name` is a hand-over's folder."""

    def holds(self, name: str, key: IdempotencyKey) -> bool:
        """Is it there, whole? ConnectorError when it cannot be told."""
        ...

    def deliver(self, name: str, key: IdempotencyKey, files: Sequence[tuple[str, bytes]]) -> str:
        """Put it there, whole or not at all; what the other side said. OutcomeUnknown when it may be there."""
        ...

    def reports(self, seen: Callable[[str], bool]) -> Iterator[AgencyFile]:
        """What lies there for us."""
        ...

    def check(self) -> Check:
        """Does it open?"""
        ...

    def close(self) -> None: ...


class AgencyConnector:
    """Hands over once per key: what stands there already is not put there again."""

    def __init__(self, context: ConnectionContext) -> None:
        self._name = context.name
        self._documents = context.documents
        self._clock = context.clock
        self._door = _door(context)

    def streams(self) -> Mapping[Stream, StreamInfo]:
        """None: an agency has no records of ours."""
        return {}

    def pull(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """Raises Rejected: there is nothing to pull."""
        del cursor
        raise self._no(f"an agency has no {stream} to pull")

    def reread(self, stream: Stream, ref: Ref) -> Record | None:
        """Raises Rejected: there is nothing to read."""
        raise self._no(f"an agency has no {stream} to read ({ref})")

    def push(self, action: Action, key: IdempotencyKey) -> Receipt:
        """Hand something over, once per key."""
        if not isinstance(action, HandOver):
            raise self._no(f"an agency cannot do a {type(action).__name__}")
        name = folder_of(action, key)
        if self._door.holds(name, key):
            return Receipt(ref=name, detail="it was there already", found=True)
        try:
            files = files_of(action, key, self._documents)
        except FileMissing as error:
            raise self._no(str(error), remedy="Make the pack again: duesync collections pack") from None
        detail = self._door.deliver(name, key, files)
        return Receipt(ref=name, at=self._clock.now(), detail=detail)

    def find_pushed(self, action: Action, key: IdempotencyKey) -> Receipt | None:
        """Look whether it stands there."""
        if not isinstance(action, HandOver):
            raise self._no(f"an agency cannot do a {type(action).__name__}")
        name = folder_of(action, key)
        return Receipt(ref=name, detail="found there", found=True) if self._door.holds(name, key) else None

    def reports(self, seen: Callable[[str], bool]) -> Iterator[AgencyFile]:
        """Files the agency left, those `seen` knows by name left out."""
        return self._door.reports(seen)

    def probe(self) -> Probe:
        """Open the door; hands nothing over."""
        try:
            check = self._door.check()
        except ConnectorError as error:
            check = Check(name="agency", ok=False, detail=error.message, remedy=error.remedy)
        return Probe(ok=check.ok is True, checks=(check,))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Raises Rejected: an agency sends none."""
        del headers
        raise self._no(f"an agency sends no webhooks ({len(body)} bytes)")

    def close(self) -> None:
        """Shut the door. May be called twice."""
        self._door.close()

    def _no(self, text: str, *, remedy: str = "") -> Rejected:
        return Rejected(f"{self._name}: {text}.", connection=self._name, remedy=remedy)


def _door(context: ConnectionContext) -> Door:
    settings: AgencyDoorSettings = context.settings
    if settings.via == "sftp":
        from connectors.agency.sftp import SftpDoor

        return SftpDoor(settings, connection=context.name)
    if settings.via == "https":
        from connectors.agency.https import HttpsDoor

        return HttpsDoor(settings, context)
    from connectors.agency.folder import FolderDoor

    return FolderDoor(settings, connection=context.name)
