"""Books of a managed service provider when nothing is wrong: every habit and oddity that must not be taken for a fault.

Seeded. Written from how MSPs bill and clients pay (product.md A, E; vendors' cases), not from the reconciler's rules. The
traps: monthly retainers equal to the cent, with and without periods; two agreements of one price; catch-up bills of several
periods on one day; hourly bills of round amounts told apart by ticket; early, late and batch payers; one payment over many
bills; instalments; one direct-debit reference on everything; the same price paid by many clients on one day; credit and
rebill; credit notes applied by zero payments; zero and void bills; bounced payments re-presented; prepayments waiting for
nothing; clients in a second currency; tax cents between PSA and books; sub-customers; income that is income.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta

from core.records import DocumentStatus, PaymentStatus, Posting
from tests.corpus.books_drafts import Bill, Cash, Client, Credit, Drafts, Income

TODAY = date(2026, 5, 5)
_FIRST = [
    "Alder",
    "Amber",
    "Birch",
    "Bluff",
    "Cedar",
    "Cobalt",
    "Copper",
    "Coral",
    "Crest",
    "Delta",
    "Ember",
    "Falcon",
    "Fern",
    "Flint",
    "Garnet",
    "Granite",
    "Harbor",
    "Hazel",
    "Heron",
    "Indigo",
    "Ivory",
    "Jasper",
    "Juniper",
    "Keystone",
    "Lark",
    "Laurel",
    "Linden",
    "Maple",
    "Marble",
    "Meadow",
    "Mesa",
    "Mulberry",
    "Oak",
    "Onyx",
    "Opal",
    "Orchard",
    "Osprey",
    "Pearl",
    "Pine",
    "Quarry",
    "Quartz",
    "Raven",
    "Ridge",
    "River",
    "Robin",
    "Rowan",
    "Saffron",
    "Sage",
    "Sierra",
    "Slate",
    "Spruce",
    "Sterling",
    "Summit",
    "Teal",
    "Timber",
    "Topaz",
    "Valley",
    "Walnut",
    "Willow",
    "Wren",
]
_SECOND = [
    "Accounting",
    "Advisors",
    "Bakery",
    "Builders",
    "Chiropractic",
    "Clinic",
    "Dental",
    "Design",
    "Electric",
    "Engineering",
    "Estates",
    "Farms",
    "Foods",
    "Freight",
    "Glass",
    "Hotels",
    "Imports",
    "Insurance",
    "Interiors",
    "Labs",
    "Landscaping",
    "Law",
    "Legal",
    "Lending",
    "Logistics",
    "Lumber",
    "Machining",
    "Marine",
    "Media",
    "Metals",
    "Motors",
    "Optical",
    "Orthodontics",
    "Packaging",
    "Paving",
    "Pediatrics",
    "Pharmacy",
    "Plastics",
    "Plumbing",
    "Printing",
    "Properties",
    "Realty",
    "Roofing",
    "Schools",
    "Security",
    "Staffing",
    "Steel",
    "Studios",
    "Supply",
    "Surveying",
    "Textiles",
    "Title",
    "Tooling",
    "Travel",
    "Veterinary",
    "Vineyards",
    "Wealth",
    "Wellness",
    "Windows",
    "Works",
]
_FORMS = ("Inc", "LLC", "Ltd", "Corp", "PC", "")
_PRICES = (49900, 75000, 99500, 120000, 149900, 185000, 240000, 325000)


def clean_books(seed: int, *, clients: int = 40, months: int = 14, today: date = TODAY) -> Drafts:
    """Books without a fault: about four bills per client and month."""
    chance = random.Random(seed)
    drafts = Drafts(today=today)
    for number in range(clients):
        client = _client(drafts, chance, number)
        _life(drafts, chance, client, months)
    _odds_and_ends(drafts, chance)
    return drafts


def _client(drafts: Drafts, chance: random.Random, number: int) -> Client:
    first, second = _FIRST[number % len(_FIRST)], _SECOND[(number * 7 + number // len(_FIRST)) % len(_SECOND)]
    third = "" if number < len(_FIRST) * 20 else f" {_SECOND[(number // (len(_FIRST) * 20)) % len(_SECOND)]}"
    form = chance.choice(_FORMS)
    domain = f"{first}{second}{third}".lower().replace(" ", "") + ".example"
    client = Client(
        ref=drafts.ref("C"),
        name=f"{first} {second}{third} {form}".strip(),
        email=f"ap@{domain}",
        currency=chance.choice(("USD",) * 12 + ("EUR", "CAD")),
        in_psa=chance.random() < 0.6,
        phone=f"+1 555 {chance.randrange(100, 1000)} {chance.randrange(1000, 10000)}",
    )
    client.psa_name = f"{first} {second}{third} {chance.choice(_FORMS)}".strip().upper() if chance.random() < 0.3 else client.name
    drafts.clients[client.ref] = client
    return client


def _life(drafts: Drafts, chance: random.Random, client: Client, months: int) -> None:
    bills: list[Bill] = []
    for agreement in range(chance.choice((1, 1, 1, 2, 2, 3))):
        bills += _retainer(drafts, chance, client, months, agreement, bills)
    bills += _hourly(drafts, chance, client, months)
    if chance.random() < 0.12:
        bills += _site(drafts, chance, client, months)
    _pay(drafts, chance, client, sorted(bills, key=lambda item: (item.issued, item.ref)))


def _bill(drafts: Drafts, client: Client, total: int, issued: date, terms: int = 30, **more: object) -> Bill:
    bill = Bill(drafts.ref("I"), client, f"INV-{10000 + drafts.last}", total, issued, issued + timedelta(days=terms), **more)  # type: ignore[arg-type]
    drafts.bills[bill.ref] = bill
    return bill


def _month_start(today: date, back: int) -> date:
    month = today.year * 12 + today.month - 1 - back
    return date(month // 12, month % 12 + 1, 1)


def _retainer(
    drafts: Drafts, chance: random.Random, client: Client, months: int, number: int, others: list[Bill]
) -> Iterator[Bill]:
    """One agreement: the same price every month or quarter. A second agreement often costs what the first does."""
    price = others[0].total if others and chance.random() < 0.3 else chance.choice(_PRICES)
    cycle = chance.choice((1, 1, 1, 1, 3))
    told = chance.random() < 0.8 or number > 0  # bills name agreement and period; very plain ones do not
    late_start = chance.randrange(0, 3)
    catch_up = chance.random() < 0.1
    name = f"AGR-{client.ref}-{number}"
    for back in range(months - 1 - late_start, 0, -cycle):
        start = _month_start(drafts.today, back)
        end = _month_start(drafts.today, back - cycle) - timedelta(days=1)
        issued = start + timedelta(days=chance.choice((0, 0, 0, 1, 2)) if told else 0)
        if catch_up and back >= cycle and back % 4 == 2 and cycle == 1 and told:
            issued = _month_start(drafts.today, back - 1)  # forgotten, billed with the next month
        if issued <= drafts.today:
            yield _bill(drafts, client, price, issued, agreement=name if told else None, period=(start, end) if told else None)


def _hourly(drafts: Drafts, chance: random.Random, client: Client, months: int) -> Iterator[Bill]:
    """Work by the hour: round amounts that repeat, each for its own ticket; and projects of odd amounts."""
    for back in range(months - 1, -1, -1):
        for _ in range(chance.choice((0, 1, 1, 2, 3))):
            issued = _month_start(drafts.today, back) + timedelta(days=chance.randrange(0, 28))
            if issued > drafts.today:
                continue
            if chance.random() < 0.5:
                total = chance.randrange(2, 24) * 3750
                yield _bill(drafts, client, total, issued, reference=f"Ticket {chance.randrange(100000, 999999)}")
            else:
                yield _bill(drafts, client, chance.randrange(30_000, 2_000_000), issued, terms=chance.choice((15, 30, 45)))


def _site(drafts: Drafts, chance: random.Random, parent: Client, months: int) -> Iterator[Bill]:
    """A sub-customer at the same address with the parent's price."""
    site = Client(
        drafts.ref("C"), f"{parent.name} - {chance.choice(('North', 'Airport', 'Downtown'))}", parent.email, parent.currency
    )
    site.parent = parent.ref
    drafts.clients[site.ref] = site
    price = chance.choice(_PRICES)
    for back in range(months - 1, 0, -1):
        yield _bill(drafts, site, price, _month_start(drafts.today, back))


