"""Where copies of our mail arrive, and how one is found by its Message-ID: a Maildir on this machine, or a mailbox over IMAP.

A Maildir is told apart from an empty folder by its `cur` and `new` (maildir(5)); one that cannot be read is an error, never
"not there".
"""

from __future__ import annotations

import imaplib
import re
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.parser import BytesHeaderParser
from email.policy import compat32
from pathlib import Path
from typing import Protocol

from connectors.smtp.settings import ImapSettings

_HEAD = 65536  # bytes of a mail in which its headers must end


class ArchiveUnreadable(Exception):
    """The archive cannot say whether a mail is there. The message says why, in a few words."""


class Archive(Protocol):
    """Copies of sent mail."""

    def holds(self, message_id: str) -> bool:
        """Is there a mail with that Message-ID? Raises ArchiveUnreadable when that cannot be told."""
        ...


class MaildirArchive:
    """A Maildir. Headers of a file are read once: a file of a Maildir never changes, it only gets another name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, str] = {}  # unique part of the file name -> Message-ID

    def holds(self, message_id: str) -> bool:
        found = set()
        for path in self._files():
            unique = path.name.partition(":")[0]
            if unique not in self._seen:
                read = self._read(path)
                if read is None:
                    continue  # it moved from new to cur meanwhile, and is met there
                self._seen[unique] = read
            found.add(self._seen[unique])
        return message_id in found

    def _files(self) -> Iterator[Path]:
        for part in ("new", "cur"):  # in this order: a file moves from new to cur, never back
            try:
                yield from sorted(item for item in (self._folder / part).iterdir() if not item.name.startswith("."))
            except OSError as error:
                raise ArchiveUnreadable(f"the Maildir {self._folder.name} cannot be read: {error.strerror}") from None

    def _read(self, path: Path) -> str | None:
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ArchiveUnreadable(f"a mail in the Maildir {self._folder.name} cannot be read: {error.strerror}") from None
        return str(BytesHeaderParser(policy=compat32).parsebytes(head).get("Message-ID", "")).strip()


@contextmanager
def mailbox(settings: ImapSettings) -> Iterator[imaplib.IMAP4]:
    """The folder of a mailbox, opened read-only. Raises ArchiveUnreadable for whatever goes wrong, with or without a server."""
    server: imaplib.IMAP4 | None = None
    try:
        context = ssl.create_default_context()
        if settings.security == "tls":
            server = imaplib.IMAP4_SSL(settings.host, settings.port_number, ssl_context=context, timeout=settings.timeout)
        else:
            server = imaplib.IMAP4(settings.host, settings.port_number, timeout=settings.timeout)
            if settings.security == "starttls":
                server.starttls(ssl_context=context)
        _log_in(server, settings.username, settings.password.get_secret_value())
        status, _ = server.select(_quoted(_mailbox_name(settings.folder)), readonly=True)
        if status != "OK":
            raise ArchiveUnreadable(f"the mailbox {settings.folder} cannot be opened")
        yield server
    except (OSError, imaplib.IMAP4.error) as error:
        raise ArchiveUnreadable(f"the mailbox at {settings.host} cannot be read ({type(error).__name__})") from None
    finally:
        if server is not None:
            with suppress(OSError, imaplib.IMAP4.error):
                server.logout()
            with suppress(OSError, imaplib.IMAP4.error):
                server.shutdown()  # a logout that failed leaves the socket open


def _log_in(server: imaplib.IMAP4, username: str, password: str) -> None:
    """Log in; imaplib writes ASCII only and no name with a space, so others go as UTF-8 by AUTHENTICATE PLAIN (RFC 4616)."""
    if (username + password).isascii() and not re.search(r'[\s"\\(){}%*]', username):
        server.login(username, password)
    else:
        server.authenticate("PLAIN", lambda _: f"\0{username}\0{password}".encode())


def _mailbox_name(text: str) -> str:
    """A mailbox's name as IMAP writes it: what is not ASCII in modified UTF-7 (RFC 3501, 5.1.3)."""

    def coded(found: re.Match[str]) -> str:
        return "&" + b64encode(found[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"

    return re.sub(r"[^\x20-\x7e]+", coded, text.replace("&", "&-"))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class ImapArchive:
    """A mailbox, searched by header (RFC 3501, 6.4.4)."""

    def __init__(self, settings: ImapSettings) -> None:
        self._settings = settings

    def holds(self, message_id: str) -> bool:
        with mailbox(self._settings) as server:
            status, data = server.search(None, "HEADER", "Message-ID", _quoted(message_id))
            if status != "OK":
                raise ArchiveUnreadable(f"the mailbox at {self._settings.host} does not search")
            return bool(data and data[0] and data[0].split())
