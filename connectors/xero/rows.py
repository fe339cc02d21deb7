"""The rows of Xero's Accounting API as far as duesync reads them: field names, types and closed lists of values.

Names and enumerations are those of the vendor's OpenAPI 16.1.0. Unknown fields are ignored (the raw row is kept beside the
record); an unknown value of an enumeration is an error of that row. Amounts become Decimal from the digits as written. Where Xero
may answer `[]` for a null object (Payments page: "an empty array does not necessarily indicate…") the type says so and `one`
undoes it.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

_UPPER = {"id": "ID", "utc": "UTC"}
T = TypeVar("T")


def _vendor_name(name: str) -> str:
    """`updated_date_utc` is `UpdatedDateUTC` on the wire."""
    return "".join(_UPPER.get(part, part.capitalize()) for part in name.split("_"))


def one(value: T | list[Any] | None) -> T | None:
    """The object, or None where Xero wrote null or `[]`."""
    return None if isinstance(value, list) else value


class Row(msgspec.Struct, rename=_vendor_name):
    """Base of every row: fields in snake_case here, in Xero's spelling on the wire."""


class Status(StrEnum):
    """States of invoices, credit notes, overpayments, prepayments, bank transactions and repeating invoices."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    AUTHORISED = "AUTHORISED"
    PAID = "PAID"
    VOIDED = "VOIDED"
    DELETED = "DELETED"


class PaymentState(StrEnum):
    """States of a payment: there are only two, an edit in Xero deletes and creates."""

    AUTHORISED = "AUTHORISED"
    DELETED = "DELETED"


class InvoiceType(StrEnum):
    """What a row of /Invoices is; only ACCREC is a client's."""

    ACCREC = "ACCREC"
    ACCPAY = "ACCPAY"


class CreditNoteType(StrEnum):
    """What a row of /CreditNotes is; only ACCRECCREDIT is a client's."""

    ACCRECCREDIT = "ACCRECCREDIT"
    ACCPAYCREDIT = "ACCPAYCREDIT"


class PaymentType(StrEnum):
    """What a row of /Payments is: cash in, or money given back, on the client's or the supplier's side."""

    ACCRECPAYMENT = "ACCRECPAYMENT"
    ACCPAYPAYMENT = "ACCPAYPAYMENT"
    ARCREDITPAYMENT = "ARCREDITPAYMENT"
    APCREDITPAYMENT = "APCREDITPAYMENT"
    AROVERPAYMENTPAYMENT = "AROVERPAYMENTPAYMENT"
    ARPREPAYMENTPAYMENT = "ARPREPAYMENTPAYMENT"
    APPREPAYMENTPAYMENT = "APPREPAYMENTPAYMENT"
    APOVERPAYMENTPAYMENT = "APOVERPAYMENTPAYMENT"


class CashType(StrEnum):
    """What a row of /Overpayments, /Prepayments or /BankTransactions is; those with RECEIVE or AR come from clients."""

    RECEIVE = "RECEIVE"
    RECEIVE_OVERPAYMENT = "RECEIVE-OVERPAYMENT"
    RECEIVE_PREPAYMENT = "RECEIVE-PREPAYMENT"
    RECEIVE_TRANSFER = "RECEIVE-TRANSFER"
    SPEND = "SPEND"
    SPEND_OVERPAYMENT = "SPEND-OVERPAYMENT"
    SPEND_PREPAYMENT = "SPEND-PREPAYMENT"
    SPEND_TRANSFER = "SPEND-TRANSFER"
    AROVERPAYMENT = "AROVERPAYMENT"
    APOVERPAYMENT = "APOVERPAYMENT"
    ARPREPAYMENT = "ARPREPAYMENT"
    APPREPAYMENT = "APPREPAYMENT"


class ContactRef(Row):
    """The contact a document names. Lists give id and name, single documents more."""

    contact_id: str
    name: str | None = None
    email_address: str | None = None


class LineItem(Row):
    """One line of a document. LineAmount excludes the tax when the document's LineAmountTypes is Exclusive."""

    description: str | None = None
    line_amount: Decimal | None = None
    tax_amount: Decimal | None = None
    account_code: str | None = None


class InvoiceRow(Row):
    """A row of /Invoices."""

    invoice_id: str
    type: InvoiceType
    status: Status
    contact: ContactRef
    total: Decimal
    currency_code: str | None = None
    currency_rate: Decimal | None = None
    amount_due: Decimal | None = None
    amount_paid: Decimal | None = None
    amount_credited: Decimal | None = None
    invoice_number: str | None = None
    reference: str | None = None
    date: str | None = None
    date_string: str | None = None
    due_date: str | None = None
    due_date_string: str | None = None
    expected_payment_date: str | None = None
    planned_payment_date: str | None = None
    sent_to_contact: bool | None = None
    repeating_invoice_id: str | None = None
    line_items: list[LineItem] | None = None
    updated_date_utc: str | None = None
    updated_date_utc_string: str | None = msgspec.field(default=None, name="UpdatedDateUTCString")


