"""Filling the sandbox: with documents recorded at Xero, or with records in duesync's own words (a demo's or a test's world).

Recorded documents are kept as they came. Records go through the sandbox's own paying, crediting and voiding, so that balances and
nested summaries come out as Xero would have made them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from connectors.testing.recordings import recorded_bodies
from connectors.xero.sandbox_books import Organisation
from connectors.xero.sandbox_shapes import ID_FIELD, Doc, instant_of
from core.records import (
    STREAM_OF,
    Contact,
    CreditNote,
    Deposit,
    DepositLine,
    DocumentStatus,
    Invoice,
    Party,
    Payment,
    PaymentStatus,
    Posting,
    Record,
    Refund,
    Stream,
)

CLEARING, BANK, SALES, SUNDRY, RECEIVABLE = "091", "090", "200", "820", "610"
_POSTED = {Posting.INCOME: SALES, Posting.RECEIVABLE: RECEIVABLE, Posting.UNDEPOSITED: CLEARING, Posting.OTHER: SUNDRY}


def seed_recorded(books: Organisation, folder: Path) -> int:
    """Take over a recorded organisation: the lists in every answer below `folder`, as they are; how many documents there were.

    Of a document that was answered more than once (pages may overlap) the one changed last counts.
    """
    kept: set[tuple[str, str]] = set()
    for table, row in _documents(folder):
        place = (table, str(row[ID_FIELD[table]]).lower())
        if place not in kept or _changed_at(row) >= _changed_at(books.get(*place)):
            books.keep(table, row, changed=False)
        kept.add(place)
    return len(kept)


def _documents(folder: Path) -> Iterator[tuple[str, Doc]]:
    for _, body in recorded_bodies(folder):
        lists = {table: rows for table, rows in body.items() if table in ID_FIELD} if isinstance(body, dict) else {}
        yield from ((table, row) for table, rows in lists.items() for row in rows if ID_FIELD[table] in row)


def _changed_at(row: Doc) -> datetime:
    return instant_of(row.get("UpdatedDateUTC")) or datetime.min.replace(tzinfo=UTC)


class World:
    """Creates records of duesync's own kinds in one organisation and remembers which ids each ref became.

    Feed it with `add`: parties before their people and documents, invoices before what pays them. Xero keeps one payment per
    invoice and what is over as an overpayment, so a payment over several invoices becomes several documents with one reference;
    `every_id` gives them all. A VOID status is acted out; `open`, `remaining` and `unapplied` are what Xero computes.
    `updated_at` is when Xero last touched the record; without it, noon UTC of the record's own day.
    """

    def __init__(self, books: Organisation) -> None:
        self.books = books
        self.every_id: dict[tuple[Stream, str], list[str]] = {}
        self._makers: dict[type[Record], Callable[[Any], Iterable[tuple[str, Doc]]]] = {
            Party: self._party,
            Contact: self._person,
            Invoice: self._invoice,
            CreditNote: self._credit_note,
            Payment: self._payment,
            Refund: self._refund,
            Deposit: self._deposit,
        }

    def add(self, records: Iterable[Record]) -> None:
        """Create `records` in the order given. KeyError names a record that refers to one not made yet, or a kind Xero lacks."""
        for record in records:
            self.books.at = record.updated_at or _noon(record)
            try:
                made = [(table, doc) for table, doc in self._makers[type(record)](record)]
            finally:
                self.books.at = None
            ids = [str(doc[ID_FIELD[table]]) for table, doc in made]
            self.every_id.setdefault((STREAM_OF[type(record)], record.ref), []).extend(ids)

    def id_of(self, stream: Stream, ref: str) -> str:
        """The id the vendor gave to a record; of a payment over several invoices, the first."""
        return self.every_id[stream, ref][0]

    def _find(self, stream: Stream, ref: str, table: str) -> Doc:
        return self.books.get(table, self.id_of(stream, ref))

    # ── one kind each ───────────────────────────────────────────────────────────────────────────────────────────────────
    def _party(self, record: Party) -> Iterable[tuple[str, Doc]]:
        phone = {"PhoneType": "DEFAULT", "PhoneNumber": record.phone or "", "PhoneAreaCode": "", "PhoneCountryCode": ""}
        fields: Doc = {
            "EmailAddress": record.email or "",
            "Addresses": [{"AddressType": "STREET", "Region": record.region or "", "Country": record.country or ""}],
            "Phones": [phone],
            "ContactStatus": "ACTIVE" if record.active else "ARCHIVED",
            **({"DefaultCurrency": record.currency} if record.currency else {}),
        }
        yield "Contacts", self.books.add_contact(record.name, **fields)

    def _person(self, record: Contact) -> Iterable[tuple[str, Doc]]:
        party = self._find(Stream.PARTIES, record.party_ref, "Contacts")
        first, _, last = record.name.partition(" ")
        person = {"FirstName": first, "LastName": last, "EmailAddress": record.email or "", "IncludeInEmails": bool(record.role)}
        party["ContactPersons"] = [*party["ContactPersons"], person]
        yield "Contacts", party

    def _invoice(self, record: Invoice) -> Iterable[tuple[str, Doc]]:
        contact = self._find(Stream.PARTIES, record.party_ref, "Contacts")
        fields: Doc = {
            "Reference": record.reference or "",
            "Description": record.memo or "Managed services",
            "CurrencyCode": record.total.currency,
            "SentToContact": bool(record.sent),
            "Status": "DRAFT" if record.status is DocumentStatus.DRAFT else "AUTHORISED",
            **({"InvoiceNumber": record.number} if record.number else {}),
        }
        doc = self.books.add_invoice(contact, record.total.decimal, record.issued_on, record.due_on, **fields)
        if record.status is DocumentStatus.VOID:
            self.books.void(doc)
        yield "Invoices", doc

    def _credit_note(self, record: CreditNote) -> Iterable[tuple[str, Doc]]:
        contact = self._find(Stream.PARTIES, record.party_ref, "Contacts")
        fields: Doc = {
            "Reference": record.reference or "",
            "CurrencyCode": record.total.currency,
            "Description": record.memo or "Credit",
            **({"CreditNoteNumber": record.number} if record.number else {}),
        }
        doc = self.books.add_credit("CreditNotes", contact, record.total.decimal, record.issued_on, **fields)
        for item in record.allocations:
            self.books.allocate(doc, self._find(Stream.INVOICES, item.invoice_ref, "Invoices"), item.amount.decimal)
        if record.status is DocumentStatus.VOID:
            doc["Status"] = "VOIDED"
        yield "CreditNotes", doc

    def _payment(self, record: Payment) -> Iterable[tuple[str, Doc]]:
        reference, left = record.reference or "", record.amount
        account = CLEARING if record.deposited is False else BANK
        extra: Doc = {"Details": record.memo} if record.memo else {}
        for item in record.allocations:
            invoice = self._find(Stream.INVOICES, item.invoice_ref, "Invoices")
            paid = self.books.pay(
                invoice,
                item.amount.decimal,
                record.paid_on,
                reference=reference,
                account=account,
                IsReconciled=bool(record.deposited),
                **extra,
            )
            if record.status in (PaymentStatus.VOID, PaymentStatus.REVERSED):
                self.books.delete_payment(paid)
            left -= item.amount
            yield "Payments", paid
        if left.minor > 0:
            assert record.party_ref is not None
            contact = self._find(Stream.PARTIES, record.party_ref, "Contacts")
            fields = {"Reference": reference, "CurrencyCode": left.currency, "Description": record.memo or "Overpayment"}
            yield "Overpayments", self.books.add_credit("Overpayments", contact, left.decimal, record.paid_on, **fields)

    def _refund(self, record: Refund) -> Iterable[tuple[str, Doc]]:
        assert record.source_ref is not None
        table = "CreditNotes" if record.source_stream is Stream.CREDIT_NOTES else "Overpayments"
        source_stream = record.source_stream or Stream.PAYMENTS
        credit = self.books.get(table, self.every_id[source_stream, record.source_ref][-1])
        yield "Payments", self.books.refund(table, credit, record.amount.decimal, record.refunded_on, reference=record.memo or "")

    def _deposit(self, record: Deposit) -> Iterable[tuple[str, Doc]]:
        for line in record.lines:
            if line.payment_ref is None:  # a payment has brought its own bank transaction
                yield "BankTransactions", self._deposit_line(record, line)

    def _deposit_line(self, record: Deposit, line: DepositLine) -> Doc:
        contact = self._find(Stream.PARTIES, line.party_ref, "Contacts") if line.party_ref else None
        text = line.memo or record.memo or "Deposit"
        code = _POSTED[line.posting]
        return self.books.add_bank_transaction(
            contact, line.amount.decimal, record.deposited_on, account=code, Description=text, CurrencyCode=line.amount.currency
        )


def _noon(record: Record) -> datetime | None:
    """Noon UTC of the day a document bears; None for those without one."""
    for name in ("issued_on", "paid_on", "refunded_on", "deposited_on"):
        day = getattr(record, name, None)
        if isinstance(day, date):
            return datetime.combine(day, time(12), UTC)
    return None
