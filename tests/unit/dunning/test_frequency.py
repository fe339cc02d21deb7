"""Property: however often duesync runs, a client hears each step of an invoice at most once, and never in a burst."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.records import key_of
from tests.unit.dunning.scene import Scene, at

START = date(2026, 3, 30)

DUES = st.lists(st.integers(-80, 30), min_size=1, max_size=5)
GAPS = st.lists(st.integers(5, 9000), min_size=5, max_size=60)  # minutes between two runs
PRESETS = st.sampled_from(["standard", "gentle", "firm"])
CATCH_UPS = st.sampled_from(["skip", "latest", "sequence"])


def scene_of(dues: list[int], **given_settings: object) -> Scene:
    scene = Scene(settings=given_settings).go(START, 7)
    for index, days in enumerate(dues):
        scene.invoice(f"N{index}", f"{100 + index}.00", due=START + timedelta(days=days), sent=index % 2 == 0)
    return scene


@pytest.mark.req("E13", "E14")
@settings(max_examples=25, deadline=None)
@given(dues=DUES, gaps=GAPS, preset=PRESETS, catch_up=CATCH_UPS)
def test_no_step_twice_and_no_burst_for_any_rhythm_of_runs(dues: list[int], gaps: list[int], preset: str, catch_up: str):
    scene = scene_of(dues, preset=preset, catch_up=catch_up)
    for gap in gaps:
        scene.send()
        scene.send()  # started twice at the same moment
        scene.now += timedelta(minutes=gap)
    steps = [(item.ref, action.stage, action.cycle) for action in scene.actions for item in action.invoices]
    assert len(steps) == len(set(steps))
    reminded = [day for day, stage, _ in scene.sent if stage not in ("created", "call")]
    assert all(later - earlier >= timedelta(days=5) for earlier, later in pairwise(reminded))


@settings(max_examples=25, deadline=None)
@given(dues=DUES, preset=PRESETS, offset=st.integers(0, 120))
def test_deciding_is_deterministic_and_blind_to_order(dues: list[int], preset: str, offset: int):
    scene = scene_of(dues, preset=preset)
    scene.now = at(START + timedelta(days=offset))
    first = scene.decide()
    assert first == scene.decide()
    scene.invoices.reverse()
    scene.history.reverse()
    assert [(e.stage, e.would_send, e.reasons) for e in scene.decide().entries] == [
        (e.stage, e.would_send, e.reasons) for e in first.entries
    ]


@settings(max_examples=25, deadline=None)
@given(dues=DUES, offset=st.integers(0, 120))
def test_every_open_invoice_is_in_some_entry_with_a_reason(dues: list[int], offset: int):
    scene = scene_of(dues)
    scene.now = at(START + timedelta(days=offset))
    decision = scene.decide()
    late = {key_of(item) for item in scene.books().open_invoices() if item.due_on and item.due_on <= scene.today}
    named = {key_of(item) for entry in decision.entries for item in entry.invoices}
    assert late <= named
    assert all(entry.reasons for entry in decision.entries)
    assert decision.next_look is not None
    assert decision.next_look > scene.now


@settings(max_examples=20, deadline=None)
@given(dues=DUES, preset=PRESETS, catch_up=CATCH_UPS)
def test_nothing_comes_due_before_the_next_look(dues: list[int], preset: str, catch_up: str):
    """A scheduler that looks only when told sends the same, on the same days, as one that looks every day."""
    patient, eager = (scene_of(dues, preset=preset, catch_up=catch_up) for _ in range(2))
    end = START + timedelta(days=75)
    eager.now = at(START, 9)
    eager.run(end)
    look = patient.now = at(START, 9)
    while patient.today <= end:
        if patient.now >= look:
            patient.send()
            look = patient.decide().next_look or at(end + timedelta(days=9))
        patient.now += timedelta(days=1)
    assert patient.sent == eager.sent
