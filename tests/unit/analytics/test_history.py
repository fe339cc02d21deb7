"""The sums over time say on every day what the invoices themselves say, however they were paid."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from core.analytics.ageing import ageing
from core.analytics.history import histories
from core.records import Allocation, DocumentStatus, PaymentStatus
from tests.unit.analytics.ledgers import TODAY, books, client, invoice, paying, usd

DAYS = st.integers(0, 200).map(lambda back: TODAY - timedelta(days=back))
PARTS = st.lists(st.tuples(DAYS, st.integers(1, 6_000)), max_size=3)
BILLS = st.lists(st.tuples(DAYS, st.sampled_from([0, 14, 30, None]), st.integers(-500, 10_000), PARTS), min_size=1, max_size=6)
ASKED = [TODAY - timedelta(days=back) for back in (*range(0, 230, 7), -20)]


def ledger(bills):
    """Invoices of one client with payments in up to three parts; what is left is open, what is overpaid is closed."""
    found, payments = [], []
    for number, (issued_on, terms, total, parts) in enumerate(bills):
        rest = max(total - sum(minor for _, minor in parts), 0)
        more = {"open": usd(rest), "status": DocumentStatus.OPEN if rest else DocumentStatus.CLOSED}
        bill = invoice(f"i{number}", issued_on=issued_on, total=total, terms=terms, **more)
        found.append((bill, None))
        payments += [_part(bill, day, minor, at) for at, (day, minor) in enumerate(parts)]
    return books(client(bills=found, payments=tuple(payments)))


def _part(bill, day, minor, at):
    paid = paying(bill, day, minor)
    allocation = Allocation(invoice_ref=bill.ref, amount=usd(minor), applied_on=day + timedelta(days=3) if at == 1 else None)
    values = {name: getattr(paid, name) for name in ("connection", "party_ref", "amount", "unapplied", "paid_on")}
    return type(paid)(ref=f"{paid.ref}-{at}", allocations=(allocation,), status=PaymentStatus.RECEIVED, **values)


@settings(max_examples=40, deadline=None)
@given(BILLS)
def test_what_is_open_and_past_due_on_a_day_is_the_sum_of_its_invoices(bills):
    for history in histories(ledger(bills), TODAY).values():
        for day in ASKED:
            assert history.receivables.upto(day) == sum(line.open_on(day) for line in history.lines)
            for late in (0, 30):
                due = [line for line in history.lines if line.issued_on <= day and (day - line.due_on).days > late]
                assert history.past_due(late).upto(day) == sum(line.open_on(day) for line in due)
                assert history.past_due_count(late).upto(day) == sum(line.open_on(day) > 0 for line in due)


@settings(max_examples=40, deadline=None)
@given(BILLS, st.integers(0, 60))
def test_who_is_not_among_the_late_owed_nothing_by_then(bills, days):
    for history in histories(ledger(bills), TODAY).values():
        in_time = set(history.lines) - set(history.late(days))
        assert all(line.open_on(line.due_on + timedelta(days=days)) <= 0 for line in in_time)


@settings(max_examples=30, deadline=None)
@given(BILLS, DAYS)
def test_the_ageing_of_any_day_is_what_the_history_says(bills, day):
    known = ledger(bills)
    (history,) = histories(known, TODAY).values()
    totals = ageing(known, day).totals().get("USD", {"total": 0})
    assert totals["total"] == sum(max(line.open_on(day), 0) for line in history.lines)


def test_days_before_the_first_bill_know_nothing():
    history = histories(ledger([(TODAY, 30, 100, [])]), TODAY)["USD"]
    assert history.receivables.upto(date(2020, 1, 1)) == 0
    assert history.past_due(0).upto(TODAY) == 0
