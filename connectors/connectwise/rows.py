"""Reading one ConnectWise row: fields by path, exact amounts, dates that never shift. Decides what cannot be read and why.

Null fields are left out of answers (brief 1.11, live), so absent and null are the same here. Text may hold NUL and U+200E
(brief case 21); both are dropped before anything is compared. Raises Unreadable with the path a person can find, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from core.money import Money, MoneyError, exponent
from core.records import Ref

Row = Mapping[str, Any]

# The time API once wrote 1900-01-01 (brief case 19); no MSP has invoices before 1990 or promises beyond 2200.
EARLIEST, LATEST = date(1990, 1, 1), date(2200, 1, 1)
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.\d{1,7})?(Z|[+-]\d\d:\d\d)?)?")
_INVISIBLE = dict.fromkeys(map(ord, "\x00\u200e\u200f\ufeff"))


_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encode(value: Any) -> bytes:
    """JSON with every Decimal as the number it is: amounts leave as exactly as they came."""
    return _ENCODER.encode(value)


class Unreadable(ValueError):
    """A field that cannot be read: `where` is its path in the row, `problem` what is wrong with it."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


def find(row: Row, path: str) -> Any:
    """The value at "a.b.c", or None where any part is absent."""
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def text(row: Row, path: str) -> str | None:
    """Trimmed text without invisible characters; None when absent or empty. Unreadable when it is not text."""
    value = find(row, path)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Unreadable(path, f"is {type(value).__name__}, not text")
    return value.translate(_INVISIBLE).strip() or None


def get_text(row: Row, path: str) -> str:
    """Text that must be there."""
    value = text(row, path)
    if value is None:
        raise Unreadable(path, "is missing")
    return value


def find_id(row: Row, path: str) -> int | None:
    """The integer id at `path`; None when absent. Zero stands for "none" in references, so it is None too."""
    value = find(row, path)
    if value is None or value == 0:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Unreadable(path, f"{value!r} is not an id")
    return value


def get_id(row: Row, path: str) -> int:
    """The id at `path`, which must be there."""
    value = find_id(row, path)
    if value is None:
        raise Unreadable(path, "is missing")
    return value


def find_ref(row: Row, path: str) -> Ref | None:
    """The id at `path` as a ref."""
    value = find_id(row, path)
    return None if value is None else Ref(str(value))


def flag(row: Row, path: str, *, default: bool = False) -> bool:
    """A boolean; `default` when absent. The strings "True" and "False" are booleans too (brief 1.1)."""
    value = find(row, path)
    if value is None:
        return default
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise Unreadable(path, f"{value!r} is neither true nor false")
    return value


def number(row: Row, path: str) -> Decimal | None:
    """A plain number, exact; None when absent."""
    value = find(row, path)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Unreadable(path, f"{value!r} is not a number")
    return Decimal(value)


def money(row: Row, path: str, currency: str) -> Money | None:
    """An amount, rounded half up: ConnectWise sends doubles, also 4546628.64 in a currency without decimals (brief 1.11)."""
    value = number(row, path)
    if value is None:
        return None
    try:
        return Money.parse(value.quantize(Decimal(1).scaleb(-exponent(currency)), ROUND_HALF_UP), currency)
    except (MoneyError, InvalidOperation) as error:
        raise Unreadable(path, str(error) or f"{value} is not an amount") from error


def get_money(row: Row, path: str, currency: str) -> Money:
    """An amount that must be there."""
    value = money(row, path, currency)
    if value is None:
        raise Unreadable(path, "is missing")
    return value


def read_instant(value: str) -> datetime | None:
    """An ISO instant in UTC; None for anything else. Text dates such as 03/04/2026 are never parsed by guess (brief case 22).

    Blanks inside are dropped: old answers hold "2015-12-24T22: 08: 22Z". Without a zone it is UTC (brief 1.9). An
    implausible year is none either: shifting it to another zone may leave the calendar.
    """
    match = _ISO.fullmatch("".join(value.split()))
    if match is None or match[4] is None or not EARLIEST.year <= int(match[1]) <= LATEST.year:
        return None
    try:
        found = datetime.fromisoformat(f"{match[1]}-{match[2]}-{match[3]}T{match[4]}:{match[5]}:{match[6]}{match[7] or 'Z'}")
    except ValueError:
        return None
    return found.astimezone(UTC)


def instant(row: Row, path: str) -> datetime | None:
    """The instant at `path`; None when absent or not an ISO instant."""
    value = text(row, path)
    return None if value is None else read_instant(value)


def read_day(value: str, zone: str) -> date | None:
    """The calendar day that `value` means; None when it is not ISO.

    Midnight Z is a calendar date and never shifted (brief 1.9, live). Any other time is an instant, and means its day in `zone`.
    """
    match = _ISO.fullmatch("".join(value.split()))
    if match is None:
        return None
    if match[4] is None or (match[4], match[5], match[6]) == ("00", "00", "00"):
        try:
            return date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            return None
    at = read_instant(value)
    return None if at is None else at.astimezone(ZoneInfo(zone)).date()


def day(row: Row, path: str, zone: str) -> date | None:
    """The day at `path`; None when absent. Unreadable when it is no date or an implausible one."""
    value = text(row, path)
    if value is None:
        return None
    found = read_day(value, zone)
    if found is None:
        raise Unreadable(path, f"{value[:30]!r} is not a date")
    if not EARLIEST <= found <= LATEST:
        raise Unreadable(path, f"{found} is not a plausible date")
    return found


def get_day(row: Row, path: str, zone: str) -> date:
    """A day that must be there."""
    found = day(row, path, zone)
    if found is None:
        raise Unreadable(path, "is missing")
    return found


def choice(row: Row, path: str, known: frozenset[str]) -> str | None:
    """One of the values the vendor documents; None when absent, Unreadable for one nobody knows."""
    value = text(row, path)
    if value is not None and value not in known:
        raise Unreadable(path, f"{value[:40]!r} is a value this release does not know")
    return value
