"""From the bytes of one CSV file to rows of text, whatever wrote it: BOMs, encodings, separators, line ends, quotes left open.

Pure. A row that cannot be taken apart is named with its line, and reading goes on with the next line; nothing swallows the rest
of a file. Cells are kept as text, never evaluated: a cell that begins like a formula is only text here.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from connectors.csvfiles.words import plain

LONGEST_CELL = 32_767  # characters; the most a spreadsheet cell holds (Excel specifications and limits)
_SEPARATORS = (",", ";", "\t", "|")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Line:
    """One row: where it begins (1 is the file's first line) and its cells by column, trimmed; empty ones are left out."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that could not be taken apart, or the cell in it (`column`) that no reader should trust."""

    number: int
    column: str | None
    problem: str
    cells: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """One file. `problem` says why the whole of it cannot be used; then it has no rows."""

    name: str
    rows: tuple[Line | Bad, ...] = ()
    problem: str | None = None


def read_table(name: str, content: bytes, columns: Sequence[str]) -> Table:
    """The rows of a file whose first line names some of `columns`, the first of them at least. Unknown ones are ignored."""
    csv.field_size_limit(max(csv.field_size_limit(), len(content) + 1))  # our own limit names the cell instead of ending the file
    lines = list(io.StringIO(_decoded(content), newline=""))
    begin = _first(lines)
    if begin is None:
        return Table(name)
    separator, header = _header(lines[begin], columns)
    if columns[0] not in header:
        seen = lines[begin].strip()[:80]
        return Table(name, problem=f'{name} has no column "{columns[0]}": its first line reads "{seen}"')
    return Table(name, tuple(_rows(lines, begin + 1, separator, header, frozenset(columns))))


def _decoded(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(_decoded_line(line) for line in content.splitlines(keepends=True))


def _decoded_line(line: bytes) -> str:
    """A line of a file that is not UTF-8 throughout, read by itself so that one does not garble all."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")


def _first(lines: Sequence[str]) -> int | None:
    """Index of the header: the first line that says something (Excel's "sep=;" does not)."""
    for index, line in enumerate(lines):
        if line.strip(" \t\r\n,;|") and not line.lower().startswith("sep="):
            return index
    return None


def _header(line: str, columns: Sequence[str]) -> tuple[str, list[str]]:
    """The separator under which most of `columns` appear, and the column of each cell."""
    best: tuple[str, list[str]] = (",", [])
    most = -1
    for separator in _SEPARATORS:
        names = [plain(cell).replace(" ", "_") for cell in next(csv.reader([line], delimiter=separator), [])]
        hits = len(set(names) & set(columns))
        if hits > most:
            best, most = (separator, names), hits
    return best


def _rows(lines: list[str], begin: int, separator: str, header: list[str], columns: frozenset[str]) -> Iterator[Line | Bad]:
    wanted = [(index, name) for index, name in enumerate(header) if name in columns and header.index(name) == index]
    for start, cells, problem in _records(lines, begin, separator):
        if problem is not None:
            yield Bad(start + 1, None, problem)
        elif cells:
            row = _row(start + 1, cells, header, wanted)
            if row is not None:
                yield row


def _row(number: int, cells: list[str], header: list[str], wanted: list[tuple[int, str]]) -> Line | Bad | None:
    width = len(cells)
    named = {name: text for index, name in wanted if index < width and (text := cells[index].strip())}
    if not named and not any(cell.strip() for cell in cells):
        return None
    if width > len(header) and any(cell.strip() for cell in cells[len(header) :]):
        return Bad(
            number, None, f"{width} cells, but the first line names {len(header)}: a separator inside a cell needs quotes", named
        )
    for name, text in named.items():
        if len(text) > LONGEST_CELL:
            return Bad(number, name, f"longer than {LONGEST_CELL} characters", named)
        if "\0" in text:
            return Bad(number, name, "holds a NUL character", named)
    return Line(number, named)


def _records(lines: list[str], begin: int, separator: str) -> Iterator[tuple[int, list[str], str | None]]:
    """(index of the first line, cells, problem). After a row that breaks the rules of quoting, the next line is read."""
    while begin < len(lines):
        reader = csv.reader((lines[index] for index in range(begin, len(lines))), delimiter=separator, strict=True)
        start = begin
        try:
            for cells in reader:
                yield start, cells, None
                start = begin + reader.line_num
        except csv.Error as error:
            yield start, [], _explained(str(error))
            begin = start + 1
        else:
            return


def _explained(error: str) -> str:
    if "unexpected end of data" in error:
        return "a quote is opened and never closed"
    if "expected after" in error:
        return "a quote is closed in the middle of a cell"
    return f"cannot be taken apart ({error})"
