"""Filling the sandbox: with a recorded company, or with records in duesync's own words (a demo's or a test's world).

Recorded objects are taken as they are. Records go through the sandbox's own create, apply and void, so that balances, links and
tokens come out as QuickBooks would have made them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from connectors.quickbooks.sandbox_books import ENTITIES, SandboxBooks
from connectors.testing.recordings import recorded_bodies
from core.money import Money
from core.records import (
    STREAM_OF,
    Adjustment,
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
    Sale,
    Stream,
)

Json = dict[str, Any]
_ACCOUNTS = (
    ("1", "Services", "Income", "ServiceFeeIncome"),
    ("4", "Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    ("35", "Checking", "Bank", "Checking"),
    ("79", "Sales of Product Income", "Income", "SalesOfProductIncome"),
    ("83", "Other Income", "Other Income", "OtherPrimaryIncome"),
    ("84", "Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
    ("90", "Bad Debts", "Expense", "BadDebts"),
)
RECEIVABLE, UNDEPOSITED, CHECKING, INCOME, BAD_DEBTS = "84", "4", "35", "79", "90"
_POSTED = {Posting.RECEIVABLE: RECEIVABLE, Posting.INCOME: INCOME, Posting.UNDEPOSITED: UNDEPOSITED, Posting.OTHER: BAD_DEBTS}


def seed_company(books: SandboxBooks, *, name: str, country: str, zone: str) -> None:
    """The least a company has: a chart of accounts, terms, an item, its own details and its preferences."""
    at = books.clock.now()
    for ref, title, kind, subtype in _ACCOUNTS:
        body = {"Name": title, "FullyQualifiedName": title, "AccountType": kind, "AccountSubType": subtype, "CurrentBalance": 0}
        books.create("Account", body, ref=ref, at=at)
    for ref, title, days in (("1", "Due on receipt", 0), ("2", "Net 15", 15), ("3", "Net 30", 30), ("4", "Net 60", 60)):
        books.create("Term", {"Name": title, "Type": "STANDARD", "DueDays": days}, ref=ref, at=at)
    books.create("Item", {"Name": "Services", "Type": "Service", "IncomeAccountRef": {"value": "1"}}, ref="1", at=at)
    info = {
        "CompanyName": name,
        "LegalName": name,
        "Country": country,
        "DefaultTimeZone": zone,
        "FiscalYearStartMonth": "January",
    }
    values = [{"Name": "SubscriptionStatus", "Value": "PAID"}, {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"}]
    books.create("CompanyInfo", {**info, "NameValue": values}, ref="1", at=at)
    books.create("Preferences", _preferences(books.home), ref="1", at=at)
    books.changes.clear()


def _preferences(home: str) -> Json:
    return {
        "AccountingInfoPrefs": {"FirstMonthOfFiscalYear": "January", "CustomerTerminology": "Customers"},
        "SalesFormsPrefs": {
            "CustomTxnNumbers": False,
            "AutoApplyCredit": False,
            "AutoApplyPayments": False,
            "AllowDeposit": True,
            "ETransactionEnabledStatus": "NotApplicable",
            "ETransactionPaymentEnabled": False,
            "DefaultTerms": {"value": "3"},
        },
        "CurrencyPrefs": {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": home}},
        "ReportPrefs": {"ReportBasis": "Accrual", "CalcAgingReportFromTxnDate": False},
        "OtherPrefs": {"NameValue": []},
    }


def seed_recorded(books: SandboxBooks, folder: Path) -> int:
    """Take over a recorded company: the rows of every query answer below `folder`, as they are; how many there were.

    An entity that was listed replaces what the sandbox had of it. Of a row that was listed more than once (pages may overlap) the
    latest recording counts.
    """
    bodies = (body for _, body in recorded_bodies(folder))
    answers = [body for body in bodies if isinstance(body, dict) and isinstance(body.get("QueryResponse"), dict)]
    listed: dict[str, dict[str, Json]] = {}
    for body in sorted(answers, key=_recorded_at):
        for entity, rows in body["QueryResponse"].items():
            if entity in ENTITIES and isinstance(rows, list):
                listed.setdefault(entity, {}).update({str(row["Id"]): row for row in rows if "Id" in row})
    books.objects.update(listed)
    numbers = [int(row["DocNumber"]) for row in books.all("Invoice") if str(row.get("DocNumber", "")).isdigit()]
    numbers += [int(row["DocNumber"]) for row in books.all("CreditMemo") if str(row.get("DocNumber", "")).isdigit()]
    books.forget_numbers()
    books.next_document = max(numbers, default=1000) + 1
    books.changes.clear()
    return sum(map(len, listed.values()))


def _recorded_at(body: Json) -> datetime:
    """When QuickBooks gave this answer; an answer that does not say counts as the oldest."""
    try:
        return datetime.fromisoformat(str(body.get("time"))).astimezone(UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


class World:
    """Creates records of duesync's own kinds in one sandbox company and remembers which id each ref became.

    Feed it with `add`: parties before their children and documents, invoices, credit notes and adjustments before the payments
    that use them, payments before the deposits that bank them. A payment's `allocations` and `credits_used`, a deposit's lines, a
    document's VOID status and an invoice's `sent` are acted out. `updated_at` is when the vendor last touched the record; without
    it, noon UTC of the record's own day. `balance`, `open`, `remaining` and `unapplied` are what the vendor computes, so those of
    the record are not used.
    """

    def __init__(self, books: SandboxBooks) -> None:
        self.books = books
        self.ids: dict[tuple[Stream, str], str] = {}
        self._makers: dict[type[Record], Callable[[Any], tuple[str, Json, date | None]]] = {
            Party: self._party,
            Invoice: self._invoice,
            CreditNote: self._credit_note,
            Adjustment: self._adjustment,
            Payment: self._payment,
            Deposit: self._deposit,
            Sale: self._sale,
            Refund: self._refund,
        }

    def add(self, records: Iterable[Record]) -> dict[tuple[Stream, str], tuple[str, ...]]:
        """Create `records` in the order given; the vendor's id of each. KeyError: one refers to a record not yet created."""
        made: dict[tuple[Stream, str], tuple[str, ...]] = {}
        for record in records:
            entity, body, day = self._makers[type(record)](record)
            at = record.updated_at or (datetime.combine(day, time(12), UTC) if day else self.books.clock.now())
            item = self.books.create(entity, {key: value for key, value in body.items() if value is not None}, at=at)
            key = (STREAM_OF[type(record)], record.ref)
            self.ids[key], made[key] = item["Id"], (item["Id"],)
            if isinstance(record, Party) and not record.active:
                self.books.touch(entity, item["Id"], Active=False)
            elif _is_void(record):
                self.books.void(entity, {"Id": item["Id"], "SyncToken": item["SyncToken"]})
        return made

    def _customer(self, ref: str | None) -> Json | None:
        return {"value": self.ids[Stream.PARTIES, ref]} if ref is not None else None

    def _party(self, record: Party) -> tuple[str, Json, date | None]:
        body = {
            "DisplayName": record.name,
            "CompanyName": record.legal_name,
            "PrimaryEmailAddr": {"Address": record.email} if record.email else None,
            "PrimaryPhone": {"FreeFormNumber": record.phone} if record.phone else None,
            "BillAddr": {"Country": record.country, "CountrySubDivisionCode": record.region} if record.country else None,
            "CurrencyRef": {"value": record.currency} if record.currency else None,
            "ParentRef": self._customer(record.parent_ref),
        }
        return "Customer", body, None

    def _form(self, record: Invoice | CreditNote) -> Json:
        line = {
            "Amount": record.total.decimal,
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": "1", "name": "Services"}, "Qty": 1, "UnitPrice": record.total.decimal},
        }
        order = {"DefinitionId": "1", "Name": "PO Number", "Type": "StringType", "StringValue": record.reference}
        return {
            "CustomerRef": self._customer(record.party_ref),
            "DocNumber": record.number,
            "TxnDate": record.issued_on.isoformat(),
            "CurrencyRef": {"value": record.total.currency},
            "PrivateNote": record.memo,
            "CustomField": [order] if record.reference else None,
            "Line": [line],
        }

    def _invoice(self, record: Invoice) -> tuple[str, Json, date | None]:
        body = self._form(record) | {
            "DueDate": record.due_on.isoformat() if record.due_on else None,
            "BillEmail": {"Address": record.bill_email} if record.bill_email else None,
            "EmailStatus": "EmailSent" if record.sent else "NotSet",
            "Deposit": record.prepaid.decimal if record.prepaid else None,
        }
        return "Invoice", body, record.issued_on

    def _credit_note(self, record: CreditNote) -> tuple[str, Json, date | None]:
        return "CreditMemo", self._form(record), record.issued_on

    def _adjustment(self, record: Adjustment) -> tuple[str, Json, date | None]:
        up = record.amount.minor > 0
        customer = {"Type": "Customer", "EntityRef": self._customer(record.party_ref)} if record.party_ref else None
        lines = [
            self._journal_line(RECEIVABLE, abs(record.amount), debit=up, memo=record.reason, entity=customer),
            self._journal_line(BAD_DEBTS, abs(record.amount), debit=not up, memo=record.reason),
        ]
        body = {"TxnDate": record.adjusted_on.isoformat(), "DocNumber": record.number, "PrivateNote": record.memo, "Line": lines}
        return "JournalEntry", body | {"CurrencyRef": {"value": record.amount.currency}}, record.adjusted_on

    @staticmethod
    def _journal_line(account: str, amount: Money, *, debit: bool, memo: str | None, entity: Json | None = None) -> Json:
        detail: Json = {"PostingType": "Debit" if debit else "Credit", "AccountRef": {"value": account}}
        if entity:
            detail["Entity"] = entity
        line = {"Amount": amount.decimal, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}
        return line | ({"Description": memo} if memo else {})

    def _payment(self, record: Payment) -> tuple[str, Json, date | None]:
        kinds = {Stream.CREDIT_NOTES: "CreditMemo", Stream.ADJUSTMENTS: "JournalEntry"}
        paid = [(item.amount, self.ids[Stream.INVOICES, item.invoice_ref]) for item in record.allocations]
        # a person may have deleted the invoice since it was seeded: the money is then unapplied
        lines = [self._link(amount, "Invoice", ref) for amount, ref in paid if ref in self.books.objects["Invoice"]]
        lines += [self._link(abs(use.amount), kinds[use.stream], self.ids[use.stream, use.ref]) for use in record.credits_used]
        body = {
            "CustomerRef": self._customer(record.party_ref),
            "TotalAmt": record.amount.decimal,
            "TxnDate": record.paid_on.isoformat(),
            "CurrencyRef": {"value": record.amount.currency},
            "PaymentRefNum": record.reference,
            "PrivateNote": record.memo,
            "DepositToAccountRef": {"value": CHECKING if record.deposited else UNDEPOSITED},
            "Line": lines,
        }
        return "Payment", body, record.paid_on

    @staticmethod
    def _link(amount: Money, kind: str, ref: str) -> Json:
        return {"Amount": amount.decimal, "LinkedTxn": [{"TxnId": ref, "TxnType": kind}]}

    def _deposit(self, record: Deposit) -> tuple[str, Json, date | None]:
        body = {
            "DepositToAccountRef": {"value": CHECKING, "name": "Checking"},
            "TxnDate": record.deposited_on.isoformat(),
            "CurrencyRef": {"value": record.amount.currency},
            "PrivateNote": record.memo,
            "Line": [self._deposit_line(line) for line in record.lines],
        }
        return "Deposit", body, record.deposited_on

    def _deposit_line(self, line: DepositLine) -> Json:
        if line.payment_ref is not None:
            link = {"TxnId": self.ids[Stream.PAYMENTS, line.payment_ref], "TxnType": "Payment", "TxnLineId": "0"}
            return {"Amount": line.amount.decimal, "LinkedTxn": [link]}
        detail: Json = {"AccountRef": {"value": _POSTED[line.posting]}}
        if line.party_ref is not None:
            detail["Entity"] = {"value": self.ids[Stream.PARTIES, line.party_ref], "type": "Customer"}
        return {"Amount": line.amount.decimal, "DetailType": "DepositLineDetail", "DepositLineDetail": detail} | (
            {"Description": line.memo} if line.memo else {}
        )

    def _receipt(self, record: Sale | Refund, day: date) -> Json:
        line = {
            "Amount": record.amount.decimal,
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
        }
        return {
            "CustomerRef": self._customer(record.party_ref),
            "TxnDate": day.isoformat(),
            "CurrencyRef": {"value": record.amount.currency},
            "DepositToAccountRef": {"value": CHECKING, "name": "Checking"},
            "PrivateNote": record.memo,
            "Line": [line],
        }

    def _sale(self, record: Sale) -> tuple[str, Json, date | None]:
        return "SalesReceipt", self._receipt(record, record.sold_on) | {"DocNumber": record.number}, record.sold_on

    def _refund(self, record: Refund) -> tuple[str, Json, date | None]:
        return "RefundReceipt", self._receipt(record, record.refunded_on), record.refunded_on


def _is_void(record: Record) -> bool:
    return getattr(record, "status", None) in (DocumentStatus.VOID, PaymentStatus.VOID)