# ── how clients pay ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _pay(drafts: Drafts, chance: random.Random, client: Client, bills: list[Bill]) -> None:
    delay = chance.choice((-5, 0, 5, 12, 20, 35, 60))  # days after the due date
    style = chance.choice(("number", "number", "check", "blank", "debit", "memo"))
    batch = chance.random() < 0.25
    instalments = chance.random() < 0.15
    waiting: list[Bill] = []
    for bill in bills:
        day = max(bill.issued, bill.due + timedelta(days=delay + chance.randrange(-4, 5)))
        if day > drafts.today:
            continue
        if batch:
            waiting.append(bill)
            if len(waiting) == _BATCH:
                _receive(drafts, chance, client, waiting, max(day, *(item.issued for item in waiting)), style)
                waiting = []
        elif instalments and bill.total > 500_000:
            _in_parts(drafts, chance, bill, day, style)
        else:
            _receive(drafts, chance, client, [bill], day, style)


_BATCH = 3


def _texts(chance: random.Random, client: Client, bills: list[Bill], style: str) -> tuple[str | None, str | None, str]:
    numbers = ", ".join(item.number for item in bills)
    if style == "number":
        return numbers, None, "ach"
    if style == "memo":
        plain = " ".join(item.number.removeprefix("INV-") for item in bills)
        return None, chance.choice((f"Payment for {numbers}", f"invoice {plain} thank you", f"{client.name} {numbers}")), "ach"
    if style == "check":
        return str(chance.randrange(1000, 9999)), None, "check"
    if style == "debit":
        return "DD REF 112974", None, "direct debit"
    return None, None, "ach"


