"""Xero's dates: what the text of a date field means as an instant or as a calendar day.

Forms seen in the vendor's pages and recordings (requests-and-responses, "JSON dates"; dates-and-timestamps-explained):
`/Date(ms+hhmm)/` and `/Date(ms)/` with milliseconds since 1970 UTC, ISO text with or without zone, empty text and null. A
day is a day in the organisation: a non-zero offset is added before the time is dropped, never used to shift the day to UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JSON_DATE = re.compile(r"/Date\((?P<ms>-?\d{1,17})(?P<offset>[+-]\d{4})?\)/")


def parse_instant(text: str | None) -> datetime | None:
    """The instant, aware and UTC; None for null and empty text. Text without zone is UTC. ValueError when it is no date."""
    if not text:
        return None
    found = _JSON_DATE.fullmatch(text)
    if found is not None:
        return _since_epoch(int(found["ms"]))
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def parse_day(text: str | None, twin: str | None = None) -> date | None:
    """The calendar day of a date-only field. `twin` is its "…String" field, which says the day outright and wins."""
    if twin:
        try:
            return datetime.fromisoformat(twin).date()
        except ValueError:
            pass  # the number beside it still tells the day
    if not text:
        return None
    found = _JSON_DATE.fullmatch(text)
    if found is None:
        return datetime.fromisoformat(text).date()
    return (_since_epoch(int(found["ms"])) + _offset(found["offset"])).date()


def header_time(instant: datetime) -> str:
    """`instant` as If-Modified-Since wants it: UTC `yyyy-mm-ddThh:mm:ss`, no zone, no fraction (requests-and-responses)."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _since_epoch(milliseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError as error:
        raise ValueError(f"{milliseconds} ms is no date") from error


def _offset(text: str | None) -> timedelta:
    if text is None:
        return timedelta(0)
    size = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    return -size if text[0] == "-" else size
