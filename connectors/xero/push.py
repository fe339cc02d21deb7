"""What duesync writes in Xero, once per key: history notes, invoice mails, two fields of an invoice. Never allocates or deletes.

Xero remembers an idempotency key for six minutes only, so every write looks first: a note carries a marker made from the key, an
invoice mail leaves such a note behind itself, a field shows its value. A mail whose answer was lost before its note was written
cannot be looked up, and says so (OutcomeUnknown): a person decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.xero.api import XeroApi
from connectors.xero.dates import parse_day, parse_instant
from connectors.xero.verdicts import problems_of
from core.actions import Action, IdempotencyKey, PostNote, Receipt, SendInvoice, SetField
from core.errors import Conflict, ConnectorError, NotFound, OutcomeUnknown, Rejected, Transient
from core.records import Ref, Stream

LONGEST_NOTE = 2500  # characters (history and notes page)
_TABLES = {
    Stream.INVOICES: ("Invoices",),
    Stream.CREDIT_NOTES: ("CreditNotes",),
    Stream.PARTIES: ("Contacts",),
    Stream.PAYMENTS: ("Payments", "Overpayments", "Prepayments"),
    Stream.REFUNDS: ("Payments",),
    Stream.AGREEMENTS: ("RepeatingInvoices",),
    Stream.DEPOSITS: ("BankTransactions",),
}
# Our words and Xero's for the fields of an invoice that may be set.
_FIELDS = {
    "expected_on": "ExpectedPaymentDate",
    "ExpectedPaymentDate": "ExpectedPaymentDate",
    "sent": "SentToContact",
    "SentToContact": "SentToContact",
}


class _Note(msgspec.Struct):
    details: str = msgspec.field(default="", name="Details")
    at: str | None = msgspec.field(default=None, name="DateUTC")


class _Notes(msgspec.Struct):
    rows: list[_Note] = msgspec.field(default_factory=list, name="HistoryRecords")


def push(api: XeroApi, action: Action, key: IdempotencyKey) -> Receipt:
    """Write it unless it is there already. Rejected for what Xero cannot do and what is switched off."""
    if isinstance(action, PostNote):
        _switched_on(api, "notes", api.settings.push.notes)
        return _find_note(api, action.stream, action.ref, key) or _post_note(api, action.stream, action.ref, action.text, key)
    if isinstance(action, SendInvoice):
        _switched_on(api, "invoices", api.settings.push.invoices)
        return _find_note(api, Stream.INVOICES, action.invoice.ref, key) or _send(api, action, key)
    if isinstance(action, SetField):
        _switched_on(api, "fields", api.settings.push.fields)
        return _set_field(api, action)
    raise _cannot(api, f"Xero cannot do {type(action).__name__}.")


def find_pushed(api: XeroApi, action: Action, key: IdempotencyKey) -> Receipt | None:
    """The receipt of what is there; None when it is certainly not. OutcomeUnknown for a mail that left no trace."""
    if isinstance(action, PostNote):
        return _find_note(api, action.stream, action.ref, key)
    if isinstance(action, SetField):
        field, wanted = _target(api, action)
        row = _invoice(api, action.ref)
        return _field_receipt(action.ref, field, found=True) if _value(row, field) == wanted else None
    if isinstance(action, SendInvoice):
        found = _find_note(api, Stream.INVOICES, action.invoice.ref, key)
        if found is not None:
            return found
        raise OutcomeUnknown(
            f"{api.connection}: Xero does not say whether invoice {action.invoice.number or action.invoice.ref} was mailed.",
            connection=api.connection,
            remedy="Look at the invoice's history in Xero, then: duesync outbox resolve.",
        )
    raise _cannot(api, f"Xero cannot do {type(action).__name__}.")


def _switched_on(api: XeroApi, name: str, on: bool) -> None:
    if not on:
        raise Rejected(
            f"{api.connection}: writing {name} in Xero is switched off.",
            connection=api.connection,
            code="switched_off",
            remedy=f"Set push.{name} = true in [connections.{api.connection}] to allow it.",
        )


def _cannot(api: XeroApi, message: str) -> Rejected:
    return Rejected(f"{api.connection}: {message}", connection=api.connection, code="unsupported")


# ── notes ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
def marker(key: IdempotencyKey) -> str:
    """How a note is found again."""
    return f"[duesync:{key}]"


def _history(api: XeroApi, stream: Stream, ref: Ref) -> str:
    """The path of a record's history; payments may be in any of three lists, so it is asked which."""
    tables = _TABLES.get(stream)
    if tables is None:
        raise _cannot(api, f"Xero keeps no notes on {stream}.")
    quoted = quote(ref, safe="")
    for table in tables[:-1]:
        try:
            if api.find_one(table, ref) is not None:
                return f"{table}/{quoted}/History"
        except NotFound:
            continue
    return f"{tables[-1]}/{quoted}/History"


def _find_note(api: XeroApi, stream: Stream, ref: Ref, key: IdempotencyKey) -> Receipt | None:
    try:
        answer = api.get(_history(api, stream, ref))
    except NotFound:
        return None
    try:
        notes = msgspec.json.decode(answer.body, type=_Notes)
    except msgspec.DecodeError as error:
        raise Transient(f"{api.connection}: the history of {ref} cannot be read.", connection=api.connection) from error
    note = next((row for row in notes.rows if marker(key) in row.details), None)
    return None if note is None else _note_receipt(ref, key, note.at, found=True)


