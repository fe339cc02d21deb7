"""The mail connection: sends reminders, finds its own copies again, and says whether the server would take mail.

Without an archive nothing can be read back: a mail whose answer was lost then waits for a person.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from connectors.smtp.archive import Archive, ArchiveUnreadable, ImapArchive, MaildirArchive
from connectors.smtp.delivery import Delivered, Session
from connectors.smtp.handover import handover_mail, recipients_of_handover
from connectors.smtp.inbox import Reading, read_inbox
from connectors.smtp.inbox_maildir import read_maildir
from connectors.smtp.mapping import NotAddressable, mail_of, message_id, recipients_of, wire_bytes
from connectors.smtp.reports import Wanted
from connectors.smtp.settings import SmtpSettings
from core.actions import Action, HandOver, IdempotencyKey, Receipt, Refusal, SendReminder
from core.enclosures import LEFT_OUT
from core.errors import ConnectorError, OutcomeUnknown, Rejected
from core.ports import Check, ConnectionContext, Document, Hint, Probe, StreamInfo
from core.records import Cursor, Page, Record, Ref, Stream

_TOO_LARGE = frozenset({"552", "523"})  # RFC 1870 section 6.1: message size exceeds a fixed maximum


class SmtpConnector:
    """One mail server. Keeps its connection open between mails."""

    def __init__(self, context: ConnectionContext) -> None:
        settings: SmtpSettings = context.settings
        self._name = context.name
        self._settings = settings
        self._clock = context.clock
        self._kept = context.documents
        self._session = Session(settings, connection=context.name, clock=context.clock)
        self._archive = _archive_of(settings)
        self._missed_at: dict[IdempotencyKey, datetime] = {}  # when a mail was first looked for in vain

    def streams(self) -> Mapping[Stream, StreamInfo]:
        """None: mail is sent, not pulled."""
        return {}

    def pull(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """Raises Rejected: there is nothing to pull."""
        del cursor
        raise self._no(f"a mail server has no {stream} to pull")

    def reread(self, stream: Stream, ref: Ref) -> Record | None:
        """Raises Rejected: there is nothing to read."""
        raise self._no(f"a mail server has no {stream} to read ({ref})")

    def push(self, action: Action, key: IdempotencyKey) -> Receipt:
        """Send a reminder once per key: where an archive can be read, a mail already in it is not sent again."""
        return self._send(action, key, ())

    def push_with(self, action: SendReminder, key: IdempotencyKey, documents: Sequence[Document]) -> Receipt:
        """`push` with files. A server that takes no mail of that size gets it without them, and the receipt says so."""
        return self._send(action, key, documents)

    def _send(self, action: Action, key: IdempotencyKey, documents: Sequence[Document]) -> Receipt:
        if not isinstance(action, SendReminder | HandOver):
            raise self._no(f"a mail server cannot do a {type(action).__name__}")
        already = self._find_quietly(key)
        if already is not None:
            return already
        now = self._clock.now()
        try:
            if isinstance(action, HandOver):
                mail = handover_mail(action, key, self._settings, self._kept, at=now)
                whole = self._session.deliver(recipients_of_handover(action, self._settings), wire_bytes(mail))
                return Receipt(ref=message_id(key, self._settings.from_address), at=now, detail=whole.reply)
            recipients = recipients_of(action, self._settings)
            bare = wire_bytes(mail_of(action, key, self._settings, at=now))
            content = wire_bytes(mail_of(action, key, self._settings, at=now, documents=documents)) if documents else bare
        except NotAddressable as error:
            raise self._no(str(error)) from None
        except ValueError as error:
            raise self._no(f"the mail cannot be written: {error}") from None
        delivered, left_out = self._delivered(recipients, content, bare)
        refused = f"; refused: {', '.join(str(item) for item in delivered.refused)}" if delivered.refused else ""
        gone = tuple(
            Refusal(address=item.address, reply=f"{item.code} {item.text}")
            for item in delivered.refused
            if item.unknown and item.address != self._settings.archive_address
        )
        detail = f"{left_out}{delivered.reply}{refused}"
        return Receipt(ref=message_id(key, self._settings.from_address), at=now, detail=detail, refused=gone)

    def _delivered(self, recipients: Sequence[str], content: bytes, bare: bytes) -> tuple[Delivered, str]:
        """Hand the mail over; without its files where the server says that it is too large for it, which is a certain no."""
        most = self._session.largest() if content is not bare else None
        if most is not None and len(content) > most:
            return self._session.deliver(recipients, bare), f"{LEFT_OUT}: the mail server takes at most {most:,} bytes; "
        try:
            return self._session.deliver(recipients, content), ""
        except Rejected as error:
            if content is bare or error.code not in _TOO_LARGE:
                raise
            return self._session.deliver(recipients, bare), f"{LEFT_OUT}: the mail server found it too large ({error.code}); "

    def find_pushed(self, action: Action, key: IdempotencyKey) -> Receipt | None:
        """Look for the copy. None only when the archive was readable, and long enough for a copy to arrive."""
        if not isinstance(action, SendReminder | HandOver):
            raise self._no(f"a mail server cannot do a {type(action).__name__}")
        if self._archive is None:
            raise self._unknown("there is no archive to look in", "Set sent_maildir or archive, or say what happened yourself.")
        ref = message_id(key, self._settings.from_address)
        try:
            if self._archive.holds(ref):
                return Receipt(ref=ref, detail="found in the archive", found=True)
        except ArchiveUnreadable as error:
            raise self._unknown(str(error), "Make the archive readable, then it is looked up again.") from None
        now = self._clock.now()
        first = self._missed_at.setdefault(key, now)
        if (now - first).total_seconds() < self._settings.delay:
            raise self._unknown("its copy has not arrived in the archive yet", "It is looked up again.", self._settings.delay)
        return None

    def probe(self) -> Probe:
        """Connect, encrypt, log in, and look into the archive; sends nothing."""
        checks = [self._reach(), self._encryption(), self._archive_check()]
        return Probe(ok=checks[0].ok is True, company=self._settings.from_address, checks=tuple(checks))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Raises Rejected: a mail server sends none."""
        del headers
        raise self._no(f"a mail server sends no webhooks ({len(body)} bytes)")

    def incoming(self, position: str | None, senders: Collection[str] = ()) -> Reading | None:
        """Replies, bounces and the attached reports of `senders` since `position`; None where no mailbox for them is set.

        Transient when it cannot be read.
        """
        wanted = Wanted(frozenset(item.casefold() for item in senders), self._settings.verified_by or "")
        if self._settings.inbox_maildir is not None:
            return read_maildir(self._settings.inbox_maildir, position, connection=self._name, wanted=wanted)
        if self._settings.inbox is None:
            return None
        return read_inbox(self._settings.inbox, position, connection=self._name, wanted=wanted)

    def close(self) -> None:
        """Leave the server. May be called twice."""
        self._session.close()

    def _find_quietly(self, key: IdempotencyKey) -> Receipt | None:
        """A copy of an earlier send; None when there is none, or nobody can tell: then the outbox's word stands."""
        if self._archive is None:
            return None
        ref = message_id(key, self._settings.from_address)
        try:
            return Receipt(ref=ref, detail="found in the archive", found=True) if self._archive.holds(ref) else None
        except ArchiveUnreadable:
            return None

    def _reach(self) -> Check:
        where = f"{self._settings.host}:{self._settings.port_number}"
        try:
            self._session.open()
        except ConnectorError as error:
            return Check(name="mail server", ok=False, detail=error.message, remedy=error.remedy)
        return Check(name="mail server", ok=True, detail=f"{where} takes mail from {self._settings.from_address}")

    def _encryption(self) -> Check:
        if self._session.encrypted:
            return Check(name="mail encryption", ok=True, detail="the connection is encrypted")
        remedy = "Set security to starttls or tls unless the server is on this machine."
        return Check(name="mail encryption", ok=None, detail="the connection is not encrypted", remedy=remedy)

    def _archive_check(self) -> Check:
        if self._archive is None:
            remedy = (
                "Set archive_address with sent_maildir or archive: then a lost answer is looked up instead of waiting for you."
            )
            return Check(name="mail archive", ok=None, detail="no archive is set", remedy=remedy)
        try:
            self._archive.holds("<probe@duesync.invalid>")
        except ArchiveUnreadable as error:
            return Check(name="mail archive", ok=False, detail=str(error), remedy="Check sent_maildir or archive.")
        return Check(name="mail archive", ok=True, detail="copies of sent mail can be looked up")

    def _no(self, text: str) -> Rejected:
        return Rejected(f"{self._name}: {text}.", connection=self._name)

    def _unknown(self, text: str, remedy: str, retry_after: float | None = None) -> OutcomeUnknown:
        return OutcomeUnknown(f"{self._name}: {text}.", connection=self._name, remedy=remedy, retry_after=retry_after)


def _archive_of(settings: SmtpSettings) -> Archive | None:
    if settings.sent_maildir is not None:
        return MaildirArchive(settings.sent_maildir)
    return ImapArchive(settings.archive) if settings.archive is not None else None
