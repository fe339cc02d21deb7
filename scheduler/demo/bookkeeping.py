"""What happens in the demo's world, as the records a vendor's sandbox is seeded with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from core.money import Money
from core.records import (
    Allocation,
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
)
from scheduler.demo.world import Banked, Billed, Client, Credited, Happening, Paid

_CONNECTION = "books"


def party_of(client: Client) -> Party:
    """A client as a customer record."""
    return Party(connection=_CONNECTION, ref=Ref(client.name), name=client.name, email=client.email, country="US", currency="USD")


def as_records(item: Happening, *, touched_at: datetime | None = None) -> Iterator[Record]:
    """The records of one happening. `touched_at` is when the vendor saw it; None: noon of its own day."""
    for record in _records(item):
        yield replace(record, updated_at=touched_at)


def _usd(cents: int) -> Money:
    return Money(cents, "USD")


def _records(item: Happening) -> Iterator[Record]:
    if isinstance(item, Billed):
        yield _invoice(item)
    elif isinstance(item, Credited):
        yield _credit(item)
    elif isinstance(item, Paid):
        yield from _payment(item)
    else:
        yield _income(item)


def _invoice(item: Billed) -> Invoice:
    return Invoice(
        connection=_CONNECTION,
        ref=Ref(item.number),
        party_ref=Ref(item.client),
        number=item.number,
        total=_usd(item.cents),
        open=_usd(item.cents),
        issued_on=item.on,
        due_on=item.due_on,
        status=DocumentStatus.OPEN,
        memo=item.text,
    )


def _credit(item: Credited) -> CreditNote:
    return CreditNote(
        connection=_CONNECTION,
        ref=Ref(item.number),
        party_ref=Ref(item.client),
        number=item.number,
        total=_usd(item.cents),
        remaining=_usd(item.cents),
        issued_on=item.on,
        status=DocumentStatus.OPEN,
    )


def _payment(item: Paid) -> Iterator[Record]:
    """A payment, and the deposit that takes it to the bank."""
    ref = Ref(f"{item.client}|{item.on}|{item.reference}|{item.cents}")
    applied = tuple(Allocation(invoice_ref=Ref(number), amount=_usd(cents)) for number, cents in item.applied)
    rest = item.cents - sum(cents for _, cents in item.applied)
    yield Payment(
        connection=_CONNECTION,
        ref=ref,
        party_ref=Ref(item.client),
        amount=_usd(item.cents),
        unapplied=_usd(rest),
        paid_on=item.on,
        allocations=applied,
        reference=item.reference,
        memo=item.memo,
    )
    line = DepositLine(amount=_usd(item.cents), posting=Posting.UNDEPOSITED, payment_ref=ref)
    yield Deposit(connection=_CONNECTION, ref=Ref(f"deposit|{ref}"), amount=_usd(item.cents), deposited_on=item.on, lines=(line,))


def _income(item: Banked) -> Deposit:
    line = DepositLine(amount=_usd(item.cents), posting=Posting.INCOME, party_ref=Ref(item.client), memo=item.memo)
    ref = Ref(f"income|{item.client}|{item.on}")
    return Deposit(connection=_CONNECTION, ref=ref, amount=_usd(item.cents), deposited_on=item.on, lines=(line,), memo=item.memo)
