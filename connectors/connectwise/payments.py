"""The payments below an invoice, in duesync's words. Pure.

ConnectWise keeps no payment apart from its invoice, so there is no unapplied cash, and a payment over two invoices is two. A line
that names a credit memo moves that memo's money and is no cash (brief 2.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.connectwise import rows
from connectors.connectwise.mapping import Reading, Rows, currency_of, find_payer, kept, payer_of
from connectors.connectwise.rows import Row, Unreadable
from core.money import Money
from core.records import Allocation, CreditUse, Entry, Malformed, Payment, Ref, Stream
from core.unread import calling_itself


def payment_ref(invoice: int, payment: int) -> Ref:
    """Payments are read below their invoice, so their ref names both: "2-9001"."""
    return Ref(f"{invoice}-{payment}")


def split_payment_ref(ref: Ref) -> tuple[int, int] | None:
    """(invoice, payment) of a ref; None when it is none of ours."""
    match = re.fullmatch(r"([0-9]{1,12})-([0-9]{1,12})", ref)
    return (int(match[1]), int(match[2])) if match else None


def read_payments(invoice: Row, found: Iterable[Any], using: Reading) -> Rows:
    """The payments of one invoice row."""
    entries: list[Entry] = []
    malformed: list[Malformed] = []
    number = rows.get_id(invoice, "id")
    for place, row in enumerate(found):
        where = f"finance/invoices/{number}/payments[{place}]"
        ref = None
        try:
            if not isinstance(row, Mapping):
                raise Unreadable("", "is not an object")
            ref = payment_ref(number, rows.get_id(row, "id"))
            entries.append(Entry(record=_payment(invoice, row, using), raw=rows.encode(row)))
        except Unreadable as error:
            path = f"{where}.{error.where}".rstrip(".")
            problem = calling_itself(error.problem, client=find_payer(invoice))
            malformed.append(Malformed(stream=Stream.PAYMENTS, ref=ref, where=path, problem=problem))
    return Rows(tuple(entries), tuple(malformed), ())


def _payment(invoice: Row, row: Row, using: Reading) -> Payment:
    """One payment line. A line with `credit` moves a credit memo's money: a link, not cash. Negative lines are not documented."""
    currency = currency_of(invoice, using)
    amount = rows.get_money(row, "amount", currency)
    if amount.minor < 0:
        raise Unreadable("amount", "is negative, which ConnectWise does not document")
    number = rows.get_id(invoice, "id")
    paid_on = rows.get_day(row, "paymentDate", using.zone)
    credit = rows.find_ref(row, "credit.id")
    common = kept(row, using)
    common["ref"] = payment_ref(number, rows.get_id(row, "id"))
    used = CreditUse(stream=Stream.CREDIT_NOTES, ref=credit, amount=amount) if credit else None
    allocation = Allocation(invoice_ref=Ref(str(number)), amount=amount, applied_on=paid_on)
    return Payment(
        **common,
        party_ref=payer_of(invoice),
        amount=Money.zero(currency) if used else amount,
        unapplied=Money.zero(currency),
        paid_on=paid_on,
        allocations=(allocation,) if amount else (),
        credits_used=(used,) if used and amount else (),
        reference=rows.text(row, "wisePayPayment.wisePayReference"),
        method=rows.text(row, "type"),
        payer_account=rows.text(row, "paymentAccount"),
    )
