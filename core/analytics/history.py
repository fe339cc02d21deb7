"""Every invoice of the ledger with when it was settled and by what, read once from the books for all reports.

Convention: what was open on a day is what is open now plus what was applied after that day, never more than the invoice's total.
An invoice that its vendor calls paid without saying by what has no history: it counts as sold, never as open, and says nothing
about how fast its client pays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import NamedTuple

from core.analytics.flows import Flow
from core.books import COUNTED_PAYMENTS, AccountBooks, Books
from core.records import Adjustment, Allocation, CreditNote, DocumentStatus, Invoice, Payment, Ref

UNCOUNTED = frozenset({DocumentStatus.DRAFT, DocumentStatus.VOID})
_FARTHEST = date(9000, 1, 1)  # "never due" is written 9999-12-31, from where no day can be counted on
Source = Payment | CreditNote | Adjustment
InvoiceName = tuple[str, Ref]  # connection and ref: a RecordKey costs too much a hundred thousand times


class Step(NamedTuple):
    """Money or credit applied to an invoice: the day it counts from, minor units, and how much of it was cash."""

    on: date
    minor: int
    cash: int


class Line(NamedTuple):
    """One issued invoice of an account's ledger. `steps` are by day; `billed` is what its history can account for.

    `settled_on` is the day nothing was left open; None while something is, or where nobody says by what it was paid.
    """

    invoice: Invoice
    account: str
    issued_on: date
    due_on: date
    billed: int
    open: int
    steps: tuple[Step, ...]
    settled_on: date | None

    def open_on(self, day: date) -> int:
        """Minor units open at the end of `day`."""
        if self.issued_on > day or (self.settled_on is not None and self.settled_on <= day):
            return 0
        rest = self.open
        for step in reversed(self.steps):
            if step.on <= day:
                break
            rest += step.minor
        return min(rest, self.billed)

    def changes(self, since: date) -> Iterator[tuple[date, int]]:
        """What was open from `since` on, as changes by day."""
        start = max(since, self.issued_on)
        standing = self.open_on(start)
        if standing:
            yield start, standing
        for step in self.steps:
            if step.on > start:
                after = self.open_on(step.on)
                yield step.on, after - standing
                standing = after


@dataclass(frozen=True)
class History:
    """The lines of one currency, with the sums every report asks for."""

    currency: str
    lines: tuple[Line, ...]
    _late: dict[int, Flow] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def by_account(self) -> Mapping[str, tuple[Line, ...]]:
        """Lines of each account, first due first."""
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            found.setdefault(line.account, []).append(line)
        return {name: tuple(sorted(lines, key=lambda line: line.due_on)) for name, lines in found.items()}

    @cached_property
    def payments(self) -> Mapping[str, tuple[list[date], list[int]]]:
        """Each account's settled invoices in order of the day: the days, and how many days past due each was."""
        found: dict[str, tuple[list[date], list[int]]] = {}
        for line in sorted((line for line in self.lines if line.settled_on is not None), key=_settled):
            days, delays = found.setdefault(line.account, ([], []))
            days.append(_settled(line))
            delays.append((_settled(line) - line.due_on).days)
        return found

    @cached_property
    def sales(self) -> Flow:
        """Invoiced totals by day of issue."""
        return Flow((line.issued_on, line.invoice.total.minor) for line in self.lines)

    @cached_property
    def issued(self) -> Flow:
        """Number of invoices by day of issue."""
        return Flow((line.issued_on, 1) for line in self.lines)

    @cached_property
    def receivables(self) -> Flow:
        """What was open, as changes by day."""
        return Flow(change for line in self.lines for change in line.changes(line.issued_on))

    @cached_property
    def cash(self) -> Flow:
        """Cash applied to invoices by day."""
        return Flow((step.on, step.cash) for line in self.lines for step in line.steps)

    def past_due(self, days: int) -> Flow:
        """What was open more than `days` days past due."""
        if days not in self._late:
            since = timedelta(days=days + 1)
            self._late[days] = Flow(change for line in self.lines for change in line.changes(line.due_on + since))
        return self._late[days]

    def past_due_count(self, days: int) -> Flow:
        """How many invoices were open more than `days` days past due."""
        return Flow(change for line in self.lines for change in _presence(line, line.due_on + timedelta(days=days + 1)))

    @property
    def first_day(self) -> date | None:
        return self.sales.first_day


