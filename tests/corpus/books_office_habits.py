"""How an office's clients are billed and how they pay, when nothing is wrong: nothing here may give a finding.

Round prices; several bills of one price to one client on one day (visits, licences, late fees, halves of a project); sites under
one roof, paid for by the parent; a second currency; instalments; transfers over many bills; cheques numbered like other people's
bills; one direct-debit reference for everybody; credit and rebill; credits over two bills; write-offs by journal; bills imported
without dates or payments; customers merged; numbers that start anew; income that is income.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from core.records import PaymentStatus
from tests.corpus.books_office import Cash, Customer, Office, Paper

TODAY = date(2026, 5, 5)
_TRADES = (
    "Bakery", "Dental Group", "Law", "Architects", "Brewing", "Pediatrics", "Motors", "Realty", "Foundry", "Press",
    "Nursery", "Catering", "Freight", "Winery", "Optics", "Surveyors", "Clinic", "Joinery", "Insurance", "Academy",
)  # fmt: skip
_NAMES = (
    "Abbott", "Bexley", "Calder", "Dunmore", "Eastgate", "Farrow", "Gilmour", "Hartwell", "Ingram", "Jessop", "Kirkby",
    "Langley", "Maddox", "Norwood", "Oakham", "Penrose", "Quayle", "Radcliffe", "Selby", "Thornton", "Upton", "Varley",
    "Wexford", "Yardley", "Ashdown", "Bramley", "Corbett", "Denholm", "Ellery", "Fenwick",
)  # fmt: skip
_FORMS = ("Ltd", "LLC", "Inc.", "", "& Sons", "PLLC")
_RETAINERS = (50_000, 75_000, 100_000, 120_000, 150_000, 200_000, 250_000)
_VISITS = (9_500, 12_500, 15_000, 20_000)
_PRODUCTS = ("Backup", "Antivirus", "Mail security", "Office licences", "Remote monitoring")


def clean_office(seed: int, *, style: str, psa: bool, clients: int = 40, months: int = 12, today: date = TODAY) -> Office:
    """An office in good order."""
    office = Office(seed, style=style, psa=psa, today=today, months=months)
    for number in range(clients):
        owner = _customer(office, number)
        papers = _work(office, owner)
        _pay(office, owner, sorted(papers, key=lambda item: (item.on, item.ref)))
    _imported(office)
    _corrections(office)
    _merged(office)
    _other_income(office)
    return office


def _customer(office: Office, number: int) -> Customer:
    chance = office.chance
    name = f"{_NAMES[number % len(_NAMES)]} {_TRADES[(number * 3 + number // len(_NAMES)) % len(_TRADES)]}"
    if number >= 600:
        name = f"{name} {_NAMES[(number // 600 * 11 + number) % len(_NAMES)]}"
    domain = name.lower().replace(" ", "").replace("&", "") + ".example"
    form = chance.choice(_FORMS)
    owner = Customer(
        office.ref(), f"{name} {form}".strip(),
        currency=chance.choice(("USD",) * 9 + ("CAD",)),
        email=chance.choice((f"accounts@{domain}", f"office@{domain}", None)),
        phone=f"555 {200 + number:03} {chance.randrange(1000, 9999)}",
        terms=chance.choice((0, 7, 14, 30, 30, 30, 45)),
    )  # fmt: skip
    if office.psa and chance.random() < 0.9:
        owner.psa_ref, owner.psa_name = f"p{office.ref()}", chance.choice((owner.name, name, name.upper()))
    office.customers[owner.ref] = owner
    return owner


# ── what is billed ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _work(office: Office, owner: Customer) -> list[Paper]:
    chance = office.chance
    made = _retainer(office, owner)
    for kind, share in ((_visits, 0.5), (_licences, 0.35), (_project, 0.4), (_hardware, 0.6), (_block, 0.15), (_sites, 0.1)):
        if chance.random() < share:
            made += kind(office, owner)
    if not owner.psa_ref and chance.random() < 0.2:
        made += _late_fees(office, owner, made)
    return made


def _retainer(office: Office, owner: Customer) -> list[Paper]:
    chance = office.chance
    price, named, dated = chance.choice(_RETAINERS), chance.random() < 0.7, chance.random() < 0.5
    day, first = chance.choice((1, 1, 1, 15, 28)), chance.randrange(0, 4)
    made = []
    for back in range(office.months - first, -1, -1):
        start = office.month(back).replace(day=day)
        end = office.month(back - 1).replace(day=day) - timedelta(days=1)
        if start <= office.today:
            more: dict[str, object] = {"memo": f"Managed services {start:%B %Y}"} if named else {}
            if dated:
                more |= {"agreement": f"A{owner.ref[-6:]}", "period": (start, end)}
            made.append(office.bill(owner, price, start, **more))
        if chance.random() < 0.02:
            price += 5_000  # the yearly rise
    return made


def _visits(office: Office, owner: Customer) -> list[Paper]:
    """Each call-out is a bill of its own at one price; two engineers, two calls in a day: two equal bills on that day."""
    chance = office.chance
    price, says = chance.choice(_VISITS), chance.choice(("ticket", "ticket", "memo", "nothing"))
    made = []
    for back in range(office.months, -1, -1):
        for _ in range(chance.choice((0, 1, 2, 4))):
            on = office.month(back) + timedelta(days=chance.randrange(28))
            for _ in range(chance.choice((1, 1, 1, 2, 3))):
                ticket = chance.randrange(10_000, 99_999)
                more: dict[str, object] = {}
                if says == "ticket":
                    more = {"reference": f"T{ticket}"}
                elif says == "memo":
                    more = {"memo": f"On-site visit, call {ticket}"}
                if on <= office.today:
                    made.append(office.bill(owner, price, on, **more))
    return made


def _licences(office: Office, owner: Customer) -> list[Paper]:
    """A bill for each product on the first of the month; two products may cost the same."""
    chance = office.chance
    made = []
    for product in chance.sample(_PRODUCTS, chance.choice((2, 3))):
        price = chance.choice((400, 500, 600)) * chance.choice((10, 12, 20))
        months = [office.month(back) for back in range(office.months, -1, -1)]
        made += [office.bill(owner, price, month, memo=f"{product} {month:%m/%Y}") for month in months]
    return made


def _project(office: Office, owner: Customer) -> list[Paper]:
    """Half now and half on delivery, both billed at once or weeks apart; or thirds."""
    chance = office.chance
    whole = chance.randrange(2, 30) * 100_000
    on = office.month(chance.randrange(2, office.months)) + timedelta(days=chance.randrange(27))
    if chance.random() < 0.5:
        later = on + timedelta(days=chance.choice((0, 0, 21, 40)))
        words = chance.choice((("50% deposit", "50% on delivery"), ("Project, part 1 of 2", "Project, part 2 of 2")))
        return [office.bill(owner, whole // 2, day, memo=text) for day, text in zip((on, later), words, strict=True)]
    days = [on + timedelta(days=30 * stage) for stage in range(3)]
    return [
        office.bill(owner, whole // 4, day, memo=f"Stage {stage}") for stage, day in enumerate(days, 1) if day <= office.today
    ]


def _hardware(office: Office, owner: Customer) -> list[Paper]:
    chance = office.chance
    days = (office.month(chance.randrange(office.months)) + timedelta(days=chance.randrange(28)) for _ in range(6))
    orders = ({"reference": f"PO {chance.randrange(1000, 9999)}"} if chance.random() < 0.5 else {} for _ in range(6))
    return [
        office.bill(owner, chance.randrange(4_000, 900_000), on, **more)
        for on, more in zip(days, orders, strict=True)
        if on <= office.today
    ]


def _block(office: Office, owner: Customer) -> list[Paper]:
    """Hours bought ahead; what is used of them is billed at 0.00."""
    on = office.month(office.chance.randrange(3, office.months))
    bought = office.bill(owner, 300_000, on, memo="20 hours ahead")
    for number in range(1, 6):
        office.bill(owner, 0, on + timedelta(days=9 * number), memo="Taken from your hours")
    return [bought]


def _sites(office: Office, owner: Customer) -> list[Paper]:
    """Branches with the head office's price and telephone; the head office pays for them."""
    made = []
    for place in office.chance.sample(("North", "Harbour", "Airport"), 2):
        site = replace(owner, ref=office.ref(), name=f"{owner.name} {place}", parent=owner.ref, psa_ref=None)
        office.customers[site.ref] = site
        made += [
            office.bill(site, 80_000, office.month(back), memo=f"{place} {office.month(back):%b %Y}")
            for back in range(office.months, 0, -1)
        ]
    return made


