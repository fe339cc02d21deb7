"""Recurring revenue billed against collected (A67), automatic payment (A61), and billing hygiene (A52, A69-A71)."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from core.analytics.faults import SeenFinding
from core.analytics.flows import month_of, months_before
from core.analytics.history import History, Line
from core.analytics.signs import WORST, per
from core.books import AccountBooks, Books
from core.findings import FindingKind, FindingState
from core.records import DocumentStatus, Invoice, Ref

LAG_WARNS, LAG_FAILS = 30, 180  # days from service to invoice (product notes A70)
_LATE_BILL = 10  # days off an agreement's usual beat that make a bill irregular


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringMonth:
    """One month: agreement invoices issued in it, cash that came in it for such invoices, and what is still open of its own."""

    month: str
    billed: int
    collected: int
    still_open: int


def recurring_months(books: Books, history: History, as_of: date, months: int = 12) -> tuple[RecurringMonth, ...]:
    """Billed and collected by month, oldest first; empty when no invoice names an agreement."""
    named = _recurring_lines(books, history)
    if not named:
        return ()
    billed: dict[str, int] = defaultdict(int)
    collected: dict[str, int] = defaultdict(int)
    standing: dict[str, int] = defaultdict(int)
    for line in named:
        month = month_of(line.issued_on)
        billed[month] += line.invoice.total.minor
        standing[month] += line.open_on(as_of)
        for step in line.steps:
            if step.on <= as_of:
                collected[month_of(step.on)] += step.cash
    first = min(line.issued_on for line in named)
    shown = [month_of(months_before(as_of.replace(day=1), back)) for back in range(months - 1, -1, -1)]
    return tuple(
        RecurringMonth(month=month, billed=billed[month], collected=collected[month], still_open=standing[month])
        for month in shown
        if month >= month_of(first)
    )


def _recurring_lines(books: Books, history: History) -> list[Line]:
    """Invoices that name an agreement, and the ledger's copies of the PSA's that do, found by their number."""
    bearing = [
        (account.account.id, invoice.number)
        for account in books.accounts.values()
        for invoice in account.invoices
        if invoice.agreement_ref is not None
    ]
    if not bearing:
        return []
    numbers = {(account, number) for account, number in bearing if number}
    return [
        line for line in history.lines if line.invoice.agreement_ref is not None or (line.account, line.invoice.number) in numbers
    ]


def autopay_coverage(history: History, as_of: date) -> tuple[float | None, int, int]:
    """Share in % of the clients invoiced in three months that pay automatically, how many do, and how many there are.

    None when no invoice at all is marked so: then no connection tells, which is not the same as nobody.
    """
    if not any(line.invoice.autopay_on for line in history.lines):
        return None, 0, 0
    start = months_before(as_of, 3)
    recent = [line for line in history.lines if line.issued_on > start]
    clients = {line.account for line in recent}
    paying = {line.account for line in recent if line.invoice.autopay_on is not None}
    return per(len(paying), len(clients), 100), len(paying), len(clients)


@dataclass(frozen=True, slots=True, kw_only=True)
class HygieneItem:
    """One client's fault of billing, in words, with minor units at stake where there are any."""

    account: str
    what: str
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hygiene:
    """Whether bills go out in time and regularly. Lags are days; None where no invoice says what period it bills."""

    unbilled_months: int
    unbilled_minor: int
    billed_late: int
    billed_far_too_late: int
    irregular: int
    drafts: int
    drafts_minor: int
    unsent: int
    unsent_minor: int
    lag_median: float | None
    lag_known: int
    paid_median: float | None
    items: tuple[HygieneItem, ...]

    @property
    def clean(self) -> bool:
        """Nothing to mend before debts are handed to anybody (A71)."""
        return not (self.unbilled_months or self.billed_far_too_late or self.drafts or self.unsent)


