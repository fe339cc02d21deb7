"""The road to an agency from the command line: checklist, answers, waivers, two approvals, what it is worth, what cases teach."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from core.clock import SystemClock
from core.collections.case import Answer, Answered, Waived, Waiver
from scheduler.app import open_app
from scheduler.cli.collections_checks import current_checklist
from tests.system.commands import CSV, books
from tests.system.inline import inline as duesync

TODAY = SystemClock().now().date()
CLIENT = """
[accounts."Alder Dental"]
natural_person = false
legal_name = "Alder Dental Incorporated"
address = "1 Main St, Austin TX"

[accounts."Alder Dental".contract]
governing_law = "US-TX"
signed = true
signed_on = 2024-01-01
net_days = 15
late_fee = "1.5 % a month"
collection_costs = true
"""


def day(back):
    return (TODAY - timedelta(days=back)).isoformat()


@pytest.fixture
def folder(tmp_path):
    heads = "ref,party_ref,number,currency,total,open,issued_on,due_on,status,period_start,period_end\n"
    rows = f"I1,P1,1001,USD,6000.00,6000.00,{day(106)},{day(91)},open,{day(136)},{day(107)}\n"
    books(
        tmp_path,
        parties="ref,name,email,phone,currency,country,region,active\nP1,Alder Dental,ap@alder.example,555 0100,USD,US,TX,true\n",
        invoices=heads + rows,
    )
    (tmp_path / "duesync.toml").write_text(CSV + CLIENT)
    (tmp_path / "msa.pdf").write_bytes(b"%PDF-1.4 signed")
    assert duesync(tmp_path, "sync").code == 0
    return tmp_path


def statuses(folder, target="Alder Dental"):
    return {item["id"]: item["status"] for item in duesync(folder, "collections", "checklist", target, "--json").json["items"]}


def opened(folder):
    made = duesync(folder, "collections", "open", "Alder Dental", "--json")
    assert made.code == 0, made.err
    return made.json["id"] if "id" in made.json else made.json["case"]


def settle(folder, case):
    """Everything that is open: answers where it asks, waivers for the rest; written at once, as many commands would."""
    with open_app(folder / "duesync.toml", quiet=True) as app:
        now = app.clock.now()
        for item in current_checklist(app, app.store.case(case)).open_items:
            said = Answer(item=item.id, ok=True, text="looked into it", by="Kim", at=now)
            passed = Waiver(item=item.id, by="Kim", reason="accepted by the owner", at=now)
            app.store.append_case_event(case, Answered(answer=said) if item.asks else Waived(waiver=passed), by="kim", now=now)


@pytest.mark.req("A20", "A38")
def test_a_client_without_a_case_can_be_looked_at_and_is_not_ready(folder):
    ran = duesync(folder, "collections", "checklist", "Alder Dental")
    assert ran.code == 1
    assert "6,000.00 USD claimed, no case is open" in ran.out
    assert "not legal advice" in ran.out
    found = statuses(folder)
    assert found["signed_agreement"] == "fail"
    assert found["service_levels"] == "unknown"
    assert found["time_bar"] == "pass"


@pytest.mark.req("A38", "A39", "D8")
def test_it_takes_every_item_and_two_different_people_and_what_changes_undoes_it(folder):
    case = opened(folder)
    early = duesync(folder, "collections", "approve", case, "--by", "Kim")
    assert (early.code, "items are open" in early.err) == (2, True)
    settle(folder, case)
    first = duesync(folder, "collections", "approve", case, "--by", "Kim", "--json")
    assert (first.code, first.json["ready"]) == (0, False)
    again = duesync(folder, "collections", "approve", case, "--by", "Kim")
    assert again.code == 2
    second = duesync(folder, "collections", "approve", case, "--by", "Lee")
    assert second.code == 0
    assert "2 of 2 approvals count" in second.out
    assert "tried: " in second.out
    ready = duesync(folder, "collections", "checklist", case, "--json")
    assert (ready.code, ready.json["ready"], ready.json["complete"]) == (0, True, True)
    duesync(folder, "hold", "add", "bankruptcy", "Alder Dental", "-r", "chapter 7")
    stopped = duesync(folder, "collections", "checklist", case, "--json")
    assert (stopped.code, stopped.json["ready"]) == (1, False)
    assert [item["counts"] for item in stopped.json["approvals"]] == [False, False]
    refused = duesync(folder, "collections", "waive", case, "no_stay", "-r", "we want the money")
    assert (refused.code, "cannot be waived" in refused.err) == (2, True)


def test_who_waived_and_why_is_in_the_list_and_in_the_journal(folder):
    case = opened(folder)
    assert duesync(folder, "collections", "waive", case, "worth_it", "-r", "it is about the principle", "--by", "Kim").code == 0
    (item,) = [i for i in duesync(folder, "collections", "checklist", case, "--json").json["items"] if i["id"] == "worth_it"]
    assert item["status"] == "pass"  # a waiver of what passes changes nothing
    assert duesync(folder, "collections", "waive", case, "debtor_details", "-r", "  ").code == 2
    assert duesync(folder, "collections", "waive", case, "no_such_item", "-r", "x").code == 2
    assert duesync(folder, "collections", "answer", case, "worth_it", "yes").code == 2
    shown = duesync(folder, "collections", "show", case, "--json").out
    assert "it is about the principle" in shown
    assert duesync(folder, "journal", "verify").code == 0


@pytest.mark.req("A8")
def test_a_verbal_agreement_is_drafted_as_a_mail(folder):
    assert duesync(folder, "collections", "confirmation", "Alder Dental").code == 2
    duesync(folder, "contacts", "add", "note", "Alder Dental", "-o", "verbal agreement: pays 2,000 a month from June")
    assert statuses(folder)["verbal_agreements"] == "fail"
    draft = duesync(folder, "collections", "confirmation", "Alder Dental").out
    assert "    pays 2,000 a month from June\n" in draft
    assert "Please reply to this mail by" in draft
    assert "Northwind IT" in draft


@pytest.mark.req("D7", "A24", "A28", "A80")
def test_what_it_is_worth_is_shown_with_its_arithmetic_and_what_waiting_costs(folder):
    found = duesync(folder, "collections", "economics", "Alder Dental", "--json").json
    assert found["claimed"] == {"minor": 600_000, "currency": "USD"}
    assert {item["in_days"] for item in found["routes"]} == {0, 30, 60, 90}
    assert found["recommended"]["arithmetic"][-1].startswith("net ")
    for item in found["routes"]:
        assert item["net"] == item["gross"] - item["fee"] - item["costs"]
    assert found["waiting_costs"]["30"] > 0
    assert found["recovery_curve"][0] == {"days_past_due": 0, "share": "0.9400"}
    words = duesync(folder, "collections", "economics", "Alder Dental").out
    assert "Waiting 30 days costs" in words
    assert re.search(r"9[01] days past due", words)  # the client's day may be yesterday here
    assert "nobody confirmed" in words


@pytest.mark.req("D8", "A30")
def test_tables_of_your_own_take_the_place_of_shipped_rows_and_a_wrong_one_is_named(folder):
    section = '\n[collections]\nlimits_file = "own.toml"\neconomics_file = "fees.toml"\n'
    (folder / "duesync.toml").write_text(CSV + CLIENT + section)
    (folder / "own.toml").write_text(
        'limit = [{ law = "US-TX", kind = "written", years = 2, statute = "checked", confirmed = true }]'
    )
    (folder / "fees.toml").write_text('[agency]\nrates = [{ percent = "10" }]\nconfirmed = true')
    (clock,) = [
        clock
        for item in duesync(folder, "collections", "checklist", "Alder Dental", "--json").json["items"]
        if item["id"] == "time_bar"
        for clock in item["details"]["clocks"]
    ]
    assert clock["confirmed"]
    assert clock["earliest"][:4] == str((TODAY - timedelta(days=91)).year + 2)
    best = duesync(folder, "collections", "economics", "Alder Dental", "--json").json["recommended"]
    assert best["fee"] * 10 == pytest.approx(best["gross"], abs=10)
    (folder / "own.toml").write_text('limit = [{ law = "US-TX", kind = "written", yeras = 2 }]')
    wrong = duesync(folder, "collections", "checklist", "Alder Dental")
    assert (wrong.code, "own.toml" in wrong.err) == (2, True)


@pytest.mark.req("A33", "D8")
def test_claims_that_may_soon_be_too_old_are_listed_over_all_clients(folder):
    calm = duesync(folder, "collections", "clocks", "--json")
    assert (calm.code, calm.json) == (0, [])
    (one,) = duesync(folder, "collections", "clocks", "--all", "--json").json
    assert (one["state"], one["law"], one["confirmed"]) == ("running", "US-TX", False)
    (folder / "duesync.toml").write_text(CSV + CLIENT + '\n[collections]\nlimits_file = "own.toml"\n')
    (folder / "own.toml").write_text('limit = [{ law = "US-TX", kind = "written", years = 1, statute = "x" }]')
    (folder / "duesync.toml").write_text((folder / "duesync.toml").read_text() + "[collections.checks]\ntime_bar_warns = 300\n")
    pressing = duesync(folder, "collections", "clocks")
    assert (pressing.code, "warning" in pressing.out, "Not legal advice" in pressing.out) == (1, True, True)
    (folder / "duesync.toml").write_text(CSV)
    (unknown,) = duesync(folder, "collections", "clocks", "--json").json
    assert (unknown["state"], unknown["law"]) == ("unknown", None)


@pytest.mark.req("A43", "A116")
def test_lessons_without_a_case_say_so_and_count_invoices(folder):
    found = duesync(folder, "collections", "learn", "--json").json
    assert found["placed_cases"] == 0
    assert sum(quarter["invoices_issued"] for quarter in found["referrals"]) == 1
    assert "nothing to learn" in found["note"]
    assert "No case was placed yet" in duesync(folder, "report", "collections").out


def test_a_client_with_nothing_past_due_has_no_economics_and_a_stranger_none_at_all(folder):
    assert duesync(folder, "collections", "economics", "Nobody").code == 2
    assert duesync(folder, "collections", "checklist", "Nobody").code == 2
    (folder / "books" / "invoices.csv").write_text("ref,party_ref,number,currency,total,open,issued_on,due_on,status\n")
    duesync(folder, "sync", "--full")
    assert duesync(folder, "collections", "approve", "Alder Dental").code == 2
