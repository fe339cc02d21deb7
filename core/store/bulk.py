"""Writing many rows at once: one statement, prepared by the driver, without SQLAlchemy's work per row (most of the cost).

Values are put in the very form SQLAlchemy would give them, so that a row written here reads like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Date, Insert, Table

from core.store.columns import Instant
from core.store.part import chunks

Row = Mapping[str, Any]
_ROWS = 5_000  # at once: their bound values are a few megabytes


def write_rows(tx: Connection, statement: Insert, rows: Sequence[Row]) -> None:
    """Run an insert (or upsert) for every row. All rows have the same keys; columns not among them get their default."""
    if not rows:
        return
    table = statement.table
    assert isinstance(table, Table)
    names = list(rows[0])
    if tx.dialect.name == "postgresql" and type(statement) is Insert:
        _stream_rows(tx, table, names, rows)
        return
    compiled = statement.compile(dialect=tx.dialect, column_keys=names)
    positions: Sequence[str] | None = compiled.positiontup
    convert = _converters(table, names) if tx.dialect.name == "sqlite" else {}
    for some in chunks(rows, _ROWS):
        columns = [_column([row[name] for row in some], convert.get(name)) for name in positions or names]
        values = list(zip(*columns, strict=True))
        if positions is None:
            tx.exec_driver_sql(compiled.string, [dict(zip(names, row, strict=True)) for row in values])
        else:
            tx.exec_driver_sql(compiled.string, values)


def _stream_rows(tx: Connection, table: Table, names: Sequence[str], rows: Sequence[Row]) -> None:
    """PostgreSQL takes a plain insert of many rows several times quicker as a stream (COPY)."""
    columns = ", ".join(f'"{name}"' for name in names)
    driver: Any = tx.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f'copy "{table.name}" ({columns}) from stdin') as stream:
        for row in rows:
            stream.write_row([row[name] for name in names])


def _column(values: list[Any], convert: Callable[[Any], str] | None) -> list[Any]:
    """Converted values; each distinct one is converted once, for days and instants repeat."""
    if convert is None:
        return values
    known: dict[Any, str | None] = {value: convert(value) for value in set(values) if value is not None}
    known[None] = None
    return [known[value] for value in values]


def _converters(table: Table, names: Sequence[str]) -> dict[str, Callable[[Any], str]]:
    """How SQLite, which knows neither days nor instants, gets them: as SQLAlchemy writes them."""
    kinds: dict[str, Callable[[Any], str]] = {}
    for name in names:
        kind = table.columns[name].type
        if isinstance(kind, Date):
            kinds[name] = _day
        elif isinstance(kind, Instant):
            kinds[name] = _instant
    return kinds


def _day(value: date) -> str:
    return value.isoformat()


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError(f"a stored instant must be aware: {value!r}")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
