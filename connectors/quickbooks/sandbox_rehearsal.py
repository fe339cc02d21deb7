"""What the contract suite asks of the sandbox: make records, change, remove and spoil them, and say what was done to them.

Streams stand for the entities they are pulled from. Everything goes through the sandbox's own books, as if a person did it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import httpx

from connectors.quickbooks.sandbox_books import Change, SandboxBooks
from connectors.quickbooks.sandbox_seed import World
from core.actions import Action, InvoiceMention, PostNote, SendInvoice, SetField
from core.money import Money
from core.ports import Capability
from core.records import Record, Ref, Stream

ENTITY_OF: Mapping[Stream, str] = {
    Stream.PARTIES: "Customer",
    Stream.INVOICES: "Invoice",
    Stream.CREDIT_NOTES: "CreditMemo",
    Stream.PAYMENTS: "Payment",
    Stream.DEPOSITS: "Deposit",
    Stream.ADJUSTMENTS: "JournalEntry",
    Stream.SALES: "SalesReceipt",
    Stream.REFUNDS: "RefundReceipt",
}


class Stocked(Protocol):
    """The part of a bench that makes records to act upon."""

    name: str

    def stock(self, stream: Stream, count: int) -> list[Ref]:
        """Make `count` more and give every ref of the stream, the newest last."""
        ...


class Rehearsed:
    """The levers of the contract, for a sandbox that has `books` and `mails`."""

    books: SandboxBooks
    mails: list[tuple[str, str]]
    world: World
    _edits: int = 0

    def seed_world(self, records: Iterable[Record]) -> Mapping[tuple[Stream, str], Sequence[str]]:
        """Create records of duesync's own kinds, in order; which id each became. See sandbox_seed.World for what is acted out.

        Records may refer to those of earlier calls.
        """
        return self.world.add(records)

    def change(self, stream: Stream, ref: str) -> None:
        """A person edits something of the record that a pull shows."""
        self._edits += 1
        text = f"edited {self._edits}"
        entity = ENTITY_OF[stream]
        changes: dict[str, Any] = {"PrimaryPhone": {"FreeFormNumber": text}} if entity == "Customer" else {"PrivateNote": text}
        self.books.touch(entity, ref, **changes)

    def remove(self, stream: Stream, ref: str) -> None:
        """A person deletes it; a customer can only be made inactive."""
        entity = ENTITY_OF[stream]
        if entity == "Customer":
            self.books.touch(entity, ref, Active=False)
        else:
            self.books.delete(entity, {"Id": ref, "SyncToken": self.books.get(entity, ref)["SyncToken"]})

    def spoil(self, stream: Stream, ref: str) -> None:
        """From now on the record comes with a null where its name or amount belongs."""
        entity = ENTITY_OF[stream]
        self.books.get(entity, ref)["DisplayName" if entity == "Customer" else "TotalAmt"] = None

    def change_of(self, stream: Stream, ref: str) -> Change:
        """What the webhook service would say of an edit of this record."""
        return Change(ENTITY_OF[stream], ref, "Update", self.books.clock.now())

    def wants(self, capability: Capability, number: int, bench: Stocked) -> Action | None:
        """Action `number` to try a capability with, about an invoice of its own."""
        ref = bench.stock(Stream.INVOICES, 1)[-1]
        about: dict[str, Any] = {"connection": bench.name, "account": "a"}
        record: dict[str, Any] = {"stream": Stream.INVOICES, "ref": ref, "cause": f"reminder {number}"}
        if capability is Capability.SEND_INVOICE:
            money = Money(100, self.books.home)
            mention = InvoiceMention(connection=bench.name, ref=ref, digest="0", number=None, open=money, due_on=None)
            return SendInvoice(**about, stage="due", cycle=f"{number}", invoice=mention, to=f"ap{number}@client.example")
        if capability is Capability.POST_NOTE:
            return PostNote(**about, **record, text=f"Reminded for the {number}. time.")
        if capability is Capability.SET_FIELD:
            return SetField(**about, **record, field="PrivateNote", value=f"hold {number}", expected=None)
        return None

    def acts(self, action: Action, request: httpx.Request) -> bool:
        """Is this the request that does the action? A mail is preceded by a note that marks it."""
        return not isinstance(action, SendInvoice) or request.url.path.endswith("/send")

    def done(self, action: Action) -> int:
        """How often the company shows the action."""
        if isinstance(action, SendInvoice):
            return sum(ref == action.invoice.ref for ref, _ in self.mails)
        if isinstance(action, PostNote):
            notes = [str(item.get("Note")) for item in self.books.all("Attachable")]
            return sum(note.startswith(action.text) for note in notes)
        if isinstance(action, SetField):
            return int(self.books.get(ENTITY_OF[action.stream], action.ref).get(action.field) == action.value)
        return 0
