"""Xero's documents as it writes them: dates, amounts and the nested summaries, after the vendor's OpenAPI 16.1.0 examples.

Part of the sandbox: knows the vendor's documentation, not duesync's connector. A document is a plain dict in wire form (dates as
`/Date(ms+0000)/`, amounts as Decimal), so that a recorded document can be kept as it came.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

Doc = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPACE = uuid.UUID("5a0b8f5e-6a0e-4b0e-9c53-1f0d3a9f5d11")  # any fixed namespace: the same seed gives the same ids
ZERO = Decimal("0.00")
# Since July 2026 these documents say when they changed as text, too; contacts and bank transactions do not.
_HAS_TEXT_TWIN = frozenset({"InvoiceID", "PaymentID", "CreditNoteID", "OverpaymentID", "PrepaymentID"})

# The list an id belongs to, and what its id field is called there.
ID_FIELD = {
    "Contacts": "ContactID",
    "Invoices": "InvoiceID",
    "CreditNotes": "CreditNoteID",
    "Payments": "PaymentID",
    "Overpayments": "OverpaymentID",
    "Prepayments": "PrepaymentID",
    "BankTransactions": "BankTransactionID",
    "RepeatingInvoices": "RepeatingInvoiceID",
    "Accounts": "AccountID",
}


def guid(*parts: object) -> str:
    """A GUID made from `parts`: the same parts, the same GUID."""
    return str(uuid.uuid5(_SPACE, "/".join(str(part) for part in parts)))


def wire_instant(instant: datetime) -> str:
    """`/Date(ms+0000)/`."""
    return f"/Date({(instant - _EPOCH) // timedelta(milliseconds=1)}+0000)/"


def wire_day(day: date) -> str:
    """A calendar day as its midnight in UTC, as Xero writes date-only fields."""
    return wire_instant(datetime(day.year, day.month, day.day, tzinfo=UTC))


def day_text(day: date) -> str:
    """The `…String` twin of a date-only field."""
    return f"{day.isoformat()}T00:00:00"


def instant_of(text: Any) -> datetime | None:
    """The instant of a wire date; None for anything else."""
    found = re.fullmatch(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/", text) if isinstance(text, str) else None
    return None if found is None else _EPOCH + timedelta(milliseconds=int(found[1]))


def money(value: Any) -> Decimal:
    """An amount as Xero shows it: two decimals at least (unitdp concerns unit prices only)."""
    amount = Decimal(str(value))
    return amount if amount.as_tuple().exponent < -2 else amount.quantize(ZERO)  # type: ignore[operator]


def stamp(doc: Doc, now: datetime) -> None:
    """Mark a document as changed now."""
    doc["UpdatedDateUTC"] = wire_instant(now)
    if _HAS_TEXT_TWIN & doc.keys():
        doc["UpdatedDateUTCString"] = now.strftime("%Y-%m-%dT%H:%M:%SZ")


def line(total: Decimal, description: str, *, seed: str, account: str = "200") -> Doc:
    """One line without tax."""
    return {
        "Description": description,
        "UnitAmount": total,
        "TaxType": "NONE",
        "TaxAmount": ZERO,
        "LineAmount": total,
        "AccountCode": account,
        "Tracking": [],
        "Quantity": Decimal("1.0"),
        "LineItemID": guid("line", seed),
    }


def short_contact(contact: Doc) -> Doc:
    """A contact as documents of a list show it."""
    return {
        "ContactID": contact["ContactID"],
        "Name": contact["Name"],
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": False,
    }


def short_invoice(doc: Doc, kind: str, id_field: str, number: str) -> Doc:
    """The document a payment is for. Credits come back under `Invoice` too, with their own type (getPayments example CN-0005)."""
    return {
        "Type": kind,
        "InvoiceID": doc[id_field],
        "InvoiceNumber": number,
        "Payments": [],
        "CreditNotes": [],
        "Prepayments": [],
        "Overpayments": [],
        "HasErrors": False,
        "IsDiscounted": False,
        "Contact": doc["Contact"],
        "LineItems": [],
        "CurrencyCode": doc["CurrencyCode"],
    }


def short_payment(payment: Doc) -> Doc:
    """A payment as its invoice or credit shows it: neither status nor account (getInvoices example)."""
    keys = ("PaymentID", "Date", "Amount", "Reference", "CurrencyRate")
    return {**{key: payment[key] for key in keys if key in payment}, "HasAccount": False, "HasValidationErrors": False}


def new_contact(contact_id: str, name: str, **fields: Any) -> Doc:
    """A contact with nothing but a name, and whatever `fields` add."""
    return {
        "ContactID": contact_id,
        "ContactStatus": "ACTIVE",
        "Name": name,
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "IsSupplier": False,
        "IsCustomer": False,
        "HasAttachments": False,
        "HasValidationErrors": False,
        **fields,
    }


def new_invoice(invoice_id: str, contact: Doc, **fields: Any) -> Doc:
    """An approved sales invoice that nobody has paid; `fields` must bring Total, Date, DueDate and the number."""
    return {
        "Type": "ACCREC",
        "InvoiceID": invoice_id,
        "Reference": "",
        "Payments": [],
        "CreditNotes": [],
        "Prepayments": [],
        "Overpayments": [],
        "AmountDue": fields["Total"],
        "AmountPaid": ZERO,
        "AmountCredited": ZERO,
        "SentToContact": False,
        "CurrencyRate": Decimal("1.0"),
        "HasErrors": False,
        "IsDiscounted": False,
        "HasAttachments": False,
        "Contact": short_contact(contact),
        "BrandingThemeID": guid("theme", "Standard"),
        "Status": "AUTHORISED",
        "LineAmountTypes": "Exclusive",
        **fields,
    }


def new_credit(id_field: str, credit_id: str, contact: Doc, **fields: Any) -> Doc:
    """A credit note, overpayment or prepayment with everything still to use; `fields` must bring Type, Total, Date."""
    return {
        id_field: credit_id,
        "ID": credit_id,
        "Payments": [],
        "Allocations": [],
        "Reference": "",
        "CurrencyRate": Decimal("1.0"),
        "RemainingCredit": fields["Total"],
        "HasAttachments": False,
        "Contact": short_contact(contact),
        "Status": "AUTHORISED",
        "LineAmountTypes": "NoTax",
        **fields,
    }


def dated(day: date, name: str = "Date") -> Doc:
    """A date-only field with its text twin."""
    return {f"{name}String": day_text(day), name: wire_day(day)}


def envelope(now: datetime, **lists: Any) -> Doc:
    """What every answer of the Accounting API is wrapped in."""
    return {
        "Id": str(uuid.uuid4()),
        "Status": "OK",
        "ProviderName": "duesync sandbox",
        "DateTimeUTC": wire_instant(now).replace("+0000", ""),
        **lists,
    }