class Target(Row):
    """The document a payment or allocation names. Which of the ids is set depends on the place it stands in."""

    invoice_id: str | None = None
    credit_note_id: str | None = None
    overpayment_id: str | None = None
    prepayment_id: str | None = None
    currency_code: str | None = None
    contact: ContactRef | list[Any] | None = None


class AllocationRow(Row):
    """A part of a credit note, overpayment or prepayment applied to an invoice."""

    amount: Decimal
    invoice: Target
    allocation_id: str | None = None
    date: str | None = None
    is_deleted: bool = False


class NestedPayment(Row):
    """A payment as a document shows it: here only money given back on a credit."""

    amount: Decimal
    payment_id: str | None = None


class CreditRow(Row):
    """What credit notes, overpayments and prepayments share."""

    status: Status
    contact: ContactRef
    total: Decimal
    remaining_credit: Decimal | None = None
    reference: str | None = None
    date: str | None = None
    date_string: str | None = None
    currency_code: str | None = None
    currency_rate: Decimal | None = None
    allocations: list[AllocationRow] | None = None
    payments: list[NestedPayment] | None = None
    line_items: list[LineItem] | None = None
    updated_date_utc: str | None = None
    updated_date_utc_string: str | None = msgspec.field(default=None, name="UpdatedDateUTCString")


class CreditNoteRow(CreditRow, kw_only=True):
    """A row of /CreditNotes."""

    credit_note_id: str
    type: CreditNoteType
    credit_note_number: str | None = None


class OverpaymentRow(CreditRow, kw_only=True):
    """A row of /Overpayments."""

    overpayment_id: str
    type: CashType


class PrepaymentRow(CreditRow, kw_only=True):
    """A row of /Prepayments."""

    prepayment_id: str
    type: CashType
    invoice_number: str | None = None


class AccountRef(Row):
    """The bank or clearing account a payment went to."""

    account_id: str | None = None
    code: str | None = None
    name: str | None = None


class PaymentRow(Row):
    """A row of /Payments."""

    payment_id: str
    payment_type: PaymentType
    status: PaymentState
    amount: Decimal
    date: str
    currency_rate: Decimal | None = None
    reference: str | None = None
    particulars: str | None = None
    details: str | None = None
    is_reconciled: bool | None = None
    account: AccountRef | list[Any] | None = None
    invoice: Target | list[Any] | None = None
    credit_note: Target | list[Any] | None = None
    overpayment: Target | list[Any] | None = None
    prepayment: Target | list[Any] | None = None
    updated_date_utc: str | None = None
    updated_date_utc_string: str | None = msgspec.field(default=None, name="UpdatedDateUTCString")


class BankTransactionRow(Row):
    """A row of /BankTransactions."""

    bank_transaction_id: str
    type: CashType
    status: Status
    total: Decimal
    date: str | None = None
    date_string: str | None = None
    contact: ContactRef | list[Any] | None = None
    currency_code: str | None = None
    line_amount_types: str | None = None
    reference: str | None = None
    overpayment_id: str | None = None
    prepayment_id: str | None = None
    line_items: list[LineItem] | None = None
    updated_date_utc: str | None = None


class Phone(Row):
    """One of a contact's numbers."""

    phone_type: str | None = None
    phone_number: str | None = None
    phone_area_code: str | None = None
    phone_country_code: str | None = None


class Address(Row):
    """One of a contact's addresses."""

    address_type: str | None = None
    region: str | None = None
    country: str | None = None


class Person(Row):
    """A further person at a contact. Xero gives people no id."""

    first_name: str | None = None
    last_name: str | None = None
    email_address: str | None = None
    include_in_emails: bool | None = None


class ContactStatus(StrEnum):
    """States of a contact. A merged one is ARCHIVED and names the winner."""

    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
    GDPRREQUEST = "GDPRREQUEST"


class ContactRow(Row):
    """A row of /Contacts."""

    contact_id: str
    name: str
    contact_status: ContactStatus = ContactStatus.ACTIVE
    contact_number: str | None = None
    account_number: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email_address: str | None = None
    default_currency: str | None = None
    is_supplier: bool | None = None
    is_customer: bool | None = None
    merged_to_contact_id: str | None = None
    contact_persons: list[Person] | None = None
    addresses: list[Address] | None = None
    phones: list[Phone] | None = None
    updated_date_utc: str | None = None


class RepeatStatus(StrEnum):
    """States of a repeating invoice; only AUTHORISED ones go out."""

    DRAFT = "DRAFT"
    AUTHORISED = "AUTHORISED"
    DELETED = "DELETED"


class Schedule(Row):
    """When a repeating invoice is made. `due_date` is a day of the month or a number of days, not a date."""

    period: int | None = None
    unit: str | None = None
    due_date: int | None = None
    due_date_type: str | None = None
    start_date: str | None = None
    next_scheduled_date: str | None = None
    end_date: str | None = None


class RepeatingInvoiceRow(Row):
    """A row of /RepeatingInvoices."""

    repeating_invoice_id: str
    type: InvoiceType
    contact: ContactRef
    status: RepeatStatus = RepeatStatus.AUTHORISED
    schedule: Schedule | list[Any] | None = None
    reference: str | None = None
    total: Decimal | None = None
    currency_code: str | None = None
    line_items: list[LineItem] | None = None
