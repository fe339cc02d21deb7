"""Tables made from the dataclasses of core.records: one per type of record, one per kind of part. Private to core.store."""

from __future__ import annotations

import types
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, MetaData, Table, Text
from sqlmodel import Field

from core.records import STREAM_OF, Record
from core.store.columns import NAMING, Instant
from core.store.shape import CHILD_TABLES, OWNER, Kind, Shape, children, shapes
from core.store.tables import Stored

_COLUMN_TYPES: dict[Kind, Any] = {
    Kind.INTEGER: BigInteger,
    Kind.BOOLEAN: Boolean,
    Kind.DATE: Date,
    Kind.INSTANT: Instant,
}


def _columns(shape: Shape) -> dict[str, Column[Any]]:
    if shape.kind is Kind.MONEY:
        minor, currency = shape.columns
        return {
            minor: Column(minor, BigInteger, nullable=shape.optional),
            currency: Column(currency, Text, nullable=shape.optional),
        }
    kind = _COLUMN_TYPES.get(shape.kind, Text)
    return {name: Column(name, kind, nullable=shape.optional) for name in shape.columns}


def _make(name: str, key: tuple[str, ...], columns: dict[str, Column[Any]], *indexes: Index) -> Table:
    """A SQLModel class over `columns`, clustered by its key on SQLite; its table."""
    keys = {part: Column(part, BigInteger if part == "position" else Text, primary_key=True) for part in key}
    made = {**keys, **{part: column for part, column in columns.items() if part not in keys}}
    body = {
        "__tablename__": name,
        "__table_args__": (*indexes, {"sqlite_with_rowid": False}),
        "__annotations__": dict.fromkeys(made, Any),
        "__doc__": f"Made from a dataclass: {name}.",
        "__module__": __name__,
        **{part: Field(sa_column=column) for part, column in made.items()},
    }
    types.new_class(f"{name.title().replace('_', '')}Table", (Stored,), {"table": True}, lambda space: space.update(body))
    return NAMING.tables[name]


def _record_table(cls: type[Record]) -> Table:
    columns = {name: column for shape in shapes(cls) for name, column in _columns(shape).items()}
    name = STREAM_OF[cls].value
    indexes = [
        Index(f"ix_{name}_{field}_connection", field, "connection") for field in ("party_ref", "invoice_ref") if field in columns
    ]
    return _make(name, ("ref", "connection"), columns, *indexes)


def _child_table(cls: type[Any]) -> Table:
    name = CHILD_TABLES[cls]
    columns = {part: column for shape in shapes(cls) for part, column in _columns(shape).items()}
    indexes = [
        Index(f"ix_{name}_{field}_connection", field, "connection")
        for field in ("party_ref", "invoice_ref", "payment_ref")
        if field in columns
    ]
    return _make(name, (*OWNER, "position"), columns, *indexes)


RECORD_TABLES: dict[type[Record], Table] = {cls: _record_table(cls) for cls in STREAM_OF}
PART_TABLES: dict[type[Any], Table] = {
    shape.of: _child_table(shape.of)
    for shape in {item.of: item for cls in STREAM_OF for item in children(cls)}.values()
    if shape.of is not None
}


def table(name: str) -> Table:
    """The table of a name; KeyError if there is none."""
    return NAMING.tables[name]


METADATA: MetaData = NAMING  # every table of the store: core.store.tables is imported above
