"""Late fees: the published vector to the cent, day counts stated, nothing charged that should not be."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.dunning.fees import propose_fees
from core.dunning.policy import LateFee
from core.money import Money
from core.records import Invoice
from tests.unit.dunning.scene import Scene, usd

TODAY = date(2026, 3, 17)


def rule(**given: Any) -> LateFee:
    return LateFee.model_validate({"yearly_percent": "18", **given})


def invoices(*cases: tuple[str, int], **rest: Any) -> list[Invoice]:
    scene = Scene().go(TODAY)
    for index, (amount, days) in enumerate(cases):
        scene.invoice(f"{index}", amount, due=TODAY - timedelta(days=days), **rest)
    return scene.invoices


@pytest.mark.req("E20")
@pytest.mark.parametrize(("day_count", "interest"), [(365, "66.21"), (360, "67.13")])
def test_the_vector_of_the_product_notes(day_count: int, interest: str):
    (proposal,) = propose_fees(invoices(("1000", 78), ("500", 48), ("750", 43)), rule=rule(day_count=day_count), today=TODAY)
    assert proposal.interest == usd(interest)
    assert f"over {day_count}" in proposal.basis
    assert [line.days for line in proposal.lines] == [78, 48, 43]


def test_nothing_is_proposed_where_the_policy_charges_nothing():
    assert propose_fees(invoices(("1000", 78)), rule=LateFee.model_validate({}), today=TODAY) == ()


@pytest.mark.parametrize(("days", "charged"), [(0, False), (10, False), (11, True)])
def test_grace_comes_first_and_then_all_days_count(days: int, charged: bool):
    found = propose_fees(invoices(("1000", days)), rule=rule(grace_days=10), today=TODAY)
    assert bool(found) is charged
    if charged:
        assert found[0].lines[0].days == 11


def test_a_flat_fee_is_added_once_for_each_invoice():
    found = propose_fees(invoices(("100", 5), ("100", 6)), rule=rule(yearly_percent="0", fixed={"USD": "7.50"}), today=TODAY)
    assert found[0].total == usd("15.00")


@pytest.mark.req("E46")
@pytest.mark.parametrize(("failures", "passed", "charged"), [(True, 1, True), (True, 0, False), (False, 1, False)])
def test_a_failed_automatic_charge_counts_only_if_wanted_and_over(failures: bool, passed: int, charged: bool):
    found = propose_fees(
        invoices(("100", 9), autopay_on=TODAY - timedelta(days=passed)), rule=rule(autopay_failures=failures), today=TODAY
    )
    assert bool(found) is charged


def test_disputed_and_paid_invoices_cost_nothing():
    assert propose_fees(invoices(("100", 9), disputed=True), rule=rule(), today=TODAY) == ()
    assert propose_fees(invoices(("100", 9), open=usd("0")), rule=rule(), today=TODAY) == ()


def test_currencies_stand_apart_and_keep_their_decimals():
    scene = Scene().go(TODAY)
    scene.invoice("1", "1000", due=TODAY - timedelta(days=365))
    scene.invoice("2", "1000", due=TODAY - timedelta(days=365))
    scene.change("2", open=Money(1000, "JPY"), total=Money(1000, "JPY"))
    found = propose_fees(scene.invoices, rule=rule(), today=TODAY)
    assert [str(item.total) for item in found] == ["180 JPY", "180.00 USD"]
    assert found[0].lines[0].interest == Decimal(180)
