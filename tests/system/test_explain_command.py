"""`duesync account explain` and the pages of findings, run as a bookkeeper runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.commands import BASE, duesync

FILES = {
    "books/parties.csv": "ref,name\nC1,Harbor Dental\nC2,Ridge Law\n",
    "books/invoices.csv": "ref,party_ref,number,currency,total,open,issued_on,due_on,status\n"
    "1,C1,INV-7001,USD,400.00,400.00,2026-03-01,2026-03-31,open\n2,C1,INV-7002,USD,150.00,0.00,2026-03-05,2026-04-04,paid\n"
    "3,C2,INV-7003,USD,80.00,80.00,2026-03-05,2026-04-04,open\n",
    "books/payments.csv": "ref,party_ref,currency,amount,unapplied,paid_on,reference,memo,status\n"
    "P1,C1,USD,150.00,0.00,2026-04-02,,INV-7002,received\nP2,C1,USD,400.00,400.00,2026-04-09,,Invoice 7001,received\n",
    "books/allocations.csv": "source_ref,invoice_ref,amount,applied_on\nP1,2,150.00,2026-04-02\n",
    "psa/parties.csv": "ref,name\nX1,HARBOR DENTAL LLC\n",
    "psa/invoices.csv": "ref,party_ref,number,currency,total,open,issued_on,due_on,status\n"
    "81,X1,7001,USD,400.02,400.02,2026-03-01,2026-03-31,open\n82,X1,7002,USD,150.00,150.00,2026-03-05,2026-04-04,open\n",
}
CONNECTIONS = """
[connections.books]
type = "csv"
role = "books"
path = "books"
[connections.psa]
type = "csv"
role = "psa"
path = "psa"
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "duesync.toml").write_text(BASE + CONNECTIONS)
    assert duesync(folder, "sync").code == 0
    assert duesync(folder, "reconcile").code == 0
    return folder


@pytest.mark.req("D2", "E38")
def test_every_cent_between_psa_and_books_is_told_with_the_records_behind_it(office: Path) -> None:
    ran = duesync(office, "account", "explain", "harbor dental", "--json")
    assert ran.code == 0, ran.err
    (one,) = ran.json["currencies"]
    assert (one["psa"]["minor"], one["books"], one["ours"]["minor"]) == (55002, None, 0)
    told = {item["cause"]: (item["amount"]["minor"], [key["ref"] for key in item["records"]]) for item in one["differences"]}
    assert told == {
        "tax_rounding": (2, ["81", "1"]),
        "payment_not_in_psa": (15000, ["82", "2", "P1"]),
        "unapplied_payment": (40000, ["P2"]),
    }
    assert one["unexplained"]["psa"]["minor"] == 0
    words = duesync(office, "account", "explain", "books:C1")
    assert "a payment the PSA was never told of" in words.out
    assert "every cent is explained" in words.out


def test_a_findings_page_shows_the_records_and_what_to_do(office: Path) -> None:
    listed = duesync(office, "findings", "list", "--account", "Harbor Dental", "--kind", "unapplied_payment", "--json")
    (item,) = listed.json
    page = duesync(office, "findings", "show", item["id"])
    assert "Payment P2 from 2026-04-09 has 400.00 USD of 400.00 USD applied to nothing." in page.out
    assert "invoice INV-7001" in page.out
    assert "minor" not in page.out
    assert duesync(office, "findings", "list", "--account", "Ridge Law").out.startswith("No findings")
