"""Money that takes a way around: into the bank without a word in the books, or under a second record of the same client.

The truth of it stands in `Client.detours`: which unapplied money, by its ref, pays which invoice, as long as nobody has put it
where it belongs. Of money without any word nobody could know, so it does not stand there, unless it stands under the client's
own second record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from core.records import Payment, Ref

if TYPE_CHECKING:
    from tests.simulation.world import Client

BANK = "bank"
_ABOUT_THEN = timedelta(days=45)


@dataclass(frozen=True)
class Detour:
    """Money, the number of the invoice it pays, and whether its words name that number."""

    number: str
    money: Payment
    names_it: bool

    def may_be_entered(self, payment: Payment) -> bool:
        """Could somebody who sees only what was pulled take this payment of the books for it?"""
        return (
            not self.names_it and payment.amount == self.money.amount and abs(payment.paid_on - self.money.paid_on) <= _ABOUT_THEN
        )


def by_bank(client: Client, number: str, on: date) -> None:
    """A transfer that only the bank's list shows until somebody enters it in the books, on its own day or on that of entering."""
    if not client.open_(number):
        return
    amount = client.invoices[number].open
    ref = f"{client.id}-{client.next_()}"
    words = client.rng.choice(("number", "name", "nothing"))
    row = Payment(
        connection=BANK,
        ref=Ref(ref),
        party_ref=None,
        amount=amount,
        unapplied=amount,
        paid_on=on,
        memo=f"ACH CREDIT {number}" if words == "number" else None,
        payer=client.name.upper() if words == "name" else None,
    )
    client.bank[ref] = row
    if words != "nothing":
        client.detours[ref] = Detour(number, row, words == "number")
    late = client.rng.randint(2, 40)
    dated = on if client.rng.random() < 0.7 else on + timedelta(days=late)

    def entered() -> None:
        client.detours.pop(ref, None)
        client.apply(number, dated)

    client.after(on, late, entered)


def under_the_second(client: Client, number: str, on: date) -> None:
    """Booked, unapplied, under the client's second record, naming the invoice or not; moved where it belongs days later."""
    other = client.second
    if other is None or not client.open_(number):
        return
    amount = client.invoices[number].open
    ref = f"m{client.id}{client.next_()}"
    names_it = client.rng.random() < 0.5
    other.payments[ref] = Payment(
        connection=client.invoices[number].connection,
        ref=Ref(ref),
        party_ref=Ref(other.id),
        amount=amount,
        unapplied=amount,
        paid_on=on,
        memo=f"invoice {number}" if names_it else None,
    )
    other.changed()
    client.detours[ref] = Detour(number, other.payments[ref], names_it)

    def moved() -> None:
        del other.payments[ref]
        other.changed()
        del client.detours[ref]
        client.apply(number, on)

    client.after(on, client.rng.randint(2, 40), moved)
