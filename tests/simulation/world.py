"""Clients and their vendor, simulated: who pays when and how, what the vendor shows of it, what people do about it.

The world knows the truth; duesync sees only what it pulled. Every kind of payer of the product notes' section E lives here: on
time, late, in parts, twice, with the wrong reference, into the wrong account, by a charge that bounces, in dispute, unreachable,
bankrupt.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from core.books import Account, AccountBooks
from core.holds import Hold, HoldKind
from core.money import Money
from core.outbox import ContactKind, PastContact, Promise
from core.records import (
    Allocation,
    Contact,
    CreditNote,
    Deposit,
    DepositLine,
    DocumentStatus,
    Invoice,
    Party,
    Payment,
    PaymentStatus,
    Posting,
    RecordKey,
    Ref,
    Role,
    Stream,
    key_of,
)
from tests.simulation.detours import Detour, by_bank, under_the_second

VENDOR, PSA = "books", "psa"
ZONES = ("America/Chicago", "America/New_York", "Europe/London", "Australia/Sydney")
HABITS = (
    "on_time", "late", "very_late", "never", "in_parts", "twice", "unnamed", "misnamed", "to_income", "clearing", "bounces",
    "disputes", "replies", "unreachable", "bankrupt", "promises", "credited", "moved", "reopened", "psa_first", "in_trouble",
    "by_bank", "entered_twice", "one_bank",
)  # fmt: skip


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@dataclass
class Client:
    """One client: its records at the vendor as they are now, and what is planned to happen to them."""

    id: str
    habit: str
    zone: str
    rng: random.Random
    invoices: dict[str, Invoice] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    credit_notes: dict[str, CreditNote] = field(default_factory=dict)
    deposits: dict[str, Deposit] = field(default_factory=dict)
    plans: list[tuple[date, Callable[[], None]]] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    history: list[PastContact] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
    counter: int = 0
    twins: dict[str, Invoice] = field(default_factory=dict)  # the same invoices in the PSA, for those who are there too
    yesterday: AccountBooks | None = None  # what a vendor that lags still shows
    bank: dict[str, Payment] = field(default_factory=dict)  # rows of the bank that came from this client
    detours: dict[str, Detour] = field(default_factory=dict)  # by its ref money that is not yet where it belongs
    second: Client | None = None  # the same client entered a second time
    called: str = ""
    _shown: AccountBooks | None = None

    @property
    def name(self) -> str:
        return self.called or f"Client {self.id}"

    @property
    def account(self) -> Account:
        systems = (VENDOR, PSA) if self.habit == "psa_first" else (VENDOR,)
        return Account(
            id=self.id, name=self.name, parties=tuple(RecordKey(name, Stream.PARTIES, Ref(self.id)) for name in systems)
        )

    def books(self) -> AccountBooks:
        """The vendor's records as they are this moment; the same object until something changes."""
        if self._shown is None:
            self._shown = self._books()
        return self._shown

    def changed(self) -> None:
        """Something happened at the vendor."""
        self._shown = None

    def _books(self) -> AccountBooks:
        party = Party(
            connection=VENDOR,
            ref=Ref(self.id),
            name=self.name,
            email=f"first@{self.id}.example",
            timezone=self.zone,
            country="US",
        )
        contact = Contact(
            connection=VENDOR, ref=Ref(f"k{self.id}"), party_ref=party.ref, name="Sam", email=f"second@{self.id}.example"
        )
        return AccountBooks(
            account=self.account,
            parties=(party, replace(party, connection=PSA)) if self.twins or self.habit == "psa_first" else (party,),
            contacts=(contact,) if self.habit != "unreachable" else (),
            invoices=(*self.invoices.values(), *self.twins.values()),
            payments=tuple(self.payments.values()),
            credit_notes=tuple(self.credit_notes.values()),
            deposits=tuple(self.deposits.values()),
            roles={VENDOR: Role.BOOKS, PSA: Role.PSA},
        )

    # ── what happens ────────────────────────────────────────────────────────────────────────────────────────────────────
    def live(self, today: date) -> None:
        """One day of the client's life at its vendor."""
        self.yesterday = self.books()
        due, self.plans = [p for p in self.plans if p[0] <= today], [p for p in self.plans if p[0] > today]
        for _, happen in sorted(due, key=lambda plan: plan[0]):
            happen()
        if self.rng.random() < 1 / 24:
            self.bill(today)
            self.changed()
        if due:
            self.changed()

    def bill(self, today: date) -> None:
        number = f"{self.id.upper()}-{self.next_()}"
        amount = usd(self.rng.choice([120_00, 450_00, 450_00, 999_99, self.rng.randint(50_00, 5_000_00)]))
        due_on = today + timedelta(days=self.rng.choice([0, 14, 30, 30]))
        self.invoices[number] = Invoice(
            connection=VENDOR,
            ref=Ref(number),
            party_ref=Ref(self.id),
            number=number,
            total=amount,
            open=amount,
            issued_on=today,
            due_on=due_on,
            status=DocumentStatus.OPEN,
            sent=self.rng.random() < 0.5,
        )
        if self.habit == "psa_first":
            self.twins[number] = replace(self.invoices[number], connection=PSA, ref=Ref(f"t{number}"))
        self._plan_payment(number, due_on)

    def next_(self) -> int:
        self.counter += 1
        return 1000 + self.counter

    def after(self, day: date, days: int, happen: Callable[[], None]) -> None:
        self.plans.append((day + timedelta(days=max(days, 0)), happen))

    def _plan_payment(self, number: str, due_on: date) -> None:
        late = self.rng.randint(-5, 3) if self.habit == "on_time" else self.rng.randint(1, 45)
        if self.habit in ("very_late", "replies", "unreachable", "promises", "in_trouble"):
            late += self.rng.randint(20, 120)
        paid_on = due_on + timedelta(days=late)
        ways: dict[str, Callable[[], None]] = {
            "in_parts": lambda: self._in_parts(number, paid_on),
            "twice": lambda: self._twice(number, paid_on),
            "unnamed": lambda: self._unapplied(number, paid_on, memo="thank you"),
            "misnamed": lambda: self._unapplied(number, paid_on, memo=f"payment {number} less fee", less=350),
            "to_income": lambda: self._to_income(number, paid_on),
            "clearing": lambda: self._clearing(number, paid_on, bounces=False),
            "bounces": lambda: self._clearing(number, paid_on, bounces=self.rng.random() < 0.5),
            "disputes": lambda: self._dispute(number, paid_on),
            "credited": lambda: self._credit(number, paid_on),
            "moved": lambda: self._move(number, paid_on),
            "reopened": lambda: self._reopen(number, paid_on),
            "psa_first": lambda: self._psa_first(number, paid_on),
            "by_bank": lambda: by_bank(self, number, paid_on),
            "one_bank": lambda: by_bank(self, number, paid_on),
            "entered_twice": lambda: under_the_second(self, number, paid_on),
        }
        if self.habit == "never" or (self.habit == "bankrupt" and self.rng.random() < 0.5):
            return
        self.after(paid_on, 0, ways.get(self.habit, lambda: self.apply(number, paid_on)))

    def open_(self, number: str) -> bool:
        return self.invoices[number].status is DocumentStatus.OPEN

    def _settle(self, number: str, minor: int) -> None:
        """Money applied to an invoice: the vendor shows less open."""
        invoice = self.invoices[number]
        rest = max(invoice.open.minor - minor, 0)
        status = DocumentStatus.OPEN if rest else DocumentStatus.CLOSED
        self.invoices[number] = replace(invoice, open=usd(rest), status=status)

    def _pay(self, number: str | None, minor: int, on: date, **rest: object) -> str:
        ref = f"p{self.next_()}"
        allocations = (Allocation(invoice_ref=Ref(number), amount=usd(minor)),) if number else ()
        given: dict[str, object] = {"unapplied": usd(0 if number else minor), **rest}
        self.payments[ref] = Payment(
            connection=VENDOR,
            ref=Ref(ref),
            party_ref=Ref(self.id),
            amount=usd(minor),
            paid_on=on,
            allocations=allocations,
            **given,
        )  # type: ignore[arg-type]
        return ref

    def apply(self, number: str, on: date, minor: int | None = None) -> None:
        if self.open_(number):
            amount = self.invoices[number].open.minor if minor is None else min(minor, self.invoices[number].open.minor)
            self._pay(number, amount, on)
            self._settle(number, amount)

    def _in_parts(self, number: str, on: date) -> None:
        self.apply(number, on, self.invoices[number].total.minor // 3)
        self.after(on, 10, lambda: self.apply(number, on + timedelta(days=10), self.invoices[number].total.minor // 3))
        self.after(on, 25, lambda: self.apply(number, on + timedelta(days=25)))

    def _twice(self, number: str, on: date) -> None:
        amount = self.invoices[number].total.minor
        self.apply(number, on)
        self.after(on, 4, lambda: self._refund_later(self._pay(None, amount, on + timedelta(days=4)), on))

    def _refund_later(self, ref: str, on: date) -> None:
        self.after(on, 34, lambda: self.payments.__setitem__(ref, replace(self.payments[ref], unapplied=usd(0))))

    def _unapplied(self, number: str, on: date, *, memo: str, less: int = 0) -> None:
        """The money is there, applied to nothing until the bookkeeper sees it."""
        if not self.open_(number):
            return
        minor = self.invoices[number].open.minor - less
        ref = self._pay(None, minor, on, memo=memo)

        def applied() -> None:
            link = (Allocation(invoice_ref=Ref(number), amount=usd(minor)),)
            self.payments[ref] = replace(self.payments[ref], unapplied=usd(0), allocations=link)
            self._settle(number, minor + less)

        self.after(on, self.rng.randint(2, 40), applied)

    def _to_income(self, number: str, on: date) -> None:
        if not self.open_(number):
            return
        amount = self.invoices[number].open
        ref = f"d{self.next_()}"
        line = DepositLine(amount=amount, posting=Posting.INCOME, posted_to="Sales", party_ref=Ref(self.id), memo="ACH")
        self.deposits[ref] = Deposit(connection=VENDOR, ref=Ref(ref), amount=amount, deposited_on=on, lines=(line,))

        def corrected() -> None:
            del self.deposits[ref]
            self.apply(number, on)

        self.after(on, self.rng.randint(5, 40), corrected)

    def _clearing(self, number: str, on: date, *, bounces: bool) -> None:
        """A charge on its way for three days; the vendor still shows the invoice open, as some do."""
        if not self.open_(number):
            return
        amount = self.invoices[number].open.minor
        ref = self._pay(number, amount, on, status=PaymentStatus.PENDING)

        def ends() -> None:
            status = PaymentStatus.REVERSED if bounces else PaymentStatus.RECEIVED
            self.payments[ref] = replace(self.payments[ref], status=status)
            if not bounces:
                self._settle(number, amount)
            else:
                self.after(on, self.rng.randint(20, 60), lambda: self.apply(number, on + timedelta(days=60)))

        self.after(on, 3, ends)

    def _reopen(self, number: str, on: date) -> None:
        """Paid and closed; days later the bank takes it back and the vendor opens the invoice again. It is paid in the end."""
        if not self.open_(number):
            return
        amount = self.invoices[number].open
        ref = self._pay(number, amount.minor, on)
        self._settle(number, amount.minor)

        def returned() -> None:
            self.payments[ref] = replace(self.payments[ref], status=PaymentStatus.REVERSED, unapplied=usd(0), allocations=())
            self.invoices[number] = replace(self.invoices[number], open=amount, status=DocumentStatus.OPEN)
            self.after(on, self.rng.randint(30, 90), lambda: self.apply(number, on + timedelta(days=90)))

        self.after(on, self.rng.randint(2, 20), returned)

    def _psa_first(self, number: str, on: date) -> None:
        """The payment is recorded in the PSA at once, in the books only when somebody gets to it."""
        twin = self.twins[number]
        self.twins[number] = replace(twin, open=usd(0), status=DocumentStatus.CLOSED)
        self.after(on, self.rng.randint(2, 40), lambda: self.apply(number, on))

    def _dispute(self, number: str, on: date) -> None:
        if self.open_(number):
            self.invoices[number] = replace(self.invoices[number], disputed=True)
            self.after(on, self.rng.randint(10, 60), lambda: self._undispute(number, on))

    def _undispute(self, number: str, on: date) -> None:
        self.invoices[number] = replace(self.invoices[number], disputed=False)
        self.after(on, 75, lambda: self.apply(number, on + timedelta(days=75)))

    def _credit(self, number: str, on: date) -> None:
        if not self.open_(number):
            return
        amount = self.invoices[number].open
        ref = f"c{self.next_()}"
        self.credit_notes[ref] = CreditNote(
            connection=VENDOR,
            ref=Ref(ref),
            party_ref=Ref(self.id),
            total=amount,
            remaining=amount,
            issued_on=on,
            status=DocumentStatus.OPEN,
        )

        def used() -> None:
            self.credit_notes[ref] = replace(self.credit_notes[ref], remaining=usd(0), status=DocumentStatus.CLOSED)
            self._settle(number, amount.minor)

        self.after(on, self.rng.randint(3, 20), used)

    def _move(self, number: str, on: date) -> None:
        if self.open_(number):
            self.invoices[number] = replace(self.invoices[number], due_on=on + timedelta(days=self.rng.randint(1, 30)))
            self.after(on, 50, lambda: self.apply(number, on + timedelta(days=50)))

    # ── what people do when a message arrives ───────────────────────────────────────────────────────────────────────────
    def receive(self, stage: str, to: tuple[str, ...], now: datetime, today: date) -> None:
        """The client's answer to one message, and what our people note of it."""
        luck = self.rng.random()
        if self.habit == "unreachable" and to:
            self.dead.add(to[0])
            self._contact(ContactKind.BOUNCE, now + timedelta(minutes=5), to=to)
        elif self.habit == "replies" and luck < 0.5:
            self._contact(ContactKind.REPLY, now + timedelta(hours=2))
        elif self.habit == "promises" and luck < 0.4:
            due_on = today + timedelta(days=self.rng.randint(2, 20))
            self.promises.append(
                Promise(
                    account=self.id, invoice=None, amount_minor=None, currency=None, due_on=due_on, made_at=now, made_by="client"
                )
            )
        elif self.habit == "bankrupt" and luck < 0.15:
            self.place(HoldKind.BANKRUPTCY, now)
        elif self.habit == "in_trouble" and luck < 0.3:
            self.place(HoldKind.HARDSHIP, now, until=today + timedelta(days=self.rng.randint(30, 200)))
        elif stage == "final_notice" and luck < 0.3:
            self.place(HoldKind.AGENCY, now, until=today + timedelta(days=120))  # recalled after four months
        elif stage in ("statement", "reminder_28") and luck < 0.1:
            self.place(HoldKind.DISPUTE, now, until=today + timedelta(days=self.rng.randint(5, 40)))
        if stage == "statement" and self.rng.random() < 0.5:
            outcome = self.rng.choice(("reached", "no_answer", "left_message", "wrong_number", ""))
            self._contact(ContactKind.CALL, now + timedelta(days=8), outcome=outcome)

    def place(self, kind: HoldKind, now: datetime, *, until: date | None = None, invoice: Invoice | None = None) -> None:
        key = key_of(invoice) if invoice else None
        name = f"h{self.next_()}"
        self.holds.append(Hold(id=name, kind=kind, account=self.id, invoice=key, placed_at=now, placed_by="ann", until=until))

    def _contact(self, kind: ContactKind, at: datetime, **rest: object) -> None:
        self.history.append(PastContact(account=self.id, kind=kind, at=at, channel="people", **rest))  # type: ignore[arg-type]


def clients(count: int, seed: int, habits: tuple[str, ...] = HABITS) -> list[Client]:
    """`count` clients with each of the habits in turn, and the second records of those that were entered twice."""
    rng = random.Random(seed)
    made = [
        Client(id=f"c{index:03}", habit=habits[index % len(habits)], zone=rng.choice(ZONES), rng=random.Random(rng.random()))
        for index in range(count)
    ]
    for client in [item for item in made if item.habit == "entered_twice"]:
        client.second = Client(
            id=f"{client.id}b",
            habit="second_record",
            zone=client.zone,
            rng=random.Random(rng.random()),
            called=f"{client.name} (2)",
            second=client,
        )
        made.append(client.second)
    return made
