"""Where a pull stands, as opaque text, and the statements that go on from there. Pure.

A listing walks an entity by time of last change, oldest first, and each page begins at the last row of the page before: a row
edited meanwhile moves to the end and is met again, a deleted one shows because that first row is not the expected one. Intuit
documents neither a default order nor `Id > n`, and plain offsets were seen to skip rows when data changes between pages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from core.records import Cursor

NAMED = frozenset({"Customer", "Account"})  # lists of names hide what is inactive unless asked
BEGINNING = "1970-01-01T00:00:00+00:00"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """In the middle of listing everything. `after` is the last change of the last row, `offset` how many rows of that very second
    were met, `last` the id of the last one; `begun_at` is the vendor's time of the first page. A `window` is not everything but
    what changed since some instant, where change data capture has too much to tell.
    """

    id: str
    begun_at: str
    after: str = BEGINNING
    offset: int = 0
    last: str = ""
    met: int = 0
    again: bool = False
    window: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtUp:
    """Everything up to `at` (vendor's time) is known; `listed_at` is when everything was last listed."""

    at: str
    listed_at: str


Position = Listing | CaughtUp


def window_again(end: Listing, begun: Listing | None) -> Listing | None:
    """Where the second kind of record of a stream begins, once its first is listed: at the beginning, or of the same window."""
    if begun is None or not begun.window:
        return None
    return Listing(id=begun.id, begun_at=end.begun_at, after=begun.after, window=True)


def encode(position: Position) -> Cursor:
    """The position as cursor text."""
    kind = "list" if isinstance(position, Listing) else "caught-up"
    return Cursor(json.dumps({"v": _VERSION, "kind": kind, **asdict(position)}, separators=(",", ":")))


def decode(cursor: Cursor | None) -> Position | None:
    """The position behind a cursor; None for no cursor and for one of another release, which means: list everything."""
    if cursor is None:
        return None
    try:
        data = json.loads(cursor)
        if data.pop("v") != _VERSION:
            return None
        kind = data.pop("kind")
        return Listing(**data) if kind == "list" else CaughtUp(**data)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def instant(text: str) -> datetime:
    """An instant of a position."""
    return datetime.fromisoformat(text)


def text(at: datetime) -> str:
    """An instant as a position keeps it and a statement writes it: whole seconds, UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def mark(at: datetime) -> str:
    """The vendor's time as a position remembers it: begun minutes, so that the same pull ends in the same cursor."""
    return text(at.replace(second=0, microsecond=0))


def conditions(entity: str, *given: str) -> str:
    """A WHERE clause; for lists of names with the inactive ones."""
    found = (["Active IN (true, false)"] if entity in NAMED else []) + [item for item in given if item]
    return f" WHERE {' AND '.join(found)}" if found else ""


def listing_page(entity: str, position: Listing, *, start: int, size: int) -> str:
    """The statement for `size` rows from the `start`-th (1-based) of those changed at or after `position.after`."""
    where = conditions(entity, f"MetaData.LastUpdatedTime >= '{position.after}'")
    order = "ORDERBY MetaData.LastUpdatedTime"
    return f"SELECT * FROM {entity}{where} {order} STARTPOSITION {start} MAXRESULTS {size}"  # noqa: S608 - names and instants of ours


def by_place(entity: str, *, start: int, size: int) -> str:
    """The statement for a page of a short list that hardly ever changes."""
    where = conditions(entity)
    return f"SELECT * FROM {entity}{where} ORDERBY Id STARTPOSITION {start} MAXRESULTS {size}"  # noqa: S608 - names of ours


def by_refs(entity: str, field: str, refs: Iterable[str], *, start: int = 1, size: int = 1000) -> str:
    """The statement for the rows whose `field` is one of `refs`."""
    quoted = ", ".join(f"'{ref.replace(chr(92), '').replace(chr(39), '')}'" for ref in refs)  # ids are digits: nothing is lost
    where = conditions(entity, f"{field} IN ({quoted})")
    return f"SELECT * FROM {entity}{where} ORDERBY Id STARTPOSITION {start} MAXRESULTS {size}"  # noqa: S608 - see above


def advance(position: Listing, rows: Iterable[tuple[str, datetime | None]], *, holes: int = 0, met: int) -> Listing:
    """The position after more `rows` (id and last change), of which `met` are met by now in all.

    `holes` are places of rows that cannot be read: they are stepped over by offset, and the next page cannot be checked against
    the row before it.
    """
    after, offset, last = position.after, position.offset, position.last
    for ref, at in rows:
        changed = text(at) if at else after
        offset = offset + 1 if changed == after else 1
        after, last = changed, ref
    return replace(position, after=after, offset=offset + holes, last="" if holes else last, met=met)


def notes_on(entity: str, ref: str, *, start: int, size: int) -> str:
    """The statement for the attachments of one object (Intuit's API reference, Attachable, "Query")."""
    digits = "".join(char for char in ref if char.isalnum())
    where = f"WHERE AttachableRef.EntityRef.type = '{entity}' AND AttachableRef.EntityRef.value = '{digits}'"
    return f"SELECT * FROM Attachable {where} STARTPOSITION {start} MAXRESULTS {size}"  # noqa: S608 - a name of ours, digits
