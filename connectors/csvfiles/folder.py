"""Reading the folder: the bytes of every file that is there, each as of one moment, or an error with its remedy."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.errors import ConnectorError, PermissionMissing, Rejected, Transient

LARGEST = 512 * 1024 * 1024  # bytes; ten years of a large provider's books are a tenth of it


def read_files(folder: Path, names: Iterable[str], *, connection: str) -> Mapping[str, bytes]:
    """The files of `names` that exist, their names' case ignored. Transient while one is being written."""
    present = _listed(folder, connection)
    found: dict[str, bytes] = {}
    for name in names:
        actual = present.get(name)
        if actual is not None:
            found[name] = _read(folder / actual, connection)
    return found


def _listed(folder: Path, connection: str) -> Mapping[str, str]:
    """Every name in the folder, by itself and, where nothing has that name, by its lower case."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        raise Transient(
            f"{connection}: the folder {folder} does not exist.",
            connection=connection,
            remedy=f"Create it, or correct connections.{connection}.path; if it is on another machine, see that it is mounted.",
        ) from None
    except NotADirectoryError:
        raise Rejected(
            f"{connection}: {folder} is not a folder.",
            connection=connection,
            remedy=f"Set connections.{connection}.path to the folder the files are in.",
        ) from None
    except OSError as error:
        raise _unreadable(folder, error, connection) from None
    return {name.casefold(): name for name in reversed(names)} | {name: name for name in names}


def _read(path: Path, connection: str) -> bytes:
    try:
        before = path.stat()
        if not stat.S_ISREG(before.st_mode):
            raise Rejected(
                f"{connection}: {path} is not a file.", connection=connection, remedy="Put a CSV file there, or nothing."
            )
        if before.st_size > LARGEST:
            raise Rejected(
                f"{connection}: {path} has {before.st_size} bytes, more than the {LARGEST} duesync reads.",
                connection=connection,
                remedy="Leave out closed invoices of past years.",
            )
        content = path.read_bytes()
        after = path.stat()
    except OSError as error:
        raise _unreadable(path, error, connection) from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(content) != after.st_size:
        raise Transient(f"{connection}: {path} is being written just now.", connection=connection, retry_after=5.0)
    return content


def _unreadable(path: Path, error: OSError, connection: str) -> ConnectorError:
    message = f"{connection}: {path} cannot be read ({error.strerror})."
    if isinstance(error, PermissionError):
        return PermissionMissing(message, connection=connection, remedy="Let the user duesync runs as read it.")
    return Transient(message, connection=connection, remedy="Check the disk it is on.")
