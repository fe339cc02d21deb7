"""Writing to QuickBooks: mail an invoice, attach a note, set a header field. Each exactly once per key, each readable back.

Every write carries a requestid made from the key; QuickBooks then answers a repetition with its first answer (Intuit, "Learn
basic field definitions"). How long it remembers is not documented, so a note is looked for before it is written, by a marker in
its text. The requestid of a second attempt with new content gets a generation suffix, or the first answer would be replayed.
`Line` is never sent: a sparse update replaces the whole list and drops what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.quickbooks import paging
from connectors.quickbooks.api import QuickBooksApi, RawRow
from connectors.quickbooks.ledger import changed_at, is_void
from connectors.quickbooks.mapping import ENTITIES
from connectors.quickbooks.reading import Row, Unreadable
from connectors.quickbooks.settings import QuickBooksSettings
from core.actions import Action, IdempotencyKey, PostNote, Receipt, SendInvoice, SetField
from core.clock import Clock
from core.errors import Conflict, NotFound, OutcomeUnknown, Rejected
from core.money import MoneyError
from core.records import Ref, Stream

NOTE_LENGTH = 2000  # characters of Attachable.Note (API reference)
_NEVER = "never"
_BEFORE = "Last e-mail before: "
_REPLAYED = timedelta(minutes=10)  # a note "created" longer ago than this is an answer replayed by its requestid
_PAGE = 1000
_NESTED = {"CustomerMemo": "value", "BillEmail": "Address"}
_FIELDS: Mapping[Stream, frozenset[str]] = {
    Stream.INVOICES: frozenset({"PrivateNote", "CustomerMemo", "BillEmail"}),
    Stream.CREDIT_NOTES: frozenset({"PrivateNote", "CustomerMemo", "BillEmail"}),
    Stream.PAYMENTS: frozenset({"PrivateNote"}),
    Stream.PARTIES: frozenset({"Notes"}),
}
_NOTED = (Stream.INVOICES, Stream.CREDIT_NOTES, Stream.PAYMENTS, Stream.PARTIES)


def marker(key: IdempotencyKey) -> str:
    """The text by which a note of ours is found again."""
    return f"[duesync {key}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pusher:
    """Carries out actions for one connection."""

    api: QuickBooksApi
    settings: QuickBooksSettings
    clock: Clock

    def push(self, action: Action, key: IdempotencyKey) -> Receipt:
        """Do it once per key. Rejected when the action is switched off or not ours, Conflict when it is no longer wanted."""
        if isinstance(action, SendInvoice):
            self._allow(self.settings.push.send_invoice, "push.send_invoice")
            return self._send(action, key)
        if isinstance(action, PostNote):
            self._allow(self.settings.push.note, "push.note")
            return self._note(action, key)
        if isinstance(action, SetField):
            self._allow(action.field in self.settings.push.fields, "push.fields", value=action.field)
            return self._set(action, key)
        raise self._rejected(f"QuickBooks cannot carry out a {type(action).__name__}.")

    def find(self, action: Action, key: IdempotencyKey) -> Receipt | None:
        """What an earlier push with this key left; None when it certainly left nothing."""
        if isinstance(action, SendInvoice):
            return self._find_sent(action, key)
        if isinstance(action, PostNote):
            found = self._find_note(action.stream, action.ref, marker(key))
            return Receipt(ref=found.text("Id"), at=changed_at(found), found=True) if found else None
        if isinstance(action, SetField):
            item = self.api.read(ENTITIES[action.stream], action.ref)
            there = item is not None and _value(item.row, action.field) == (action.value or None)
            return self._set_receipt(item, found=True) if item is not None and there else None
        return None

    def _allow(self, allowed: bool, key: str, *, value: str | None = None) -> None:
        if not allowed:
            setting = f"add {value!r} to {key}" if value else f"set {key} = true"
            raise self._rejected(
                "This kind of write is switched off.", f"To allow it, {setting} in [connections.{self.api.connection}]."
            )

    def _rejected(self, message: str, remedy: str = "") -> Rejected:
        return Rejected(f"{self.api.connection}: {message}", connection=self.api.connection, remedy=remedy)

    def _get(self, stream: Stream, ref: Ref) -> RawRow:
        item = self.api.read(ENTITIES[stream], ref)
        if item is None:
            raise NotFound(f"{self.api.connection}: {stream} {ref} is gone.", connection=self.api.connection, code="610")
        return item

    # ── mail ────────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _send(self, action: SendInvoice, key: IdempotencyKey) -> Receipt:
        item = self._get(Stream.INVOICES, action.invoice.ref)
        self._refuse_settled(item.row, action)
        if self.settings.push.mark_sends:
            before = self._mark_send(action, key, item.row)
            if before is None:
                raise self._unreadable_mark(action)
            if _delivered_at(item.row) != before:
                return self._sent_receipt(item.row, found=True)
        sent = self.api.send(action.invoice.ref, to=action.to, request_id=key)
        if sent is None:
            raise OutcomeUnknown(
                f"{self.api.connection}: QuickBooks took the mail for invoice {action.invoice.ref} without saying what it did.",
                connection=self.api.connection,
            )
        return self._sent_receipt(sent.row, found=False)

    def _refuse_settled(self, row: Row, action: SendInvoice) -> None:
        """An invoice paid or voided since the gate looked is not mailed."""
        currency = action.invoice.open.currency
        try:
            if is_void(row, row.amount("TotalAmt", currency)) or not row.amount("Balance", currency):
                raise Conflict(
                    f"{self.api.connection}: invoice {action.invoice.ref} is settled or void by now.",
                    connection=self.api.connection,
                )
        except (Unreadable, MoneyError) as error:
            raise self._rejected(f"invoice {action.invoice.ref} cannot be read: {error}.") from error

    def _mark_send(self, action: SendInvoice, key: IdempotencyKey, row: Row) -> str | None:
        """Leave a note that names the last delivery before ours, or find the one of an earlier attempt; that delivery's time."""
        mark, delivered = marker(key), _delivered_at(row)
        note = self._find_note(Stream.INVOICES, action.invoice.ref, mark)
        if note is None:
            text = f"E-mailed by duesync ({action.stage}). {_BEFORE}{delivered}. {mark}"
            self._attach(Stream.INVOICES, action.invoice.ref, text, request_id=f"{key}-mark")
            return delivered
        return _marked(note)

    def _find_sent(self, action: SendInvoice, key: IdempotencyKey) -> Receipt | None:
        """A delivery later than the one our mark names is ours. Without a mark, an invoice never mailed was not mailed by us."""
        item = self.api.read("Invoice", action.invoice.ref)
        if item is None:
            raise OutcomeUnknown(
                f"{self.api.connection}: invoice {action.invoice.ref} is gone; nobody can tell whether it was mailed before.",
                connection=self.api.connection,
            )
        row, delivered = item.row, _delivered_at(item.row)
        if delivered == _NEVER:
            return None
        note = self._find_note(Stream.INVOICES, action.invoice.ref, marker(key))
        if note is not None:
            before = _marked(note)
            if before is None:
                raise self._unreadable_mark(action)
            return self._sent_receipt(row, found=True) if before != delivered else None
        if self.settings.push.mark_sends:
            return None  # the mark comes before the mail: no mark, no mail
        raise OutcomeUnknown(
            f"{self.api.connection}: invoice {action.invoice.ref} was mailed at {delivered}; nobody can tell by which attempt.",
            connection=self.api.connection,
            remedy="Look at the invoice's activity in QuickBooks, then `duesync outbox resolve`.",
        )

    def _unreadable_mark(self, action: SendInvoice) -> OutcomeUnknown:
        """Somebody edited the note that says when the invoice was mailed before us."""
        return OutcomeUnknown(
            f"{self.api.connection}: the note that marks our mail of invoice {action.invoice.ref} was edited; nobody can tell "
            "whether that mail left.",
            connection=self.api.connection,
            remedy="Look at the invoice's activity in QuickBooks, then `duesync outbox resolve`.",
        )

    @staticmethod
    def _sent_receipt(row: Row, *, found: bool) -> Receipt:
        info = row.find_row("DeliveryInfo")
        to = row.find_in("BillEmail", "Address") or "the address on the invoice"
        return Receipt(
            ref=row.text("Id"), at=info.find_instant("DeliveryTime") if info else None, detail=f"mailed to {to}", found=found
        )

    # ── notes ───────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _note(self, action: PostNote, key: IdempotencyKey) -> Receipt:
        if action.stream not in _NOTED:
            raise self._rejected(f"QuickBooks attaches no notes to {action.stream}.")
        mark = marker(key)
        known = self._find_note(action.stream, action.ref, mark)
        if known is not None:
            return Receipt(ref=known.text("Id"), at=changed_at(known), found=True)
        text = f"{action.text[: NOTE_LENGTH - len(mark) - 1]}\n{mark}"
        made = self._attach(action.stream, action.ref, text, request_id=key)
        if self._is_replayed(made):
            made = self._attach(action.stream, action.ref, text, request_id=f"{key}:g2")
        return Receipt(ref=made.text("Id"), at=changed_at(made))

    def _attach(self, stream: Stream, ref: Ref, text: str, *, request_id: str) -> Row:
        entity = {"EntityRef": {"type": ENTITIES[stream], "value": ref}, "IncludeOnSend": False}
        made = self.api.write("Attachable", {"Note": text, "AttachableRef": [entity]}, request_id=request_id)
        if made is None:
            raise OutcomeUnknown(
                f"{self.api.connection}: QuickBooks took a note on {stream} {ref} without saying what it did.",
                connection=self.api.connection,
            )
        return made.row

    def _is_replayed(self, made: Row) -> bool:
        """Is this the answer to an earlier attempt whose note somebody has deleted since?"""
        at = changed_at(made)
        old = at is not None and self.clock.now() - at > _REPLAYED
        return old and self.api.read("Attachable", made.text("Id")) is None

    def _find_note(self, stream: Stream, ref: Ref, mark: str) -> Row | None:
        entity, start = ENTITIES[stream], 1
        while True:
            rows = self.api.query(paging.notes_on(entity, ref, start=start, size=_PAGE), "Attachable").rows
            for item in rows:
                if mark in str(item.row.data.get("Note")):
                    return item.row
            if len(rows) < _PAGE:
                return None
            start += _PAGE

    # ── fields ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _set(self, action: SetField, key: IdempotencyKey) -> Receipt:
        if action.field not in _FIELDS.get(action.stream, frozenset()):
            raise self._rejected(f"{action.field} of {action.stream} is not a field duesync may set.")
        try:
            return self._set_once(action, key)
        except Conflict as error:
            if error.code != "5010":
                raise
        return self._set_once(action, f"{key}:g2")  # somebody wrote in between: look again, and ask anew

    def _set_once(self, action: SetField, request_id: str) -> Receipt:
        item = self._get(action.stream, action.ref)
        value, current = action.value or None, _value(item.row, action.field)
        if current == value:
            return self._set_receipt(item, found=True)
        if current != (action.expected or None):
            raise Conflict(
                f"{self.api.connection}: {action.field} of {action.stream} {action.ref} was changed by somebody else.",
                connection=self.api.connection,
                remedy="Their change is kept.",
            )
        body: dict[str, Any] = {"Id": action.ref, "SyncToken": item.row.text("SyncToken"), "sparse": True}
        inner = _NESTED.get(action.field)
        body[action.field] = {inner: value or ""} if inner else value or ""
        written = self.api.write(ENTITIES[action.stream], body, request_id=request_id)
        return self._set_receipt(written or self._verified(action), found=False)

    def _verified(self, action: SetField) -> RawRow:
        """A 200 without the object may be a silent no-op: only reading tells."""
        item = self._get(action.stream, action.ref)
        if _value(item.row, action.field) != (action.value or None):
            raise self._rejected(f"QuickBooks answered 200 but did not change {action.field} of {action.stream} {action.ref}.")
        return item

    @staticmethod
    def _set_receipt(item: RawRow, *, found: bool) -> Receipt:
        return Receipt(
            ref=item.row.text("Id"), at=changed_at(item.row), detail=f"version {item.row.text('SyncToken')}", found=found
        )


def _value(row: Row, field: str) -> str | None:
    inner = _NESTED.get(field)
    return row.find_in(field, inner) if inner else row.find_text(field)


def _marked(note: Row) -> str | None:
    """The last delivery before ours, as our note says; None when the note no longer says it."""
    _, _, rest = note.text("Note").partition(_BEFORE)
    return rest.partition(". ")[0] or None


def _delivered_at(row: Row) -> str:
    """The last delivery as an instant in text; "never" without one."""
    info = row.find_row("DeliveryInfo")
    at: datetime | None = info.find_instant("DeliveryTime") if info else None
    return at.isoformat() if at else _NEVER
