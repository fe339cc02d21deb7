"""Seeded ledgers of MSP clients and the money they sent, with the truth: which payment settled which invoice.

Written from how people bill, pay and err, not from how the matcher looks for it. `World` says what kind of clients there are;
what goes wrong on the way from a remittance to a bank line is in tests.corpus.payment_errors.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from core.matching import IncomingPayment, OpenInvoice
from core.money import Money

START = date(2024, 1, 2)
_FIRST_NAMES = (
    "Harbor Summit Cedar Lakeside Pioneer Granite Meridian Bluebird Ironwood Northgate Silverline Redwood Evergreen "
    "Falcon Keystone Horizon Beacon Maple Orchard Sterling Crescent Anchor Willow Prairie Copper Juniper Vista Alder "
    "Birch Compass Delta Ember Fairway Glacier Hawthorne Inlet Jasper Kestrel Larkspur Monarch Nimbus Oakfield "
    "Pinnacle Quarry Ridgeway Sable Tamarack Umbra Verdant Westbrook Yarrow Zephyr Müller Schröder Lefèvre Østergaard "
    "Núñez O'Brien MacLeod D'Angelo"
)
_SECOND_NAMES = (
    "Dental,Logistics,Manufacturing,Law Partners,Medical Group,Foods,Engineering,Properties,Insurance Services,"
    "Architects,Construction,Accounting,Veterinary Clinic,Hospitality,Technologies,Consulting,Distribution,Pharmacy,"
    "Financial Advisors,Credit Union,Solutions,Auto Group,Printing,Systems,School District,Home Care,Holdings,"
    "International,Associates,Brothers"
)
_FIRST = _FIRST_NAMES.split()
_SECOND = _SECOND_NAMES.split(",")
_LINKS = ("&", "-", "of", "and")
_FORMS = ("Inc", "LLC", "Ltd", "Corp", "GmbH", "Pty Ltd", "S.A.", "B.V.", "AG", "LLP", "PLC", "Inc.", "L.L.C.", "Co.")


@dataclass(frozen=True, kw_only=True)
class World:
    """What a ledger is like. Shares are in [0, 1]; `faults` is (least, most) faults per faulty payment, `kinds` their names."""

    clients: int = 50
    invoices: int = 300
    payments: float = 0.8
    retainers: float = 0.0
    batches: float = 0.1
    instalments: float = 0.02
    silent: float = 0.0
    spread_days: int = 6
    faulty: float = 0.75
    faults: tuple[int, int] = (1, 1)
    accounts_known: bool = True
    duplicates: float = 0.0
    strangers: float = 0.0
    groups: float = 0.0
    currencies: tuple[str, ...] = ("USD",)
    unpaid: float = 0.12
    months: int = 24
    numbering: str = "mixed"
    kinds: tuple[str, ...] = ()


@dataclass
class Client:
    """A client as its own accounts department behaves."""

    name: str
    trade: str
    currency: str
    account: str
    style: str
    form: str
    delay: float
    spread: float
    batch: str
    silent: bool
    retainer: int
    language: str
    payer: str = ""
    invoices: list[OpenInvoice] = field(default_factory=list)


@dataclass
class Sent:
    """A payment on its way, before faults: what the payer meant."""

    client: Client
    invoices: list[OpenInvoice]
    amounts: list[int]
    amount: int
    paid_on: date
    memo_ids: list[str]
    noise: list[str] = field(default_factory=list)
    payer: str = ""
    account: str = ""
    truth: bool = True
    faults: list[str] = field(default_factory=list)
    separator: str = ", "
    cut: int = 0


@dataclass(frozen=True)
class Ledger:
    """What the matcher sees, and the truth: (payment id, invoice id) → minor units. `faults`: what went wrong, by payment."""

    invoices: list[OpenInvoice]
    payments: list[IncomingPayment]
    truth: dict[tuple[str, str], int]
    faults: dict[str, list[str]]


def make_clients(world: World, rng: random.Random) -> list[Client]:
    found, names = [], set()
    while len(found) < world.clients:
        base = f"{rng.choice(_FIRST)} {rng.choice(_SECOND)}"
        if rng.random() < 0.3 or world.clients > 500:
            base = f"{rng.choice(_FIRST)} {rng.choice(_LINKS)} {base}"
        if world.clients > 2000:
            base = f"{base} {rng.choice(_FIRST)}{rng.randrange(100)}"
        if base in names:
            continue
        names.add(base)
        name = f"{base} {rng.choice(_FORMS)}" if rng.random() < 0.8 else base
        trade = name if rng.random() < 0.85 else f"{rng.choice(_FIRST)} {rng.choice(_SECOND)}"
        retainer = rng.choice([45000, 85000, 99900, 120000, 150000, 249500, 310000, rng.randrange(20000, 900000)])
        found.append(
            Client(
                name,
                trade,
                rng.choice(world.currencies),
                _account(rng),
                rng.choice(["full", "full", "digits", "tail", "prefixed", "po"]),
                rng.choice(
                    [
                        "INV-{y}-{n:04d}",
                        "{n:05d}",
                        "{y}/{n:03d}",
                        "{p}{n:05d}",
                        "{hex}",
                        "INV{n:06d}",
                        "{p}-{n:04d}",
                        "RE{y}{n:05d}",
                    ]
                ),
                rng.choice([3, 8, 15, 25, 30, 34, 45, 62]),
                rng.choice([0.5, 1, 1, 1.5, 2]) * world.spread_days,
                rng.choice(["single", "single", "single", "single", "weekly", "monthly", "oldest"]),
                rng.random() < world.silent,
                retainer if rng.random() < world.retainers else 0,
                rng.choice(["en", "en", "en", "de", "fr", "es", "nl"]),
            )
        )
    for client in found:
        client.payer = client.trade
        if client.silent and rng.random() < 0.6:  # pays whatever is due, on its day
            client.spread = 0.0
    _share_accounts(found, world, rng)
    return found


def _share_accounts(clients: list[Client], world: World, rng: random.Random) -> None:
    """Some clients pay from one account: sisters under one roof, or a parent that pays for its subsidiaries in its own name."""
    for first, second in zip(clients[::2], clients[1::2], strict=False):
        if rng.random() < world.groups and first.currency == second.currency:
            second.account = first.account
            if rng.random() < 0.5:
                second.payer = first.payer


def _account(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.4:
        return f"DE{rng.randrange(10, 99)}{rng.randrange(10**17, 10**18)}"
    return f"{rng.randrange(10**8, 10**9)}" if kind < 0.8 else f"****{rng.randrange(1000, 9999)}"


class _Numbers:
    """Invoice numbers: one sequence for the house, or one per client, in the house's format or the client's own."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.rng = rng
        self.next = rng.choice([1, 100, 1000, 10400, 48210])
        self.house = rng.choice(["INV-{y}-{n:04d}", "{n:05d}", "INV-{n:06d}", "{n}", "{y}-{n:05d}"])
        self.own = {"mixed": 0.5, "house": 0.0, "own": 1.0}[world.numbering]
        self.of: dict[str, int] = {}
        self.prefix: dict[str, str] = {}
        self.taken: set[str] = set()

    def number(self, client: Client, day: date) -> str:
        own = (hash_of(client.name) % 100) / 100 < self.own
        while True:
            if own:
                self.of[client.name] = self.of.get(client.name, self.rng.choice([0, 100, 2000])) + 1
                count, form = self.of[client.name], client.form
            else:
                self.next += 1
                count, form = self.next, self.house
            letters = "".join(word[0] for word in client.name.split())[:3].upper() or "X"
            text = form.format(
                y=day.year,
                n=count,
                p=letters,
                hex="".join(self.rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ0123456789") for _ in range(6)),
            )
            if text not in self.taken or (own and "hex" not in form):
                self.taken.add(text)
                return text


def hash_of(text: str) -> int:
    value = 7
    for char in text:
        value = (value * 131 + ord(char)) % 1_000_003
    return value


def make_invoices(world: World, clients: list[Client], rng: random.Random) -> list[OpenInvoice]:
    """Invoices in order of date over all clients, as one billing system writes them."""
    days = world.months * 30
    plan: list[tuple[date, Client, int]] = []
    for client in clients:
        count = max(1, round(world.invoices * rng.uniform(0.6, 1.4)))
        if client.retainer:
            for month in range(world.months):
                day = date(2024 + month // 12, month % 12 + 1, 1)
                plan.append((day, client, client.retainer))
                if rng.random() < 0.3:
                    plan.append((day, client, client.retainer // 2))
            count = max(count - world.months, 3)
        plan += [(START + timedelta(days=rng.randrange(days)), client, _amount(rng)) for _ in range(count)]
    plan.sort(key=lambda item: item[0])
    numbers, found = _Numbers(world, rng), []
    for index, (day, client, amount) in enumerate(plan):
        order = f"PO{rng.randrange(10000, 99999)}" if client.style == "po" or rng.random() < 0.1 else None
        terms = 30 if client.delay > 12 else 14
        invoice = OpenInvoice(
            id=f"i{index:06d}",
            open=Money(amount, client.currency),
            party=client.name,
            number=numbers.number(client, day),
            reference=order,
            issued_on=day,
            due_on=day + timedelta(days=terms) if rng.random() < 0.95 else None,
        )
        client.invoices.append(invoice)
        found.append(invoice)
    return found


def _amount(rng: random.Random) -> int:
    kind = rng.random()
    if kind < 0.2:
        return rng.choice([5000, 9900, 12500, 15000, 25000, 50000, 75000, 100000])
    if kind < 0.4:
        return rng.randrange(5, 400) * 1250
    return int(rng.lognormvariate(11.2, 1.0)) + 500


def plan_payments(world: World, client: Client, rng: random.Random) -> list[Sent]:
    """What the client sends, by its own habit: one by one, weekly or monthly batches, the oldest first, some never."""
    due: list[tuple[date, OpenInvoice]] = []
    for invoice in client.invoices:
        if rng.random() >= world.unpaid:
            late = 40 if rng.random() < 0.03 else 0
            wait = max(0, round(rng.gauss(client.delay, client.spread))) + late
            due.append((invoice.issued_on + timedelta(days=wait), invoice))
    due.sort(key=lambda item: (item[0], item[1].id))
    if client.batch == "oldest":
        order = sorted((invoice for _, invoice in due), key=lambda item: (item.issued_on, item.id))
        due = [(max(day, invoice.issued_on), invoice) for (day, _), invoice in zip(due, order, strict=True)]
    sent, at = [], 0
    while at < len(due):
        size = _batch_size(world, client, due, at, rng)
        day = due[at + size - 1][0]
        sent += _send(world, client, [invoice for _, invoice in due[at : at + size]], day, rng)
        at += size
    return sent


def _batch_size(world: World, client: Client, due: list[tuple[date, OpenInvoice]], at: int, rng: random.Random) -> int:
    if client.batch in ("weekly", "monthly") and rng.random() < 0.8:
        span = 6 if client.batch == "weekly" else 27
        same = sum(1 for day, _ in due[at : at + 12] if (day - due[at][0]).days <= span)
        return max(1, min(same, rng.choice([2, 3, 4, 5, 8, 12])))
    return min(rng.choice([2, 2, 3, 4, 5]), len(due) - at) if rng.random() < world.batches else 1


def _send(world: World, client: Client, invoices: list[OpenInvoice], day: date, rng: random.Random) -> list[Sent]:
    if len(invoices) == 1 and rng.random() < world.instalments and invoices[0].open.minor > 4000:
        return _instalments(client, invoices[0], day, rng)
    amounts = [item.open.minor for item in invoices]
    return [_sent(client, invoices, amounts, day, rng)]


def _instalments(client: Client, invoice: OpenInvoice, day: date, rng: random.Random) -> list[Sent]:
    total, parts = invoice.open.minor, rng.choice([2, 2, 3, 4])
    equal = rng.random() < 0.6
    amounts = [total // parts] * parts if equal else [max(1, int(total * rng.uniform(0.2, 0.9) / parts)) for _ in range(parts)]
    amounts[-1] = total - sum(amounts[:-1])
    gap = rng.choice([7, 14, 30])
    return [_sent(client, [invoice], [amount], day + timedelta(days=gap * at), rng) for at, amount in enumerate(amounts)]


def _sent(client: Client, invoices: list[OpenInvoice], amounts: list[int], day: date, rng: random.Random) -> Sent:
    if day.weekday() >= 5 and rng.random() < 0.9:
        day += timedelta(days=7 - day.weekday())
    ids = [] if client.silent and rng.random() < 0.9 else [spoken(client, item, rng) for item in invoices]
    return Sent(client, invoices, amounts, sum(amounts), day, ids, payer=client.payer, account=client.account)


def spoken(client: Client, invoice: OpenInvoice, rng: random.Random) -> str:
    """How this client writes an invoice's number in a transfer."""
    number = invoice.number or invoice.id
    if client.style == "po" and invoice.reference and rng.random() < 0.7:
        return invoice.reference
    if client.style == "digits" and sum(char.isdigit() for char in number) >= 4:
        return "".join(char for char in number if char.isdigit())
    if client.style == "tail" and number[-4:].isdigit():
        return number.replace("/", "-").split("-")[-1]
    if client.style == "prefixed":
        return f"{rng.choice(['Inv ', 'INV', '#', 'Invoice ', 'no. '])}{number}"
    return number


def _twice(item: Sent, rng: random.Random) -> Sent:
    """The same payment again, soon after: nothing is owed for it."""
    again = item.paid_on + timedelta(days=rng.choice([0, 1, 7, 30]))
    lists = {"memo_ids": [*item.memo_ids], "amounts": [*item.amounts], "noise": [*item.noise]}
    return replace(item, paid_on=again, truth=False, faults=[*item.faults, "duplicate"], **lists)


def _for_nothing(world: World, clients: list[Client], rng: random.Random) -> Sent:
    """Money of a client for something that was never invoiced here."""
    client = rng.choice(clients)
    amount, day = int(rng.lognormvariate(10.5, 1.2)) + 700, START + timedelta(days=rng.randrange(world.months * 30))
    names = {"payer": client.payer, "account": client.account, "truth": False, "faults": ["for nothing"]}
    return Sent(client, [], [], amount, day, [f"{rng.randrange(10**6, 10**7)}"], **names)


def make_ledger(world: World, seed: int) -> Ledger:
    """The ledger of a world. The same seed gives the same ledger."""
    from tests.corpus.payment_errors import finish, spoil  # the two halves know each other's words

    rng = random.Random(seed)
    clients = make_clients(world, rng)
    invoices = make_invoices(world, clients, rng)
    sent = [item for client in clients for item in plan_payments(world, client, rng)]
    strangers = round(len(sent) * world.strangers)
    sent.sort(key=lambda item: (item.paid_on, item.amount))
    for item in sent:
        if rng.random() < world.faulty:
            spoil(item, rng, rng.randint(*world.faults), world.kinds)
    sent += [_twice(item, rng) for item in sent if rng.random() < world.duplicates]
    sent += [_for_nothing(world, clients, rng) for _ in range(strangers)]
    sent.sort(key=lambda item: (item.paid_on, item.amount))
    payments, truth, faults = [], {}, {}
    for index, item in enumerate(sent):
        payment = finish(item, f"p{index:06d}", rng, accounts_known=world.accounts_known)
        payments.append(payment)
        faults[payment.id] = item.faults
        if item.truth:
            truth.update({(payment.id, invoice.id): amount for invoice, amount in zip(item.invoices, item.amounts, strict=True)})
    rng.shuffle(invoices)
    rng.shuffle(payments)
    return Ledger(invoices, payments, truth, faults)
