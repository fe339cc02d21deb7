"""The sandbox's reading of list parameters: conditions, orderBy, fields. Written from the vendor's guide (brief 1.4), pure.

Grammar: comparisons joined by and/or with parentheses; `= != < <= > >= contains like in`, each of the words also with `not`;
strings in either quote, `*` and `%` wild in `like`, instants in brackets, True/False, null, numbers; `a/b` reaches into
references.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.connectwise.sandbox_fields import NESTED, PLAIN

Doc = dict[str, Any]
Test = Callable[[Mapping[str, Any]], bool]
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<at>\[[^\]]*\])|(?P<sign><=|>=|!=|=|<|>)|(?P<mark>[(),])"""
    r"""|(?P<number>-?\d+(?:\.\d+)?)(?![\w/])|(?P<word>[A-Za-z_][\w/]*))"""
)
_BARE = {"lastUpdated": "_info/lastUpdated", "dateEntered": "_info/dateEntered", "updatedBy": "_info/updatedBy"}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda have, want: bool(have == want),
    "!=": lambda have, want: bool(have != want),
    "<": lambda have, want: have is not None and bool(have < want),
    "<=": lambda have, want: have is not None and bool(have <= want),
    ">": lambda have, want: have is not None and bool(have > want),
    ">=": lambda have, want: have is not None and bool(have >= want),
}


class BadCondition(Exception):
    """The server says 400 with `code` and this message."""

    def __init__(self, message: str, code: str = "ApiFindCondition") -> None:
        super().__init__(message)
        self.code = code


class Conditions:
    """One parse of a `conditions` text for an entity. `shift` makes the server read instants in its local time (brief 1.9)."""

    def __init__(
        self, text: str, entity: str, *, shift: timedelta = timedelta(), unfilterable: frozenset[str] = frozenset()
    ) -> None:
        self._entity = entity
        self._shift = shift
        self._unfilterable = unfilterable
        self._lexemes = _lexemes(text)
        self._at = 0

    def test(self) -> Test:
        """The predicate; BadCondition when the text is none."""
        if not self._lexemes:
            return lambda _: True
        found = self._either()
        if self._at != len(self._lexemes):
            raise BadCondition("Expected operator.")
        return found

    def _peek(self) -> str:
        return self._lexemes[self._at][1].lower() if self._at < len(self._lexemes) else ""

    def _take(self) -> tuple[str, str]:
        if self._at >= len(self._lexemes):
            raise BadCondition("Condition is incomplete.")
        self._at += 1
        return self._lexemes[self._at - 1]

    def _either(self) -> Test:
        parts = [self._both()]
        while self._peek() == "or":
            self._take()
            parts.append(self._both())
        return lambda doc: any(part(doc) for part in parts)

    def _both(self) -> Test:
        parts = [self._one()]
        while self._peek() == "and":
            self._take()
            parts.append(self._one())
        return lambda doc: all(part(doc) for part in parts)

    def _one(self) -> Test:
        kind, lexeme = self._take()
        if kind == "mark" and lexeme == "(":
            inside = self._either()
            if self._take()[1] != ")":
                raise BadCondition("Missing closing parenthesis.")
            return inside
        if kind != "word":
            raise BadCondition(f"{lexeme} is not a recognized name.")
        path = self._path(lexeme)
        return self._comparison(path)

    def _path(self, name: str) -> str:
        head = name.partition("/")[0]
        plain, nested = PLAIN[self._entity], NESTED[self._entity]
        if name in self._unfilterable:
            raise BadCondition(f"{name} is not a recognized name.")
        if name in _BARE and name not in plain:
            return _BARE[name]
        known = name in plain or (head in nested and ("/" in name or head == name)) or head == "_info"
        if not known:
            raise BadCondition(f"{name} is not a recognized name.")
        return name

    def _comparison(self, path: str) -> Test:
        kind, operator = self._take()
        negated = operator.lower() == "not"
        if negated:
            kind, operator = self._take()
        word = operator.lower()
        if kind == "sign" and not negated:
            compare, want = _ORDER[operator], self._value()
            return lambda doc: _compared(reach(doc, path), want, compare)
        if word == "in":
            wanted = self._list()
            return lambda doc: (_alike(reach(doc, path), wanted)) != negated
        if word in ("like", "contains"):
            pattern = _pattern(str(self._value()), whole=word == "like")
            return lambda doc: bool(pattern.search(str(reach(doc, path) or ""))) != negated
        raise BadCondition(f"{operator} is not a recognized operator.")

    def _list(self) -> list[Any]:
        if self._take()[1] != "(":
            raise BadCondition("Expected ( after in.")
        found = [self._value()]
        while self._peek() == ",":
            self._take()
            found.append(self._value())
        if self._take()[1] != ")":
            raise BadCondition("Expected ) after in.")
        return found

    def _value(self) -> Any:
        kind, lexeme = self._take()
        if kind == "text":
            return lexeme[1:-1]
        if kind == "number":
            return Decimal(lexeme)
        if kind == "at":
            return self._instant(lexeme)
        named = {"true": True, "false": False, "null": None}
        if kind == "word" and lexeme.lower() in named:
            return named[lexeme.lower()]
        raise BadCondition(f"{lexeme} is not a recognized value.")

    def _instant(self, lexeme: str) -> datetime:
        found = instant_of(lexeme[1:-1])
        if found is None:
            raise BadCondition(f"{lexeme} is not a valid date.")
        return found + self._shift


