"""Everything the first release keeps. Frozen: later changes are revisions of their own.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TYPES: Mapping[str, sa.types.TypeEngine[Any]] = {
    "text": sa.Text(),
    "number": sa.BigInteger(),
    "serial": sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
    "at": sa.DateTime(timezone=True),
    "day": sa.Date(),
    "flag": sa.Boolean(),
    "ratio": sa.Float(),
    "bytes": sa.LargeBinary(),
}


def _column(words: str) -> sa.Column[Any]:
    """A column from "name type", nullable with a question mark."""
    name, kind = words.split()
    serial = kind == "serial"
    return sa.Column(name, _TYPES[kind.rstrip("?")], nullable=kind.endswith("?"), autoincrement=serial)


def _table(
    name: str, key: str, columns: str, *, unique: str = "", belongs_to: Mapping[str, str] | None = None, clustered: bool = False
) -> None:
    """A table. `clustered` keeps its rows in order of the key on SQLite; `belongs_to` maps columns to what they refer to."""
    parts: list[sa.Column[Any] | sa.Constraint] = [_column(words) for words in columns.split(", ")]
    parts.append(sa.PrimaryKeyConstraint(*key.split(), name=f"pk_{name}"))
    if unique:
        parts.append(sa.UniqueConstraint(unique, name=f"uq_{name}_{unique}"))
    for column, target in (belongs_to or {}).items():
        parts.append(sa.ForeignKeyConstraint([column], [target], name=f"fk_{name}_{column}", ondelete="CASCADE"))
    op.create_table(name, *parts, sqlite_with_rowid=not clustered, sqlite_autoincrement="seq serial" in columns)


def upgrade() -> None:
    """Create every table and index."""
    _pulled()
    _documents()
    _movements()
    _parts()
    _clients()
    _outgoing()
    _log()
    _indexes()


def _pulled() -> None:
    """What was pulled, and how far."""
    _table(
        "records",
        "ref connection stream",
        "ref text, connection text, stream text, version text?, updated_at at?, digest text, first_seen_at at, changed_at "
        "at, deleted_at at?, raw bytes",
    )
    _table(
        "payload_dictionaries",
        "id",
        "id number, connection text, stream text, trained_at at, content bytes",
    )
    _table(
        "cursors",
        "connection stream",
        "connection text, stream text, cursor text, saved_at at, run_id text",
    )
    _table(
        "stream_states",
        "connection stream",
        "connection text, stream text, last_ok_at at?, last_try_at at?, error text?, row_count number",
    )
    _table(
        "change_log",
        "seq",
        "seq serial, connection text, stream text, ref text, what text, party_ref text?, run_id text, at at",
    )
    _table(
        "malformed",
        "connection stream place",
        "connection text, stream text, place text, ref text?, position text, problem text, listing text?, seen_at at",
    )


def _documents() -> None:
    """Clients and their documents."""
    _table(
        "parties",
        "ref connection",
        "ref text, connection text, version text?, updated_at at?, name text, legal_name text?, email text?, phone text?, "
        "currency text?, timezone text?, locale text?, country text?, region text?, active flag, parent_ref text?, "
        "balance_minor number?, balance_currency text?, status text?, tags text",
        clustered=True,
    )
    _table(
        "contacts",
        "ref connection",
        "ref text, connection text, version text?, updated_at at?, party_ref text, name text, email text?, phone text?, "
        "role text?, primary flag, active flag",
        clustered=True,
    )
    _table(
        "invoices",
        "ref connection",
        "ref text, connection text, version text?, updated_at at?, party_ref text, number text?, reference text?, "
        "total_minor number, total_currency text, open_minor number, open_currency text, issued_on day, due_on day?, "
        "status text, prepaid_minor number?, prepaid_currency text?, agreement_ref text?, period_start day?, period_end "
        "day?, memo text?, sent flag?, bill_email text?, pay_link text?, expected_on day?, autopay_on day?, disputed flag",
        clustered=True,
    )
    _table(
        "credit_notes",
        "ref connection",
        "ref text, connection text, version text?, updated_at at?, party_ref text, number text?, reference text?, "
        "total_minor number, total_currency text, remaining_minor number, remaining_currency text, issued_on day, status "
        "text, memo text?",
        clustered=True,
    )
    _table(
        "payments",
        "ref connection",
        "ref text, connection text, version text?, updated_at at?, party_ref text?, amount_minor number, amount_currency "
        "text, unapplied_minor number, unapplied_currency text, paid_on day, status text, reference text?, memo text?, "
        "method text?, payer text?, payer_account text?, deposited flag?",
        clustered=True,
    )


def _movements() -> None:
    """Other movements of money, and proof of work."""
    _table(
        "deposits",
        "ref connection",
        "ref text, connection text, version text?, updated_at at?, amount_minor number, amount_currency text, "
        "deposited_on day, memo text?",
        clustered=True,
    )
    _table(
        "sales",
        "ref connection",
        "ref text, connection text, version text?, updated_at at?, party_ref text?, number text?, amount_minor number, "
        "amount_currency text, sold_on day, posting text, posted_to text?, memo text?, status text",
        clustered=True,
    )
    _table(
        "refunds",
        "ref connection",
        "ref text, connection text, version text?, updated_at at?, party_ref text?, amount_minor number, amount_currency "
        "text, refunded_on day, source_stream text?, source_ref text?, memo text?, status text",
        clustered=True,
    )
    _table(
        "adjustments",
        "ref connection",
        "ref text, connection text, version text?, updated_at at?, party_ref text?, amount_minor number, amount_currency "
        "text, remaining_minor number, remaining_currency text, adjusted_on day, number text?, memo text?, reason text?",
        clustered=True,
    )
    _table(
        "agreements",
        "ref connection",
        "ref text, connection text, version text?, updated_at at?, party_ref text, name text, amount_minor number?, "
        "amount_currency text?, cycle_months number?, starts_on day?, ends_on day?, next_invoice_on day?, terms text?, "
        "active flag, signed flag?",
        clustered=True,
    )
    _table(
        "tickets",
        "ref connection",
        "ref text, connection text, version text?, updated_at at?, party_ref text, summary text, board text?, status "
        "text?, priority text?, closed flag, opened_at at?, closed_at at?, sla_breached flag?",
        clustered=True,
    )
    _table(
        "work",
        "ref connection",
        "ref text, connection text, version text?, updated_at at?, party_ref text, invoice_ref text?, agreement_ref "
        "text?, period_start day, period_end day, minutes number, entries number, last_worked_on day?",
        clustered=True,
    )


def _parts() -> None:
    """Parts of records."""
    _table(
        "allocations",
        "owner_ref connection owner_stream position",
        "owner_ref text, connection text, owner_stream text, position number, invoice_ref text, amount_minor number, "
        "amount_currency text, applied_on day?, ref text?",
        clustered=True,
    )
    _table(
        "credit_uses",
        "owner_ref connection owner_stream position",
        "owner_ref text, connection text, owner_stream text, position number, stream text, ref text, amount_minor number, "
        "amount_currency text",
        clustered=True,
    )
    _table(
        "deposit_lines",
        "owner_ref connection owner_stream position",
        "owner_ref text, connection text, owner_stream text, position number, amount_minor number, amount_currency text, "
        "posting text, posted_to text?, party_ref text?, payment_ref text?, memo text?",
        clustered=True,
    )


def _clients() -> None:
    """Accounts, what was found about them, and what was promised."""
    _table(
        "connections",
        "name",
        "name text, role text",
    )
    _table(
        "accounts",
        "id",
        "id text, name text, segment text?",
    )
    _table(
        "account_parties",
        "connection ref",
        "connection text, ref text, account_id text, position number",
        belongs_to={"account_id": "accounts.id"},
    )
    _table(
        "findings",
        "id",
        "id text, fingerprint text, kind text, severity text, confidence ratio, account text?, connection text, subjects "
        "text, at_stake_minor number, at_stake_currency text, evidence text, proposal text, state text, first_seen_at at, "
        "last_seen_at at, resolved_at at?, decided_by text?, decided_at at?, reason text?, dismissed_minor number?, "
        "dismissed_currency text?",
        unique="fingerprint",
    )
    _table(
        "holds",
        "id",
        "id text, kind text, account text, invoice_connection text?, invoice_ref text?, reason text, placed_at at, "
        "placed_by text, until day?, lifted_at at?, lifted_by text?",
    )
    _table(
        "promises",
        "id",
        "id text, account text, invoice_connection text?, invoice_ref text?, amount_minor number?, currency text?, due_on "
        "day, made_at at, made_by text",
    )


def _outgoing() -> None:
    """What goes out, and what was heard."""
    _table(
        "outbox",
        "id",
        "id text, key text, kind text, connection text, account text, action text, state text, created_at at, updated_at "
        "at, not_before at, attempts number, reserved_by text?, reserved_until at?, reasons text, gate text, receipt "
        "text?, error text?, run_id text?",
    )
    _table(
        "outbox_steps",
        "connection invoice_ref stage cycle lane",
        "connection text, invoice_ref text, stage text, cycle text, lane text, outbox_id text",
        belongs_to={"outbox_id": "outbox.id"},
    )
    _table(
        "contact_log",
        "seq",
        "seq serial, account text, kind text, at at, channel text, stage text?, cycle text?, invoices text, recipients "
        "text, subject text, content_hash text, outbox_id text?, outcome text, waived flag",
        unique="outbox_id",
    )


def _log() -> None:
    """What was done, and what is set."""
    _table(
        "journal",
        "seq",
        "seq number, at at, kind text, subject text, actor text, salt text?, detail text?, detail_hash text, hash text",
    )
    _table(
        "journal_head",
        "id",
        "id number, entries number, hash text",
    )
    _table(
        "runs",
        "id",
        "id text, job text, started_at at, finished_at at?, outcome text?, detail text",
    )
    _table(
        "pauses",
        "scope",
        "scope text, by text, reason text, at at",
    )
    _table(
        "settings",
        "key",
        "key text, value text",
    )
    _table(
        "tokens",
        "connection",
        "connection text, ciphertext bytes, written_at at",
    )


def _indexes() -> None:
    """Ways in."""
    for table, columns in _INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns.split())}", table, columns.split())
    alive = sa.text("state <> 'dropped'")
    op.create_index("uq_outbox_key", "outbox", ["key"], unique=True, sqlite_where=alive, postgresql_where=alive)


_INDEXES = (
    ("adjustments", "party_ref connection"),
    ("agreements", "party_ref connection"),
    ("allocations", "invoice_ref connection"),
    ("contact_log", "account"),
    ("contacts", "party_ref connection"),
    ("credit_notes", "party_ref connection"),
    ("deposit_lines", "party_ref connection"),
    ("deposit_lines", "payment_ref connection"),
    ("findings", "account"),
    ("findings", "state"),
    ("holds", "account"),
    ("invoices", "party_ref connection"),
    ("journal", "subject"),
    ("outbox", "account"),
    ("outbox", "key"),
    ("outbox", "state not_before"),
    ("payments", "party_ref connection"),
    ("promises", "account"),
    ("refunds", "party_ref connection"),
    ("runs", "job"),
    ("sales", "party_ref connection"),
    ("tickets", "party_ref connection"),
    ("work", "invoice_ref connection"),
    ("work", "party_ref connection"),
    ("account_parties", "account_id"),
    ("outbox_steps", "outbox_id"),
)
