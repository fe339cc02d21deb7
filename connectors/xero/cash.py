"""How Xero's cash is read so that every unit of it counts once. Pure, like mapping.py.

| Xero | here | why |
|---|---|---|
| Payment ACCRECPAYMENT | Payment, all of it allocated | it is for one invoice; what is over is an Overpayment |
| Overpayment, Prepayment received | Payment, `unapplied` = RemainingCredit | cash on no invoice yet lowers the net balance |
| …its Allocations | allocations of that Payment | they lower AmountDue and RemainingCredit together |
| Payment AR…OVERPAYMENTPAYMENT, …PREPAYMENTPAYMENT, ARCREDITPAYMENT | Refund | it has lowered RemainingCredit already |
| BankTransaction RECEIVE | Deposit, a line per account | cash coded straight to the ledger, on no invoice |
| BankTransaction that made an Overpayment or Prepayment | skipped | the Overpayment says the same, and what remains |
| SPEND…, AP…, transfers | skipped | not a client's money |

A payment is routed by its PaymentType alone: for refunds Xero names the credit under `Invoice` (Payments page; its type says
what it is), and a join on that key would call them payments of an unknown invoice. The amount of an overpayment is what we kept:
allocated plus remaining; what was given back is in the Refund.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from connectors.xero.mapping import (
    DOCUMENT_STATUS,
    Item,
    RowProblem,
    Tenant,
    allocations_of,
    changed_at,
    currency_of,
    is_suppliers,
    memo_of,
    money,
    needed_day,
    remaining_of,
    version_of,
)
from connectors.xero.rows import (
    BankTransactionRow,
    CashType,
    CreditRow,
    LineItem,
    OverpaymentRow,
    PaymentRow,
    PaymentState,
    PaymentType,
    PrepaymentRow,
    Target,
    one,
)
from core.money import Money, total
from core.records import (
    Allocation,
    Deposit,
    DepositLine,
    DocumentStatus,
    Payment,
    PaymentStatus,
    Posting,
    Ref,
    Refund,
    Stream,
    Tombstone,
)

_SUPPLIER_PAYMENTS = frozenset(
    {
        PaymentType.ACCPAYPAYMENT,
        PaymentType.APCREDITPAYMENT,
        PaymentType.APPREPAYMENTPAYMENT,
        PaymentType.APOVERPAYMENTPAYMENT,
    }
)
_REFUNDS = {
    PaymentType.ARCREDITPAYMENT: Stream.CREDIT_NOTES,
    PaymentType.AROVERPAYMENTPAYMENT: Stream.PAYMENTS,
    PaymentType.ARPREPAYMENTPAYMENT: Stream.PAYMENTS,
}
_NOT_CLIENTS = frozenset(
    {
        CashType.SPEND,
        CashType.SPEND_OVERPAYMENT,
        CashType.SPEND_PREPAYMENT,
        CashType.SPEND_TRANSFER,
        CashType.RECEIVE_TRANSFER,
        CashType.APOVERPAYMENT,
        CashType.APPREPAYMENT,
    }
)
_SAID_ELSEWHERE = frozenset({CashType.RECEIVE_OVERPAYMENT, CashType.RECEIVE_PREPAYMENT})


class _PaymentKind(msgspec.Struct):
    kind: PaymentType = msgspec.field(name="PaymentType")


def payment_type(raw: bytes) -> PaymentType:
    """The row's PaymentType; msgspec.ValidationError when it is missing or unknown."""
    return msgspec.json.decode(raw, type=_PaymentKind).kind


def read_payment(raw: bytes, tenant: Tenant) -> Iterable[Payment]:
    """A row of /Payments that is a client's payment; refunds and supplier payments are not read here."""
    if payment_type(raw) is not PaymentType.ACCRECPAYMENT:
        return
    row = msgspec.json.decode(raw, type=PaymentRow)
    invoice = one(row.invoice)
    if invoice is None or not invoice.invoice_id:
        raise RowProblem("Invoice.InvoiceID", "is missing")
    amount = money(row.amount, _currency_of(row, invoice, tenant), "Amount")
    paid_on = needed_day("Date", row.date)
    changed = changed_at(row.updated_date_utc, row.updated_date_utc_string)
    contact, account = one(invoice.contact), one(row.account)
    yield Payment(
        connection=tenant.connection,
        ref=Ref(row.payment_id),
        version=version_of(changed),
        updated_at=changed,
        party_ref=Ref(contact.contact_id) if contact else None,
        amount=amount,
        unapplied=Money.zero(amount.currency),
        paid_on=paid_on,
        status=PaymentStatus.VOID if row.status is PaymentState.DELETED else PaymentStatus.RECEIVED,
        allocations=(Allocation(invoice_ref=Ref(invoice.invoice_id), amount=amount, applied_on=paid_on),) if amount else (),
        reference=row.reference or None,
        memo=" ".join(part for part in (row.particulars, row.details) if part) or None,
        method=(account.name or None) if account else None,
        deposited=_deposited(row.is_reconciled, tenant),
    )


def _deposited(reconciled: bool | None, tenant: Tenant) -> bool | None:
    if reconciled:
        return True
    return False if tenant.expect_reconciled and reconciled is False else None


def _currency_of(row: PaymentRow, document: Target | None, tenant: Tenant) -> str:
    """A payment's Amount is in the currency of its document (Payments page)."""
    return currency_of(document.currency_code if document else None, row.currency_rate, tenant, "Invoice.CurrencyCode")


