"""A reminder as a mail: headers, two bodies, and a Message-ID made from the key, by which it is found again. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from connectors.smtp.settings import SmtpSettings
from core.actions import IdempotencyKey, SendReminder
from core.messages.clean import addresses, one_line
from core.ports import Document

KEY_HEADER = "X-duesync-Key"
_LONGEST_SUBJECT = 200
_IDENTIFIED = re.compile(r"<([0-9a-f]{40})\.duesync@[^<>\s]+>")
_DOT = re.compile(rb"(?m)^\.")


class NotAddressable(ValueError):
    """A recipient that is not one plain address."""


def message_id(key: IdempotencyKey, from_address: str) -> str:
    """The same key gives the same Message-ID, on any day and machine."""
    return f"<{key}.duesync@{from_address.rpartition('@')[2]}>"


def keys_in(text: str) -> tuple[str, ...]:
    """The keys of our own mails named by Message-ID in a header or a report, first one first."""
    return tuple(dict.fromkeys(_IDENTIFIED.findall(text)))


def recipients_of(action: SendReminder, settings: SmtpSettings) -> tuple[str, ...]:
    """Everybody who gets it: to, cc and the archive. NotAddressable names what is not an address."""
    visible = (*action.to, *action.cc)
    for address in visible:
        if addresses(address) != (address,):
            raise NotAddressable(f"{one_line(address, 80)!r} is not an e-mail address")
    if not action.to:
        raise NotAddressable("the message has no recipient")
    hidden = (settings.archive_address,) if settings.archive_address else ()
    return tuple(dict.fromkeys((*visible, *hidden)))


def mail_of(
    action: SendReminder, key: IdempotencyKey, settings: SmtpSettings, *, at: datetime, documents: Sequence[Document] = ()
) -> EmailMessage:
    """The mail of `action`, with these files. `at` is its date. Names and subject are put on one line: a line break would be a
    new header.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(display_name=settings.from_name or "", addr_spec=settings.from_address)
    mail["To"] = ", ".join(action.to)
    if action.cc:
        mail["Cc"] = ", ".join(action.cc)
    answer_to = settings.reply_to or next(iter(addresses(action.reply_to)), None)
    if answer_to and answer_to != settings.from_address:
        mail["Reply-To"] = answer_to
    mail["Subject"] = one_line(action.subject, _LONGEST_SUBJECT)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = message_id(key, settings.from_address)
    mail[KEY_HEADER] = key
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: automatic answers should not answer this
    mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    if action.stage in settings.unsubscribe_stages:
        mail["List-Unsubscribe"] = f"<mailto:{answer_to or settings.from_address}?subject=unsubscribe%20{key[:12]}>"
    mail.set_content(action.text, subtype="plain", charset="utf-8", cte="quoted-printable")
    if action.html:
        mail.add_alternative(action.html, subtype="html", charset="utf-8", cte="quoted-printable")
    for document in documents:
        kind, _, subtype = document.media_type.partition("/")
        mail.add_attachment(document.content, maintype=kind, subtype=subtype or "octet-stream", filename=document.filename)
    mail["Content-Language"] = action.locale.replace("_", "-")  # last: setting content drops every Content- header
    return mail


def wire_bytes(mail: EmailMessage) -> bytes:
    """The mail as it goes after DATA: CRLF lines, leading dots doubled, ended by a dot (RFC 5321, 4.5.2)."""
    body = _DOT.sub(b"..", mail.as_bytes(policy=SMTP))
    return body + (b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n")
