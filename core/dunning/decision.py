"""What was decided for one account, as values: the messages that would go, those that would not and why, and the next look.

Conversions: `preview_row` for `duesync preview --json` (DESIGN.md section 6), `to_queued` for the outbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from core.actions import Action, InvoiceMention, OpenTicket, SendInvoice, SendReminder, idempotency_key
from core.books import Account
from core.dunning.calls import CallResult
from core.dunning.fees import FeeProposal
from core.dunning.policy import Mode, StageKind, Tone, Way
from core.messages.clean import addresses
from core.messages.letter import Letter
from core.messages.render import Rendered
from core.money import Money
from core.outbox import Queued
from core.records import Invoice, RecordKey, Ref, key_of

REFERENCE_DIGITS = 8
NEEDS_APPROVAL = "waits for a person's approval"  # part of a row's reasons: the gate reads it back (protected clients)


@dataclass(frozen=True, slots=True)
class Referral:
    """The agencies an account could really be handed to: for each the places it may collect in (none: nobody said)."""

    places: tuple[frozenset[str], ...] = ()

    def reaches(self, region: str | None, country: str | None) -> bool:
        """Could one of them take a client there? Where the client is not known, only one without a list of places could."""
        here = {item.upper() for item in (region, country) if item}
        return any(not places or bool(places & here) for places in self.places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """By which connections clients are reached.

    `mail` delivers our own mail, `webhook` tells a system of yours, `letter` writes paper to post, each of `vendor` mails its own
    invoices, `call` takes tickets for people. Over `drafts` (their own mode is draft) nothing leaves without a person's word.
    """

    mail: str | None = None
    vendor: frozenset[str] = frozenset()
    call: str | None = None
    call_by_account: bool = False  # `call` has no records of clients (a webhook): they are named by their account
    webhook: str | None = None
    letter: str | None = None
    referral: Referral = Referral()
    drafts: frozenset[str] = frozenset()
    addresses: Mapping[str, str] = field(default_factory=dict)  # postal ones, by the client's name, id or CONNECTION:REF

    def address_of(self, account: Account) -> str:
        """Where a letter to the client is posted; empty where nobody said."""
        names = (account.name, account.id, *(f"{key.connection}:{key.ref}" for key in account.parties))
        return next((self.addresses[name] for name in names if name in self.addresses), "")

    @property
    def own(self) -> frozenset[str]:
        """The connections that carry our own words."""
        return frozenset(name for name in (self.mail, self.webhook, self.letter) if name is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something a person should do: apply a payment, mend an address, call. `kind` is a stable word."""

    kind: str
    text: str
    invoices: tuple[RecordKey, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One message to one client, or the one that is kept back. `due_on` is the day its step is or becomes due."""

    account: str
    party_refs: tuple[Ref, ...]
    stage: str
    cycle: str
    kind: StageKind
    channel: Way
    connection: str | None
    recipient: str | None
    due_on: date
    would_send: bool
    reasons: tuple[str, ...]
    invoices: tuple[Invoice, ...]
    tone: Tone = Tone.FRIENDLY
    not_before: datetime
    draft: bool = False
    letter: Letter | None = None
    enclose: int = 0  # the vendors' PDFs of at most so many of its invoices go with it
    ticket_party: Ref | None = None  # the client in the PSA that takes the ticket of a call


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Everything decided for one account at one moment. `ready_for_collections` only says that the cadence has done its part.

    `collections_gaps` says what is missing for that; `calls` are tickets of calls that were closed since the last look.
    """

    account: str
    mode: Mode
    today: date
    entries: tuple[Entry, ...] = ()
    tasks: tuple[Task, ...] = ()
    next_look: datetime | None = None
    ready_for_collections: bool = False
    collections_gaps: tuple[str, ...] = ()
    calls: tuple[CallResult, ...] = ()
    fees: tuple[FeeProposal, ...] = ()

    @property
    def outgoing(self) -> tuple[Entry, ...]:
        """What should be put in the outbox now: nothing in observe mode."""
        return () if self.mode is Mode.OBSERVE else tuple(entry for entry in self.entries if entry.would_send)


def _money(amount: Money) -> dict[str, Any]:
    return {"minor": amount.minor, "currency": amount.currency}


def preview_row(entry: Entry) -> dict[str, Any]:
    """One element of `preview --json`, plain JSON values."""
    return {
        "account": entry.account,
        "party_refs": list(entry.party_refs),
        "invoices": [
            {"connection": item.connection, "ref": item.ref, "number": item.number, "open": _money(item.open)}
            for item in entry.invoices
        ],
        "stage": entry.stage,
        "channel": str(entry.channel),
        "recipient": entry.recipient,
        "due_on": entry.due_on.isoformat(),
        "would_send": entry.would_send,
        "reasons": list(entry.reasons),
    }


def _mention(invoice: Invoice, digests: Mapping[RecordKey, str]) -> InvoiceMention:
    return InvoiceMention(
        connection=invoice.connection,
        ref=invoice.ref,
        digest=digests[key_of(invoice)],
        number=invoice.number,
        open=invoice.open,
        due_on=invoice.due_on,
    )


def reference_of(entry: Entry) -> str:
    """What a message calls itself in its own words: how the id of its outbox row begins, by which an answer is known."""
    mentions = tuple(_mention(invoice, {key_of(invoice): ""}) for invoice in entry.invoices)
    bare = SendReminder(
        connection=entry.connection or "",
        account=entry.account,
        stage=entry.stage,
        cycle=entry.cycle,
        to=(),
        subject="",
        text="",
        html="",
        invoices=mentions,
    )
    return idempotency_key(bare)[:REFERENCE_DIGITS]


def to_queued(entry: Entry, message: Rendered | None, *, digests: Mapping[RecordKey, str]) -> Queued:
    """The outbox item of an entry that would be sent.

    `message` is `render(entry.letter)` (None for the vendor's own send); `digests` the store's content hash of every invoice of
    the entry: KeyError where one is missing, ValueError where the entry has no message, recipient or connection to go by.
    """
    return Queued(action=_action(entry, message, digests), reasons=entry.reasons, not_before=entry.not_before, draft=entry.draft)


def _vendor_address(entry: Entry) -> str | None:
    """None where the vendor has the address on the invoice: naming one would change the invoice (QuickBooks, sendTo)."""
    return None if entry.recipient in addresses(entry.invoices[0].bill_email) else entry.recipient


def _action(entry: Entry, message: Rendered | None, digests: Mapping[RecordKey, str]) -> Action:
    if not entry.would_send or entry.connection is None:
        raise ValueError(f"the {entry.stage} message for {entry.account} is not one to send")
    mentions = tuple(_mention(invoice, digests) for invoice in entry.invoices)
    if entry.channel is Way.VENDOR:
        (only,) = mentions
        return SendInvoice(
            connection=entry.connection,
            account=entry.account,
            stage=entry.stage,
            cycle=entry.cycle,
            invoice=only,
            to=_vendor_address(entry),
        )
    if message is None or entry.letter is None:
        raise ValueError(f"the {entry.stage} message for {entry.account} was not written")
    if entry.channel is Way.CALL:
        return OpenTicket(
            connection=entry.connection,
            account=entry.account,
            party_ref=entry.ticket_party or entry.party_refs[0],
            summary=message.subject,
            body=message.text,
            stage=entry.stage,
            cycle=entry.cycle,
            invoices=mentions,
        )
    return SendReminder(
        connection=entry.connection,
        account=entry.account,
        stage=entry.stage,
        cycle=entry.cycle,
        to=entry.letter.to,
        cc=entry.letter.cc,
        subject=message.subject,
        text=message.text,
        html=message.html,
        reply_to=entry.letter.reply_to,
        locale=message.locale,
        credits=tuple(group.credit for group in entry.letter.groups if group.credit.minor),
        invoices=mentions,
        enclose=entry.enclose,
    )
