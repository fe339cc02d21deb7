"""Every installed connector keeps the contract. `pytest tests/contract/test_connectors.py -k xero` looks at one."""

from __future__ import annotations

import pytest

from connectors import registry
from connectors.testing.bench import Bench
from connectors.testing.contract import ConnectorContract
from tests.contract.bench_xero import XeroBench
from tests.contract.benches import BENCHES

BROKEN = {item.name: item.problem for item in registry.broken()}


@pytest.fixture(params=sorted(registry.installed()))
def connector_name(request):
    return request.param


class TestInstalledConnectors(ConnectorContract):
    @pytest.fixture
    def spec(self, connector_name):
        return registry.load(connector_name)

    @pytest.fixture
    def bench(self, spec):
        made = {**BENCHES, "xero": XeroBench}.get(spec.name, Bench)(spec)
        yield made
        made.close()

    @pytest.mark.req("E25")
    def test_the_same_key_twice_acts_once(self, bench):
        super().test_the_same_key_twice_acts_once(bench)

    @pytest.mark.req("E25")
    def test_a_lost_reply_is_unknown_and_never_certainly_not_done(self, bench):
        super().test_a_lost_reply_is_unknown_and_never_certainly_not_done(bench)

    @pytest.mark.req("E32")
    def test_a_failed_page_loses_nothing(self, bench):
        super().test_a_failed_page_loses_nothing(bench)

    @pytest.mark.req("E34")
    def test_what_was_removed_upstream_reaches_us(self, bench):
        super().test_what_was_removed_upstream_reaches_us(bench)

    @pytest.mark.req("E37")
    def test_a_record_changed_while_paging_is_not_lost(self, bench):
        super().test_a_record_changed_while_paging_is_not_lost(bench)

    @pytest.mark.req("E49")
    def test_an_odd_row_is_named_and_its_neighbours_survive(self, bench):
        super().test_an_odd_row_is_named_and_its_neighbours_survive(bench)


def test_every_built_in_connector_can_be_loaded():
    assert {name: problem for name, problem in BROKEN.items() if name in registry.BUILTIN} == {}
