"""What a pass costs in calls, counted at the sandbox; docs/api-cost.md states these numbers."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from connectors.connectwise.connector import STREAMS
from core.records import Stream
from tests.unit.connectors.connectwise.kit import DAY, Stage

ROWS = 2345
PAGES = math.ceil(ROWS / 1000)
LISTED = (Stream.PARTIES, Stream.CONTACTS, Stream.AGREEMENTS, Stream.INVOICES, Stream.CREDIT_NOTES, Stream.TICKETS, Stream.WORK)


def fill(stage: Stage, stream: Stream, count: int) -> None:
    """`count` rows of a stream, changed a minute apart long ago, and only that stream."""
    company = stage.company() if stream is not Stream.PARTIES else 0
    reference = stage.tenant.company_ref(company) if company else {}
    for number in range(count):
        at = stage.ago(200) + timedelta(minutes=number)
        match stream:
            case Stream.PARTIES:
                stage.tenant.add_company(f"Client {number}", at=at)
            case Stream.CONTACTS:
                stage.tenant.add_contact(company, f"Ann {number}", at=at)
            case Stream.AGREEMENTS:
                row = {"name": f"A {number}", "company": reference, "agreementStatus": "Active"}
                stage.tenant.add("finance/agreements", row, at=at)
            case Stream.TICKETS:
                stage.tenant.add("service/tickets", {"summary": f"T {number}", "company": reference}, at=at)
            case Stream.WORK:
                stage.tenant.add_time(company, 1, at, changed_at=at)
            case _:
                kind = "CreditMemo" if stream is Stream.CREDIT_NOTES else "Standard"
                stage.invoice(company, 100, at=at, type=kind)


@pytest.mark.parametrize("stream", LISTED)
def test_a_full_pull_costs_its_pages_and_a_constant(at_cw, stream):
    fill(at_cw, stream, ROWS)
    at_cw.calls()
    at_cw.pages(stream)
    # companyinfo, newest row, two calls of the time-zone probe; companies also read their statuses
    assert at_cw.calls() == PAGES + 4 + (stream is Stream.PARTIES)


def test_the_time_zone_is_probed_once_for_all_streams(at_cw):
    at_cw.invoices(3)
    for stream in STREAMS:
        at_cw.pages(stream)
    probes = [item for item in at_cw.box.levers.log if "lastUpdated+%3E" in item.query or "lastUpdated%20%3E" in item.query]
    assert len(probes) == 2


@pytest.mark.parametrize("stream", STREAMS)
def test_a_pass_without_changes_costs_one_call(at_cw, stream):
    fill(at_cw, Stream.INVOICES if stream is Stream.PAYMENTS else stream, 300)
    if stream is Stream.PAYMENTS:
        for number in list(at_cw.tenant.table("finance/invoices")):
            at_cw.tenant.pay(number, 10, DAY)
    at_cw.pages(stream)
    at_cw.later(hours=1)
    at_cw.pages(stream)
    at_cw.later(hours=1)
    at_cw.calls()
    assert at_cw.pull(stream) == []
    assert at_cw.calls() == 1


def test_an_empty_stream_costs_one_call_every_time(at_cw):
    at_cw.psa.probe()
    for _ in range(3):
        at_cw.calls()
        for stream in STREAMS:
            assert at_cw.pull(stream) == []
        assert at_cw.calls() == len(STREAMS)


def test_open_invoices_are_read_again_for_a_call_per_thousand(at_cw):
    at_cw.invoices(2500)
    at_cw.pages(Stream.INVOICES)
    at_cw.later(hours=1)
    at_cw.calls()
    at_cw.pages(Stream.INVOICES)
    assert at_cw.calls() == 3


def test_payments_cost_a_call_for_every_invoice_that_has_any(at_cw):
    ids = at_cw.invoices(40)
    for number in ids[:15]:
        at_cw.tenant.pay(number, 10, DAY)
    at_cw.psa.probe()
    at_cw.calls()
    assert len(at_cw.pull(Stream.PAYMENTS)) == 15
    assert at_cw.calls() == 1 + 2 + 1 + 15  # newest, probe, one page of invoices, and each paid invoice
    at_cw.later(hours=1)
    at_cw.pages(Stream.PAYMENTS)
    at_cw.later(hours=1)
    at_cw.tenant.pay(ids[20], 10, DAY)
    at_cw.calls()
    assert {record.allocations[0].invoice_ref for record in at_cw.pull(Stream.PAYMENTS)} >= {str(ids[20])}
    assert at_cw.calls() <= 1 + 2  # the invoice, and one that shares its checksum


def test_a_changed_time_entry_costs_one_call_for_its_client_and_month(at_cw):
    fill(at_cw, Stream.WORK, 400)
    at_cw.pages(Stream.WORK)
    at_cw.later(hours=1)
    at_cw.pages(Stream.WORK)
    number = max(at_cw.tenant.table("time/entries"))
    at_cw.later(hours=1)
    at_cw.tenant.touch("time/entries", number, actualHours=5)
    at_cw.calls()
    (record,) = at_cw.pull(Stream.WORK)
    assert record.minutes % 60 == 0
    assert at_cw.calls() == 2
