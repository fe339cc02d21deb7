"""One SMTP session, kept open between mails: who was refused, and which error means what remedy.

Once the body is on its way the server may have taken it; an answer lost from then on is OutcomeUnknown, everything before is
certain.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from connectors.smtp.settings import SmtpSettings
from core.clock import Clock
from core.errors import AuthExpired, ConnectorError, OutcomeUnknown, Rejected, Transient, Undeliverable
from core.messages.clean import one_line

_IDLE = 60.0  # seconds after which an open connection is greeted before use
_LATER = 300.0  # seconds to wait when a server is not taking mail now
_TEMPORARY, _PERMANENT = 400, 500
_NO_SUCH_ADDRESS = frozenset({521, 550, 551, 553, 556})  # RFC 5321, 4.2.2 and RFC 7504
_NOT_THE_ADDRESS = re.compile(r"\b5\.(?:2\.[2-9]|[34567]\.)\d*")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One address the server would not take mail for, with its reply."""

    address: str
    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.address} ({self.code} {self.text})"

    @property
    def unknown(self) -> bool:
        """Does the address not exist? A refusal for what we are or send (5.7, 5.6, 5.3) is not the address's fault (RFC 3463)."""
        return self.code in _NO_SUCH_ADDRESS and not _NOT_THE_ADDRESS.search(self.text)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the server said when it took the mail, and for whom it would not."""

    reply: str
    refused: tuple[Refusal, ...] = ()


def _said(reply: bytes | str) -> str:
    return one_line(reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply, 200)


def _log_in(server: smtplib.SMTP, username: str, password: str) -> None:
    """Log in; smtplib writes ASCII only, so a name or password with other letters goes as UTF-8 by AUTH PLAIN (RFC 4616)."""
    if (username + password).isascii():
        server.login(username, password)
        return
    if "PLAIN" not in server.esmtp_features.get("auth", "").upper().split():
        raise smtplib.SMTPNotSupportedError("AUTH PLAIN, which a password with letters outside ASCII needs, is not offered")
    given = b64encode(f"\0{username}\0{password}".encode()).decode()
    code, reply = server.docmd("AUTH", f"PLAIN {given}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, reply)


class Session:
    """Delivers through one server. Not shared between threads; `close` may be called twice."""

    def __init__(self, settings: SmtpSettings, *, connection: str, clock: Clock) -> None:
        self._settings = settings
        self._connection = connection
        self._clock = clock
        self._server: smtplib.SMTP | None = None
        self._used_at: datetime | None = None
        self._count = 0

    def deliver(self, recipients: Sequence[str], content: bytes) -> Delivered:
        """Hand over one mail (`content` ready for DATA). Raises by remedy; see the module."""
        server = self._ready()
        try:
            return self._transact(server, recipients, content)
        except ConnectorError:
            self._reset()
            raise
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise self._transient(f"the connection broke before the mail was handed over ({type(error).__name__})") from None

    def open(self) -> smtplib.SMTP:
        """The connection, encrypted and logged in; a new one if there is none."""
        if self._server is None:
            self._server = self._connect()
            self._count = 0
        return self._server

    def largest(self) -> int | None:
        """Bytes of the largest mail the server says it takes (RFC 1870); None where it does not say. Connects if need be."""
        said = self.open().esmtp_features.get("size", "")
        return int(said) if said.isdigit() and int(said) > 0 else None

    @property
    def encrypted(self) -> bool:
        """Is the open connection encrypted?"""
        return self._server is not None and isinstance(self._server.sock, ssl.SSLSocket)

    def close(self) -> None:
        """Say goodbye if anybody listens."""
        server, self._server = self._server, None
        if server is not None:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()

    def _ready(self) -> smtplib.SMTP:
        now = self._clock.now()
        idle = self._used_at is not None and (now - self._used_at).total_seconds() > _IDLE
        if self._server is not None and (self._count >= self._settings.per_connection or (idle and not self._alive())):
            self.close()
        server = self.open()
        self._used_at = now
        self._count += 1
        return server

    def _alive(self) -> bool:
        if self._server is None:
            return False
        try:
            return self._server.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def _reset(self) -> None:
        """Ready for the next mail, or gone."""
        if self._server is None:
            return
        try:
            self._server.rset()
        except (OSError, smtplib.SMTPException):
            self.close()

    # ── one mail ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _transact(self, server: smtplib.SMTP, recipients: Sequence[str], content: bytes) -> Delivered:
        settings = self._settings
        code, reply = server.mail(settings.bounce_address or settings.from_address)
        if code != 250:
            raise self._answer(code, reply, "the sender was refused")
        refused = []
        for address in recipients:
            code, reply = server.rcpt(address)
            if code == 421:
                raise self._answer(code, reply, "the server is closing")
            if code not in (250, 251):
                refused.append(Refusal(address, code, _said(reply)))
        self._someone_left(recipients, refused)
        code, reply = server.docmd("DATA")
        if code != 354:
            raise self._answer(code, reply, "the mail was refused")
        return Delivered(reply=self._hand_over(server, content), refused=tuple(refused))

    def _someone_left(self, recipients: Sequence[str], refused: Sequence[Refusal]) -> None:
        """Go on only if somebody besides the archive will get it."""
        archive = self._settings.archive_address
        taken = set(recipients) - {item.address for item in refused} - {archive}
        if taken:
            return
        text = "; ".join(str(item) for item in refused)
        if any(item.code < _PERMANENT for item in refused if item.address != archive):
            raise self._transient(f"no recipient was taken for now: {text}")
        ours = [item for item in refused if item.address != archive]
        code = next((str(item.code) for item in ours), None)
        if ours and all(item.unknown for item in ours):
            raise Undeliverable(
                f"{self._connection}: every recipient was refused: {text}.",
                connection=self._connection,
                refused=[(item.address, f"{item.code} {item.text}") for item in ours],
                code=code,
            )
        raise Rejected(
            f"{self._connection}: every recipient was refused: {text}.",
            connection=self._connection,
            remedy="Ask whoever runs the mail server why it refuses them.",
            code=code,
        )

    def _hand_over(self, server: smtplib.SMTP, content: bytes) -> str:
        try:
            server.send(content)
            code, reply = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise OutcomeUnknown(
                f"{self._connection}: the mail was sent and the answer lost ({type(error).__name__}).",
                connection=self._connection,
                remedy="It is looked up in the archive before anything else is done.",
            ) from None
        if code != 250:
            raise self._answer(code, reply, "the mail was refused")
        return _said(reply)

    def _answer(self, code: int, reply: bytes, what: str) -> ConnectorError:
        text = f"{what}: {code} {_said(reply)}"
        if code == 530 or code == 535:
            return self._unauthorised(text)
        if _TEMPORARY <= code < _PERMANENT or code < 0:
            return self._transient(text)
        return Rejected(
            f"{self._connection}: {text}.",
            connection=self._connection,
            remedy="Ask whoever runs the mail server why it refuses this.",
            code=str(code),
        )

    # ── the connection ──────────────────────────────────────────────────────────────────────────────────────────────────
    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
        server: smtplib.SMTP | None = None
        try:
            server = self._dial(context)
            server.ehlo_or_helo_if_needed()
            if settings.security == "starttls":
                server.starttls(context=context)
                server.ehlo_or_helo_if_needed()
            if settings.username is not None and settings.password is not None:
                _log_in(server, settings.username, settings.password.get_secret_value())
        except (OSError, smtplib.SMTPException) as error:
            if server is not None:
                server.close()
            raise self._failed(error) from None
        return server

    def _dial(self, context: ssl.SSLContext) -> smtplib.SMTP:
        settings = self._settings
        if settings.security == "tls":
            return smtplib.SMTP_SSL(
                settings.host, settings.port_number, local_hostname=settings.helo, timeout=settings.timeout, context=context
            )
        return smtplib.SMTP(settings.host, settings.port_number, local_hostname=settings.helo, timeout=settings.timeout)

    def _failed(self, error: Exception) -> ConnectorError:
        """A connection that did not come about. Whatever the server said, no mail was handed over."""
        where = f"{self._settings.host}:{self._settings.port_number}"
        if isinstance(error, smtplib.SMTPAuthenticationError):
            if _TEMPORARY <= error.smtp_code < _PERMANENT:
                return self._transient(f"the login failed for now: {error.smtp_code}")
            return self._unauthorised(f"the login was refused: {error.smtp_code} {_said(error.smtp_error)}")
        if isinstance(error, ssl.SSLCertVerificationError):
            return self._transient(
                f"the certificate of {where} is not valid: {error.verify_message}", "Correct it, or set ca_file."
            )
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return self._transient(f"{where} does not offer what is asked of it: {error}", "Check security and username.")
        if isinstance(error, smtplib.SMTPResponseException):
            return self._transient(f"{where} answered {error.smtp_code} {_said(error.smtp_error)}")
        return self._transient(f"{where} cannot be reached ({type(error).__name__})", "Check host, port and security.")

    def _transient(self, text: str, remedy: str = "") -> Transient:
        return Transient(f"{self._connection}: {text}.", connection=self._connection, remedy=remedy, retry_after=_LATER)

    def _unauthorised(self, text: str) -> AuthExpired:
        return AuthExpired(f"{self._connection}: {text}.", connection=self._connection, remedy="Correct username and password.")
