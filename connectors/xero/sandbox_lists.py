"""Reading lists in the sandbox: paging, order, `where`, If-Modified-Since, id lists, summaries (requests-and-responses page).

Without `page` a list comes whole, in summary form and without `pagination`; with it, at most `pageSize` (default 100, clamped to
1000) full rows. The default order is UpdatedDateUTC, then the id: rows that change while somebody pages move to the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.xero.sandbox_shapes import ID_FIELD, Doc, instant_of

PAGED = frozenset(ID_FIELD) - {"Accounts", "RepeatingInvoices"}
UNCHANGING = frozenset({"RepeatingInvoices"})  # lists that take no If-Modified-Since
MOST_IDS = 52  # 53 ids and more were answered with 404 (Xero-OpenAPI#534)
_SUMMARY_DROPS = {
    "Invoices": ("Payments", "HasAttachments", "LineItems", "CISDeduction"),
    "Contacts": ("Addresses", "Balances", "ContactGroups", "ContactPersons", "IsCustomer", "IsSupplier"),
}
_UNPAGED_DROPS = {
    "Invoices": ("LineItems",),
    "Contacts": ("ContactPersons", "ContactGroups", "Website", "Balances", "MergedToContactID"),
    "CreditNotes": ("LineItems",),
}


class BadQuery(Exception):
    """The `where` or `order` cannot be read; the text is the message."""


class HighVolume(Exception):
    """The tenant has too many rows for this request; the text is the list's name."""


class TooManyIds(Exception):
    """The query string is too long for the server in front of the API."""


Query = Mapping[str, str]


