"""A hundred thousand invoices: every report within five seconds beyond reading the books, on one core."""

from __future__ import annotations

import time
from datetime import date, timedelta

import pytest

from core.analytics.ageing import ageing
from core.analytics.forecast import backtest, cash_by_client, expected_payments
from core.analytics.health import health
from core.analytics.history import histories
from core.store.collector import collector_paused
from tests.unit.analytics.ledgers import TODAY, books, client, invoice, seen

CLIENTS, BILLS = 500, 200
FINDINGS = [seen("duplicate_invoice", f"books:c{n % CLIENTS}", f"c{n % CLIENTS}-{n % BILLS}") for n in range(3_000)]
LIMIT = 5.0  # seconds of processor time, so that a busy machine does not decide


@pytest.fixture(scope="module")
def large():
    with collector_paused():
        return books(*(_client(f"c{n}", n) for n in range(CLIENTS)))


def _client(name, seed):
    bills = []
    for n in range(BILLS):
        issued = TODAY - timedelta(days=(n * 5 + seed) % 1000)
        paid = issued + timedelta(days=20 + (seed * 7 + n * 13) % 45)
        settled = paid if paid <= TODAY else None
        bills.append((invoice(f"{name}-{n}", name, issued_on=issued, total=1_000 + n, paid_on=settled), settled))
    return client(name, bills)


def forecast(ledger):
    history = histories(ledger, TODAY)["USD"]
    payers, expected = expected_payments(history, TODAY)
    return cash_by_client(payers, expected), backtest(history, TODAY)


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(lambda ledger: ageing(ledger, TODAY), id="ageing"),
        pytest.param(lambda ledger: ageing(ledger, date(2025, 12, 31)), id="ageing of a past day"),
        pytest.param(lambda ledger: health(ledger, TODAY, findings=FINDINGS), id="health"),
        pytest.param(forecast, id="forecast"),
    ],
)
def test_a_hundred_thousand_invoices_are_reported_in_five_seconds(large, report):
    assert sum(len(item.invoices) for item in large.accounts.values()) == 100_000
    with collector_paused():
        begun = time.process_time()
        report(large)
        assert time.process_time() - begun < LIMIT
