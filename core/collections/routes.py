"""The ways to collect a late claim and what each costs: rate cards, courts, and the tables they are read from.

Figures come from `data/economics.toml` and `data/small_claims.toml`, each with its source and mostly unconfirmed; a file of the
user's own replaces single tables or rows. Percentages and amounts are decimal text and stay exact.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache

import msgspec

from core.collections.agencies import AgencySettings
from core.collections.clocks_table import read_toml, shipped_text
from core.collections.recovery import Curve
from core.errors import ConfigError
from core.money import Money


class Route(StrEnum):
    """A way to go on with a claim."""

    AGENCY = "agency"
    ATTORNEY = "attorney"
    SMALL_CLAIMS = "small_claims"
    PLAN = "plan"
    WRITE_OFF = "write_off"


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"least": "from"}):
    """One row of a rate card: the percent kept of what is recovered, from an age and a claimed amount (major units) on."""

    percent: Decimal
    age_from: int = 0
    least: Decimal = Decimal(0)
    legal: Decimal | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCard:
    """An agency's rates; the first row that fits counts. `laws` are where it may collect (US, TX, US-TX), empty: not said."""

    agency: str
    rates: tuple[Rate, ...]
    confirmed: bool = True
    laws: frozenset[str] = frozenset()

    def rate(self, days_past_due: int, claimed: Money) -> Rate | None:
        """The row for a claim of that age and size; None where the card has none."""
        fits = (row for row in self.rates if max(days_past_due, 0) >= row.age_from and claimed.decimal >= row.least)
        return next(fits, None)

    def percent(self, days_past_due: int, claimed: Money, *, legal: bool = False) -> Decimal | None:
        """What it keeps, in percent; its legal percentage once a lawyer or court is needed."""
        row = self.rate(days_past_due, claimed)
        if row is None:
            return None
        return row.legal if legal and row.legal is not None else row.percent

    def covers(self, law: str | None) -> bool:
        """May it collect there, as far as anybody said?"""
        country, _, region = (law or "").partition("-")
        return not self.laws or law is None or bool(self.laws & {law, country, region})


def card_of(agency: AgencySettings) -> RateCard:
    """The rate card of an agency you named; without rates of its own it has none, and is not compared."""
    rates = tuple(
        Rate(percent=row.percent, age_from=row.age_from, least=row.amount_from, legal=row.legal) for row in agency.rates
    )
    return RateCard(agency=agency.name, rates=rates, laws=frozenset(item.upper() for item in agency.licensed_in))


class _Curve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    points: tuple[tuple[Decimal, Decimal], ...]
    source: str = ""
    confirmed: bool = False


class _Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    weight: int
    fewest: int


class _Agency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rates: tuple[Rate, ...]
    sensitivity: tuple[Decimal, ...] = ()
    confirmed: bool = False


class _Attorney(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    percent: Decimal
    costs: Decimal
    fewest_cases: int
    source: str = ""
    confirmed: bool = False


class _Court(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    costs: Decimal
    hours: Decimal
    hourly: Decimal
    recovers: Decimal
    source: str = ""
    confirmed: bool = False


class _Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kept: Decimal
    hours: Decimal
    hourly: Decimal
    source: str = ""
    confirmed: bool = False


class _WriteOff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    least_net: Decimal
    source: str = ""
    confirmed: bool = False


class Tariff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All figures the economics rest on. Amounts are in major units of the claim's currency."""

    curve: _Curve
    own: _Own
    agency: _Agency
    attorney: _Attorney
    small_claims: _Court
    plan: _Plan
    write_off: _WriteOff

    @property
    def recovery(self) -> Curve:
        """The published recovery curve."""
        return Curve(points=self.curve.points)

    @property
    def typical(self) -> RateCard:
        """A card for an agency that has none of its own."""
        return RateCard(agency="a typical agency", rates=self.agency.rates, confirmed=self.agency.confirmed)


class _CourtRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"first": "from", "last": "until"}):
    law: str
    limit: str
    first: date | None = None
    last: date | None = None
    source: tuple[str, ...] = ()
    confirmed: bool = False
    checked_by: str = ""
    checked_on: date | None = None
    note: str = ""