def read_list(table: str, docs: Iterable[Doc], query: Query, since: datetime | None, *, high_volume: int | None) -> Doc:
    """The rows asked for under the list's name, with `pagination` when `page` was given."""
    if any(len(query.get(name, "").split(",")) > MOST_IDS for name in ("IDs", "InvoiceNumbers", "ContactIDs")):
        raise TooManyIds
    rows = [doc for doc in docs if _wanted(table, doc, query)]
    if since is not None:
        rows = [doc for doc in rows if (instant_of(doc.get("UpdatedDateUTC")) or since) >= since]
    if where := query.get("where"):
        rows = list(filter(_condition(where), rows))
    if high_volume is not None and len(rows) > high_volume:
        raise HighVolume(table)
    rows = _ordered(table, rows, query.get("order"))
    summary = query.get("summaryOnly", "").lower() == "true"
    if table not in PAGED or not (query.get("page") or query.get("Statuses") or summary):
        return {table: [_without(doc, _UNPAGED_DROPS.get(table, ())) for doc in rows]}
    size = min(max(_number(query, "pageSize", 100), 1), 1000)
    page = max(_number(query, "page", 1), 1)
    shown = rows[(page - 1) * size : page * size]
    drops = _SUMMARY_DROPS.get(table, ()) if summary else ()
    counts = {"page": page, "pageSize": size, "pageCount": max(1, -(-len(rows) // size)), "itemCount": len(rows)}
    return {"pagination": counts, table: [_without(doc, drops) for doc in shown]}


def parse_since(header: str | None) -> datetime | None:
    """If-Modified-Since as documented, with or without zone, or as an HTTP date; anything else is ignored, as Xero does."""
    if not header:
        return None
    try:
        instant = datetime.fromisoformat(header)
    except ValueError:
        try:
            instant = parsedate_to_datetime(header)
        except ValueError:
            return None
    return instant.replace(tzinfo=instant.tzinfo or UTC, microsecond=0)


def _number(query: Query, key: str, default: int) -> int:
    try:
        return int(query.get(key, "") or default)
    except ValueError as error:
        raise BadQuery(f"The value '{query[key]}' is not valid for {key}.") from error


def _without(doc: Doc, drops: Iterable[str]) -> Doc:
    return {key: value for key, value in doc.items() if key not in drops} if drops else doc


def _wanted(table: str, doc: Doc, query: Query) -> bool:
    """Id, number, contact and status lists, and whether archived contacts are shown."""
    if table == "Contacts" and doc.get("ContactStatus") != "ACTIVE" and query.get("includeArchived", "").lower() != "true":
        return False
    checks = (
        ("IDs", doc.get(ID_FIELD[table])),
        ("InvoiceNumbers", doc.get("InvoiceNumber")),
        ("ContactIDs", (doc.get("Contact") or {}).get("ContactID")),
        ("Statuses", doc.get("Status")),
        ("References", doc.get("Reference")),
    )
    return all(_listed(query.get(key), value) for key, value in checks)


def _listed(wanted: str | None, value: Any) -> bool:
    if not wanted:
        return True
    items = [item.strip().strip('"').lower() for item in wanted.split(",")]
    return str(value).lower() in items


# ── order ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _ordered(table: str, rows: list[Doc], order: str | None) -> list[Doc]:
    text = order or f"UpdatedDateUTC ASC, {ID_FIELD[table]} ASC"
    for part in reversed(text.split(",")):
        words = part.split()
        if not words or len(words) > 2 or (len(words) == 2 and words[1].upper() not in ("ASC", "DESC")):
            raise BadQuery(f"The order '{text}' is not valid.")
        descending = len(words) == 2 and words[1].upper() == "DESC"
        rows = sorted(rows, key=lambda doc: _sortable(field(doc, words[0])), reverse=descending)
    return rows


def _sortable(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, 0
    return (1, value) if isinstance(value, datetime | Decimal | int) else (2, str(value))


def field(doc: Any, path: str) -> Any:
    """The value at a dotted path, names compared without case; dates as instants."""
    for name in path.split("."):
        if not isinstance(doc, dict):
            return None
        doc = next((value for key, value in doc.items() if key.lower() == name.lower()), None)
    return instant_of(doc) or doc


# ── where ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
_TERM = re.compile(
    r"""\s*(?P<path>[A-Za-z][\w.]*)\s*(?P<op>==|!=|<>|>=|<=|=|>|<)\s*
    (?P<value>"(?:[^"\\]|\\.)*"|DateTime\([^)]*\)|guid\("[^"]*"\)|null|true|false|-?\d+(?:\.\d+)?)\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<>": lambda a, b: a != b,
    ">=": lambda a, b: a is not None and a >= b,
    "<=": lambda a, b: a is not None and a <= b,
    ">": lambda a, b: a is not None and a > b,
    "<": lambda a, b: a is not None and a < b,
}


def _condition(where: str) -> Callable[[Doc], bool]:
    """A `where` of comparisons joined by AND and OR, AND binding closer; no parentheses."""
    either = [
        [_comparison(term) for term in re.split(r"\s+AND\s+|&&", part, flags=re.IGNORECASE)]
        for part in re.split(r"\s+OR\s+|\|\|", where, flags=re.IGNORECASE)
    ]
    return lambda doc: any(all(test(doc) for test in group) for group in either)


def _comparison(term: str) -> Callable[[Doc], bool]:
    found = _TERM.fullmatch(term)
    if found is None:
        raise BadQuery(f"No property or field or operator could be read at '{term.strip()[:60]}'")
    path, compare, value = found["path"], _OPERATIONS[found["op"]], _literal(found["value"])

    def test(doc: Doc) -> bool:
        given = field(doc, path)
        if isinstance(value, str) and isinstance(given, str):
            return compare(given.lower(), value.lower())
        try:
            return compare(given, value)
        except TypeError as error:
            raise BadQuery(f"Operator incompatible with the types of '{term.strip()[:60]}'") from error

    return test


def _literal(text: str) -> Any:
    lowered = text.lower()
    if lowered in ("null", "true", "false"):
        return {"null": None, "true": True, "false": False}[lowered]
    if lowered.startswith("datetime("):
        try:
            return datetime(*(int(part) for part in text[9:-1].split(",")), tzinfo=UTC)  # type: ignore[misc,arg-type]
        except (TypeError, ValueError) as error:
            raise BadQuery(f"'{text}' is not a date") from error
    if lowered.startswith("guid("):
        return text[6:-2]
    if text.startswith('"'):
        return text[1:-1].replace('\\"', '"')
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise BadQuery(f"'{text}' is not a value") from error
