"""Ageing: what was open on a day, by how long it was past due, per account and currency.

Convention: days are counted from the due date (the issue date where there is none); "current" is not yet past due. A past day is
rebuilt from when money was applied: open then = open now + what was applied after that day. Credits and unapplied cash stand in
a column of their own, so that the buckets add up to the open invoices and the net to what is owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from core.analytics.history import UNCOUNTED, InvoiceName, applied_on, sources
from core.books import COUNTED_PAYMENTS, AccountBooks, Books
from core.records import CreditNote, Invoice, Payment, Posting, Stream

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
    later = applied_after(books, as_of)
    rows = [row for account in books.accounts.values() for row in _rows(account, as_of, later)]
    return Ageing(as_of=as_of, rows=tuple(sorted(rows, key=lambda row: (row.currency, -row.net, row.account))))


def _rows(books: AccountBooks, as_of: date, later: Mapping[InvoiceName, int]) -> Iterable[AgeingRow]:
    buckets: dict[str, dict[str, int]] = {}
    oldest: dict[str, date] = {}
    ledger = books.ledger_connections
    for invoice in books.invoices:
        if invoice.open.minor <= 0 and not later:
            continue  # closed now and then, as nearly all are
        open_then = open_on(invoice, as_of, later) if invoice.connection in ledger else 0
        if open_then <= 0:
            continue
        due_on = invoice.due_on or invoice.issued_on
        into = buckets.setdefault(invoice.open.currency, dict.fromkeys(BUCKETS, 0))
        into[bucket_of((as_of - due_on).days)] += open_then
        oldest[invoice.open.currency] = min(due_on, oldest.get(invoice.open.currency, due_on))
    unapplied = _unapplied(books, as_of, anything_later=bool(later))
    for code in sorted({*buckets, *(code for code, minor in unapplied.items() if minor)}):
        yield AgeingRow(
            account=books.account.id,
            name=books.account.name,
            currency=code,
            buckets=buckets.get(code, dict.fromkeys(BUCKETS, 0)),
            unapplied=unapplied.get(code, 0),
            oldest_due_on=oldest.get(code),
        )


def open_on(invoice: Invoice, as_of: date, applied_later: Mapping[InvoiceName, int]) -> int:
    """Minor units of `invoice` that were open at the end of `as_of`; zero before it was issued and for drafts and voids."""
    if invoice.issued_on > as_of or invoice.status in UNCOUNTED:
        return 0
    open_then = invoice.open.minor + applied_later.get((invoice.connection, invoice.ref), 0)
    return min(open_then, invoice.total.minor)


def applied_after(books: Books, as_of: date) -> dict[InvoiceName, int]:
    """What was applied to each invoice after `as_of`, whichever account's money it was."""
    sums: dict[InvoiceName, int] = {}
    for account in books.all():
        for source, made_on in sources(account):
            for item in source.allocations:
                if applied_on(item, made_on) > as_of:
                    key = (source.connection, item.invoice_ref)
                    sums[key] = sums.get(key, 0) + item.amount.minor
    return sums


def _unapplied(books: AccountBooks, as_of: date, *, anything_later: bool) -> dict[str, int]:
    """Cash and credit that stood unapplied at the end of `as_of`, per currency, as the account's balance counts them."""
    sums: dict[str, int] = {}
    rests = _rests(books, as_of, anything_later=anything_later)
    for currency, minor in (*rests, *_direct(books, as_of), *_carried_later(books, as_of), *_raised(books, as_of)):
        sums[currency] = sums.get(currency, 0) + minor
    return sums


def _rests(books: AccountBooks, as_of: date, *, anything_later: bool) -> Iterable[tuple[str, int]]:
    """What payments and credits had left: what they have now and what was applied of them later, where anything was."""
    ledger = books.ledger_connections
    for source, made_on in sources(books):
        if not anything_later and isinstance(source, Payment) and not source.unapplied.minor:
            continue  # used up now and then, as nearly all are
        if source.connection not in ledger or made_on > as_of:
            continue
        late = [item for item in source.allocations if applied_on(item, made_on) > as_of] if anything_later else ()
        later = sum([item.amount.minor for item in late])
        if isinstance(source, Payment):
            yield source.unapplied.currency, source.unapplied.minor + later
        else:
            rest = source.remaining if isinstance(source, CreditNote) else -source.remaining
            yield rest.currency, rest.minor + later


def _direct(books: AccountBooks, as_of: date) -> Iterable[tuple[str, int]]:
    """Deposit lines posted straight to the receivable account, less what payments had carried of them to invoices."""
    mine = {(party.connection, party.ref) for party in books.parties}
    ledger = books.ledger_connections
    for deposit in books.deposits:
        if deposit.connection in ledger and deposit.deposited_on <= as_of:
            for line in deposit.lines:
                posted_here = line.posting is Posting.RECEIVABLE and line.payment_ref is None
                if posted_here and (deposit.connection, line.party_ref) in mine:
                    yield line.amount.currency, line.amount.minor
    for payment in books.payments:
        if payment.credits_used and payment.connection in ledger and payment.paid_on <= as_of:
            yield from ((use.amount.currency, -use.amount.minor) for use in payment.credits_used if use.stream is Stream.DEPOSITS)


def _carried_later(books: AccountBooks, as_of: date) -> Iterable[tuple[str, int]]:
    """Credits that a payment made after the day carried to invoices: they still stood then, if they existed."""
    made = {(note.connection, Stream.CREDIT_NOTES, note.ref): note.issued_on for note in books.credit_notes}
    made |= {(item.connection, Stream.ADJUSTMENTS, item.ref): item.adjusted_on for item in books.adjustments}
    for payment in books.payments:
        if payment.paid_on <= as_of or payment.status not in COUNTED_PAYMENTS:
            continue
        for use in payment.credits_used:
            born = made.get((payment.connection, use.stream, use.ref))
            if born is not None and born <= as_of:
                yield use.amount.currency, use.amount.minor


def _raised(books: AccountBooks, as_of: date) -> Iterable[tuple[str, int]]:
    """Adjustments that raise what the client owes, as far as nothing has met them yet."""
    for item in books.adjustments:
        if item.amount.minor >= 0 and item.adjusted_on <= as_of and item.connection in books.ledger_connections:
            yield item.remaining.currency, -item.remaining.minor
