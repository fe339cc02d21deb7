"""Rows to records and back, by the layout of core.store.shape. Knows nothing of any one record type."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import chain, repeat
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, Text, select, type_coerce

from core.money import Money
from core.records import STREAM_OF, Record
from core.store.among import among
from core.store.part import chunks
from core.store.record_tables import PART_TABLES, RECORD_TABLES
from core.store.shape import OWNER, Kind, Shape, children, getter, once_per_class, shapes

Row = dict[str, Any]
_PLAIN = frozenset({Kind.TEXT, Kind.INTEGER, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT})
_CHUNK = 4_000
_FIRST_YEAR, _LAST_YEAR = 2, 9998  # a year further out may not survive the change of zone
_json = msgspec.json.Encoder()


# ── values to rows ──────────────────────────────────────────────────────────────────────────────────────────────────────
class Encoder:
    """Turns values of one dataclass into column values. Made once per class; fast enough for pages of 100,000."""

    def __init__(self, cls: type[Any]) -> None:
        every = shapes(cls)
        self._plain = tuple(shape.name for shape in every if shape.kind in _PLAIN)
        self._plain_values = getter(self._plain)
        self._enums = tuple(shape.name for shape in every if shape.kind is Kind.ENUM)
        self._money = tuple((shape.name, *shape.columns) for shape in every if shape.kind is Kind.MONEY)
        self._words = tuple(shape.name for shape in every if shape.kind is Kind.WORDS)
        self._integers = tuple(shape.name for shape in every if shape.kind is Kind.INTEGER)
        self._instants = tuple(shape.name for shape in every if shape.kind is Kind.INSTANT)

    def unreal_instant(self, value: Any) -> str | None:
        """The field whose instant has no zone, or lies so far out that it has no reading in UTC; None when all are fine."""
        for name in self._instants:
            at = getattr(value, name)
            if at is not None and (at.tzinfo is None or not _FIRST_YEAR <= at.year <= _LAST_YEAR):
                return name
        return None

    def numbers(self, value: Any) -> Iterator[tuple[str, int]]:
        """Every integer a value would put into a column, with its field."""
        for name, _, _ in self._money:
            if (amount := getattr(value, name)) is not None:
                yield name, amount.minor
        for name in self._integers:
            if (number := getattr(value, name)) is not None:
                yield name, number

    def __call__(self, value: Any) -> Row:
        """The row of a value; parts in child tables are not in it."""
        row: Row = dict(zip(self._plain, self._plain_values(value), strict=True))
        for name in self._enums:
            word = getattr(value, name)
            row[name] = None if word is None else word.value
        for name, minor, currency in self._money:
            amount = getattr(value, name)
            row[minor], row[currency] = (None, None) if amount is None else (amount.minor, amount.currency)
        for name in self._words:
            row[name] = _json.encode(getattr(value, name)).decode()
        return row


@once_per_class
def encoder(cls: type[Any]) -> Encoder:
    """The encoder of a dataclass."""
    return Encoder(cls)


def part_rows(record: Record) -> Iterator[tuple[type[Any], Row]]:
    """The rows of a record's parts, each with the dataclass that names its table."""
    for shape in children(type(record)):
        assert shape.of is not None
        encode = encoder(shape.of)
        for position, part in enumerate(getattr(record, shape.name)):
            owner = (record.ref, record.connection, STREAM_OF[type(record)].value)
            yield shape.of, {**encode(part), **dict(zip(OWNER, owner, strict=True)), "position": position}


# ── rows to values ──────────────────────────────────────────────────────────────────────────────────────────────────────
Parts = Mapping[tuple[str, str], tuple[Any, ...]]  # (connection, ref of the owner) -> its parts in order
Columns = Iterator[Sequence[Any]]
_NO_PARTS: Parts = {}
_SHARED = frozenset({"connection", "party_ref", "currency", "country", "status"})  # texts that repeat


class _Known(dict[Any, Any]):
    """What a stored value reads as, worked out once for each that differs: of days there are few, of rows very many.

    None reads as None. Equal values become one object, which saves memory too.
    """

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__({None: None})
        self._read = read

    def __missing__(self, stored: Any) -> Any:
        value = self[stored] = self._read(stored)
        return value


def _date(stored: str | date) -> date:
    """SQLite holds text, PostgreSQL a date."""
    return date.fromisoformat(stored) if isinstance(stored, str) else stored


def _instant(stored: str | datetime) -> datetime:
    """SQLite holds the bare reading in UTC as text, PostgreSQL an instant (core.store.columns.Instant)."""
    at = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _words(stored: str) -> tuple[str, ...]:
    return tuple(msgspec.json.decode(stored))


_READ: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.DATE: _date,
    Kind.INSTANT: _instant,
    Kind.BOOLEAN: bool,
    Kind.WORDS: _words,
}
_drain = deque[Any](maxlen=0).extend  # runs an iterator to its end in C and keeps nothing


def _build(cls: type[Any], count: int, fields: Iterable[tuple[str, Iterable[Any]]]) -> list[Any]:
    """`count` values of a dataclass with slots, filled field by field.

    A frozen dataclass with twenty fields made by its own constructor costs four times as much: nearly half of reading the books.
    What the constructor would do besides (`__post_init__`) no record has: a test holds them to it.
    """
    made = list(map(object.__new__, repeat(cls, count)))
    for name, values in fields:
        _drain(map(getattr(cls, name).__set__, made, values))
    return made


