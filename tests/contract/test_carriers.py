"""One sandbox, three carriers: in memory, under respx, and over real HTTP on loopback. A connector sees the same vendor."""

from __future__ import annotations

import pytest
import respx

from connectors import registry
from connectors.testing.bench import PAGE, Bench
from connectors.testing.faults import writes_only
from connectors.testing.serve import serve
from core.actions import idempotency_key
from core.errors import OutcomeUnknown, Transient
from core.ports import Capability
from core.records import Stream
from tests.contract.bench_xero import XeroBench

SPECS = {name: registry.load(name) for name in registry.installed()}
# a channel has nothing to pull: its own tests send over real sockets
VENDORS = sorted(name for name, spec in SPECS.items() if spec.sandbox is not None and Stream.INVOICES in spec.streams)


@pytest.fixture(params=VENDORS)
def bench(request):
    made = {"xero": XeroBench}.get(request.param, Bench)(registry.load(request.param))
    made.stock(Stream.INVOICES, 2 * PAGE + 1)
    made.stock(Stream.PAYMENTS, 2)
    yield made
    made.close()


def pulled(bench, streams=(Stream.PARTIES, Stream.INVOICES, Stream.PAYMENTS)):
    return {stream: [record for page in bench.open().pull(stream, None) for record in page.records] for stream in streams}


def test_every_carrier_shows_the_same_vendor(bench, monkeypatch):
    in_memory = pulled(bench)
    assert len(in_memory[Stream.INVOICES]) >= 2 * PAGE + 1
    with respx.mock(assert_all_called=False) as router:
        route = router.route(host="vendor.test").mock(side_effect=bench.sandbox.handle)
        monkeypatch.setattr(bench, "transport", lambda: None)
        assert pulled(bench) == in_memory
        assert route.call_count > 3
    with serve(bench.sandbox) as url:
        monkeypatch.setattr(bench, "address", url)
        assert pulled(bench) == in_memory


def test_a_reply_lost_on_a_real_wire_is_an_unknown_outcome(bench, monkeypatch):
    action = bench.wants(Capability.POST_NOTE, 1)
    key = idempotency_key(action)
    monkeypatch.setattr(bench, "transport", lambda: None)
    with serve(bench.sandbox) as url:
        monkeypatch.setattr(bench, "address", url)
        bench.levers.lose_reply(only=writes_only)
        with pytest.raises(OutcomeUnknown):
            bench.open().push(action, key)
        assert bench.done(action) == 1
        assert bench.open().find_pushed(action, key).found
        assert bench.open().push(action, key).ref == bench.open().find_pushed(action, key).ref
        assert bench.done(action) == 1


def test_a_vendor_that_went_away_is_passing_trouble(bench, monkeypatch):
    monkeypatch.setattr(bench, "transport", lambda: None)
    with serve(bench.sandbox) as url:
        monkeypatch.setattr(bench, "address", url)
        connector = bench.open()
        list(connector.pull(Stream.PARTIES, None))
    with pytest.raises(Transient, match=r"127\.0\.0\.1"):
        list(connector.pull(Stream.PARTIES, None))
