"""A recorded QuickBooks company over real HTTP into a real store: counts, four identities to the cent, a silent second pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.quickbooks import SPEC
from connectors.quickbooks.sandbox import QuickBooksSandbox
from connectors.testing.clocks import SleepingClock
from connectors.testing.serve import serve
from connectors.testing.vault import MemoryVault
from core.ports import ConnectionContext
from core.pull import pull_connection
from core.records import CreditNote, DocumentStatus, Invoice, Party, Payment, Posting, Role, Stream
from core.store import open_store

COUNTS = {
    Stream.PARTIES: 33,
    Stream.INVOICES: 37,
    Stream.PAYMENTS: 20,
    Stream.CREDIT_NOTES: 9,
    Stream.DEPOSITS: 13,
    Stream.ADJUSTMENTS: 0,
    Stream.SALES: 0,
    Stream.REFUNDS: 0,
}
RECORDED_AT = datetime(2026, 5, 5, 12, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> SleepingClock:
    return SleepingClock(RECORDED_AT)


@pytest.fixture
def box(shared, clock) -> QuickBooksSandbox:
    sandbox = QuickBooksSandbox(clock, realm="9341457021722202")
    sandbox.seed_recorded(shared / "fixtures" / "quickbooks" / "sandbox-craigs-2026-05")
    return sandbox


@pytest.fixture
def qbo(box, clock) -> Iterator[object]:
    with serve(box) as url:
        context = ConnectionContext(
            name="qbo",
            role=Role.BOOKS,
            settings=SPEC.settings.model_validate(box.settings(url)),
            clock=clock,
            vault=MemoryVault(),
            timezone="America/Los_Angeles",
            currency="USD",
        )
        connector = SPEC.build(context)
        yield connector
        connector.close()


@pytest.fixture
def pulled(qbo):
    return {stream: [entry for page in qbo.pull(stream, None) for entry in page.entries] for stream in qbo.streams()}


@pytest.fixture
def records(pulled):
    return {stream: [entry.record for entry in found] for stream, found in pulled.items()}


def test_every_recorded_row_arrives_and_none_is_malformed(qbo):
    for stream, count in COUNTS.items():
        pages = list(qbo.pull(stream, None))
        assert (stream, sum(len(page.entries) for page in pages)) == (stream, count)
        assert [row for page in pages for row in page.malformed] == []


def test_raw_payloads_are_kept_as_they_came(pulled, box):
    for entry in pulled[Stream.INVOICES]:
        assert f'"Id":"{entry.record.ref}"'.encode() in entry.raw


@pytest.mark.reliability("quickbooks:24")
def test_the_four_identities_of_the_books_hold_to_the_cent(records, box):
    invoices: list[Invoice] = records[Stream.INVOICES]
    payments: list[Payment] = records[Stream.PAYMENTS]
    notes: list[CreditNote] = records[Stream.CREDIT_NOTES]
    parties: list[Party] = records[Stream.PARTIES]
    applied: dict[str, int] = defaultdict(int)
    for payment in payments:
        for part in payment.allocations:
            applied[part.invoice_ref] += part.amount.minor
        carried = sum(use.amount.minor for use in payment.credits_used)
        assert payment.amount.minor == sum(part.amount.minor for part in payment.allocations) - carried + payment.unapplied.minor
    # a) what an invoice lost is what payments brought it
    assert [item.ref for item in invoices if item.total.minor - item.open.minor != applied[item.ref]] == []
    # b) what a customer owes, sub-customers apart from their parents
    owed: dict[str | None, int] = defaultdict(int)
    for item in invoices:
        owed[item.party_ref] += item.open.minor
    for payment in payments:
        owed[payment.party_ref] -= payment.unapplied.minor
    for note in notes:
        owed[note.party_ref] -= note.remaining.minor
    assert [item.ref for item in parties if item.balance.minor != owed[item.ref]] == []
    # c) the receivable account
    assert sum(owed.values()) == 468_152
    assert str(box.books.get("Account", "84")["CurrentBalance"]) == "4681.52"
    # d) undeposited funds
    held = sum(item.amount.minor for item in payments if item.deposited is False)
    assert held == 236_252
    assert str(box.books.get("Account", "4")["CurrentBalance"]) == "2362.52"


def test_the_credit_application_is_a_link_and_no_cash(records):
    (link,) = [item for item in records[Stream.PAYMENTS] if item.ref == "74"]
    assert link.amount.minor == 0
    assert [(use.stream, use.ref, use.amount.minor) for use in link.credits_used] == [(Stream.CREDIT_NOTES, "73", 10_000)]
    assert sorted(item.ref for item in records[Stream.PAYMENTS] if item.unapplied.minor) == ["170", "172", "174", "180"]
    assert sum(item.remaining.minor for item in records[Stream.CREDIT_NOTES]) == 80_000


def test_sub_customers_and_direct_deposits_are_told_apart(records):
    assert sum(item.parent_ref is not None for item in records[Stream.PARTIES]) == 3
    lines = [line for deposit in records[Stream.DEPOSITS] for line in deposit.lines]
    assert sum(line.payment_ref is not None for line in lines) == 7
    assert sum(line.posting is Posting.INCOME for line in lines) == 8
    assert all(item.status in (DocumentStatus.OPEN, DocumentStatus.CLOSED) for item in records[Stream.INVOICES])


@pytest.mark.reliability("quickbooks:12")
def test_a_second_pass_writes_no_row(qbo, clock, tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/duesync.db", clock=clock)
    store.migrate()

    def run(*, full: bool = False):
        report = pull_connection(
            qbo, store, connection="qbo", clock=clock, run_id=store.start_run("sync", clock.now()), full=full
        )
        assert report.errors == []
        return {item.stream: (item.inserted, item.updated, item.deleted) for item in report.streams}

    try:
        assert run() == {stream: (count, 0, 0) for stream, count in COUNTS.items()}
        for full in (False, True):
            clock.advance(timedelta(minutes=15))
            assert run(full=full) == dict.fromkeys(COUNTS, (0, 0, 0))
    finally:
        store.close()


@pytest.mark.reliability("quickbooks:13")
def test_a_month_of_silence_ends_in_a_listing_that_buries_what_is_gone(qbo, box, clock, tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/duesync.db", clock=clock)
    store.migrate()
    try:
        pull_connection(qbo, store, connection="qbo", clock=clock, run_id=store.start_run("sync", clock.now()))
        gone = box.books.get("Invoice", "155")
        box.books.delete("Invoice", {"Id": "155", "SyncToken": gone["SyncToken"]})
        clock.advance(timedelta(days=31))
        report = pull_connection(qbo, store, connection="qbo", clock=clock, run_id=store.start_run("sync", clock.now()))
        assert {item.stream: item.deleted for item in report.streams if item.deleted} == {Stream.INVOICES: 1}
        assert "155" not in store.refs("qbo", Stream.INVOICES)
    finally:
        store.close()


def test_the_sandbox_answers_in_the_shape_that_was_recorded(box, shared, clock):
    """Same keys and kinds of value for what a client creates as the live company gave."""
    import json
    from decimal import Decimal

    folder = shared / "fixtures/quickbooks/sandbox-craigs-2026-05/single"
    # what the live company adds from its own settings (addresses, tax, online payment) and a sandbox need not invent
    optional = {"BillAddr", "ShipAddr", "ShipFromAddr", "FreeFormAddress", "TxnTaxDetail", "ClientEntityId", "DefaultTaxCodeRef"}
    for name, entity in (
        ("create-customer", "Customer"),
        ("create-invoice", "Invoice"),
        ("create-payment", "Payment"),
        ("create-credit-memo", "CreditMemo"),
        ("create-deposit", "Deposit"),
        ("create-journal-entry", "JournalEntry"),
    ):
        sent = json.loads((folder / f"{name}.request.json").read_text(), parse_float=Decimal)["request"]["data"]
        recorded = json.loads((folder / f"{name}.response.json").read_text(), parse_float=Decimal)[entity]
        if entity == "Customer":
            sent["DisplayName"] += " again"
        made = box.books.create(entity, sent)
        assert set(recorded) - set(made) - optional == set(), entity
        assert set(made) - set(recorded) == set(), entity
        for key in set(made) & set(recorded) - {"DocNumber"}:
            assert _kind(made[key]) == _kind(recorded[key]), (entity, key)


def _kind(value: object) -> str:
    name = type(value).__name__
    return "number" if name in ("int", "Decimal") else name
