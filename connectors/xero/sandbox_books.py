"""One organisation in the sandbox: its documents, and what paying, crediting, voiding and deleting does to them.

Keeps Xero's invariant Total = AmountPaid + AmountCredited + AmountDue and Total = used + given back + RemainingCredit. What the
vendor leaves open is a lever: whether a payment or an allocation changes the invoice's UpdatedDateUTC (`bumps`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from connectors.xero.sandbox_shapes import (
    ID_FIELD,
    ZERO,
    Doc,
    dated,
    guid,
    instant_of,
    line,
    money,
    new_contact,
    new_credit,
    new_invoice,
    short_contact,
    short_invoice,
    short_payment,
    stamp,
    wire_day,
)
from core.clock import Clock

CREDITS = {"CreditNotes": "CreditNote", "Overpayments": "Overpayment", "Prepayments": "Prepayment"}
REFUND_TYPE = {"CreditNotes": "ARCREDITPAYMENT", "Overpayments": "AROVERPAYMENTPAYMENT", "Prepayments": "ARPREPAYMENTPAYMENT"}
NESTED_TYPE = {"CreditNotes": "ACCRECCREDIT", "Overpayments": "AROVERPAYMENT", "Prepayments": "ARPREPAYMENT"}


class Refused(Exception):
    """Xero's validation says no; the text is the message it shows."""


