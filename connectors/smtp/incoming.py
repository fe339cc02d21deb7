"""What comes back to our mailbox: bounces, replies, automatic answers. Pure: one raw mail in, what it is out.

A bounce is a delivery status notification (RFC 3464); a reply names our Message-ID. Automatic answers (RFC 3834) are
neither: nobody has read anything. Hostile mail is expected: nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import default
from email.utils import getaddresses, parsedate_to_datetime
from enum import StrEnum

from connectors.smtp.mapping import KEY_HEADER, keys_in
from connectors.smtp.reports import NOTHING_WANTED, Mailed, Wanted, mailed_reports
from connectors.smtp.written import body_text, own_words, reference_in
from core.dunning.recipients import SOFT_BOUNCE
from core.messages.clean import addresses, one_line
from core.outbox import ContactKind, PastContact

LARGEST = 2_000_000  # bytes of a mail that are looked at
_DEEPEST = 40  # parts
_KEY = re.compile(rf"(?im)^{re.escape(KEY_HEADER)}:\s*([0-9a-f]{{40}})\s*$")
_UNSUBSCRIBE = re.compile(r"(?i)^unsubscribe ([0-9a-f]{8})[0-9a-f]{4}$")  # what List-Unsubscribe of ours makes the subject
_AUTOMATIC = re.compile(
    r"(?i)^(?:re: ?)?(?:auto(?:matic)?[ -]?(?:reply|response|antwort)|out of (?:the )?office|vacation (?:reply|notice)"
    r"|automatische (?:antwort|afwezigheid)|abwesen|automatisch antwoord|afwezig|réponse automatique|absen(?:ce|t)\b(?! of\b)"
    r"|respuesta automática|fuera de (?:la )?oficina|risposta automatica|resposta automática)"
)
_POSTMAN = re.compile(r"(?i)^(?:mailer-daemon|postmaster|mail-daemon)$")
_UNDELIVERED = re.compile(
    r"(?i)undeliver|not (?:be )?delivered|delivery (?:status|failure|has failed)|returned mail|return(?:ed)? to sender"
    r"|failure notice|delivery failed|mail delivery|unzustellbar|non remis|no entregado|onbestelbaar"
)
_STILL_TRYING = re.compile(r"(?i)delay|warning: (?:message|could)|still being (?:re)?tried|verzögert|retardé|retrasado")
# RFC 3463: mailbox full, system, network, content or policy: not that the address does not exist
_NOT_THE_ADDRESS = re.compile(r"^5\.(?:2\.[2-9]|[34567]\.)")


class IncomingKind(StrEnum):
    """FAILED and DELAYED are bounces (permanent, temporary); AUTOMATIC was written by no person; OTHER is not about our mail."""

    FAILED = "failed"
    DELAYED = "delayed"
    REPLY = "reply"
    AUTOMATIC = "automatic"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One mail. `keys` are those of our messages it is about, `addresses` whom it concerns: who bounced, or who replied.

    `reference` is the one a message of ours ends with, where the mail quotes it.
    """

    kind: IncomingKind
    keys: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    status: str = ""
    subject: str = ""
    excerpt: str = ""
    reference: str = ""
    at: datetime | None = None
    mailed: Mailed | None = None  # what an agency reports with it


def read_mail(raw: bytes, wanted: Wanted = NOTHING_WANTED) -> Incoming:
    """What `raw` is. `wanted` says whose attached reports are taken along."""
    try:
        mail = BytesParser(policy=default).parsebytes(raw[:LARGEST])
        found = _read(mail, raw[:LARGEST].decode("utf-8", "replace"))
        return replace(found, mailed=mailed_reports(mail, wanted, cut=len(raw) >= LARGEST)) if wanted.senders else found
    except (ValueError, LookupError, TypeError, AttributeError, IndexError, RecursionError):
        return Incoming(kind=IncomingKind.OTHER)  # a mail so broken that Python's parser gives up is nobody's answer


def contact_of(mail: Incoming, sent: PastContact, *, connection: str, now: datetime) -> PastContact | None:
    """The contact log's entry for a bounce of, or a reply to, the message `sent` (found by one of `mail.keys`).

    None for what no person wrote and no server refused. What the client wrote is kept as the outcome (product notes E45). The
    entry has no name: the log keeps one entry per name, and the message's own is taken by the message.
    """
    lasting = f"{SOFT_BOUNCE}: {mail.status}" if _NOT_THE_ADDRESS.match(mail.status) else mail.status or "undeliverable"
    outcomes = {
        IncomingKind.FAILED: lasting,
        IncomingKind.DELAYED: f"{SOFT_BOUNCE}: {mail.status}",
        IncomingKind.REPLY: mail.excerpt,
    }
    if mail.kind not in outcomes:
        return None
    return PastContact(
        account=sent.account,
        kind=ContactKind.REPLY if mail.kind is IncomingKind.REPLY else ContactKind.BOUNCE,
        at=now if mail.at is None else min(mail.at, now),
        channel=connection,
        invoices=sent.invoices,
        to=mail.addresses or (sent.to if mail.kind is not IncomingKind.REPLY else ()),
        subject=mail.subject,
        outcome=outcomes[mail.kind],
    )


