"""What the shell asks of a connector, and what a connector may ask of the shell. Protocols and values, no code that acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from core.actions import Action, IdempotencyKey, Receipt, SendReminder
from core.clock import Clock
from core.records import Cursor, Page, Record, Ref, Role, Stream

if TYPE_CHECKING:
    import httpx
    from pydantic import BaseModel


class Capability(StrEnum):
    """What a connector declares it can do. The engine and the contract suite ask for these, never for a vendor's name."""

    DELETES = "deletes"  # deletions reach us: as tombstones or through listings
    CHANGES = "changes"  # a caught-up cursor yields only what changed
    REREAD = "reread"  # one record can be read again by ref
    SEND_REMINDER = "send_reminder"  # delivers our own mail
    SEND_INVOICE = "send_invoice"  # the vendor mails the invoice itself
    POST_NOTE = "post_note"
    SET_FIELD = "set_field"
    OPEN_TICKET = "open_ticket"
    HAND_OVER = "hand_over"  # takes collections cases: HandOver
    WEBHOOKS = "webhooks"
    OAUTH = "oauth"  # a person must consent: `duesync auth`
    DOCUMENTS = "documents"  # the vendor's PDF of an invoice can be fetched: Documents
    ENCLOSES = "encloses"  # files can go with a reminder: Encloses
    PAY_LINK = "pay_link"  # the vendor's page to pay an invoice is known: PayLinks


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """How a stream behaves. `fresh_for` is how many seconds after a good pull the gate still believes it."""

    stream: Stream
    fresh_for: float = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSender:
    """Evidence that the vendor reminds clients by itself. `certain` is false when the API can only hint."""

    what: str
    certain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `duesync doctor`. `ok` None means it could not be told."""

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a connection says of itself: is it usable, as whom, in which zone, and who else sends mail there."""

    ok: bool
    company: str | None = None
    timezone: str | None = None
    currency: str | None = None
    vendor_now: datetime | None = None
    checks: tuple[Check, ...] = ()
    other_senders: tuple[OtherSender, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A verified webhook said that this may have changed. A pull brings the truth. `event_id` lets replays be dropped."""

    stream: Stream
    ref: Ref
    event_id: str


@runtime_checkable
class Connector(Protocol):
    """One connection, opened. Not shared between threads. `close` may be called twice."""

    def streams(self) -> Mapping[Stream, StreamInfo]: ...

    def pull(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """Pages from `cursor` on (None: from the beginning) until one says `more` is false."""
        ...

    def reread(self, stream: Stream, ref: Ref) -> Record | None:
        """The record as the vendor has it this moment; None when it is gone."""
        ...

    def push(self, action: Action, key: IdempotencyKey) -> Receipt:
        """Do it once per key. Raises OutcomeUnknown when it may have happened and the answer was lost."""
        ...

    def find_pushed(self, action: Action, key: IdempotencyKey) -> Receipt | None:
        """Look at the vendor for what `push` would have left. None: certainly not there. OutcomeUnknown: cannot tell."""
        ...

    def probe(self) -> Probe: ...

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """Hints of a webhook whose signature holds; Rejected when it does not."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file a vendor keeps of a record, such as its PDF of an invoice. `filename` is plain ASCII without a path.

    `source` says in words where it is from ("QuickBooks, invoice 145"), for evidence and for the contact log.
    """

    content: bytes = field(repr=False)
    media_type: str
    filename: str
    source: str


@runtime_checkable
class Documents(Protocol):
    """A connector that hands over the vendor's own file of a record (capability DOCUMENTS)."""

    def document(self, stream: Stream, ref: Ref) -> Document | None:
        """The file as the vendor makes it this moment; None where the record is gone or the vendor has no file of it.

        Raises Transient when something else than the file came, Rejected when it is larger than anybody would send on.
        """
        ...


@runtime_checkable
class Encloses(Protocol):
    """A channel that can send files with a reminder (capability ENCLOSES)."""

    def push_with(self, action: SendReminder, key: IdempotencyKey, documents: Sequence[Document]) -> Receipt:
        """`push` with these files. The key alone says what the message is: with or without files it is sent once."""
        ...


@runtime_checkable
class PayLinks(Protocol):
    """A connector that knows where a client can pay an invoice (capability PAY_LINK)."""

    def pay_link(self, ref: Ref) -> str | None:
        """The address of the vendor's page; None where there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyFile:
    """A file an agency left for us: an acknowledgement, statuses, a remittance."""

    name: str
    content: bytes = field(repr=False)


@runtime_checkable
class AgencyReports(Protocol):
    """A connector to which an agency reports. Nothing is deleted there: who reads remembers what was read."""

    def reports(self, seen: Callable[[str], bool]) -> Iterator[AgencyFile]:
        """Every file that lies there, in order of name, but those whose name `seen` knows. ConnectorError when it cannot look."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """OAuth tokens of one connection. `previous_refresh` is kept for one retry after a rotation."""

    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    previous_refresh: str | None = field(default=None, repr=False)
    access_expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    consent_expires_at: datetime | None = None
    scope: str = ""
    realm: str | None = None


class TokenSlot(Protocol):
    """The tokens of one connection while nobody else can touch them."""

    def read(self) -> Tokens | None: ...

    def write(self, tokens: Tokens) -> None:
        """Durable (on disk) when it returns."""
        ...


class TokenVault(Protocol):
    """Tokens encrypted at rest. `locked` excludes every other thread and process for that connection."""

    def read(self, connection: str) -> Tokens | None: ...

    def locked(self, connection: str) -> AbstractContextManager[TokenSlot]: ...


class CallLedger(Protocol):
    """Calls made at each vendor, shared by every process that serves a connection; the store keeps it."""

    def calls_since(self, connection: str, since: datetime) -> Mapping[datetime, int]: ...

    def count_calls(self, connection: str, calls: Mapping[datetime, int], now: datetime) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionContext:
    """What a connector is built with. `settings` is an instance of its own settings model, secrets already resolved.

    `transport` None means the real network; tests and the demo pass httpx.MockTransport or leave it None and set `base_url`.
    """

    name: str
    role: Role
    settings: Any
    clock: Clock
    vault: TokenVault
    timezone: str
    currency: str
    transport: httpx.BaseTransport | None = None
    calls: CallLedger | None = None  # None: budgets are counted from nothing each time a connection is opened
    documents: Callable[[str], bytes | None] = lambda _: None  # a kept document by its SHA-256, for a HandOver's files


class Sandbox(Protocol):
    """A vendor in memory: written from its documentation, stateful, with its own clock. Imports neither connector nor mapping."""

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one HTTP request; the same handler serves MockTransport, respx and loopback HTTP."""
        ...

    def settings(self, base_url: str) -> dict[str, Any]:
        """Keys for [connections.NAME] that make the connector talk to this sandbox at `base_url`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSpec:
    """What a connector registers, built in or through the entry-point group `duesync.connectors`.

    `sandbox` takes a Clock and returns a fresh sandbox; None only for a connector that talks to no vendor (CSV files, SMTP).
    `writes` says which writing capabilities a connection's settings switch on (None: all declared ones). `provider` gives the
    connectors.oauth.Provider of a connection's settings, for connectors with capability OAUTH.
    """

    name: str
    capabilities: frozenset[Capability]
    settings: type[BaseModel]
    build: Callable[[ConnectionContext], Connector]
    sandbox: Callable[[Clock], Sandbox] | None
    streams: tuple[Stream, ...]
    summary: str
    writes: Callable[[Any], frozenset[Capability]] | None = None
    provider: Callable[[Any], Any] | None = None
