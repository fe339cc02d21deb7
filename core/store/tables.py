"""Every table of the store, as SQLModel classes. Private to core.store: callers see the domain's dataclasses only.

Tables of records are made from the fields of their dataclasses in core.store.record_tables; the others are written out here. JSON
is kept as text in canonical form, so that both databases hold and compare the same bytes. Amounts are minor units beside
their currency.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, LargeBinary, MetaData, Text, text
from sqlalchemy import ForeignKey as References
from sqlmodel import Field, SQLModel

from core.store.columns import NAMING, SERIAL, Instant


class Stored(SQLModel):
    """A table of the store."""

    metadata: ClassVar[MetaData] = NAMING


def _key(**options: Any) -> Any:
    return Field(sa_type=Text, primary_key=True, **options)


def _text(*, nullable: bool = False, **options: Any) -> Any:
    return Field(sa_type=Text, nullable=nullable, **options)


def _at(*, nullable: bool = False) -> Any:
    return Field(sa_type=Instant, nullable=nullable)


def _number(*, nullable: bool = False) -> Any:
    return Field(sa_type=BigInteger, nullable=nullable)


# ── what was pulled ─────────────────────────────────────────────────────────────────────────────────────────────────────
class RecordRow(Stored, table=True):
    """Identity, history and raw payload of every record. A deleted one keeps its row as a tombstone and loses its typed row."""

    __tablename__ = "records"
    ref: str = _key()  # first in every key: a planner that knows nothing of a new stream can then only look refs up
    connection: str = _key()
    stream: str = _key()
    version: str | None = _text(nullable=True)
    updated_at: datetime | None = _at(nullable=True)
    digest: str = _text()
    first_seen_at: datetime = _at()
    changed_at: datetime = _at()
    deleted_at: datetime | None = _at(nullable=True)
    raw: bytes = Field(sa_type=LargeBinary, nullable=False)  # last: a scan of the identities never touches its pages


class PayloadDictionary(Stored, table=True):
    """A zstd dictionary trained on one stream. Never changed: every payload names the one it was made with."""

    __tablename__ = "payload_dictionaries"
    id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    connection: str = _text()
    stream: str = _text()
    trained_at: datetime = _at()
    content: bytes = Field(sa_type=LargeBinary, nullable=False)


class CursorRow(Stored, table=True):
    """How far a stream was pulled; written in the transaction of the page it stands behind."""

    __tablename__ = "cursors"
    connection: str = _key()
    stream: str = _key()
    cursor: str = _text()
    saved_at: datetime = _at()
    run_id: str = _text()


class StreamStateRow(Stored, table=True):
    """Freshness of a stream. `row_count` is kept by the pages, so that nobody counts a large table to draw a gauge."""

    __tablename__ = "stream_states"
    connection: str = _key()
    stream: str = _key()
    last_ok_at: datetime | None = _at(nullable=True)
    last_try_at: datetime | None = _at(nullable=True)
    error: str | None = _text(nullable=True)
    row_count: int = _number()


class ChangeRow(Stored, table=True):
    """What changed, once for every party it touches. A reader keeps the last `seq` it has seen."""

    __tablename__ = "change_log"
    __table_args__ = ({"sqlite_autoincrement": True},)
    seq: int | None = Field(default=None, sa_type=SERIAL, primary_key=True)
    connection: str = _text()
    stream: str = _text()
    ref: str = _text()
    what: str = _text()
    party_ref: str | None = _text(nullable=True)
    run_id: str = _text()
    at: datetime = _at()


class MalformedRow(Stored, table=True):
    """A row that could not be read, until it can. `place` is its ref, or where it stands when it has none."""

    __tablename__ = "malformed"
    connection: str = _key()
    stream: str = _key()
    place: str = _key()
    ref: str | None = _text(nullable=True)
    position: str = _text()
    problem: str = _text()
    listing: str | None = _text(nullable=True)
    seen_at: datetime = _at()


# ── clients ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
class ConnectionRow(Stored, table=True):
    """The role of a connection, as the configuration last said."""

    __tablename__ = "connections"
    name: str = _key()
    role: str = _text()


class AccountRow(Stored, table=True):
    """A client that linking or a person named."""

    __tablename__ = "accounts"
    id: str = _key()
    name: str = _text()
    segment: str | None = _text(nullable=True)


class AccountParty(Stored, table=True):
    """The customer records that stand for an account: each belongs to one account at most."""

    __tablename__ = "account_parties"
    connection: str = _key()
    ref: str = _key()
    account_id: str = Field(sa_column=Column(Text, References("accounts.id", ondelete="CASCADE"), nullable=False, index=True))
    position: int = _number()


class FindingRow(Stored, table=True):
    """A finding with its history. `dismissed_*` is the amount it had when a person said it is no fault."""

    __tablename__ = "findings"
    id: str = _key()
    fingerprint: str = _text(unique=True)
    kind: str = _text()
    severity: str = _text()
    confidence: float
    account: str | None = _text(nullable=True, index=True)
    connection: str = _text()
    subjects: str = _text()
    at_stake_minor: int = _number()
    at_stake_currency: str = _text()
    evidence: str = _text()
    proposal: str = _text()
    state: str = _text(index=True)
    first_seen_at: datetime = _at()
    last_seen_at: datetime = _at()
    resolved_at: datetime | None = _at(nullable=True)
    decided_by: str | None = _text(nullable=True)
    decided_at: datetime | None = _at(nullable=True)
    reason: str | None = _text(nullable=True)
    dismissed_minor: int | None = _number(nullable=True)
    dismissed_currency: str | None = _text(nullable=True)


class HoldRow(Stored, table=True):
    """A reason not to remind."""

    __tablename__ = "holds"
    id: str = _key()
    kind: str = _text()
    account: str = _text(index=True)
    invoice_connection: str | None = _text(nullable=True)
    invoice_ref: str | None = _text(nullable=True)
    reason: str = _text()
    placed_at: datetime = _at()
    placed_by: str = _text()
    until: date | None = Field(sa_type=Date, nullable=True)
    lifted_at: datetime | None = _at(nullable=True)
    lifted_by: str | None = _text(nullable=True)


class PromiseRow(Stored, table=True):
    """A client's word to pay."""

    __tablename__ = "promises"
    id: str = _key()
    account: str = _text(index=True)
    invoice_connection: str | None = _text(nullable=True)
    invoice_ref: str | None = _text(nullable=True)
    amount_minor: int | None = _number(nullable=True)
    currency: str | None = _text(nullable=True)
    due_on: date = Field(sa_type=Date, nullable=False)
    made_at: datetime = _at()
    made_by: str = _text()
    withdrawn_at: datetime | None = _at(nullable=True)


