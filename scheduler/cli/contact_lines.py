"""The contact log as people and other programs read it: a table, JSON, lines with a hash chain, CSV.

To what was said and heard it adds what other systems were told about a client (notes, fields, hand-overs): settled actions of
the outbox, with kind "push". `content_hash` of a push is over the whole action; of a message over its words.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json as to_json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from core.actions import HandOver, PostNote, SetField
from core.dunning.calls import CallOutcome
from core.outbox import ContactKind, OutboxRow, OutboxState, PastContact
from core.records import RecordKey
from scheduler.app import App
from scheduler.cli import console

PUSH = "push"
_COLUMNS = ("at", "account", "kind", "stage", "channel", "to", "subject", "content_hash", "outcome")
_encode = msgspec.json.Encoder(order="deterministic").encode


class Format(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


def contact_json(item: PastContact) -> dict[str, Any]:
    """One entry of the contact log."""
    return {
        "account": item.account,
        "kind": str(item.kind),
        "at": item.at.isoformat(),
        "channel": item.channel,
        "stage": item.stage,
        "cycle": item.cycle,
        "invoices": [console.plain(key) for key in item.invoices],
        "to": list(item.to),
        "subject": item.subject,
        "content_hash": item.content_hash,
        "outbox_id": item.outbox_id,
        "outcome": item.outcome,
    }


def push_json(row: OutboxRow) -> dict[str, Any]:
    """What another system was told about a client."""
    action = row.action
    about, said = _pushed(action)
    at = row.receipt.at if row.receipt is not None and row.receipt.at is not None else row.updated_at
    return {
        "account": action.account,
        "kind": PUSH,
        "at": at.isoformat(),
        "channel": action.connection,
        "stage": None,
        "cycle": None,
        "invoices": [console.plain(key) for key in about],
        "to": [],
        "subject": said,
        "content_hash": hashlib.sha256(_encode(action)).hexdigest()[:16],
        "outbox_id": row.id,
        "outcome": f"done: {row.receipt.ref}" if row.receipt is not None and row.receipt.ref else "done",
    }


def _pushed(action: object) -> tuple[list[RecordKey], str]:
    """The record it is about, and what was said there."""
    if isinstance(action, PostNote):
        return [RecordKey(action.connection, action.stream, action.ref)], action.text
    if isinstance(action, SetField):
        return [RecordKey(action.connection, action.stream, action.ref)], f"{action.field}: {action.value or 'emptied'}"
    return [], action.subject if isinstance(action, HandOver) else ""


def log_lines(app: App, account: str | None) -> list[dict[str, Any]]:
    """Everything said to and heard from clients (or one client), and what other systems were told, oldest first."""
    contacts = app.store.contacts([account] if account else None)
    lines = [contact_json(item) for group in contacts.values() for item in group]
    settled = app.store.outbox(states=[OutboxState.SETTLED], account=account)
    lines += [push_json(row) for row in settled if isinstance(row.action, PostNote | SetField | HandOver)]
    return sorted(lines, key=lambda line: str(line["at"]))


def redacted(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line without what is confidential. What a person wrote (a reply, a note) is left out; a call's outcome is a code."""
    hidden = [f"…@{address.rpartition('@')[2]}" for address in line["to"]]
    plain = line["kind"] in (ContactKind.MESSAGE, ContactKind.STATEMENT, PUSH) or line["outcome"] in set(CallOutcome)
    return {**line, "to": hidden, "subject": "", "outcome": line["outcome"] if plain else ""}


def written(lines: Sequence[Mapping[str, Any]], form: Format) -> str:
    """The lines as a file of this format."""
    if form is Format.JSON:
        return to_json.dumps(lines, default=console.plain, ensure_ascii=False, indent=2) + "\n"
    return _as_lines(lines) if form is Format.JSONL else _as_csv(lines)


def _as_lines(lines: Iterable[Mapping[str, Any]]) -> str:
    """`line_hash` is the SHA-256 of the hash of the line before (none: empty) and the line's other fields: an edit shows."""
    chain, out = "", []
    for line in lines:
        text = to_json.dumps(line, default=console.plain, ensure_ascii=False, sort_keys=True)
        chain = hashlib.sha256(f"{chain}{text}".encode()).hexdigest()
        out.append(f'{text[:-1]}, "line_hash": "{chain}"}}\n')
    return "".join(out)


def _as_csv(lines: Iterable[Mapping[str, Any]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*_COLUMNS, "invoices"))
    for line in lines:
        told = {**line, "to": " ".join(line["to"])}
        about = " ".join(f"{item['connection']}:{item['ref']}" for item in line["invoices"])
        writer.writerow([console.cell(value) for value in (*(told[name] for name in _COLUMNS), about)])
    return out.getvalue()
