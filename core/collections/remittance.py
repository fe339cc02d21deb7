"""An agency's remittance: read, checked to the cent, matched with the payment in the books, and proposed there, never posted.

Gross is what the client paid the agency, fee what it keeps, net what comes to us; gross - fee = net or it is told. The residual
is what stays open of the claim after everything collected so far (product notes A29, A82-A88).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from core.collections.case import Case, Remittance
from core.collections.reports import cell, day_in, money_in
from core.money import Money, total
from core.records import Invoice, Payment, RecordKey, key_of

_NEAR = timedelta(days=14)  # a bank takes days, a bookkeeper more: further apart it is another payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line a bookkeeper may enter. `invoice` None: it is about no single invoice."""

    what: str
    amount: Money
    invoice: RecordKey | None = None
    number: str = ""


def read_remittance(
    row: Mapping[str, str], case: Case, *, open_now: Money, payments: Iterable[Payment], today: date, expected_fee: Money | None
) -> Remittance:
    """One row of a remittance file for this case. ValueError when it cannot be read.

    Columns: reference, remittance, remitted_on, gross, fee, net, currency. `open_now` is what the case's invoices have open in
    the books, `payments` those of the client that came since it was placed. A fault in the sums is a `problem`, not an error.
    """
    code = case.currency
    gross, fee, net = (money_in(row, name, code) for name in ("gross", "fee", "net"))
    remitted_on = day_in(row, "remitted_on", "date", default=today)
    reference = cell(row, "remittance", "remittance_reference", "number")
    if gross.minor <= 0:
        raise ValueError(f"a remittance is more than zero, not {gross}")
    found = match_payment(payments, (gross, net), remitted_on, taken={item.payment for item in case.remittances})
    problems = [] if gross - fee == net else [f"{gross} less {fee} is {gross - fee}, not {net}"]
    if not 0 <= fee.minor <= gross.minor:
        problems.append(f"a fee of {fee} on {gross} cannot be")
    if expected_fee is not None and fee > expected_fee:
        problems.append(f"the fee is {fee}; by its rates it would be {expected_fee}")
    if any(item.reference == reference for item in case.remittances):
        raise ValueError(f"remittance {reference} was read already")
    # what the books have booked already is no longer open there
    booked = Money.zero(code) if found is None else total((item.amount for item in found.allocations), code)
    residual = open_now - (gross - booked)
    if residual.minor < 0:
        problems.append(f"{gross} is {-residual} more than is open")
    return Remittance(
        reference=reference,
        remitted_on=remitted_on,
        gross=gross,
        fee=fee,
        net=net,
        residual=Money(max(residual.minor, 0), code),
        payment=key_of(found) if found is not None else None,
        problem="; ".join(problems),
    )


def match_payment(
    payments: Iterable[Payment], amounts: Sequence[Money], on: date, taken: Iterable[RecordKey | None]
) -> Payment | None:
    """The payment of one of these amounts nearest to the day; None when there is none, or two are equally near."""
    gone = set(taken)
    near = sorted(
        (abs(item.paid_on - on), key_of(item), item)
        for item in payments
        if item.amount in amounts and key_of(item) not in gone and abs(item.paid_on - on) <= _NEAR
    )
    if len(near) > 1 and near[0][0] == near[1][0]:
        return None
    return near[0][2] if near else None


def proposed_entries(remittance: Remittance, invoices: Sequence[Invoice]) -> tuple[Entry, ...]:
    """What a bookkeeper may enter for it: gross to the oldest invoices first, the fee as an expense, net to the bank.

    `invoices` are those of the case as the books have them now; what stays open is said, and what becomes of it is not decided.
    """
    lines: list[Entry] = []
    left = remittance.gross.minor
    for invoice in sorted(invoices, key=lambda item: (item.due_on or item.issued_on, item.connection, item.ref)):
        part = min(left, invoice.open.minor)
        if part > 0:
            number = invoice.number or str(invoice.ref)
            paid = Money(part, remittance.gross.currency)
            lines.append(Entry(what="payment received", amount=paid, invoice=key_of(invoice), number=number))
            left -= part
    if left:
        lines.append(Entry(what="payment received, more than is open", amount=Money(left, remittance.gross.currency)))
    lines.append(Entry(what="collection fee (expense)", amount=remittance.fee))
    lines.append(Entry(what="to the bank", amount=remittance.net))
    if remittance.residual:
        lines.append(Entry(what="stays open: collect, credit or write off", amount=remittance.residual))
    return tuple(lines)
