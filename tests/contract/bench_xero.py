"""Xero's bench: its sandbox is moved through its own levers and documents."""

from __future__ import annotations

from types import MappingProxyType

from connectors.testing.bench import Bench
from connectors.xero.sandbox_shapes import stamp
from core.actions import InvoiceMention, PostNote, SendInvoice, SetField
from core.money import Money
from core.ports import Capability
from core.records import STREAM_OF, Stream

TABLES = {
    Stream.PARTIES: ("Contacts",),
    Stream.INVOICES: ("Invoices",),
    Stream.CREDIT_NOTES: ("CreditNotes",),
    Stream.PAYMENTS: ("Payments", "Overpayments"),
    Stream.DEPOSITS: ("BankTransactions",),
}


class XeroBench(Bench):
    """One organisation, with every kind of write switched on and no listing that comes round by itself."""

    unknown_ref = "00000000-0000-0000-0000-0000000000ff"
    connection_settings = MappingProxyType({"push": {"notes": True, "invoices": True, "fields": True}, "full_read_hours": 10_000})

    def set_up(self, clock):
        super().set_up(clock)
        self.world = None

    @property
    def seedable(self):
        # people stand inside their client, refunds need a credit, and repeating invoices cannot be made by the API
        return frozenset(TABLES) & super().seedable

    def create(self, records):
        made = {}
        for record in records:
            self._add(record)
            key = (STREAM_OF[type(record)], record.ref)
            made[key] = list(self.world.every_id[key])
        return made

    def _add(self, record):
        if self.world is None:
            self.world = self.sandbox.seed_world([record])
        else:
            self.world.add([record])

    def _doc(self, stream, ref):
        books = self.sandbox.books
        return next(doc for table in TABLES[stream] if (doc := books.find(table, ref)) is not None)

    def change(self, stream, ref):
        doc = self._doc(stream, ref)
        field = "EmailAddress" if stream is Stream.PARTIES else "Reference"
        doc[field] = f"{doc.get(field) or ''}x"
        stamp(doc, self.clock.now())

    def remove(self, stream, ref):
        doc = self._doc(stream, ref)
        if stream is Stream.PAYMENTS:
            self.sandbox.books.delete_payment(doc)
        elif stream is Stream.INVOICES:
            self.sandbox.books.void(doc)
        elif stream is Stream.PARTIES:
            doc["ContactStatus"] = "ARCHIVED"
        else:
            doc["Status"] = "DELETED" if stream is Stream.DEPOSITS else "VOIDED"
        stamp(doc, self.clock.now())

    def spoil(self, stream, ref):
        self._doc(stream, ref)["Amount" if stream is Stream.PAYMENTS else "Total"] = None

    def wants(self, capability, number):
        ref = self.stock(Stream.INVOICES, 1)[-1]
        about = {"connection": self.name, "account": "a"}
        if capability is Capability.SEND_INVOICE:
            doc = self._doc(Stream.INVOICES, ref)
            doc["Contact"]["EmailAddress"] = f"ap{number}@client.example"
            mention = InvoiceMention(
                connection=self.name, ref=ref, digest="0", number=doc["InvoiceNumber"], open=Money(1, "USD"), due_on=None
            )
            return SendInvoice(**about, stage="due", cycle=f"{number}", invoice=mention)
        about |= {"stream": Stream.INVOICES, "ref": ref, "cause": f"c{number}"}
        if capability is Capability.POST_NOTE:
            return PostNote(**about, text=f"Reminder {number} sent")
        return SetField(**about, field="expected_on", value="2026-06-01", expected=None)

    def reads_back(self, action):
        return not isinstance(action, SendInvoice)

    def done(self, action):
        if isinstance(action, SendInvoice):
            return sum(ref == action.invoice.ref for ref, _ in self.sandbox.books.emails)
        if isinstance(action, PostNote):
            return sum(note.startswith(action.text) for note in self.sandbox.notes(action.ref))
        return int(bool(self._doc(Stream.INVOICES, action.ref).get("ExpectedPaymentDate")))

    def webhook(self, stream, ref):
        return self.sandbox.webhook("INVOICE", ref)
