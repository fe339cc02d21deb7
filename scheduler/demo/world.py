"""The demo's MSP: about forty clients, fourteen months of books and what happens in the 45 days after, from one seed.

Everything is invented. Faults are planted by hand where they are described, so that the story can be checked against them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

SEED = 20260105
CLIENTS = 40
MONTHS = 14
DAYS = 45
START = date(2026, 1, 5)

_FIRST = (
    "Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Ironwood", "Juniper",
    "Kapok", "Larch", "Maple", "Nutmeg", "Oak", "Pine", "Quince", "Rowan", "Spruce", "Teak",
)  # fmt: skip
_SECOND = ("Dental", "Logistics", "Law Group", "Architects", "Clinic", "Manufacturing", "Realty", "Foods", "Design", "Insurance")
_SUFFIX = ("LLC", "Inc", "Co", "LLP", "")


@dataclass(frozen=True, slots=True)
class Client:
    """A client: `lateness` is how many days after the due date it usually pays; None never pays by itself."""

    name: str
    email: str
    retainer: int
    lateness: int | None


@dataclass(frozen=True, slots=True)
class Billed:
    """An invoice, in cents."""

    client: str
    number: str
    on: date
    due_on: date
    cents: int
    text: str


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment, in cents; `applied` names invoices. `deposited` false leaves it in undeposited funds."""

    client: str
    on: date
    cents: int
    applied: tuple[tuple[str, int], ...] = ()
    reference: str | None = None
    memo: str | None = None


@dataclass(frozen=True, slots=True)
class Credited:
    """A credit memo nobody has applied, in cents."""

    client: str
    number: str
    on: date
    cents: int


@dataclass(frozen=True, slots=True)
class Banked:
    """A deposit posted straight to income by the bank feed although the client was paying an invoice, in cents."""

    client: str
    on: date
    cents: int
    memo: str


Happening = Billed | Paid | Credited | Banked


@dataclass(slots=True)
class World:
    """Clients, what happened up to START (seeded) and after it (played day by day), and what was planted."""

    clients: list[Client] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    planted: dict[str, str] = field(default_factory=dict)

    def before_start(self) -> list[Happening]:
        return sorted((item for item in self.happenings if item.on < START), key=_order)

    def on(self, day: date) -> list[Happening]:
        return sorted((item for item in self.happenings if item.on == day), key=_order)


def _order(item: Happening) -> tuple[date, int, str, str]:
    rank = {Billed: 0, Credited: 1, Paid: 2, Banked: 3}[type(item)]
    name = item.number if isinstance(item, Billed | Credited) else (getattr(item, "reference", None) or "")
    return (item.on, rank, item.client, name)


def build() -> World:
    """The same world every time."""
    random = Random(SEED)  # noqa: S311 - invented books, nothing secret
    world = World()
    _add_clients(world, random)
    numbers = iter(range(10001, 99999))
    for back in range(MONTHS, -3, -1):
        _bill_month(world, random, _month_start(back), numbers)
    _plant(world, numbers)
    return world


def _add_clients(world: World, random: Random) -> None:
    habits = [0, -3, 2, 5, 9, 12, 20, 34, 3, 1]
    for index in range(CLIENTS):
        name = f"{_FIRST[index % 20]} {_SECOND[(index * 7 + index // 20) % 10]} {_SUFFIX[index % 5]}".strip()
        lateness = None if index in (11, 23, 37) else habits[index % 10] + random.randint(-1, 2)
        email = f"ap@{name.split()[0].lower()}{index}.example"
        world.clients.append(Client(name, email, random.randrange(45, 420) * 1000, lateness))


def _month_start(back: int) -> date:
    year, month = divmod(START.year * 12 + START.month - 1 - back, 12)
    return date(year, month + 1, 1)


def _bill_month(world: World, random: Random, first: date, numbers: object) -> None:
    for client in world.clients:
        _bill(world, random, client, first, client.retainer, f"Managed services, {first:%B %Y}", numbers)
        if random.random() < 0.12:
            day = first + timedelta(days=random.randint(3, 24))
            _bill(world, random, client, day, random.randrange(180, 9000) * 100, "Project work", numbers)


