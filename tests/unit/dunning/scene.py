"""A client on a stage: books, history and a clock moved by days, with everything that leaves written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core.actions import OpenTicket, SendInvoice, SendReminder
from core.books import Account, AccountBooks
from core.dunning.calendars import known_zone
from core.dunning.decide import decide
from core.dunning.decision import Channels, Decision, Entry, to_queued
from core.dunning.gate import GateFacts, SourceAge, gate, verdict
from core.dunning.policy import AccountPolicy, DunningSettings, StageKind
from core.dunning.resolve import resolve_policy
from core.findings import Finding
from core.holds import Hold, HoldKind
from core.messages.letter import Organisation
from core.messages.render import Rendered, render
from core.money import Money
from core.outbox import ContactKind, OutboxRow, PastContact, Promise, Queued
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
    Posting,
    RecordKey,
    Ref,
    Role,
    Sale,
    Stream,
    Ticket,
    key_of,
)

ZONE = "America/Chicago"
BOOKS = "books"
CLIENT = Ref("C1")
ORGANISATION = Organisation(
    name="Bright IT", timezone=ZONE, currency="USD", country="US", email="billing@bright.example", phone="+1 312 555 0100"
)


PARTY = Party(connection=BOOKS, ref=CLIENT, name="Acme Ltd", email="ap@acme.example", timezone=ZONE, country="US", locale="en-US")


def usd(amount: str) -> Money:
    return Money.parse(amount, "USD")


def at(day: date, hour: int = 10, zone: str = ZONE) -> datetime:
    return datetime.combine(day, time(hour), ZoneInfo(zone)).astimezone(UTC)


@dataclass
class Scene:
    """One client whose mode is active unless said otherwise. `sent` has (day, stage, invoice numbers) of what left."""

    settings: dict[str, Any] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: at(date(2026, 3, 2)))
    invoices: list[Invoice] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    credit_notes: list[CreditNote] = field(default_factory=list)
    deposits: list[Deposit] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    history: list[PastContact] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    waiting: list[OutboxRow] = field(default_factory=list)
    plans: list[Any] = field(default_factory=list)
    sent: list[tuple[date, str, tuple[str, ...]]] = field(default_factory=list)
    messages: list[Rendered] = field(default_factory=list)
    actions: list[SendReminder | SendInvoice | OpenTicket] = field(default_factory=list)
    channels: Channels = field(default_factory=lambda: Channels(mail="mail"))
    organisation: Organisation = ORGANISATION
    party: Party = PARTY

    # ── the books ───────────────────────────────────────────────────────────────────────────────────────────────────────
    @property
    def account(self) -> Account:
        return Account(
            id="acme",
            name="Acme Ltd",
            parties=(
                RecordKey(BOOKS, Stream.PARTIES, CLIENT),
                *((RecordKey("psa", Stream.PARTIES, Ref("77")),) if self.channels.call == "psa" else ()),
            ),
        )

    @property
    def policy(self) -> AccountPolicy:
        return resolve_policy(DunningSettings.model_validate({"mode": "active", **self.settings}), self.account)

    @property
    def today(self) -> date:
        zone = self.party.timezone if known_zone(self.party.timezone) else ZONE
        return self.now.astimezone(ZoneInfo(zone or ZONE)).date()

    def invoice(self, number: str, amount: str = "100.00", *, due: date, issued: date | None = None, **rest: Any) -> Invoice:
        made = Invoice(
            connection=BOOKS,
            ref=Ref(f"r{number}"),
            party_ref=CLIENT,
            number=number,
            total=usd(amount),
            open=rest.pop("open", usd(amount)),
            issued_on=issued or due - timedelta(days=30),
            due_on=due,
            status=DocumentStatus.OPEN,
            **{"sent": True, **rest},
        )
        self.invoices.append(made)
        return made

    def change(self, which: str, **fields: Any) -> None:
        self.invoices = [replace(item, **fields) if item.number == which else item for item in self.invoices]

    def close(self, number: str) -> None:
        self.change(number, open=usd("0"), status=DocumentStatus.CLOSED)

    def payment(self, amount: str, on: date, *, to: str | None = None, **rest: Any) -> Payment:
        money = usd(amount)
        made = Payment(
            connection=rest.pop("connection", BOOKS),
            ref=Ref(f"p{len(self.payments)}"),
            party_ref=CLIENT,
            amount=money,
            unapplied=usd("0") if to else rest.pop("unapplied", money),
            paid_on=on,
            allocations=(Allocation(invoice_ref=Ref(f"r{to}"), amount=money),) if to else (),
            **rest,
        )
        self.payments.append(made)
        return made

    def deposit(self, amount: str, on: date, *, posting: Posting = Posting.INCOME, memo: str | None = None) -> None:
        line = DepositLine(amount=usd(amount), posting=posting, posted_to="Services", party_ref=CLIENT, memo=memo)
        self.deposits.append(
            Deposit(connection=BOOKS, ref=Ref(f"d{len(self.deposits)}"), amount=usd(amount), deposited_on=on, lines=(line,))
        )

    def hold(self, kind: HoldKind, *, number: str | None = None, until: date | None = None) -> Hold:
        key = RecordKey(BOOKS, Stream.INVOICES, Ref(f"r{number}")) if number else None
        made = Hold(
            id=f"h{len(self.holds)}", kind=kind, account="acme", invoice=key, placed_at=self.now, placed_by="ann", until=until
        )
        self.holds.append(made)
        return made

    def said(self, kind: ContactKind, **rest: Any) -> None:
        self.history.append(PastContact(account="acme", kind=kind, at=rest.pop("when", self.now), **{"channel": "test", **rest}))

    def books(self) -> AccountBooks:
        return AccountBooks(
            account=self.account,
            parties=(self.party,),
            contacts=tuple(self.contacts),
            invoices=tuple(item for item in self.invoices if item.issued_on <= self.today),
            credit_notes=tuple(self.credit_notes),
            payments=tuple(self.payments),
            deposits=tuple(self.deposits),
            sales=tuple(self.sales),
            tickets=tuple(self.tickets),
            roles={BOOKS: Role.BOOKS, "psa": Role.PSA},
        )

    # ── deciding and sending ────────────────────────────────────────────────────────────────────────────────────────────
    def decide(self) -> Decision:
        return decide(
            self.books(),
            policy=self.policy,
            history=tuple(self.history),
            holds=self.holds,
            findings=self.findings,
            promises=self.promises,
            plans=self.plans,
            waiting=self.waiting,
            now=self.now,
            organisation=self.organisation,
            channels=self.channels,
        )

    def facts(self, **changes: Any) -> GateFacts:
        """What the gate would be told now."""
        given: dict[str, Any] = {
            "now": self.now,
            "policy": self.policy,
            "organisation": self.organisation,
            "books": self.books(),
            "reread": {key_of(item): item for item in self.invoices},
            "digests": {key_of(item): digest(item) for item in self.invoices},
            "streams": [SourceAge(connection=BOOKS, stream=Stream.INVOICES, last_ok_at=self.now, fresh_for=3600)],
            "history": tuple(self.history),
            "holds": self.holds,
            "findings": self.findings,
            "promises": self.promises,
            "plans": self.plans,
            "other_senders": {BOOKS: ()},
        }
        return GateFacts(**{**given, **changes})

    def queued(self, entry: Entry) -> Queued:
        message = render(entry.letter) if entry.letter is not None else None
        assert message is None or isinstance(message, Rendered), str(message)
        if message is not None:
            self.messages.append(message)
        return to_queued(entry, message, digests={key_of(item): digest(item) for item in self.invoices})

    def send(self) -> list[str]:
        """Decide, pass the gate, deliver, log. Returns the stages that left."""
        left = []
        for entry in self.decide().outgoing:
            queued = self.queued(entry)
            if queued.not_before > self.now:
                continue
            answers = gate(queued.action, self.facts(approved=True))
            assert verdict(answers), [item for item in answers if item.ok is not True]
            assert isinstance(queued.action, SendReminder | SendInvoice | OpenTicket)
            self.actions.append(queued.action)
            self.log(entry)
            left.append(entry.stage)
        return left

    def log(self, entry: Entry) -> None:
        kinds = {StageKind.STATEMENT: ContactKind.STATEMENT, StageKind.CALL: ContactKind.NOTE}
        self.said(
            kinds.get(entry.kind, ContactKind.MESSAGE),
            stage=entry.stage,
            cycle=entry.cycle,
            invoices=tuple(key_of(item) for item in entry.invoices),
            to=(entry.recipient,) if entry.recipient else (),
            channel=entry.connection or "",
        )
        self.sent.append((self.today, entry.stage, tuple(item.number or "" for item in entry.invoices)))

    def go(self, day: date, hour: int = 10) -> Scene:
        self.now = at(day, hour)
        return self

    def run(self, until: date, *, step: timedelta = timedelta(days=1)) -> list[tuple[date, str, tuple[str, ...]]]:
        """Send whatever is due from now to the end of `until`; the entries that left in this stretch."""
        before = len(self.sent)
        while self.today <= until:
            self.send()
            self.now += step
        return self.sent[before:]

    def reasons(self) -> str:
        """All reasons of now, in one text."""
        return "\n".join(reason for entry in self.decide().entries for reason in entry.reasons)

    def would_send(self) -> list[str]:
        return [entry.stage for entry in self.decide().entries if entry.would_send]


def digest(invoice: Invoice) -> str:
    return f"{invoice.ref}/{invoice.open}/{invoice.due_on}/{invoice.status}"


def overdue(days: int, **settings: Any) -> Scene:
    """A client with one invoice "1001" of 100 dollars, `days` past due on a Tuesday."""
    scene = Scene(settings=settings).go(date(2026, 3, 17))
    scene.invoice("1001", due=date(2026, 3, 17) - timedelta(days=days))
    return scene


def numbers(entries: Iterable[Entry]) -> list[str]:
    return [item.number or "" for entry in entries for item in entry.invoices]
