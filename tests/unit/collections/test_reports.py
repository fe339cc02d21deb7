"""Files from an agency: every row by itself, nothing guessed, nothing trusted."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.collections.acknowledge import read_acknowledgement
from core.collections.reports import LARGEST, MOST_ROWS, ReportKind, Unreadable, read_table
from core.collections.statuses import meaning_of, read_statuses
from tests.unit.collections.claim import NOW, TODAY, case_of, noticed, placed, usd


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"reference,count,amount\nx,1,2\n", ReportKind.ACKNOWLEDGEMENT),
        (b"\xef\xbb\xbfReference,Code,On\nx,PTP,2026-05-01\n", ReportKind.STATUS),
        ("reference,gross,fee,net,note\nx,1,0,1,caf\xe9\n".encode("latin-1"), ReportKind.REMITTANCE),
        (b'[{"reference": "x", "status": "PIF"}]', ReportKind.STATUS),
        (b'{"format": "duesync-acknowledgement", "reference": "x", "count": 2, "amount": 12.50}', ReportKind.ACKNOWLEDGEMENT),
        (b'{"rows": [{"reference": "x", "gross": "1", "net": "1"}]}', ReportKind.REMITTANCE),
    ],
)
def test_a_file_is_known_by_its_columns(content, kind):
    assert read_table("f", content).kind is kind


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2\n", b"{nonsense", b"[1, 2]", b'"text"', b"reference,code\n", b"x" * (LARGEST + 1), b"[" * 200_000]
)
def test_what_is_no_report_is_refused_as_a_whole(content):
    with pytest.raises(Unreadable):
        read_table("f", content)


def test_too_many_rows_are_refused():
    with pytest.raises(Unreadable, match=str(MOST_ROWS)):
        read_table("f", b"reference,code\n" + b"x,A\n" * (MOST_ROWS + 1))


@pytest.mark.req("A42", "A111")
def test_codes_have_one_meaning_the_agency_own_table_first():
    own = {"77": "promise", "ptp": "disputed"}
    codes = ("77", "PTP", "bky", "Documents wanted", "ZZZ", "paid_in_full")
    meanings = ["promise", "disputed", "bankrupt", "documents_wanted", "unknown", "paid_in_full"]
    assert [meaning_of(code, own) for code in codes] == meanings


def test_one_bad_row_is_named_and_its_neighbours_count():
    table = read_table(
        "s.csv",
        b"reference,code,on,note\na,PTP,2026-05-01,Friday\nb,,2026-05-01,\nc,PIF,soon,\nd,PIF,2999-01-01,\n,X,,\ne,ACT,,\n",
    )
    found, bad = read_statuses(table, own={}, now=NOW, today=TODAY)
    assert [(item.reference, item.status.meaning, item.status.on) for item in found] == [
        ("a", "promise", date(2026, 5, 1)),
        ("e", "active", TODAY),
    ]
    assert [(item.number, item.problem) for item in bad] == [
        (2, "it has no code"),
        (3, "'soon' is not a day (YYYY-MM-DD)"),
        (4, "its day 2999-01-01 is in the future"),
        (5, "it has no reference"),
    ]


@pytest.mark.req("D6")
def test_an_acknowledgement_is_compared_by_count_and_amount():
    case = case_of(*placed())
    row = {"reference": "5f0c11aa-1", "count": "2", "amount": "1200.00", "agency_reference": "A-1"}
    good = read_acknowledgement(row, case, now=NOW)
    assert (good.problem, good.amount, good.reference) == ("", usd("1200.00"), "A-1")
    wrong = read_acknowledgement({**row, "count": "1", "amount": "120.00"}, case, now=NOW)
    assert wrong.problem == "the agency acknowledged 1 invoice instead of 2 and 120.00 USD instead of 1,200.00 USD"
    for broken in ({**row, "count": "two"}, {**row, "amount": "1,200"}, {**row, "currency": "EUR"}, {"reference": "x"}):
        with pytest.raises(ValueError, match=r"count|amount|EUR"):
            read_acknowledgement(broken, case, now=NOW)
    with pytest.raises(ValueError, match="never placed"):
        read_acknowledgement(row, case_of(*noticed()), now=NOW)


NESTED = st.recursive(
    st.none() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ANYTHING = st.one_of(
    st.binary(max_size=300), st.text(max_size=300).map(str.encode), NESTED.map(lambda value: json.dumps(value).encode())
)


@settings(max_examples=60, deadline=None)
@given(ANYTHING)
def test_no_file_does_anything_but_be_read_or_be_refused(content):
    try:
        table = read_table("f", content)
    except Unreadable:
        return
    assert all(isinstance(value, str) for row in table.rows for value in row.values())
    read_statuses(table, own={}, now=NOW, today=TODAY)