def _late_fees(office: Office, owner: Customer, bills: list[Paper]) -> list[Paper]:
    """One fee of 25.00 for each of several old bills, all on one day."""
    on = office.month(office.chance.randrange(1, 5)) + timedelta(days=10)
    late = [item for item in bills if item.due and item.due < on - timedelta(days=15)][-4:]
    return [office.bill(owner, 2_500, on, memo=f"Late fee for {item.number}") for item in late]


# ── how it is paid ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _pay(office: Office, owner: Customer, papers: list[Paper]) -> None:
    chance = office.chance
    papers = [item for item in papers if item.total > 0]
    habit = chance.choice(("each", "each", "each", "monthly", "monthly", "debit", "cheque", "cheque", "slow"))
    delay = {"debit": 0, "slow": chance.randrange(40, 80)}.get(habit, chance.randrange(-8, 25))
    if habit in ("monthly", "cheque"):
        _together(office, owner, papers, habit)
        return
    for paper in papers:
        on = (paper.due or paper.on) + timedelta(days=delay + (chance.randrange(-3, 6) if habit != "debit" else 0))
        on = max(on, paper.on)
        if on > office.today or (chance.random() < 0.04 and on > office.today - timedelta(days=90)):
            continue
        if paper.total >= 400_000 and chance.random() < 0.5:
            _instalments(office, owner, paper, on)
            continue
        office.receive(_payer_of(office, owner, paper), {paper: paper.total}, on, **_text(office, habit, [paper], owner))


