"""What goes wrong in an office, as the vendors' cases R1-R20 and product.md E tell it: each slip is somebody's, and noted.

A shaky connection sends an invoice or a payment twice; a person keys in what the integration had already brought; a bank rule
puts money on the oldest bill, on another client's of the same amount, or to income; a cheque bounces and nobody takes it back;
the PSA and the books drift apart. No slip touches a paper that another one touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from core.findings import FindingKind
from core.records import PaymentStatus, RecordKey, Ref, Stream
from tests.corpus.books_drafts import Label
from tests.corpus.books_office import BOOKS, Cash, CreditMemo, Office, Paper

K = FindingKind
Slip = Callable[["Desk"], bool]


class Desk:
    """Where slips are made: which papers are still as they should be."""

    def __init__(self, office: Office) -> None:
        self.office, self.chance = office, office.chance
        self.touched: set[str] = set()
        self.left = office.left()
        self.paid_by: dict[str, list[Cash]] = {}
        for cash in office.cash.values():
            for ref in cash.parts:
                self.paid_by.setdefault(ref, []).append(cash)
        self.credited = {ref for memo in office.memos.values() for ref in memo.parts}

    def some(self, wanted: Callable[[Paper], bool]) -> list[Paper]:
        free = (item for item in self.office.papers.values() if item.ref in self.left and item.ref not in self.touched)
        found = [item for item in free if item.total >= 9_000 and not item.void and not item.shows and wanted(item)]
        self.chance.shuffle(found)
        return found

    def is_open(self, paper: Paper) -> bool:
        return self.left[paper.ref] == paper.total and paper.ref not in self.paid_by and paper.ref not in self.credited

    def is_paid(self, paper: Paper) -> bool:
        """By one transfer of its own."""
        found = self.paid_by.get(paper.ref, [])
        return (
            len(found) == 1
            and found[0].parts == {paper.ref: paper.total}
            and found[0].amount == paper.total
            and found[0].ref not in self.touched
            and paper.ref not in self.credited
        )

    def waits(self, paper: Paper, amount: int) -> bool:
        """Does another bill of this client still want just this much?"""
        others = (item for item in self.office.papers.values() if item.owner is paper.owner and item is not paper)
        return any(self.left.get(item.ref) == amount and not item.void for item in others)

    def payment(self, paper: Paper) -> Cash:
        return self.paid_by[paper.ref][0]

    def note(self, kind: K, records: Iterable[RecordKey], minor: int, how: str, *also: K) -> bool:
        self.office.labels.append(Label(kind, frozenset(records), minor, how, frozenset(also)))
        return True

    def touch(self, *items: Paper | Cash) -> None:
        self.touched.update(item.ref for item in items)

    def add(self, cash: Cash) -> Cash:
        self.office.cash[cash.ref] = cash
        self.touch(cash)
        return cash


def invoice_sent_twice(desk: Desk) -> bool:
    """The create call was repeated after a lost answer, or a person typed in what the integration had brought."""
    office = desk.office
    for paper in desk.some(lambda item: desk.is_open(item) or desk.is_paid(item)):
        how = desk.chance.choice(("retried", "retried", "typed again", "next day", "suffix"))
        days = {"next day": 1, "typed again": desk.chance.randrange(0, 3)}.get(how, 0)
        on = paper.on + timedelta(days=days)
        if on > office.today or paper.number is None:
            continue
        number = f"{paper.number}{desk.chance.choice(('-1', 'A'))}" if how == "suffix" else office.number(on)
        copy = replace(paper, ref=office.ref(), number=number, on=on, psa_ref=None, due=on + timedelta(days=paper.owner.terms))
        if how == "typed again" and desk.chance.random() < 0.3:
            copy.memo = None
        office.papers[copy.ref] = copy
        desk.touch(paper, copy)
        return desk.note(K.DUPLICATE_INVOICE, (copy.key(), paper.key()), copy.total, how)
    return False


def payment_twice(desk: Desk) -> bool:
    """By the gateway and by the bookkeeper, by two doors, or by a client who pays again."""
    office = desk.office
    for paper in desk.some(desk.is_paid):
        first = desk.payment(paper)
        doors = ("bookkeeper too", "bookkeeper too", "both on the bill", "card and transfer", "client pays again")
        how = desk.chance.choice(doors)
        days = {"client pays again": desk.chance.randrange(8, 19)}.get(how, desk.chance.randrange(0, 3))
        on = first.on + timedelta(days=days)
        if on > office.today:
            continue
        copy = desk.add(replace(first, ref=office.ref(), on=on, parts={}))
        if how == "both on the bill":
            copy.parts = {paper.ref: paper.total}
        elif how == "card and transfer":
            copy.reference, copy.memo, copy.method = f"ch_{desk.chance.randrange(10**8)}", None, "Card"
        elif how == "client pays again":
            copy.reference, copy.memo = None, f"Inv {paper.number}"
        desk.touch(paper, first)
        # Where an equal bill waits, the second payment is as well cash for it that nobody applied: both readings are right.
        also = [K.UNAPPLIED_PAYMENT] if desk.waits(paper, copy.amount) else []
        return desk.note(K.DUPLICATE_PAYMENT, (copy.key(), first.key()), copy.amount, how, *also)
    return False


def left_unapplied(desk: Desk) -> bool:
    """The money came and nobody put it on the bill; or it came ahead of any bill."""
    for paper in desk.some(desk.is_paid):
        cash = desk.payment(paper)
        how = desk.chance.choice(("forgotten", "forgotten", "half of it", "ahead"))
        if how == "ahead":
            amount = desk.chance.randrange(40, 900) * 1_111
            cash = desk.add(Cash(desk.office.ref(), paper.owner, amount, cash.on, memo="on account"))
        else:
            cash.parts = {paper.ref: paper.total // 2} if how == "half of it" else {}
        desk.touch(paper, cash)
        return desk.note(K.UNAPPLIED_PAYMENT, (cash.key(),), cash.amount - sum(cash.parts.values()), how)
    return False


def credit_forgotten(desk: Desk) -> bool:
    for paper in desk.some(lambda item: desk.is_open(item) or desk.is_paid(item)):
        total = desk.chance.choice((5_000, 10_000, 12_345, paper.total // 3 or 1))
        memo = CreditMemo(desk.office.ref(), paper.owner, f"CN-{desk.office.number(paper.on)}", total, paper.on)
        desk.office.memos[memo.ref] = memo
        desk.touch(paper)
        return desk.note(K.UNAPPLIED_CREDIT, (memo.key(),), total, "never used")
    return False


def paid_too_much(desk: Desk) -> bool:
    for paper in desk.some(lambda item: desk.is_paid(item) and item.total % 10_000):
        cash = desk.payment(paper)
        how = desk.chance.choice(("rounded up", "swapped digits"))
        extra = 10_000 - paper.total % 10_000 if how == "rounded up" else 9_00
        if desk.office.style == "xero" and how == "rounded up":
            extra = max(extra, 100)
        cash.amount += extra
        desk.touch(paper, cash)
        also = [K.UNAPPLIED_PAYMENT] if desk.waits(paper, extra) else []
        return desk.note(K.OVERPAYMENT, (cash.key(), paper.key()), extra, how, *also)
    return False


def paid_a_bit_less(desk: Desk) -> bool:
    for paper in desk.some(lambda item: desk.is_paid(item) and item.total > 60_000):
        cash = desk.payment(paper)
        how = desk.chance.choice(("wire fee", "early discount", "odd cents", "swapped digits"))
        less = {"wire fee": 2_000, "early discount": paper.total // 50, "odd cents": desk.chance.randrange(1, 90)}.get(how, 2_700)
        cash.amount -= less
        cash.parts = {paper.ref: cash.amount}
        desk.touch(paper, cash)
        return desk.note(K.SHORT_PAYMENT, (cash.key(), paper.key()), less, how)
    return False


def on_the_oldest_bill(desk: Desk) -> bool:
    """The client names one bill, a bank rule puts the money on an older one."""
    for paper in desk.some(desk.is_paid):
        mine = [item for item in desk.some(desk.is_open) if item.owner is paper.owner]
        older = [item for item in mine if item.total >= paper.total and item.on <= paper.on]
        if not older:
            continue
        cash, wrong = desk.payment(paper), older[0]
        cash.parts = {wrong.ref: cash.amount}
        cash.reference, cash.memo = None, desk.chance.choice(("Invoice {}", "inv# {}", "{} thank you")).format(paper.number)
        desk.touch(paper, wrong, cash)
        return desk.note(K.MISAPPLIED_PAYMENT, (cash.key(),), cash.amount, "bank rule")
    return False


def on_another_client(desk: Desk) -> bool:
    for paper in desk.some(lambda item: desk.is_paid(item) and item.owner.parent is None):
        cash = desk.payment(paper)
        others = [item for item in desk.some(desk.is_open) if item.owner is not paper.owner]
        others = [item for item in others if item.owner.currency == paper.owner.currency]
        equal = [item for item in others if item.total == paper.total and item.owner.parent is None] or [
            item for item in others if item.total > paper.total and item.owner.parent is None
        ]
        if not equal:
            continue
        how = desk.chance.choice(("names its invoice", "names itself"))
        if how == "names itself" and equal[0].total != paper.total:
            how = "names its invoice"
        cash.owner, cash.parts, cash.reference = equal[0].owner, {equal[0].ref: cash.amount}, None
        cash.payer = paper.owner.name if how == "names itself" else None
        cash.memo = f"Invoice {paper.number}" if how == "names its invoice" else None
        desk.touch(paper, equal[0], cash)
        return desk.note(K.MISAPPLIED_PARTY, (cash.key(),), cash.amount, how)
    return False


def booked_as_income(desk: Desk) -> bool:
    office = desk.office
    for paper in desk.some(lambda item: desk.is_paid(item) and item.owner.parent is None):
        cash = desk.payment(paper)
        del office.cash[cash.ref]
        how = desk.chance.choice(("feed names the client", "feed quotes the bill", "coded to the client", "sales receipt"))
        if how == "sales receipt":
            made: RecordKey = RecordKey(BOOKS, Stream.SALES, office.sale(paper.owner, cash.amount, cash.on).ref)
        else:
            named = how == "coded to the client" or paper.owner.currency != "USD"
            memo = f"ACH CREDIT {paper.owner.name.upper()}" if how == "feed names the client" else f"Payment inv {paper.number}"
            deposit = office.income(cash.amount, cash.on, memo, owner=paper.owner if named else None)
            made = RecordKey(BOOKS, Stream.DEPOSITS, deposit.ref)
        desk.touch(paper, cash)
        return desk.note(K.DEPOSIT_TO_INCOME, (made,), cash.amount, how)
    return False


def void_but_paid(desk: Desk) -> bool:
    for paper in desk.some(desk.is_paid):
        paper.void, paper.memo = True, "Voided"
        desk.touch(paper, desk.payment(paper))
        return desk.note(K.ALLOCATION_TO_VOID, (desk.payment(paper).key(), paper.key()), paper.total, "void")
    return False


def bounced_and_forgotten(desk: Desk) -> bool:
    for paper in desk.some(desk.is_paid):
        cash = desk.payment(paper)
        cash.status, cash.banked, paper.shows = PaymentStatus.REVERSED, False, -paper.total
        desk.touch(paper, cash)
        return desk.note(K.REVERSED_PAYMENT, (cash.key(), paper.key()), paper.total, "bounced")
    return False


def does_not_add_up(desk: Desk) -> bool:
    office = desk.office
    for paper in desk.some(lambda item: desk.is_open(item) or desk.is_paid(item)):
        off = desk.chance.choice((10, 333, 2_500))
        if office.style == "quick" and desk.chance.random() < 0.4:
            paper.owner.stated_more += off
            desk.touched.update(item.ref for item in office.papers.values() if item.owner is paper.owner)
            key = RecordKey(BOOKS, Stream.PARTIES, Ref(paper.owner.ref))
            return desk.note(K.BALANCE_MISMATCH, (key,), off, "customer's balance")
        paper.shows = off if desk.is_paid(paper) else -off
        desk.touch(paper, *desk.paid_by.get(paper.ref, []))
        return desk.note(K.BALANCE_MISMATCH, (paper.key(),), off, "bill")
    return False


def other_currency(desk: Desk) -> bool:
    for paper in desk.some(desk.is_paid):
        cash = desk.payment(paper)
        cash.currency = "EUR"
        desk.touch(paper, cash)
        return desk.note(K.CURRENCY_MISMATCH, (cash.key(), paper.key()), paper.total, "payment")
    return False


def never_banked(desk: Desk) -> bool:
    if desk.office.style != "quick":
        return False
    for paper in desk.some(desk.is_paid):
        cash = desk.payment(paper)
        if (desk.office.today - cash.on).days > 20:
            cash.banked = False
            desk.touch(paper, cash)
            return desk.note(K.STALE_UNDEPOSITED, (cash.key(),), cash.amount, "undeposited")
    return False


def client_twice(desk: Desk) -> bool:
    """The same client entered again by another hand, a few bills under the new record."""
    office = desk.office
    for owner in list(office.customers.values()):
        if owner.ref in desk.touched or owner.parent or not owner.active or desk.chance.random() < 0.8:
            continue
        name = desk.chance.choice((f"{owner.name} (2)", owner.name.upper(), f"{owner.name}-1"))
        twin = replace(owner, ref=office.ref(), psa_ref=None, stated_more=0, name=name)
        office.customers[twin.ref] = twin
        office.bill(twin, desk.chance.randrange(20_000, 90_000), office.today - timedelta(days=desk.chance.randrange(5, 60)))
        desk.touched.update((owner.ref, twin.ref))
        keys = (RecordKey(BOOKS, Stream.PARTIES, Ref(ref)) for ref in (twin.ref, owner.ref))
        return desk.note(K.DUPLICATE_PARTY, keys, 0, "entered again", K.AMBIGUOUS_LINK)
    return False


# ── the two systems ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _in_both(desk: Desk, paper: Paper) -> bool:
    return paper.psa_ref is not None and paper.owner.active and (desk.office.today - paper.on).days > 8


def lost_on_the_way(desk: Desk) -> bool:
    for paper in desk.some(lambda item: _in_both(desk, item) and desk.is_open(item)):
        paper.in_books = False
        desk.touch(paper)
        return desk.note(K.MISSING_IN_BOOKS, (paper.psa_key(),), paper.total, "not exported")
    return False


def never_in_psa(desk: Desk) -> bool:
    for paper in desk.some(lambda item: _in_both(desk, item) and not item.agreement):
        paper.psa_ref = None
        desk.touch(paper)
        return desk.note(K.MISSING_IN_PSA, (paper.key(),), paper.total, "typed into the books")
    return False


def edited_after_export(desk: Desk) -> bool:
    for paper in desk.some(lambda item: _in_both(desk, item)):
        paper.psa_total = paper.total + desk.chance.choice((1_000, -900, 4_550, 20_000))
        desk.touch(paper)
        return desk.note(K.AMOUNT_MISMATCH, (paper.key(), paper.psa_key()), abs(paper.psa_total - paper.total), "edited")
    return False


def states_differ(desk: Desk) -> bool:
    for paper in desk.some(lambda item: _in_both(desk, item) and desk.is_open(item)):
        how = desk.chance.choice(("void in PSA", "void in books", "paid in PSA"))
        if how == "void in PSA":
            paper.psa_void = True
        elif how == "void in books":
            paper.void, paper.memo = True, "Voided"
            paper.psa_void, paper.psa_open = False, paper.total
        else:
            paper.psa_open = 0
        desk.touch(paper)
        return desk.note(K.STATUS_MISMATCH, (paper.key(), paper.psa_key()), paper.total, how)
    return False


def psa_never_heard(desk: Desk) -> bool:
    for paper in desk.some(lambda item: _in_both(desk, item) and desk.is_paid(item)):
        cash = desk.payment(paper)
        if (desk.office.today - cash.on).days > 8:
            paper.psa_open = paper.total
            desk.touch(paper, cash)
            return desk.note(K.PAYMENT_MISSING_IN_PSA, (cash.key(), paper.key(), paper.psa_key()), paper.total, "not synced")
    return False


SLIPS: tuple[Slip, ...] = (
    invoice_sent_twice, payment_twice, left_unapplied, credit_forgotten, paid_too_much, paid_a_bit_less, on_the_oldest_bill,
    on_another_client, booked_as_income, void_but_paid, bounced_and_forgotten, does_not_add_up, other_currency, never_banked,
    client_twice, lost_on_the_way, never_in_psa, edited_after_export, states_differ, psa_never_heard,
)  # fmt: skip


def slip(office: Office, *, each: int) -> Office:
    """Make every slip about `each` times in `office`, in place."""
    desk = Desk(office)
    for _ in range(each):
        for one in SLIPS:
            one(desk)
    office.slipped.update(desk.touched)
    return office
