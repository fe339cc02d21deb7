"""Plain records to fill a vendor with: nothing odd about them, every one told apart by its number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from core.money import Money
from core.records import (
    Adjustment,
    Agreement,
    Allocation,
    Contact,
    CreditNote,
    Deposit,
    DepositLine,
    DocumentStatus,
    Invoice,
    Party,
    Payment,
    Posting,
    Record,
    Ref,
    Refund,
    Sale,
    Stream,
    Ticket,
)

CLIENT = Ref("client-0")
FIRST_DAY = date(2026, 1, 1)
PAID = 5_000  # invoices from this number on are those of plain payments
NOWHERE = "seed"  # the connection of records that exist only to seed a vendor


def day(number: int) -> date:
    """A day of early 2026 for the record of that number; never in the future of a bench."""
    return FIRST_DAY + timedelta(days=number % 60)


def amount(number: int, currency: str = "USD") -> Money:
    """An amount nobody else of the first few thousand has."""
    return Money(10_000 + number * 7, currency)


def party(number: int, currency: str = "USD") -> Party:
    """Client `number`."""
    return Party(
        connection=NOWHERE,
        ref=Ref(f"client-{number}"),
        name=f"Client {number:04d} Ltd",
        email=f"ap{number}@client.example",
        currency=currency,
    )


def invoice(number: int, *, of: Ref = CLIENT, currency: str = "USD") -> Invoice:
    """Invoice `number`, open in full."""
    value = amount(number, currency)
    return Invoice(
        connection=NOWHERE,
        ref=Ref(f"invoice-{number}"),
        party_ref=of,
        number=f"INV-{number:05d}",
        total=value,
        open=value,
        issued_on=day(number),
        due_on=day(number) + timedelta(days=30),
        status=DocumentStatus.OPEN,
    )


def payment(number: int, *, on: int | None = None) -> Payment:
    """Payment `number`: a part of invoice `on`, of the one with its own number without."""
    paid = Ref(f"invoice-{number if on is None else on}")
    part = Money(5_000 + number * 3, "USD")
    return Payment(
        connection=NOWHERE,
        ref=Ref(f"payment-{number}"),
        party_ref=CLIENT,
        amount=part,
        unapplied=Money(0, "USD"),
        paid_on=day(number),
        reference=f"CHK {number:05d}",
        allocations=(Allocation(invoice_ref=paid, amount=part, applied_on=day(number)),),
    )


def _credit_note(number: int) -> Record:
    value = amount(number)
    return CreditNote(
        connection=NOWHERE,
        ref=Ref(f"credit-{number}"),
        party_ref=CLIENT,
        number=f"CN-{number:05d}",
        total=value,
        remaining=value,
        issued_on=day(number),
        status=DocumentStatus.OPEN,
    )


def _deposit(number: int) -> Record:
    value = amount(number)
    line = DepositLine(amount=value, posting=Posting.INCOME, posted_to="Services", party_ref=CLIENT)
    return Deposit(connection=NOWHERE, ref=Ref(f"deposit-{number}"), amount=value, deposited_on=day(number), lines=(line,))


def _contact(number: int) -> Record:
    name = f"Person {number:04d}"
    email = f"person{number}@client.example"
    return Contact(connection=NOWHERE, ref=Ref(f"contact-{number}"), party_ref=CLIENT, name=name, email=email)


def _sale(number: int) -> Record:
    value = amount(number)
    return Sale(connection=NOWHERE, ref=Ref(f"sale-{number}"), party_ref=CLIENT, amount=value, sold_on=day(number))


def _refund(number: int) -> Record:
    value = amount(number)
    return Refund(connection=NOWHERE, ref=Ref(f"refund-{number}"), party_ref=CLIENT, amount=value, refunded_on=day(number))


def _adjustment(number: int) -> Record:
    value = amount(number)
    return Adjustment(
        connection=NOWHERE,
        ref=Ref(f"adjustment-{number}"),
        party_ref=CLIENT,
        amount=value,
        remaining=value,
        adjusted_on=day(number),
    )


def _agreement(number: int) -> Record:
    return Agreement(
        connection=NOWHERE,
        ref=Ref(f"agreement-{number}"),
        party_ref=CLIENT,
        name=f"Managed services {number:04d}",
        amount=amount(number),
        cycle_months=1,
        starts_on=FIRST_DAY,
    )


def _ticket(number: int) -> Record:
    return Ticket(connection=NOWHERE, ref=Ref(f"ticket-{number}"), party_ref=CLIENT, summary=f"Printer {number:04d}")


_MAKERS: dict[Stream, Callable[[int], Record]] = {
    Stream.PARTIES: party,
    Stream.CONTACTS: _contact,
    Stream.INVOICES: invoice,
    Stream.CREDIT_NOTES: _credit_note,
    Stream.PAYMENTS: payment,
    Stream.DEPOSITS: _deposit,
    Stream.SALES: _sale,
    Stream.REFUNDS: _refund,
    Stream.ADJUSTMENTS: _adjustment,
    Stream.AGREEMENTS: _agreement,
    Stream.TICKETS: _ticket,
}
SEEDABLE = frozenset(_MAKERS)


def plain(stream: Stream, number: int) -> tuple[Record, ...]:
    """Record `number` of a stream, after what it needs beside the client (a payment: an invoice nothing else touches)."""
    if stream is Stream.PAYMENTS:
        return invoice(number + PAID), payment(number, on=number + PAID)
    return (_MAKERS[stream](number),)
