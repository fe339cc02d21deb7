"""The mailbox of replies and bounces as a Maildir on this machine, oldest first, from where it stopped.

The position is the delivery time of the last mail read, in nanoseconds: moving a mail from new to cur keeps it. Mails of the same
moment are read again; whoever logs them knows each by its content. Nothing is marked, moved or deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from connectors.smtp.inbox import Reading
from connectors.smtp.incoming import LARGEST, read_mail
from connectors.smtp.reports import NOTHING_WANTED, Wanted
from core.errors import Transient

_BATCH = 200  # mails of one reading


def read_maildir(folder: Path, position: str | None, *, connection: str, wanted: Wanted = NOTHING_WANTED) -> Reading:
    """The mails delivered at or after `position` (None: all). Raises Transient when the Maildir cannot be read."""
    after = int(position) if position is not None and position.isdigit() else 0
    try:
        found = sorted((at, path) for at, path in _delivered(folder) if at >= after)
        batch = _whole_moments(found)
        mails = tuple(read_mail(raw, wanted) for raw in (_read(path) for _, path in batch) if raw is not None)
    except OSError as error:
        why = f"{connection}: the Maildir {folder.name} cannot be read: {error.strerror}."
        raise Transient(why, connection=connection, remedy="Check [mail] inbox_maildir.") from None
    end = batch[-1][0] if batch else after
    return Reading(mails=mails, position=str(end), more=len(found) > len(batch))


def _delivered(folder: Path) -> Iterator[tuple[int, Path]]:
    for part in ("new", "cur"):
        for path in (folder / part).iterdir():
            if not path.name.startswith("."):
                try:
                    yield path.stat().st_mtime_ns, path
                except FileNotFoundError:
                    continue  # it moved from new to cur meanwhile, and is met there


def _whole_moments(found: list[tuple[int, Path]]) -> list[tuple[int, Path]]:
    """The first batch, stretched to the end of its last moment: otherwise a full moment would be read for ever."""
    if len(found) <= _BATCH:
        return found
    last = found[_BATCH - 1][0]
    return [item for item in found if item[0] <= last]


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except FileNotFoundError:
        return None