class Decoder:
    """Turns rows of one table back into values of its dataclass, column by column: a row costs microseconds."""

    def __init__(self, cls: type[Any]) -> None:
        self._cls = cls
        self._shapes = tuple(shape for shape in shapes(cls) if shape.kind is not Kind.CHILDREN)
        self._known = {shape.name: _Known(_READ[shape.kind]) for shape in self._shapes if shape.kind in _READ}
        self._known |= {shape.name: _Known(shape.of) for shape in self._shapes if shape.kind is Kind.ENUM and shape.of}
        self._shared: dict[Any, Any] = {}  # one object per repeated text (connection, currency, status): memory, not speed

    def __call__(self, rows: Sequence[Sequence[Any]], parts: Mapping[str, Sequence[tuple[Any, ...]]]) -> list[Any]:
        """Values for `rows` (columns in order of column_names); `parts` gives each child field's tuples, one per row."""
        return self.of_columns(len(rows), iter(zip(*rows, strict=True)), parts) if rows else []

    def of_columns(self, count: int, columns: Columns, parts: Mapping[str, Sequence[tuple[Any, ...]]]) -> list[Any]:
        """The same for `count` rows that lie there column by column."""
        fields = ((shape.name, self._column(shape, columns)) for shape in self._shapes)
        return _build(self._cls, count, chain(fields, parts.items()))

    def _column(self, shape: Shape, columns: Columns) -> Iterable[Any]:
        column = next(columns)
        if shape.kind is Kind.MONEY:
            return self._amounts(column, next(columns))
        if shape.name in self._known:
            return map(self._known[shape.name].__getitem__, column)
        if shape.name in _SHARED:
            return map(self._shared.setdefault, column, column)
        return column

    def _amounts(self, minors: Sequence[Any], currencies: Sequence[Any]) -> Iterable[Any]:
        shared: Iterable[Any] = map(self._shared.setdefault, currencies, currencies)
        if None not in minors:
            return _build(Money, len(minors), (("minor", minors), ("currency", shared)))
        return [None if minor is None else Money(minor, currency) for minor, currency in zip(minors, shared, strict=True)]


def columns_of(cls: type[Any], table: Table) -> list[ColumnElement[Any]]:
    """The columns a decoder of `cls` wants, in its order; what it reads itself as the driver gives it."""
    return [
        type_coerce(table.columns[name], Text()) if shape.kind in _READ else table.columns[name]
        for shape in shapes(cls)
        for name in shape.columns
    ]


def chunked(connection: Connection, statement: Select[Any]) -> Iterator[Sequence[Any]]:
    """The rows of a query in lists of a few thousand: one moment's memory stays small."""
    yield from connection.execute(statement).partitions(_CHUNK)


def streamed(connection: Connection, statement: Select[Any]) -> Generator[Sequence[Any]]:
    """As `chunked`, for whole tables: from a cursor of the server on PostgreSQL, whose driver else holds the whole result.

    Take it to its end, or close it (contextlib.closing): the cursor lives as long.
    """
    with connection.execute(statement.execution_options(yield_per=_CHUNK)) as result:
        yield from result.partitions()


def _load_parts(tx: Connection, part: type[Any], stream: str, *conditions: Any) -> Parts:
    """Every part of one class that belongs to records of `stream` (under `conditions` on its table), by owner, in order."""
    table = PART_TABLES[part]
    owner = [table.c.connection, table.c.owner_ref]
    statement = select(*owner, *columns_of(part, table)).where(table.c.owner_stream == stream, *conditions)
    decode = Decoder(part)
    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    for rows in chunked(tx, statement.order_by(*(table.c[name] for name in OWNER), table.c.position)):
        columns = iter(zip(*rows, strict=True))
        keys = [*zip(next(columns), next(columns), strict=True)]
        for key, value in zip(keys, decode.of_columns(len(rows), columns, {}), strict=True):
            found[key] = (*found[key], value) if key in found else (value,)
    return found


def _parts_of(tx: Connection, cls: type[Record], keys: Sequence[tuple[str, str]] | None) -> dict[str, Parts]:
    """The parts of records of a type, by field: of those named by `keys`, or of all."""
    stream = STREAM_OF[cls].value
    found: dict[str, Parts] = {}
    for shape in children(cls):
        assert shape.of is not None
        table = PART_TABLES[shape.of]
        if keys is None:
            found[shape.name] = _load_parts(tx, shape.of, stream)
            continue
        named: dict[tuple[str, str], tuple[Any, ...]] = {}
        for connection in {key[0] for key in keys}:
            for some in chunks([key[1] for key in keys if key[0] == connection]):
                mine = (table.c.connection == connection, among(table.c.owner_ref, some))
                named.update(_load_parts(tx, shape.of, stream, *mine))
        found[shape.name] = named
    return found


def load_records(tx: Connection, cls: type[Record], *conditions: Any) -> list[Any]:
    """Every live record of a type under `conditions` on its table, with its parts, in no particular order.

    Without conditions the parts are read in one go; with conditions, only those of the records found.
    """
    table = RECORD_TABLES[cls]
    everything = None if conditions else _parts_of(tx, cls, None)
    decode = Decoder(cls)
    found: list[Any] = []
    for rows in chunked(tx, select(*columns_of(cls, table)).where(*conditions)):
        columns = [*zip(*rows, strict=True)]
        keys = [*zip(columns[0], columns[1], strict=True)]
        parts = _parts_of(tx, cls, keys) if everything is None else everything
        mine = {name: [*map(held.get, keys, repeat(()))] for name, held in parts.items()}
        found.extend(decode.of_columns(len(rows), iter(columns), mine))
    return found
