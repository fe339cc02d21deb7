"""Beginning anew with new invoices only, clients in trouble, and steps against service that only a person takes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from core.dunning.arrangements import Instalment, PaymentPlan, plan_state
from core.dunning.decision import Channels
from core.dunning.gate import gate, verdict
from core.holds import HoldKind
from core.outbox import ContactKind
from tests.unit.dunning.scene import Scene, overdue, usd

DUE = date(2026, 3, 3)
CLAUSE = "MSA 7.3"


@pytest.mark.req("A48")
def test_only_invoices_issued_since_the_start_are_chased_and_older_ones_say_why_not():
    scene = overdue(40, chase_from="2026-03-01")
    scene.invoice("1002", due=date(2026, 3, 17), issued=date(2026, 3, 1))
    scene.invoice("1003", due=date(2026, 2, 20), issued=date(2026, 2, 19), sent=False)
    left = scene.run(date(2026, 5, 29))
    assert {number for _, _, numbers in left for number in numbers} == {"1002"}
    assert "invoice 1001: it was issued on 2026-01-06; invoices are chased from 2026-03-01 on (chase_from)" in scene.reasons()


@pytest.mark.req("A48", "E17")
def test_moving_the_start_back_brings_one_message_per_client_never_a_burst():
    scene = overdue(25, chase_from="2026-03-10")
    for number in range(1002, 1008):
        scene.invoice(str(number), due=date(2026, 3, 17) - timedelta(days=number - 1000))
    assert scene.run(date(2026, 3, 17)) == []
    scene.settings["chase_from"] = "2026-01-01"
    left = scene.run(date(2026, 3, 22))
    assert len(left) == 1
    assert len(left[0][2]) == 7


@pytest.mark.req("A60")
def test_a_client_in_trouble_is_spoken_to_gently_rarely_and_without_fees():
    settings = {"late_fee": {"yearly_percent": "18"}, "preset": "firm", "service": {"clause": CLAUSE, "slow_days": 30}}
    plain, eased = overdue(1, **settings), overdue(1, **settings)
    eased.hold(HoldKind.HARDSHIP)
    usual, gentle = (scene.run(date(2026, 4, 13)) for scene in (plain, eased))
    assert 0 < len(gentle) < len(usual)
    days = [day for day, _, _ in gentle]
    assert all((later - earlier).days >= 10 for earlier, later in pairwise(days))
    assert plain.decide().fees
    assert not eased.decide().fees
    assert not {stage for _, stage, _ in gentle} & {"reminder_5", "reminder_10", "reminder_17"}


@pytest.mark.req("A60")
def test_a_message_decided_before_the_trouble_was_known_does_not_leave():
    scene = overdue(7)
    action = scene.queued(scene.decide().outgoing[0]).action
    assert verdict(gate(action, scene.facts()))
    scene.hold(HoldKind.HARDSHIP)
    answers = gate(action, scene.facts())
    assert [item.question for item in answers if not item.ok] == ["stage"]


@pytest.mark.req("A60")
def test_the_flag_ends_on_its_day():
    scene = overdue(7)
    scene.hold(HoldKind.HARDSHIP, until=scene.today - timedelta(days=1))
    assert scene.would_send() == ["reminder_7"]


def noticed(**service: object) -> Scene:
    """A client whose final notice went out."""
    scene = Scene(channels=Channels(mail="mail", call="psa"), settings={"service": service, "business_days": False}).go(DUE)
    scene.invoice("1001", due=DUE)
    scene.run(DUE + timedelta(days=39))
    scene.said(ContactKind.CALL, outcome="reached")
    scene.run(DUE + timedelta(days=50))
    assert any(stage == "final_notice" for _, stage, _ in scene.sent)
    return scene


@pytest.mark.req("A59")
def test_service_is_only_ever_proposed_with_clause_notice_and_time():
    scene = noticed(clause=CLAUSE, slow_days=45, stop_days=75)
    noticed_on = next(day for day, stage, _ in scene.sent if stage == "final_notice")
    kinds = {}
    while scene.today <= DUE + timedelta(days=90):
        for task in scene.decide().tasks:
            kinds.setdefault(task.kind, (scene.today, task.text))
        scene.go(scene.today + timedelta(days=1))
    assert kinds["service_slow"][0] >= noticed_on + timedelta(days=14)  # ten business days
    assert kinds["service_stop"][0] == DUE + timedelta(days=75)
    assert CLAUSE in kinds["service_stop"][1]
    assert "files" in kinds["service_stop"][1]


@pytest.mark.req("A59")
@pytest.mark.parametrize("service", [{}, {"slow_days": 30}, {"clause": "  ", "slow_days": 30}])
def test_without_the_contracts_clause_nothing_is_proposed(service):
    scene = noticed(**service)
    scene.go(DUE + timedelta(days=90))
    assert [task.kind for task in scene.decide().tasks if task.kind.startswith("service")] == []


@pytest.mark.req("A59")
def test_a_held_client_gets_no_step_against_its_service():
    scene = noticed(clause=CLAUSE, slow_days=45)
    scene.go(DUE + timedelta(days=80)).hold(HoldKind.DISPUTE)
    assert [task.kind for task in scene.decide().tasks if task.kind.startswith("service")] == []


@pytest.mark.req("A95")
def test_a_plan_for_everything_open_leaves_later_invoices_to_be_reminded_of_and_paid_by_their_own_money():
    scene = overdue(20)
    parts = tuple(Instalment(due_on=scene.today + timedelta(days=30 * n), amount=usd("10.00")) for n in range(1, 11))
    plan = PaymentPlan(account="acme", invoices=(), instalments=parts, agreed_at=scene.now)
    scene.plans = [plan]
    issued = scene.today + timedelta(days=14)
    scene.invoice("1002", "80.00", due=issued, issued=issued)
    left = scene.run(scene.today + timedelta(days=29))
    assert {number for _, _, numbers in left for number in numbers} == {"1002"}
    scene.payment("80.00", scene.today, to="1002")
    assert plan_state(plan, scene.books(), scene.today + timedelta(days=20)).breached, "what was paid on 1002 keeps no plan"


@pytest.mark.req("A95")
def test_a_plan_counts_from_the_day_it_was_at_the_office_not_in_utc():
    """At seven in the evening in Chicago the first of a month has begun in UTC: what is billed then is not part of it."""
    evening = datetime(2026, 4, 1, 0, 30, tzinfo=UTC)
    plan = PaymentPlan(account="acme", invoices=(), instalments=(), agreed_at=evening, agreed_on=date(2026, 3, 31))
    scene = overdue(20)
    of_the_day = scene.invoice("1002", due=date(2026, 4, 30), issued=date(2026, 3, 31))
    of_the_next = scene.invoice("1003", due=date(2026, 4, 30), issued=date(2026, 4, 1))
    assert (plan.covers(of_the_day), plan.covers(of_the_next)) == (True, False)
    older = PaymentPlan(account="acme", invoices=(), instalments=(), agreed_at=evening)
    assert older.covers(of_the_next), "of a plan from before that was kept only the instant is known"