def _read(mail: EmailMessage, text: str) -> Incoming:
    subject = one_line(str(mail.get("Subject", "")), 200)
    at = _date(mail)
    reports = list(_reports(mail))
    if reports:
        failed = [item for item in reports if item[1] == "failed"]
        kind = IncomingKind.FAILED if failed else IncomingKind.DELAYED if any(item[1] == "delayed" for item in reports) else None
        if kind is None:
            return Incoming(kind=IncomingKind.OTHER, subject=subject, at=at)
        concerned = [item for item in reports if item[1] == ("failed" if failed else "delayed")]
        return Incoming(
            kind=kind,
            keys=_keys(text),
            addresses=tuple(dict.fromkeys(item[0] for item in concerned)),
            status=one_line(concerned[0][2], 120),
            subject=subject,
            at=at,
        )
    returned = _returned(mail, text, subject)
    if returned is not None:
        return replace(returned, subject=subject, at=at)
    keys = keys_in(f"{mail.get('In-Reply-To', '')} {mail.get('References', '')}")
    sender = tuple(address for _, given in getaddresses([str(mail.get("From", ""))]) for address in addresses(given))
    if _is_automatic(mail, subject):
        return Incoming(kind=IncomingKind.AUTOMATIC, keys=keys, addresses=sender, subject=subject, at=at)
    written = body_text(mail)
    unsubscribes = _UNSUBSCRIBE.match(subject)
    return Incoming(
        kind=IncomingKind.REPLY if sender and keys else IncomingKind.OTHER,
        keys=keys,
        addresses=sender,
        subject=subject,
        excerpt=own_words(written) or ("asks to get no more of these (unsubscribe)" if unsubscribes else ""),
        reference=unsubscribes[1].lower() if unsubscribes else reference_in(written),
        at=at,
    )


def _returned(mail: EmailMessage, text: str, subject: str) -> Incoming | None:
    """A mail that came back without a delivery status notification: from the postman, about undelivered mail, quoting ours."""
    senders = [given.partition("@")[0] for _, given in getaddresses([str(mail.get("From", ""))])]
    postman = any(_POSTMAN.match(name) for name in senders) or str(mail.get("Return-Path", "")).strip() == "<>"
    keys = _keys(text)
    if not postman or not keys or not (_UNDELIVERED.search(subject) or mail.get("X-Failed-Recipients")):
        return None
    named = addresses(str(mail.get("X-Failed-Recipients", "")))  # Exim names them so
    kind = IncomingKind.DELAYED if _STILL_TRYING.search(subject) else IncomingKind.FAILED
    return Incoming(kind=kind, keys=keys, addresses=named, status=one_line(subject, 120))


def _reports(mail: EmailMessage) -> Iterator[tuple[str, str, str]]:
    """(address, action, status) of each recipient a delivery status notification names."""
    for index, part in enumerate(mail.walk()):
        if index > _DEEPEST:
            return
        if part.get_content_type() != "message/delivery-status":
            continue
        fields = part.get_payload()
        for block in fields if isinstance(fields, list) else ():
            if isinstance(block, Message):
                yield from _recipient(block)


def _recipient(block: Message) -> Iterator[tuple[str, str, str]]:
    named = str(block.get("Final-Recipient", "") or block.get("Original-Recipient", ""))
    found = addresses(named.partition(";")[2] or named)
    if not found:
        return
    status = str(block.get("Status", "")).strip()
    action = str(block.get("Action", "")).strip().lower()
    if not action and status:
        action = "failed" if status.startswith("5") else "delayed"
    yield found[0], action, f"{status} {block.get('Diagnostic-Code', '')}".strip()


def _keys(text: str) -> tuple[str, ...]:
    """Keys of ours anywhere in a report: it quotes our headers."""
    return tuple(dict.fromkeys((*_KEY.findall(text), *keys_in(text))))


def _is_automatic(mail: EmailMessage, subject: str) -> bool:
    """Did a machine answer? X-Auto-Response-Suppress alone says nothing: help desks put it on what their people write."""
    submitted = str(mail.get("Auto-Submitted", "no")).strip().lower()
    marked = any(mail.get(name) for name in ("X-Autoreply", "X-Autorespond"))
    marked = marked or str(mail.get("Precedence", "")).strip().lower() in ("auto_reply", "junk")
    null_sender = str(mail.get("Return-Path", "")).strip() == "<>"
    return submitted.partition(";")[0].strip() not in ("no", "") or marked or null_sender or bool(_AUTOMATIC.match(subject))


def _date(mail: EmailMessage) -> datetime | None:
    try:
        found = parsedate_to_datetime(str(mail.get("Date", "")))
    except (ValueError, TypeError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
