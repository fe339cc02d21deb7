"""Files from an agency as rows of text: CSV or JSON, hostile until read. Which kind of report a file is, by its own columns.

Nothing in it is trusted: size, encoding and every cell are checked; a row that cannot be read is named and its neighbours count.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from core.messages.clean import one_line
from core.money import Money, MoneyError

LARGEST = 5 * 1024 * 1024  # bytes of a report; an agency of a small firm sends a few thousand rows
MOST_ROWS = 20_000
# What a file of an agency may be called. A name from outside is never a path.
REPORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._()-]{0,119}\.(?:csv|json|txt)", re.IGNORECASE)


class ReportKind(StrEnum):
    """What a file from an agency says."""

    ACKNOWLEDGEMENT = "acknowledgement"
    STATUS = "status"
    REMITTANCE = "remittance"


class Unreadable(ValueError):
    """A file as a whole is no report; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that could not be read, by its number from 1."""

    number: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A report: its kind and its rows, column names in lower case."""

    name: str
    kind: ReportKind
    rows: tuple[Mapping[str, str], ...]


def read_table(name: str, content: bytes) -> Table:
    """Read a file. Unreadable when it is too large, no text, no table, or no kind of report."""
    if len(content) > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST // 1024 // 1024} MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    said, rows = _json_rows(text) if text.lstrip()[:1] in ("{", "[") else (None, _csv_rows(text))
    if not rows:
        raise Unreadable("it has no rows")
    if len(rows) > MOST_ROWS:
        raise Unreadable(f"it has more than {MOST_ROWS} rows")
    return Table(name=name, kind=said or _kind_of({key for row in rows for key in row}), rows=tuple(rows))


def _json_rows(text: str) -> tuple[ReportKind | None, list[dict[str, str]]]:
    try:
        document = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not valid JSON: {error}") from None
    said = None
    if isinstance(document, dict):
        word = str(document.get("format", "")).removeprefix("duesync-")
        said = ReportKind(word) if word in set(ReportKind) else None
        lines = document.get("rows")
        document = lines if isinstance(lines, list) else [document]
    if not isinstance(document, list):
        raise Unreadable("its JSON is neither an object nor a list")
    return said, [_flat(row) for row in document if isinstance(row, dict)]


def _flat(row: dict[str, Any]) -> dict[str, str]:
    return {str(key).strip().lower(): str(value) for key, value in row.items() if isinstance(value, str | int) and value != ""}


def _csv_rows(text: str) -> list[dict[str, str]]:
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""))
        return [
            {key.strip().lower(): value.strip() for key, value in row.items() if isinstance(key, str) and isinstance(value, str)}
            for row in reader
        ]
    except csv.Error as error:
        raise Unreadable(f"it is not valid CSV: {error}") from None


def _kind_of(columns: set[str]) -> ReportKind:
    if {"gross", "net"} <= columns:
        return ReportKind.REMITTANCE
    if columns & {"code", "status"}:
        return ReportKind.STATUS
    if {"count", "amount"} <= columns:
        return ReportKind.ACKNOWLEDGEMENT
    raise Unreadable("its columns are those of no acknowledgement, status or remittance")


# ── cells ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
def cell(row: Mapping[str, str], *names: str) -> str:
    """The first of these columns that is filled; ValueError when none is."""
    for name in names:
        value = one_line(row.get(name), 200)
        if value:
            return value
    raise ValueError(f"it has no {names[0]}")


def day_in(row: Mapping[str, str], *names: str, default: date | None = None) -> date:
    """A day as YYYY-MM-DD; `default` where the cell is empty; ValueError when it is no day."""
    text = next((row[name] for name in names if row.get(name)), "")
    if not text and default is not None:
        return default
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise ValueError(f"{one_line(text, 40)!r} is not a day (YYYY-MM-DD)") from None


def money_in(row: Mapping[str, str], name: str, currency: str) -> Money:
    """An amount in major units; ValueError when it is none, or the row names another currency."""
    named = row.get("currency", currency).strip().upper() or currency
    if named != currency:
        raise ValueError(f"it is in {one_line(named, 10)}, the case in {currency}")
    try:
        return Money.parse(cell(row, name), currency)
    except MoneyError as error:
        raise ValueError(str(error)) from None


def count_in(row: Mapping[str, str], name: str) -> int:
    """A whole number from 0 on; ValueError otherwise."""
    text = cell(row, name)
    if not text.isdecimal() or len(text) > 9:
        raise ValueError(f"{one_line(text, 20)!r} is not a count")
    return int(text)
