"""Which lists of Xero make up a stream, and how their rows are read. Pure data.

Cash that is on no invoice yet is in two lists of its own, so `payments` has three. Two streams may share a list: the people of a
contact come with it, and refunds stand among the payments. The list shared with the next stream comes last (XeroApi.list_page).
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.xero import cash, clients, mapping
from connectors.xero.mapping import Reader
from core.records import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One list. `paged` false comes whole in one answer; `changes` false takes no If-Modified-Since.

    `dated`: Xero reads a range of its Date quickly, so that a list too long for one go can be read in windows.
    """

    table: str
    id_field: str
    reader: Reader
    paged: bool = True
    changes: bool = True
    dated: bool = False
    params: tuple[tuple[str, str], ...] = ()


_CONTACTS = (("includeArchived", "true"),)  # merged and archived contacts still own documents

SOURCES: dict[Stream, tuple[Source, ...]] = {
    Stream.PARTIES: (Source(table="Contacts", id_field="ContactID", reader=clients.read_party, params=_CONTACTS),),
    Stream.CONTACTS: (Source(table="Contacts", id_field="ContactID", reader=clients.read_people, params=_CONTACTS),),
    Stream.INVOICES: (Source(table="Invoices", id_field="InvoiceID", reader=mapping.read_invoice, dated=True),),
    Stream.CREDIT_NOTES: (Source(table="CreditNotes", id_field="CreditNoteID", reader=mapping.read_credit_note, dated=True),),
    Stream.PAYMENTS: (
        Source(table="Overpayments", id_field="OverpaymentID", reader=cash.read_overpayment),
        Source(table="Prepayments", id_field="PrepaymentID", reader=cash.read_prepayment),
        Source(table="Payments", id_field="PaymentID", reader=cash.read_payment, dated=True),
    ),
    Stream.REFUNDS: (Source(table="Payments", id_field="PaymentID", reader=cash.read_refund, dated=True),),
    Stream.DEPOSITS: (Source(table="BankTransactions", id_field="BankTransactionID", reader=cash.read_deposit, dated=True),),
    Stream.AGREEMENTS: (
        Source(
            table="RepeatingInvoices", id_field="RepeatingInvoiceID", reader=mapping.read_agreement, paged=False, changes=False
        ),
    ),
}