def _payer_of(office: Office, owner: Customer, paper: Paper) -> Customer:
    """Xero wants the payment under the bill's own customer; QuickBooks lets the parent pay for its sites."""
    return owner if office.style == "quick" else paper.owner


def _together(office: Office, owner: Customer, papers: list[Paper], habit: str) -> None:
    """Once a month everything that is due, in one sum."""
    for back in range(office.months, -1, -1):
        on = office.month(back) + timedelta(days=office.chance.randrange(20, 27))
        due = [item for item in papers if item.due and item.due.year * 12 + item.due.month == on.year * 12 + on.month]
        if not due or on > office.today:
            continue
        due = [item for item in due if item.on <= on]
        groups = [[item] for item in due] if office.style == "xero" else [due]
        words = _text(office, habit, due, owner)
        for group in groups:
            if group:
                office.receive(_payer_of(office, owner, group[0]), {item: item.total for item in group}, on, **words)


def _instalments(office: Office, owner: Customer, paper: Paper, first: date) -> None:
    for number in range(4):
        part = paper.total // 4 if number < 3 else paper.total - 3 * (paper.total // 4)
        on = first + timedelta(days=30 * number)
        if on <= office.today:
            office.receive(_payer_of(office, owner, paper), {paper: part}, on, reference=paper.number, method="ACH")


def _text(office: Office, habit: str, papers: list[Paper], owner: Customer) -> dict[str, object]:
    """What stands on the payment."""
    chance = office.chance
    numbers = [item.number or "" for item in papers]
    if habit == "debit":
        return {"reference": f"DD {papers[0].due or papers[0].on:%y%m%d}", "method": "Direct debit"}
    if habit == "cheque":
        return {"reference": office.check_number(), "method": "Check"}
    kind = chance.choice(("numbers", "numbers", "name", "order", "nothing"))
    if kind == "numbers":
        return {"reference": numbers[0] if len(numbers) == 1 else None, "memo": ", ".join(numbers[:6]), "method": "ACH"}
    if kind == "name":
        return {"memo": f"{owner.name} payment", "payer": owner.name, "method": "ACH"}
    if kind == "order":
        return {"memo": f"Your account {chance.randrange(1000, 9999)}", "method": chance.choice(("ACH", "Card"))}
    return {"method": chance.choice(("ACH", "Card", "Wire"))}


