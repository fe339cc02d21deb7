"""Papers for a client's file: statements of account for today and a past day, and the contact log line by line."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.system.commands import books, duesync

PARTIES = "ref,name,email,currency,active\nP1,Alder Dental,ap@alder.example,USD,true\n"
INVOICES = (
    "ref,party_ref,number,currency,total,open,issued_on,due_on,status\n"
    "I1,P1,1001,USD,100.00,0.00,2026-03-02,2026-03-17,closed\n"
    "I2,P1,1002,USD,250.00,250.00,2026-03-02,2026-03-17,open\n"
)
PAYMENTS = "ref,party_ref,currency,amount,unapplied,paid_on,status\nQ1,P1,USD,130.00,30.00,2026-04-04,received\n"
ALLOCATIONS = "source_ref,invoice_ref,amount,applied_on\nQ1,I1,100.00,2026-04-06\n"


@pytest.fixture
def folder(tmp_path):
    books(tmp_path, parties=PARTIES, invoices=INVOICES, payments=PAYMENTS, allocations=ALLOCATIONS)
    assert duesync(tmp_path, "sync").code == 0
    return tmp_path


@pytest.mark.req("A99", "E4")
def test_a_statement_shows_what_the_ledger_shows_today_and_on_a_past_day(folder):
    (today,) = duesync(folder, "report", "statement", "Alder Dental", "--json").json
    assert (today["net"], [item["number"] for item in today["invoices"]]) == (22000, ["1002"])
    (march,) = duesync(folder, "report", "statement", "Alder Dental", "--as-of", "2026-03-31", "--json").json
    assert (march["net"], march["unapplied_payments"], march["buckets"][1]) == (35000, 0, 35000)
    (between,) = duesync(folder, "report", "statement", "Alder Dental", "--as-of", "2026-04-05", "--json").json
    assert (between["net"], between["unapplied_payments"]) == (22000, 13000)


@pytest.mark.req("A99")
def test_a_statement_is_words_a_page_or_a_pdf(folder):
    words = duesync(folder, "report", "statement", "Alder Dental")
    assert words.code == 0
    assert "1002" in words.out
    assert "220.00" in words.out
    files = duesync(folder, "report", "statement", "Alder Dental", "--html", "s.html", "--pdf", "s.pdf")
    assert files.code == 0, files.err
    assert "<html" in (folder / "s.html").read_text()
    assert (folder / "s.pdf").read_bytes().startswith(b"%PDF")
    refused = duesync(folder, "report", "statement", "Alder Dental", "--as-of", "2999-01-01")
    assert (refused.code, "Traceback" in refused.err) == (2, False)


@pytest.mark.req("A98", "A108")
def test_the_contact_log_line_by_line_shows_when_one_is_edited(folder):
    for what in ("spoke to Dana; pays on Friday", "left a message"):
        assert duesync(folder, "contacts", "add", "call", "Alder Dental", "--outcome", what).code == 0
    lines = duesync(folder, "contacts", "log", "--jsonl").out.splitlines()
    chain = ""
    for line in lines:
        entry = json.loads(line)
        given = entry.pop("line_hash")
        chain = hashlib.sha256(f"{chain}{json.dumps(entry, ensure_ascii=False, sort_keys=True)}".encode()).hexdigest()
        assert given == chain
    assert len(lines) == 2
