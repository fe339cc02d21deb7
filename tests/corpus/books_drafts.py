"""Books being made: bills, cash and credits that can still be changed, and how they become records.

What an invoice still owes is worked out when the records are made, from what was applied, so that a fault planted in the
drafts shows up in the records exactly as it would at a vendor.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from core.findings import FindingKind
from core.money import Money
from core.records import (
    Allocation,
    CreditNote,
    CreditUse,
    Deposit,
    DepositLine,
    DocumentStatus,
    Invoice,
    Party,
    Payment,
    PaymentStatus,
    Posting,
    Record,
    RecordKey,
    Ref,
    Role,
    Stream,
)

BOOKS, PSA = "books", "psa"
ROLES = {BOOKS: Role.BOOKS, PSA: Role.PSA}


@dataclass
class Client:
    ref: str
    name: str
    email: str
    currency: str = "USD"
    in_psa: bool = False
    parent: str | None = None
    psa_name: str = ""
    phone: str = ""


@dataclass
class Bill:
    ref: str
    client: Client
    number: str
    total: int
    issued: date
    due: date
    agreement: str | None = None
    period: tuple[date, date] | None = None
    reference: str | None = None
    status: DocumentStatus | None = None  # None: from what was applied
    currency: str | None = None
    skew: int = 0  # shown as owed beyond what the applications say
    in_books: bool = True
    in_psa: bool = True
    psa_total: int | None = None
    psa_open: int | None = None
    psa_status: DocumentStatus | None = None

    def key(self, connection: str = BOOKS) -> RecordKey:
        return RecordKey(connection, Stream.INVOICES, Ref(self.ref if connection == BOOKS else f"P{self.ref}"))


@dataclass
class Cash:
    ref: str
    client: Client
    amount: int
    on: date
    applied: dict[str, int] = field(default_factory=dict)
    reference: str | None = None
    memo: str | None = None
    method: str = "ach"
    status: PaymentStatus = PaymentStatus.RECEIVED
    credits: dict[str, int] = field(default_factory=dict)
    currency: str | None = None
    banked: bool = True
    unapplied: int | None = None

    def key(self) -> RecordKey:
        return RecordKey(BOOKS, Stream.PAYMENTS, Ref(self.ref))


@dataclass
class Credit:
    ref: str
    client: Client
    total: int
    on: date
    applied: dict[str, int] = field(default_factory=dict)
    carried: int = 0
    void: bool = False

    def key(self) -> RecordKey:
        return RecordKey(BOOKS, Stream.CREDIT_NOTES, Ref(self.ref))


@dataclass
class Income:
    """A deposit that names no payment."""

    ref: str
    client: Client | None
    amount: int
    on: date
    memo: str = ""
    posting: Posting = Posting.INCOME
    posted_to: str = "Sales"

    def key(self) -> RecordKey:
        return RecordKey(BOOKS, Stream.DEPOSITS, Ref(self.ref))


@dataclass(frozen=True)
class Label:
    """A planted fault: a finding of `kind` that names one of `records` found it. `also`: kinds that are true of it as well."""

    kind: FindingKind
    records: frozenset[RecordKey]
    minor: int
    variant: str
    also: frozenset[FindingKind] = frozenset()


@dataclass
class Drafts:
    """Everything of one MSP, by ref."""

    today: date
    clients: dict[str, Client] = field(default_factory=dict)
    bills: dict[str, Bill] = field(default_factory=dict)
    cash: dict[str, Cash] = field(default_factory=dict)
    credits: dict[str, Credit] = field(default_factory=dict)
    income: dict[str, Income] = field(default_factory=dict)
    labels: list[Label] = field(default_factory=list)
    last: int = 0

    def ref(self, letter: str) -> str:
        self.last += 1
        return f"{letter}{self.last}"

    def owed(self) -> dict[str, int]:
        """Minor units open on each bill, by what counts as applied."""
        paid: dict[str, int] = defaultdict(int)
        for cash in self.cash.values():
            if cash.status in (PaymentStatus.RECEIVED, PaymentStatus.PENDING):
                for bill, amount in cash.applied.items():
                    paid[bill] += amount
        for credit in self.credits.values():
            for bill, amount in credit.applied.items():
                paid[bill] += 0 if credit.void else amount
        return {ref: bill.total - paid[ref] for ref, bill in self.bills.items()}

    def records(self) -> list[Record]:
        owed = self.owed()
        made: list[Record] = [*self._parties(), *self._payments(), *self._credits(), *self._deposits()]
        for bill in self.bills.values():
            left = max(owed[bill.ref], 0) + bill.skew
            if bill.in_books:
                made.append(_invoice(bill, left))
            if bill.client.in_psa and bill.in_psa:
                made.append(_psa_invoice(bill, left))
        return made

    def _parties(self) -> Iterator[Party]:
        for item in self.clients.values():
            shared = {"email": item.email, "currency": item.currency, "phone": item.phone or None}
            parent = Ref(item.parent) if item.parent else None
            yield Party(connection=BOOKS, ref=Ref(item.ref), name=item.name, parent_ref=parent, **shared)
            if item.in_psa:
                yield Party(connection=PSA, ref=Ref(f"P{item.ref}"), name=item.psa_name or item.name, **shared)

    def _payments(self) -> Iterator[Payment]:
        for item in self.cash.values():
            code = item.currency or item.client.currency
            used = sum(item.applied.values()) - sum(item.credits.values())
            counts = item.status in (PaymentStatus.RECEIVED, PaymentStatus.PENDING)
            left = item.unapplied if item.unapplied is not None else max(item.amount - used, 0) if counts else 0
            yield Payment(
                connection=BOOKS,
                ref=Ref(item.ref),
                party_ref=Ref(item.client.ref),
                amount=Money(item.amount, code),
                unapplied=Money(left, code),
                paid_on=item.on,
                status=item.status,
                allocations=tuple(
                    Allocation(invoice_ref=Ref(ref), amount=Money(part, code)) for ref, part in item.applied.items()
                ),
                credits_used=tuple(
                    CreditUse(stream=Stream.CREDIT_NOTES, ref=Ref(ref), amount=Money(part, code))
                    for ref, part in item.credits.items()
                ),
                reference=item.reference,
                memo=item.memo,
                method=item.method,
            )

    def _credits(self) -> Iterator[CreditNote]:
        for item in self.credits.values():
            code = item.client.currency
            left = item.total - sum(item.applied.values()) - item.carried
            status = DocumentStatus.VOID if item.void else DocumentStatus.OPEN if left else DocumentStatus.CLOSED
            yield CreditNote(
                connection=BOOKS,
                ref=Ref(item.ref),
                party_ref=Ref(item.client.ref),
                number=f"CN-{item.ref[1:]}",
                total=Money(item.total, code),
                remaining=Money(left, code),
                issued_on=item.on,
                status=status,
                allocations=tuple(
                    Allocation(invoice_ref=Ref(ref), amount=Money(part, code)) for ref, part in item.applied.items()
                ),
            )

    def _deposits(self) -> Iterator[Deposit]:
        """Payments go to the bank in weekly bundles, one per currency; income deposits stand alone."""
        bundles: dict[tuple[date, str], list[Cash]] = defaultdict(list)
        for item in self.cash.values():
            banked = item.banked and item.amount > 0 and item.status is PaymentStatus.RECEIVED
            day = item.on + timedelta(days=6 - item.on.weekday())
            if banked and day <= self.today:
                bundles[(day, item.currency or item.client.currency)].append(item)
        for (day, code), items in bundles.items():
            lines = tuple(
                DepositLine(
                    amount=Money(item.amount, code), posting=Posting.OTHER, posted_to="Checking", payment_ref=Ref(item.ref)
                )
                for item in items
            )
            total = Money(sum(item.amount for item in items), code)
            yield Deposit(connection=BOOKS, ref=Ref(f"B{day:%Y%m%d}{code}"), amount=total, deposited_on=day, lines=lines)
        for one in self.income.values():
            code = one.client.currency if one.client else "USD"
            line = DepositLine(
                amount=Money(one.amount, code),
                posting=one.posting,
                posted_to=one.posted_to,
                party_ref=Ref(one.client.ref) if one.client else None,
                memo=one.memo,
            )
            yield Deposit(connection=BOOKS, ref=Ref(one.ref), amount=line.amount, deposited_on=one.on, lines=(line,))


def _status(left: int) -> DocumentStatus:
    return DocumentStatus.OPEN if left > 0 else DocumentStatus.CLOSED


def _invoice(bill: Bill, left: int) -> Invoice:
    code = bill.currency or bill.client.currency
    void = bill.status is DocumentStatus.VOID
    return Invoice(
        connection=BOOKS,
        ref=Ref(bill.ref),
        party_ref=Ref(bill.client.ref),
        number=bill.number,
        reference=bill.reference,
        total=Money(bill.total, code),
        open=Money(0 if void else left, code),
        issued_on=bill.issued,
        due_on=bill.due,
        status=bill.status or _status(left),
        agreement_ref=Ref(bill.agreement) if bill.agreement else None,
        period_start=bill.period[0] if bill.period else None,
        period_end=bill.period[1] if bill.period else None,
    )


def _psa_invoice(bill: Bill, left: int) -> Invoice:
    """The PSA bills the same under the same number; tax per line may differ by a cent or two."""
    code = bill.client.currency
    total = bill.total if bill.psa_total is None else bill.psa_total
    still = bill.psa_open if bill.psa_open is not None else max(left - bill.total + total, 0) if left else 0
    status = bill.psa_status or (bill.status if bill.status is DocumentStatus.VOID else _status(still))
    return Invoice(
        connection=PSA,
        ref=Ref(f"P{bill.ref}"),
        party_ref=Ref(f"P{bill.client.ref}"),
        number=bill.number.removeprefix("INV-"),
        total=Money(total, code),
        open=Money(0 if status is DocumentStatus.VOID else still, code),
        issued_on=bill.issued,
        due_on=bill.due,
        status=status,
        agreement_ref=Ref(bill.agreement) if bill.agreement else None,
        period_start=bill.period[0] if bill.period else None,
        period_end=bill.period[1] if bill.period else None,
    )
