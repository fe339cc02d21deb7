"""A mapping can be well-formed and wrong: small stories told to every vendor, through pull, store, linking and reconciling."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from connectors import registry
from connectors.testing import plain
from connectors.testing.bench import Bench
from core.clock import local_date
from core.findings import FindingKind
from core.linking import link_accounts
from core.money import Money
from core.pull import pull_connection
from core.reconcile.engine import reconcile
from core.records import Ref, Stream
from core.store import open_store
from tests.contract.bench_xero import XeroBench
from tests.contract.benches import BENCHES

LEDGERS = sorted(
    name
    for name in registry.installed()
    if {Stream.INVOICES, Stream.PAYMENTS, Stream.PARTIES} <= set(registry.load(name).streams)
)


@pytest.fixture(params=LEDGERS)
def bench(request):
    spec = registry.load(request.param)
    made = {**BENCHES, "xero": XeroBench}.get(spec.name, Bench)(spec)
    yield made
    made.close()


@pytest.fixture
def findings(bench, tmp_path):
    """Pull everything, twice (the second pass must write nothing), and reconcile."""

    def look():
        store = open_store(f"sqlite:///{tmp_path / 'store.db'}", clock=bench.clock)
        store.migrate()
        try:
            for number in range(2):
                report = pull_connection(
                    bench.open(), store, connection=bench.name, clock=bench.clock, run_id=f"run-{number}", full=True
                )
                assert report.errors == []
                bench.clock.advance(timedelta(minutes=2))
            assert report.changed == 0
            books = store.load_books(now=bench.clock.now())
            everyone = [party for account in books.all() for party in account.parties]
            linked = link_accounts(everyone, [item for account in books.all() for item in account.invoices])
            store.save_accounts(linked.accounts)
            today = local_date(bench.clock.now(), bench.timezone)
            return reconcile(store.load_books(now=bench.clock.now()), today=today)
        finally:
            store.close()

    return look


def paid(number, invoice, *, days=20):
    """A payment of an invoice in full, some days after it was issued."""
    part = dataclasses.replace(plain.payment(number).allocations[0], invoice_ref=invoice.ref, amount=invoice.total)
    on = invoice.issued_on + timedelta(days=days)
    return dataclasses.replace(
        plain.payment(number),
        deposited=True,
        amount=invoice.total,
        paid_on=on,
        allocations=(dataclasses.replace(part, applied_on=on),),
    )


def test_clean_books_have_no_finding(bench, findings):
    first, second = plain.invoice(1), plain.invoice(17)
    bench.seed(plain.party(0), first, second, plain.invoice(40), paid(1, first), paid(2, second))
    assert findings() == ()


def test_an_invoice_issued_twice_is_the_one_finding(bench, findings):
    first = plain.invoice(1)
    again = dataclasses.replace(first, ref=Ref("invoice-again"), number="INV-90001")
    bench.seed(plain.party(0), first, again, plain.invoice(40))
    (found,) = findings()
    assert found.kind is FindingKind.DUPLICATE_INVOICE
    assert {item.ref for item in found.subjects} == {*bench.refs_of(first), *bench.refs_of(again)}
    assert found.at_stake == first.total


def test_an_unreadable_record_is_a_finding_that_names_it(bench, findings):
    (ref,) = bench.seed(plain.party(0), plain.invoice(40))
    bench.spoil(Stream.INVOICES, ref)
    by_kind = {item.kind: item for item in findings()}
    found = by_kind.pop(FindingKind.MALFORMED_RECORD)
    # a vendor that states the client's balance itself rightly differs from what is left without the unreadable invoice
    assert set(by_kind) <= {FindingKind.BALANCE_MISMATCH}
    assert [item.ref for item in found.subjects] == [ref]


def test_a_part_payment_leaves_the_rest_open_everywhere(bench, findings):
    invoice = plain.invoice(1)
    bench.seed(plain.party(0), invoice, dataclasses.replace(plain.payment(1), deposited=True))
    assert findings() == ()
    (record,) = [item for page in bench.open().pull(Stream.INVOICES, None) for item in page.records]
    assert record.open == invoice.total - plain.payment(1).amount == Money(record.open.minor, "USD")
