"""What came back by mail, into the contact log: each bounce and reply once, for the client it is about.

A mail that names one of our messages, by its Message-ID or by the reference that one ends with, belongs to that message's client.
One that names none but comes from an address a client was written to is taken as its word too, and where several share the
address as the word of each: a client who writes is not reminded until somebody has looked (product notes E22).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from connectors.smtp.connector import SmtpConnector
from connectors.smtp.incoming import Incoming, IncomingKind, contact_of
from core.dunning.decision import REFERENCE_DIGITS
from core.outbox import ContactKind, PastContact
from core.settings import Loaded
from scheduler.app import MAIL, App
from scheduler.mailed_reports import agency_senders, keep_mailed

log = structlog.get_logger()
POSITION = "inbox.position"  # the store setting that says how far the mailbox was read
_MOST_BATCHES = 25  # of one run; the rest comes with the next
_ROW_DIGITS = 12  # an outbox row is named by the first digits of its key
_MOST_SHARED = 3  # clients: an owner of two firms is heard for both, an accountant of forty for none
_SENT = frozenset({ContactKind.MESSAGE, ContactKind.STATEMENT})


@dataclass(slots=True)
class InboxReport:
    """What one reading of the mailbox found. `unclear` are mails about nobody known, `reports` agencies' files."""

    read: int = 0
    bounces: int = 0
    replies: int = 0
    unclear: int = 0
    reports: int = 0

    def summary(self) -> dict[str, int]:
        """The counts, for the run's record; agencies' reports only where there are any."""
        counts = {"read": self.read, "bounces": self.bounces, "replies": self.replies, "unclear": self.unclear}
        return {**counts, "reports": self.reports} if self.reports else counts


def reads_mail(loaded: Loaded) -> bool:
    """Is a mailbox of replies and bounces set up?"""
    part = loaded.connectors.get(MAIL)
    return any(getattr(part, name, None) is not None for name in ("inbox", "inbox_maildir"))


def read_mailbox(app: App) -> InboxReport:
    """Read what came since the last time and log it, each batch in one commit. Transient when it cannot be read."""
    report = InboxReport()
    with app.connection(MAIL) as connector:
        if not isinstance(connector, SmtpConnector):
            return report
        for _ in range(_MOST_BATCHES):
            found = connector.incoming(app.store.setting(POSITION), agency_senders(app.settings))
            if found is None:
                return report
            _take(app, found.mails, found.position, report)
            if not found.more:
                break
    log.info("inbox.read", **report.summary())
    return report


def _take(app: App, mails: Iterable[Incoming], position: str, report: InboxReport) -> None:
    now = app.clock.now()
    with app.store.unit():
        log_of = Senders(app.store.contacts())
        for mail in mails:
            report.read += 1
            if mail.mailed is not None:  # an agency's word is no client's
                report.reports += keep_mailed(app, mail.mailed, now)
                continue
            entries = log_of.entries(mail, now)
            if not entries:
                report.unclear += mail.kind is not IncomingKind.AUTOMATIC
            for entry in entries:
                if entry.outbox_id in log_of.known:
                    continue
                app.store.log_contact(entry)
                log_of.known.add(str(entry.outbox_id))
                report.bounces += entry.kind is ContactKind.BOUNCE
                report.replies += entry.kind is ContactKind.REPLY
        app.store.put_setting(POSITION, position)


class Senders:
    """Whom our messages went to, by message and by address."""

    def __init__(self, contacts: Mapping[str, tuple[PastContact, ...]]) -> None:
        self.known: set[str] = set()
        self._by_message: dict[str, PastContact] = {}
        self._by_reference: dict[str, PastContact] = {}
        self._by_address: dict[str, dict[str, PastContact]] = {}
        for item in (entry for entries in contacts.values() for entry in entries):
            if item.kind not in _SENT:
                self.known |= {item.outbox_id} if item.outbox_id else set()
                continue
            if item.outbox_id:
                self._by_message[item.outbox_id.partition("-")[0]] = item
                self._by_reference[item.outbox_id[:REFERENCE_DIGITS]] = item
            for address in item.to:
                self._by_address.setdefault(address.casefold(), {})[item.account] = item

    def entries(self, mail: Incoming, now: datetime) -> list[PastContact]:
        """The log's entries for a mail: of the client it is about, or of each whose address it came from; none where unknown."""
        named = next((self._by_message[key[:_ROW_DIGITS]] for key in mail.keys if key[:_ROW_DIGITS] in self._by_message), None)
        if named is None and (named := self._by_reference.get(mail.reference)) is not None:
            mail = replace(mail, kind=IncomingKind.REPLY)
        about = [named] if named is not None else []
        if named is None and mail.kind in (IncomingKind.FAILED, IncomingKind.DELAYED, IncomingKind.OTHER, IncomingKind.REPLY):
            about = self._of_address(mail)
            if mail.kind is IncomingKind.OTHER:
                mail = replace(mail, kind=IncomingKind.REPLY)
        found = [entry for sent in about if (entry := contact_of(mail, sent, connection=MAIL, now=now)) is not None]
        alone = len(found) == 1
        return [replace(item, outbox_id=_name(mail) if alone else _name(mail, item.account)) for item in found]

    def _of_address(self, mail: Incoming) -> list[PastContact]:
        """The last message to each of the few clients that any of these addresses belongs to; none where many share it."""
        found = {
            account: sent for address in mail.addresses for account, sent in self._by_address.get(address.casefold(), {}).items()
        }
        return [found[account] for account in sorted(found)] if len(found) <= _MOST_SHARED else []


def _name(mail: Incoming, account: str = "") -> str:
    """The same mail has the same name, however often it is read: the log keeps one entry per name."""
    parts = (
        mail.kind,
        *mail.keys,
        *mail.addresses,
        mail.status,
        mail.subject,
        mail.excerpt,
        str(mail.at),
        *([account] if account else []),
    )
    return "in-" + hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:20]
