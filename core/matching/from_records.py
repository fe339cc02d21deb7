"""Invoices and payments of a connection as matching sees them.

Ids are the records' keys ("books/invoices/145"), so they stay unique over connections.
"""

from __future__ import annotations

from core.matching.values import IncomingPayment, OpenInvoice
from core.records import DocumentStatus, Invoice, Payment, PaymentStatus, key_of


def open_invoice(invoice: Invoice, *, party: str, account: str | None) -> OpenInvoice | None:
    """What `invoice` still wants from the client named `party` (account id `account`); None where it wants nothing."""
    if invoice.status is not DocumentStatus.OPEN or invoice.open.minor <= 0:
        return None
    return OpenInvoice(
        id=str(key_of(invoice)),
        open=invoice.open,
        party=party,
        number=invoice.number,
        reference=invoice.reference,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        client=account,
    )


def incoming_payment(payment: Payment, *, account: str | None) -> IncomingPayment | None:
    """The money of `payment` that nobody applied yet; None for none, or if it came back. `account`: its client, if known."""
    if payment.status is not PaymentStatus.RECEIVED or payment.unapplied.minor <= 0:
        return None
    memo = " ".join(part for part in (payment.reference, payment.memo) if part)
    return IncomingPayment(
        id=str(key_of(payment)),
        amount=payment.unapplied,
        payer=payment.payer or "",
        account=payment.payer_account or "",
        memo=memo,
        paid_on=payment.paid_on,
        client=account,
    )
