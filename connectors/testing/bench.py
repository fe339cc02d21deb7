"""A bench: one connector opened on its own sandbox in memory, and the levers the contract pulls.

A sandbox that offers the methods of `Rehearsal` needs no bench of its own. A connector without a sandbox (files, mail), or one
whose sandbox speaks differently, brings a subclass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx
from pydantic import SecretStr

from connectors.testing import plain
from connectors.testing.clocks import SleepingClock
from connectors.testing.faults import Levers, Logged, writes_only
from connectors.testing.vault import MemoryVault
from core.actions import (
    Action,
    HandOver,
    HandOverKind,
    InvoiceMention,
    OpenTicket,
    PostNote,
    SendInvoice,
    SendReminder,
    SetField,
)
from core.clock import Clock
from core.money import Money
from core.ports import Capability, ConnectionContext, Connector, ConnectorSpec
from core.records import STREAM_OF, Record, Ref, Role, Stream

START = datetime(2026, 5, 5, 12, tzinfo=UTC)
ADDRESS = "https://vendor.test"
PAGE = 4  # rows a page in the contract, where the connector has a setting `page_size`


class Rehearsal(Protocol):
    """What a sandbox offers beyond core.ports.Sandbox, so that the contract can drive it. Refs are the vendor's own."""

    levers: Levers

    def handle(self, request: httpx.Request) -> httpx.Response: ...

    def settings(self, base_url: str) -> dict[str, Any]: ...

    def seed_world(self, records: Iterable[Record]) -> Mapping[tuple[Stream, str], Sequence[str]]:
        """Create these records, in order; which refs each became. Refs inside them are those of earlier records."""
        ...

    def change(self, stream: Stream, ref: str) -> None:
        """Edit something of the record that a pull shows."""
        ...

    def remove(self, stream: Stream, ref: str) -> None:
        """Delete it, or void it where the vendor knows no deletion."""
        ...

    def spoil(self, stream: Stream, ref: str) -> None:
        """Make the vendor send this record in a way nobody can read: a null where an amount belongs, an unknown state."""
        ...

    def wants(self, capability: Capability, number: int, bench: Bench) -> Action | None:
        """Action `number` to push with this capability, about records that `bench` stocks for it."""
        ...

    def done(self, action: Action) -> int:
        """How often the vendor did this action."""
        ...

    def webhook(self, stream: Stream, ref: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of a genuine webhook about this record."""
        ...


class RecordingClock(SleepingClock):
    """Remembers how long anybody slept on it."""

    def __init__(self) -> None:
        super().__init__(START)
        self.naps: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass, and note them."""
        self.naps.append(seconds)
        super().sleep(seconds)


class Bench:
    """Everything a promise needs of one vendor. Override what your vendor does differently.

    `seedable` are the streams this bench can fill; `relists` those that a pass always lists again (no news of changes there).
    """

    name = "bench"
    role = Role.BOOKS
    address = ADDRESS  # where the sandbox is reached; another one when it is served over HTTP
    currency = "USD"
    timezone = "Pacific/Auckland"  # far from UTC, so that a date taken in the wrong zone is another date
    relists: frozenset[Stream] = frozenset()
    unknown_ref = "999999999"  # shaped like a ref of this vendor, and nobody's
    currencies: tuple[str, ...] = ("USD", "EUR", "JPY", "KWD")
    connection_settings: Mapping[str, Any] = {}

    def __init__(self, spec: ConnectorSpec) -> None:
        self.spec = spec
        self.clock = RecordingClock()
        self.vault = MemoryVault()
        self.refs: dict[Stream, list[Ref]] = {}
        self._seeded: dict[tuple[Stream, str], tuple[Ref, ...]] = {}
        self._numbers: dict[Stream, int] = {}
        self._open: list[Connector] = []
        self.set_up(self.clock)

    # ── what a vendor may do differently ────────────────────────────────────────────────────────────────────────────────
    def set_up(self, clock: Clock) -> None:
        """Make the vendor."""
        if self.spec.sandbox is None:
            raise TypeError(f"{self.spec.name} has no sandbox: give it a bench of its own")
        self.sandbox: Any = self.spec.sandbox(clock)

    @property
    def seedable(self) -> frozenset[Stream]:
        """Streams that can be filled with plain records."""
        return plain.SEEDABLE & frozenset(self.spec.streams)

    @property
    def levers(self) -> Levers | None:
        """Faults and the request log; None for a connector that speaks no HTTP."""
        found: Levers = self.sandbox.levers
        return found

    def keys(self) -> dict[str, Any]:
        """The connection's settings."""
        paged = {"page_size": PAGE} if "page_size" in self.spec.settings.model_fields else {}
        return {**self.sandbox.settings(self.address), **paged, **self.connection_settings}

    def transport(self) -> httpx.BaseTransport | None:
        """What carries requests to the vendor."""
        return httpx.MockTransport(self.sandbox.handle)

    def create(self, records: Sequence[Record]) -> Mapping[tuple[Stream, str], Sequence[str]]:
        """Create records at the vendor."""
        made: Mapping[tuple[Stream, str], Sequence[str]] = self.sandbox.seed_world(records)
        return made

    def change(self, stream: Stream, ref: Ref) -> None:
        """Edit a record at the vendor."""
        self.sandbox.change(stream, ref)

    def remove(self, stream: Stream, ref: Ref) -> None:
        """Delete or void a record at the vendor."""
        self.sandbox.remove(stream, ref)

    def spoil(self, stream: Stream, ref: Ref) -> None:
        """Make a record unreadable at the vendor."""
        self.sandbox.spoil(stream, ref)

    def wants(self, capability: Capability, number: int) -> Action | None:
        """Action `number` to try a capability with, about records this bench made."""
        found: Action | None = self.sandbox.wants(capability, number, self)
        return found

    def done(self, action: Action) -> int:
        """How often the vendor did an action."""
        count: int = self.sandbox.done(action)
        return count

    def reads_back(self, action: Action) -> bool:
        """Whether the vendor can be asked if it did this; where not, find_pushed must say OutcomeUnknown after a loss."""
        del action
        return True

    def lose_reply(self, action: Action) -> None:
        """Let the vendor do `action` and lose its answer.

        A sandbox whose connector writes more than once for it names the request that acts: `acts(action, request) -> bool`.
        """
        acts = getattr(self.sandbox, "acts", None)
        levers: Levers = self.sandbox.levers
        levers.lose_reply(only=writes_only if acts is None else lambda request: writes_only(request) and acts(action, request))

    def recover(self) -> None:
        """No more faults."""
        if self.levers is not None:
            self.levers.clear()

    def webhook(self, stream: Stream, ref: Ref) -> tuple[dict[str, str], bytes]:
        """A genuine webhook."""
        found: tuple[dict[str, str], bytes] = self.sandbox.webhook(stream, ref)
        return found

    def foreign(self, capability: Capability) -> Action:
        """An action of a kind this connector does not declare."""
        money = Money(100, self.currency)
        mention = InvoiceMention(connection=self.name, ref=Ref("1"), digest="0", number="1", open=money, due_on=None)
        about: dict[str, Any] = {"connection": self.name, "account": "a"}
        step: dict[str, Any] = {"stage": "due", "cycle": "1"}
        record: dict[str, Any] = {"stream": Stream.INVOICES, "ref": Ref("1"), "cause": "test"}
        made: dict[Capability, Action] = {
            Capability.SEND_REMINDER: SendReminder(
                **about, **step, to=("ap@client.example",), subject="s", text="t", html="", invoices=(mention,)
            ),
            Capability.SEND_INVOICE: SendInvoice(**about, **step, invoice=mention),
            Capability.POST_NOTE: PostNote(**about, **record, text="t"),
            Capability.SET_FIELD: SetField(**about, **record, field="memo", value="x", expected=None),
            Capability.OPEN_TICKET: OpenTicket(**about, **step, party_ref=Ref("1"), summary="s", body="b"),
            Capability.HAND_OVER: HandOver(
                **about,
                case="c",
                agency="acme",
                what=HandOverKind.MESSAGE,
                cause="test",
                reference="c",
                subject="s",
                text="t",
                amount=money,
            ),
        }
        return made[capability]

    def secrets(self) -> set[str]:
        """Everything that must never show."""
        settings = self.spec.settings.model_validate(self.keys())
        values = (getattr(settings, name) for name in type(settings).model_fields)
        found = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
        tokens = self.vault.read(self.name)
        if tokens is not None:
            found |= {tokens.access, tokens.refresh or "", tokens.previous_refresh or ""}
        return {secret for secret in found if secret}

    # ── what promises use ───────────────────────────────────────────────────────────────────────────────────────────────
    def open(self) -> Connector:
        """The connector, opened anew as after a restart; only what is in the vault is remembered."""
        context = ConnectionContext(
            name=self.name,
            role=self.role,
            settings=self.spec.settings.model_validate(self.keys()),
            clock=self.clock,
            vault=self.vault,
            timezone=self.timezone,
            currency=self.currency,
            transport=self.transport(),
        )
        connector = self.spec.build(context)
        self._open.append(connector)
        return connector

    def seed(self, *records: Record) -> tuple[Ref, ...]:
        """Create records; the vendor's refs of the last one."""
        made = self.create([record for record in records if self._unseen(record)])
        for (stream, ref), refs in made.items():
            found = tuple(Ref(item) for item in refs)
            if (stream, ref) not in self._seeded:
                self._seeded[stream, ref] = found
                self.refs.setdefault(stream, []).extend(found)
        return self.refs_of(records[-1])

    def refs_of(self, record: Record) -> tuple[Ref, ...]:
        """What a seeded record is called at the vendor."""
        return self._seeded[STREAM_OF[type(record)], record.ref]

    def stock(self, stream: Stream, count: int) -> list[Ref]:
        """`count` more plain records of a stream, with the client they belong to; every ref the stream has now."""
        begin = self._numbers.get(stream, 1)
        self._numbers[stream] = begin + count
        wanted = [record for number in range(begin, begin + count) for record in plain.plain(stream, number)]
        if wanted and stream is not Stream.PARTIES:
            wanted.insert(0, plain.party(0))
        if wanted:
            self.seed(*wanted)
        return list(self.refs.get(stream, []))

    def requests(self) -> list[Logged]:
        """What the vendor was asked so far."""
        return list(self.levers.log) if self.levers is not None else []

    def close(self) -> None:
        """Close every connector that was opened."""
        for connector in self._open:
            connector.close()

    def _unseen(self, record: Record) -> bool:
        return (STREAM_OF[type(record)], record.ref) not in self._seeded
