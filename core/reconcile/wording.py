"""Proposals in the words of the vendor whose screen the bookkeeper will open. Nothing here decides anything.

QuickBooks: its support pages say edit or delete the payment and receive it again, deposits first (vendors/quickbooks.md
section 3). Xero: "Remove & Redo" a payment, "Allocate credit" (vendors/xero.md section 3). ConnectWise: closed invoices
cannot be edited.
"""

from __future__ import annotations

_WHERE = {
    "quickbooks": "In QuickBooks",
    "xero": "In Xero",
    "connectwise": "In ConnectWise",
}


def where(system: str) -> str:
    """The opening of a sentence: "In QuickBooks"."""
    return _WHERE.get(system, "In your books")


def void_invoice(system: str, copy: str, kept: str) -> str:
    """Get rid of an invoice entered twice."""
    if system == "connectwise":
        return (
            f"In ConnectWise: if invoice {copy} bills the same work as {kept}, raise a credit memo for it; closed invoices stay."
        )
    verb = {"xero": "void it (Invoice options > Void)", "quickbooks": "open it and choose More > Void"}.get(system, "void it")
    return f"{where(system)}: compare invoice {copy} with {kept}; if they bill the same work, {verb}."


def delete_payment(system: str, copy: str, kept: str) -> str:
    """Get rid of a payment entered twice, or give the money back if it really came twice."""
    verb = {"xero": "Remove & Redo it", "quickbooks": "delete it (taken out of its bank deposit first)"}.get(system, "delete it")
    return (
        f"{where(system)}: look for payment {copy} on the bank statement. If the money came once, it repeats payment {kept}: "
        f"{verb}. If it came twice, refund it or keep it as a credit with the client's word."
    )


def move_payment(system: str, payment: str, wrong: str, right: str) -> str:
    """Take a payment off one invoice and put it on another."""
    steps = {
        "quickbooks": f"open payment {payment}, untick invoice {wrong}, tick {right}, save",
        "xero": f"Remove & Redo payment {payment} on invoice {wrong} and receive it on {right}",
    }.get(system, f"unapply payment {payment} from invoice {wrong} and apply it to {right}")
    return f"{where(system)}: {steps}. The client named {right}."


def move_to_party(system: str, payment: str, name: str, invoice: str | None) -> str:
    """Give a payment to the client it belongs to. Never done without a person (E41)."""
    onto = f" and apply it to invoice {invoice}" if invoice else ""
    steps = {
        "quickbooks": f"open payment {payment}, change Customer to {name}{onto}",
        "xero": f"Remove & Redo payment {payment} under the contact {name}{onto}",
    }.get(system, f"move payment {payment} to {name}{onto}")
    return f"{where(system)}: check who sent the money; if it was {name}, {steps}."


def apply_payment(system: str, payment: str, amount: str, invoices: str) -> str:
    """Apply cash that nobody applied."""
    if not invoices:
        return (
            f"{where(system)}: payment {payment} has {amount} unapplied and fits no open invoice: ask the client what it is for."
        )
    steps = {
        "quickbooks": f"open payment {payment} and tick invoice {invoices}",
        "xero": f"open the overpayment or prepayment {payment} and Allocate credit to {invoices}",
    }.get(system, f"apply payment {payment} to invoice {invoices}")
    return f"{where(system)}: {steps} ({amount} unapplied)."


def apply_credit(system: str, note: str, amount: str, invoices: str) -> str:
    """Use up a credit note."""
    if not invoices:
        return (
            f"{where(system)}: credit note {note} has {amount} left, nothing is open: refund it or keep it for the next invoice."
        )
    steps = {
        "quickbooks": f"Receive payment for the customer with amount 0, tick invoice {invoices} and credit memo {note}",
        "xero": f"open credit note {note} and Allocate credit to {invoices}",
        "connectwise": f"open credit memo {note} and apply it to {invoices} by hand; the API cannot",
    }.get(system, f"apply credit note {note} to invoice {invoices}")
    return f"{where(system)}: {steps} ({amount} left)."


def return_excess(system: str, payment: str, amount: str) -> str:
    """Give back, or keep as a credit, what was paid beyond what was owed."""
    return (
        f"{where(system)}: payment {payment} is {amount} more than was owed. Refund it or keep it as a credit; tell the client."
    )


def settle_residue(system: str, invoice: str, amount: str) -> str:
    """Close an invoice that was paid but for a small remainder."""
    verb = {
        "quickbooks": "add a discount line or receive the rest",
        "xero": "write it off with a credit note or receive the rest",
    }.get(system, "write it off or ask for the rest")
    return f"{where(system)}: invoice {invoice} is {amount} short. If it is a bank fee, a discount or rounding, {verb}."


def income_to_receivable(system: str, deposit: str, invoices: str) -> str:
    """Book money that went to income against the invoice it pays; the reconciled deposit itself stays as it is (E2)."""
    steps = {
        "quickbooks": f"leave deposit {deposit} as it is; make a journal entry that debits the account it went to and credits "
        f"Accounts Receivable for the customer, then receive payment on invoice {invoices} with that credit",
        "xero": f"leave the receive-money transaction {deposit} as it is; raise a credit note of its amount for the contact, "
        f"coded to the account and tax rate it went to, and allocate it to invoice {invoices}",
    }.get(system, f"leave {deposit} as it is; book its amount from income to receivables and apply it to invoice {invoices}")
    return f"{where(system)}: {steps}. Do not remind the client meanwhile."


def reapply_from_void(system: str, source: str, invoice: str) -> str:
    """Take money off a void invoice."""
    return f"{where(system)}: {source} is applied to void invoice {invoice}. Unapply it and apply it to what the client owes."


def reopen_invoice(system: str, payment: str, invoice: str) -> str:
    """Make an invoice owed again whose payment did not stand."""
    return (
        f"{where(system)}: payment {payment} did not stand. Remove it from invoice {invoice}, so that the invoice is owed again."
    )


def recheck(system: str, record: str) -> str:
    """Look up what changed a figure."""
    return f"{where(system)}: open {record} and its transaction history; something changed without the other side."


def deposit_it(system: str, payment: str) -> str:
    """Cash that no bank deposit shows."""
    if system == "quickbooks":
        return f"In QuickBooks: Bank deposit: tick payment {payment} if the bank shows it; else it may never have arrived."
    return (
        f"{where(system)}: find payment {payment} on the bank statement and record its deposit; else it may never have arrived."
    )


def record_payment(system: str, invoice: str, amount: str, day: str) -> str:
    """Tell the PSA of a payment that only the books know."""
    return f"{where(system)}: record {amount} on invoice {invoice}, paid on {day}."
