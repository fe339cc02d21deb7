"""Promises and payment plans from the command line: reminders rest while they are kept and resume when they are broken."""

from __future__ import annotations

import pytest

from tests.system.commands import books, duesync

PARTIES = "ref,name,email,currency,active\nP1,Alder Dental,ap@alder.example,USD,true\n"
INVOICES = (
    "ref,party_ref,number,currency,total,open,issued_on,due_on,status\n"
    "I1,P1,1001,USD,100.00,100.00,2030-03-02,2030-03-17,open\n"
    "I2,P1,1002,USD,250.00,250.00,2030-03-02,2030-03-17,open\n"
)
FRIDAY, SATURDAY, MONDAY = "2030-04-05", "2030-04-06", "2030-04-08"


@pytest.fixture
def folder(tmp_path):
    books(tmp_path, parties=PARTIES, invoices=INVOICES)
    assert duesync(tmp_path, "sync").code == 0
    return tmp_path


def told(folder, day):
    """What would be sent on a day: the numbers of the invoices, and every reason given."""
    shown = duesync(folder, "preview", "--as-of", day, "--json").json
    sent = {item["number"] for entry in shown if entry["would_send"] for item in entry["invoices"]}
    return sent, " ".join(why for entry in shown for why in entry["reasons"])


@pytest.mark.req("E11", "A12")
def test_a_promise_holds_to_its_day_and_a_broken_one_resumes_on_the_next_business_day(folder):
    placed = duesync(folder, "hold", "add", "promise", "Alder Dental", "--until", FRIDAY, "--amount", "350", "--json")
    assert placed.code == 0, placed.err
    for day in ("2030-04-01", FRIDAY, SATURDAY):
        sent, why = told(folder, day)
        assert (sent, "promise" in why) == (set(), True), day
    sent, why = told(folder, MONDAY)
    assert sent == {"1001", "1002"}
    assert f"the promise to pay by {FRIDAY} was not kept" in why


@pytest.mark.req("E11")
def test_lifting_a_promise_takes_the_word_back_too(folder):
    (hold,) = duesync(folder, "hold", "add", "promise", "Alder Dental", "--until", FRIDAY, "--json").json
    assert duesync(folder, "hold", "lift", hold["id"]).code == 0
    sent, why = told(folder, "2030-04-02")
    assert (sent, "promise" in why) == ({"1001", "1002"}, False)


def test_a_promise_without_a_day_or_with_a_strange_amount_is_refused(folder):
    for extra in ((), ("--until", FRIDAY, "--amount", "-5"), ("--until", FRIDAY, "--amount", "much")):
        ran = duesync(folder, "hold", "add", "promise", "Alder Dental", *extra)
        assert (ran.code, "Traceback" in ran.err) == (2, False)
    assert duesync(folder, "hold", "list", "--json").json == []


@pytest.mark.req("A95")
def test_a_plan_holds_while_it_is_kept_and_a_broken_one_resumes(folder):
    parts = ("--instalment", "2030-04-01=150.00", "--instalment", "2030-05-01=200.00")
    named = ("--invoice", "1001", "--invoice", "1002")  # without names a plan leaves out what is billed after it was agreed
    agreed = duesync(folder, "plan", "add", "Alder Dental", *parts, *named, "--json")
    assert agreed.code == 0, agreed.err
    (plan,) = duesync(folder, "plan", "list", "--json").json
    assert (plan["state"], [item["amount"]["minor"] for item in plan["instalments"]]) == ("kept", [15000, 20000])
    sent, why = told(folder, "2030-04-03")
    assert (sent, "payment plan" in why) == (set(), True)
    assert told(folder, MONDAY)[0] == {"1001", "1002"}, "five days late break it"
    assert duesync(folder, "plan", "cancel", plan["id"]).code == 0
    assert told(folder, "2030-04-03")[0] == {"1001", "1002"}
    assert duesync(folder, "plan", "list", "--json").json == []


@pytest.mark.parametrize("text", ["2030-04-01", "tomorrow=5", "2030-04-01=0", "2030-04-01=1.005", "2020-01-01=5"])
def test_a_strange_instalment_is_one_clear_line(folder, text):
    ran = duesync(folder, "plan", "add", "Alder Dental", "--instalment", text)
    assert (ran.code, "Traceback" in ran.err) == (2, False), ran.err