class PlanRow(Stored, table=True):
    """An agreement to pay in instalments. `invoices` and `instalments` are canonical JSON; amounts share one currency."""

    __tablename__ = "payment_plans"
    id: str = _key()
    account: str = _text(index=True)
    invoices: str = _text()
    instalments: str = _text()
    currency: str = _text()
    breach_days: int = _number()
    breach_rest_minor: int | None = _number(nullable=True)
    note: str = _text()
    agreed_at: datetime = _at()
    agreed_on: date | None = Field(default=None, sa_type=Date, nullable=True)
    agreed_by: str = _text()
    cancelled_at: datetime | None = _at(nullable=True)


# ── what goes out ───────────────────────────────────────────────────────────────────────────────────────────────────────
class OutboxTable(Stored, table=True):
    """One action. Its key is unique over every row that was not dropped, so the same intent can never be queued twice."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "uq_outbox_key",
            "key",
            unique=True,
            sqlite_where=text("state <> 'dropped'"),
            postgresql_where=text("state <> 'dropped'"),
        ),
        Index("ix_outbox_state_not_before", "state", "not_before"),
    )
    id: str = _key()
    key: str = _text(index=True)
    kind: str = _text()
    connection: str = _text()
    account: str = _text(index=True)
    action: str = _text()
    state: str = _text()
    created_at: datetime = _at()
    updated_at: datetime = _at()
    not_before: datetime = _at()
    attempts: int = _number()
    reserved_by: str | None = _text(nullable=True)
    reserved_until: datetime | None = _at(nullable=True)
    reasons: str = _text()
    gate: str = _text()
    receipt: str | None = _text(nullable=True)
    error: str | None = _text(nullable=True)
    run_id: str | None = _text(nullable=True)


class OutboxStep(Stored, table=True):
    """A step of the cadence that a row has taken: nobody else can take it until the row is dropped."""

    __tablename__ = "outbox_steps"
    connection: str = _key()
    invoice_ref: str = _key()
    stage: str = _key()
    cycle: str = _key()
    lane: str = _key()
    outbox_id: str = Field(sa_column=Column(Text, References("outbox.id", ondelete="CASCADE"), nullable=False, index=True))


class ContactRow(Stored, table=True):
    """One entry of the contact log: what a client heard from us, and what we heard."""

    __tablename__ = "contact_log"
    __table_args__ = ({"sqlite_autoincrement": True},)
    seq: int | None = Field(default=None, sa_type=SERIAL, primary_key=True)
    account: str = _text(index=True)
    kind: str = _text()
    at: datetime = _at()
    channel: str = _text()
    stage: str | None = _text(nullable=True)
    cycle: str | None = _text(nullable=True)
    invoices: str = _text()
    recipients: str = _text()
    subject: str = _text()
    content_hash: str = _text()
    outbox_id: str | None = _text(nullable=True, unique=True)
    outcome: str = _text()
    waived: bool = Field(sa_type=Boolean, nullable=False)


# ── what was done ───────────────────────────────────────────────────────────────────────────────────────────────────────
class JournalRow(Stored, table=True):
    """Append-only and hash-chained; `detail` may be erased (a client's right), `detail_hash` keeps its place in the chain."""

    __tablename__ = "journal"
    seq: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = _at()
    kind: str = _text()
    subject: str = _text(index=True)
    actor: str = _text()
    salt: str | None = _text(nullable=True)
    detail: str | None = _text(nullable=True)
    detail_hash: str = _text()
    hash: str = _text()


class JournalHead(Stored, table=True):
    """The one row that says how long the journal is and how it ends: appenders queue here, and a cut tail shows."""

    __tablename__ = "journal_head"
    id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    entries: int = _number()
    hash: str = _text()


class RunRow(Stored, table=True):
    """One run of a job."""

    __tablename__ = "runs"
    id: str = _key()
    job: str = _text(index=True)
    started_at: datetime = _at()
    finished_at: datetime | None = _at(nullable=True)
    outcome: str | None = _text(nullable=True)
    detail: str = _text()


class PauseRow(Stored, table=True):
    """A switch that is thrown."""

    __tablename__ = "pauses"
    scope: str = _key()
    by: str = _text()
    reason: str = _text()
    at: datetime = _at()


class SettingRow(Stored, table=True):
    """A small durable value, as canonical JSON."""

    __tablename__ = "settings"
    key: str = _key()
    value: str = _text()


class CallRow(Stored, table=True):
    """Calls one connection made in a quarter of a minute."""

    __tablename__ = "calls"
    connection: str = _key()
    slot_at: datetime = Field(sa_type=Instant, primary_key=True)
    count: int = _number()


class HeardEvent(Stored, table=True):
    """An event that a webhook told of. `event` is the SHA-256 of the vendor's id for it."""

    __tablename__ = "heard_events"
    __table_args__ = (Index("ix_heard_events_connection_heard_at", "connection", "heard_at"),)
    connection: str = _key()
    event: str = _key()
    heard_at: datetime = _at()


class TokenRow(Stored, table=True):
    """Tokens of a connection, encrypted; only core.store.vault can read them."""

    __tablename__ = "tokens"
    connection: str = _key()
    ciphertext: bytes = Field(sa_type=LargeBinary, nullable=False)
    written_at: datetime = _at()
