"""How the command line talks: tables and plain words on a terminal, one JSON document for machines, errors with their remedy."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.money import Money
from core.records import RecordKey

out = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
err = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


@dataclass(slots=True)
class Choices:
    """What was asked for before the command's own options: which configuration, and JSON or words."""

    config: Path | None = None
    json: bool = False
    tenant: str | None = None
    warnings: list[str] = field(default_factory=list)


def plain(value: Any) -> Any:
    """A value as JSON: money as {minor, currency}, keys as {connection, stream, ref}, dates in ISO form."""
    if isinstance(value, Money):
        return {"minor": value.minor, "currency": value.currency}
    if isinstance(value, RecordKey):
        return {"connection": value.connection, "stream": str(value.stream), "ref": value.ref}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_json(document: Any) -> None:
    """The one JSON document of a command, on stdout."""
    sys.stdout.write(json.dumps(document, default=plain, ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A line of the answer. Text may hold anything a client's name can hold: it is never read as markup."""
    out.print(escape(text))


def note(text: str) -> None:
    """A remark beside the answer, on stderr."""
    err.print(escape(text), style="dim")


def complain(text: str) -> None:
    """What went wrong, on stderr."""
    err.print(escape(text), style="red")


def one_line(text: str | None, width: int = 60) -> str:
    """Text from outside as one safe line: control and bidi characters dropped, cut with an ellipsis."""
    cleaned = "".join(char if char.isprintable() else " " for char in text or "")
    cleaned = " ".join(cleaned.split())
    return cleaned if len(cleaned) <= width else cleaned[: width - 1] + "…"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Iterable[str] = ()) -> None:
    """A table on stdout; columns named in `right` are aligned right (amounts, counts)."""
    wanted = set(right)
    view = Table(title=escape(title) if title else None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in columns:
        view.add_column(name, justify="right" if name in wanted else "left", overflow="fold")
    for row in rows:
        view.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    out.print(view)


# What makes a spreadsheet take a cell for a formula (OWASP, CSV injection), the full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cell(value: object) -> str:
    """A CSV cell that no spreadsheet will run as a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
