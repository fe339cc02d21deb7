"""Small ways to pull, for the contract."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import pytest

from connectors.testing.bench import Bench
from core.money import Money
from core.ports import Capability, Connector
from core.records import Cursor, Page, Record, Ref, Stream


def need(bench: Bench, capability: Capability) -> None:
    """Skip the promise when the connector does not claim the capability."""
    if capability not in bench.spec.capabilities:
        pytest.skip(f"does not declare {capability}")


def walk(connector: Connector, stream: Stream, cursor: Cursor | None, *, guard: int = 200) -> Iterator[Page]:
    """The pages of one pass, one at a time; fails when the pass does not end."""
    for number, page in enumerate(connector.pull(stream, cursor)):
        assert number < guard, f"{stream}: more than {guard} pages"
        yield page
        if not page.more:
            return


def pages(connector: Connector, stream: Stream, cursor: Cursor | None = None, *, guard: int = 200) -> list[Page]:
    """The pages of one pass."""
    found = list(walk(connector, stream, cursor, guard=guard))
    assert found, f"{stream}: a pass has at least one page"
    assert all(page.stream is stream for page in found)
    return found


def records(connector: Connector, stream: Stream, cursor: Cursor | None = None) -> list[Record]:
    """The records of one pass, in order."""
    return [record for page in pages(connector, stream, cursor) for record in page.records]


def drain(connector: Connector, stream: Stream, cursor: Cursor | None = None) -> Cursor:
    """Pull a pass and keep only where it ended."""
    return pages(connector, stream, cursor)[-1].cursor


def latest(found: Iterable[Record]) -> dict[Ref, Record]:
    """The last version of each record."""
    return {record.ref: record for record in found}


def money_in(value: object) -> Iterator[Money]:
    """Every amount inside a record."""
    if isinstance(value, Money):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from money_in(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from money_in(item)
