"""The keys of [mail]: the server that takes our mail, who it is from, and where a copy of it can be read back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from core.messages.clean import addresses, one_line

_PORTS = {"none": 25, "starttls": 587, "tls": 465}
_IMAP_PORTS = {"none": 143, "starttls": 143, "tls": 993}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _address(value: str) -> str:
    if addresses(value) != (value,):
        raise ValueError(f'"{value}" is not an e-mail address')
    return value


def _plain(value: str) -> str:
    if one_line(value, 200) != value.strip():
        raise ValueError("must be one line of plain text")
    return value.strip()


Address = Annotated[str, AfterValidator(_address)]
PlainText = Annotated[str, AfterValidator(_plain)]
Security = Literal["none", "starttls", "tls"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ImapSettings(_Section):
    """One mailbox that duesync may read."""

    host: str = Field(min_length=1, description="IMAP server")
    port: int | None = Field(None, ge=1, le=65535, description="none: 993 with tls, else 143")
    security: Security = Field("tls", description="tls, starttls or none (loopback only)")
    username: str = Field(min_length=1, description="login name")
    password: SecretStr = Field(description="by reference")
    folder: PlainText = Field("INBOX", description="mailbox to read")
    timeout: float = Field(30.0, gt=0, le=300, description="seconds to wait for the server")

    @model_validator(mode="after")
    def _no_secret_in_clear(self) -> Self:
        if self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("a password is not sent unencrypted: use tls or starttls")
        return self

    @property
    def port_number(self) -> int:
        return self.port or _IMAP_PORTS[self.security]


class SmtpSettings(_Section):
    """Your mail server, and who the mail is from."""

    host: str = Field(min_length=1, description="SMTP server")
    port: int | None = Field(None, ge=1, le=65535, description="none: 465 with tls, 587 with starttls, 25 with none")
    security: Security = Field("starttls", description="starttls, tls or none; none takes no password except on loopback")
    username: str | None = Field(None, description="login name, where the server wants one")
    password: SecretStr | None = Field(None, description="by reference")
    ca_file: Path | None = Field(
        None, description="PEM file of the authority that signed the server's certificate, if not public"
    )
    from_address: Address = Field(description="the address mail comes from")
    from_name: PlainText | None = Field(None, description="the name beside it; none: the address alone")
    reply_to: Address | None = Field(None, description="where answers go; none: organisation.email, else from_address")
    bounce_address: Address | None = Field(None, description="envelope sender, to which undeliverable mail returns")
    archive_address: Address | None = Field(None, description="gets a hidden copy of every mail: proof that the server took it")
    sent_maildir: Path | None = Field(None, description="Maildir in which copies arrive, to look up mail whose answer was lost")
    archive: ImapSettings | None = Field(None, description="mailbox in which copies arrive, instead of sent_maildir")
    archive_delay: float | None = Field(
        None, ge=0, le=86400, description="seconds a copy may take to arrive; none: 0 for sent_maildir, 900 for archive"
    )
    inbox: ImapSettings | None = Field(None, description="mailbox of replies and bounces")
    inbox_maildir: Path | None = Field(None, description="Maildir in which replies and bounces arrive, instead of inbox")
    verified_by: PlainText | None = Field(
        None, description="your mail server's name in Authentication-Results; without it agencies' reports by mail wait"
    )
    dkim_selectors: tuple[PlainText, ...] = Field((), description="names of your DKIM keys (s= of a signature), for doctor")
    name_servers: tuple[PlainText, ...] = Field((), description="ADDRESS or ADDRESS:PORT doctor asks; none: this machine's")
    unsubscribe_stages: tuple[str, ...] = Field(("statement",), description="stages whose mail carries List-Unsubscribe")
    helo: PlainText | None = Field(None, description="name to greet the server with; none: this machine's")
    timeout: float = Field(30.0, gt=0, le=300, description="seconds to wait for the server")
    per_connection: int = Field(50, ge=1, le=1000, description="mails over one connection before a new one is made")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        if self.security == "none" and self.username is not None and self.host not in _LOOPBACK:
            raise ValueError("a password is not sent unencrypted: use tls or starttls")
        if self.archive is not None and self.sent_maildir is not None:
            raise ValueError("give sent_maildir or archive, not both")
        if self.inbox is not None and self.inbox_maildir is not None:
            raise ValueError("give inbox or inbox_maildir, not both")
        return self

    @property
    def port_number(self) -> int:
        return self.port or _PORTS[self.security]

    @property
    def delay(self) -> float:
        """Seconds a copy may take to arrive in the archive."""
        if self.archive_delay is not None:
            return self.archive_delay
        return 0.0 if self.archive is None else 900.0
