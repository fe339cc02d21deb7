"""QuickBooks keeps the contract of every connector, on its own sandbox."""

from __future__ import annotations

import pytest

from connectors.quickbooks import SPEC
from connectors.testing.contract import ConnectorContract


class TestQuickBooks(ConnectorContract):
    @pytest.fixture
    def spec(self):
        return SPEC
