"""The books of one client as they stood at the end of a past day, rebuilt from the dates of its records.

An invoice is there from its issue, money from the day it came, an allocation from the day it was made: open then = open now +
what was applied later. Where it is told that a record was entered later (`seen`) or taken back later (`undone`), it is there from
or until that day. What no date tells is taken as it is now (due dates, whether an invoice is disputed, addresses), and left out
where today's word would mislead: expected and automatic payments; what was voided or bounced nobody knows when was never made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

from core.books import COUNTED_PAYMENTS, AccountBooks
from core.money import Money
from core.records import (
    Adjustment,
    Allocation,
    CreditNote,
    DocumentStatus,
    Invoice,
    Payment,
    PaymentStatus,
    Record,
    RecordKey,
    Ref,
    Ticket,
    key_of,
)

_STANDING = frozenset({DocumentStatus.OPEN, DocumentStatus.CLOSED})
Source = Payment | CreditNote | Adjustment


@dataclass(frozen=True)
class Rewind:
    """One client's books, to be seen on any day up to now.

    `seen`: the first day a record was known on, of those known later than their own date says. `undone`: the day from which a
    payment or invoice that is void or bounced now was known to be so.
    """

    books: AccountBooks
    seen: Mapping[RecordKey, date] = field(default_factory=dict, hash=False)
    undone: Mapping[RecordKey, date] = field(default_factory=dict, hash=False)

    @cached_property
    def _sources(self) -> tuple[Source, ...]:
        payments = (item for item in self.books.payments if item.status in COUNTED_PAYMENTS)
        notes = (item for item in self.books.credit_notes if item.status in _STANDING)
        return (*payments, *notes, *self.books.adjustments)

    @cached_property
    def _applied(self) -> tuple[tuple[date, date, tuple[str, Ref], int], ...]:
        """(day the money came, day it was applied, invoice, minor units) of every allocation, the last applied first."""
        found = [
            (came_on(source), self._applied_on(item, source), (source.connection, item.invoice_ref), item.amount.minor)
            for source in self._sources
            for item in source.allocations
        ]
        return tuple(sorted(found, key=lambda item: item[1], reverse=True))

    @cached_property
    def _passing(self) -> tuple[tuple[date, date, tuple[str, Ref], int], ...]:
        """(day applied, day undone, invoice, minor units) of every allocation of a payment that was taken back since."""
        gone = (item for item in self.books.payments if item.status not in COUNTED_PAYMENTS and key_of(item) in self.undone)
        return tuple(
            (self._applied_on(part, item), self.undone[key_of(item)], (item.connection, part.invoice_ref), part.amount.minor)
            for item in gone
            for part in item.allocations
        )

    def _applied_on(self, item: Allocation, source: Source) -> date:
        return max(applied_on(item, source), self.seen.get(key_of(source), date.min))

    def _there(self, item: Record, own: date, day: date) -> bool:
        """Was a record of this date known on `day`?"""
        return own <= day and self.seen.get(key_of(item), date.min) <= day

    def _stood(self, item: Record, day: date) -> bool:
        """Was a record that is void or bounced now still good on `day`?"""
        return day < self.undone.get(key_of(item), date.min)

    @cached_property
    def days(self) -> tuple[date, ...]:
        """Every day on which something changed, in order."""
        books = self.books
        days = {day for came, applied, _, _ in self._applied for day in (came, applied)}
        days |= {came_on(source) for source in self._sources} | {item.issued_on for item in books.invoices}
        days |= {item.deposited_on for item in books.deposits} | {item.sold_on for item in books.sales}
        days |= {moment.date() for item in books.tickets for moment in (item.opened_at, item.closed_at) if moment}
        return tuple(sorted(days | set(self.seen.values()) | set(self.undone.values())))

    @cached_property
    def settled(self) -> dict[tuple[str, Ref], date]:
        """The day on which each invoice that is closed now was settled."""
        closed = {(item.connection, item.ref) for item in self.books.invoices if item.status is DocumentStatus.CLOSED}
        return {invoice: applied for _, applied, invoice, _ in reversed(self._applied) if invoice in closed}

    def on(self, day: date) -> AccountBooks:
        """The books at the end of `day`; invoices that were settled by then are left out."""
        books, later = self.books, self._applied_after(day)
        return replace(
            books,
            invoices=tuple(self._invoices(day, later)),
            payments=tuple(self._payments(day)),
            credit_notes=tuple(self._credit_notes(day)),
            adjustments=tuple(self._adjustment(item, day) for item in books.adjustments if item.adjusted_on <= day),
            deposits=tuple(item for item in books.deposits if self._there(item, item.deposited_on, day)),
            sales=tuple(item for item in books.sales if self._there(item, item.sold_on, day)),
            refunds=tuple(item for item in books.refunds if item.refunded_on <= day),
            tickets=tuple(_ticket(item, day) for item in books.tickets if item.opened_at and item.opened_at.date() <= day),
            work=(),
        )

    def arrived(self, day: date) -> dict[tuple[str, Ref], int]:
        """Minor units per invoice that had come by `day` and were applied to it only later: who is asked for them has paid."""
        sums: dict[tuple[str, Ref], int] = {}
        for came, applied, invoice, minor in self._applied:
            if applied <= day:
                break
            if came <= day:
                sums[invoice] = sums.get(invoice, 0) + minor
        return sums

    def _applied_after(self, day: date) -> dict[tuple[str, Ref], int]:
        sums: dict[tuple[str, Ref], int] = {}
        for _, applied, invoice, minor in self._applied:
            if applied <= day:
                break
            sums[invoice] = sums.get(invoice, 0) + minor
        for applied, undone, invoice, minor in self._passing:
            if applied <= day < undone:
                sums[invoice] = sums.get(invoice, 0) - minor
        return sums

    @cached_property
    def _ever_applied(self) -> dict[tuple[str, Ref], int]:
        sums: dict[tuple[str, Ref], int] = {}
        for _, _, invoice, minor in self._applied:
            sums[invoice] = sums.get(invoice, 0) + minor
        return sums

    def _invoices(self, day: date, later: dict[tuple[str, Ref], int]) -> Iterable[Invoice]:
        for item in self.books.invoices:
            voided = item.status is DocumentStatus.VOID and self._stood(item, day)
            if not self._there(item, item.issued_on, day) or not (voided or item.status in _STANDING):
                continue
            key = (item.connection, item.ref)
            now = item.total.minor - self._ever_applied.get(key, 0) if voided else item.open.minor
            minor = min(now + later.get(key, 0), item.total.minor)
            if minor > 0:
                yield replace(
                    item,
                    open=Money(minor, item.open.currency),
                    status=DocumentStatus.OPEN,
                    expected_on=None,
                    autopay_on=None,
                )

    def _payments(self, day: date) -> Iterable[Payment]:
        for item in self.books.payments:
            stood = item.status in COUNTED_PAYMENTS or self._stood(item, day)
            if not stood or not self._there(item, item.paid_on, day):
                continue
            known, rest = self._known(item, day)
            free = Money(item.unapplied.minor + rest, item.unapplied.currency)
            status = item.status if item.status in COUNTED_PAYMENTS else PaymentStatus.RECEIVED
            yield item if not rest and status is item.status else replace(item, allocations=known, unapplied=free, status=status)

    def _credit_notes(self, day: date) -> Iterable[CreditNote]:
        for item in self.books.credit_notes:
            if self._there(item, item.issued_on, day) and item.status in _STANDING:
                known, rest = self._known(item, day)
                free = Money(item.remaining.minor + rest, item.remaining.currency)
                yield item if not rest else replace(item, allocations=known, remaining=free, status=DocumentStatus.OPEN)

    def _known(self, source: Source, day: date) -> tuple[tuple[Allocation, ...], int]:
        """The allocations made by `day`, and the minor units of those made later."""
        known = tuple(item for item in source.allocations if self._applied_on(item, source) <= day)
        return known, sum(item.amount.minor for item in source.allocations if self._applied_on(item, source) > day)

    def _adjustment(self, item: Adjustment, day: date) -> Adjustment:
        known, rest = self._known(item, day)
        if not rest:
            return item
        sign = -1 if item.amount.minor < 0 else 1
        return replace(item, allocations=known, remaining=Money(item.remaining.minor + sign * rest, item.remaining.currency))


def came_on(source: Source) -> date:
    """The day money or credit came to be."""
    if isinstance(source, Payment):
        return source.paid_on
    return source.issued_on if isinstance(source, CreditNote) else source.adjusted_on


def applied_on(item: Allocation, source: Source) -> date:
    """The day an allocation counts from: its own, but never before the money or credit itself was there."""
    return max(item.applied_on or came_on(source), came_on(source))


def _ticket(item: Ticket, day: date) -> Ticket:
    """A ticket closed later was open then."""
    return replace(item, closed=False) if item.closed_at is not None and item.closed_at.date() > day else item
