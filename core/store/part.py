"""What every part of the store stands on: the database, the clock, and JSON in one canonical form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from core.clock import Clock
from core.store.engine import Database

T = TypeVar("T")
_encoder = msgspec.json.Encoder(order="deterministic")
# SQLite takes 32,766 bound values and PostgreSQL 65,535; small lists compile faster than they save.
CHUNK = 1_000


class Part:
    """Verbs of one concern. The Store is all its parts together; each method joins the caller's unit or makes its own."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock


def to_json(value: Any) -> str:
    """Canonical JSON: keys sorted, no spaces; equal values give equal text."""
    return _encoder.encode(value).decode()


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """`items` in slices that fit one statement."""
    return (items[start : start + size] for start in range(0, len(items), size))
