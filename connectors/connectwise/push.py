"""Writes to ConnectWise, each behind its own switch: tickets, notes, custom fields, company status, payments.

There is no idempotency key and no If-Match (brief 1.8). So every write looks first for what its key already left (a marker in the
text or in `externalXRef`, or the value itself), and field writes read back what they wrote: ConnectWise may answer 200 and
change nothing. PATCH sends whole references and whole custom-field arrays; PUT is never used: it empties fields not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.connectwise import conditions, verdicts
from connectors.connectwise.api import Api
from connectors.connectwise.fields import FieldWriter
from connectors.connectwise.settings import ConnectwiseSettings
from connectors.connectwise.streams import INVOICES, PATHS
from connectors.connectwise.tables import Tables
from core.actions import Action, IdempotencyKey, OpenTicket, PostNote, Receipt, SetField
from core.errors import NotFound, OutcomeUnknown, Rejected
from core.ports import ConnectionContext
from core.records import Ref, Stream

BOARDS = "/service/boards"
NOTE_TYPES = "/company/noteTypes"
TICKETS = PATHS[Stream.TICKETS]
COMPANIES = PATHS[Stream.PARTIES]
_SUMMARY = 100  # characters a ticket's summary may have (model 2025.8)


def marker(key: IdempotencyKey) -> str:
    """What our writes carry to be found again; 48 characters, `externalXRef` takes 100."""
    return f"duesync:{key}"


def marked(text: str, key: IdempotencyKey) -> str:
    """The text as written: readable on one line, since line breaks may not survive (brief 1.4), with its marker at the end."""
    return f"{' '.join(text.split())} [{marker(key)}]"


class Pusher:
    """The writes of one connection."""

    def __init__(self, api: Api, tables: Tables, context: ConnectionContext) -> None:
        settings: ConnectwiseSettings = context.settings
        self._api = api
        self._tables = tables
        self._push = settings.push
        self._connection = context.name
        self._fields = FieldWriter(api, tables, context)

    def push(self, action: Action, key: IdempotencyKey) -> Receipt:
        """Do it once. Rejected when its switch is off or the record is gone, Conflict when a person was first."""
        self._allowed(action)
        found = self.find(action, key)
        if found is not None:
            return found
        if isinstance(action, OpenTicket):
            return self._open(action, key)
        if isinstance(action, PostNote):
            return self._note(action, key)
        assert isinstance(action, SetField)
        return self._fields.write(action)

    def find(self, action: Action, key: IdempotencyKey) -> Receipt | None:
        """What the key left behind; None when it is certainly not there."""
        if isinstance(action, OpenTicket):
            return self._find_ticket(action, key)
        if isinstance(action, PostNote):
            return self._find_note(action, key)
        if isinstance(action, SetField):
            return self._fields.find(action)
        return None

    def _allowed(self, action: Action) -> None:
        switch = self._switch(action)
        if switch is None:
            raise self._no(f"ConnectWise cannot do {type(action).__name__} on {getattr(action, 'stream', 'this')}")
        if not getattr(self._push, switch):
            raise self._no(
                f"writing is switched off for this ({switch})", remedy=f"Set push.{switch} = true for {self._connection}."
            )

    def _switch(self, action: Action) -> str | None:
        if isinstance(action, OpenTicket):
            return "ticket"
        if isinstance(action, PostNote):
            notes = {Stream.TICKETS: "ticket_note", Stream.PARTIES: "company_note", Stream.INVOICES: "company_note"}
            return notes.get(action.stream)
        return self._fields.switch(action) if isinstance(action, SetField) else None

    def _no(self, why: str, *, remedy: str = "", code: str = "not_allowed") -> Rejected:
        return Rejected(f"{self._connection}: {why}.", connection=self._connection, remedy=remedy, code=code)

    # ── tickets ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _open(self, action: OpenTicket, key: IdempotencyKey) -> Receipt:
        company = self._number(action.party_ref)
        if self._api.find(f"{COMPANIES}/{company}", fields="id") is None:
            raise NotFound(f"{self._connection}: company {company} is gone.", connection=self._connection)
        body: dict[str, Any] = {
            "summary": " ".join(action.summary.split())[:_SUMMARY],
            "company": {"id": company},
            "board": {"id": self._board()},
            "initialInternalAnalysis": marked(action.body, key),
            "externalXRef": marker(key),
            "processNotifications": self._push.notify,
        }
        if self._push.ticket_status:
            body["status"] = {"id": self._status(body["board"]["id"], self._push.ticket_status)}
        made = self._api.call("POST", TICKETS, json=body, idempotent=False).json()
        return Receipt(ref=self._made(made, TICKETS), detail=f"ticket on board {self._push.ticket_board}")

    def _board(self) -> int:
        name = self._push.ticket_board
        if not name:
            raise self._no("no board is named for tickets", remedy="Set push.ticket_board to the board they should go to.")
        found = self._tables.find_id(BOARDS, name)
        if found is None:
            raise self._no(f'there is no board "{name}"', remedy="Check push.ticket_board, and that the role may see boards.")
        return found

    def _status(self, board: int, name: str) -> int:
        found = self._tables.find_id(f"{BOARDS}/{board}/statuses", name)
        if found is None:
            raise self._no(f'the board has no status "{name}"', remedy="Check push.ticket_status; statuses belong to a board.")
        return found

    def _find_ticket(self, action: OpenTicket, key: IdempotencyKey) -> Receipt | None:
        """By marker; where externalXRef cannot be filtered (UNCONFIRMED, brief 10.5), among the company's tickets."""
        wanted, company = marker(key), self._number(action.party_ref)
        fields = "id,externalXRef"
        try:
            asked = f"externalXRef = {conditions.text(wanted)}"
            found = self._api.rows(TICKETS, conditions=asked, fields=fields, pageSize=1, page=1)
            filtered = all(_carries(row, wanted) for row in found)
        except Rejected as refused:
            if refused.code != verdicts.UNKNOWN_FIELD:
                raise
            filtered = False
        if not filtered:
            found = [row for page in self._api.all_rows(TICKETS, where=f"company/id = {company}", fields=fields) for row in page]
        mine = next((row for row in found if _carries(row, wanted)), None)
        return None if mine is None else Receipt(ref=str(mine["id"]), found=True, detail="ticket with our marker")

    # ── notes ───────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _note(self, action: PostNote, key: IdempotencyKey) -> Receipt:
        path, about = self._notes_of(action)
        body: dict[str, Any] = {"text": marked(f"{about}{action.text}", key)}
        if action.stream is Stream.TICKETS:
            body |= {"internalAnalysisFlag": True, "detailDescriptionFlag": False, "resolutionFlag": False}
            body |= {"internalFlag": True, "externalFlag": False, "processNotifications": self._push.notify}
        elif self._push.note_type:
            kind = self._tables.find_id(NOTE_TYPES, self._push.note_type)
            if kind is None:
                raise self._no(f'there is no note type "{self._push.note_type}"', remedy="Check push.note_type.")
            body["type"] = {"id": kind}
        made = self._api.call("POST", path, json=body, idempotent=False).json()
        return Receipt(ref=self._made(made, path), detail=path.strip("/"))

    def _find_note(self, action: PostNote, key: IdempotencyKey) -> Receipt | None:
        try:
            path, _ = self._notes_of(action)
            found: Iterable[Any] = list(self._api.all_pages(path, order="id desc"))
        except NotFound:
            return None
        wanted = f"[{marker(key)}]"
        for row in found:
            if isinstance(row, Mapping) and wanted in str(row.get("text", "")):
                return Receipt(ref=str(row["id"]), found=True, detail=path.strip("/"))
        return None

    def _notes_of(self, action: PostNote) -> tuple[str, str]:
        """Where the note goes, and what it must begin with: the ticket or the company; an invoice has no notes, so its payer."""
        number, about = self._number(action.ref), ""
        if action.stream is Stream.TICKETS:
            return f"{TICKETS}/{number}/notes", about
        if action.stream is Stream.INVOICES:
            row = self._api.find(f"{INVOICES}/{number}", fields="id,invoiceNumber,company,billToCompany")
            payer = (row or {}).get("billToCompany") or (row or {}).get("company") or {}
            if not isinstance(payer.get("id"), int):
                raise NotFound(f"{self._connection}: invoice {number} is gone.", connection=self._connection)
            number, about = payer["id"], f"Invoice {(row or {}).get('invoiceNumber') or action.ref}: "
        return f"{COMPANIES}/{number}/notes", about

    def _number(self, ref: Ref) -> int:
        if not (ref.isascii() and ref.isdigit()):
            raise NotFound(f"{self._connection}: {ref!r} is no record of ConnectWise.", connection=self._connection)
        return int(ref)

    def _made(self, row: Any, where: str) -> str:
        """The id of what was created; without one the write may have happened, so only reading back can tell."""
        if not isinstance(row, Mapping) or not isinstance(row.get("id"), int):
            raise OutcomeUnknown(f"{self._connection}: POST {where} answered without an id.", connection=self._connection)
        return str(row["id"])


def _carries(row: Any, wanted: str) -> bool:
    return isinstance(row, Mapping) and row.get("externalXRef") == wanted