# ── what else an office does ────────────────────────────────────────────────────────────────────────────────────────────
def _untouched(office: Office) -> list[Paper]:
    paid = {ref for cash in office.cash.values() for ref in cash.parts}
    free = [
        item
        for item in office.papers.values()
        if item.ref not in paid and item.total > 3_000 and not item.owner.parent and not item.shows and not item.void
    ]
    office.chance.shuffle(free)
    return free


def _corrections(office: Office) -> None:
    """Credit and rebill, a credit over two bills, a bill void or written off, a payment that bounced and came again."""
    chance, free = office.chance, _untouched(office)
    for wrong in free[: len(free) // 12]:
        step = chance.choice(("rebill", "rebill other", "void", "write off"))
        on = min(wrong.on + timedelta(days=chance.randrange(1, 20)), office.today)
        if step == "void":
            wrong.void, wrong.memo = True, "Voided"
        elif step == "write off" and wrong.total < 200_000 and not wrong.psa_ref:
            office.write_off(wrong, wrong.total, on)
        elif step.startswith("rebill"):
            office.credit(wrong.owner, wrong.total, on, {wrong: wrong.total})
            office.bill(wrong.owner, wrong.total if step == "rebill" else wrong.total - 2_000, on, memo=wrong.memo)
    _shared_credits(office)
    for cash in chance.sample(sorted(office.cash.values(), key=lambda item: item.ref), max(2, len(office.cash) // 80)):
        if cash.amount > 0 and len(cash.parts) == 1:
            status = PaymentStatus.REVERSED if office.style == "quick" else PaymentStatus.VOID
            tried = replace(cash, ref=office.ref(), on=cash.on - timedelta(days=4), parts={}, status=status, banked=False)
            office.cash[tried.ref] = tried


def _shared_credits(office: Office) -> None:
    """A goodwill credit used on two open bills of one client, which stay open for the rest."""
    by_owner: dict[str, list[Paper]] = {}
    left = office.left()
    for paper in _untouched(office):
        if left[paper.ref] == paper.total and not paper.void:
            by_owner.setdefault(paper.owner.ref, []).append(paper)
    for papers in [items for items in by_owner.values() if len(items) > 1][: max(2, len(by_owner) // 6)]:
        one, two = papers[:2]
        first, second = one.total // 3, two.total // 4
        office.credit(one.owner, first + second, max(one.on, two.on), {one: first, two: second})


def _imported(office: Office) -> None:
    """What stood in the old system: closed bills without payments or terms, all dated the day of the move."""
    moved = office.month(office.months + 2)
    for owner in list(office.customers.values())[::3]:
        for _ in range(office.chance.choice((1, 2, 3))):
            paper = office.bill(owner, office.chance.choice((50_000, 120_000, 75_025)), moved, memo="Opening balance")
            paper.due, paper.psa_ref = None, None
            paper.shows = -paper.total


def _merged(office: Office) -> None:
    """Customers entered twice and merged since: the second is inactive and empty."""
    for owner in list(office.customers.values())[::9]:
        twin = replace(owner, ref=office.ref(), active=False, psa_ref=None, parent=None)
        office.customers[twin.ref] = twin


def _other_income(office: Office) -> None:
    chance = office.chance
    for _ in range(office.months):
        on = office.month(chance.randrange(office.months)) + timedelta(days=chance.randrange(27))
        memo = chance.choice(("Interest", "Distributor rebate", "Sale of old servers", "Tax refund", ""))
        if on <= office.today:
            office.income(chance.randrange(700, 60_000), on, memo, posted_to="Other income")


def payments_of(office: Office, paper: Paper) -> list[Cash]:
    """The payments applied to a bill."""
    return [item for item in office.cash.values() if paper.ref in item.parts]