def _post_note(api: XeroApi, stream: Stream, ref: Ref, text: str, key: IdempotencyKey) -> Receipt:
    mark = marker(key)
    room = LONGEST_NOTE - len(mark) - 1
    shown = text if len(text) <= room else f"{text[: room - 1]}…"
    body = {"HistoryRecords": [{"Details": f"{shown} {mark}"}]}
    answer = api.write("PUT", _history(api, stream, ref), body)
    notes = _decoded(api, answer.body, "HistoryRecords")
    return _note_receipt(ref, key, notes[0].get("DateUTC") if notes else None, found=False)


def _note_receipt(ref: Ref, key: IdempotencyKey, at: Any, *, found: bool) -> Receipt:
    return Receipt(ref=f"{ref}#{key}", at=_instant(at), detail="history note", found=found)


def _instant(text: Any) -> datetime | None:
    try:
        return parse_instant(text) if isinstance(text, str) else None
    except ValueError:
        return None


# ── mails ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _send(api: XeroApi, action: SendInvoice, key: IdempotencyKey) -> Receipt:
    """Mail the invoice with the organisation's own template, then leave the note by which this is found again."""
    if action.to is not None:
        raise _cannot(api, "Xero mails an invoice to its contact only; leave the address out.")
    ref = action.invoice.ref
    api.write("POST", f"Invoices/{quote(ref, safe='')}/Email", {})
    number = action.invoice.number or ref
    text = f"Invoice {number} was mailed by duesync ({action.stage})."
    for _ in range(2):  # the same request again is safe: Xero knows its idempotency key for six minutes
        with suppress(ConnectorError):
            receipt = _post_note(api, Stream.INVOICES, ref, text, key)
            return Receipt(ref=receipt.ref, at=receipt.at, detail="invoice mailed")
    return Receipt(ref=f"{ref}#{key}", detail="invoice mailed, but its note could not be written")


# ── fields ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _target(api: XeroApi, action: SetField) -> tuple[str, str]:
    """Xero's field and the value to set, or Rejected when it is not one we set."""
    field = _FIELDS.get(action.field)
    if action.stream is not Stream.INVOICES or field is None:
        raise _cannot(api, f"{action.field!r} of {action.stream} cannot be set; invoices have expected_on and sent.")
    if action.value is None:
        raise _cannot(api, f"Xero offers no way to clear {field}.")
    if field == "SentToContact" and action.value != "true":
        raise _cannot(api, "an invoice can be marked as sent, not as unsent.")
    return field, action.value


def _set_field(api: XeroApi, action: SetField) -> Receipt:
    field, wanted = _target(api, action)
    row = _invoice(api, action.ref)
    current = _value(row, field)
    if current == wanted:
        return _field_receipt(action.ref, field, found=True)
    if current != action.expected:
        raise Conflict(
            f"{api.connection}: {field} of invoice {row.get('InvoiceNumber') or action.ref} is {current or 'empty'}, "
            f"not {action.expected or 'empty'} as when this was decided.",
            connection=api.connection,
            code="stale",
        )
    change: dict[str, Any] = {"InvoiceID": action.ref, field: True if field == "SentToContact" else wanted}
    path = f"Invoices/{quote(action.ref, safe='')}"
    answer = api.write("POST", path, {"Invoices": [change]})
    changed = _decoded(api, answer.body, "Invoices")
    warnings = [str(item.get("Message")) for item in (changed[0].get("Warnings") or [] if changed else [])]
    problems = problems_of({"Invoices": changed}) or warnings
    if problems:
        text = f"{api.connection}: Xero did not set {field}: {'; '.join(problems)[:300]}"
        raise Rejected(text, connection=api.connection, code="ValidationException")
    return _field_receipt(action.ref, field, found=False)


def _field_receipt(ref: Ref, field: str, *, found: bool) -> Receipt:
    return Receipt(ref=f"{ref}#{field}", detail=f"{field} set", found=found)


def _invoice(api: XeroApi, ref: Ref) -> Mapping[str, Any]:
    raw = api.find_one("Invoices", ref)
    row = msgspec.json.decode(raw) if raw is not None else None
    if not isinstance(row, dict):
        raise NotFound(f"{api.connection}: invoice {ref} does not exist in Xero.", connection=api.connection, code="404")
    return row


def _value(row: Mapping[str, Any], field: str) -> str | None:
    """The field as SetField writes values: days as ISO text, booleans as "true" or nothing."""
    value = row.get(field)
    if field == "SentToContact":
        return "true" if value is True else None
    try:
        day = parse_day(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return day.isoformat() if day else None


def _decoded(api: XeroApi, body: bytes, name: str) -> list[dict[str, Any]]:
    """The rows a write answered; OutcomeUnknown when they cannot be read, for it was done."""
    try:
        rows = msgspec.json.decode(body).get(name) or []
    except (msgspec.DecodeError, UnicodeDecodeError, AttributeError) as error:
        raise OutcomeUnknown(f"{api.connection}: Xero's answer to a write cannot be read.", connection=api.connection) from error
    return [row for row in rows if isinstance(row, dict)]


# ── where to pay ────────────────────────────────────────────────────────────────────────────────────────────────────────
def online_invoice(api: XeroApi, ref: Ref) -> str | None:
    """The address of the online invoice; None for drafts and unknown invoices."""
    try:
        answer = api.get(f"Invoices/{quote(ref, safe='')}/OnlineInvoice")
    except (NotFound, Rejected):
        return None
    rows = answer.json().get("OnlineInvoices") or [{}]
    url = rows[0].get("OnlineInvoiceUrl")
    return str(url) if isinstance(url, str) and url.startswith("https://") else None