def _lexemes(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadCondition(f"String was not recognized at position {at}.")
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    return found


def _pattern(text: str, *, whole: bool) -> re.Pattern[str]:
    """`like` with its wildcards, `[[]` standing for a bracket; `contains` is plain. Case is ignored, as SQL Server does."""
    if not whole:
        return re.compile(re.escape(text), re.IGNORECASE)
    plain = text.replace("[[]", "[")
    inner = "".join(".*" if char in "*%" else re.escape(char) for char in plain)
    return re.compile(f"^{inner}$", re.IGNORECASE | re.DOTALL)


def instant_of(text: str) -> datetime | None:
    """An ISO instant or day as an aware instant; None for anything else."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)


def reach(doc: Mapping[str, Any], path: str) -> Any:
    """The value at "a/b" of a row; None where a part is missing."""
    value: Any = doc
    for part in path.split("/"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _compared(have: Any, want: Any, compare: Callable[[Any, Any], bool]) -> bool:
    if isinstance(want, datetime) and isinstance(have, str):
        have = instant_of(have)
    if isinstance(have, str) and isinstance(want, str):
        have, want = have.lower(), want.lower()
    if isinstance(want, Decimal) and isinstance(have, int | float):
        have = Decimal(str(have))
    try:
        return compare(have, want)
    except TypeError as error:
        raise BadCondition("The value does not fit the field's type.") from error


def _alike(have: Any, wanted: list[Any]) -> bool:
    return any(_compared(have, want, _ORDER["="]) for want in wanted)


def sort_key(order: str, entity: str) -> tuple[str, bool]:
    """(path, descending) of an orderBy; BadCondition for a name the entity lacks."""
    name, _, direction = order.strip().partition(" ")
    if name not in PLAIN[entity] and name not in _BARE and name.split("/")[0] not in (NESTED[entity] | {"_info"}):
        raise BadCondition(f"{name} is not a recognized name.")
    path = _BARE[name] if name in _BARE and name not in PLAIN[entity] else name
    return path, direction.strip().lower() == "desc"


def sorted_rows(rows: list[Doc], order: str | None, entity: str) -> list[Doc]:
    """Rows in the order asked for, by id without one and between equals."""
    by_id = sorted(rows, key=lambda doc: int(doc["id"]))
    if not order:
        return by_id
    path, descending = sort_key(order, entity)

    def key(doc: Doc) -> tuple[bool, Any]:
        value = reach(doc, path)
        return value is not None, value if value is not None else 0

    return sorted(by_id, key=key, reverse=descending)


def projected(doc: Doc, fields: str | None) -> Doc:
    """Only the fields asked for; unknown names are silently ignored, and `_info` goes unless named (brief 1.4)."""
    if not fields:
        return doc
    result: Doc = {}
    for name in (item.strip() for item in fields.split(",")):
        head, *rest = name.split("/")
        if head not in doc:
            continue
        if not rest:
            result[head] = doc[head]
        elif isinstance(doc[head], dict) and rest[0] in doc[head]:
            result.setdefault(head, {})[rest[0]] = doc[head][rest[0]]
    return result
