"""Months of clients and vendors in a few seconds: no message that the truth speaks against, none twice, nobody forgotten.

The long version is `python -m tests.simulation`: three years of 200 clients for each seed.
"""

from __future__ import annotations

import pytest

from tests.simulation.engine import Simulation
from tests.simulation.world import HABITS


@pytest.mark.req("E1", "E2", "E3", "E6", "E8", "E9", "E10", "E13", "E14", "E15", "E18", "E22", "E23", "E53")
def test_no_wrong_message_none_twice_and_nobody_forgotten():
    world = Simulation(seed=1, count=len(HABITS), days=110).run()

    assert world.oracle.wrongs[:5] == []
    assert world.liveness.wrongs[:5] == []
    assert world.oracle.judged > 60
    assert {"due", "reminder_7", "reminder_14", "statement", "created"} <= set(world.events)


@pytest.mark.req("E17")
@pytest.mark.parametrize("catch_up", ["skip", "sequence"])
def test_every_catch_up_policy_holds_the_same(catch_up: str):
    world = Simulation(seed=5, count=len(HABITS), days=60, settings={"catch_up": catch_up}).run()

    assert world.oracle.wrongs[:5] == []
    assert world.oracle.judged > 25


@pytest.mark.req("E1", "E36")
def test_the_oracle_notices_when_nobody_asks_whose_the_banks_money_is():
    world = Simulation(seed=3, count=4, days=150, without_findings=True, habits=("by_bank", "entered_twice")).run()

    assert any("its money was pulled" in wrong for wrong in world.oracle.wrongs)


def test_the_oracle_notices_when_nobody_asks_the_gate():
    world = Simulation(seed=3, count=len(HABITS), days=70, without_gate=True).run()

    assert len(world.oracle.wrongs) > 5
