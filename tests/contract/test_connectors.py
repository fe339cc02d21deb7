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


def test_every_built_in_connector_can_be_loaded():
    assert {name: problem for name, problem in BROKEN.items() if name in registry.BUILTIN} == {}
