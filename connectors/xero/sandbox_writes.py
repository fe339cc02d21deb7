"""What the sandbox accepts: creating and changing documents, with Xero's validation messages and batch rules.

A batch is taken element by element. With `summarizeErrors=false` the answer is 200 and every element says how it went; without,
one bad element makes the answer a 400 that lists the failures only, although the good ones are saved (stackoverflow 52706101).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.xero.sandbox_books import CREDITS, Organisation, Refused
from connectors.xero.sandbox_shapes import ID_FIELD, ZERO, Doc, dated, instant_of, money, stamp

NOBODY = "00000000-0000-0000-0000-000000000000"
LONGEST_NOTE = 2500
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MOVES = {
    "DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "SUBMITTED": {"SUBMITTED", "DRAFT", "AUTHORISED", "DELETED"},
    "AUTHORISED": {"AUTHORISED", "VOIDED"},
    "PAID": {"PAID"},
    "VOIDED": set(),
    "DELETED": set(),
}
# What may change on an invoice with money on it (Invoices page, "updating paid or part paid invoices").
_PAID_FIELDS = {
    "InvoiceID",
    "Reference",
    "DueDate",
    "InvoiceNumber",
    "BrandingThemeID",
    "Contact",
    "Url",
    "SentToContact",
    "Status",
}


def read_day(value: Any, default: date | None = None) -> date:
    """A date as clients send it: `YYYY-MM-DD`, with a time, or `/Date()/`."""
    if value is None and default is not None:
        return default
    if (instant := instant_of(value)) is not None:
        return instant.date()
    try:
        return datetime.fromisoformat(str(value)).date()
    except ValueError as error:
        raise Refused("Invalid date supplied") from error


class Writer:
    """Applies the elements of PUT and POST bodies to an organisation."""

    def __init__(self, books: Organisation, today: Callable[[], date], now: Callable[[], datetime]) -> None:
        self._books = books
        self._today = today
        self._now = now
        self._savers: Mapping[str, Callable[[Doc, bool], Doc]] = {
            "Contacts": self._contact,
            "Invoices": self._invoice,
            "CreditNotes": lambda given, _: self._credit_note(given),
            "Payments": lambda given, _: self._payment(given),
            "BankTransactions": lambda given, _: self._bank_transaction(given),
        }

    def takes(self, table: str) -> bool:
        """Can documents of this list be written?"""
        return table in self._savers

    def save(self, table: str, elements: list[Doc], *, create: bool) -> tuple[list[Doc], list[Doc]]:
        """Saved documents and refused elements (with ValidationErrors), each in the order given."""
        saved, refused = [], []
        for element in elements:
            try:
                doc = self._savers[table](element, create)
            except Refused as refusal:
                refused.append(refused_element(table, element, refusal))
            else:
                warnings = element.get("_warnings")
                note = {"StatusAttributeString": "WARNING", "Warnings": warnings} if warnings else {"StatusAttributeString": "OK"}
                saved.append({**doc, **note})
        return saved, refused

    # ── one element each ────────────────────────────────────────────────────────────────────────────────────────────────
    def _contact(self, given: Doc, create: bool) -> Doc:
        name, ref = given.get("Name"), given.get("ContactID")
        found = self._books.find("Contacts", ref) if ref and not create else None
        if found is None and not name:
            raise Refused("The contact name must be specified")
        if given.get("EmailAddress") and not _EMAIL.fullmatch(given["EmailAddress"]):
            raise Refused("Email address must be valid.")
        for other in self._books.tables["Contacts"].values():
            same = name and other["Name"].casefold() == name.casefold() and other["ContactStatus"] == "ACTIVE"
            if same and other is not found:
                raise Refused(
                    f"The contact name {name} is already assigned to another contact. "
                    "The contact name must be unique across all active contacts."
                )
        fields = {key: value for key, value in given.items() if key not in ("ContactID", "Name", "_warnings")}
        if found is None:
            return self._books.add_contact(str(name), **fields)
        found.update(fields, Name=name or found["Name"])
        stamp(found, self._now())
        return found

    def _invoice(self, given: Doc, create: bool) -> Doc:
        number = given.get("InvoiceNumber")
        found = self._books.find("Invoices", given["InvoiceID"]) if given.get("InvoiceID") else None
        if given.get("InvoiceID") and found is None:
            raise Refused("The document with the supplied id was not found for this endpoint.")
        if found is None and number and given.get("Type", "ACCREC") == "ACCREC":
            same = [doc for doc in self._books.tables["Invoices"].values() if doc["InvoiceNumber"] == number]
            if same and create:
                raise Refused("Invoice # must be unique.")
            found = same[0] if same else None
        return self._change_invoice(found, given) if found else self._new_invoice(given)

    def _new_invoice(self, given: Doc) -> Doc:
        if given.get("Type") not in ("ACCREC", "ACCPAY"):
            raise Refused("Invoice not of valid type for creation")
        status = given.get("Status", "DRAFT")
        if status not in ("DRAFT", "SUBMITTED", "AUTHORISED"):
            raise Refused("Invoice not of valid status for creation")
        contact = self._contact_of(given)
        lines, total = self._lines(given)
        on = read_day(given.get("Date"), self._today())
        self._check_lock(on)
        due = read_day(given.get("DueDate"), on)
        kept = ("Reference", "InvoiceNumber", "CurrencyCode", "CurrencyRate", "Url", "BrandingThemeID", "SentToContact")
        fields = {key: given[key] for key in kept if given.get(key) is not None}
        return self._books.add_invoice(contact, total, on, due, LineItems=lines, Status=status, Type=given["Type"], **fields)

    def _change_invoice(self, doc: Doc, given: Doc) -> Doc:
        status = given.get("Status", doc["Status"])
        if status not in _MOVES[doc["Status"]]:
            raise Refused("Invoice not of valid status for modification")
        used = bool(doc["Payments"] or doc["AmountCredited"])
        if used and set(given) - _PAID_FIELDS - {"_warnings"}:
            raise Refused("This document cannot be edited as it has a payment or credit note allocated to it.")
        if status in ("VOIDED", "DELETED"):
            self._books.void(doc)
            return doc
        if given.get("SentToContact") and doc["Status"] not in ("AUTHORISED", "PAID"):
            given["_warnings"] = [{"Message": "Only AUTHORISED invoices may have SentToContact updated."}]
            given.pop("SentToContact")
        for key in ("Date", "DueDate", "ExpectedPaymentDate", "PlannedPaymentDate"):
            if given.get(key) is not None:
                twins = dated(read_day(given[key]), key)
                doc.update(twins if key in ("Date", "DueDate") else {key: twins[key]})
        plain = ("Reference", "InvoiceNumber", "Url", "SentToContact", "CurrencyRate", "BrandingThemeID")
        doc.update({key: given[key] for key in plain if key in given}, Status=status)
        if given.get("LineItems"):
            lines, total = self._lines(given)
            doc.update(LineItems=lines, SubTotal=total, Total=total)
        # Xero says that DueDate and SentToContact do not change UpdatedDateUTC once money is on the invoice.
        self._books.settle_invoice(doc, bump=not used)
        return doc

    def _credit_note(self, given: Doc) -> Doc:
        if given.get("CreditNoteID"):
            found = self._books.find("CreditNotes", given["CreditNoteID"])
            if found is None:
                raise Refused("The document with the supplied id was not found for this endpoint.")
            found.update({key: given[key] for key in ("Reference", "Status") if key in given})
            stamp(found, self._now())
            return found
        if given.get("Type") not in ("ACCRECCREDIT", "ACCPAYCREDIT"):
            raise Refused("Credit note not of valid type for creation")
        contact = self._contact_of(given)
        lines, total = self._lines(given)
        fields = {key: given[key] for key in ("CreditNoteNumber", "Reference", "CurrencyCode", "Type") if given.get(key)}
        on = read_day(given.get("Date"), self._today())
        return self._books.add_credit(
            "CreditNotes", contact, total, on, LineItems=lines, Status=given.get("Status", "DRAFT"), **fields
        )

    def _payment(self, given: Doc) -> Doc:
        amount, on = self._amount(given), read_day(given.get("Date"), self._today())
        if not (given.get("Account") or {}).keys() & {"AccountID", "Code"}:
            raise Refused("Account could not be found")
        targets = [name for name in ("Invoice", "CreditNote", "Overpayment", "Prepayment") if given.get(name)]
        if len(targets) != 1:
            raise Refused("You must specify exactly one of Invoice, CreditNote, Prepayment or Overpayment")
        table = f"{targets[0]}s"
        doc = self._target(table, given[targets[0]])
        code = (given.get("Account") or {}).get("Code")
        account = code if code in ("090", "091") else "090"
        fields = {"reference": str(given.get("Reference") or ""), "account": account}
        if table == "Invoices":
            return self._books.pay(doc, amount, on, IsReconciled=bool(given.get("IsReconciled")), **fields)
        return self._books.refund(table, doc, amount, on, **fields)

    def _bank_transaction(self, given: Doc) -> Doc:
        contact = self._contact_of(given)
        lines, total = self._lines(given)
        on, kind = read_day(given.get("Date"), self._today()), given.get("Type")
        held = {"RECEIVE-OVERPAYMENT": "Overpayments", "RECEIVE-PREPAYMENT": "Prepayments"}.get(str(kind))
        if held:
            credit = self._books.add_credit(
                held, contact, total, on, LineItems=lines, Reference=str(given.get("Reference") or "")
            )
            made = {ID_FIELD[held]: credit["ID"]}
        elif kind in ("RECEIVE", "SPEND"):
            made = {}
        else:
            raise Refused("Bank transaction not of valid type for creation")
        return self._books.add_bank_transaction(contact, total, on, Type=kind, LineItems=lines, **made)

    # ── nested endpoints ────────────────────────────────────────────────────────────────────────────────────────────────
    def allocate(self, credit: Doc, elements: list[Doc]) -> list[Doc]:
        """PUT …/Allocations."""
        made = []
        for element in elements:
            invoice = self._target("Invoices", element.get("Invoice") or {})
            on = read_day(element["Date"]) if element.get("Date") else None
            made.append(self._books.allocate(credit, invoice, self._amount(element), on))
        return made

    def delete_payment(self, payment: Doc, body: Doc) -> Doc:
        """POST /Payments/{id}: the body may say nothing but Status DELETED."""
        if set(body) != {"Status"} or body["Status"] != "DELETED":
            raise Refused("Only Status accepted for updates.")
        if payment["Status"] == "DELETED" or payment.get("BatchPaymentID"):
            raise Refused("Payment not of valid status for modification")
        self._books.delete_payment(payment)
        return payment

    def note(self, ref: str, elements: list[Doc]) -> list[Doc]:
        """PUT …/History: every element is kept, none can be edited."""
        rows = []
        for element in elements:
            details = str(element.get("Details") or "")
            if not details or len(details) > LONGEST_NOTE:
                raise Refused(f"Details must have 1 to {LONGEST_NOTE} characters")
            row = {"Changes": "Note", "User": "System Generated", "Details": details, **self._noted_at()}
            self._books.history.setdefault(ref, []).insert(0, row)  # newest first
            rows.append({**{key: row[key] for key in ("DateUTCString", "DateUTC", "Details")}, "ValidationErrors": []})
        return rows

    def _noted_at(self) -> Doc:
        holder: Doc = {"InvoiceID": ""}
        stamp(holder, self._now())
        return {"DateUTCString": holder["UpdatedDateUTCString"][:-1], "DateUTC": holder["UpdatedDateUTC"]}

    def email(self, invoice: Doc, *, a_day: int) -> None:
        """POST /Invoices/{id}/Email: only issued sales invoices with an address to go to, and only so many a day."""
        contact = self._books.get("Contacts", invoice["Contact"]["ContactID"])
        if invoice["Type"] != "ACCREC" or invoice["Status"] not in ("SUBMITTED", "AUTHORISED", "PAID"):
            raise Refused("Invoice not of valid status for sending an email")
        if not contact.get("EmailAddress"):
            raise Refused("The contact does not have an email address")
        since = self._now() - timedelta(days=1)
        if sum(at > since for _, at in self._books.emails) >= a_day:
            raise Refused("The daily email limit of the organisation has been reached")
        self._books.emails.append((invoice["InvoiceID"], self._now()))
        invoice["SentToContact"] = True

    # ── pieces ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _contact_of(self, given: Doc) -> Doc:
        contact = given.get("Contact") or {}
        if contact.get("ContactID"):
            found = self._books.find("Contacts", contact["ContactID"])
            if found is None:
                raise Refused("The Contact could not be found")
            return found
        name = contact.get("Name")
        for other in self._books.tables["Contacts"].values():
            if name and other["Name"].casefold() == name.casefold():
                return other
        if not name:
            raise Refused("A Contact must be specified for this type of transaction")
        return self._books.add_contact(name)

    def _lines(self, given: Doc) -> tuple[list[Doc], Decimal]:
        lines = []
        for element in given.get("LineItems") or []:
            quantity = Decimal(str(element.get("Quantity", 1)))
            amount = element.get("LineAmount", Decimal(str(element.get("UnitAmount", 0))) * quantity)
            filled = {"TaxType": "NONE", "TaxAmount": ZERO, "Tracking": [], "AccountCode": "200"}
            lines.append({**filled, **element, "Quantity": quantity, "LineAmount": money(amount)})
        if not lines:
            raise Refused("One or more line items must be specified")
        return lines, sum((item["LineAmount"] + money(item["TaxAmount"]) for item in lines), ZERO)

    def _target(self, table: str, named: Doc) -> Doc:
        number = {"Invoices": "InvoiceNumber", "CreditNotes": "CreditNoteNumber"}.get(table)
        ref = named.get(ID_FIELD[table])
        doc = self._books.find(table, str(ref)) if ref else None
        if doc is None and number and named.get(number):
            doc = next((item for item in self._books.tables[table].values() if item[number] == named[number]), None)
        if doc is None:
            raise Refused(f"{CREDITS.get(table, 'Invoice')} could not be found")
        return doc

    def _amount(self, given: Doc) -> Decimal:
        amount = given.get("Amount")
        if not isinstance(amount, Decimal | int) or amount <= 0:
            raise Refused("Payment amount must be greater than zero")
        return money(amount)

    def _check_lock(self, on: date) -> None:
        lock = instant_of(self._books.profile.get("PeriodLockDate"))
        if lock is not None and on <= lock.date():
            raise Refused("The document date cannot be before the period lock date")


def refused_element(table: str, element: Doc, refusal: Refused) -> Doc:
    """A refused element as it comes back: what was sent, with the reasons."""
    sent = {key: value for key, value in element.items() if not key.startswith("_")}
    errors = [{"Message": message} for message in refusal.args]
    return {ID_FIELD[table]: NOBODY, **sent, "StatusAttributeString": "ERROR", "ValidationErrors": errors}
