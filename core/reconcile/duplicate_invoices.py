"""Invoices that bill one thing twice: the copy with its original, one finding per extra copy.

Two invoices of one party and amount are duplicates when their numbers are one number ("INV-12", "INV12", "INV-12 copy"), when
they bill the same period of the same agreement, or when nothing tells them apart and they were issued within a few days. What
tells them apart: different periods, agreements or references. Retainers repeat by nature, so the window shrinks with the
client's own rhythm (E50). A credit note of the amount cancels one copy (credit and rebill). Sources: vendors/quickbooks.md
R10-R11, xero.md R13, product.md C19.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from core.findings import Finding, FindingKind, Severity
from core.linking.numbers import copy_of, number_key
from core.money import Money
from core.reconcile import wording
from core.reconcile.desk import Desk
from core.reconcile.evidence import called, telling
from core.records import CreditNote, Invoice, RecordKey, Ref, key_of

_TELLING_DIGITS = (
    5  # significant digits from which two equal amounts are hardly chance: 1,234.50 is, 412.50 (hours at a rate) is not
)
_RHYTHM_SHARE = 3  # copies come within a third of the client's own billing rhythm
_DIGITS = re.compile(r"(\d+)")
_APPENDED = re.compile(r"-\d")  # "1042-1" repeats 1042 where both bill one amount; parts of a bill are smaller than it


def duplicate_invoices(desk: Desk) -> Iterator[Finding]:
    """Findings for each group of equal invoices of one party; the copies are claimed as owed by nobody."""
    groups: dict[tuple[str, str, Money], list[Invoice]] = defaultdict(list)
    for invoice in (item for item in desk.invoices if not desk.is_history(item)):
        groups[(invoice.connection, invoice.party_ref, invoice.total)].append(invoice)
    for group in groups.values():
        if len(group) > 1:
            yield from _examine(desk, sorted(group, key=_age))


def _age(invoice: Invoice) -> tuple[object, ...]:
    """Oldest first; on one day what has a number, without a copy mark, then the lower number; of one number the paid one."""
    key = number_key(invoice.number)
    named = (not key, copy_of(key) is not None, *_natural(invoice.number or ""))
    return (invoice.issued_on, *named, invoice.open.minor > 0, _natural(invoice.ref))


def _natural(text: str) -> tuple[tuple[tuple[int, int, str], ...]]:
    parts = (part for part in _DIGITS.split(text) if part)
    return (tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts),)


@dataclass(frozen=True, slots=True)
class _Copy:
    """A suspected copy with its original. `dated`: only the dates speak for it; confidence 0: too little does."""

    copy: Invoice
    original: Invoice
    confidence: float
    why: str
    dated: bool


def _examine(desk: Desk, group: Sequence[Invoice]) -> Iterator[Finding]:
    copies = _copies(desk, group)
    if _two_series(copies, group):
        copies = [item for item in copies if not item.dated]
    for item in (one for one in copies if one.confidence):
        desk.extra_invoices.add(key_of(item.copy))
        yield _finding(desk, item)


def _copies(desk: Desk, group: Sequence[Invoice]) -> list[_Copy]:
    """Walk the group by date; each invoice is a copy of the one before it that it matches most surely, the oldest of several."""
    habit = _habit(desk, group)
    earlier: list[Invoice] = []
    copies: dict[RecordKey, _Copy] = {}
    marked: dict[object, list[Invoice]] = defaultdict(list)  # by number, by the number it was copied from, by period
    for invoice in group:
        near = itertools.takewhile(lambda other: (invoice.issued_on - other.issued_on).days <= habit.window, reversed(earlier))  # noqa: B023
        known = [other for mark in _marks(invoice) for other in marked[mark]]
        candidates = dict.fromkeys((*reversed([*near]), *known))
        found = [item for other in candidates if (item := _same(desk, other, invoice, habit))]
        standing = [item for item in found if not _cancelled(desk, item.original, invoice)]
        # A copy is nobody's original while only the days speak for it: the bill of the next day is a bill of its own.
        fresh = [item for item in standing if not (item.dated and key_of(item.original) in copies)]
        if fresh:
            copies[key_of(invoice)] = max(fresh, key=lambda item: (not item.dated, item.confidence))
        earlier.append(invoice)
        for mark in _marks(invoice):
            marked[mark].append(invoice)
    return [*copies.values()]


def _marks(invoice: Invoice) -> Iterator[object]:
    """What a copy has in common with its original however far apart they are."""
    key = number_key(invoice.number)
    if key:
        yield key
        yield copy_of(key) or key
    if invoice.agreement_ref is not None and invoice.period_start is not None:
        yield (invoice.agreement_ref, invoice.period_start, invoice.period_end)


def _two_series(copies: Sequence[_Copy], group: Sequence[Invoice]) -> bool:
    """Does the client get two bills of this price time after time? Then it has two things of one price, not a copy each time."""
    days = sorted({item.original.issued_on for item in copies if item.dated})
    if len(days) < _SERIES:
        return False
    gaps = [(later - earlier).days for earlier, later in itertools.pairwise(days)]
    usual = median(gaps)
    regular = sum(abs(gap - usual) * 4 <= usual for gap in gaps)
    return len(days) * _SERIES_SHARE >= len(group) or regular * 2 > len(gaps)


_SERIES = 3
_SERIES_SHARE = 5  # a quarterly beside a monthly one: five of nineteen


@dataclass(frozen=True, slots=True)
class _Habit:
    """How a client is billed this amount. `window`: days within which two such bills may be one; `silent_window`: the same for
    bills without a word that ties them together; negative: never. `said`: how many of the bills say each text."""

    window: int
    silent_window: int
    said: Counter[str]

    def ties(self, first: Invoice, second: Invoice) -> bool:
        """Do the two, and no other bill of this amount, say the same?"""
        pairs = ((_cell(first), _cell(second)), (_memo(first), _memo(second)))
        return any(one and one == two and self.said[one] == _PAIR for one, two in pairs)


def _habit(desk: Desk, group: Sequence[Invoice]) -> _Habit:
    """A round price that a client pays now and then is a price per visit or licence: several on one day are several, not one.

    A retainer has a beat, and a copy falls beside it. A telling amount needs neither.
    """
    rules = desk.world.rules
    gaps = [(later.issued_on - earlier.issued_on).days for earlier, later in itertools.pairwise(group)]
    rhythm = [gap for gap in gaps if gap > rules.duplicate_invoice_days]
    window = rules.duplicate_invoice_days
    rare = telling(group[0].total)
    if rare:
        window = max(window, rules.duplicate_invoice_telling_days)
    if len(rhythm) > 1:
        window = min(window, int(median(rhythm)) // _RHYTHM_SHARE)
    silent = window if rare or _has_a_beat(rhythm) else _NEVER if len(rhythm) >= _UNIT_PRICE else 0
    return _Habit(window, silent, Counter(text for item in group for text in {_cell(item), _memo(item)}))


_NEVER = -1
_UNIT_PRICE = 3  # a round price billed on more than so many days, without a beat
_BEAT_SHARE = 4  # gaps of a beat differ by at most a quarter of it: 28 to 31 days


def _has_a_beat(gaps: Sequence[int]) -> bool:
    """Do most bills keep one distance (gaps of several beats count as one: a month left out)?"""
    if not gaps:
        return False
    usual = median(gaps)
    kept = sum(abs(gap - usual * max(round(gap / usual), 1)) * _BEAT_SHARE <= usual for gap in gaps)
    return len(gaps) >= _LEAST_GAPS and usual >= _LEAST_BEAT and kept * 5 >= len(gaps) * 4


_LEAST_GAPS = 2
_LEAST_BEAT = 6  # days: visits are closer together, and always would seem regular


def _same(desk: Desk, first: Invoice, second: Invoice, habit: _Habit) -> _Copy | None:
    """`second` as a copy of `first`; None when they are two bills."""
    days = (second.issued_on - first.issued_on).days
    numbers = _one_number(first, second)
    if numbers and days <= desk.world.rules.duplicate_number_days and not _periods_differ(first, second):
        return _Copy(second, first, 0.97, numbers, dated=False)
    if _told_apart(first, second):
        return None
    if first.period_start is not None and first.agreement_ref is not None and _same_period(first, second):
        return _Copy(second, first, 0.97, "both bill the same period of the same agreement", dated=False)
    tied = habit.ties(first, second) or desk.billed_once(first, second)
    if days > (habit.window if tied else habit.silent_window) or desk.billed_apart(first, second):
        return None
    paid_apart = first.open.minor == 0 and second.open.minor == 0
    if paid_apart and days > desk.world.rules.duplicate_invoice_days and not desk.billed_once(first, second):
        return None  # the client took both for owed, and nothing else says that they are one
    confidence = 0.75 if paid_apart else 0.95 if days <= 1 else 0.9
    beside = not days and first.agreement_ref == second.agreement_ref and habit.window and not desk.billed_once(first, second)
    if paid_apart and not telling(first.total) and not beside:
        confidence = 0.0  # the client paid both, each in its turn, and the price is a common one
    why = f"issued {days} day{'s' * (days > 1)} apart" if days else "issued on the same day"
    return _Copy(second, first, confidence, why, dated=True)


_PAIR = 2


def _one_number(first: Invoice, second: Invoice) -> str | None:
    one, two = number_key(first.number), number_key(second.number)
    if one and one == two:
        return "their numbers are one number"
    if one and two and (copy_of(two) == one or copy_of(one) == two):
        return "one number is the other with a copy mark"
    if one and two.startswith(one) and _APPENDED.fullmatch(two.removeprefix(one)):
        return "one number is the other with a figure behind it"
    return None


def _periods_differ(first: Invoice, second: Invoice) -> bool:
    return None not in (first.period_start, second.period_start) and first.period_start != second.period_start


def _same_period(first: Invoice, second: Invoice) -> bool:
    return (first.agreement_ref, first.period_start, first.period_end) == (
        second.agreement_ref,
        second.period_start,
        second.period_end,
    )


def _told_apart(first: Invoice, second: Invoice) -> bool:
    """Do they say themselves that they bill two things?"""
    pairs = ((first.agreement_ref, second.agreement_ref), (_cell(first), _cell(second)), (_memo(first), _memo(second)))
    if _periods_differ(first, second) or any(one and two and one != two for one, two in pairs):
        return True
    one_has_order = bool(_cell(first)) != bool(_cell(second))
    one_recurs = bool(first.agreement_ref) != bool(second.agreement_ref)
    if (one_has_order or one_recurs) and not telling(first.total):
        return True  # a job beside a recurring bill, or one with an order beside one without, at a common price
    recurring, single = (first, second) if first.agreement_ref else (second, first)
    return bool(recurring.agreement_ref and not single.agreement_ref and _cell(single) and not _cell(recurring))


def _cell(invoice: Invoice) -> str:
    """The reference, unless it only repeats the invoice's own number."""
    key = "".join((invoice.reference or "").casefold().split())
    return "" if number_key(key) and number_key(key) == number_key(invoice.number) else key


