"""Ageing: what was open on a day, by how long it was past due, per account and currency.

Convention: days are counted from the due date (the issue date where there is none); "current" is not yet past due. A past day is
rebuilt from when money was applied: open then = open now + what was applied after that day. Credits and unapplied cash stand in
a column of their own, so that the buckets add up to the open invoices and the net to what is owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from core.books import COUNTED_PAYMENTS, AccountBooks, Books
from core.records import Allocation, CreditNote, DocumentStatus, Invoice, Payment, Ref

BUCKETS = ("current", "1-30", "31-60", "61-90", "90+")


def bucket_of(days_past_due: int) -> str:
    """The ageing bucket of an invoice that is so many days past due."""
    if days_past_due <= 0:
        return "current"
    return BUCKETS[min((days_past_due - 1) // 30 + 1, 4)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeingRow:
    """One account in one currency, in minor units. `unapplied` is cash and credit not applied; net = total - unapplied."""

    account: str
    name: str
    currency: str
    buckets: Mapping[str, int] = field(hash=False)
    unapplied: int
    oldest_due_on: date | None

    @property
    def total(self) -> int:
        return sum(self.buckets.values())

    @property
    def net(self) -> int:
        return self.total - self.unapplied


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """Every account with something open or unapplied on `as_of`, largest net first."""

    as_of: date
    rows: tuple[AgeingRow, ...]

    def totals(self) -> dict[str, dict[str, int]]:
        """Per currency: each bucket, their total, what is unapplied, and the net; minor units."""
        sums: dict[str, dict[str, int]] = {}
        for row in self.rows:
            into = sums.setdefault(row.currency, dict.fromkeys((*BUCKETS, "total", "unapplied", "net"), 0))
            for name, minor in row.buckets.items():
                into[name] += minor
            into["total"] += row.total
            into["unapplied"] += row.unapplied
            into["net"] += row.net
        return {code: sums[code] for code in sorted(sums)}


def ageing(books: Books, as_of: date) -> Ageing:
    """The ageing of all accounts at the end of `as_of`."""
    rows = [row for account in books.accounts.values() for row in _rows(account, as_of)]
    return Ageing(as_of=as_of, rows=tuple(sorted(rows, key=lambda row: (row.currency, -row.net, row.account))))


def _rows(books: AccountBooks, as_of: date) -> Iterable[AgeingRow]:
    later = _applied_after(books, as_of)
    buckets: dict[str, dict[str, int]] = {}
    oldest: dict[str, date] = {}
    for invoice in books.invoices:
        open_then = open_on(invoice, as_of, later) if invoice.connection in books.ledger_connections else 0
        if open_then <= 0:
            continue
        due_on = invoice.due_on or invoice.issued_on
        into = buckets.setdefault(invoice.open.currency, dict.fromkeys(BUCKETS, 0))
        into[bucket_of((as_of - due_on).days)] += open_then
        oldest[invoice.open.currency] = min(due_on, oldest.get(invoice.open.currency, due_on))
    unapplied = _unapplied(books, as_of)
    for code in sorted({*buckets, *(code for code, minor in unapplied.items() if minor)}):
        yield AgeingRow(
            account=books.account.id,
            name=books.account.name,
            currency=code,
            buckets=buckets.get(code, dict.fromkeys(BUCKETS, 0)),
            unapplied=unapplied.get(code, 0),
            oldest_due_on=oldest.get(code),
        )


def open_on(invoice: Invoice, as_of: date, applied_later: Mapping[tuple[str, Ref], int]) -> int:
    """Minor units of `invoice` that were open at the end of `as_of`; zero before it was issued and for drafts and voids."""
    if invoice.issued_on > as_of or invoice.status in (DocumentStatus.DRAFT, DocumentStatus.VOID):
        return 0
    open_then = invoice.open.minor + applied_later.get((invoice.connection, invoice.ref), 0)
    return min(open_then, invoice.total.minor)


def _applied_after(books: AccountBooks, as_of: date) -> dict[tuple[str, Ref], int]:
    """What was applied to each invoice after `as_of`."""
    sums: dict[tuple[str, Ref], int] = {}
    for source in _sources(books):
        if not _counts(source):
            continue
        for item in source.allocations:
            if _applied_on(item, source) > as_of:
                key = (source.connection, item.invoice_ref)
                sums[key] = sums.get(key, 0) + item.amount.minor
    return sums


def _sources(books: AccountBooks) -> tuple[Payment | CreditNote, ...]:
    return (*books.payments, *books.credit_notes)


def _counts(source: Payment | CreditNote) -> bool:
    if isinstance(source, Payment):
        return source.status in COUNTED_PAYMENTS
    return source.status in (DocumentStatus.OPEN, DocumentStatus.CLOSED)


def _applied_on(item: Allocation, source: Payment | CreditNote) -> date:
    """The day an allocation counts from: its own, but never before the money or credit itself existed."""
    made_on = source.paid_on if isinstance(source, Payment) else source.issued_on
    return max(item.applied_on or made_on, made_on)


def _unapplied(books: AccountBooks, as_of: date) -> dict[str, int]:
    """Cash and credit that stood unapplied at the end of `as_of`, per currency."""
    sums: dict[str, int] = {}
    for source in _sources(books):
        made_on = source.paid_on if isinstance(source, Payment) else source.issued_on
        if made_on > as_of or not _counts(source) or source.connection not in books.ledger_connections:
            continue
        rest = source.unapplied if isinstance(source, Payment) else source.remaining
        later = sum(item.amount.minor for item in source.allocations if _applied_on(item, source) > as_of)
        sums[rest.currency] = sums.get(rest.currency, 0) + rest.minor + later
    for adjustment in books.adjustments:
        if adjustment.adjusted_on <= as_of and adjustment.connection in books.ledger_connections:
            code = adjustment.remaining.currency
            sums[code] = sums.get(code, 0) - adjustment.remaining.minor
    return sums
