"""Reading one row's cells as what they should be. A cell that is not raises BadCell with its place and what is wrong. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

from connectors.csvfiles.words import plain
from core.money import Money, MoneyError, check_currency
from core.records import Ref

Meaning = TypeVar("Meaning")

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?(?:Z|[+-]\d\d(?::?\d\d)?))?)?", re.ASCII)
_AMOUNT = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_YEARS = range(1900, 2200)  # outside of it a year is a typing mistake
LONGEST_REF = 200  # characters


class BadCell(ValueError):
    """One cell that cannot be read. `column` is None when the row as a whole is wrong."""

    def __init__(self, column: str | None, problem: str) -> None:
        super().__init__(problem)
        self.column = column
        self.problem = problem


class Cells:
    """The cells of one row by column. Empty and missing ones are the same."""

    __slots__ = ("_cells", "_zone")

    def __init__(self, cells: Mapping[str, str], zone: ZoneInfo) -> None:
        self._cells = cells
        self._zone = zone

    def text(self, column: str) -> str | None:
        """The text; None when empty."""
        return self._cells.get(column)

    def ref(self, column: str) -> Ref:
        """A ref that must be there."""
        found = self.find_ref(column)
        if found is None:
            raise BadCell(column, "is empty")
        return found

    def find_ref(self, column: str) -> Ref | None:
        """A ref; None when empty."""
        text = self._cells.get(column)
        if text is None:
            return None
        if len(text) > LONGEST_REF or not text.isprintable():
            raise BadCell(column, f"is not a ref: more than {LONGEST_REF} characters, or characters that do not print")
        return Ref(text)

    def currency(self, default: str) -> str:
        """The row's currency; `default` when empty."""
        text = self._cells.get("currency")
        if text is None:
            return default
        try:
            return check_currency(text)
        except MoneyError as error:
            raise BadCell("currency", str(error)) from error

    def find_money(self, column: str, currency: str) -> Money | None:
        """An amount, a plain decimal such as -1234.50; None when empty."""
        text = self._cells.get(column)
        if text is None:
            return None
        if not _AMOUNT.fullmatch(text):
            raise BadCell(column, f"{text[:40]!r} is not a plain amount such as 1234.50")
        try:
            return Money.parse(text, currency)
        except MoneyError as error:
            raise BadCell(column, str(error)) from error

    def money(self, column: str, currency: str, *, negative: bool = False) -> Money:
        """An amount that must be there, and must not be negative unless `negative`."""
        found = self.find_money(column, currency)
        if found is None:
            raise BadCell(column, "is empty")
        if found.minor < 0 and not negative:
            raise BadCell(column, f"{found} is negative")
        return found

    def day(self, column: str) -> date:
        """A day that must be there."""
        found = self.find_day(column)
        if found is None:
            raise BadCell(column, "is empty")
        return found

    def find_day(self, column: str) -> date | None:
        """A day as YYYY-MM-DD; None when empty. Other orders are not guessed: 05/06 is May or June."""
        text = self._cells.get(column)
        if text is None:
            return None
        found = _day(text)
        if found is None:
            raise BadCell(column, f"{text[:40]!r} is not a date as YYYY-MM-DD")
        return found

    def find_instant(self, column: str) -> datetime | None:
        """An instant in ISO 8601 as UTC; None when empty. Without an offset it is taken in the organisation's zone."""
        text = self._cells.get(column)
        if text is None:
            return None
        try:
            if not _INSTANT.fullmatch(text):
                raise ValueError(text)
            found = datetime.fromisoformat(text.replace(" Z", "Z").replace(" +", "+").replace(" -", "-"))
            if found.year not in _YEARS:
                raise ValueError(text)
        except ValueError:
            raise BadCell(column, f"{text[:40]!r} is not a date and time as YYYY-MM-DDTHH:MM:SS+00:00") from None
        return (found if found.tzinfo else found.replace(tzinfo=self._zone)).astimezone(UTC)

    def find_word(self, column: str, meanings: Mapping[str, Meaning]) -> Meaning | None:
        """What a word means; None when empty."""
        text = self._cells.get(column)
        if text is None:
            return None
        found = meanings.get(plain(text))
        if found is None:
            raise BadCell(column, f"{text[:40]!r} is not a {column} duesync knows")
        return found

    def find_zone(self, column: str) -> str | None:
        """An IANA time zone; None when empty."""
        text = self._cells.get(column)
        if text is not None and text not in _zones():
            raise BadCell(column, f"{text[:40]!r} is not a time zone such as Europe/Berlin")
        return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=10_000)
def _day(text: str) -> date | None:
    if not _DAY.fullmatch(text):
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in _YEARS else None