class _CourtPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    court: tuple[_CourtRow, ...]
    gathered_on: date | None = None
    sources: dict[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CourtLimit:
    """The largest claim a small-claims court takes, in a span of days (None: not known since or until when), and who says so."""

    law: str
    limit: Money
    confirmed: bool
    first: date | None = None
    last: date | None = None
    source: str = ""
    note: str = ""

    def holds(self, on: date) -> bool:
        """Is it the limit on that day, as far as anybody said?"""
        return (self.first is None or on >= self.first) and (self.last is None or on <= self.last)

    @property
    def words(self) -> str:
        """The limit with its source, and that nobody confirmed it."""
        since = f" since {self.first}" if self.first else ""
        told = ", ".join(filter(None, (self.source, self.note, "" if self.confirmed else "unconfirmed")))
        return f"{self.limit}{since}{f' ({told})' if told else ''}"


def read_tariff(text: str, where: str, *, own: str | None = None, own_where: str = "") -> Tariff:
    """The tariff, with tables of the user's `own` text in place of those here. ConfigError names what is wrong."""
    tables = _tables(text, where)
    if own is not None:
        tables |= _tables(own, own_where)
    try:
        made = msgspec.convert(tables, Tariff)
    except msgspec.ValidationError as error:
        raise ConfigError([f"{own_where or where}: {error}"], source=own_where or where) from None
    problems = [f"{own_where or where}: {problem}" for problem in _faults(made)]
    if problems:
        raise ConfigError(problems, source=own_where or where)
    return made


def _tables(text: str, where: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{where}: is not valid TOML: {error}"], source=where) from None


def _faults(tariff: Tariff) -> list[str]:
    shares = (tariff.small_claims.recovers, tariff.plan.kept)
    percents = [row.percent for row in tariff.agency.rates] + [tariff.attorney.percent, *tariff.agency.sensitivity]
    found = tariff.recovery.problems()
    if any(not 0 <= share <= 1 for share in shares):
        found.append("shares are between 0 and 1")
    if any(not 0 <= percent <= 100 for percent in percents) or not tariff.agency.rates:
        found.append("percentages are between 0 and 100, and an agency has one row of rates at least")
    return found


Courts = Mapping[str, tuple[CourtLimit, ...]]


def read_courts(text: str, where: str) -> Courts:
    """Court limits by law, dated ones beside each other. ConfigError names a row that cannot be read."""
    page: _CourtPage = read_toml(text, _CourtPage, where)
    found: dict[str, tuple[CourtLimit, ...]] = {}
    for row in page.court:
        found[row.law] = (*found.get(row.law, ()), _court(row, page, where))
    return found


def _court(row: _CourtRow, page: _CourtPage, where: str) -> CourtLimit:
    amount, _, currency = row.limit.partition(" ")
    try:
        limit = Money.parse(amount, currency)
    except (ValueError, InvalidOperation):
        raise ConfigError([f'{where}: {row.law}: write the limit as "10000 USD"'], source=where) from None
    told = "; ".join(page.sources.get(key, key) for key in row.source)
    dated = row.first or row.last or row.checked_on or page.gathered_on is None
    source = told if dated else f"{told}, as of {page.gathered_on}".removeprefix(", ")
    if row.checked_by:
        source = f"checked by {row.checked_by} on {row.checked_on or 'an unknown day'}"
    return CourtLimit(
        law=row.law, limit=limit, confirmed=row.confirmed, first=row.first, last=row.last, source=source, note=row.note
    )


@cache
def shipped_tariff() -> Tariff:
    """The tariff that comes with duesync."""
    return read_tariff(shipped_text("economics.toml"), "economics.toml")


@cache
def shipped_courts() -> Courts:
    """The court limits that come with duesync."""
    return read_courts(shipped_text("small_claims.toml"), "small_claims.toml")
