"""The command line from a shell: what it prints, its exit codes, and what it leaves when something is wrong."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import stat

import pytest

from core.clock import SystemClock
from core.store import open_store
from tests.system.commands import BASE, books, duesync

PARTIES = "ref,name,email,currency,active\nP1,Alder Dental,ap@alder.example,USD,true\nP2,Birch Law,ap@birch.example,USD,true\n"
INVOICES = (
    "ref,party_ref,number,currency,total,open,issued_on,due_on,status\n"
    "I1,P1,1001,USD,100.00,100.00,2026-03-02,2026-03-17,open\n"
    "I2,P2,1002,USD,250.00,250.00,2026-03-02,2026-03-17,open\n"
)
PAYMENTS = (
    "ref,party_ref,currency,amount,unapplied,paid_on,reference,memo,status\nQ1,P1,USD,100.00,100.00,2026-03-20,,,received\n"
)


@pytest.fixture
def folder(tmp_path):
    return books(tmp_path, parties=PARTIES, invoices=INVOICES, payments=PAYMENTS)


def test_sync_reconcile_findings_and_preview_agree_about_a_client_who_paid(folder):
    pulled = duesync(folder, "sync", "--json")
    assert pulled.code == 0, pulled.err
    assert {item["stream"]: item["inserted"] for item in pulled.json[0]["streams"]}["invoices"] == 2
    assert duesync(folder, "reconcile", "--json").code == 0
    found = duesync(folder, "findings", "list", "--json").json
    assert [(item["kind"], item["subjects"][0]["ref"], item["at_stake"]) for item in found] == [
        ("unapplied_payment", "Q1", {"minor": 10000, "currency": "USD"})
    ]
    shown = duesync(folder, "preview", "--as-of", "2026-03-24", "--json").json
    by_party = {item["party_refs"][0]: item for item in shown}
    assert by_party["P2"]["would_send"] is True
    assert by_party["P1"]["would_send"] is False
    assert any("paid" in why or "payment" in why or "owes" in why for why in by_party["P1"]["reasons"])


def test_no_findings_is_not_said_to_be_good_news_before_anything_was_examined_or_when_only_some_were_asked_for(folder):
    assert "reconcile" in duesync(folder, "findings", "list").out
    duesync(folder, "sync")
    assert "add up" not in duesync(folder, "findings", "list").out
    duesync(folder, "reconcile")
    assert "add up" not in duesync(folder, "findings", "list", "--kind", "billing_gap").out


def test_preview_says_that_a_message_cannot_be_written_and_what_to_set(folder):
    config = folder / "duesync.toml"
    config.write_text("\n".join(line for line in config.read_text().splitlines() if not line.startswith(("email", "phone"))))
    duesync(folder, "sync")
    words = duesync(folder, "preview", "--as-of", "2026-03-24")
    assert "cannot be written yet: there is no way to answer: set organisation.email or phone" in words.err
    shown = duesync(folder, "preview", "--as-of", "2026-03-24", "--json").json
    assert [any("organisation.email" in why for why in item["reasons"]) for item in shown] == [
        item["would_send"] for item in shown
    ]


def test_a_client_that_is_not_named_in_full_is_asked_for_and_never_taken(folder):
    duesync(folder, "sync")
    ran = duesync(folder, "hold", "add", "dispute", "alder")
    assert (ran.code, 'Did you mean "Alder Dental"?' in ran.err) == (2, True)
    ran = duesync(folder, "account", "show", "Birch Lwa")
    assert (ran.code, 'Did you mean "Birch Law"?' in ran.err) == (2, True)
    assert duesync(folder, "hold", "list", "--json").json == []


def test_findings_have_every_key_other_tools_rely_on(folder):
    duesync(folder, "sync")
    duesync(folder, "reconcile")
    (item,) = duesync(folder, "findings", "list", "--json").json
    needed = {
        "id",
        "kind",
        "severity",
        "confidence",
        "account",
        "connection",
        "subjects",
        "at_stake",
        "evidence",
        "proposal",
        "state",
    }
    assert needed | {"first_seen_at", "last_seen_at"} <= set(item)


def test_a_second_sync_writes_no_row(folder):
    duesync(folder, "sync")
    again = duesync(folder, "sync", "--json").json
    assert all(item["inserted"] == item["updated"] == item["deleted"] == 0 for item in again[0]["streams"])


def test_the_configuration_may_be_named_before_or_after_the_command(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    path = str(folder / "duesync.toml")
    assert duesync(elsewhere, "--config", path, "config", "check").code == 0
    assert duesync(elsewhere, "config", "check", "--config", path).code == 0
    assert duesync(elsewhere, "config", "check", env={"DUESYNC_CONFIG": path}).code == 0


def test_five_mistakes_are_listed_together(tmp_path):
    (tmp_path / "duesync.toml").write_text(
        BASE.replace("America/Chicago", "Chicago").replace('"USD"', '"dollars"').replace('"US"', '"America"')
        + '[connections.books]\ntype = "sage"\nrole = "ledger"\n[extra]\nkey = 1\n'
    )
    ran = duesync(tmp_path, "sync")
    assert ran.code == 2
    for key in (
        "organisation.timezone",
        "organisation.currency",
        "organisation.country",
        "connections.books.type",
        "connections.books.role",
        "extra",
    ):
        assert key in ran.err
    assert duesync(tmp_path, "config", "check", "--json").json["ok"] is False


def test_a_broken_cell_is_named_by_file_line_and_column_and_its_neighbours_go_on(tmp_path):
    broken = (
        INVOICES.replace("I2,P2,1002,USD,250.00", "I2,P2,1002,USD,2x0.00") + "I3,P2,1003,USD,5,5,2026-03-02,2026-03-17,open\n"
    )
    folder = books(tmp_path, parties=PARTIES, invoices=broken)
    ran = duesync(folder, "sync", "--json")
    assert ran.code == 0
    streams = {item["stream"]: item for item in ran.json[0]["streams"]}
    assert (streams["invoices"]["inserted"], streams["invoices"]["malformed"]) == (2, 1)
    duesync(folder, "reconcile")
    (item,) = duesync(folder, "findings", "list", "--kind", "malformed_record", "--json").json
    assert "invoices.csv:3:total" in json.dumps(item["evidence"])


@pytest.mark.req("E1", "E49")
@pytest.mark.parametrize(
    ("file", "wrong"),
    [
        ("payments.csv", "ref,party_ref,currency,amount,paid_on\nQ1,P1,USD,ten,2026-03-20\n"),
        ("credit_notes.csv", "ref,party_ref,currency,total,issued_on\nN1,P1,USD,-1200.00,2026-03-20\n"),
        ("invoices.csv", None),
    ],
)
def test_nobody_is_reminded_while_a_row_of_money_of_theirs_cannot_be_read(tmp_path, file, wrong):
    folder = books(tmp_path, parties=PARTIES, invoices=INVOICES)
    duesync(folder, "sync")
    before = {row["account"]: row["would_send"] for row in duesync(folder, "preview", "--json").json}
    path = folder / "books" / file
    path.write_text(wrong or path.read_text() + "I9,P1,1009,USD,-1200.00,-1200.00,2026-03-02,2026-03-17,open\n")
    duesync(folder, "sync")
    rows = {row["account"]: row for row in duesync(folder, "preview", "--json").json}
    mine = rows["books:P1"]
    assert (before["books:P1"], mine["would_send"]) == (True, False)
    assert f"a row about this client cannot be read, so nobody can tell what is owed (books {file}" in "; ".join(mine["reasons"])
    others = {name: row["would_send"] for name, row in rows.items() if name != "books:P1"}
    assert others == {name: sends for name, sends in before.items() if name != "books:P1"}


def test_a_broken_cell_that_is_mended_is_no_finding_any_more(folder):
    wrong = "source_ref,invoice_ref,amount,applied_on\nQ1,I1,ten,2026-03-20\n"
    (folder / "books" / "allocations.csv").write_text(wrong)
    duesync(folder, "sync")
    duesync(folder, "reconcile")
    assert len(duesync(folder, "findings", "list", "--kind", "malformed_record", "--json").json) == 1
    (folder / "books" / "allocations.csv").write_text(wrong.replace("ten", "10.00"))
    duesync(folder, "sync")
    duesync(folder, "reconcile")
    assert duesync(folder, "findings", "list", "--kind", "malformed_record", "--json").json == []


def test_no_configuration_says_where_it_looked(tmp_path):
    ran = duesync(tmp_path, "sync")
    assert ran.code == 2
    assert "duesync init" in ran.err


@pytest.mark.parametrize(
    "words", ["no-such-command", "sync --bogus", "hold lift", "hold add whim x", "preview --as-of 2026-13-45", "report nothing"]
)
def test_a_wrong_usage_is_told_in_words_and_exit_2(folder, words):
    ran = duesync(folder, *words.split())
    assert ran.code == 2, ran.err
    assert "Error:" in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_an_unknown_connection_names_those_there_are(folder):
    ran = duesync(folder, "sync", "nosuch")
    assert ran.code == 2
    assert "books" in ran.err


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path):
    folder = books(tmp_path)
    (folder / "books").rmdir()
    ran = duesync(folder, "sync")
    assert ran.code == 3
    assert "books" in ran.err
    assert "Traceback" not in ran.err


QUICKBOOKS = (
    BASE
    + """
