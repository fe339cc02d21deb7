"""The stage as a fixture, closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.connectors.connectwise.kit import Stage


@pytest.fixture
def staged() -> Iterator[Callable[..., Stage]]:
    """Makes stages with their own settings."""
    made: list[Stage] = []

    def make(**settings: Any) -> Stage:
        made.append(Stage(**settings))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


@pytest.fixture
def at_cw(staged: Callable[..., Stage]) -> Stage:
    return staged()
