"""Every invoice of the ledger with when it was settled and by what, read once from the books for all reports.

Convention: what was open on a day is what is open now plus what was applied after that day, never more than the invoice's total.
An invoice that its vendor calls paid without saying by what has no history: it counts as sold, never as open, and says nothing
about how fast its client pays.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from operator import attrgetter, itemgetter
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

    def changes(self, since: date) -> Sequence[tuple[date, int]]:
        """What was open from `since` on, as changes by day."""
        start = max(since, self.issued_on)
        if self.settled_on is not None:
            if self.settled_on <= start:
                return ()
            if len(self.steps) == 1:  # paid in one go, as nearly all are
                return (start, self.billed), (self.settled_on, -self.billed)
        standing = self.open_on(start)
        found = [(start, standing)]
        for step in self.steps:
            if step.on > start:
                after = self.open_on(step.on)
                found.append((step.on, after - standing))
                standing = after
        return found


@dataclass(frozen=True)
class History:
    """The lines of one currency, with the sums every report asks for."""

    currency: str
    lines: tuple[Line, ...]
    _late: dict[int, tuple[Line, ...]] = field(default_factory=dict, repr=False, compare=False)
    _past_due: dict[int, Flow] = field(default_factory=dict, repr=False, compare=False)

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
        settled = [(line.settled_on, line) for line in self.lines if line.settled_on is not None]
        settled.sort(key=itemgetter(0))
        for day, line in settled:
            mine = found.get(line.account)
            if mine is None:
                mine = found[line.account] = ([], [])
            mine[0].append(day)
            mine[1].append((day - line.due_on).days)
        return found

    @cached_property
    def sales(self) -> Flow:
        """Invoiced totals by day of issue."""
        return Flow([(line.issued_on, line.invoice.total.minor) for line in self.lines])

    @cached_property
    def issued(self) -> Flow:
        """Number of invoices by day of issue."""
        return Flow(Counter(map(attrgetter("issued_on"), self.lines)).items())

    @cached_property
    def receivables(self) -> Flow:
        """What was open, as changes by day."""
        return Flow(change for line in self.lines for change in line.changes(line.issued_on))

    @cached_property
    def cash(self) -> Flow:
        """Cash applied to invoices by day."""
        return Flow((step.on, step.cash) for line in self.lines for step in line.steps)

    def late(self, days: int) -> tuple[Line, ...]:
        """Lines that were, or may be, open more than `days` (0 or more) days past due: all but those settled by then."""
        if days not in self._late:
            some = self.late(0) if days else self.lines
            known = timedelta(days=days)
            self._late[days] = tuple([line for line in some if line.settled_on is None or line.settled_on - line.due_on > known])
        return self._late[days]

    def past_due(self, days: int) -> Flow:
        """What was open more than `days` days past due."""
        if days not in self._past_due:
            since = timedelta(days=days + 1)
            self._past_due[days] = Flow(change for line in self.late(days) for change in line.changes(line.due_on + since))
        return self._past_due[days]

    def past_due_count(self, days: int) -> Flow:
        """How many invoices were open more than `days` days past due."""
        return Flow(change for line in self.late(days) for change in _presence(line, line.due_on + timedelta(days=days + 1)))

    @property
    def first_day(self) -> date | None:
        return self.sales.first_day


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
    lines: defaultdict[str, list[Line]] = defaultdict(list)
    nothing: dict[Ref, tuple[Step, ...]] = {}
    for account in books.accounts.values():
        name, ledger = account.account.id, account.ledger_connections
        for invoice in account.invoices:
            if invoice.status in UNCOUNTED or invoice.connection not in ledger or invoice.issued_on > as_of:
                continue
            steps = applied.get(invoice.connection, nothing).get(invoice.ref, ())
            lines[invoice.total.currency].append(_line(name, invoice, steps))
    ranked = sorted(lines.items(), key=lambda item: (-len(item[1]), item[0]))
    return {code: History(code, tuple(found)) for code, found in ranked}


def _line(account: str, invoice: Invoice, steps: tuple[Step, ...]) -> Line:
    if len(steps) > 1:
        steps = tuple(sorted(steps))
    rest = known = invoice.open.minor
    for step in steps:
        known += step.minor
    total = invoice.total.minor
    due_on = invoice.due_on or invoice.issued_on
    settled_on = steps[-1].on if steps and rest <= 0 else None
    return Line(
        invoice,
        account,
        invoice.issued_on,
        min(_FARTHEST, due_on),
        min(total, known),
        rest,
        steps,
        settled_on,
    )


def applications(books: Books) -> Mapping[str, Mapping[Ref, tuple[Step, ...]]]:
    """What was applied to every invoice, by whichever account paid it: by connection and ref."""
    found: defaultdict[str, dict[Ref, tuple[Step, ...]]] = defaultdict(dict)
    for account in books.all():
        for source, made_on in sources(account):
            of, all_of = _cash_part(source)
            here = found[source.connection]
            for item in source.allocations:
                minor, invoice = item.amount.minor, item.invoice_ref
                step = Step(applied_on(item, made_on), minor, minor if of == all_of else minor * of // all_of)
                here[invoice] = (*here[invoice], step) if invoice in here else (step,)
    return found


def sources(books: AccountBooks) -> Iterator[tuple[Source, date]]:
    """Payments and credits that count, each with the day it came to be.

    Received or clearing payments, live credit notes, adjustments in the client's favour.
    """
    for payment in books.payments:
        if payment.status in COUNTED_PAYMENTS:
            yield payment, payment.paid_on
    for note in books.credit_notes:
        if note.status not in UNCOUNTED:
            yield note, note.issued_on
    for adjustment in books.adjustments:
        if adjustment.amount.minor < 0:
            yield adjustment, adjustment.adjusted_on


def applied_on(item: Allocation, made_on: date) -> date:
    """The day an allocation counts from: its own, but never before the money or credit itself was made."""
    return made_on if item.applied_on is None or item.applied_on < made_on else item.applied_on


def _cash_part(source: Source) -> tuple[int, int]:
    """The share of a source's allocations that is cash: a payment may carry credits along (QuickBooks)."""
    if not isinstance(source, Payment):
        return 0, 1
    if not source.credits_used:
        return 1, 1
    given = sum(item.amount.minor for item in source.allocations)
    carried = sum(use.amount.minor for use in source.credits_used)
    return max(given - carried, 0), max(given, 1)
