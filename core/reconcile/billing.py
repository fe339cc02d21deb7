"""Agreement periods that nobody billed (product.md A69, D11): between two bills of one agreement, or since the last.

The rhythm is the agreement's own (`cycle_months`) or, where the agreement is known only from its invoices, the one that most
of them keep. A period counts as billed when any invoice of the agreement covers it, void ones included (somebody decided), or
another invoice of the client bills the agreement's amount in it, in this system or another. Months after the last bill count
only while the agreement says it is active.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from core.findings import Finding, FindingKind, Severity
from core.money import Money
from core.reconcile.desk import Desk
from core.reconcile.evidence import called
from core.records import Agreement, DocumentStatus, Invoice, RecordKey, Ref, Role, Stream

_LEAST_BILLS = 3  # bills needed to know a rhythm from invoices alone
_MOST_MISSING = 24  # months told at most for one agreement; beyond that it is not a gap but an ended agreement


@dataclass(frozen=True, slots=True)
class _Rhythm:
    """When an agreement bills: every `cycle` months; `bills` are its invoices by the month they begin to cover."""

    connection: str
    ref: Ref
    cycle: int
    bills: dict[int, Invoice]
    agreement: Agreement | None


def billing_gaps(desk: Desk) -> Iterator[Finding]:
    """One finding per hole in an agreement's bills, however many periods wide, so that a growing hole stays one finding."""
    for rhythm in _rhythms(desk):
        months = sorted(rhythm.bills)
        last = _last_due(desk, rhythm, months[-1])
        expected = _expected(months, rhythm.cycle, last)[:_MOST_MISSING]
        missing = [month for month in expected if not _billed_otherwise(desk, rhythm, month)]
        unread = desk.world.unread_invoices.get(rhythm.connection)
        if unread and len(missing) <= unread[1][str(rhythm.ref)]:
            continue  # as many of its bills are there and cannot be read
        for _, hole in itertools.groupby(missing, key=lambda month: max(item for item in months if item < month)):
            yield _gap(desk, rhythm, [*hole], months)


def _rhythms(desk: Desk) -> Iterator[_Rhythm]:
    groups: dict[tuple[str, Ref], list[Invoice]] = defaultdict(list)
    for invoice in desk.books.invoices:
        if invoice.agreement_ref is not None and invoice.status is not DocumentStatus.DRAFT and _of_one_side(desk, invoice):
            groups[(invoice.connection, invoice.agreement_ref)].append(invoice)
    agreements = {(item.connection, item.ref): item for item in desk.books.agreements}
    for (connection, ref), invoices in sorted(groups.items()):
        agreement = agreements.get((connection, ref))
        bills = {_month(item.period_start or item.issued_on): item for item in sorted(invoices, key=lambda item: item.ref)}
        cycle = agreement.cycle_months if agreement and agreement.cycle_months else _usual(sorted(bills))
        if cycle:
            yield _Rhythm(connection, ref, cycle, bills, agreement)


def _of_one_side(desk: Desk, invoice: Invoice) -> bool:
    """Agreements live in the PSA; where the account has one, the books' copies of its invoices are not asked again."""
    has_psa = any(desk.world.role(party.connection) is Role.PSA for party in desk.books.parties)
    return not has_psa or desk.world.role(invoice.connection) is Role.PSA


def _usual(months: Sequence[int]) -> int | None:
    """The gap that more than half of the bills keep; None when there is no such rhythm."""
    gaps = Counter(later - earlier for earlier, later in itertools.pairwise(months))
    if len(months) < _LEAST_BILLS or not gaps:
        return None
    cycle, count = min(gaps.items(), key=lambda item: (-item[1], item[0]))
    return cycle if cycle > 0 and count * 2 > sum(gaps.values()) else None


def _month(day: date) -> int:
    """Months since year 0: neighbours differ by one."""
    return day.year * 12 + day.month - 1


def _day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def _last_due(desk: Desk, rhythm: _Rhythm, last_billed: int) -> int:
    """The last month that should have been billed by today."""
    agreement = rhythm.agreement
    if agreement is None or not agreement.active:
        return last_billed
    limit = desk.world.today - timedelta(days=desk.world.rules.billing_grace_days)
    if agreement.ends_on is not None:
        limit = min(limit, agreement.ends_on)
    if agreement.next_invoice_on is not None:
        limit = min(limit, agreement.next_invoice_on - timedelta(days=1))
    return max(last_billed, _month(limit))


def _expected(months: Sequence[int], cycle: int, last: int) -> list[int]:
    """The months without a bill between the first and `last`, counted from each bill on."""
    missing: list[int] = []
    for earlier, later in zip(months, (*months[1:], last + 1), strict=False):
        missing += range(earlier + cycle, later, cycle)
    # After a gap the rhythm may resume off the beat: a bill less than a cycle after a missing month covers it.
    return [month for month in missing if not any(month < other < month + cycle for other in months)]


def _billed_otherwise(desk: Desk, rhythm: _Rhythm, month: int) -> bool:
    if any(_covers(item, month) for item in rhythm.bills.values()):
        return True
    usual = {item.total for item in rhythm.bills.values()}
    owners = {item.party_ref for item in rhythm.bills.values()}
    for item in desk.books.invoices:
        if item.total in usual and _month(item.period_start or item.issued_on) == month:
            single = item.agreement_ref is None and item.party_ref in owners
            if single if item.connection == rhythm.connection else not desk.has_psa_bill(item):
                return True
    return False


def _covers(invoice: Invoice, month: int) -> bool:
    """Is the month one of those its period bills? From the 28th to the 27th is one month, the one it begins in."""
    if invoice.period_start is None or invoice.period_end is None:
        return False
    days = (invoice.period_end - invoice.period_start).days + 1
    first = _month(invoice.period_start)
    return first <= month < first + max(round(days / _DAYS_OF_A_MONTH), 1)


_DAYS_OF_A_MONTH = 30.44


def _gap(desk: Desk, rhythm: _Rhythm, hole: Sequence[int], months: Sequence[int]) -> Finding:
    before = rhythm.bills[max(item for item in months if item < hole[0])]
    after = next((rhythm.bills[item] for item in months if item > hole[-1]), None)
    usual = rhythm.agreement.amount if rhythm.agreement and rhythm.agreement.amount else before.total
    amount = Money(usual.minor * len(hole), usual.currency)
    name = rhythm.agreement.name if rhythm.agreement else str(rhythm.ref)
    periods = [f"{_day(month):%Y-%m}" for month in hole]
    found = desk.find(
        FindingKind.BILLING_GAP,
        (before, *((after,) if after else ())),
        at_stake=amount,
        confidence=0.9 if after else 0.8,
        severity=Severity.MEDIUM,
        what=f"Agreement {name} bills every {rhythm.cycle} month(s), but nothing bills {', '.join(periods)}.",
        proposal=f"Check agreement {name}: bill {', '.join(periods)} ({amount}), or note why it is free. "
        f"Last bill before: {called(before)}.",
        more={"periods": periods, "cycle_months": rhythm.cycle, "agreement": str(rhythm.ref)},
    )
    return desk.naming(found, RecordKey(rhythm.connection, Stream.AGREEMENTS, rhythm.ref))
