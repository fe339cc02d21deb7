"""How a record's dataclass is laid out in columns: read from its fields, never written out by hand per type.

Money becomes `<field>_minor` (integer minor units) beside `<field>_currency`; a tuple of dataclasses becomes rows of a child
table; a tuple of words becomes JSON text; everything else is one column of the field's own name.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, TypeVar

from core.money import Money
from core.records import Allocation, CreditUse, DepositLine

T = TypeVar("T")


def once_per_class(compute: Callable[[type[Any]], T]) -> Callable[[type[Any]], T]:
    """Remember what `compute` says of a class: layouts never change while a process runs."""
    known: dict[type[Any], T] = {}

    def answer(cls: type[Any]) -> T:
        if cls not in known:
            known[cls] = compute(cls)
        return known[cls]

    return answer


def getter(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Reads these attributes as a tuple, also when there is only one (attrgetter alone would not)."""
    if len(names) == 1:
        (only,) = names
        return lambda value: (getattr(value, only),)
    return attrgetter(*names)


class Kind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE = "date"
    INSTANT = "instant"
    ENUM = "enum"
    MONEY = "money"
    WORDS = "words"
    CHILDREN = "children"


@dataclass(frozen=True, slots=True)
class Shape:
    """One field: its kind, whether it may be None, and the enum or child class it is made of."""

    name: str
    kind: Kind
    optional: bool
    of: type[Any] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it fills, in order; none for children."""
        if self.kind is Kind.CHILDREN:
            return ()
        return (f"{self.name}_minor", f"{self.name}_currency") if self.kind is Kind.MONEY else (self.name,)


# Where the parts of a record go; the key columns of every child table are OWNER and `position`.
CHILD_TABLES: dict[type[Any], str] = {Allocation: "allocations", CreditUse: "credit_uses", DepositLine: "deposit_lines"}
OWNER = ("owner_ref", "connection", "owner_stream")

_PLAIN: dict[Any, Kind] = {
    str: Kind.TEXT,
    int: Kind.INTEGER,
    bool: Kind.BOOLEAN,
    date: Kind.DATE,
    datetime: Kind.INSTANT,
    Money: Kind.MONEY,
}


def _unwrap(hint: Any) -> tuple[Any, bool]:
    """The type inside `X | None` and NewType, and whether None was allowed."""
    optional = False
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        optional = len(inner) < len(typing.get_args(hint))
        (hint,) = inner
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    return hint, optional


def _shape(name: str, hint: Any) -> Shape:
    inner, optional = _unwrap(hint)
    if inner in _PLAIN:
        return Shape(name, _PLAIN[inner], optional)
    if isinstance(inner, type) and issubclass(inner, StrEnum):
        return Shape(name, Kind.ENUM, optional, inner)
    if typing.get_origin(inner) is tuple:
        part = typing.get_args(inner)[0]
        return Shape(name, Kind.WORDS, optional) if part is str else Shape(name, Kind.CHILDREN, optional, part)
    raise TypeError(f"no column for {name}: {hint!r}")


@once_per_class
def shapes(cls: type[Any]) -> tuple[Shape, ...]:
    """The fields of a dataclass in order. TypeError names a field that has no layout."""
    hints = typing.get_type_hints(cls)
    return tuple(_shape(item.name, hints[item.name]) for item in dataclasses.fields(cls))


@once_per_class
def column_names(cls: type[Any]) -> tuple[str, ...]:
    """Every column of a dataclass, in order of its fields."""
    return tuple(name for shape in shapes(cls) for name in shape.columns)


@once_per_class
def children(cls: type[Any]) -> tuple[Shape, ...]:
    """The fields whose parts live in child tables."""
    return tuple(shape for shape in shapes(cls) if shape.kind is Kind.CHILDREN)
