"""Money that takes a way around: into the bank without a word in the books, or under a second record of the same client.

The truth of it stands in `Client.detours`: which unapplied money, by its ref, pays which invoice, as long as nobody has put it
where it belongs. Only money whose words tell whose it is stands there; of the rest nobody could know.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from core.records import Payment, Ref

if TYPE_CHECKING:
    from tests.simulation.world import Client

BANK = "bank"


def by_bank(client: Client, number: str, on: date) -> None:
    """A transfer that only the bank's list shows until somebody enters it in the books, on its own day or on that of entering."""
    if not client.open_(number):
        return
    amount = client.invoices[number].open
    ref = f"{client.id}-{client.next_()}"
    words = client.rng.choice(("number", "name", "nothing"))
    client.bank[ref] = Payment(
        connection=BANK,
        ref=Ref(ref),
        party_ref=None,
        amount=amount,
        unapplied=amount,
        paid_on=on,
        memo=f"ACH CREDIT {number}" if words == "number" else None,
        payer=client.name.upper() if words == "name" else None,
    )
    if words != "nothing":
        client.detours[ref] = number
    late = client.rng.randint(2, 40)
    dated = on if client.rng.random() < 0.7 else on + timedelta(days=late)

    def entered() -> None:
        client.detours.pop(ref, None)
        client.apply(number, dated)

    client.after(on, late, entered)


def under_the_second(client: Client, number: str, on: date) -> None:
    """Booked, unapplied, under the client's second record; moved to where it belongs days later."""
    other = client.second
    if other is None or not client.open_(number):
        return
    amount = client.invoices[number].open
    ref = f"m{client.id}{client.next_()}"
    other.payments[ref] = Payment(
        connection=client.invoices[number].connection,
        ref=Ref(ref),
        party_ref=Ref(other.id),
        amount=amount,
        unapplied=amount,
        paid_on=on,
        memo=f"invoice {number}",
    )
    other.changed()
    client.detours[ref] = number

    def moved() -> None:
        del other.payments[ref]
        other.changed()
        del client.detours[ref]
        client.apply(number, on)

    client.after(on, client.rng.randint(2, 40), moved)
