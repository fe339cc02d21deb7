"""What the gate is asked with: everything about one outbox row, read again this moment from vendors and store.

What cannot be read is left out, and the gate answers "cannot tell" to what it would have needed it for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from core.actions import HandOver, InvoiceMention, OpenTicket, SendInvoice, SendReminder
from core.books import Account, AccountBooks
from core.clock import Clock
from core.collections.case import Case
from core.collections.placement_gate import handover_answers
from core.dunning.decision import NEEDS_APPROVAL
from core.dunning.gate import GateFacts, SourceAge, gate
from core.dunning.resolve import resolve_policy
from core.dunning.standing import twins_of
from core.errors import ConnectorError, UsageError
from core.findings import Finding, FindingKind, FindingState
from core.outbox import LIVE_STATES, GateAnswer, OutboxRow
from core.ports import Connector, OtherSender
from core.records import Invoice, RecordKey, Role, Stream
from core.review import WATERMARK, Rules
from core.senders import known_senders, remember_senders
from core.silence import Silence
from core.store import Store
from core.store.digest import digest_of
from core.unread import client_of

log = structlog.get_logger()


@dataclass(slots=True)
class GateRoom:
    """Opens each connection once per pass and gathers the facts of one row at a time."""

    store: Store
    rules: Rules
    open_connection: Callable[[str], AbstractContextManager[Connector]]
    clock: Clock
    stack: ExitStack
    opened: dict[str, Connector] = field(default_factory=dict)
    books: dict[str, AccountBooks] = field(default_factory=dict)
    silence: Silence = field(default_factory=Silence)
    seen: int | None = None  # up to which change of the store `books` are true

    def connector(self, name: str) -> Connector:
        """The opened connector of a connection; ConnectorError or UsageError when it cannot be opened."""
        if name not in self.opened:
            self.opened[name] = self.stack.enter_context(self.open_connection(name))
        return self.opened[name]

    def answers(self, row: OutboxRow, now: datetime) -> tuple[GateAnswer, ...]:
        """Ask the gate about one row."""
        facts = self.facts(row, now)
        if isinstance(row.action, HandOver):
            return handover_answers(row.action, facts, self._case(row.action.case))
        return gate(row.action, facts)

    def _case(self, case_id: str) -> Case | None:
        try:
            return self.store.case(case_id)
        except UsageError:
            return None

    def facts(self, row: OutboxRow, now: datetime) -> GateFacts:
        """Everything known about the row's account and invoices at this moment.

        Vendors are asked first, the store last: a hold or a pause that comes while a vendor takes its time still counts.
        """
        action = row.action
        mentions = action.invoices if isinstance(action, SendReminder | SendInvoice | OpenTicket | HandOver) else ()
        mentioned = [RecordKey(mention.connection, Stream.INVOICES, mention.ref) for mention in mentions]
        known = self._books(action.account, now)
        twins = twins_of(mentioned, known) if known is not None else ()
        reread: dict[RecordKey, Invoice | None] = {}
        for key in dict.fromkeys((*mentioned, *twins)):
            self._reread(key, reread)
        senders = self._senders(self._sources(mentions, action.account), now) if mentions else {}
        streams = self._ages(self.books.get(action.account))
        books = self._books(action.account, now)
        account = books.account if books is not None else Account(id=action.account, name=action.account, parties=())
        return GateFacts(
            now=now,
            policy=resolve_policy(self.rules.dunning, account),
            organisation=self.rules.organisation,
            books=books,
            reread=reread,
            digests={key: digest_of(invoice) for key, invoice in reread.items() if invoice is not None},
            streams=streams,
            history=self.store.contacts([action.account]).get(action.account, ()),
            holds=self.store.holds(account=action.account),
            findings=self._findings(action.account, mentioned),
            promises=self.store.promises(account=action.account),
            plans=[item.plan for item in self.store.plans(account=action.account)],
            other_senders=senders,
            unreviewed_money=self.store.unclaimed_money(int(self.store.setting(WATERMARK) or 0)),
            modes=self.rules.modes,
            paused=self._paused(action.connection),
            approved=any(reason.startswith(NEEDS_APPROVAL) for reason in row.reasons),
        )

    def _sources(self, mentions: Sequence[InvoiceMention], account: str) -> set[str]:
        """The connections whose own reminders would reach this client: those of the invoices, and every system it is in."""
        books = self.books.get(account)
        parties = books.account.parties if books is not None else ()
        return {item.connection for item in mentions} | {key.connection for key in parties if key.connection in self.rules.roles}

    def _books(self, account: str, now: datetime) -> AccountBooks | None:
        """The account's books as the store has them now: read once for all queued rows, and again when a pull changed them."""
        if self.seen is None:
            waiting = {row.action.account for row in self.store.outbox(states=LIVE_STATES)} | {account}
            _, self.seen = self.store.changed_accounts(int(self.store.setting(WATERMARK) or 0))
            self.books = dict(self.store.load_books(now=now, accounts=sorted(waiting)).accounts)
        changed, self.seen = self.store.changed_accounts(self.seen)
        if changed:
            self.books = {name: books for name, books in self.books.items() if name not in changed}
        if account not in self.books:
            self.books.update(self.store.load_books(now=now, accounts=[account]).accounts)
        return self.books.get(account)

    def _reread(self, key: RecordKey, into: dict[RecordKey, Invoice | None]) -> None:
        """Add the invoice as its vendor has it now (None: gone); what could not be read is left out."""
        if self.silence.holds(key.connection):
            return
        try:
            found = self.connector(key.connection).reread(Stream.INVOICES, key.ref)
        except ConnectorError as error:
            self.silence.failed(key.connection, error)
            log.warning("invoice.unread", connection=key.connection, ref=key.ref, error=error.message)
            return
        self.silence.answered(key.connection)
        if found is None or isinstance(found, Invoice):
            into[key] = found

    def _ages(self, books: AccountBooks | None) -> tuple[SourceAge, ...]:
        """Every stream of every connection the account is in, and of the banks; those no longer configured feed nothing."""
        if books is None:
            return ()
        names = {key.connection for key in books.account.parties if key.connection in self.rules.roles}
        names |= {name for name, role in self.rules.roles.items() if role is Role.BANK}
        known = {(state.connection, state.stream): state.last_ok_at for state in self.store.stream_states()}
        return tuple(
            SourceAge(
                connection=name,
                stream=stream,
                last_ok_at=known.get((name, stream)),
                fresh_for=max(info.fresh_for, self.rules.fresh_for.get(name, 0.0)),
            )
            for name in sorted(names)
            for stream, info in self.connector(name).streams().items()
        )

    def _findings(self, account: str, invoices: Sequence[RecordKey]) -> list[Finding]:
        """Those of the account, and those of others about one of the invoices: money booked elsewhere (E1, E36).

        Rows that could not be read count where they say that they are the client's.
        """
        states = [FindingState.OPEN, FindingState.ACCEPTED]
        books = self.books.get(account)
        records = books.account.parties if books is not None else ()
        unread = self.store.findings(states, kinds=[FindingKind.MALFORMED_RECORD], quoting=[key.ref for key in records])
        held = (
            *self.store.findings(states, account),
            *(self.store.findings(states, about=invoices) if invoices else ()),
            *(item for item in unread if client_of(item.finding) in records),
        )
        return list({item.id: item.finding for item in held}.values())

    def _paused(self, connection: str) -> str | None:
        found = self.store.paused()
        pause = next((found[scope] for scope in ("all", "volume", connection) if scope in found), None)
        return None if pause is None else f"paused by {pause.by}: {pause.reason}".rstrip(": ")

    def _senders(self, names: set[str], now: datetime) -> dict[str, tuple[OtherSender, ...]]:
        """Who else reminds, per connection; asked once a day. A connection that could not be asked is left out."""
        found = {}
        for name in sorted(names):
            senders = self._senders_of(name, now)
            if senders is not None:
                found[name] = senders
        return found

    def _senders_of(self, name: str, now: datetime) -> tuple[OtherSender, ...] | None:
        kept = known_senders(self.store, name)
        if kept is not None and kept.believed(now):
            return kept.found
        if self.silence.holds(name):
            return None
        try:
            probe = self.connector(name).probe()
        except ConnectorError as error:
            self.silence.failed(name, error)
            log.warning("connection.unprobed", connection=name, error=error.message)
            return None
        remember_senders(self.store, name, probe.other_senders, now)
        return probe.other_senders
