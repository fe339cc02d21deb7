"""`duesync privacy …`: what is held about a client as files of its own, and its erasure with everything that may stop it."""

from __future__ import annotations

import csv
import json
import zipfile

import pytest

from tests.system.commands import books
from tests.system.inline import inline

EVIL = '=HYPERLINK("http://x","y")'


@pytest.fixture
def folder(tmp_path):
    """Two clients; the first is settled, and has a name that a spreadsheet would run."""
    books(
        tmp_path,
        parties=f'ref,name,email,currency,active\nC1,"{EVIL.replace(chr(34), chr(34) * 2)}",ap@one.example,USD,true\n'
        "C2,Other Client,ap@two.example,USD,true\n",
        invoices="ref,party_ref,number,reference,currency,total,open,issued_on,due_on,status\n"
        "I1,C1,INV-1,@cmd,USD,100.00,0.00,2026-01-15,2026-02-14,paid\n"
        "I2,C2,INV-2,PO 2,USD,50.00,50.00,2026-01-15,2026-02-14,open\n",
        payments="ref,party_ref,currency,amount,unapplied,paid_on,memo\nP1,C1,USD,100.00,0.00,2026-02-01,+49 tel\n",
        allocations="source_ref,invoice_ref,amount,applied_on\nP1,I1,100.00,2026-02-01\n",
    )
    assert inline(tmp_path, "sync").code == 0
    assert inline(tmp_path, "reconcile").code == 0
    return tmp_path


def test_an_export_is_everything_as_json_and_as_csv_no_spreadsheet_runs(folder):
    ran = inline(folder, "privacy", "export", "books:C1", "-o", "out", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["rows"]["invoices"] == 1
    document = json.loads((folder / "out" / "client.json").read_text())
    assert document["tables"]["parties"][0]["name"] == EVIL
    assert "Other Client" not in json.dumps(document)
    assert (folder / "out").stat().st_mode & 0o777 == 0o700
    for path in (folder / "out").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        if path.suffix == ".csv":
            with path.open(newline="") as file:
                cells = [cell for row in csv.reader(file) for cell in row]
            assert not [
                cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\r") or (cell[:1] == "-" and not cell[1:].isdigit())
            ]
    assert "'=HYPERLINK(" in (folder / "out" / "parties.csv").read_text()


def test_an_export_goes_into_one_file_and_never_over_another(folder):
    assert inline(folder, "privacy", "export", "books:C1", "-o", "all.zip").code == 0
    with zipfile.ZipFile(folder / "all.zip") as archive:
        assert {"client.json", "parties.csv", "records.csv"} <= set(archive.namelist())
    assert inline(folder, "privacy", "export", "books:C1", "-o", "one.json").code == 0
    assert {(folder / name).stat().st_mode & 0o777 for name in ("all.zip", "one.json")} == {0o600}
    assert inline(folder, "privacy", "export", "books:C1", "-o", "all.zip").code == 2


def test_an_erasure_is_shown_first_and_confirmed(folder):
    shown = inline(folder, "privacy", "erase", "books:C1", "--reason", "asked", "--dry-run", "--json")
    assert (shown.code, shown.json["erased"]) == (0, False)
    assert shown.json["emptied"]["invoices"] == 1
    unasked = inline(folder, "privacy", "erase", "books:C1", "--reason", "asked")
    assert (unasked.code, "--yes" in unasked.err) == (2, True)
    before = inline(folder, "account", "show", "books:C1", "--json").json
    assert before["name"] == EVIL
    done = inline(folder, "privacy", "erase", "books:C1", "--reason", "asked", "--by", "ann", "--yes")
    assert done.code == 0, done.err
    assert "cannot be undone" in done.out
    assert inline(folder, "account", "show", "books:C1", "--json").json["name"] == "(erased)"
    assert inline(folder, "journal", "verify").code == 0
    listed = inline(folder, "privacy", "list", "--json")
    assert [(item["account"], item["by"], item["returned"]) for item in listed.json] == [("books:C1", "ann", False)]


def test_a_client_that_the_vendor_brings_back_is_told(folder):
    inline(folder, "privacy", "erase", "books:C1", "--reason", "asked", "--yes")
    assert inline(folder, "sync", "--full").code == 0
    assert inline(folder, "privacy", "list").code == 0
    parties = folder / "books" / "parties.csv"
    parties.write_text(parties.read_text().replace("ap@one.example", "new@one.example"))
    inline(folder, "sync")
    back = inline(folder, "privacy", "list")
    assert (back.code, "BACK" in back.out) == (1, True)


@pytest.mark.parametrize(
    ("command", "account", "why"),
    [
        (None, "books:C2", "invoices are open"),
        (("hold", "add", "legal", "books:C1"), "books:C1", "legal hold"),
    ],
)
def test_an_open_claim_stops_an_erasure_unless_forced(folder, command, account, why):
    if command:
        assert inline(folder, *command).code == 0
    stopped = inline(folder, "privacy", "erase", account, "--reason", "asked", "--yes")
    assert (stopped.code, why in stopped.err) == (2, True)
    shown = inline(folder, "privacy", "erase", account, "--reason", "asked", "--dry-run", "--json")
    assert any(why in item for item in shown.json["obstacles"])
    assert inline(folder, "privacy", "erase", account, "--reason", "asked", "--yes", "--force").code == 0
