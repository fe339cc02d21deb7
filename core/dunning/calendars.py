"""Days on which clients may be written to, and hours: in the client's own zone and country.

Holidays and weekends come from the `holidays` library; a country it does not know has Saturdays and Sundays free. Hours are the
policy's (product notes F.3: 8-21 local for calls, business hours for mail).
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from core.books import AccountBooks
from core.dunning.policy import Policy
from core.messages.letter import Organisation

if TYPE_CHECKING:
    import holidays

_WEEKEND = frozenset({5, 6})
_LOOK_AHEAD = 60  # days; no country closes for longer
_KNOWN_YEARS = range(1990, 2101)  # years whose holidays are asked for; others have weekends only
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(8999, 12, 31)  # dates beyond are somebody's "never", not days to count from


@lru_cache(maxsize=256)
def _calendar(country: str, region: str | None, year: int) -> holidays.HolidayBase | None:
    import holidays  # knows the calendars of the world: only who asks for a day waits for them

    for subdivision in (region, None):
        try:
            return holidays.country_holidays(country, subdiv=subdivision, years=year)
        except (NotImplementedError, KeyError, ValueError):
            continue
    return None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client is: an IANA zone, a two-letter country and perhaps a state or province."""

    zone: str
    country: str
    region: str | None = None

    def today(self, now: datetime) -> date:
        """The calendar day at `now` where the client is."""
        return now.astimezone(ZoneInfo(self.zone)).date()

    def at(self, day: date, hour: int) -> datetime:
        """The instant at which `hour` (0-24) of `day` begins there, in UTC."""
        plain = datetime.combine(day + timedelta(days=hour // 24), time(hour % 24))
        return plain.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def is_business_day(self, day: date) -> bool:
        """Neither weekend nor public holiday there."""
        calendar = _calendar(self.country, self.region, day.year) if day.year in _KNOWN_YEARS else None
        if calendar is None:
            return day.weekday() not in _WEEKEND
        return day.weekday() not in calendar.weekend and day not in calendar

    def next_business_day(self, day: date) -> date:
        """The first business day after `day`."""
        return self.add_business_days(day, 1)

    def last_day_of_silence(self, day: date) -> date:
        """The last day before the first business day after `day`: what is awaited by `day` is asked about after that."""
        return self.next_business_day(day) - timedelta(days=1) if is_real_day(day) else day

    def add_business_days(self, day: date, count: int) -> date:
        """The `count`-th business day after `day`; `day` itself for none, and for a date that only means "never"."""
        if not is_real_day(day):
            return day
        for _ in range(count):
            for ahead in range(1, _LOOK_AHEAD):
                if self.is_business_day(day + timedelta(days=ahead)):
                    day += timedelta(days=ahead)
                    break
        return day


def is_real_day(day: date) -> bool:
    """Can days be counted from it, or is it a stand-in for "never" such as 9999-12-31?"""
    return FIRST_DAY <= day <= LAST_DAY


def known_zone(name: str | None) -> bool:
    """Is `name` a time zone this machine knows?"""
    try:
        return bool(name) and ZoneInfo(str(name)) is not None
    except (KeyError, ValueError, OSError):
        return False


def place_of(books: AccountBooks, organisation: Organisation) -> Place:
    """Where a client is: what its party records say, the ledger's first, else where the organisation is."""
    parties = sorted(books.parties, key=lambda item: (item.connection not in books.ledger_connections, item.connection, item.ref))
    zone = next((item.timezone for item in parties if item.timezone and known_zone(item.timezone)), organisation.timezone)
    located = next((item for item in parties if item.country and len(item.country) == 2), None)
    if located is None or located.country is None:
        return Place(zone=zone, country=organisation.country.upper(), region=organisation.region)
    return Place(zone=zone, country=located.country.upper(), region=located.region)


def open_window(now: datetime, place: Place, policy: Policy) -> datetime | None:
    """When a message may leave today: `now` or later the same day; None where today is not a day for it at all.

    After the last hour it is the first hour of the next allowed day: the message is decided today and waits for the morning.
    """
    today = place.today(now)
    if not allowed_day(today, place, policy):
        return None
    opens, closes = place.at(today, policy.first_hour), place.at(today, policy.last_hour)
    if now < opens:
        return opens
    return now if now < closes else place.at(next_allowed_day(today, place, policy), policy.first_hour)


def allowed_day(day: date, place: Place, policy: Policy) -> bool:
    """May a client be written to on `day`?"""
    return not policy.business_days or place.is_business_day(day)


def next_allowed_day(day: date, place: Place, policy: Policy) -> date:
    """The first day after `day` on which a client may be written to."""
    return place.next_business_day(day) if policy.business_days else day + timedelta(days=1)


def add_months(day: date, count: int) -> date:
    """The same day `count` months later, or the last of that month where it is shorter."""
    month = day.month - 1 + count
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
