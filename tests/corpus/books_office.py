"""A second maker of labelled books, of other habits than `books.py`: an office whose papers are written as its days go by.

It knows two kinds of books. QuickBooks' way: short ids, payments in bank deposits, credits carried by payments of 0.00, balances
stated on customers. Xero's way: long ids, one payment per invoice of a transfer, credits with their own allocations, no deposits.
Who bills what and how clients pay is in `books_office_habits.py`, what goes wrong in `books_office_slips.py`.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from core.money import Money
from core.records import (
    Adjustment,
    Allocation,
    CreditNote,
    CreditUse,
    Deposit,
    DepositLine,
    DocumentStatus,
    Invoice,
    Malformed,
    Party,
    Payment,
    PaymentStatus,
    Posting,
    Record,
    RecordKey,
    Ref,
    Role,
    Sale,
    Stream,
    key_of,
)
from tests.corpus.books_drafts import Label

BOOKS, PSA = "books", "psa"
ROLES = {BOOKS: Role.BOOKS, PSA: Role.PSA}
COUNTED = (PaymentStatus.RECEIVED, PaymentStatus.PENDING)


@dataclass(eq=False)
class Customer:
    ref: str
    name: str
    currency: str = "USD"
    email: str | None = None
    phone: str | None = None
    parent: str | None = None
    active: bool = True
    psa_ref: str | None = None
    psa_name: str = ""
    terms: int = 30
    stated_more: int = 0  # what the vendor states beyond the customer's own transactions


@dataclass(eq=False)
class Paper:
    """A bill. `shows`: what the vendor shows as open beyond what was applied; `psa_*`: what the PSA says otherwise."""

    ref: str
    owner: Customer
    number: str | None
    total: int
    on: date
    due: date | None
    memo: str | None = None
    reference: str | None = None
    agreement: str | None = None
    period: tuple[date, date] | None = None
    void: bool = False
    shows: int = 0
    currency: str | None = None
    in_books: bool = True
    psa_ref: str | None = None
    psa_number: str = ""
    psa_total: int | None = None
    psa_open: int | None = None
    psa_void: bool | None = None

    def key(self) -> RecordKey:
        return RecordKey(BOOKS, Stream.INVOICES, Ref(self.ref))

    def psa_key(self) -> RecordKey:
        return RecordKey(PSA, Stream.INVOICES, Ref(self.psa_ref or ""))


@dataclass(eq=False)
class Cash:
    ref: str
    owner: Customer
    amount: int
    on: date
    parts: dict[str, int] = field(default_factory=dict)
    reference: str | None = None
    memo: str | None = None
    payer: str | None = None
    method: str = "ACH"
    status: PaymentStatus = PaymentStatus.RECEIVED
    credits: dict[str, int] = field(default_factory=dict)
    banked: bool = True
    currency: str | None = None

    def key(self) -> RecordKey:
        return RecordKey(BOOKS, Stream.PAYMENTS, Ref(self.ref))


@dataclass(eq=False)
class CreditMemo:
    ref: str
    owner: Customer
    number: str
    total: int
    on: date
    parts: dict[str, int] = field(default_factory=dict)
    carried: int = 0

    def key(self) -> RecordKey:
        return RecordKey(BOOKS, Stream.CREDIT_NOTES, Ref(self.ref))


class Office:
    """One firm's papers. `style` is "quick" or "xero"; `psa`: its work is billed in a PSA and copied to the books."""

    def __init__(self, seed: int, *, style: str, psa: bool, today: date, months: int) -> None:
        self.chance = random.Random(seed * 7919 + (style == "xero") * 2 + psa)
        self.style, self.psa, self.today, self.months = style, psa, today, months
        self.numbering = self.chance.choice(("plain", "prefixed", "yearly", "renumbered"))
        self.same_number = self.chance.random() < 0.6  # the books take the PSA's number; else they keep it as reference
        self.customers: dict[str, Customer] = {}
        self.papers: dict[str, Paper] = {}
        self.cash: dict[str, Cash] = {}
        self.memos: dict[str, CreditMemo] = {}
        self.others: list[Record] = []
        self.labels: list[Label] = []
        self.slipped: set[str] = set()  # what slips touched, named in a label or not
        self.unread: set[RecordKey] = set()
        self.malformed: list[tuple[str, Malformed]] = []
        self._last = 1000 + self.chance.randrange(4000)
        self._check = 2000 + self.chance.randrange(3000)
        self._counts: dict[str, int] = defaultdict(lambda: 100)

    # ── names of things ─────────────────────────────────────────────────────────────────────────────────────────────────
    def ref(self) -> str:
        self._last += 1
        return str(self._last) if self.style == "quick" else str(UUID(int=self.chance.getrandbits(128), version=4))

    def number(self, on: date) -> str:
        scheme = self.numbering
        if scheme == "renumbered":
            scheme = "prefixed" if on < self.today - timedelta(days=150) else "plain"
        series = f"{on.year}" if scheme == "yearly" else scheme
        self._counts[series] += 1
        count = self._counts[series]
        return {"plain": str(20000 + count), "prefixed": f"INV-{count:05}", "yearly": f"{on.year}-{count:04}"}[scheme]

    def check_number(self) -> str:
        self._check += self.chance.randrange(1, 7)
        return str(self._check)

    def month(self, back: int) -> date:
        count = self.today.year * 12 + self.today.month - 1 - back
        return date(count // 12, count % 12 + 1, 1)

    # ── papers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def bill(self, owner: Customer, total: int, on: date, **more: object) -> Paper:
        number = self.number(on)
        paper = Paper(self.ref(), owner, number, total, on, on + timedelta(days=owner.terms), **more)  # type: ignore[arg-type]
        if self.psa and owner.psa_ref:
            self._last += 1
            paper.psa_ref = f"p{self._last}"
            paper.psa_number = number.removeprefix("INV-") if self.same_number else str(self._last)
            if not self.same_number:  # the books keep the PSA's number as their reference; what stood there goes to the memo
                paper.memo = " ".join(filter(None, (paper.memo, paper.reference))) or None
                paper.reference = paper.psa_number
        self.papers[paper.ref] = paper
        return paper

    def receive(self, owner: Customer, parts: dict[Paper, int], on: date, *, extra: int = 0, **more: object) -> list[Cash]:
        """Money of a client over its bills: one payment in QuickBooks, one for each bill in Xero. `extra` stays unapplied."""
        groups = [parts] if self.style == "quick" or len(parts) < 2 else [{paper: part} for paper, part in parts.items()]
        made = []
        for group in groups:
            amount = sum(group.values()) + extra
            cash = Cash(self.ref(), owner, amount, on, {paper.ref: part for paper, part in group.items()}, **more)  # type: ignore[arg-type]
            self.cash[cash.ref] = cash
            made.append(cash)
            extra = 0
        return made

    def credit(self, owner: Customer, total: int, on: date, parts: dict[Paper, int]) -> CreditMemo:
        """A credit note put to use: by a payment of 0.00 in QuickBooks, by its own allocations in Xero."""
        memo = CreditMemo(self.ref(), owner, f"CN-{self.number(on)}", total, on)
        self.memos[memo.ref] = memo
        if self.style == "xero":
            memo.parts = {paper.ref: part for paper, part in parts.items()}
        elif parts:
            memo.carried = sum(parts.values())
            link = Cash(self.ref(), owner, 0, on, {paper.ref: part for paper, part in parts.items()})
            link.credits, link.memo = {memo.ref: memo.carried}, "Created by QB Online to link credits to charges."
            self.cash[link.ref] = link
        return memo

    def left(self) -> dict[str, int]:
        """What each bill still wants, by what was applied."""
        open_now = {ref: 0 if paper.void else paper.total for ref, paper in self.papers.items()}
        for cash in self.cash.values():
            for ref, part in cash.parts.items() if cash.status in COUNTED else ():
                open_now[ref] -= 0 if self.papers[ref].void else part
        for memo in self.memos.values():
            for ref, part in memo.parts.items():
                open_now[ref] -= part
        for item in self.others:
            for one in item.allocations if isinstance(item, Adjustment) else ():
                open_now[str(one.invoice_ref)] -= one.amount.minor
        return open_now

    # ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def records(self) -> list[Record]:
        left = self.left()
        made: list[Record] = [*self.others, *self._payments(), *self._credits(), *self._deposits()]
        for paper in self.papers.values():
            open_now = max(left[paper.ref], 0) + paper.shows
            if paper.in_books:
                made.append(self._invoice(paper, open_now))
            if paper.psa_ref is not None:
                made.append(self._psa_invoice(paper, open_now))
        return [item for item in (*made, *self._parties(made)) if key_of(item) not in self.unread]

    def _parties(self, made: list[Record]) -> Iterator[Party]:
        owed: dict[str, int] = defaultdict(int)
        for item in made:
            party = str(getattr(item, "party_ref", None))
            if item.connection != BOOKS:
                continue
            if isinstance(item, Invoice):
                owed[party] += item.open.minor
            elif isinstance(item, Payment) and item.status in COUNTED:
                owed[party] -= item.unapplied.minor
            elif isinstance(item, CreditNote):
                owed[party] -= item.remaining.minor
        for one in self.customers.values():
            shared = {"email": one.email, "phone": one.phone, "currency": one.currency, "active": one.active}
            stated = Money(owed[one.ref] + one.stated_more, one.currency) if self.style == "quick" else None
            parent = Ref(one.parent) if one.parent else None
            yield Party(connection=BOOKS, ref=Ref(one.ref), name=one.name, parent_ref=parent, balance=stated, **shared)
            if self.psa and one.psa_ref:
                yield Party(connection=PSA, ref=Ref(one.psa_ref), name=one.psa_name, email=one.email, currency=one.currency)

    def _invoice(self, paper: Paper, left: int) -> Invoice:
        code = paper.currency or paper.owner.currency
        status = DocumentStatus.VOID if paper.void else DocumentStatus.OPEN if left > 0 else DocumentStatus.CLOSED
        zeroed = paper.void and self.style == "quick"
        return Invoice(
            connection=BOOKS, ref=Ref(paper.ref), party_ref=Ref(paper.owner.ref), number=paper.number, reference=paper.reference,
            total=Money(0 if zeroed else paper.total, code), open=Money(0 if paper.void else left, code), issued_on=paper.on,
            due_on=paper.due, status=status, memo=paper.memo, **self._recurring(paper),
        )  # fmt: skip

    def _psa_invoice(self, paper: Paper, left: int) -> Invoice:
        code = paper.owner.currency
        total = paper.total if paper.psa_total is None else paper.psa_total
        still = paper.psa_open if paper.psa_open is not None else max(left - paper.total + total, 0) if left else 0
        void = paper.void if paper.psa_void is None else paper.psa_void
        status = DocumentStatus.VOID if void else DocumentStatus.OPEN if still else DocumentStatus.CLOSED
        return Invoice(
            connection=PSA, ref=Ref(paper.psa_ref or ""), party_ref=Ref(paper.owner.psa_ref or ""), number=paper.psa_number,
            total=Money(total, code), open=Money(0 if void else still, code), issued_on=paper.on, due_on=paper.due,
            status=status, **self._recurring(paper),
        )  # fmt: skip

    def _recurring(self, paper: Paper) -> dict[str, object]:
        start, end = paper.period or (None, None)
        return {"agreement_ref": Ref(paper.agreement) if paper.agreement else None, "period_start": start, "period_end": end}

    def _payments(self) -> Iterator[Payment]:
        for item in self.cash.values():
            code = item.currency or item.owner.currency
            used = sum(item.parts.values()) - sum(item.credits.values())
            counts = item.status in COUNTED
            yield Payment(
                connection=BOOKS, ref=Ref(item.ref), party_ref=Ref(item.owner.ref), amount=Money(item.amount, code),
                unapplied=Money(max(item.amount - used, 0) if counts else 0, code), paid_on=item.on, status=item.status,
                allocations=tuple(Allocation(invoice_ref=Ref(ref), amount=Money(part, code)) for ref, part in item.parts.items()),
                credits_used=tuple(
                    CreditUse(stream=Stream.CREDIT_NOTES, ref=Ref(ref), amount=Money(part, code))
                    for ref, part in item.credits.items()
                ),
                reference=item.reference, memo=item.memo, payer=item.payer, method=item.method,
                deposited=(item.banked if item.amount else None) if self.style == "quick" else None,
            )  # fmt: skip

    def _credits(self) -> Iterator[CreditNote]:
        for item in self.memos.values():
            code, rest = item.owner.currency, item.total - sum(item.parts.values()) - item.carried
            yield CreditNote(
                connection=BOOKS, ref=Ref(item.ref), party_ref=Ref(item.owner.ref), number=item.number,
                total=Money(item.total, code), remaining=Money(rest, code), issued_on=item.on,
                status=DocumentStatus.OPEN if rest else DocumentStatus.CLOSED,
                allocations=tuple(Allocation(invoice_ref=Ref(ref), amount=Money(part, code)) for ref, part in item.parts.items()),
            )  # fmt: skip

    def _deposits(self) -> Iterator[Deposit]:
        """QuickBooks: cheques go to the bank on Fridays together, card money comes the next day less its fee."""
        bundles: dict[tuple[date, str, bool], list[Cash]] = defaultdict(list)
        for item in self.cash.values():
            if self.style == "quick" and item.banked and item.amount > 0 and item.status is PaymentStatus.RECEIVED:
                card = item.method == "Card"
                day = item.on + timedelta(days=1 if card else (4 - item.on.weekday()) % 7)
                if day <= self.today:
                    bundles[(day, item.currency or item.owner.currency, card)].append(item)
        for (day, code, card), items in sorted(bundles.items(), key=lambda one: (one[0][0], one[0][1], one[0][2])):
            lines = [
                DepositLine(amount=Money(item.amount, code), posting=Posting.OTHER,
                            posted_to="Checking", payment_ref=Ref(item.ref))
                for item in items
            ]  # fmt: skip
            if card:
                fee = -sum(round(item.amount * 0.029) for item in items)
                lines.append(DepositLine(amount=Money(fee, code), posting=Posting.OTHER, posted_to="Merchant fees", memo="fee"))
            whole = Money(sum(line.amount.minor for line in lines), code)
            ref = Ref(f"D{day:%y%m%d}{code}{'c' * card}")
            yield Deposit(connection=BOOKS, ref=ref, amount=whole, deposited_on=day, lines=tuple(lines))

    def income(self, amount: int, on: date, memo: str, *, owner: Customer | None = None, posted_to: str = "Sales") -> Deposit:
        """Money put in the bank with no payment behind it."""
        code = owner.currency if owner else "USD"
        line = DepositLine(
            amount=Money(amount, code), posting=Posting.INCOME, posted_to=posted_to,
            party_ref=Ref(owner.ref) if owner else None, memo=memo,
        )  # fmt: skip
        made = Deposit(connection=BOOKS, ref=Ref(self.ref()), amount=line.amount, deposited_on=on, lines=(line,))
        self.others.append(made)
        return made

    def sale(self, owner: Customer, amount: int, on: date) -> Sale:
        """A sales receipt."""
        made = Sale(
            connection=BOOKS, ref=Ref(self.ref()), party_ref=Ref(owner.ref), number=self.number(on),
            amount=Money(amount, owner.currency), sold_on=on, posted_to="Sales",
        )  # fmt: skip
        self.others.append(made)
        return made

    def write_off(self, paper: Paper, amount: int, on: date) -> None:
        """A journal entry takes the rest of a bill off the books."""
        code = paper.owner.currency
        part = Allocation(invoice_ref=Ref(paper.ref), amount=Money(amount, code))
        self.others.append(
            Adjustment(
                connection=BOOKS, ref=Ref(self.ref()), party_ref=Ref(paper.owner.ref), amount=Money(-amount, code),
                remaining=Money(0, code), adjusted_on=on, reason="written off", allocations=(part,),
            )
        )  # fmt: skip