def _memo(invoice: Invoice) -> str:
    """What in the memo can tell two bills apart: its digits and words, without the invoice's own number."""
    text = (invoice.memo or "").casefold()
    return " ".join(text.replace((invoice.number or "\0").casefold(), "").split())


def _cancelled(desk: Desk, first: Invoice, second: Invoice) -> bool:
    """Has a credit note of the amount taken one of the two back?"""
    margin = timedelta(days=desk.world.rules.credit_and_rebill_days)
    for invoice in (first, second):
        credited = sum(item.amount.minor for item in desk.applied(invoice) if isinstance(item.source, CreditNote))
        if credited >= invoice.total.minor:
            return True
    pair = {first.ref, second.ref}
    return any(
        note.total == first.total
        and all(ref in pair for ref in _used_on(desk, note))
        and first.issued_on - timedelta(days=1) <= note.issued_on <= second.issued_on + margin
        for note in desk.credit_notes
        if note.party_ref == first.party_ref
    )


def _used_on(desk: Desk, note: CreditNote) -> set[Ref]:
    """The invoices the note was applied to, by itself or carried by payments."""
    carriers = (item for item in desk.books.payments if any(use.ref == note.ref for use in item.credits_used))
    carried = {one.invoice_ref for item in carriers if item.connection == note.connection for one in item.allocations}
    return carried | {item.invoice_ref for item in note.allocations}


def _finding(desk: Desk, found: _Copy) -> Finding:
    copy, original, why = found.copy, found.original, found.why
    owed = copy.open.minor > 0
    return desk.find(
        FindingKind.DUPLICATE_INVOICE,
        (copy, original),
        at_stake=copy.open if owed else copy.total,
        confidence=found.confidence,
        severity=Severity.HIGH if owed else Severity.MEDIUM,
        what=f"Invoice {called(copy)} bills {copy.total} again, as invoice {called(original)} does: {why}.",
        proposal=wording.void_invoice(desk.system(copy.connection), called(copy), called(original)),
        more={"why": why, "days_apart": (copy.issued_on - original.issued_on).days},
    )
