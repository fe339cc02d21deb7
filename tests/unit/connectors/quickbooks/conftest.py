"""The rig as a fixture, closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.connectors.quickbooks.rig import Rig


@pytest.fixture
def rigged() -> Iterator[Callable[..., Rig]]:
    """Makes rigs with their own settings."""
    made: list[Rig] = []

    def make(**settings: Any) -> Rig:
        made.append(Rig(**settings))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def rig(rigged: Callable[..., Rig]) -> Rig:
    return rigged()
