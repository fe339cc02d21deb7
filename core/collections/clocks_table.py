"""The table behind the clocks: how long a claim may be brought, by law, kind of contract and date. Data with its source.

`data/limits.toml` is shipped; a file of the user's own replaces single rows of it. Nearly every row is unconfirmed, and whoever
shows a date taken from it has to say so (product notes F.4: six of 51 states differ between tables).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

from core.errors import ConfigError

LimitKind = Literal["written", "open", "any", "deed", "goods", "consumer"]


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One row: `years` is the shortest period any source gives, `years_most` the longest. Days bound the row inclusively."""

    law: str
    kind: LimitKind
    years: int
    name: str = ""
    years_most: int | None = None
    accrued_from: date | None = None
    accrued_until: date | None = None
    signed_from: date | None = None
    signed_until: date | None = None
    ends_by: date | None = None
    starts: Literal["due", "year_end"] = "due"
    payment: Literal["yes", "no", "unknown"] = "unknown"
    acknowledgement: Literal["written", "any", "no", "unknown"] = "unknown"
    extinguishes: bool = False
    statute: str = ""
    source: tuple[str, ...] = ()
    confirmed: bool = False
    checked_by: str = ""
    checked_on: date | None = None
    note: str = ""

    @property
    def most(self) -> int:
        """The longest period any source gives, in years."""
        return self.years_most or self.years

    def holds_for(self, accrued_on: date, signed_on: date | None) -> bool:
        """May the row apply to a claim due then, from a contract signed then? An unknown day excludes nothing."""
        return _within(accrued_on, self.accrued_from, self.accrued_until) and (
            signed_on is None or _within(signed_on, self.signed_from, self.signed_until)
        )


def _within(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or day >= first) and (last is None or day <= last)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitTable:
    """All rows, the sources they name, and the day they were put together: a row without dates is taken as it stood then."""

    limits: tuple[Limit, ...]
    sources: Mapping[str, str]
    gathered_on: date | None = None

    def laws(self) -> dict[str, str]:
        """Every law the table knows, by code, with its name."""
        return {item.law: item.name for item in self.limits}

    def rows(self, law: str, kinds: Iterable[str]) -> tuple[Limit, ...]:
        """The rows of one law and of what its country has in common, of these kinds."""
        wanted = set(kinds)
        near = {law, law.partition("-")[0]}
        return tuple(item for item in self.limits if item.law in near and item.kind in wanted)

    def overlaid(self, own: LimitTable) -> LimitTable:
        """This table with `own` rows in place of all of the same law and kind here, and beside the others."""
        taken = {(item.law, item.kind) for item in own.limits}
        kept = (item for item in self.limits if (item.law, item.kind) not in taken)
        return LimitTable(limits=(*kept, *own.limits), sources={**self.sources, **own.sources}, gathered_on=self.gathered_on)


class _Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: tuple[Limit, ...]
    gathered_on: date | None = None
    sources: dict[str, str] = {}


def read_toml(text: str, model: type[Any], where: str) -> Any:
    """Text of a data file as `model`; ConfigError names the file and what is wrong in it."""
    try:
        return msgspec.convert(tomllib.loads(text), model)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError([f"{where}: {error}"], source=where) from None


def shipped_text(name: str) -> str:
    """The text of a data file that comes with duesync."""
    return files("core.collections").joinpath("data", name).read_text(encoding="utf-8")


def read_limits(text: str, where: str) -> LimitTable:
    """A table from TOML. ConfigError for unknown keys, wrong values, years outside 1-30 and spans that end before they begin."""
    page: _Page = read_toml(text, _Page, where)
    problems = [f"{where}: limit {number}: {problem}" for number, item in enumerate(page.limit, 1) if (problem := _fault(item))]
    if problems:
        raise ConfigError(problems, source=where)
    return LimitTable(limits=page.limit, sources=page.sources, gathered_on=page.gathered_on)


def _fault(item: Limit) -> str:
    if not 1 <= item.years <= 30 or item.most < item.years or item.most > 30:
        return f"{item.law}: years are 1 to 30, and years_most is not less than years"
    spans = ((item.accrued_from, item.accrued_until), (item.signed_from, item.signed_until))
    if any(first and last and last < first for first, last in spans):
        return f"{item.law}: a span ends before it begins"
    return "" if item.law.replace("-", "").isalnum() and item.law.isupper() else f'"{item.law}" is not a law code such as US-TX'


@cache
def shipped_limits() -> LimitTable:
    """The table that comes with duesync."""
    return read_limits(shipped_text("limits.toml"), "limits.toml")
