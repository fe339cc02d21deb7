"""Fixtures of the Xero tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.connectors.xero.kit import Stage


@pytest.fixture
def at_xero() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()
