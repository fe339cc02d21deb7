"""The seeds' cadence, two clocks, spacing and catch-up: days are moved by a clock, and exactly what is listed may leave."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from core.dunning.cadence import Progress, ladder_of
from core.dunning.calendars import Place, add_months
from core.outbox import ContactKind
from core.records import key_of
from tests.unit.dunning.scene import Scene, at, overdue, usd

DUE = date(2026, 4, 1)


@pytest.mark.req("A14", "A15", "A16", "A17", "A19")
def test_the_seeds_cadence_over_four_months():
    scene = Scene(settings={"business_days": False}).go(date(2026, 3, 2))
    scene.invoice("1001", issued=date(2026, 3, 2), due=DUE, sent=False)

    left = [(day, stage) for day, stage, _ in scene.run(date(2026, 7, 15))]

    assert left == [
        (date(2026, 3, 2), "created"),
        (DUE, "due"),
        (date(2026, 4, 8), "reminder_7"),
        (date(2026, 4, 15), "reminder_14"),
        (date(2026, 4, 22), "reminder_21"),
        (date(2026, 4, 29), "reminder_28"),
        (date(2026, 5, 4), "statement"),  # 30 days past due was May 1; five days lie between two messages
        (date(2026, 6, 4), "statement"),
        (date(2026, 7, 4), "statement"),
    ]


@pytest.mark.req("A9", "A10", "A38")
def test_final_notice_needs_a_logged_call_and_comes_before_sixty_days():
    scene = Scene(settings={"business_days": False}).go(DUE)
    scene.invoice("1001", due=DUE)
    scene.run(date(2026, 5, 20))
    assert "the final notice waits for a call to be logged" in scene.reasons()

    scene.said(ContactKind.CALL, outcome="reached")
    left = scene.run(date(2026, 6, 2))

    assert [stage for _, stage, _ in left] == ["final_notice"]
    assert left[0][0] - DUE < timedelta(days=60)
    assert scene.decide().ready_for_collections
    assert all(entry.draft for entry in scene.decide().entries if entry.stage == "final_notice")


@pytest.mark.req("E16")
def test_the_cadence_ends_and_says_so():
    scene = Scene(settings={"business_days": False}).go(DUE)
    scene.invoice("1001", due=DUE)
    scene.go(date(2026, 5, 10)).said(ContactKind.CALL, outcome="reached")
    scene.go(DUE)
    left = scene.run(date(2027, 12, 31))

    assert [stage for _, stage, _ in left].count("statement") == 6
    assert [stage for _, stage, _ in left].count("final_notice") == 1
    assert left[-1][0] < date(2026, 11, 10)
    assert "the cadence has ended" in scene.reasons()
    assert not scene.would_send()


@pytest.mark.req("A17", "E21")
def test_no_single_reminder_while_statements_go_out():
    scene = Scene(settings={"business_days": False}).go(DUE)
    scene.invoice("1001", due=DUE)
    scene.invoice("1002", due=DUE + timedelta(days=20))
    left = scene.run(DUE + timedelta(days=120))

    first = next(day for day, stage, _ in left if stage == "statement")
    assert {stage for day, stage, _ in left if day >= first} <= {"statement", "final_notice", "call"}
    assert all(set(names) == {"1001", "1002"} for day, stage, names in left if stage == "statement")


@pytest.mark.req("E18", "E14")
def test_one_message_lists_every_due_invoice_and_counts_for_each():
    scene = Scene(settings={"business_days": False}).go(DUE)
    scene.invoice("1001", due=DUE)
    scene.invoice("1002", due=DUE + timedelta(days=2))
    left = scene.run(DUE + timedelta(days=21))

    assert [(day, names) for day, _, names in left] == [
        (DUE, ("1001",)),
        (DUE + timedelta(days=5), ("1001", "1002")),  # the second was due two days after the first mail; five lie between mails
        (DUE + timedelta(days=12), ("1001", "1002")),
        (DUE + timedelta(days=19), ("1001", "1002")),
    ]


@pytest.mark.parametrize("preset", ["standard", "gentle", "firm"])
@pytest.mark.parametrize("catch_up", ["skip", "latest", "sequence"])
@pytest.mark.req("E17")
def test_no_burst_after_a_late_start(preset: str, catch_up: str):
    scene = Scene(settings={"preset": preset, "catch_up": catch_up}).go(date(2026, 3, 17))
    for index in range(5):
        scene.invoice(f"100{index}", due=date(2026, 3, 16) - timedelta(days=index * 9))

    left = scene.run(date(2026, 5, 31))
    days = [day for day, stage, _ in left if stage not in ("created", "call")]

    assert all(later - earlier >= timedelta(days=5) for earlier, later in pairwise(days))
    for index, day in enumerate(days):
        assert sum(1 for other in days[: index + 1] if day - other < timedelta(days=7)) <= 2


@pytest.mark.req("E17")
def test_latest_sends_the_most_advanced_missed_step_once_but_asks_before_it_demands():
    scene = overdue(22, business_days=False)
    (entry,) = scene.decide().entries
    assert (entry.stage, entry.would_send, entry.tone) == ("reminder_21", True, "friendly")
    assert "passed over: due, reminder_7, reminder_14" in scene.reasons()

    assert scene.send() == ["reminder_21"]
    assert scene.send() == []
    assert scene.run(scene.today + timedelta(days=7))[-1][1] == "reminder_28"


@pytest.mark.req("E17")
def test_skip_passes_missed_steps_over_and_takes_the_next_on_its_day():
    scene = overdue(19, catch_up="skip", business_days=False)
    assert scene.would_send() == []
    assert scene.run(scene.today + timedelta(days=3)) == [(date(2026, 3, 19), "reminder_21", ("1001",))]


@pytest.mark.req("E17")
def test_sequence_takes_each_missed_step_as_far_apart_as_the_policy_spaces_them():
    scene = overdue(16, catch_up="sequence", business_days=False)
    start = scene.today
    left = scene.run(start + timedelta(days=13))
    assert [(day - start, stage) for day, stage, _ in left] == [
        (timedelta(0), "due"),
        (timedelta(7), "reminder_7"),
    ]


def test_a_late_step_moves_the_next_one():
    """Effective date = max(due + threshold, completion of the step before + the days between the two)."""
    scene = overdue(0)
    ladder = ladder_of(scene.invoices[0], scene.policy.base)
    late = Progress(done=2, done_on=scene.today + timedelta(days=12))  # reminder_7 was said on day 12
    step = ladder.next_step(late, scene.today + timedelta(days=13))
    assert step is not None
    assert (step.stage.name, step.on) == ("reminder_14", scene.today + timedelta(days=19))


@pytest.mark.req("E13")
@pytest.mark.parametrize("minutes", [15, 60, 7 * 60, 24 * 60, 3 * 24 * 60])
def test_how_often_the_scheduler_runs_changes_no_count(minutes: int):
    scene = Scene().go(date(2026, 3, 30), hour=8)
    scene.invoice("1001", due=DUE)
    scene.run(date(2026, 4, 30), step=timedelta(minutes=minutes))
    keys = [(stage, names) for _, stage, names in scene.sent]
    assert len(keys) == len(set(keys))
    assert len(keys) <= 6


@pytest.mark.req("E10")
def test_only_what_is_due_where_the_client_is_counts():
    scene = Scene(settings={"business_days": False})
    scene.invoice("1001", due=DUE)
    scene.now = at(DUE, 4, "America/Chicago") - timedelta(hours=9)  # April 1 in London, still March 31 in Chicago
    assert scene.would_send() == []
    scene.now = at(DUE, 9)
    assert scene.would_send() == ["due"]


@pytest.mark.req("E10")
def test_a_reminder_asks_only_for_what_is_due():
    scene = overdue(7, business_days=False)
    scene.invoice("1002", "900.00", due=scene.today + timedelta(days=20))
    (entry,) = [item for item in scene.decide().entries if item.would_send]
    assert [item.number for item in entry.invoices] == ["1001"]
    assert entry.letter is not None
    assert entry.letter.groups[0].amount_due == usd("100.00")


@pytest.mark.req("E21")
def test_a_reminder_before_the_due_date_names_it_as_not_due():
    stages = [{"name": "soon", "days": -60}, {"name": "due", "days": 0}]
    scene = Scene(settings={"stages": stages, "business_days": False}).go(DUE - timedelta(days=60))
    scene.invoice("1001", due=DUE, issued=DUE - timedelta(days=90))
    (entry,) = scene.decide().entries
    assert (entry.stage, entry.would_send) == ("soon", True)
    assert entry.letter is not None
    assert (entry.letter.kind, entry.letter.groups[0].due) == ("upcoming", ())


def test_a_moved_due_date_begins_a_new_round():
    scene = overdue(7, business_days=False)
    assert scene.send() == ["reminder_7"]
    scene.change("1001", due_on=scene.today + timedelta(days=30))
    left = scene.run(scene.today + timedelta(days=40))
    assert [stage for _, stage, _ in left] == ["due", "reminder_7"]
    assert len({action.cycle for action in scene.actions}) == 2


def test_a_due_date_moved_by_one_day_repeats_nothing():
    scene = overdue(7, business_days=False)
    scene.send()
    scene.change("1001", due_on=scene.today - timedelta(days=6))
    assert [stage for _, stage, _ in scene.run(scene.today + timedelta(days=7))] == []


def test_a_waived_step_counts_as_done():
    scene = overdue(7, business_days=False)
    scene.said(ContactKind.NOTE, stage="reminder_7", cycle="", invoices=(key_of(scene.invoices[0]),), waived=True)
    assert scene.would_send() == []


def test_grace_days_move_every_step():
    scene = overdue(3, grace_days=5, business_days=False)
    assert scene.run(scene.today + timedelta(days=10)) == [
        (date(2026, 3, 19), "due", ("1001",)),
        (date(2026, 3, 26), "reminder_7", ("1001",)),
    ]


def test_months_are_calendar_months():
    assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert add_months(date(2026, 12, 15), 2) == date(2027, 2, 15)


@pytest.mark.parametrize(
    ("country", "region", "day", "open_"),
    [
        ("US", None, date(2026, 7, 3), False),  # Independence Day observed
        ("US", None, date(2026, 7, 6), True),
        ("DE", "BY", date(2026, 1, 6), False),  # Epiphany is a holiday in Bavaria
        ("DE", "BE", date(2026, 1, 6), True),
        ("IL", None, date(2026, 5, 8), False),  # the weekend is Friday and Saturday
        ("ZZ", None, date(2026, 5, 9), False),
        ("ZZ", None, date(2026, 5, 8), True),
    ],
)
def test_business_days_are_the_clients(country: str, region: str | None, day: date, open_: bool):
    assert Place("UTC", country, region).is_business_day(day) is open_


@pytest.mark.req("A46")
def test_weekends_and_holidays_wait_for_the_next_business_day():
    scene = Scene().go(date(2026, 7, 3))
    scene.invoice("1001", due=date(2026, 7, 3))
    assert scene.would_send() == []
    assert "is no business day for this client; the next is 2026-07-06" in scene.reasons()
    assert scene.run(date(2026, 7, 6)) == [(date(2026, 7, 6), "due", ("1001",))]


@pytest.mark.parametrize(("hour", "starts"), [(5, at(DUE, 8)), (10, at(DUE, 10)), (19, at(date(2026, 4, 2), 8))])
def test_nothing_leaves_outside_the_clients_hours(hour: int, starts: object):
    scene = Scene().go(DUE, hour)
    scene.invoice("1001", due=DUE)
    (entry,) = scene.decide().entries
    assert entry.would_send
    assert entry.not_before == starts


def test_the_hours_survive_the_change_of_clocks():
    place = Place("America/Chicago", "US")
    assert place.at(date(2026, 3, 7), 8).hour == 14
    assert place.at(date(2026, 3, 9), 8).hour == 13
