"""The sandbox's tenant: its tables and tables of definitions, what a write does to them, and what may be told to a webhook.

Rows are kept as the API gives them, null fields left out (brief 1.11, live). Amounts are Decimal and leave as JSON numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from core.clock import Clock

Doc = dict[str, Any]
CURRENCIES = {
    "USD": {"id": 7, "symbol": "$", "currencyCode": "USD", "numberOfDecimals": 2, "name": "US Dollars"},
    "EUR": {"id": 8, "symbol": "€", "currencyCode": "EUR", "numberOfDecimals": 2, "name": "Euro"},
    "GBP": {"id": 9, "symbol": "£", "currencyCode": "GBP", "numberOfDecimals": 2, "name": "Pound sterling"},
    "ISK": {"id": 27, "symbol": " kr.", "currencyCode": "ISK", "numberOfDecimals": 0, "name": "Islensk krona"},
    "JPY": {"id": 28, "symbol": "¥", "currencyCode": "JPY", "numberOfDecimals": 0, "name": "Yen"},
    "KWD": {"id": 29, "symbol": "KD", "currencyCode": "KWD", "numberOfDecimals": 3, "name": "Kuwaiti dinar"},
}
COMPANY_STATUSES = (("Active", False), ("Inactive", True), ("Credit Hold", False))
BILLING_STATUSES = (("New", False, False), ("Sent", False, True), ("Closed", True, True), ("Disputed", True, True))
TERMS = (("Due on receipt", 0), ("Net 14", 14), ("Net 30", 30))
BOARDS = ("Help Desk", "Accounts")
TICKET_STATUSES = (("New", False), ("In Progress", False), (">Closed", True), ("Resolved", False))
CYCLES = {1: (2, "Monthly"), 3: (3, "Quarterly"), 12: (4, "Annual")}


def wire_instant(at: datetime) -> str:
    """An instant as the API writes it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def wire_day(day: date | str) -> str:
    """A calendar date as the API writes it: midnight Z (brief 1.9)."""
    return f"{day}T00:00:00Z"


