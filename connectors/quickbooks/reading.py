"""Reading fields out of one QuickBooks object: exact, and saying by path what could not be read.

Absent means null or empty: QuickBooks omits keys without a value (Intuit, "Learn basic field definitions"). Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from core.money import Money, MoneyError

_LONGEST = 16_000  # characters; the longest field QuickBooks documents is PrivateNote with 4000
_LONGEST_AMOUNT = 40
T = TypeVar("T")


class Unreadable(ValueError):
    """A field that is missing or not what QuickBooks documents. `where` is its path, such as "Line[2].Amount"."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Row:
    """One JSON object with the path that led to it."""

    data: Mapping[str, Any]
    path: str = ""

    def at(self, key: str) -> str:
        """The path of a field of this object."""
        return f"{self.path}.{key}" if self.path else key

    def fail(self, key: str, problem: str) -> Unreadable:
        """The error for a field of this object, to be raised."""
        return Unreadable(self.at(key), problem)

    def find_text(self, key: str) -> str | None:
        """Text without surrounding space; None when absent or empty. A number is read as its digits, as some ids come."""
        value = self.data.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.fail(key, f"is {_kind(value)}, not text")
        if len(value) > _LONGEST:
            raise self.fail(key, f"has {len(value)} characters")
        return value.strip() or None

    def text(self, key: str) -> str:
        """Text that must be there."""
        return self._required(key, self.find_text)

    def find_flag(self, key: str) -> bool | None:
        """True or false, also when it comes as text ("false")."""
        value = self.data.get(key)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise self.fail(key, f"is {_kind(value)}, not true or false")

    def find_amount(self, key: str, currency: str) -> Money | None:
        """Money in `currency`, exact to its minor unit."""
        value = self.data.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str) or len(str(value)) > _LONGEST_AMOUNT:
            raise self.fail(key, f"is {_kind(value)}, not an amount")
        try:
            return Money.parse(value, currency)
        except MoneyError as error:
            raise self.fail(key, str(error)) from error

    def amount(self, key: str, currency: str) -> Money:
        """Money that must be there."""
        return self._required(key, lambda name: self.find_amount(name, currency))

    def find_day(self, key: str) -> date | None:
        """A calendar day "YYYY-MM-DD"; QuickBooks dates carry no zone."""
        value = self.find_text(key)
        if value is None:
            return None
        try:
            if value[4:5] == value[7:8] == "-":  # fromisoformat alone would also read 20260401 and week dates
                return date.fromisoformat(value[:10])
        except ValueError:
            pass
        raise self.fail(key, f"{value[:40]!r} is not a date")

    def day(self, key: str) -> date:
        """A calendar day that must be there."""
        return self._required(key, self.find_day)

    def find_instant(self, key: str) -> datetime | None:
        """An instant in UTC. The offset is Pacific even for companies elsewhere, so it says nothing about their zone."""
        value = self.find_text(key)
        if value is None:
            return None
        try:
            instant = datetime.fromisoformat(value)
        except ValueError as error:
            raise self.fail(key, f"{value[:40]!r} is not a point in time") from error
        if instant.tzinfo is None:
            raise self.fail(key, f"{value[:40]!r} has no offset from UTC")
        return instant.astimezone(UTC)

    def find_row(self, key: str) -> Row | None:
        """A nested object."""
        value = self.data.get(key)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self.fail(key, f"is {_kind(value)}, not an object")
        return Row(value, self.at(key))

    def rows(self, key: str) -> Iterator[Row]:
        """The objects of a list; none when it is absent."""
        value = self.data.get(key)
        if value is None:
            return
        if not isinstance(value, list):
            raise self.fail(key, f"is {_kind(value)}, not a list")
        for index, item in enumerate(value):
            where = f"{self.at(key)}[{index}]"
            if not isinstance(item, Mapping):
                raise Unreadable(where, f"is {_kind(item)}, not an object")
            yield Row(item, where)

    def find_ref(self, key: str) -> str | None:
        """The id of a reference. Its name is only the name at query time and never used to match."""
        row = self.find_row(key)
        return row.find_text("value") if row else None

    def ref(self, key: str) -> str:
        """A reference that must be there."""
        return self._required(key, self.find_ref)

    def find_in(self, key: str, inner: str) -> str | None:
        """Text of a field of a nested object."""
        row = self.find_row(key)
        return row.find_text(inner) if row else None

    def _required(self, key: str, read: Callable[[str], T | None]) -> T:
        value = read(key)
        if value is None:
            raise self.fail(key, "is missing")
        return value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "true or false", dict: "an object", list: "a list", str: "text"}
    return names.get(type(value), "a number")
