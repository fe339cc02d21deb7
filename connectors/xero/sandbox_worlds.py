"""Worlds to fill the sandbox with: a plain description of parties and documents, or lists recorded at Xero.

A world is JSON-plain: the columns of duesync's CSV files (DESIGN.md §6), amounts as decimal text, days as ISO text:

    {"parties": [{"ref", "name", "email"?, "phone"?, "currency"?, "country"?, "region"?, "contacts"?: [{"name", "email"}]}],
     "invoices": [{"ref", "party_ref", "number", "total", "issued_on", "due_on"?, "reference"?, "currency"?, "status"?, "memo"?}],
     "payments": [{"ref", "party_ref", "amount", "paid_on", "reference"?, "currency"?, "allocations"?: [{"invoice_ref",
                   "amount"}]}],
     "credit_notes": [{"ref", "party_ref", "number"?, "total", "issued_on", "currency"?, "allocations"?: […], "status"?}],
     "deposits": [{"ref", "party_ref"?, "amount", "deposited_on", "posted_to"?, "memo"?}]}

Xero keeps one payment per invoice and what is over as an overpayment, so a payment over several invoices becomes several
documents with the same reference. Statuses: draft, open (default), void.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.xero.sandbox_books import Organisation
from connectors.xero.sandbox_shapes import ID_FIELD, ZERO, Doc, money

World = Mapping[str, Iterable[Mapping[str, Any]]]
_STATUS = {"draft": "DRAFT", "open": "AUTHORISED", "void": "AUTHORISED"}


def seed_world(books: Organisation, world: World) -> dict[str, list[str]]:
    """Make every document of `world` in order; gives Xero's ids by "stream:ref" (a payment may have several)."""
    seeder = _Seeder(books)
    for row in world.get("parties", ()):
        seeder.party(row)
    for row in world.get("invoices", ()):
        seeder.invoice(row)
    for row in world.get("credit_notes", ()):
        seeder.credit_note(row)
    for row in world.get("payments", ()):
        seeder.payment(row)
    for row in world.get("deposits", ()):
        seeder.deposit(row)
    seeder.finish()
    return seeder.ids


def load_recorded(books: Organisation, lists: Mapping[str, list[Doc]]) -> None:
    """Keep recorded documents as they came, UpdatedDateUTC included."""
    for table, docs in lists.items():
        for doc in docs:
            books.keep(table, doc, changed=False)


class _Seeder:
    """Makes documents and remembers their ids."""

    def __init__(self, books: Organisation) -> None:
        self._books = books
        self.ids: dict[str, list[str]] = {}
        self._void: list[Doc] = []

    def party(self, row: Mapping[str, Any]) -> None:
        address = {"AddressType": "STREET", "Region": row.get("region") or "", "Country": row.get("country") or ""}
        phone = {"PhoneType": "DEFAULT", "PhoneNumber": row.get("phone") or "", "PhoneAreaCode": "", "PhoneCountryCode": ""}
        people = [_person(item) for item in row.get("contacts", ())]
        fields = {
            "EmailAddress": row.get("email") or "",
            "Addresses": [address],
            "Phones": [phone],
            "ContactPersons": people,
            **({"DefaultCurrency": row["currency"]} if row.get("currency") else {}),
            **({"ContactNumber": row["number"]} if row.get("number") else {}),
        }
        self._note("parties", row, self._books.add_contact(row["name"], **fields), "Contacts")

    def invoice(self, row: Mapping[str, Any]) -> None:
        contact, issued = self._doc("parties", row["party_ref"], "Contacts"), date.fromisoformat(row["issued_on"])
        due = date.fromisoformat(row["due_on"]) if row.get("due_on") else None
        status = row.get("status") or "open"
        fields = {
            "Reference": row.get("reference") or "",
            "Description": row.get("memo") or "Managed services",
            "Status": _STATUS[status],
            **({"InvoiceNumber": row["number"]} if row.get("number") else {}),
            **({"CurrencyCode": row["currency"]} if row.get("currency") else {}),
        }
        doc = self._books.add_invoice(contact, row["total"], issued, due, **fields)
        self._note("invoices", row, doc, "Invoices")
        if status == "void":
            self._void.append(doc)

    def credit_note(self, row: Mapping[str, Any]) -> None:
        contact = self._doc("parties", row["party_ref"], "Contacts")
        fields = {
            "Reference": row.get("reference") or "",
            "Status": _STATUS[row.get("status") or "open"],
            **({"CreditNoteNumber": row["number"]} if row.get("number") else {}),
            **({"CurrencyCode": row["currency"]} if row.get("currency") else {}),
        }
        doc = self._books.add_credit("CreditNotes", contact, row["total"], date.fromisoformat(row["issued_on"]), **fields)
        self._note("credit_notes", row, doc, "CreditNotes")
        for item in row.get("allocations", ()):
            self._books.allocate(doc, self._doc("invoices", item["invoice_ref"], "Invoices"), item["amount"])

    def payment(self, row: Mapping[str, Any]) -> None:
        on, reference = date.fromisoformat(row["paid_on"]), row.get("reference") or ""
        left = money(row["amount"])
        for item in row.get("allocations", ()):
            invoice = self._doc("invoices", item["invoice_ref"], "Invoices")
            self._note("payments", row, self._books.pay(invoice, item["amount"], on, reference=reference), "Payments")
            left -= Decimal(str(item["amount"]))
        if left > ZERO:
            contact = self._doc("parties", row["party_ref"], "Contacts")
            fields = {"Reference": reference, **({"CurrencyCode": row["currency"]} if row.get("currency") else {})}
            doc = self._books.add_credit("Overpayments", contact, left, on, **fields)
            self._note("payments", row, doc, "Overpayments")

    def deposit(self, row: Mapping[str, Any]) -> None:
        contact = self._doc("parties", row["party_ref"], "Contacts") if row.get("party_ref") else None
        on, account = date.fromisoformat(row["deposited_on"]), row.get("posted_to") or "200"
        text = row.get("memo") or "Deposit"
        doc = self._books.add_bank_transaction(contact, row["amount"], on, account=account, Description=text)
        self._note("deposits", row, doc, "BankTransactions")

    def finish(self) -> None:
        """Void what is to be void, after everything else was made."""
        for doc in self._void:
            self._books.void(doc)

    def _note(self, stream: str, row: Mapping[str, Any], doc: Doc, table: str) -> None:
        self.ids.setdefault(f"{stream}:{row['ref']}", []).append(doc[ID_FIELD[table]])

    def _doc(self, stream: str, ref: str, table: str) -> Doc:
        return self._books.get(table, self.ids[f"{stream}:{ref}"][0])


def _person(item: Mapping[str, Any]) -> Doc:
    first, _, last = str(item["name"]).partition(" ")
    return {"FirstName": first, "LastName": last, "EmailAddress": item.get("email") or "", "IncludeInEmails": True}
