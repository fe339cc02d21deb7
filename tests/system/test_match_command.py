"""`duesync match` as a process: files in, file out, what cannot be read named, exit codes."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.system.commands import Ran, duesync

INVOICES = """invoice_id,party,number,reference,currency,total,open,issued_on,due_on
a1,Acme Dental Inc,INV-1001,,USD,100.00,100.00,2026-01-05,2026-02-05
a2,Acme Dental Inc,INV-1002,,USD,250.50,250.50,2026-01-15,
a3,"Beta, Law LLP",INV-1003,PO7,USD,"1,250.00",,15.01.2026,
"""
PAYMENTS = """payment_id,payer,account,memo,currency,amount,paid_on
p1,ACME DENTAL,123,INV 1001 + 1002,USD,350.50,2026-02-03
p2,Beta Law,,inv-1003,USD,1250.00,2026-02-20
p3,,,,USD,5,
"""


def run(folder: Path, *arguments: str, invoices: str | bytes = INVOICES, payments: str | bytes = PAYMENTS) -> Ran:
    """`duesync match` over these two files."""
    for name, content in (("invoices.csv", invoices), ("payments.csv", payments)):
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return duesync(folder, "match", "invoices.csv", "payments.csv", *arguments)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_matches_are_written_with_their_columns(tmp_path: Path) -> None:
    done = run(tmp_path, "-o", "matches.csv")
    found = rows(tmp_path / "matches.csv")
    assert (done.code, done.out) == (0, "")
    assert list(found[0]) == ["payment_id", "invoice_id", "amount", "confidence", "tier", "reason"]
    assert [(row["payment_id"], row["invoice_id"], row["amount"], row["tier"]) for row in found] == [
        ("p1", "a1", "100.00", "certain"),
        ("p1", "a2", "250.50", "certain"),
        ("p2", "a3", "1250.00", "certain"),
    ]
    assert "3 matches (3 certain, 0 suggested) for 2 of 3 payments" in done.err
    assert all(row["reason"] and 0 < float(row["confidence"]) <= 1 for row in found)


def test_one_json_document_and_nothing_else(tmp_path: Path) -> None:
    done = run(tmp_path, "--json")
    document = done.json
    assert document["matches"][0]["amount"] == {"minor": 10_000, "currency": "USD"}
    assert document["unmatched"] == ["p3"]
    assert document["problems"] == []


@pytest.mark.req("E49")
def test_a_cell_that_cannot_be_read_is_named_and_its_neighbours_go_on(tmp_path: Path) -> None:
    invoices = (
        INVOICES
        + "a4,Acme,INV-1004,,USD,x,y,2026-01-15,\n,Acme,INV-1005,,USD,7,7,,\na1,Acme,INV-1,,USD,7,7,,\na6,Acme,1,,US,7,7,,\n"
    )
    payments = PAYMENTS + 'p4,Acme,,INV-1001,USD,1.2.3,2026-02-03\np5,Acme,,,USD,9,2026-02-31\n"p6,Acme\n'
    done = run(tmp_path, "-o", "matches.csv", invoices=invoices, payments=payments)
    assert done.code == 0
    for place in (
        "invoices.csv:5:open",
        "invoices.csv:6:invoice_id",
        "invoices.csv:7:invoice_id",
        "invoices.csv:8:currency",
        "payments.csv:5:amount",
        "payments.csv:6:paid_on",
        "payments.csv:7",
    ):
        assert f"{place}:" in done.err
    assert len(rows(tmp_path / "matches.csv")) == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("\n", "\r\n").encode(),
    ],
)
def test_files_may_come_from_any_spreadsheet(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    done = run(tmp_path, "-o", "matches.csv", invoices=change(INVOICES), payments=change(PAYMENTS))
    assert done.code == 0
    assert len(rows(tmp_path / "matches.csv")) == 3


def test_columns_may_be_missing_or_in_another_order(tmp_path: Path) -> None:
    invoices = "open;number;invoice_id\n100,00;INV-1001;a1\n"
    payments = "memo;amount;payment_id\ninv 1001;100,00;p1\n"
    run(tmp_path, "-o", "matches.csv", invoices=invoices, payments=payments)
    assert [(row["payment_id"], row["invoice_id"], row["amount"]) for row in rows(tmp_path / "matches.csv")] == [
        ("p1", "a1", "100.00")
    ]


def test_what_a_spreadsheet_would_run_is_text(tmp_path: Path) -> None:
    invoices = "invoice_id,party,number,open,currency\n=1+1,Acme,INV-1001,100,USD\n"
    payments = "payment_id,payer,memo,amount,currency\n@SUM(A1),Acme,INV-1001,100,USD\n"
    run(tmp_path, "-o", "matches.csv", invoices=invoices, payments=payments)
    (row,) = rows(tmp_path / "matches.csv")
    assert (row["payment_id"], row["invoice_id"]) == ("'@SUM(A1)", "'=1+1")


def test_no_file_and_no_such_column_are_usage(tmp_path: Path) -> None:
    assert run(tmp_path, invoices="a,b\n1,2\n").code == 2
    done = duesync(tmp_path, "match", "none.csv", "payments.csv")
    assert (done.code, "none.csv" in done.err) == (2, True)


def test_empty_files_give_an_empty_answer(tmp_path: Path) -> None:
    done = run(tmp_path, "-o", "matches.csv", invoices=INVOICES.splitlines()[0] + "\n", payments=PAYMENTS.splitlines()[0] + "\n")
    assert (done.code, rows(tmp_path / "matches.csv")) == (0, [])
