"""ConnectWise over loopback HTTP into a real store: deletes are believed late and singly, a second pass writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.connectwise import SPEC
from connectors.connectwise.sandbox import ConnectwiseSandbox
from connectors.testing.clocks import SleepingClock
from connectors.testing.serve import serve
from connectors.testing.vault import MemoryVault
from core.errors import ConnectorError
from core.ports import ConnectionContext
from core.pull import PullReport, pull_connection
from core.records import Ref, Role, Stream
from core.store import Store, open_store

START = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
DAY = date(2026, 3, 2)


class Office:
    """A tenant behind real HTTP, a connector and a store."""

    def __init__(self, base_url: str, box: ConnectwiseSandbox, clock: SleepingClock, store: Store, **keys: Any) -> None:
        self.box = box
        self.clock = clock
        self.store = store
        settings = SPEC.settings.model_validate({**box.settings(base_url), **keys})
        self.psa = SPEC.build(
            ConnectionContext(
                name="cw",
                role=Role.PSA,
                settings=settings,
                clock=clock,
                vault=MemoryVault(),
                timezone="America/Chicago",
                currency="USD",
            )
        )

    def invoices(self, count: int) -> list[int]:
        tenant = self.box.tenant
        company = tenant.add_company("Client", at=START - timedelta(days=300))["id"]
        old = START - timedelta(days=60)
        return [tenant.add_invoice(company, 100, DAY, at=old + timedelta(minutes=n))["id"] for n in range(count)]

    def sync(self, **options: Any) -> PullReport:
        run = self.store.start_run("sync", self.clock.now())
        return pull_connection(self.psa, self.store, connection="cw", clock=self.clock, run_id=run, **options)

    def known(self, stream: Stream = Stream.INVOICES) -> frozenset[Ref]:
        return self.store.refs("cw", stream)


@pytest.fixture
def office(tmp_path) -> Iterator[Office]:
    clock = SleepingClock(START)
    box = ConnectwiseSandbox(clock)
    store = open_store(f"sqlite:///{tmp_path}/duesync.db", clock=clock)
    store.migrate()
    with serve(box) as base_url:
        made = Office(base_url, box, clock, store, page_size=10)
        yield made
        made.psa.close()
    store.close()


def test_a_second_pass_writes_no_row(office):
    ids = office.invoices(25)
    office.box.tenant.pay(ids[0], 40, DAY)
    assert office.sync().errors == []
    for step in (timedelta(minutes=15), timedelta(days=2), timedelta(days=9)):
        office.clock.advance(step)
        report = office.sync()
        assert report.errors == []
        assert report.changed == 0
    assert len(office.known()) == 25
    assert len(office.known(Stream.PAYMENTS)) == 1


@pytest.mark.reliability("connectwise:9")
def test_a_deleted_invoice_goes_at_the_next_listing_after_a_look_at_itself(office):
    ids = office.invoices(25)
    office.sync()
    office.box.tenant.remove("finance/invoices", ids[3])
    office.clock.advance(timedelta(hours=1))
    office.sync()
    assert len(office.known()) == 25
    office.clock.advance(timedelta(days=1))
    office.box.levers.log.clear()
    office.sync()
    assert str(ids[3]) not in office.known()
    assert len(office.known()) == 24
    single = [item for item in office.box.levers.log if item.path.endswith(f"/finance/invoices/{ids[3]}")]
    assert [item.status for item in single] == [404]


@pytest.mark.reliability("connectwise:9")
def test_a_tenant_that_suddenly_shows_nothing_deletes_nothing(office):
    office.invoices(30)
    office.sync()
    office.box.tenant.table("finance/invoices").clear()
    office.clock.advance(timedelta(days=2))
    report = office.sync()
    (failed,) = report.errors
    assert failed.stream is Stream.INVOICES
    assert "30 of 30 invoices are no longer listed" in str(failed.error)
    assert len(office.known()) == 30


@pytest.mark.reliability("connectwise:8", "connectwise:9")
@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_listing_that_breaks_off_prunes_nothing(office, page):
    ids = office.invoices(25)
    office.sync()
    office.box.tenant.remove("finance/invoices", ids[3])
    office.clock.advance(timedelta(days=2))
    seen = 0

    def nth(request: httpx.Request) -> bool:
        nonlocal seen
        seen += request.url.path.endswith("/finance/invoices") and "pageId" in request.url.params
        return seen >= page

    office.box.levers.answer_next(lambda: httpx.Response(200, content=b'[{"id": 1, '), times=3, only=nth)
    report = office.sync(only=[Stream.INVOICES])
    assert len(report.errors) == 1
    assert len(office.known()) == 25
    office.box.levers.clear()
    assert office.sync(only=[Stream.INVOICES]).errors == []


THREE_KINDS = {
    "path": lambda: httpx.Response(404, json={"code": "ConnectWiseApi", "message": "The endpoint does not exist."}),
    "service": lambda: httpx.Response(404, html="<html>not here</html>"),
}


@pytest.mark.reliability("connectwise:9", "connectwise:14")
@pytest.mark.parametrize("answer", THREE_KINDS.values(), ids=THREE_KINDS)
def test_a_404_that_is_not_about_the_record_buries_nothing(office, answer):
    ids = office.invoices(25)
    office.sync()
    office.box.tenant.remove("finance/invoices", ids[3])
    office.clock.advance(timedelta(days=2))
    one = f"/finance/invoices/{ids[3]}"
    office.box.levers.answer_next(answer, times=9, only=lambda request: request.url.path.endswith(one))
    with pytest.raises(ConnectorError):
        office.psa.reread(Stream.INVOICES, Ref(str(ids[3])))
    office.sync(only=[Stream.INVOICES])
    assert len(office.known()) == 25


def test_a_process_killed_between_pages_goes_on_where_it_was(office):
    office.invoices(35)
    for page in office.psa.pull(Stream.INVOICES, None):
        office.store.commit_page(page, connection="cw", run_id="r", now=office.clock.now())
        break
    assert len(office.known()) == 10
    office.box.levers.log.clear()
    office.sync(only=[Stream.INVOICES])
    assert len(office.known()) == 35
    assert dict(httpx.QueryParams(office.box.levers.log[0].query))["pageId"] != "0"


@pytest.mark.reliability("connectwise:11")
def test_a_record_of_a_company_that_is_gone_is_kept(office):
    (number,) = office.invoices(1)
    office.box.tenant.table("company/companies").clear()
    assert office.sync().errors == []
    assert office.known() == {Ref(str(number))}


def test_companies_deleted_before_we_came_are_no_trouble_and_later_ones_are_buried(office):
    tenant = office.box.tenant
    gone, kept = (tenant.add_company(name, at=START - timedelta(days=9))["id"] for name in ("Gone", "Kept"))
    tenant.remove("company/companies", gone)
    assert office.sync().errors == []
    assert office.known(Stream.PARTIES) == {Ref(str(kept))}
    office.clock.advance(timedelta(hours=1))
    tenant.remove("company/companies", kept)
    office.clock.advance(timedelta(hours=1))
    assert office.sync().errors == []
    assert office.known(Stream.PARTIES) == frozenset()


def test_hours_put_on_an_invoice_move_to_its_sum(office):
    (invoice,) = office.invoices(1)
    tenant = office.box.tenant
    company = next(iter(tenant.table("company/companies")))
    entry = tenant.add_time(company, 2, START - timedelta(days=3), changed_at=START - timedelta(days=3))["id"]
    office.sync()
    assert office.known(Stream.WORK) == {Ref(f"2026-05.c{company}.a0.i0")}
    office.clock.advance(timedelta(hours=1))
    tenant.touch("time/entries", entry, invoice={"id": invoice})
    office.clock.advance(timedelta(hours=1))
    office.sync()
    assert office.known(Stream.WORK) == {Ref(f"2026-05.c{company}.a0.i{invoice}")}


def test_every_read_stays_a_read(office):
    office.invoices(3)
    office.sync()
    office.psa.probe()
    assert office.box.levers.writes() == []
