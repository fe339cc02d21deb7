"""From QuickBooks' objects to our records. Decides what is void, paid, a link or cash; knows no transport and no clock.

Sources: Intuit's API reference for each entity; the rules no page states were checked on a recorded company (37 of 37 invoices,
20 of 20 payments). A row that cannot be read raises `Unreadable` with the path of its field; `read` turns that into `Malformed`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.quickbooks.applications import Applications, read_applications
from connectors.quickbooks.ledger import Company, adjustments, changed_at, currency_of, deposit, is_void, purchases, version_of
from connectors.quickbooks.reading import Row, Unreadable
from core.money import Money
from core.records import (
    CreditNote,
    DocumentStatus,
    Invoice,
    Malformed,
    Party,
    Payment,
    PaymentStatus,
    Posting,
    Record,
    Ref,
    Refund,
    Sale,
    Stream,
)
from core.unread import calling_itself

ENTITIES: Mapping[Stream, str] = {
    Stream.PARTIES: "Customer",
    Stream.INVOICES: "Invoice",
    Stream.CREDIT_NOTES: "CreditMemo",
    Stream.PAYMENTS: "Payment",
    Stream.DEPOSITS: "Deposit",
    Stream.ADJUSTMENTS: "JournalEntry",
    Stream.SALES: "SalesReceipt",
    Stream.REFUNDS: "RefundReceipt",
}
PURCHASE = "Purchase"  # cheques, expenses and card credits
BESIDE: Mapping[Stream, str] = {Stream.ADJUSTMENTS: PURCHASE}  # those on the receivable account are adjustments too
_DELETED = " (deleted)"  # appended by QuickBooks to the name of a deactivated object
_COUNTRIES = {"USA": "US", "UNITED STATES": "US", "CANADA": "CA", "UNITED KINGDOM": "GB", "UK": "GB", "AUSTRALIA": "AU"}


def _document_status(row: Row, total: Money, left: Money) -> DocumentStatus:
    if is_void(row, total):
        return DocumentStatus.VOID
    return DocumentStatus.OPEN if left else DocumentStatus.CLOSED


def _sent(row: Row) -> bool | None:
    status = (row.find_text("EmailStatus") or "").replace("_", "").lower()
    if status not in ("", "notset", "needtosend", "emailsent"):
        raise row.fail("EmailStatus", f"{row.find_text('EmailStatus')!r} is not a status QuickBooks documents")
    return status == "emailsent" if status else None


def party(row: Row, company: Company) -> Party:
    """A customer, sub-customer or project. The name a deactivated one had comes without QuickBooks' mark."""
    active = row.find_flag("Active") is not False
    name = row.text("DisplayName")
    address = row.find_row("BillAddr")
    currency = currency_of(row, company)
    parent = row.find_ref("ParentRef")
    tags = (("BillWithParent", "bill_with_parent"), ("IsProject", "project"), ("Job", "job"))
    return Party(
        connection=company.connection,
        ref=Ref(row.text("Id")),
        version=version_of(row),
        updated_at=changed_at(row),
        name=name if active else name.removesuffix(_DELETED),
        legal_name=row.find_text("CompanyName"),
        email=row.find_in("PrimaryEmailAddr", "Address"),
        phone=row.find_in("PrimaryPhone", "FreeFormNumber"),
        currency=currency,
        country=_country(address.find_text("Country") if address else None),
        region=address.find_text("CountrySubDivisionCode") if address else None,
        active=active,
        parent_ref=Ref(parent) if parent else None,
        balance=row.find_amount("Balance", currency),
        tags=tuple(tag for key, tag in tags if row.find_flag(key)),
    )


def _country(text: str | None) -> str | None:
    """The ISO code where the free text is one or a name QuickBooks itself fills in; None otherwise."""
    if text is None:
        return None
    upper = text.upper()
    return _COUNTRIES.get(upper) or (upper if len(upper) == 2 and upper.isalpha() else None)


def invoice(row: Row, company: Company) -> Invoice:
    """`Balance` 0 is paid, void or nothing to pay; there is no field that says which (API reference, Invoice)."""
    currency = currency_of(row, company)
    total, left = row.amount("TotalAmt", currency), row.amount("Balance", currency)
    prepaid = row.find_amount("Deposit", currency)
    return Invoice(
        connection=company.connection,
        ref=Ref(row.text("Id")),
        version=version_of(row),
        updated_at=changed_at(row),
        party_ref=Ref(row.ref("CustomerRef")),
        number=row.find_text("DocNumber"),
        reference=_purchase_order(row),
        total=total,
        open=left,
        issued_on=row.day("TxnDate"),
        due_on=row.find_day("DueDate"),
        status=_document_status(row, total, left),
        prepaid=prepaid or None,
        memo=row.find_text("PrivateNote"),
        sent=_sent(row),
        bill_email=row.find_in("BillEmail", "Address"),
        pay_link=row.find_text("InvoiceLink"),
    )


def _purchase_order(row: Row) -> str | None:
    """The client's own order number, which companies keep in a custom field of that name; there is no field for it."""
    for item in row.rows("CustomField"):
        name = "".join(char for char in (item.find_text("Name") or "").lower() if char.isalnum())
        if name in ("po", "ponumber", "pono", "purchaseorder", "purchaseordernumber", "customerpo"):
            return item.find_text("StringValue")
    return None