class Organisation:
    """The documents of one tenant by list and id, in the order they were made."""

    def __init__(
        self, clock: Clock, *, name: str = "Sandbox MSP", currency: str = "USD", timezone: str = "EASTERNSTANDARDTIME"
    ) -> None:
        self._clock = clock
        self.currency = currency
        self.tables: dict[str, dict[str, Doc]] = {table: {} for table in ID_FIELD}
        self.history: dict[str, list[Doc]] = {}
        self.emails: list[tuple[str, datetime]] = []
        self.reminders = False
        self.bumps = True
        self.at: datetime | None = None  # what time it is while history is being made up
        self._made = 0
        self.profile: Doc = _profile(name, currency, timezone)
        for code, title, kind, group in _ACCOUNTS:
            self._account(code, title, kind, group)

    def now(self) -> datetime:
        """The organisation's time: `at` while that is set, else the clock's."""
        return self.at or self._clock.now()

    # ── finding ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def find(self, table: str, ref: str) -> Doc | None:
        """The document of that id, ids compared without case."""
        return self.tables[table].get(ref.lower())

    def get(self, table: str, ref: str) -> Doc:
        """As `find`; KeyError when there is none."""
        return self.tables[table][ref.lower()]

    def keep(self, table: str, doc: Doc, *, changed: bool = True) -> Doc:
        """Put a document into its list; recorded ones keep their own UpdatedDateUTC (`changed` false)."""
        self.tables[table][str(doc[ID_FIELD[table]]).lower()] = doc
        if changed:
            stamp(doc, self.now())
        return doc

    def new_id(self, table: str) -> str:
        """The id of the next document of a list."""
        self._made += 1
        return guid(table, self._made, self.profile["OrganisationID"])

    # ── making ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def add_contact(self, name: str, **fields: Any) -> Doc:
        """A new active contact."""
        return self.keep("Contacts", new_contact(fields.pop("ContactID", None) or self.new_id("Contacts"), name, **fields))

    def add_invoice(self, contact: Doc, total: Any, on: date, due: date | None = None, **fields: Any) -> Doc:
        """A new approved sales invoice, or whatever `fields` make of it."""
        amount = money(total)
        ref = fields.pop("InvoiceID", None) or self.new_id("Invoices")
        text = fields.pop("Description", "Managed services")
        fields.setdefault("InvoiceNumber", f"INV-{len(self.tables['Invoices']) + 1:04d}")
        fields.setdefault("CurrencyCode", self.currency)
        fields.setdefault("LineItems", [line(amount, text, seed=ref)])
        days = {**dated(on), **dated(due or on, "DueDate")}
        amounts = {"SubTotal": amount, "TotalTax": ZERO, "Total": amount}
        doc = new_invoice(ref, contact, **{**days, **amounts, **fields})
        if doc["Type"] == "ACCREC":
            contact["IsCustomer"] = True
        self.keep("Invoices", doc)
        self.settle_invoice(doc, bump=True)
        return doc

    def add_credit(self, table: str, contact: Doc, total: Any, on: date, **fields: Any) -> Doc:
        """A new credit note, overpayment or prepayment."""
        amount = money(total)
        ref = fields.pop(ID_FIELD[table], None) or self.new_id(table)
        fields.setdefault("CurrencyCode", self.currency)
        fields.setdefault("LineItems", [line(amount, fields.pop("Description", CREDITS[table]), seed=ref)])
        kind = {"CreditNotes": "ACCRECCREDIT", "Overpayments": "RECEIVE-OVERPAYMENT", "Prepayments": "RECEIVE-PREPAYMENT"}[table]
        fields.setdefault("Type", kind)
        if table == "CreditNotes":
            fields.setdefault("CreditNoteNumber", f"CN-{len(self.tables[table]) + 1:04d}")
        if table == "Prepayments":
            fields.setdefault("InvoiceNumber", fields.get("Reference", ""))
        doc = new_credit(
            ID_FIELD[table], ref, contact, **{**dated(on), "SubTotal": amount, "TotalTax": ZERO, "Total": amount, **fields}
        )
        return self.keep(table, doc)

    def add_bank_transaction(self, contact: Doc | None, total: Any, on: date, *, account: str = "200", **fields: Any) -> Doc:
        """Money received and coded to a ledger account."""
        amount, ref = money(total), self.new_id("BankTransactions")
        doc = {
            "BankTransactionID": ref,
            "BankAccount": self._bank("090"),
            "Type": "RECEIVE",
            "IsReconciled": True,
            "HasAttachments": False,
            **({"Contact": short_contact(contact)} if contact else {}),
            **dated(on),
            "Status": "AUTHORISED",
            "LineAmountTypes": "NoTax",
            "LineItems": [line(amount, fields.pop("Description", "Deposit"), seed=ref, account=account)],
            "SubTotal": amount,
            "TotalTax": ZERO,
            "Total": amount,
            "CurrencyCode": self.currency,
            **fields,
        }
        return self.keep("BankTransactions", doc)

    def pay(self, invoice: Doc, amount: Any, on: date, *, reference: str = "", account: str = "090", **fields: Any) -> Doc:
        """A payment of an approved invoice; Refused in Xero's words when it is not open or the amount is too large."""
        value = money(amount)
        problems = []
        if invoice["Status"] not in ("AUTHORISED", "PAID"):
            problems.append("Payments can only be made against Authorised documents")
        if value > invoice["AmountDue"]:
            problems.append("Payment amount exceeds the amount outstanding on this document")
        if problems:
            raise Refused(*problems)
        kind = "ACCRECPAYMENT" if invoice["Type"] == "ACCREC" else "ACCPAYPAYMENT"
        target = short_invoice(invoice, invoice["Type"], "InvoiceID", invoice["InvoiceNumber"])
        payment = self._payment(kind, target, value, on, reference=reference, account=account, **fields)
        self.settle_invoice(invoice, bump=self.bumps)
        return payment

    def refund(self, table: str, credit: Doc, amount: Any, on: date, *, reference: str = "", account: str = "090") -> Doc:
        """Money given back on a credit."""
        value = money(amount)
        if value > credit["RemainingCredit"]:
            raise Refused("Payment amount exceeds the amount outstanding on this document")
        target = short_invoice(credit, NESTED_TYPE[table], ID_FIELD[table], credit.get("CreditNoteNumber", ""))
        payment = self._payment(REFUND_TYPE[table], target, value, on, reference=reference, account=account)
        self.settle_credit(credit)
        return payment

    def _payment(self, kind: str, target: Doc, amount: Decimal, on: date, *, reference: str, account: str, **fields: Any) -> Doc:
        doc = {
            "PaymentID": fields.pop("PaymentID", None) or self.new_id("Payments"),
            "Date": wire_day(on),
            "BankAmount": amount,
            "Amount": amount,
            "Reference": reference,
            "CurrencyRate": Decimal("1.0"),
            "PaymentType": kind,
            "Status": "AUTHORISED",
            "HasAccount": True,
            "IsReconciled": False,
            "Account": self._bank(account),
            "Invoice": target,
            "HasValidationErrors": False,
            **fields,
        }
        return self.keep("Payments", doc)

    def allocate(self, credit: Doc, invoice: Doc, amount: Any, on: date | None = None) -> Doc:
        """Apply a credit to an invoice of the same contact."""
        value = money(amount)
        if credit["Contact"]["ContactID"] != invoice["Contact"]["ContactID"]:
            raise Refused("The contact on the credit and the invoice must be the same")
        if credit["Status"] != "AUTHORISED" or value > credit["RemainingCredit"]:
            raise Refused("Allocation amount exceeds the remaining credit on this document")
        if invoice["Status"] != "AUTHORISED" or value > invoice["AmountDue"]:
            raise Refused("Allocation amount exceeds the amount outstanding on this document")
        allocation = {
            "AllocationID": guid("allocation", credit["ID"], len(credit["Allocations"])),
            "Amount": value,
            "Date": wire_day(on) if on else max(credit["Date"], invoice["Date"], key=_moment),
            "Invoice": {"InvoiceID": invoice["InvoiceID"], "InvoiceNumber": invoice["InvoiceNumber"]},
            "IsDeleted": False,
        }
        credit["Allocations"].append(allocation)
        self.settle_credit(credit)
        self.settle_invoice(invoice, bump=self.bumps)
        return allocation

    # ── undoing ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def delete_payment(self, payment: Doc) -> None:
        """A deleted payment stays in the list with that status; its document opens again."""
        payment["Status"] = "DELETED"
        stamp(payment, self.now())
        target = payment["Invoice"]["InvoiceID"]
        for table in ("Invoices", *CREDITS):
            if (doc := self.find(table, target)) is not None:
                if table == "Invoices":
                    self.settle_invoice(doc, bump=self.bumps)
                else:
                    self.settle_credit(doc)

    def deallocate(self, credit: Doc, allocation_id: str) -> Doc:
        """Take a credit off an invoice again; KeyError when there is no such allocation."""
        for index, allocation in enumerate(credit["Allocations"]):
            if allocation.get("AllocationID") == allocation_id:
                del credit["Allocations"][index]
                self.settle_credit(credit)
                self.settle_invoice(self.get("Invoices", allocation["Invoice"]["InvoiceID"]), bump=self.bumps)
                return {"AllocationID": allocation_id, "IsDeleted": True}
        raise KeyError(allocation_id)

    def void(self, invoice: Doc) -> None:
        """Void an approved invoice on which nothing was paid or credited; a draft is deleted instead."""
        if invoice["Payments"] or invoice["AmountCredited"]:
            raise Refused("This document cannot be edited as it has a payment or credit note allocated to it.")
        invoice["Status"] = "DELETED" if invoice["Status"] in ("DRAFT", "SUBMITTED") else "VOIDED"
        invoice["AmountDue"] = ZERO
        stamp(invoice, self.now())

    def merge(self, loser: Doc, winner: Doc) -> None:
        """Merge one contact into another: the loser is archived, its documents go over."""
        loser.update(ContactStatus="ARCHIVED", MergedToContactID=winner["ContactID"])
        stamp(loser, self.now())
        for table in ("Invoices", *CREDITS):
            for doc in self.tables[table].values():
                if doc["Contact"]["ContactID"] == loser["ContactID"]:
                    doc["Contact"] = short_contact(winner)
                    stamp(doc, self.now())

    # ── consequences ────────────────────────────────────────────────────────────────────────────────────────────────────
    def settle_invoice(self, invoice: Doc, *, bump: bool) -> None:
        """Recompute what is paid, credited and due, the nested summaries and the status."""
        paid = [item for item in self._payments_of(invoice["InvoiceID"]) if item["Status"] == "AUTHORISED"]
        invoice["Payments"] = [short_payment(item) for item in paid]
        invoice["AmountPaid"] = sum((item["Amount"] for item in paid), ZERO)
        credited = ZERO
        for table in CREDITS:
            applied = list(self._applied(table, invoice["InvoiceID"]))
            invoice[table] = applied
            credited += sum((item["AppliedAmount"] for item in applied), ZERO)
        invoice["AmountCredited"] = credited
        if invoice["Status"] in ("AUTHORISED", "PAID"):
            invoice["AmountDue"] = invoice["Total"] - invoice["AmountPaid"] - credited
            invoice["Status"] = "PAID" if invoice["AmountDue"] <= 0 and invoice["Total"] > 0 else "AUTHORISED"
        invoice.pop("FullyPaidOnDate", None)
        if invoice["Status"] == "PAID":
            invoice["FullyPaidOnDate"] = paid[-1]["Date"] if paid else invoice["Date"]
        if bump:
            stamp(invoice, self.now())

    def settle_credit(self, credit: Doc) -> None:
        """Recompute what remains of a credit, and its status."""
        given_back = [item for item in self._payments_of(credit["ID"]) if item["Status"] == "AUTHORISED"]
        credit["Payments"] = [short_payment(item) for item in given_back]
        used = sum((item["Amount"] for item in credit["Allocations"] if not item["IsDeleted"]), ZERO)
        credit["RemainingCredit"] = credit["Total"] - used - sum((item["Amount"] for item in given_back), ZERO)
        if credit["Status"] in ("AUTHORISED", "PAID"):
            credit["Status"] = "AUTHORISED" if credit["RemainingCredit"] > 0 else "PAID"
        stamp(credit, self.now())

    def _payments_of(self, ref: str) -> Iterable[Doc]:
        return [item for item in self.tables["Payments"].values() if item.get("Invoice", {}).get("InvoiceID") == ref]

    def _applied(self, table: str, invoice_id: str) -> Iterable[Doc]:
        for credit in self.tables[table].values():
            amounts = [item["Amount"] for item in credit["Allocations"] if item["Invoice"]["InvoiceID"] == invoice_id]
            if amounts:
                yield {
                    ID_FIELD[table]: credit[ID_FIELD[table]],
                    "ID": credit["ID"],
                    "AppliedAmount": sum(amounts, ZERO),
                    **{key: credit[key] for key in ("CreditNoteNumber", "Date", "DateString") if key in credit},
                    "Total": credit["Total"],
                    "HasErrors": False,
                    "LineItems": [],
                }

    # ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _account(self, code: str, name: str, kind: str, group: str) -> None:
        doc = {
            "AccountID": guid("account", code),
            "Code": code,
            "Name": name,
            "Status": "ACTIVE",
            "Type": kind,
            "Class": group,
            "EnablePaymentsToAccount": kind == "BANK",
            **({"SystemAccount": "DEBTORS"} if code == "610" else {}),
        }
        self.keep("Accounts", doc)

    def _bank(self, code: str) -> Doc:
        doc = self.tables["Accounts"][guid("account", code)]
        return {"AccountID": doc["AccountID"], "Code": doc["Code"], "Name": doc["Name"]}


_ACCOUNTS = (
    ("090", "Business Bank Account", "BANK", "ASSET"),
    ("091", "Payments Clearing", "BANK", "ASSET"),
    ("200", "Sales", "REVENUE", "REVENUE"),
    ("260", "Other Revenue", "REVENUE", "REVENUE"),
    ("400", "Advertising", "EXPENSE", "EXPENSE"),
    ("610", "Accounts Receivable", "CURRENT", "ASSET"),
    ("820", "Sales Tax", "CURRLIAB", "LIABILITY"),
)


def _moment(text: str) -> datetime:
    found = instant_of(text)
    assert found is not None
    return found


def _profile(name: str, currency: str, timezone: str) -> Doc:
    return {
        "Name": name,
        "LegalName": name,
        "PaysTax": True,
        "Version": "US",
        "OrganisationType": "COMPANY",
        "BaseCurrency": currency,
        "CountryCode": "US",
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 12,
        "CreatedDateUTC": "/Date(1455827393000)/",
        "Timezone": timezone,
        "OrganisationEntityType": "COMPANY",
        "ShortCode": "!dS4nd",
        "OrganisationID": guid("organisation", name),
        "Edition": "BUSINESS",
        "Class": "PREMIUM",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }
