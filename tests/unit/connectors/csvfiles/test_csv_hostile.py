"""Whatever bytes stand in the files: nothing crashes, nothing is invented, and every row is either read or named."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.csvfiles.ledger import FILES, Ledger
from connectors.csvfiles.mapping import COLUMNS, Reading
from connectors.csvfiles.table import Line, read_table
from core.records import Entry, Malformed, Stream

READING = Reading(connection="files", currency="USD", zone=ZoneInfo("Europe/Berlin"))
CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "0", "-1", "10.50", "1e5", "NaN", "2026-01-31", "2026-13-01", "void", "paid", "USD", "jpy", '"', "a,b", "=1"]
    ),
    st.integers(-(10**18), 10**18).map(str),
)


def rows_of(ledger):
    return {stream: ledger.rows(stream) for stream in FILES if ledger.problem(stream) is None}


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(COLUMNS)), st.binary(max_size=400)))
def test_any_bytes_are_survived(contents):
    for stream, rows in rows_of(Ledger(contents, READING)).items():
        assert all(isinstance(row, Entry | Malformed) for row in rows), stream


@st.composite
def tables(draw):
    name = draw(st.sampled_from(sorted(COLUMNS)))
    columns = COLUMNS[name]
    rows = draw(st.lists(st.lists(CELLS, min_size=len(columns), max_size=len(columns)), max_size=6))
    return name, rows


def quoted(cell):
    return '"' + cell.replace('"', '""') + '"'


@settings(max_examples=150, deadline=None)
@given(st.lists(tables(), max_size=5))
def test_every_row_is_read_or_named_once(drawn):
    contents = {}
    for name, rows in drawn:
        lines = [",".join(COLUMNS[name]), *(",".join(map(quoted, row)) for row in rows)]
        contents[name] = "\n".join(lines).encode("utf-8", "replace")
    ledger = Ledger(contents, READING)
    for stream in (Stream.PARTIES, Stream.INVOICES, Stream.CREDIT_NOTES):
        name = FILES[stream][0]
        table = read_table(name, contents.get(name, b""), COLUMNS[name])
        found = ledger.rows(stream)
        assert len(found) == len(table.rows)
        refs = [row.record.ref for row in found if isinstance(row, Entry)]
        assert len(refs) == len(set(refs))
        given_refs = {row.cells.get("ref") for row in table.rows if isinstance(row, Line)}
        assert set(refs) <= given_refs


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.text(max_size=20), min_size=3, max_size=3), min_size=1, max_size=8))
def test_quoted_text_comes_back_as_it_was(rows):
    columns = ("ref", "name", "email")
    text = "ref,name,email\n" + "".join(",".join(map(quoted, row)) + "\n" for row in rows)
    content = text.encode("utf-8", "surrogatepass")
    table = read_table("parties.csv", content, columns)
    wanted = [{name: cell.strip() for name, cell in zip(columns, row, strict=True) if cell.strip()} for row in rows]
    assert [row.cells for row in table.rows] == [cells for cells in wanted if cells]
