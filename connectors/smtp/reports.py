"""Reports an agency attaches to a mail. Pure; hostile mail is expected, nothing here raises.

A From line proves nothing, and a debtor would gladly report a case as given back. So files are taken only from a mail that your
own mail server vouches for: its Authentication-Results header (RFC 8601) says that DMARC passed for the sender's domain, or that
a DKIM signature of that domain (or its parent) did. Only the topmost header counts, and only if it bears your server's name: a
server puts its own on top and removes others that claim to be its own (RFC 8601, 5).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage, Message
from email.utils import getaddresses

from core.collections.reports import LARGEST, REPORT_NAME
from core.messages.clean import addresses

_MOST_FILES = 20  # of one mail
_DEEPEST = 40  # parts
_RESULT = re.compile(r"(?i)\s*(dmarc|dkim)\s*=\s*pass(?=\s|$)(.*)")
_DOMAIN = re.compile(r"(?i)(?:^|\s)header\.(from|d|i)\s*=\s*(?:[^\s@]*@)?([a-z0-9.-]+)(?=\s|$)")
# What a stranger may have put into the server's words: quoted strings (a quoted local part may hold anything) and comments.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMENT = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class MailedFile:
    """One attached report, as it was named and sent."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mailed:
    """What a mail of an agency brought: from whom and the files, or why they are not taken."""

    sender: str
    files: tuple[MailedFile, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The addresses agencies report from, in lower case, and the name your mail server signs its results with."""

    senders: frozenset[str] = frozenset()
    verified_by: str = ""


NOTHING_WANTED = Wanted()


def mailed_reports(mail: EmailMessage, wanted: Wanted, *, cut: bool = False) -> Mailed | None:
    """The reports in `mail`; None where it is not from an agency's address, or has none attached.

    `cut`: it was larger than what is read, so that a file in it may look whole and is not.
    """
    sender = _sender(mail)
    if sender is None or sender not in wanted.senders:
        return None
    parts = [part for part in list(mail.walk())[:_DEEPEST] if REPORT_NAME.fullmatch(_name(part))][:_MOST_FILES]
    if not parts:
        return None
    problem = _problem(mail, parts, sender, wanted, cut=cut)
    files = () if problem else tuple(MailedFile(_name(part), _content(part)) for part in parts)
    return Mailed(sender=sender, files=files, problem=problem)


def _problem(mail: EmailMessage, parts: Sequence[Message], sender: str, wanted: Wanted, *, cut: bool) -> str:
    if not wanted.verified_by:
        return "[mail] verified_by is not set, so nothing proves who sent it"
    if not is_proven(mail, sender, wanted.verified_by):
        return f"{wanted.verified_by} does not say that it is from {sender.partition('@')[2]}"
    if cut:
        return "the mail is too large"
    return "it is damaged" if any(part.defects for part in (mail, *parts)) else ""


def _sender(mail: EmailMessage) -> str | None:
    """The one address the mail is from; None where there are several From lines or addresses, which no honest mail has."""
    lines = mail.get_all("From", [])
    found = [address for _, given in getaddresses([str(line) for line in lines]) for address in addresses(given)]
    return found[0].casefold() if len(lines) == 1 and len(found) == 1 else None


def is_proven(mail: EmailMessage, sender: str, verified_by: str) -> bool:
    """Does our own mail server vouch that the mail is from the sender's domain?"""
    lines = mail.get_all("Authentication-Results", [])
    if not verified_by or not lines:
        return False
    server, *results = _plain(str(lines[0])).split(";")
    if (server.split() or [""])[0].casefold() != verified_by.casefold():
        return False
    domain = sender.partition("@")[2]
    passed = (found for item in results if (found := _RESULT.fullmatch(item)) is not None)
    return any(_aligned(found[1], found[2], domain) for found in passed)


def _plain(text: str) -> str:
    """A header without quoted strings and comments, nested ones too."""
    text, before = _QUOTED.sub(" ", " ".join(text.split())), ""
    while text != before:
        text, before = _COMMENT.sub(" ", text), text
    return text


def _aligned(method: str, properties: str, domain: str) -> bool:
    """Is what passed the sender's own domain? DMARC names it itself; a DKIM signature may be of a parent domain."""
    named = {what.casefold(): found.casefold().strip(".") for what, found in _DOMAIN.findall(properties)}
    if method.casefold() == "dmarc":
        return named.get("from") == domain
    signed = named.get("d") or named.get("i") or ""
    return "." in signed and (domain == signed or domain.endswith(f".{signed}"))


def _name(part: Message) -> str:
    try:
        return (part.get_filename() or "").strip()
    except (ValueError, LookupError, TypeError):
        return ""


def _content(part: Message) -> bytes:
    """Its bytes; one more than a report may have where it is larger, so that it is refused as such."""
    found = part.get_payload(decode=True)
    return found[: LARGEST + 1] if isinstance(found, bytes) else b""