[vault]
key = "file:vault-key"
[connections.qbo]
type = "quickbooks"
role = "books"
realm_id = "123"
client_id = "id"
client_secret = "env:QBO_SECRET"
refresh_token = "env:QBO_REFRESH"
base_url = "{url}"
token_url = "{url}/oauth2/v1/tokens/bearer"
"""
)


def quickbooks(folder, url):
    from cryptography.fernet import Fernet

    (folder / "vault-key").write_bytes(Fernet.generate_key())
    (folder / "vault-key").chmod(stat.S_IRUSR | stat.S_IWUSR)
    (folder / "duesync.toml").write_text(QUICKBOOKS.format(url=url).replace("file:vault-key", f"file:{folder / 'vault-key'}"))
    return folder


def test_an_unreachable_host_is_one_clear_line_and_exit_3(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    ran = duesync(quickbooks(tmp_path, url), "sync", env={"QBO_SECRET": "canary-secret", "QBO_REFRESH": "canary-refresh"})
    assert ran.code == 3
    assert "127.0.0.1" in ran.err
    assert "canary" not in ran.err + ran.out
    assert "Traceback" not in ran.err


def test_wrong_credentials_say_how_to_connect_again(tmp_path):
    from connectors.quickbooks.sandbox import QuickBooksSandbox
    from connectors.testing.serve import serve
    from core.clock import SystemClock

    with serve(QuickBooksSandbox(SystemClock())) as url:
        ran = duesync(quickbooks(tmp_path, url), "sync", env={"QBO_SECRET": "wrong-secret", "QBO_REFRESH": "wrong-refresh"})
    assert ran.code == 3
    assert "client_secret" in ran.err or "duesync auth qbo" in ran.err
    assert "wrong-secret" not in ran.err


def test_a_missing_secret_is_named_by_its_key(tmp_path):
    ran = duesync(quickbooks(tmp_path, "http://127.0.0.1:1"), "sync")
    assert ran.code == 2
    assert "connections.qbo.client_secret" in ran.err
    assert "QBO_SECRET" in ran.err


def test_a_missing_vault_key_is_named_by_its_key(folder):
    config = folder / "duesync.toml"
    config.write_text(config.read_text() + '[vault]\nkey = "env:NOT_SET_ANYWHERE"\n')
    ran = duesync(folder, "sync")
    assert ran.code == 2
    assert "vault.key: the environment variable NOT_SET_ANYWHERE is not set" in ran.err


def test_a_hold_without_end_is_not_shown_as_lifted_before_it_is(folder):
    duesync(folder, "sync")
    duesync(folder, "reconcile")
    client = duesync(folder, "account", "list", "--json").json[0]["account"]
    duesync(folder, "hold", "add", "dispute", client)
    assert "lifted" not in duesync(folder, "hold", "list").out
    duesync(folder, "hold", "lift", duesync(folder, "hold", "list", "--json").json[0]["id"])
    assert "lifted" in duesync(folder, "hold", "list", "--lifted").out


@pytest.mark.own_store
def test_a_locked_store_is_one_clear_line_and_loses_nothing(folder):
    duesync(folder, "sync")
    holder = sqlite3.connect(folder / "duesync.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        ran = duesync(folder, "reconcile")
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert ran.code == 3
    assert "Traceback" not in ran.err
    assert len(ran.err.strip().splitlines()) <= 3
    assert duesync(folder, "reconcile").code == 0


@pytest.mark.own_store
def test_a_store_that_is_not_one_is_one_clear_line(folder):
    (folder / "duesync.db").write_bytes(b"this is not a database, it is a letter" * 200)
    ran = duesync(folder, "sync")
    assert ran.code == 3
    assert "Traceback" not in ran.err


@pytest.mark.own_store
def test_a_full_disk_is_one_clear_line_and_the_store_opens_again(folder):
    import resource
    import subprocess
    import sys

    from tests.conftest import ROOT

    assert duesync(folder, "sync").code == 0
    many = "".join(f"J{n},P1,{n},USD,1.00,1.00,2026-03-02,2026-03-17,open\n" for n in range(20_000))
    (folder / "books" / "invoices.csv").write_text(INVOICES + many)
    size = (folder / "duesync.db").stat().st_size + 200_000

    def limit():
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    done = subprocess.run(
        [sys.executable, "-P", "-c", "from scheduler.cli import main; main()", "sync"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=limit,
    )
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert len(duesync(folder, "findings", "list", "--state", "open", "--json").json) >= 0
    assert duesync(folder, "sync").code == 0


def test_holds_stop_a_reminder_and_lifting_lets_it_go_on(folder):
    duesync(folder, "sync")
    added = duesync(folder, "hold", "add", "dispute", "Birch Law", "--reason", "wrong hours", "--json")
    assert added.code == 0, added.err
    shown = duesync(folder, "preview", "--as-of", "2026-03-24", "--json").json
    birch = next(item for item in shown if item["party_refs"][0] == "P2")
    assert birch["would_send"] is False
    assert any("dispute" in why for why in birch["reasons"])
    assert duesync(folder, "hold", "lift", added.json[0]["id"]).code == 0
    shown = duesync(folder, "preview", "--as-of", "2026-03-24", "--json").json
    assert next(item for item in shown if item["party_refs"][0] == "P2")["would_send"] is True


def test_observe_mode_queues_and_sends_nothing(folder):
    duesync(folder, "sync")
    duesync(folder, "reconcile")
    assert duesync(folder, "outbox", "list", "--json").json == []
    assert duesync(folder, "contacts", "log", "--json").json == []


def test_the_journal_verifies_until_somebody_edits_it(folder):
    duesync(folder, "sync")
    duesync(folder, "reconcile")
    assert duesync(folder, "journal", "verify", "--json").json["ok"] is True
    store = open_store(f"sqlite:///{folder}/duesync.db", clock=SystemClock())
    with store._db.write() as tx:
        tx.exec_driver_sql("UPDATE journal SET detail = replace(detail, '{', '{ ') WHERE seq = (SELECT max(seq) FROM journal)")
        tx.exec_driver_sql("UPDATE journal SET kind = 'edited' WHERE seq = (SELECT max(seq) FROM journal)")
    store.close()
    ran = duesync(folder, "journal", "verify")
    assert ran.code == 1


@pytest.mark.parametrize(
    "command", [["--help"], ["sync", "--help"], ["findings", "--help"], ["match", "--help"], ["hold", "add", "--help"]]
)
def test_help_teaches(tmp_path, command):
    ran = duesync(tmp_path, *command)
    assert ran.code == 0
    assert len(ran.out.splitlines()) > 5


def test_reports_add_up(folder):
    duesync(folder, "sync")
    ageing = duesync(folder, "report", "ageing", "--as-of", "2026-03-24", "--json").json
    assert ageing["totals"]["USD"]["total"] == 35000
    assert ageing["totals"]["USD"]["net"] == 25000


def test_init_writes_a_configuration_that_is_fine(tmp_path):
    ran = duesync(
        tmp_path,
        "init",
        "--name",
        "Northwind",
        "--timezone",
        "Europe/Berlin",
        "--currency",
        "EUR",
        "--country",
        "DE",
        "--connection",
        "csv",
    )
    assert ran.code == 0, ran.err
    assert duesync(tmp_path, "config", "check").code == 0
    assert stat.S_IMODE((tmp_path / "duesync.toml").stat().st_mode) == 0o600
    assert duesync(tmp_path, "init").code == 2
