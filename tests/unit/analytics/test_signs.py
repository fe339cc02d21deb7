"""The six signs: what turns each on, what does not, and who is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from core.analytics.health import health
from core.analytics.signs import measure
from core.analytics.signs_clients import minutes_of
from core.findings import FindingState
from core.money import Money
from core.records import Adjustment, Agreement, CreditNote, DocumentStatus, Ref
from tests.unit.analytics.ledgers import TODAY, books, client, contacted, invoice, month_start, monthly, person, seen, usd

NAMES = (
    "rising_receivables",
    "declining_margin",
    "miscommunication",
    "write_offs_and_errors",
    "complaints",
    "poor_coordination",
)


def signs(*clients, findings=(), contacts=(), as_of=TODAY):
    grouped = {}
    for item in contacts:
        grouped.setdefault(item.account, []).append(item)
    found = health(books(*clients), as_of, findings=findings, contacts=grouped)
    return {sign.name: sign for sign in found.signs}


def other(sign, name):
    (found,) = [item for item in sign.others if item.name == name]
    return found


@pytest.mark.req("A44", "A45")
def test_there_are_six_signs_each_with_formula_and_a_trend_of_at_least_six_months():
    found = signs(client(bills=monthly()))
    assert tuple(found) == NAMES
    for sign in found.values():
        assert sign.main.formula
        assert len(sign.main.trend) >= 6, sign.name
        assert sign.main.threshold is not None
        assert sign.main.trend[-1].on == TODAY
        assert sign.main.value == sign.main.trend[-1].value


def test_a_healthy_ledger_raises_no_sign():
    assert [name for name, sign in signs(client(bills=monthly())).items() if sign.alert] == []


def test_empty_books_say_nothing_instead_of_failing():
    for sign in signs().values():
        assert not sign.alert
        assert sign.clients == ()


# ── 1 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A49", "A50")
def test_receivables_that_grow_faster_than_sales_raise_the_sign_and_name_the_client():
    stopped = [
        (bill if paid and paid < date(2026, 3, 1) else invoice(str(bill.ref), "q", issued_on=bill.issued_on, total=90_000), paid)
        for bill, paid in monthly("q", total=90_000)
    ]
    stopped = [(bill, paid if bill.status is DocumentStatus.CLOSED else None) for bill, paid in stopped]
    sign = signs(client(bills=monthly()), client("q", stopped))["rising_receivables"]
    assert sign.alert
    assert sign.clients[0].account == "books:q"
    assert sign.main.value > sign.main.trend[0].value


@pytest.mark.req("A50")
def test_growth_of_sales_alone_is_no_alarm():
    growing = [
        (invoice(str(bill.ref), issued_on=bill.issued_on, total=10_000 + 3_000 * n, paid_on=paid), paid)
        for n, (bill, paid) in enumerate(monthly())
    ]
    assert not signs(client(bills=growing))["rising_receivables"].main.alert


@pytest.mark.req("A51")
def test_invoices_past_thirty_days_are_told_by_count_and_by_value():
    old = [(invoice("a", issued_on=TODAY - timedelta(days=61), total=500), None)]
    due = [(invoice("b", issued_on=TODAY - timedelta(days=60), total=700), None)]
    sign = signs(client(bills=[*monthly(), *old, *due]))["rising_receivables"]
    assert other(sign, "past_30_count").value == 1
    assert other(sign, "past_30_value").value == 500


# ── 2 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A53")
@pytest.mark.parametrize(
    ("kind", "outcome", "minutes"),
    [
        ("call", "no answer", 10),
        ("call", "25 min, promised Friday", 25),
        ("call", "1 h 10 min with the owner", 70),
        ("note", "looked for the PO, 15 minutes", 15),
        ("note", "looked for the PO", 0),
        ("message", "5 min", 0),
    ],
)
def test_minutes_are_those_logged_and_a_call_without_any_counts_ten(kind, outcome, minutes):
    assert minutes_of(contacted(kind, TODAY, outcome=outcome), 10) == minutes


@pytest.mark.req("A53")
def test_calls_cost_margin_by_client_and_by_who_made_them():
    calls = [contacted("call", TODAY - timedelta(days=n), outcome="30 min", channel="dana") for n in range(3)]
    sign = signs(client(bills=monthly()), contacts=calls)["declining_margin"]
    assert sign.main.value == 3 * 30 * 100 / 3  # three invoices in three months
    assert sign.alert
    assert sign.clients[0].words == "90 minutes in three months"
    assert sign.details["by_person"] == [{"person": "dana", "calls": 3, "minutes": 90}]


def test_a_waived_step_cost_nothing():
    skipped = [contacted("call", TODAY, outcome="30 min", waived=True)]
    assert signs(client(bills=monthly()), contacts=skipped)["declining_margin"].main.value == 0


# ── 3 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A55", "A104")
def test_a_habitually_late_client_is_named_with_how_often_and_how_long():
    sign = signs(client(bills=monthly()), client("q", monthly("q", late=20)))["miscommunication"]
    assert sign.main.value == 50.0
    assert sign.clients[0].account == "books:q"
    assert sign.clients[0].words == "6 of the last 6 invoices late, 20 days on average"


@pytest.mark.req("A55")
def test_late_once_is_no_habit_and_a_weekend_is_not_late():
    once = monthly("q", late=2)
    bill, _ = once[5]
    late_on = bill.due_on + timedelta(days=40)
    once[5] = (bill, late_on)
    assert signs(client("q", once))["miscommunication"].main.value == 0


@pytest.mark.req("A54", "A56", "A90")
@pytest.mark.parametrize(
    ("more", "bill", "word"),
    [
        ({}, {"terms": None}, "due date"),
        ({"email": None}, {}, "nobody known"),
        (
            {"agreements": (Agreement(connection="books", ref=Ref("g"), party_ref=Ref("p"), name="Care", signed=False),)},
            {},
            "signature",
        ),
    ],
)
def test_a_client_who_cannot_know_what_it_owes_when_is_named_with_why(more, bill, word):
    fresh = [(invoice("n", issued_on=TODAY - timedelta(days=5), **bill), None)]
    sign = signs(client(bills=[*monthly(), *fresh], **more))["miscommunication"]
    assert other(sign, "unclear_terms_share").alert
    assert word in sign.clients[0].words


@pytest.mark.req("A56")
def test_somebody_who_pays_bills_is_somebody_to_bill():
    known = client(bills=monthly(), email=None, contacts=(person("Accounts payable"),))
    technician = client(bills=monthly(), email=None, contacts=(person("Engineer"),))
    assert other(signs(known)["miscommunication"], "unclear_terms_share").value == 0
    assert other(signs(technician)["miscommunication"], "unclear_terms_share").value == 100


# ── 4 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────
def written_off(minor, on, reason="bad debt"):
    return Adjustment(
        connection="books", ref=Ref("w"), party_ref=Ref("p"), amount=usd(-minor), remaining=usd(0), adjusted_on=on, reason=reason
    )


def credit(minor, on, memo):
    return CreditNote(
        connection="books",
        ref=Ref("c"),
        party_ref=Ref("p"),
        total=usd(minor),
        remaining=usd(0),
        issued_on=on,
        status=DocumentStatus.CLOSED,
        memo=memo,
    )


@pytest.mark.req("A58")
def test_write_offs_are_told_by_cause_and_as_a_share_of_sales():
    ledger = client(
        bills=monthly(),
        adjustments=(written_off(600, TODAY),),
        credit_notes=(credit(300, TODAY, "Write-off, client closed"), credit(900, TODAY, "wrong seat count")),
    )
    sign = signs(ledger)["write_offs_and_errors"]
    assert sign.main.value == 3.0  # 900 of 30,000
    assert sign.alert
    assert sign.details["by_cause"] == [{"cause": "bad debt", "minor": 600}, {"cause": "Write-off, client closed", "minor": 300}]
    assert other(sign, "credited_share").value == 3.0
    assert sign.clients[0].figure == 900


@pytest.mark.req("A58", "A80")
def test_recovery_is_told_by_age_because_older_debt_is_harder():
    rows = signs(client(bills=monthly(late=45)))["write_offs_and_errors"].details["recovery_by_age"]
    by_age = {row["days_past_due"]: row for row in rows}
    assert by_age[30]["share"] == 100
    assert by_age[60]["open_minor"] == 0


# ── 5 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A62")
def test_lost_doubled_and_misapplied_are_counted_apart_and_together():
    found = signs(
        client(bills=monthly()),
        findings=[seen("duplicate_invoice"), seen("misapplied_payment"), seen("duplicate_payment", state=FindingState.DISMISSED)],
        contacts=[contacted("bounce", TODAY - timedelta(days=3))],
    )["complaints"]
    assert [other(found, name).value for name in ("lost", "duplicate", "misapplied", "disputed")] == [333.33, 333.33, 333.33, 0]
    assert found.main.value == 999.99
    assert found.alert
    assert found.clients[0].figure == 3


@pytest.mark.req("A63")
def test_a_complaint_that_waits_longer_than_two_weeks_raises_the_sign():
    def waiting(days):
        bill = invoice("d", issued_on=TODAY - timedelta(days=days), disputed=True)
        return other(signs(client(bills=[*monthly(), (bill, None)]))["complaints"], "oldest_complaint_days")

    assert (waiting(14).value, waiting(14).alert) == (14, False)
    assert waiting(15).alert


# ── 6 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A64", "A66")
def test_systems_that_disagree_raise_the_sign_until_they_are_settled():
    def sign(state):
        at = datetime(2026, 6, 20, tzinfo=UTC)
        item = seen("amount_mismatch", state=state, last_seen_at=at)
        return signs(client(bills=monthly()), findings=[item])["poor_coordination"]

    assert sign(FindingState.OPEN).alert
    assert sign(FindingState.OPEN).clients[0].account == "books:p"
    assert sign(FindingState.RESOLVED).main.value == 0


@pytest.mark.req("A65")
def test_open_exceptions_are_shared_by_the_people_who_work_on_them():
    many = [seen("unapplied_payment", subject=f"x{n}") for n in range(60)]
    one = signs(client(bills=monthly()), findings=many)["poor_coordination"]
    calls = [contacted("call", TODAY, channel=who) for who in ("dana", "eli", "fay")]
    three = signs(client(bills=monthly()), findings=many, contacts=calls)["poor_coordination"]
    assert other(one, "exceptions_per_person").value == 60
    assert other(one, "exceptions_per_person").alert
    assert other(three, "exceptions_per_person").value == 20
    assert not other(three, "exceptions_per_person").alert


# ── currencies ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_currencies_are_never_added_up():
    foreign = replace(invoice("e", "q", issued_on=month_start(0)), total=Money(777, "EUR"), open=Money(777, "EUR"))
    ledger = books(client(bills=monthly()), client("q", [(foreign, None)]))
    found = health(ledger, TODAY)
    assert (found.currency, found.other_currencies) == ("USD", ("EUR",))
    assert found.months[-1].sales == 10_000
    assert health(ledger, TODAY, currency="EUR").months[-1].sales == 777


# ── thresholds ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def series(*values):
    return [(month_start(len(values) - n), value) for n, value in enumerate(values)]


@pytest.mark.req("A46")
@pytest.mark.parametrize(
    ("values", "ceiling", "floor", "threshold", "alert"),
    [
        ((10, 10, 10, 10, 10, 13), 50, 0, 12, True),  # a fifth above its own normal, long before the ceiling
        ((10, 10, 10, 10, 10, 12), 50, 0, 12, False),
        ((60, 60, 60, 60, 60, 60), 50, 0, 50, True),  # always bad is bad
        ((10, 10, 13), 50, 0, 50, False),  # too short a past to know a normal
        ((1, 1, 1, 1, 1, 2), None, 5, 5, False),  # twice of hardly anything
        ((1, 1, 2), None, 5, None, False),
    ],
)
def test_the_threshold_is_a_business_own_normal_below_a_fixed_ceiling(values, ceiling, floor, threshold, alert):
    found = measure("x", "X", "%", series(*values), "by hand", ceiling, floor=floor)
    assert (found.threshold, found.alert) == (threshold, alert)


def test_an_unknown_value_is_no_alarm():
    assert measure("x", "X", "%", series(*[10] * 6, None), "by hand", 5).alert is False