def _bill(world: World, random: Random, client: Client, on: date, cents: int, text: str, numbers: object) -> None:
    number = str(next(numbers))  # type: ignore[call-overload]
    due_on = on + timedelta(days=15)
    world.happenings.append(Billed(client.name, number, on, due_on, cents, text))
    recent = (START - due_on).days < 75
    if client.lateness is None and recent:
        return
    late = client.lateness if client.lateness is not None else 10
    paid_on = max(on + timedelta(days=1), due_on + timedelta(days=late + random.randint(-2, 3)))
    if paid_on <= START + timedelta(days=DAYS):
        world.happenings.append(Paid(client.name, paid_on, cents, ((number, cents),), reference=number))


def _open_of(world: World, client: str) -> list[Billed]:
    """Invoices of a client that nobody has paid by START, oldest first."""
    paid = {name for item in world.happenings if isinstance(item, Paid) and item.on < START for name, _ in item.applied}
    bills = (item for item in world.happenings if isinstance(item, Billed) and item.client == client)
    return sorted((item for item in bills if item.number not in paid and item.on < START), key=lambda item: item.on)


def _forget_payment(world: World, number: str) -> None:
    """Take out the payment of one invoice, so that a planted fault can stand in its place."""
    world.happenings = [
        item for item in world.happenings if not (isinstance(item, Paid) and any(name == number for name, _ in item.applied))
    ]


def _plant(world: World, numbers: object) -> None:
    _plant_unapplied_payment(world)
    _plant_duplicate_payment(world)
    _plant_duplicate_invoice(world, numbers)
    _plant_deposit_to_income(world)
    _plant_credit(world)
    _plant_misapplied(world)
    _plant_overpayment(world)


def _latest_paid(world: World, client: str) -> Paid:
    """A client's last payment of one invoice before START."""
    found = [item for item in world.happenings if isinstance(item, Paid) and item.client == client and item.on < START]
    return max(found, key=lambda item: item.on)


def _plant_unapplied_payment(world: World) -> None:
    """The client paid, the bookkeeper recorded it, nobody applied it: the invoice looks overdue."""
    payment = _latest_paid(world, world.clients[2].name)
    _forget_payment(world, payment.applied[0][0])
    world.happenings.append(Paid(payment.client, payment.on, payment.cents, (), reference="ACH 88213"))
    world.planted["unapplied_payment"] = payment.client


def _plant_duplicate_payment(world: World) -> None:
    """The bank feed recorded a payment that the bookkeeper had entered already."""
    payment = _latest_paid(world, world.clients[5].name)
    world.happenings.append(Paid(payment.client, payment.on + timedelta(days=1), payment.cents, (), reference=payment.reference))
    world.planted["duplicate_payment"] = payment.client


def _plant_duplicate_invoice(world: World, numbers: object) -> None:
    """A create whose answer was lost was tried again: the same project stands twice."""
    client = world.clients[8]
    on = START - timedelta(days=20)
    first, second = (str(next(numbers)) for _ in range(2))  # type: ignore[call-overload]
    for number in (first, second):
        world.happenings.append(Billed(client.name, number, on, on + timedelta(days=15), 187_550, "Firewall replacement"))
    world.planted["duplicate_invoice"] = client.name


def _plant_deposit_to_income(world: World) -> None:
    """The bank feed posted a client's payment straight to income."""
    payment = _latest_paid(world, world.clients[13].name)
    _forget_payment(world, payment.applied[0][0])
    world.happenings.append(Banked(payment.client, payment.on, payment.cents, f"ACH {payment.client}"))
    world.planted["deposit_to_income"] = payment.client


def _plant_credit(world: World) -> None:
    """A goodwill credit that nobody applied."""
    client = world.clients[11]
    world.happenings.append(Credited(client.name, "CM-201", START - timedelta(days=30), 25_000))
    world.planted["unapplied_credit"] = client.name


def _plant_misapplied(world: World) -> None:
    """The client named one invoice, the payment sits on another that is just as large."""
    client = world.clients[23]
    unpaid = _open_of(world, client.name)
    wrong, named = unpaid[0], unpaid[1]
    paid_on = START - timedelta(days=6)
    world.happenings.append(
        Paid(
            client.name,
            paid_on,
            wrong.cents,
            ((wrong.number, wrong.cents),),
            reference=named.number,
            memo=f"Invoice {named.number}",
        )
    )
    world.planted["misapplied_payment"] = client.name


def _plant_overpayment(world: World) -> None:
    """A client paid 40.00 too much."""
    payment = _latest_paid(world, world.clients[16].name)
    number = payment.applied[0][0]
    _forget_payment(world, number)
    world.happenings.append(
        Paid(payment.client, payment.on, payment.cents + 4_000, ((number, payment.cents),), reference=payment.reference)
    )
    world.planted["overpayment"] = payment.client
