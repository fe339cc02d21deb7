"""ConnectWise keeps the contract of every connector, on its own sandbox."""

from __future__ import annotations

import pytest

from connectors.connectwise import SPEC
from connectors.testing.contract import ConnectorContract


class TestConnectWise(ConnectorContract):
    @pytest.fixture
    def spec(self):
        return SPEC
