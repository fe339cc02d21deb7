"""What a pull costs, counted at the sandbox. The figures stand in docs/api-cost.md."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

import pytest

from core.records import Stream
from tests.conftest import ROOT

CONSTANT = 3  # a page to see the end, and COUNT(*) before and after, where one page is not enough
CHART = 1  # the chart of accounts, once per pass
CHEQUES = 1  # listed beside journal entries


@pytest.mark.parametrize(("rows", "page"), [(0, 10), (5, 10), (10, 10), (11, 10), (95, 10), (100, 10), (300, 100)])
def test_a_full_pull_costs_its_pages_and_a_constant(rigged, rows, page):
    rig = rigged(page_size=page)
    rig.invoices(rig.customer(), rows)
    rig.forget_calls()
    rig.pull(Stream.INVOICES)
    # each page begins with the last row of the one before, so that a page brings page - 1 new rows
    assert len(rig.calls()) <= ceil(rows / (page - 1)) + CONSTANT
    if rows < page:
        assert len(rig.calls()) == 1


def test_a_thousand_rows_a_page_costs_as_many_calls_as_pages_and_the_constant(rig):
    rig.invoices(rig.customer(), 2999)
    rig.forget_calls()
    rig.pull(Stream.INVOICES)
    assert len(rig.calls()) <= ceil(2999 / 1000) + CONSTANT


def test_a_first_pull_of_a_small_company_is_one_call_per_stream_one_for_cheques_and_the_chart_of_accounts(rig):
    customer = rig.customer()
    bill = rig.invoice(customer)
    rig.payment(customer, 50, {bill: 50})
    rig.pull_all()
    assert len(rig.calls()) == len(rig.qbo.streams()) + CHEQUES + CHART


def test_a_pass_with_no_change_is_one_call_for_all_streams(rig):
    rig.invoice(rig.customer())
    rig.pull_all()
    rig.clock.advance(timedelta(minutes=20))
    rig.forget_calls()
    rig.pull_all()
    assert len(rig.calls()) == 1


def test_reads_are_counted_as_intuit_bills_them(rig):
    rig.invoice(rig.customer())
    rig.pull_all()
    rig.clock.advance(timedelta(minutes=20))
    rig.pull_all()
    assert rig.qbo.metered_reads == rig.box.metered
    assert sum(rig.qbo.counters.values()) == len(rig.calls())


def test_writes_cost_no_reads_but_the_looking(rig):
    from tests.unit.connectors.quickbooks.rig import send

    ref = rig.invoice(rig.customer(), BillEmail={"Address": "a@b.example"})
    rig.push(send(ref))
    calls = [call.split()[0] for call in rig.calls()]
    assert (calls.count("GET"), calls.count("POST")) == (2, 2)


def test_the_page_on_api_cost_says_what_is_counted_here():
    text = (ROOT / "docs" / "api-cost.md").read_text(encoding="utf-8")
    section = text.partition("## QuickBooks Online")[2].partition("\n## ")[0]
    for claim in ("one call for all streams", "rows / 1000", "constant of at most 3", "8,928"):
        assert claim in section, claim
