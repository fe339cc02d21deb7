"""Months of clients and vendors in a few seconds: no message that the truth speaks against, none twice, nobody forgotten.

The long version is `python -m tests.simulation`: three years of 200 clients for each seed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from core.actions import InvoiceMention, SendReminder
from core.books import AccountBooks
from core.records import Invoice
from tests.simulation.engine import Simulation
from tests.simulation.oracle import Oracle
from tests.simulation.world import HABITS, VENDOR, Client, clients, usd


@pytest.mark.req("E1", "E2", "E3", "E6", "E8", "E9", "E10", "E13", "E14", "E15", "E18", "E22", "E23", "E53")
def test_no_wrong_message_none_twice_and_nobody_forgotten():
    world = Simulation(seed=1, count=len(HABITS), days=110).run()

    assert world.oracle.wrongs[:5] == []
    assert world.liveness.wrongs[:5] == []
    assert world.oracle.judged > 60
    assert {"due", "reminder_7", "reminder_14", "statement", "created"} <= set(world.events)


@pytest.mark.req("E17")
@pytest.mark.parametrize(
    ("setting", "value"), [("catch_up", "skip"), ("catch_up", "sequence"), ("preset", "gentle"), ("preset", "firm")]
)
def test_every_catch_up_policy_and_every_cadence_holds_the_same(setting: str, value: str):
    world = Simulation(seed=5, count=len(HABITS), days=60, settings={setting: value}).run()

    assert world.oracle.wrongs[:5] == []
    assert world.oracle.judged > 25


@pytest.mark.req("E1", "E36")
def test_the_oracle_notices_when_nobody_asks_whose_the_banks_money_is():
    world = Simulation(seed=3, count=4, days=150, without_findings=True, habits=("by_bank", "entered_twice")).run()

    assert any("its money was pulled" in wrong for wrong in world.oracle.wrongs)


def test_the_oracle_notices_when_nobody_asks_the_gate():
    world = Simulation(seed=3, count=len(HABITS), days=70, without_gate=True).run()

    assert len(world.oracle.wrongs) > 5


def test_the_judge_counts_an_invoice_that_the_vendor_shows_and_its_lagging_list_does_not():
    """More than both of them is too much all the same."""
    (client,) = clients(1, 1, ("never",))
    client.bill(date(2026, 1, 5))
    client.changed()
    yesterday = client.books()
    client.bill(date(2026, 2, 9))
    client.changed()
    bills = list(client.invoices.values())
    total = sum(item.open.minor for item in bills)
    assert asked_too_much(client, yesterday, bills, total) == []
    assert len(asked_too_much(client, yesterday, bills, total + 1)) == 1


def mention(item: Invoice) -> InvoiceMention:
    return InvoiceMention(connection=VENDOR, ref=item.ref, digest="", number=item.number, open=item.open, due_on=item.due_on)


def asked_too_much(client: Client, seen: AccountBooks, bills: list[Invoice], minor: int) -> list[str]:
    """What the judge says of a message about `bills` that asks for `minor`."""
    mentions = tuple(mention(item) for item in bills)
    lines = "".join(f"Invoice {item.number} {item.open.decimal:,.2f}\n" for item in bills)
    action = SendReminder(
        connection="mail",
        account=client.id,
        stage="due",
        cycle="1",
        to=("a@b.example",),
        subject="",
        text=f"{lines}Amount due: ${usd(minor).decimal:,.2f}",
        html="",
        invoices=mentions,
    )
    oracle, now = Oracle(), datetime(2026, 2, 10, 17, tzinfo=UTC)
    oracle.hear(action, client, seen, now, now)
    return [item for item in oracle.wrongs if "asks for" in item]
