"""The handles by which the contract moves a sandbox: change, remove and spoil records, actions to try, how often one was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.connectwise.sandbox_books import Doc, Tenant
from connectors.connectwise.sandbox_world import TABLES
from connectors.connectwise.sandbox_writes import Writes
from core.actions import Action, OpenTicket, PostNote, SetField
from core.ports import Capability
from core.records import Ref, Stream

if TYPE_CHECKING:
    from connectors.testing.bench import Bench

_VISIBLE = {  # what a pull shows of each stream
    Stream.PARTIES: ("phoneNumber", "555-{}"),
    Stream.CONTACTS: ("title", "Head of {}"),
    Stream.INVOICES: ("reference", "changed {}"),
    Stream.CREDIT_NOTES: ("reference", "changed {}"),
    Stream.AGREEMENTS: ("name", "Renamed {}"),
    Stream.TICKETS: ("summary", "Renamed {}"),
}


class Rehearsal:
    """Moves one tenant as a person at the vendor would."""

    def __init__(self, tenant: Tenant, writes: Writes) -> None:
        self._tenant = tenant
        self._writes = writes
        self._changes = 0

    def change(self, stream: Stream, ref: str) -> None:
        """Edit something of the record that a pull shows."""
        self._changes += 1
        if stream is Stream.PAYMENTS:
            invoice, number = map(int, ref.split("-"))
            self._tenant.touch(f"finance/invoices/{invoice}/payments", number, type=f"Wire {self._changes}")
            self._tenant.touch("finance/invoices", invoice)
            return
        field, text = _VISIBLE[stream]
        changes: Doc = {field: text.format(self._changes)}
        self._tenant.touch(TABLES[stream], int(ref), **changes)

    def remove(self, stream: Stream, ref: str) -> None:
        """Delete it; a company is only marked deleted."""
        if stream is Stream.PAYMENTS:
            self._tenant.unpay(*map(int, ref.split("-")))
            return
        self._tenant.remove(TABLES[stream], int(ref))

    def spoil(self, stream: Stream, ref: str) -> None:
        """Send it in a way nobody can read: a date that may be either, an amount left out, an unknown state."""
        if stream is Stream.PAYMENTS:
            invoice, number = map(int, ref.split("-"))
            self._tenant.touch(f"finance/invoices/{invoice}/payments", number, amount=None)
            return
        spoilt: dict[Stream, Doc] = {
            Stream.PARTIES: {"name": None},
            Stream.CONTACTS: {"company": {"id": "?"}},
            Stream.AGREEMENTS: {"agreementStatus": "Sleeping"},
            Stream.TICKETS: {"closedFlag": "perhaps"},
        }
        self._tenant.touch(TABLES[stream], int(ref), **spoilt.get(stream, {"date": "03/04/2026"}))

    def wants(self, capability: Capability, number: int, bench: Bench) -> Action | None:
        """Action `number` to try a capability with, each about a client of its own."""
        party = bench.stock(Stream.PARTIES, 1)[-1]
        about: dict[str, Any] = {"connection": bench.name, "account": "a"}
        match capability:
            case Capability.OPEN_TICKET:
                about |= {"stage": "call", "cycle": str(number)}
                return OpenTicket(**about, party_ref=party, summary=f"Call client {number}", body="Invoice overdue")
            case Capability.POST_NOTE:
                return PostNote(**about, stream=Stream.PARTIES, ref=party, text=f"Reminder {number} sent", cause=f"c{number}")
            case Capability.SET_FIELD:
                field = {"field": "status", "value": "Credit Hold", "expected": "Active"}
                return SetField(**about, **field, stream=Stream.PARTIES, ref=party, cause=f"hold {number}")
        return None

    def done(self, action: Action) -> int:
        """How often the vendor did this action."""
        if isinstance(action, OpenTicket):
            tickets = self._tenant.rows("service/tickets")
            return sum(row["summary"] == action.summary and _of(row, action.party_ref) for row in tickets)
        if isinstance(action, PostNote):
            notes = self._tenant.rows(f"{TABLES[action.stream]}/{action.ref}/notes")
            return sum(str(row["text"]).startswith(action.text) for row in notes)
        if isinstance(action, SetField):
            return sum(item == (TABLES[action.stream], action.ref, action.field) for item in self._writes.patched)
        return 0


def _of(row: Doc, party: Ref) -> bool:
    return str(row["company"]["id"]) == party
