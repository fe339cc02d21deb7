"""Outbox rows to values and back; and the steps of the cadence an action takes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from core.actions import Action, HandOver, IdempotencyKey, OpenTicket, PostNote, Receipt, SendInvoice, SendReminder, SetField
from core.enclosures import remark_of
from core.outbox import ContactKind, GateAnswer, OutboxRow, OutboxState, PastContact, Queued
from core.records import RecordKey, Stream
from core.store.part import to_json

_ACTIONS: dict[str, type[Any]] = {
    cls.__name__: cls for cls in (SendReminder, SendInvoice, PostNote, SetField, OpenTicket, HandOver)
}
STATEMENT = "statement"  # a stage so named is a statement of account in the contact log, anything else a message


def row_of(item: Queued, row_id: str, key: IdempotencyKey, *, now: datetime, run_id: str | None) -> dict[str, Any]:
    """The columns of a new row."""
    action = item.action
    state = OutboxState.DRAFT if item.draft else OutboxState.QUEUED
    return {
        "id": row_id,
        "key": key,
        "kind": type(action).__name__,
        "connection": action.connection,
        "account": action.account,
        "action": to_json(action),
        "state": state.value,
        "created_at": now,
        "updated_at": now,
        "not_before": item.not_before,
        "attempts": 0,
        "reasons": to_json(item.reasons),
        "gate": "[]",
        "run_id": run_id,
    }


def value_of(row: Any) -> OutboxRow:
    """The row as the domain knows it."""
    action: Action = msgspec.json.decode(row.action, type=_ACTIONS[row.kind])
    if action.account != row.account:  # its parties belong to another account by now, with that one's holds and books
        action = replace(action, account=row.account)
    return OutboxRow(
        id=row.id,
        key=IdempotencyKey(row.key),
        action=action,
        state=OutboxState(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        not_before=row.not_before,
        attempts=row.attempts,
        reserved_by=row.reserved_by,
        reserved_until=row.reserved_until,
        reasons=tuple(msgspec.json.decode(row.reasons)),
        gate=msgspec.json.decode(row.gate, type=tuple[GateAnswer, ...]),
        receipt=None if row.receipt is None else msgspec.json.decode(row.receipt, type=Receipt),
        error=row.error,
        run_id=row.run_id,
    )


def content_digest(stored: str) -> str:
    """SHA-256 of an action as it is stored."""
    return hashlib.sha256(stored.encode()).hexdigest()


def steps_of(action: Action) -> list[dict[str, str]]:
    """The steps an action takes.

    One per invoice of a reminder or ticket. A ticket runs beside a mail of the same stage, so it has its own lane.
    """
    if isinstance(action, PostNote | SetField | HandOver):
        return []
    lane = "ticket" if isinstance(action, OpenTicket) else "contact"
    return [
        {"connection": item.connection, "invoice_ref": item.ref, "stage": action.stage, "cycle": action.cycle, "lane": lane}
        for item in action.invoices
    ]


def contact_of(row: OutboxRow, receipt: Receipt, now: datetime) -> PastContact:
    """The contact log's entry for a settled reminder or invoice mail."""
    action = row.action
    assert isinstance(action, SendReminder | SendInvoice)
    if isinstance(action, SendReminder):
        to, subject, text = (*action.to, *action.cc), action.subject, action.text
    else:
        to, subject, text = (
            (() if action.to is None else (action.to,)),
            f"Invoice {action.invoice.number or action.invoice.ref}",
            row.key,
        )
    return PastContact(
        account=action.account,
        kind=ContactKind.STATEMENT if action.stage.startswith(STATEMENT) else ContactKind.MESSAGE,
        at=receipt.at or now,
        channel=action.connection,
        stage=action.stage,
        cycle=action.cycle,
        invoices=tuple(RecordKey(item.connection, Stream.INVOICES, item.ref) for item in action.invoices),
        to=to,
        subject=subject,
        content_hash=hashlib.sha256(text.encode()).hexdigest()[:16],
        outbox_id=row.id,
        outcome=f"sent; {enclosed}" if (enclosed := remark_of(row, receipt)) else "sent",
    )