def credit_note(row: Row, company: Company) -> CreditNote:
    """`RemainingCredit` is what is left. Where it went stands only on payments (a TotalAmt-0 payment links it to invoices)."""
    currency = currency_of(row, company)
    total = row.amount("TotalAmt", currency)
    left = row.find_amount("RemainingCredit", currency)
    left = left if left is not None else row.amount("Balance", currency)
    return CreditNote(
        connection=company.connection,
        ref=Ref(row.text("Id")),
        version=version_of(row),
        updated_at=changed_at(row),
        party_ref=Ref(row.ref("CustomerRef")),
        number=row.find_text("DocNumber"),
        reference=_purchase_order(row),
        total=total,
        remaining=left,
        issued_on=row.day("TxnDate"),
        status=_document_status(row, total, left),
        memo=row.find_text("PrivateNote"),
    )


def payment(row: Row, company: Company) -> Payment:
    """Cash, or with TotalAmt 0 a link that carries credits to invoices. Identity: TotalAmt = charges - credits + UnappliedAmt.

    A day in the future is left as it stands: nothing changes at QuickBooks when it comes, so whoever asks compares it with today.
    """
    currency = currency_of(row, company)
    total = row.amount("TotalAmt", currency)
    unapplied = row.find_amount("UnappliedAmt", currency) or Money.zero(currency)
    applied: Applications = read_applications(row, total=total, unapplied=unapplied)
    party_ref = row.find_ref("CustomerRef")
    method = row.find_row("PaymentMethodRef")
    return Payment(
        connection=company.connection,
        ref=Ref(row.text("Id")),
        version=version_of(row),
        updated_at=changed_at(row),
        party_ref=Ref(party_ref) if party_ref else None,
        amount=total,
        unapplied=unapplied,
        paid_on=row.day("TxnDate"),
        status=PaymentStatus.VOID if is_void(row, total) and not applied else PaymentStatus.RECEIVED,
        allocations=applied.allocations,
        credits_used=applied.credits_used,
        reference=row.find_text("PaymentRefNum"),
        memo=row.find_text("PrivateNote"),
        method=method.find_text("name") if method else None,
        deposited=_deposited(row, company) if total else None,
    )


def _deposited(row: Row, company: Company) -> bool | None:
    """In the bank when a deposit holds it or it went straight to a bank account; None when the account is not known."""
    if any(link.find_text("TxnType") == "Deposit" for link in row.rows("LinkedTxn")):
        return True
    account = company.accounts.get(row.find_ref("DepositToAccountRef") or "")
    if account is None:
        return None
    return account.posting is not Posting.UNDEPOSITED


def sale(row: Row, company: Company) -> Sale:
    """A sales receipt: sold and paid at once. `Balance` is 0 whatever happened."""
    currency = currency_of(row, company)
    total = row.amount("TotalAmt", currency)
    customer = row.find_ref("CustomerRef")
    return Sale(
        connection=company.connection,
        ref=Ref(row.text("Id")),
        version=version_of(row),
        updated_at=changed_at(row),
        party_ref=Ref(customer) if customer else None,
        number=row.find_text("DocNumber"),
        amount=total,
        sold_on=row.day("TxnDate"),
        posted_to=row.find_in("DepositToAccountRef", "name"),
        memo=row.find_text("PrivateNote") or row.find_in("CustomerMemo", "value"),
        status=DocumentStatus.VOID if is_void(row, total) else DocumentStatus.CLOSED,
    )


def refund(row: Row, company: Company) -> Refund:
    """A refund receipt. It names no credit or payment it came from, and consumes none (API reference, RefundReceipt)."""
    currency = currency_of(row, company)
    total = row.amount("TotalAmt", currency)
    customer = row.find_ref("CustomerRef")
    return Refund(
        connection=company.connection,
        ref=Ref(row.text("Id")),
        version=version_of(row),
        updated_at=changed_at(row),
        party_ref=Ref(customer) if customer else None,
        amount=total,
        refunded_on=row.day("TxnDate"),
        memo=row.find_text("PrivateNote") or row.find_in("CustomerMemo", "value"),
        status=DocumentStatus.VOID if is_void(row, total) else DocumentStatus.CLOSED,
    )


_Reader = Callable[[Row, Company], Record]
_READERS: Mapping[Stream, _Reader] = {
    Stream.PARTIES: party,
    Stream.INVOICES: invoice,
    Stream.CREDIT_NOTES: credit_note,
    Stream.PAYMENTS: payment,
    Stream.DEPOSITS: deposit,
    Stream.SALES: sale,
    Stream.REFUNDS: refund,
}


def read(stream: Stream, row: Row, company: Company, entity: str | None = None) -> tuple[Record, ...] | Malformed:
    """The records of one row (several only for adjustments), or what is wrong with it. Raises nothing.

    `entity` says what QuickBooks calls the row where its stream holds two kinds.
    """
    try:
        if entity == PURCHASE:
            return purchases(row, company)
        if stream is Stream.ADJUSTMENTS:
            return adjustments(row, company)
        return (_READERS[stream](row, company),)
    except Unreadable as error:
        number = _find_text(row, "DocNumber") if stream is Stream.INVOICES else None
        problem = calling_itself(error.problem, number=number, client=_find_client(row))
        return Malformed(stream=stream, ref=_ref(row), where=error.where, problem=problem)


def _ref(row: Row) -> Ref | None:
    ref = _find_text(row, "Id")
    return Ref(ref) if ref else None


def _find_client(row: Row) -> str | None:
    try:
        return row.find_ref("CustomerRef")
    except Unreadable:
        return None


def _find_text(row: Row, key: str) -> str | None:
    try:
        return row.find_text(key)
    except Unreadable:
        return None
