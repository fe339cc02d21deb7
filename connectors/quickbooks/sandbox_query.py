"""The sandbox's query language: the subset of SQL that Intuit documents under "Data queries", with its errors.

`SELECT * | COUNT(*) FROM Entity [WHERE a AND b] [ORDERBY prop [ASC|DESC]] [STARTPOSITION n] [MAXRESULTS n]`; no OR, no joins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.quickbooks.sandbox_wire import Refusal

LARGEST_PAGE = 1000
DEFAULT_PAGE = 100
# Not marked filterable in Intuit's attribute tables; asking for them is answered with 4001.
_NOT_QUERYABLE = frozenset({"privatenote", "unappliedamt", "linkedtxn", "emailstatus", "line", "customfield", "deliveryinfo"})
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:\\.|[^'\\])*')|(?P<word>[A-Za-z0-9_.*:+\-]+(?:\(\*\))?)|(?P<sign><=|>=|!=|[=<>(),]))"""
)
_OPERATORS = frozenset({"=", "<", ">", "<=", ">=", "in", "like"})


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of the WHERE clause; `values` has several entries only for IN."""

    prop: str
    operator: str
    values: tuple[str, ...]


@dataclass(slots=True)
class Query:
    """A parsed statement. `start` is 1-based."""

    entity: str
    count: bool = False
    conditions: list[Condition] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)
    start: int = 1
    size: int = DEFAULT_PAGE


def parse(statement: str) -> Query:
    """The statement, or Refusal 4000 (not parseable) or 4001 (parseable, but not allowed)."""
    return _Parser(statement).parse()


class _Parser:
    def __init__(self, statement: str) -> None:
        self._tokens = self._split(statement)
        self._at = 0

    def _split(self, statement: str) -> list[str]:
        tokens, at, text = [], 0, statement.strip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._error(f"Encountered {text[at : at + 10]!r} at position {at}")
            tokens.append(match.group().strip())
            at = match.end()
        return tokens

    @staticmethod
    def _error(detail: str) -> Refusal:
        return Refusal("4000", "Error parsing query", f"QueryParserError: {detail}")

    def _peek(self) -> str:
        return self._tokens[self._at].lower() if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        if self._at >= len(self._tokens):
            raise self._error("unexpected end of the statement")
        self._at += 1
        return self._tokens[self._at - 1]

    def _accept(self, *words: str) -> bool:
        if [token.lower() for token in self._tokens[self._at : self._at + len(words)]] != list(words):
            return False
        self._at += len(words)
        return True

    def parse(self) -> Query:
        if not self._accept("select"):
            raise self._error("a query begins with SELECT")
        projection = self._projection()
        query = Query(entity=self._take(), count="count(*)" in projection)
        if self._accept("where"):
            query.conditions.append(self._condition())
            while self._accept("and"):
                query.conditions.append(self._condition())
        if self._accept("orderby") or self._accept("order", "by"):
            query.order = self._ordering()
        self._window(query)
        if self._at < len(self._tokens):
            raise self._error(f"Encountered {self._tokens[self._at]!r}")
        return query

    def _projection(self) -> list[str]:
        found = []
        while not self._accept("from"):
            found.append(self._take().lower())
        return found

    def _condition(self) -> Condition:
        prop, operator = self._take(), self._take().lower()
        if operator not in _OPERATORS:
            raise self._error(f"operator {operator!r} is not supported")
        if prop.split(".")[0].lower() in _NOT_QUERYABLE:
            raise Refusal("4001", "Invalid query", f"QueryValidationError: property '{prop}' is not queryable")
        if operator != "in":
            return Condition(prop, operator, (_literal(self._take()),))
        values = []
        if self._take() != "(":
            raise self._error("IN needs a list")
        while True:
            values.append(_literal(self._take()))
            if self._take() == ")":
                return Condition(prop, operator, tuple(values))

    def _ordering(self) -> list[tuple[str, bool]]:
        order = []
        while True:
            prop = self._take()
            descending = self._accept("desc")
            if not descending:
                self._accept("asc")
            order.append((prop, descending))
            if not self._accept(","):
                return order

    def _window(self, query: Query) -> None:
        while self._peek() in ("startposition", "maxresults"):
            word, value = self._take().lower(), self._number(self._take())
            if word == "startposition":
                query.start = value
            else:
                query.size = value
        for value, most in ((query.start, None), (query.size, LARGEST_PAGE)):
            if value < 1:
                raise Refusal(
                    "4001", "Invalid query", f"QueryValidationError: value {value} is too small. Min allowed value is 1"
                )
            if most is not None and value > most:
                raise Refusal(
                    "4001", "Invalid query", f"QueryValidationError: value {value} is too large. Max allowed value is {most}"
                )

    def _number(self, text: str) -> int:
        if not text.lstrip("-").isdigit():
            raise self._error(f"{text!r} is not a number")
        return int(text)


def _literal(token: str) -> str:
    if token.startswith("'"):
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return token


def value_at(item: Mapping[str, Any], prop: str) -> Any:
    """The value of "MetaData.LastUpdatedTime" and the like, names in any case; a reference stands for its id."""
    value: Any = item
    for part in prop.split("."):
        if isinstance(value, list):  # AttachableRef: a list of one in everything seen
            value = value[0] if value else None
        if not isinstance(value, Mapping):
            return None
        value = next((inner for name, inner in value.items() if name.lower() == part.lower()), None)
    return value.get("value") if isinstance(value, Mapping) and "value" in value else value


def _comparable(value: Any, other: str) -> tuple[Any, Any] | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower(), other.lower()
    if isinstance(value, int | Decimal):
        try:
            return Decimal(value), Decimal(other)
        except InvalidOperation:
            return None
    try:
        if "T" in value:
            return datetime.fromisoformat(value), _instant(other)
    except ValueError:
        pass
    return str(value).lower(), other.lower()


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise Refusal("4001", "Invalid query", f"QueryValidationError: {text!r} has no time zone")
    return at


def _holds(item: Mapping[str, Any], condition: Condition) -> bool:
    value = value_at(item, condition.prop)
    return any(_compare(value, condition.operator, wanted) for wanted in condition.values)


def _compare(value: Any, operator: str, wanted: str) -> bool:
    pair = _comparable(value, wanted)
    if pair is None:
        return False
    left, right = pair
    if operator == "like":
        pattern = ".*".join(re.escape(part) for part in right.split("%"))
        return re.fullmatch(pattern, str(left), re.DOTALL) is not None
    answers = {"=": left == right, "in": left == right, "<": left < right, ">": left > right}
    return bool({**answers, "<=": left <= right, ">=": left >= right}[operator])


def _sort_key(item: Mapping[str, Any], prop: str) -> tuple[int, Any]:
    value = value_at(item, prop)
    if value is None:
        return (0, "")
    if isinstance(value, str) and "T" in value and prop.lower().endswith("time"):
        return (1, datetime.fromisoformat(value))
    if isinstance(value, str) and value.isdigit():
        return (1, Decimal(value))
    return (2, value.lower()) if isinstance(value, str) else (1, Decimal(value))


def select(query: Query, items: Iterable[Mapping[str, Any]], *, named: bool) -> Sequence[Mapping[str, Any]]:
    """Every match in order, not yet cut to the page. `named` entities hide what is inactive unless Active is asked for.

    Without ORDERBY the order is the one that was recorded (transactions by last change, newest first; names by name), which
    Intuit does not promise.
    """
    found = [item for item in items if all(_holds(item, condition) for condition in query.conditions)]
    if named and not any(condition.prop.lower() == "active" for condition in query.conditions):
        found = [item for item in found if item.get("Active", True)]
    order = query.order or ([("DisplayName", False), ("Name", False)] if named else [("MetaData.LastUpdatedTime", True)])
    for prop, descending in reversed(order):
        found.sort(key=lambda item, prop=prop: _sort_key(item, prop), reverse=descending)  # type: ignore[misc]
    return found
