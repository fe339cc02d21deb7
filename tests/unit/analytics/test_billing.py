"""Recurring revenue, automatic payment and whether bills go out in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.analytics.health import health
from core.findings import FindingState
from core.records import DocumentStatus, Ref, Work
from tests.unit.analytics.ledgers import TODAY, books, client, invoice, month_start, monthly, seen


def report(*clients, findings=()):
    return health(books(*clients), TODAY, findings=findings)


@pytest.mark.req("A67")
def test_recurring_revenue_is_billed_and_collected_by_month():
    found = report(client(bills=monthly(late=40, agreement_ref=Ref("care")))).recurring
    assert [item.month for item in found][-2:] == ["2026-05", "2026-06"]
    assert (found[-1].billed, found[-1].collected, found[-1].still_open) == (10_000, 10_000, 10_000)
    assert sum(item.billed for item in found) == 120_000
    assert sum(item.still_open for item in found) == 20_000  # May and June wait for their seventieth day


@pytest.mark.req("A67")
def test_the_books_copy_of_an_agreement_invoice_is_recurring_too():
    bill = invoice("b1", issued_on=month_start(1), number="1001")
    psa = replace(bill, connection="psa", ref=Ref("x"), agreement_ref=Ref("care"))
    plain = invoice("b2", issued_on=month_start(1), number="1002")
    found = report(client(bills=[(bill, None), (psa, None), (plain, None)])).recurring
    assert sum(item.billed for item in found) == 10_000


def test_no_agreement_named_is_not_known_rather_than_zero():
    assert report(client(bills=monthly())).recurring == ()


@pytest.mark.req("A61")
def test_autopay_is_unknown_when_no_system_tells_and_a_share_of_clients_when_one_does():
    plain = client(bills=monthly())
    automatic = client("q", monthly("q", autopay_on=TODAY))
    assert report(plain).autopay.coverage is None
    assert report(plain, automatic).autopay.coverage == 50.0


@pytest.mark.req("A69")
def test_agreement_months_nobody_billed_are_counted_with_their_amount():
    gap = seen("billing_gap", evidence={"periods": ["2026-03", "2026-04"]})
    settled = seen("billing_gap", subject="other", state=FindingState.DISMISSED)
    found = report(client(bills=monthly()), findings=[gap, settled]).hygiene
    assert (found.unbilled_months, found.unbilled_minor, found.clean) == (2, 10_000, False)


@pytest.mark.req("A69")
def test_a_bill_off_its_agreements_beat_is_irregular():
    bills = monthly(agreement_ref=Ref("care"))
    assert report(client(bills=bills)).hygiene.irregular == 0
    bill, paid = bills[6]
    bills[6] = (replace(bill, issued_on=bill.issued_on + timedelta(days=20)), paid)
    assert report(client(bills=bills)).hygiene.irregular == 1


@pytest.mark.req("A52", "A70")
@pytest.mark.parametrize(("lag", "late", "far"), [(0, 0, 0), (30, 0, 0), (31, 1, 0), (180, 1, 0), (181, 1, 1)])
def test_the_lag_from_service_to_invoice_warns_after_30_days_and_fails_after_180(lag, late, far):
    issued = month_start(1)
    bill = invoice("b", issued_on=issued)
    worked = Work(
        connection="books",
        ref=Ref("w"),
        party_ref=Ref("p"),
        invoice_ref=Ref("b"),
        period_start=issued - timedelta(days=lag + 20),
        period_end=issued,
        minutes=60,
        entries=1,
        last_worked_on=issued - timedelta(days=lag),
    )
    found = report(client(bills=[(bill, None)], work=(worked,))).hygiene
    assert (found.billed_late, found.billed_far_too_late, found.lag_median) == (late, far, lag)
    assert found.clean is (far == 0)


@pytest.mark.req("A52")
def test_billed_in_advance_is_no_lag_and_paying_time_is_told():
    bills = monthly(period_start=date(2026, 7, 1), period_end=date(2026, 7, 31))
    found = report(client(bills=bills)).hygiene
    assert (found.lag_median, found.paid_median) == (0, 25)


@pytest.mark.req("A71", "A77")
def test_drafts_and_unsent_invoices_must_be_cleared_first():
    draft = invoice("d", issued_on=month_start(1), status=DocumentStatus.DRAFT)
    unsent = invoice("u", issued_on=month_start(1), sent=False, total=700)
    sent = invoice("s", issued_on=month_start(1), sent=True)
    found = report(client(bills=[(draft, None), (unsent, None), (sent, None)])).hygiene
    assert (found.drafts, found.drafts_minor, found.unsent, found.unsent_minor) == (1, 10_000, 1, 700)
    assert not found.clean
    assert {item.what for item in found.items} == {"d: still a draft", "u: never sent"}