def _settled(line: Line) -> date:
    return line.settled_on or date.max


def _presence(line: Line, since: date) -> Iterator[tuple[date, int]]:
    start = max(since, line.issued_on)
    if line.open_on(start) > 0:
        yield start, 1
        gone = line.settled_on
        if gone is not None:
            yield gone, -1


def histories(books: Books, as_of: date) -> dict[str, History]:
    """The history of each currency up to the end of `as_of`, the one with most invoices first."""
    applied = applications(books)
    lines: dict[str, list[Line]] = {}
    for account in books.accounts.values():
        ledger = account.ledger_connections
        for invoice in account.invoices:
            if invoice.status in UNCOUNTED or invoice.connection not in ledger or invoice.issued_on > as_of:
                continue
            steps = applied.get((invoice.connection, invoice.ref), ())
            lines.setdefault(invoice.total.currency, []).append(_line(account.account.id, invoice, steps))
    ranked = sorted(lines.items(), key=lambda item: (-len(item[1]), item[0]))
    return {code: History(code, tuple(found)) for code, found in ranked}


def _line(account: str, invoice: Invoice, steps: Sequence[Step]) -> Line:
    ordered = tuple(steps) if len(steps) < 2 else tuple(sorted(steps))
    rest = invoice.open.minor
    return Line(
        invoice=invoice,
        account=account,
        issued_on=invoice.issued_on,
        due_on=min(invoice.due_on or invoice.issued_on, _FARTHEST),
        billed=min(invoice.total.minor, rest + sum([step.minor for step in ordered])),
        open=rest,
        steps=ordered,
        settled_on=ordered[-1].on if ordered and rest <= 0 else None,
    )


def applications(books: Books) -> dict[InvoiceName, list[Step]]:
    """What was applied to every invoice, by whichever account paid it."""
    found: dict[InvoiceName, list[Step]] = {}
    for account in books.all():
        for source in sources(account):
            part = _cash_part(source)
            for item in source.allocations:
                step = Step(applied_on(item, source), item.amount.minor, item.amount.minor * part[0] // part[1])
                found.setdefault((source.connection, item.invoice_ref), []).append(step)
    return found


def sources(books: AccountBooks) -> Iterator[Source]:
    """Payments and credits that count: received or clearing payments, live credit notes, adjustments in the client's favour."""
    for payment in books.payments:
        if payment.status in COUNTED_PAYMENTS:
            yield payment
    for note in books.credit_notes:
        if note.status not in UNCOUNTED:
            yield note
    for adjustment in books.adjustments:
        if adjustment.amount.minor < 0:
            yield adjustment


def made_on(source: Source) -> date:
    """The day a payment or credit came to be."""
    if isinstance(source, Payment):
        return source.paid_on
    return source.issued_on if isinstance(source, CreditNote) else source.adjusted_on


def applied_on(item: Allocation, source: Source) -> date:
    """The day an allocation counts from: its own, but never before the money or credit itself existed."""
    made = made_on(source)
    return made if item.applied_on is None or item.applied_on < made else item.applied_on


def _cash_part(source: Source) -> tuple[int, int]:
    """The share of a source's allocations that is cash: a payment may carry credits along (QuickBooks)."""
    if not isinstance(source, Payment):
        return 0, 1
    if not source.credits_used:
        return 1, 1
    given = sum(item.amount.minor for item in source.allocations)
    carried = sum(use.amount.minor for use in source.credits_used)
    return max(given - carried, 0), max(given, 1)