def read_refund(raw: bytes, tenant: Tenant) -> Iterable[Refund]:
    """A row of /Payments that gives money back to a client."""
    kind = payment_type(raw)
    if kind is PaymentType.ACCRECPAYMENT or kind in _SUPPLIER_PAYMENTS:
        return
    row = msgspec.json.decode(raw, type=PaymentRow)
    document = next(
        (found for key in (row.credit_note, row.overpayment, row.prepayment, row.invoice) if (found := one(key))), None
    )
    contact = one(document.contact) if document else None
    source = _id_of(document)
    changed = changed_at(row.updated_date_utc, row.updated_date_utc_string)
    yield Refund(
        connection=tenant.connection,
        ref=Ref(row.payment_id),
        version=version_of(changed),
        updated_at=changed,
        party_ref=Ref(contact.contact_id) if contact else None,
        amount=money(row.amount, _currency_of(row, document, tenant), "Amount"),
        refunded_on=needed_day("Date", row.date),
        source_stream=_REFUNDS[kind] if source else None,
        source_ref=source,
        memo=row.reference or None,
        status=DocumentStatus.VOID if row.status is PaymentState.DELETED else DocumentStatus.CLOSED,
    )


def _id_of(document: Target | None) -> Ref | None:
    """The credit a refund came from. Under `Invoice`, InvoiceID is the credit's own id."""
    if document is None:
        return None
    ids = (document.credit_note_id, document.overpayment_id, document.prepayment_id, document.invoice_id)
    return next((Ref(found) for found in ids if found), None)


def read_overpayment(raw: bytes, tenant: Tenant) -> Iterable[Payment]:
    """A row of /Overpayments: what a client paid beyond an invoice."""
    if is_suppliers(raw, _NOT_CLIENTS):
        return
    row = msgspec.json.decode(raw, type=OverpaymentRow)
    yield _held_cash(row, row.overpayment_id, row.reference, "overpayment", tenant)


def read_prepayment(raw: bytes, tenant: Tenant) -> Iterable[Payment]:
    """A row of /Prepayments: what a client paid before there was an invoice. It has its own number."""
    if is_suppliers(raw, _NOT_CLIENTS):
        return
    row = msgspec.json.decode(raw, type=PrepaymentRow)
    yield _held_cash(row, row.prepayment_id, row.reference or row.invoice_number, "prepayment", tenant)


def _held_cash(row: CreditRow, ref: str, reference: str | None, kind: str, tenant: Tenant) -> Payment:
    currency = currency_of(row.currency_code, row.currency_rate, tenant)
    applied = allocations_of(row.allocations, currency)
    remaining = remaining_of(row, currency, applied)
    kept = total((item.amount for item in applied), currency) + remaining
    void = DOCUMENT_STATUS[row.status] is DocumentStatus.VOID
    changed = changed_at(row.updated_date_utc, row.updated_date_utc_string)
    return Payment(
        connection=tenant.connection,
        ref=Ref(ref),
        version=version_of(changed),
        updated_at=changed,
        party_ref=Ref(row.contact.contact_id),
        amount=kept,
        unapplied=remaining,
        paid_on=needed_day("Date", row.date, row.date_string),
        status=PaymentStatus.VOID if void else PaymentStatus.RECEIVED,
        allocations=applied,
        reference=reference or None,
        memo=memo_of(row.line_items) or kind,
    )


def read_deposit(raw: bytes, tenant: Tenant) -> Iterable[Item]:
    """A row of /BankTransactions that brought money in; deleted ones are tombstones, for a deposit has no status."""
    if is_suppliers(raw, _NOT_CLIENTS | _SAID_ELSEWHERE):
        return
    row = msgspec.json.decode(raw, type=BankTransactionRow)
    if row.overpayment_id or row.prepayment_id:
        return
    ref = Ref(row.bank_transaction_id)
    changed = changed_at(row.updated_date_utc)
    if DOCUMENT_STATUS[row.status] is DocumentStatus.VOID:
        yield Tombstone(stream=Stream.DEPOSITS, ref=ref, deleted_at=changed)
        return
    currency = currency_of(row.currency_code, None, tenant)
    yield Deposit(
        connection=tenant.connection,
        ref=ref,
        version=version_of(changed),
        updated_at=changed,
        amount=money(row.total, currency, "Total"),
        deposited_on=needed_day("Date", row.date, row.date_string),
        lines=tuple(_deposit_lines(row, currency, tenant)),
        memo=row.reference or None,
    )


def _deposit_lines(row: BankTransactionRow, currency: str, tenant: Tenant) -> Iterable[DepositLine]:
    contact = one(row.contact)
    party = Ref(contact.contact_id) if contact else None
    if not row.line_items:
        yield DepositLine(
            amount=money(row.total, currency, "Total"), posting=Posting.OTHER, party_ref=party, memo=row.reference or None
        )
    for index, line in enumerate(row.line_items or ()):
        yield DepositLine(
            amount=_with_tax(line, row.line_amount_types, currency, f"LineItems[{index}].LineAmount"),
            posting=posting_of(tenant.account_class.get(line.account_code or "")),
            posted_to=line.account_code or None,
            party_ref=party,
            memo=line.description or None,
        )


def _with_tax(line: LineItem, amounts: str | None, currency: str, where: str) -> Money:
    """The line as the client paid it, so that it compares with an invoice's total."""
    amount = money(line.line_amount, currency, where)
    if amounts == "Exclusive" and line.tax_amount is not None:
        amount += money(line.tax_amount, currency, where.replace("LineAmount", "TaxAmount"))
    return amount


def posting_of(account_class: str | None) -> Posting:
    """The side of the books a ledger account stands for (Accounts page: Class REVENUE; SystemAccount DEBTORS)."""
    return {"REVENUE": Posting.INCOME, "DEBTORS": Posting.RECEIVABLE}.get(account_class or "", Posting.OTHER)