class Tenant:
    """One company's ConnectWise. `told` is called with (callback type, action, row) for every change."""

    def __init__(self, clock: Clock, *, currency: str = "USD") -> None:
        self.clock = clock
        self.currency = currency
        self.tables: dict[str, dict[int, Doc]] = {}
        self.removed: dict[tuple[str, int], Doc] = {}
        self.silent_payments = False  # a payment leaves the invoice's lastUpdated alone (brief 1.9: UNCONFIRMED)
        self.told: Callable[[str, str, Doc], None] | None = None
        self._ids = itertools.count(1)
        self._define()

    def table(self, name: str) -> dict[int, Doc]:
        """The rows of a collection by id."""
        return self.tables.setdefault(name, {})

    def add(self, name: str, doc: Doc, *, at: datetime | None = None) -> Doc:
        """Put a row into a collection; an id given is kept. `at` is when it was entered, now without."""
        table = self.table(name)
        number = int(doc.get("id") or next(self._ids))
        while "id" not in doc and number in table:
            number = next(self._ids)
        moment = wire_instant(at or self.clock.now())
        info = {"lastUpdated": moment, "updatedBy": "sandbox", "dateEntered": moment, "enteredBy": "sandbox"}
        row = _present({"id": number, **{key: value for key, value in doc.items() if key != "id"}})
        row["_info"] = {**info, **doc.get("_info", {})}
        table[number] = row
        self._tell(name, "added", row)
        return row

    def touch(self, name: str, number: int, /, *, silently: bool = False, **changes: Any) -> Doc:
        """Change fields of a row; None removes one. `silently` leaves lastUpdated alone."""
        row = self.table(name)[number]
        for key, value in changes.items():
            if value is None:
                row.pop(key, None)
            else:
                row[key] = value
        if not silently:
            row["_info"] = {**row["_info"], "lastUpdated": wire_instant(self.clock.now())}
            self._tell(name, "updated", row)
        return row

    def remove(self, name: str, number: int) -> None:
        """Delete a row for good; companies are only marked (brief 1.10)."""
        if name == "company/companies":
            self.touch(name, number, deletedFlag=True, dateDeleted=wire_instant(self.clock.now()))
            return
        self.removed[name, number] = self.table(name).pop(number)
        self._tell(name, "deleted", self.removed[name, number])
        for child in [path for path in self.tables if path.startswith(f"{name}/{number}/")]:
            del self.tables[child]

    def restore(self, name: str, number: int) -> None:
        """Put a deleted row back as it was; nothing happens to one that is there."""
        if (name, number) in self.removed:
            self.table(name)[number] = self.removed.pop((name, number))

    def _tell(self, name: str, action: str, row: Doc) -> None:
        kinds = {
            "company/companies": "company",
            "company/contacts": "contact",
            "finance/invoices": "invoice",
            "finance/agreements": "agreement",
            "service/tickets": "ticket",
            "time/entries": "time",
        }
        if name in kinds and self.told is not None:
            self.told(kinds[name], action, row)

    # ── definitions ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def _define(self) -> None:
        old = self.clock.now() - timedelta(days=900)
        for number, (name, inactive) in enumerate(COMPANY_STATUSES, 1):
            self.add("company/companies/statuses", {"id": number, "name": name, "inactiveFlag": inactive}, at=old)
        for number, (name, closed, sent) in enumerate(BILLING_STATUSES, 1):
            status = {"id": number, "name": name, "closedFlag": closed, "sentFlag": sent, "inactiveFlag": False}
            self.add("finance/billingStatuses", status, at=old)
        for number, (name, days) in enumerate(TERMS, 1):
            self.add("finance/billingTerms", {"id": number, "name": name, "dueDays": days}, at=old)
        for number, name in enumerate(BOARDS, 1):
            board = {
                "id": number,
                "name": name,
                "location": {"id": 2, "name": "Office"},
                "department": {"id": 1, "name": "Service"},
            }
            self.add("service/boards", {**board, "inactiveFlag": False, "projectFlag": False}, at=old)
            for place, (status_name, closed) in enumerate(TICKET_STATUSES):
                state: Doc = {"id": number * 100 + place, "name": status_name, "closedStatus": closed, "defaultFlag": place == 0}
                self.add(f"service/boards/{number}/statuses", {**state, "inactive": False, "sortOrder": place}, at=old)
        self.add("company/noteTypes", {"id": 1, "name": "General", "defaultFlag": True}, at=old)
        package: Doc = {"id": 1, "accountingPackage": {"id": 1, "name": "QuickBooks"}, "syncPaymentInfoFlag": False}
        self.add("finance/accountingPackageSetup", {**package, "syncWisePayPaymentInfoFlag": False}, at=old)

    def reference(self, name: str, value: Any) -> Doc | None:
        """The short form of a row, found by id or by name in any case; None when there is none."""
        for row in self.table(name).values():
            if value in (row["id"], row.get("name")) or str(row.get("name", "")).lower() == str(value).lower():
                kept: Doc = {key: row[key] for key in ("id", "identifier", "name") if key in row}
                return {**kept, **({"isClosed": row["closedFlag"]} if "closedFlag" in row else {})}
        return None

    # ── records of the business ─────────────────────────────────────────────────────────────────────────────────────────
    def add_company(self, name: str, *, at: datetime | None = None, **fields: Any) -> Doc:
        """A client. Identifier, status, terms and currency have usual defaults."""
        identifier = fields.pop("identifier", "".join(char for char in name if char.isalnum())[:30] or "X")
        status = self.reference("company/companies/statuses", fields.pop("status", "Active"))
        terms = self.reference("finance/billingTerms", fields.pop("terms", "Net 30"))
        currency = CURRENCIES[fields.pop("currency", self.currency)]
        base: Doc = {"identifier": identifier, "name": name[:50], "status": status, "billingTerms": terms, "currency": currency}
        return self.add("company/companies", {**base, "deletedFlag": False, **fields}, at=at)

    def add_contact(self, company: int, first: str, last: str = "", *, email: str | None = None, **fields: Any) -> Doc:
        """A person at a client."""
        at = fields.pop("at", None)
        phone = fields.pop("phone", None)
        items = []
        if email:
            kind = {"id": 1, "name": "Email"}
            items.append({"id": 1, "type": kind, "value": email, "defaultFlag": True, "communicationType": "Email"})
        if phone:
            kind = {"id": 2, "name": "Direct"}
            items.append({"id": 2, "type": kind, "value": phone, "defaultFlag": True, "communicationType": "Phone"})
        base = {"firstName": first, "lastName": last, "company": self.company_ref(company), "inactiveFlag": False}
        return self.add("company/contacts", {**base, "communicationItems": items, **fields}, at=at)

    def company_ref(self, number: int) -> Doc:
        """A company as other records name it."""
        row = self.table("company/companies")[number]
        return {"id": number, "identifier": row["identifier"], "name": row["name"]}

    def add_invoice(self, company: int, total: Any, on: date, due: date | None = None, **fields: Any) -> Doc:
        """An invoice with the whole total open, closed for export unless `status` says otherwise. `tax` is part of the total."""
        at, kind = fields.pop("at", None), fields.pop("type", "Standard")
        owner = self.table("company/companies")[company]
        tax, amount = Decimal(str(fields.pop("tax", 0))), Decimal(str(total))
        status = self.reference("finance/billingStatuses", fields.pop("status", "Closed"))
        currency = CURRENCIES[fields.pop("currency", owner["currency"]["currencyCode"])]
        agreement = fields.pop("agreement", None)
        if agreement is not None:
            fields["agreement"] = {"id": agreement, "name": self.table("finance/agreements")[agreement]["name"]}
        number = fields.pop("number", None)
        base: Doc = {
            "type": kind,
            "status": status,
            "company": self.company_ref(company),
            "billToCompany": self.company_ref(fields.pop("bill_to", company)),
            "billingTerms": owner["billingTerms"],
            "currency": currency,
            "date": wire_day(on),
            "dueDate": wire_day(due or on + timedelta(days=30)),
            "subtotal": amount - tax,
            "salesTax": tax,
            "total": amount,
            "payments": Decimal(0),
            "credits": Decimal(0),
            "balance": amount,
        }
        row = self.add("finance/invoices", {**base, **fields}, at=at)
        row["invoiceNumber"] = str(number if number is not None else row["id"])[:15]
        return row

    def pay(self, invoice: int, amount: Any, on: date | str, *, credit: int | None = None, **fields: Any) -> Doc:
        """Apply money, or a credit memo's money, to an invoice. The invoice's lastUpdated moves unless `silent_payments`."""
        row, paid = self.table("finance/invoices")[invoice], Decimal(str(amount))
        part = "payments" if credit is None else "credits"
        self._settle(invoice, part, paid)
        short = {"id": invoice, "identifier": row["invoiceNumber"], "billingType": row["type"]}
        body: Doc = {"type": fields.pop("type", "Check"), "source": "Default", "invoice": short, "amount": paid}
        if credit is not None:
            memo = self.table("finance/invoices")[credit]
            body["credit"] = {"id": credit, "identifier": memo["invoiceNumber"], "billingType": "CreditMemo"}
            left = memo["balance"] + paid if memo["balance"] < 0 else memo["balance"] - paid
            self.touch("finance/invoices", credit, silently=self.silent_payments, balance=left)
        body |= {"balance": Decimal(0), "invoiceBalance": row["balance"], "invoiceTotal": row["total"]}
        body |= {"paymentDate": wire_day(on), "appliedBy": "sandbox", "paymentSyncStatus": "Applied"}
        return self.add(f"finance/invoices/{invoice}/payments", {**body, **fields})

    def unpay(self, invoice: int, payment: int) -> None:
        """Take a payment off again; one whose invoice was deleted is gone already."""
        if invoice not in self.table("finance/invoices"):
            return
        gone = self.table(f"finance/invoices/{invoice}/payments").pop(payment)
        self._settle(invoice, "credits" if "credit" in gone else "payments", -gone["amount"])

    def _settle(self, invoice: int, part: str, amount: Decimal) -> None:
        row = self.table("finance/invoices")[invoice]
        changes = {part: row[part] + amount, "balance": row["balance"] - amount}
        self.touch("finance/invoices", invoice, silently=self.silent_payments, **changes)

    def add_time(self, company: int, hours: Any, at: datetime, **fields: Any) -> Doc:
        """A time entry, billed where it names an invoice. `changed_at` is when it was entered, `at` when the work began."""
        worked = Decimal(str(hours))
        changed_at = fields.pop("changed_at", None)
        agreement, invoice = fields.pop("agreement", None), fields.pop("invoice", None)
        body: Doc = {
            "company": self.company_ref(company),
            "chargeToType": "Company",
            "member": {"id": 156, "identifier": "tech", "name": "Technician"},
            "agreement": {"id": agreement, "name": self.table("finance/agreements")[agreement]["name"]} if agreement else None,
            "invoice": {"id": invoice} if invoice else None,
            "timeStart": wire_instant(at),
            "timeEnd": wire_instant(at + timedelta(minutes=int(worked * 60))),
            "actualHours": worked.quantize(Decimal("0.0001")),
            "billableOption": "Billable",
            "status": "Billed" if invoice else "Open",
        }
        return self.add("time/entries", {**body, **fields}, at=changed_at)

    def rows(self, name: str) -> Iterator[Doc]:
        """The rows of a collection by rising id."""
        table = self.table(name)
        return (table[number] for number in sorted(table))


def _present(doc: Doc) -> Doc:
    """Without what is null: the API leaves those out."""
    return {key: value for key, value in doc.items() if value is not None and key != "_info"}
