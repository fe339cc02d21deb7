"""A hand-over to an agency as a mail: its words, and its files as attachments; found again by its Message-ID. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from connectors.smtp.mapping import KEY_HEADER, NotAddressable, message_id
from connectors.smtp.settings import SmtpSettings
from core.actions import HandOver, IdempotencyKey
from core.messages.clean import addresses, one_line

_TYPES = {"zip": ("application", "zip"), "json": ("application", "json"), "pdf": ("application", "pdf"), "csv": ("text", "csv")}


def recipients_of_handover(action: HandOver, settings: SmtpSettings) -> tuple[str, ...]:
    """The agency's addresses and the archive. NotAddressable names what is not an address."""
    for address in action.to:
        if addresses(address) != (address,):
            raise NotAddressable(f"{one_line(address, 80)!r} is not an e-mail address")
    if not action.to:
        raise NotAddressable("the agency has no address")
    hidden = (settings.archive_address,) if settings.archive_address else ()
    return tuple(dict.fromkeys((*action.to, *hidden)))


def handover_mail(
    action: HandOver, key: IdempotencyKey, settings: SmtpSettings, document: Callable[[str], bytes | None], *, at: datetime
) -> EmailMessage:
    """The mail of `action`. ValueError names a file that is not in the store any more."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(display_name=settings.from_name or "", addr_spec=settings.from_address)
    mail["To"] = ", ".join(action.to)
    if settings.reply_to and settings.reply_to != settings.from_address:
        mail["Reply-To"] = settings.reply_to
    mail["Subject"] = one_line(action.subject, 200)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = message_id(key, settings.from_address)
    mail[KEY_HEADER] = key
    mail.set_content(action.text, subtype="plain", charset="utf-8", cte="quoted-printable")
    for item in action.files:
        content = document(item.sha256)
        if content is None:
            raise ValueError(f"{one_line(item.name, 80)} ({item.sha256[:12]}) is not in the store any more")
        main, sub = _TYPES.get(item.name.rpartition(".")[2].lower(), ("application", "octet-stream"))
        mail.add_attachment(content, maintype=main, subtype=sub, filename=one_line(item.name, 80))
    return mail
