"""Dates that people mistype or systems invent: reports are made all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.analytics.ageing import ageing
from core.analytics.forecast import backtest, cash, expected_payments
from core.analytics.health import health
from core.analytics.history import histories
from core.records import Ref
from tests.unit.analytics.ledgers import TODAY, books, client, invoice, monthly, paying, usd

ODD = [
    pytest.param({"issued_on": TODAY, "due_on": date.max}, None, id="never due"),
    pytest.param({"issued_on": date.min, "due_on": date.min}, None, id="year one"),
    pytest.param({"issued_on": date(1900, 1, 1), "due_on": date(1900, 1, 31)}, TODAY, id="paid after a century"),
    pytest.param({"issued_on": TODAY, "due_on": TODAY - timedelta(days=90)}, TODAY, id="due before it was issued"),
    pytest.param({"issued_on": TODAY, "due_on": TODAY}, TODAY - timedelta(days=30), id="paid before it was issued"),
    pytest.param({"issued_on": TODAY + timedelta(days=400)}, None, id="issued in the future"),
    pytest.param({"issued_on": TODAY, "total": 0}, None, id="for nothing"),
    pytest.param({"issued_on": TODAY, "total": -500}, None, id="negative"),
]


@pytest.mark.parametrize(("bill", "paid_on"), ODD)
def test_one_odd_bill_does_not_stop_the_reports_or_change_its_neighbours(bill, paid_on):
    others = (client("q", monthly("q", 24, late=10)), client("r", monthly("r", 24)))
    made = invoice("odd", paid_on=paid_on, **bill)
    ledger = books(*others, client("p", [(made, paid_on)]))
    found = health(ledger, TODAY, currency="USD")
    assert len(found.signs) == 6
    assert len(found.months) == 12
    history = histories(ledger, TODAY)["USD"]
    payers, expected = expected_payments(history, TODAY)
    cash(payers, expected)
    assert backtest(history, TODAY).forecasts > 0
    alone = ageing(books(*others), TODAY).rows
    assert [row for row in ageing(ledger, TODAY).rows if row.account != "books:p"] == [*alone]


def test_part_payments_are_followed_step_by_step():
    issued = TODAY - timedelta(days=40)
    bill = replace(invoice("b", issued_on=issued, total=1_000), open=usd(100))
    first, second = (paying(bill, issued + timedelta(days=days), minor) for days, minor in ((10, 600), (20, 300)))
    ledger = books(client("p", [(bill, None)], payments=(first, replace(second, ref=Ref("second")))))
    history = histories(ledger, TODAY)["USD"]
    (line,) = history.lines
    days = [issued + timedelta(days=days) for days in (-1, 0, 9, 10, 19, 20)]
    assert [line.open_on(day) for day in days] == [0, 1_000, 1_000, 400, 400, 100]
    assert [history.receivables.upto(day) for day in days] == [0, 1_000, 1_000, 400, 400, 100]
    assert line.settled_on is None
    assert history.cash.upto(TODAY) == 900
    assert history.past_due(0).upto(TODAY) == 100