def hygiene(books: Books, history: History, as_of: date, findings: Sequence[SeenFinding]) -> Hygiene:
    """The last twelve months' billing, and what lies unbilled, in draft or unsent on `as_of`."""
    since = months_before(as_of, 12)
    lags = [*_lags(books, history, since)]
    gaps = [item.finding for item in findings if item.finding.kind is FindingKind.BILLING_GAP and item.state is FindingState.OPEN]
    gaps = [gap for gap in gaps if gap.at_stake.currency == history.currency]
    drafts, unsent = _drafts_and_unsent(books, history, as_of)
    late = [(line, days) for line, days in lags if days > LAG_WARNS]
    irregular = [*_irregular(_recurring_lines(books, history), since)]
    items = [
        *(HygieneItem(account=gap.account or "", what=gap.proposal, minor=gap.at_stake.minor) for gap in gaps),
        *(_item(line.account, line.invoice, f"billed {days} days after the service") for line, days in late),
        *(_item(line.account, line.invoice, f"billed {days} days off its beat") for line, days in irregular),
        *(_item(name, invoice, "still a draft") for name, invoice in drafts),
        *(_item(name, invoice, "never sent") for name, invoice in unsent),
    ]
    paid = [(line.settled_on - line.issued_on).days for line in history.lines if line.settled_on and line.settled_on > since]
    return Hygiene(
        unbilled_months=sum(len(gap.evidence.get("periods", ())) or 1 for gap in gaps),
        unbilled_minor=sum(gap.at_stake.minor for gap in gaps),
        billed_late=len(late),
        billed_far_too_late=sum(days > LAG_FAILS for _, days in late),
        irregular=len(irregular),
        drafts=len(drafts),
        drafts_minor=sum(invoice.total.minor for _, invoice in drafts),
        unsent=len(unsent),
        unsent_minor=sum(invoice.open.minor for _, invoice in unsent),
        lag_median=float(median(days for _, days in lags)) if lags else None,
        lag_known=len(lags),
        paid_median=float(median(paid)) if paid else None,
        items=tuple(sorted(items, key=lambda item: (-item.minor, item.account, item.what)))[: WORST * 2],
    )


def _item(account: str, invoice: Invoice, what: str) -> HygieneItem:
    return HygieneItem(account=account, what=f"{invoice.number or invoice.ref}: {what}", minor=invoice.total.minor)


def _lags(books: Books, history: History, since: date) -> Iterator[tuple[Line, int]]:
    """Days from the end of service (last work, else the period's end) to the invoice; billed in advance counts as none."""
    worked: dict[tuple[str, Ref], date] = {}
    for account in books.accounts.values():
        for work in account.work:
            if work.invoice_ref is not None:
                key = (work.connection, work.invoice_ref)
                worked[key] = max(work.last_worked_on or work.period_end, worked.get(key, date.min))
    for line in history.lines:
        if line.issued_on <= since:
            continue
        invoice = line.invoice
        served = worked.get((invoice.connection, invoice.ref)) or invoice.period_end
        if served is not None:
            yield line, max((invoice.issued_on - served).days, 0)


def _irregular(lines: Iterable[Line], since: date) -> Iterator[tuple[Line, int]]:
    """Agreement bills that came off the beat their agreement usually keeps, and by how many days."""
    groups: dict[tuple[str, str, Ref], list[Line]] = defaultdict(list)
    for line in lines:
        if line.invoice.agreement_ref is not None:
            groups[(line.account, line.invoice.connection, line.invoice.agreement_ref)].append(line)
    for group in groups.values():
        days = sorted(group, key=lambda line: line.issued_on)
        gaps = [(later.issued_on - earlier.issued_on).days for earlier, later in itertools.pairwise(days)]
        if len(gaps) < 3:
            continue
        usual = median(gaps)
        for line, gap in zip(days[1:], gaps, strict=True):
            off = int(gap - usual)
            if off > _LATE_BILL and line.issued_on > since:
                yield line, off


def _drafts_and_unsent(
    books: Books, history: History, as_of: date
) -> tuple[list[tuple[str, Invoice]], list[tuple[str, Invoice]]]:
    """Drafts anywhere (in the PSA one is work nobody billed), and open invoices of the ledger that were never sent."""
    drafts: list[tuple[str, Invoice]] = []
    unsent: list[tuple[str, Invoice]] = []
    for name, account in books.accounts.items():
        for invoice in account.invoices:
            if invoice.status is DocumentStatus.DRAFT:
                found = drafts
            elif invoice.sent is False and _is_owed(account, invoice):
                found = unsent
            else:
                continue
            if invoice.total.currency == history.currency and invoice.issued_on <= as_of:
                found.append((name, invoice))
    return drafts, unsent


def _is_owed(account: AccountBooks, invoice: Invoice) -> bool:
    owed = invoice.status is DocumentStatus.OPEN and invoice.open.minor > 0
    return owed and invoice.connection in account.ledger_connections