def _receive(drafts: Drafts, chance: random.Random, client: Client, bills: list[Bill], day: date, style: str) -> Cash:
    reference, memo, method = _texts(chance, client, bills, style)
    applied = {item.ref: item.total for item in bills}
    payer = drafts.clients[bills[0].client.parent] if bills[0].client.parent else bills[0].client
    cash = Cash(drafts.ref("R"), payer, sum(applied.values()), min(day, drafts.today), applied, reference, memo, method)
    drafts.cash[cash.ref] = cash
    return cash


def _in_parts(drafts: Drafts, chance: random.Random, bill: Bill, day: date, style: str) -> None:
    """Equal parts, weekly; the last may still be to come."""
    count = chance.choice((2, 3, 4))
    part = bill.total // count
    for number in range(count):
        on = day + timedelta(days=7 * number)
        if on > drafts.today:
            return
        amount = part if number < count - 1 else bill.total - part * (count - 1)
        cash = Cash(drafts.ref("R"), bill.client, amount, on, {bill.ref: amount}, f"Part {number + 1}", None, "ach")
        drafts.cash[cash.ref] = cash


# ── what looks like a fault and is none ─────────────────────────────────────────────────────────────────────────────────
def _odds_and_ends(drafts: Drafts, chance: random.Random) -> None:
    owed = drafts.owed()
    bills = sorted(drafts.bills.values(), key=lambda item: item.ref)
    for bill in bills:
        dice = chance.random()
        paid, untouched = owed[bill.ref] == 0, owed[bill.ref] == bill.total
        if dice < 0.010 and untouched:
            _rebill(drafts, chance, bill)
        elif dice < 0.016 and untouched:
            _credit_by_link(drafts, bill)
        elif dice < 0.022 and untouched and bill.agreement is None:
            bill.status = DocumentStatus.VOID
        elif dice < 0.028:
            _bill(drafts, bill.client, 0, bill.issued)
        elif dice < 0.034 and paid:
            _bounce_and_pay_again(drafts, chance, bill)
        elif dice < 0.25 and bill.client.in_psa:
            bill.psa_total = bill.total + chance.choice((-2, -1, 1, 2))
    _income(drafts, chance)


def _rebill(drafts: Drafts, chance: random.Random, bill: Bill) -> None:
    day = min(bill.issued + timedelta(days=chance.randrange(1, 6)), drafts.today)
    credit = Credit(drafts.ref("N"), bill.client, bill.total, day, {bill.ref: bill.total})
    drafts.credits[credit.ref] = credit
    again = _bill(drafts, bill.client, bill.total, day, agreement=bill.agreement, period=bill.period)
    again.reference = bill.reference


def _credit_by_link(drafts: Drafts, bill: Bill) -> None:
    """QuickBooks applies a credit by a payment of zero; some are entered twice in a row and look alike."""
    credit = Credit(drafts.ref("N"), bill.client, bill.total, bill.issued, carried=bill.total)
    drafts.credits[credit.ref] = credit
    link = Cash(drafts.ref("R"), bill.client, 0, bill.issued, {bill.ref: bill.total}, credits={credit.ref: bill.total})
    link.memo = "Created by QB Online to link credits to charges."
    drafts.cash[link.ref] = link


def _bounce_and_pay_again(drafts: Drafts, chance: random.Random, bill: Bill) -> None:
    """The first try came back and is kept as history; the second stands."""
    good = (
        next((item for item in drafts.cash.values() if item.applied == {bill.ref: bill.total}), None)
        if bill.total < _RARE
        else None
    )
    if good is None:
        return
    bad = Cash(drafts.ref("R"), good.client, good.amount, good.on - timedelta(days=3), {}, good.reference, good.memo, good.method)
    bad.status = chance.choice((PaymentStatus.REVERSED, PaymentStatus.VOID))
    drafts.cash[bad.ref] = bad


_RARE = 400_000


def _income(drafts: Drafts, chance: random.Random) -> None:
    """Money that is no client's payment: interest, a vendor's refund, an owner's loan."""
    for number in range(max(3, len(drafts.clients) // 4)):
        day = drafts.today - timedelta(days=chance.randrange(5, 300))
        item = Income(
            drafts.ref("D"), None, chance.randrange(500, 90_000) * 2 + 1, day, chance.choice(("interest", "refund", ""))
        )
        if number % 3 == 0:
            item.posting, item.posted_to = Posting.OTHER, "Owner's equity"
        drafts.income[item.ref] = item
