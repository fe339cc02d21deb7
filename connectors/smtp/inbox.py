"""Reads the mailbox of replies and bounces over IMAP, oldest first, from where it stopped.

The position is the mailbox's UIDVALIDITY and the last UID (RFC 3501, 2.3.1.1): a mailbox made anew is read from the beginning.
Mail is only looked at, never marked, moved or deleted.
"""

from __future__ import annotations

import imaplib
import re
from dataclasses import dataclass

from connectors.smtp.archive import ArchiveUnreadable, mailbox
from connectors.smtp.incoming import LARGEST, Incoming, read_mail
from connectors.smtp.reports import NOTHING_WANTED, Wanted
from connectors.smtp.settings import ImapSettings
from core.errors import Transient

_BATCH = 200  # mails of one reading
_VALIDITY = re.compile(rb"\d+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What came in since the last time, and the position to begin from next time. `more`: the batch was full."""

    mails: tuple[Incoming, ...]
    position: str
    more: bool = False


def read_inbox(settings: ImapSettings, position: str | None, *, connection: str, wanted: Wanted = NOTHING_WANTED) -> Reading:
    """The mails after `position` ("UIDVALIDITY:UID", None: all). Raises Transient when the mailbox cannot be read."""
    try:
        with mailbox(settings) as server:
            validity = _validity(server)
            known, _, last = (position or "").partition(":")
            after = int(last) if known == validity and last.isdigit() else 0
            uids = _uids(server, after)
            mails = tuple(read_mail(_fetch(server, uid), wanted) for uid in uids[:_BATCH])
    except ArchiveUnreadable as error:
        raise Transient(f"{connection}: {error}.", connection=connection, remedy="Check [mail.inbox].") from None
    end = uids[:_BATCH][-1] if uids else after
    return Reading(mails=mails, position=f"{validity}:{end}", more=len(uids) > _BATCH)


def _validity(server: imaplib.IMAP4) -> str:
    _, data = server.response("UIDVALIDITY")
    found = _VALIDITY.search(data[0]) if data and isinstance(data[0], bytes) else None
    return found.group().decode() if found else "0"


def _uids(server: imaplib.IMAP4, after: int) -> list[int]:
    status, data = server.uid("SEARCH", f"UID {after + 1}:*")
    if status != "OK":
        raise ArchiveUnreadable("the mailbox does not search")
    found = sorted(int(item) for item in (data[0] or b"").split())
    return [uid for uid in found if uid > after]  # "n:*" always matches the last mail, even one before n


def _fetch(server: imaplib.IMAP4, uid: int) -> bytes:
    status, data = server.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{LARGEST}>)")
    if status != "OK":
        raise ArchiveUnreadable(f"mail {uid} cannot be fetched")
    return next((item[1] for item in data if isinstance(item, tuple)), b"")
