"""`duesync preview --since`: a policy tried on the past, as a table and as JSON."""

from __future__ import annotations

import pytest

from tests.system.commands import books, duesync

PARTIES = "ref,name,email,currency,active\nP1,Alder Dental,ap@alder.example,USD,true\nP2,Birch Law,ap@birch.example,USD,true\n"
INVOICES = (
    "ref,party_ref,number,currency,total,open,issued_on,due_on,status\n"
    "I1,P1,1001,USD,100.00,0.00,2026-01-02,2026-01-20,closed\n"
    "I2,P2,1002,USD,250.00,250.00,2026-01-02,2026-01-20,open\n"
)
PAYMENTS = "ref,party_ref,currency,amount,unapplied,paid_on,status\nQ1,P1,USD,100.00,0.00,2026-02-04,received\n"
ALLOCATIONS = "source_ref,invoice_ref,amount,applied_on\nQ1,I1,100.00,2026-02-04\n"


@pytest.mark.req("D9")
def test_two_policies_are_replayed_over_the_past_and_compared(tmp_path):
    books(tmp_path, parties=PARTIES, invoices=INVOICES, payments=PAYMENTS, allocations=ALLOCATIONS)
    assert duesync(tmp_path, "sync").code == 0
    (tmp_path / "new.toml").write_text('[dunning]\npreset = "gentle"\n')
    period = ("preview", "--since", "2026-01-01", "--until", "2026-03-31", "--policy", "new.toml")
    found = duesync(tmp_path, *period, "--json").json
    said = [(item["on"], item["invoices"][0]["ref"]) for item in found["present"]["said"] if item["stage"] != "created"]
    assert [day for day, ref in said if ref == "I1"] == ["2026-01-20", "2026-01-27", "2026-02-03"]
    assert found["difference"]["messages"] == found["proposed"]["messages"] - found["present"]["messages"] < 0
    assert found["present"]["paid"] == 0
    shown = duesync(tmp_path, *period)
    assert "present" in shown.out
    assert "Birch Law" in shown.out
    refused = duesync(tmp_path, "preview", "--since", "2999-01-01")
    assert (refused.code, "Traceback" in refused.err) == (2, False)
    assert duesync(tmp_path, "outbox", "list", "--json").json == []


@pytest.mark.req("D9")
def test_a_store_that_does_not_reach_back_that_far_says_so_and_an_empty_one_too(tmp_path):
    books(tmp_path, parties=PARTIES, invoices=INVOICES, payments=PAYMENTS, allocations=ALLOCATIONS)
    empty = duesync(tmp_path, "preview", "--since", "2026-01-01", "--until", "2026-03-31")
    assert "run duesync sync first" in empty.out + empty.err
    assert duesync(tmp_path, "sync").code == 0
    shown = duesync(tmp_path, "preview", "--since", "2025-01-01", "--until", "2025-03-31")
    assert "does not reach back to 2025-01-01" in shown.out
    assert list(duesync(tmp_path, "preview", "--since", "2025-01-01", "--until", "2025-03-31", "--json").json["known_since"]) == [
        "books"
    ]


@pytest.mark.req("D9")
def test_each_difference_between_the_policies_is_told_alone(tmp_path):
    books(tmp_path, parties=PARTIES, invoices=INVOICES, payments=PAYMENTS, allocations=ALLOCATIONS)
    assert duesync(tmp_path, "sync").code == 0
    (tmp_path / "new.toml").write_text('[dunning]\npreset = "gentle"\n[dunning.accounts."Birch Law"]\nfollow = false\n')
    period = ("preview", "--since", "2026-01-01", "--until", "2026-03-31", "--policy", "new.toml")
    difference = duesync(tmp_path, *period, "--json").json["difference"]

    gentle, unfollowed = difference["each"]
    assert (gentle["setting"], gentle["present"], gentle["proposed"]) == ("preset", "standard", "gentle")
    assert (unfollowed["setting"], unfollowed["invoices_no_longer_chased"]) == ("accounts.Birch Law", 1)
    assert gentle["invoices_no_longer_chased"] == 0
    assert min(gentle["messages"], unfollowed["messages"]) >= difference["messages"], "together they save no less than either"
    shown = duesync(tmp_path, *period).out
    assert "preset: standard > gentle" in shown
    assert "Each difference alone" not in duesync(tmp_path, *period, "--no-each").out
