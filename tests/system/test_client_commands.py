"""What a bookkeeper sees and says of a client from the command line: calls, tasks, what comes next, fees, holds lifted twice."""

from __future__ import annotations

import csv
import io
import json
import shutil
from datetime import timedelta

import pytest

from core.clock import SystemClock, local_date
from tests.on_postgres import follow
from tests.system.commands import books
from tests.system.inline import inline

TODAY = local_date(SystemClock().now(), "America/Chicago")
PARTIES = "ref,name,email,phone,currency,active\nP1,Alder Dental,ap@alder.example,+1 312 555 0100,USD,true\n"


def day(late: int) -> str:
    return (TODAY - timedelta(days=late)).isoformat()


def rows(*late: int) -> str:
    head = "ref,party_ref,number,currency,total,open,issued_on,due_on,status\n"
    return head + "".join(f"I{n},P1,{1000 + n},USD,1000.00,1000.00,{day(n + 30)},{day(n)},open\n" for n in late)


@pytest.fixture(scope="module")
def pulled(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("pulled")
    books(tmp_path, parties=PARTIES, invoices=rows(78, 9))
    text = (tmp_path / "duesync.toml").read_text() + '\n[dunning.late_fee]\nyearly_percent = "18"\nday_count = 360\n'
    (tmp_path / "duesync.toml").write_text(text)
    assert inline(tmp_path, "sync").code == 0
    return tmp_path


@pytest.fixture
def folder(pulled, tmp_path):
    desk = shutil.copytree(pulled, tmp_path / "desk")
    follow(pulled / "duesync.db", desk / "duesync.db")
    return desk


def call(folder, *more):
    return inline(folder, "contacts", "log-call", "Alder Dental", *more)


@pytest.mark.req("A10", "A11", "A74")
def test_a_call_is_recorded_with_who_why_and_what_came_of_it(folder):
    done = call(
        folder, "--outcome", "reached", "--why", "cash_flow", "--by", "Ann", "--note", "pays Friday, she thinks", "--json"
    )
    assert done.code == 0, done.err
    assert done.json["holds"] == []
    (entry,) = inline(folder, "contacts", "log", "--json").json
    assert (entry["kind"], entry["outcome"], entry["channel"]) == ("call", "reached", "Ann")
    assert entry["subject"] == "cash_flow: pays Friday, she thinks"
    assert {item["ref"] for item in entry["invoices"]} == {"I78", "I9"}


@pytest.mark.req("A12", "A74", "E11")
@pytest.mark.parametrize(
    ("words", "kind", "until"),
    [
        (("promised", "--promised", (TODAY + timedelta(days=3)).isoformat(), "--why", "cash_flow"), "promise", True),
        (("disputed", "--why", "service"), "dispute", False),
        (("already_paid",), "dispute", False),
        (("hardship", "--why", "cash_flow"), "hardship", False),
    ],
)
def test_what_is_said_in_a_call_holds_at_once(folder, words, kind, until):
    done = call(folder, "--outcome", *words, "--json")
    assert done.code == 0, done.err
    (hold,) = done.json["holds"]
    assert (hold["kind"], hold["until"] is not None) == (kind, until)
    shown = inline(folder, "account", "show", "P1", "--json").json
    assert shown["holds"] == [hold["id"]]
    assert len(shown["promises"]) == (kind == "promise")
    sends = [entry for entry in inline(folder, "preview", "--json").json if entry["would_send"]]
    assert (sends == []) or kind == "hardship"


def test_a_dispute_about_one_invoice_holds_that_one(folder):
    (hold,) = call(folder, "-o", "disputed", "-w", "wrong_amount", "--invoice", "1009", "--json").json["holds"]
    (found,) = inline(folder, "hold", "list", "--json").json
    assert (found["id"], found["invoice"]["ref"]) == (hold["id"], "I9")


def test_a_call_without_what_it_needs_is_refused_in_one_clear_line(folder):
    for words in (
        ("--outcome", "reached"),
        ("--outcome", "promised", "--why", "cash_flow"),
        ("--outcome", "promised", "--why", "cash_flow", "--promised", "2020-01-01"),
        ("--outcome", "no_answer", "--promised", "2090-01-01"),
        ("--outcome", "fine"),
        ("--outcome", "no_answer", "--at", "2090-01-01T10:00"),
        ("--outcome", "no_answer", "--invoice", "9999"),
    ):
        ran = call(folder, *words)
        assert (ran.code, "Traceback" in ran.err) == (2, False), words
    assert inline(folder, "contacts", "log", "--json").json == []


@pytest.mark.req("A3", "A98", "A100")
def test_the_log_is_exported_whole_or_redacted(folder):
    call(folder, "--outcome", "no_answer", "--by", "Ann", "--note", "=HYPERLINK(1)")
    inline(folder, "contacts", "add", "reply", "P1", "-o", "our cash is short, please wait")
    table = list(csv.DictReader(io.StringIO(inline(folder, "contacts", "export").out)))
    assert [row["kind"] for row in table] == ["call", "reply"]
    assert table[0]["subject"] == "'=HYPERLINK(1)", "no spreadsheet runs it"
    assert inline(folder, "contacts", "export", "--json").json[1]["outcome"] == "our cash is short, please wait"
    file = folder / "log.json"
    assert inline(folder, "contacts", "export", "--format", "json", "--redact", "--out", str(file)).out == ""
    hidden = json.loads(file.read_text())
    assert [(item["kind"], item["outcome"], item["subject"]) for item in hidden] == [("call", "no_answer", ""), ("reply", "", "")]
    assert inline(folder, "contacts", "export", "--until", day(1)).out.count("\n") == 1


def test_an_account_shows_what_comes_next_what_could_be_charged_and_what_is_missing(folder):
    shown = inline(folder, "account", "show", "Alder Dental", "--json").json
    (fee,) = shown["fees"]
    assert fee["total"] == {"minor": 4350, "currency": "USD"}  # 1,000 at 18 % for 78 and 9 days over 360
    assert "over 360" in fee["basis"]
    assert shown["collections"] == {
        "ready": False,
        "missing": [
            "invoice 1078: no reminder named it",
            "invoice 1078: no call with its outcome is logged",
            "invoice 1078: the final notice was not sent",
        ],
    }
    assert [entry["stage"] for entry in shown["next"] if entry["would_send"] or entry["reasons"]]
    assert shown["next_look"]
    words = inline(folder, "account", "show", "Alder Dental")
    assert words.code == 0
    for part in ("next:", "could be charged (proposed, never posted): 43.50 USD", "not ready for collections", "looked at again"):
        assert part in words.out


def test_clients_are_listed_with_how_late_they_are_and_what_holds_them(folder):
    inline(folder, "hold", "add", "dispute", "P1")
    (row,) = inline(folder, "account", "list", "--late", "--json").json
    assert (row["account"], row["days_late"], row["held"]) == ("books:P1", 78, ["dispute"])
    assert "78" in inline(folder, "account", "list").out


def test_tasks_are_listed_with_the_words_for_a_call(folder):
    (folder / "books" / "payments.csv").write_text(
        f"ref,party_ref,currency,amount,unapplied,paid_on,status\nQ1,P1,USD,1000.00,1000.00,{day(2)},received\n"
    )
    assert inline(folder, "sync").code == 0
    found = inline(folder, "tasks", "list", "--json").json
    assert {item["kind"] for item in found} == {"lookalike"}
    assert inline(folder, "tasks", "list", "--kind", "call", "--json").json == []
    assert "apply the payment?" in inline(folder, "tasks", "list").out
    assert inline(folder, "tasks", "list", "--account", "nobody").code == 2


def test_a_hold_lifted_twice_says_so(folder):
    (hold,) = inline(folder, "hold", "add", "promise", "P1", "--until", (TODAY + timedelta(days=9)).isoformat(), "--json").json
    assert inline(folder, "hold", "lift", hold["id"]).code == 0
    inline(folder, "hold", "add", "promise", "P1", "--until", (TODAY + timedelta(days=9)).isoformat())
    again = inline(folder, "hold", "lift", hold["id"], "--json")
    assert (again.code, again.json["lifted"]) == (1, False)
    assert "already" in inline(folder, "hold", "lift", hold["id"]).err
    assert len(inline(folder, "account", "show", "P1", "--json").json["promises"]) == 1, "the newer promise stands"
    assert inline(folder, "hold", "lift", "nothing").code == 2


@pytest.mark.req("E15")
def test_looking_ahead_lists_a_kept_back_client_once_with_its_first_day(folder):
    inline(folder, "hold", "add", "dispute", "P1", "--reason", "wrong hours")
    ahead = inline(folder, "preview", "--days", "20", "--json").json
    assert [entry["would_send"] for entry in ahead] == [False]
    assert f"kept back since {TODAY}" in " ".join(ahead[0]["reasons"])


def test_looking_ahead_names_each_message_once(folder):
    ahead = inline(folder, "preview", "--days", "40", "--json").json
    said = [(entry["stage"], *(item["ref"] for item in entry["invoices"])) for entry in ahead if entry["stage"] != "statement"]
    assert len(said) == len(set(said))
    assert len(ahead) <= 5


@pytest.mark.req("E11")
def test_a_hold_whose_last_day_is_over_is_refused_instead_of_holding_nothing(folder):
    done = inline(folder, "hold", "add", "dispute", "Alder Dental", "--until", day(1))
    assert (done.code, "would hold nothing" in done.err) == (2, True)
    assert inline(folder, "hold", "list", "--json").json == []
    assert inline(folder, "hold", "add", "dispute", "Alder Dental", "--until", day(0)).code == 0


@pytest.mark.req("E11")
def test_a_promise_says_its_currency(folder):
    words = ("hold", "add", "promise", "Alder Dental", "--until", day(-3), "--amount", "500")
    assert inline(folder, *words, "--currency", "eur").code == 0
    (promise,) = inline(folder, "account", "show", "Alder Dental", "--json").json["promises"]
    assert promise["amount"] == {"minor": 50000, "currency": "EUR"}
