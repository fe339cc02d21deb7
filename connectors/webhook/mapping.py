"""What a message says: the JSON of a reminder, a task or a note (docs/webhook.md). The same action, the same bytes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from core.actions import Action, IdempotencyKey, InvoiceMention, OpenTicket, PostNote, SendReminder

VERSION = 1


def body_of(action: Action, key: IdempotencyKey) -> bytes | None:
    """The body of an action; None for one that is not sent this way."""
    said = _said(action)
    return None if said is None else msgspec.json.encode({"version": VERSION, "id": key, **said})


def _said(action: Action) -> dict[str, Any] | None:
    match action:
        case SendReminder():
            return {
                "type": "reminder",
                "account": action.account,
                "stage": action.stage,
                "cycle": action.cycle,
                "to": action.to,
                "cc": action.cc,
                "reply_to": action.reply_to,
                "locale": action.locale,
                "subject": action.subject,
                "text": action.text,
                "html": action.html,
                "invoices": [_invoice(item) for item in action.invoices],
            }
        case OpenTicket():
            return {
                "type": "task",
                "account": action.account,
                "stage": action.stage,
                "cycle": action.cycle,
                "client_ref": action.party_ref,
                "summary": action.summary,
                "text": action.body,
                "invoices": [_invoice(item) for item in action.invoices],
            }
        case PostNote():
            record = {"stream": str(action.stream), "ref": action.ref}
            return {"type": "note", "account": action.account, "record": record, "text": action.text, "cause": action.cause}
        case _:
            return None


def _invoice(mention: InvoiceMention) -> Mapping[str, Any]:
    """An invoice as it was when this was decided; amounts in minor units and as text."""
    return {
        "connection": mention.connection,
        "ref": mention.ref,
        "number": mention.number,
        "open": {"minor": mention.open.minor, "currency": mention.open.currency, "text": str(mention.open.decimal)},
        "due_on": mention.due_on,
    }


def named_id(body: bytes) -> str | None:
    """The message an answer is about: "id" of a JSON object; None where it names none."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    value = found.get("id") if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def own_ref(body: bytes) -> str | None:
    """What the receiver calls the message itself: "ref" of its answer, cut to 200 characters."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    value = found.get("ref") if isinstance(found, dict) else None
    return str(value)[:200] if isinstance(value, str | int) and not isinstance(value, bool) and str(value) else None
