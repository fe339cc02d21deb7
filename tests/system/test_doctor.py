"""`duesync doctor`: the machine, the store, each connection and the sender's domain; what is no pass says what to do."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from connectors.quickbooks.sandbox import QuickBooksSandbox
from connectors.testing.serve import serve
from core import fonts
from core.clock import SystemClock
from core.errors import StoreBusy
from core.ports import Check, Tokens
from scheduler import doctor_machine
from scheduler.app import open_app
from scheduler.doctor import _with_remedy, examine
from scheduler.doctor_machine import DAEMON
from tests.system.commands import CSV, books, duesync
from tests.system.test_daemon import QUICK, daemon
from tests.unit.connectors.smtp.servers import sink
from tests.unit.connectors.smtp.test_sender_domain import DOMAIN, GOOD, zone

PARTIES = "ref,name,email,currency,active\nP1,Alder Dental,ap@alder.example,USD,true\n"
MAIL = """
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
from_address = "ar@{domain}"
name_servers = ["{server}"]
dkim_selectors = ["one"]
timeout = 2.0
"""


def looked(folder, more="") -> dict[str, Check]:
    """Doctor's lines by name, over a folder of CSV files and `more` configuration."""
    books(folder, parties=PARTIES)
    (folder / "duesync.toml").write_text(CSV + more)
    with open_app(folder / "duesync.toml", quiet=True) as app:
        return {check.name: check for check in examine(app)}


def bad_or_unknown(found):
    return {name: check for name, check in found.items() if check.ok is not True}


def test_a_sound_installation_passes_every_line(tmp_path):
    with sink(tmp_path / "box") as (port, _), zone(GOOD) as server:
        found = looked(tmp_path, MAIL.format(port=port, domain=DOMAIN, server=server.address))
    odd = {name for name in bad_or_unknown(found) if not name.startswith("books ")}  # files that are not there are said so
    assert odd <= {"mail mail encryption", "mail mail archive", "fonts"}  # loopback; no archive is set
    wanted = {
        "packages",
        "configuration",
        "disk",
        "store",
        "journal",
        "daemon",
        "vault",
        "fonts",
        "roles",
        "books",
        "mail",
        "dunning",
    }
    assert wanted | {"mail SPF", "mail DKIM", "mail DMARC", "mail answers"} <= set(found)


def test_nothing_well_says_what_to_do_on_every_line(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor_machine, "_LEAST_FREE", 1 << 62)
    monkeypatch.setattr(fonts, "FOLDERS", ())
    fonts._faces.cache_clear()
    with zone({(DOMAIN, "TXT"): ['"v=spf1 +all"']}) as server:
        mail = MAIL.format(port=9, domain=DOMAIN, server=server.address)
        found = bad_or_unknown(looked(tmp_path, mail + '\n[dunning]\nmode = "active"\n'))
    fonts._faces.cache_clear()
    assert {"disk", "fonts", "mail", "mail SPF", "mail DKIM", "mail DMARC", "mail answers"} <= set(found)
    assert [name for name, check in found.items() if not check.remedy] == []
    assert "reached" not in found["mail"].detail  # nothing listens there


def test_a_connectors_line_without_advice_is_given_some():
    assert _with_remedy(Check(name="x", ok=None, detail="d")).remedy
    assert _with_remedy(Check(name="x", ok=False, detail="d")).remedy
    assert _with_remedy(Check(name="x", ok=True, detail="d")).remedy == ""


def test_a_network_without_name_servers_is_no_pass(tmp_path):
    with sink(tmp_path / "box") as (port, _), zone(GOOD, code=2) as server:
        found = looked(tmp_path, MAIL.format(port=port, domain=DOMAIN, server=server.address))
    assert [found[f"mail {name}"].ok for name in ("SPF", "DKIM", "DMARC", "answers")] == [None] * 4


def test_a_store_not_of_this_release_and_an_edited_journal_show(tmp_path):
    looked(tmp_path)
    with open_app(tmp_path / "duesync.toml", quiet=True) as app:
        app.store.pause("all", by="ann", reason="", now=SystemClock().now())
        assert doctor_machine._schema(app).ok
        assert doctor_machine._journal(app).ok


@pytest.mark.parametrize(("role", "ok"), [("channel", True), ("books", False)])
def test_a_connection_nothing_is_pulled_from_keeps_no_books(tmp_path, role, ok):
    (tmp_path / "letters").mkdir()
    found = looked(tmp_path, f'[connections.post]\ntype = "letters"\npath = "letters"\nrole = "{role}"\n')
    assert found["roles"].ok is ok
    assert bool(found["roles"].remedy) is not ok


def test_a_running_daemon_shows_and_a_second_is_refused(tmp_path):
    books(tmp_path, parties=PARTIES)
    config = tmp_path / "duesync.toml"
    config.write_text(CSV + QUICK)
    with daemon(tmp_path) as running:
        running.until("daemon.started")
        with open_app(config, quiet=True) as app:
            assert "second would not start" in doctor_machine.daemons(app).detail
        second = duesync(tmp_path, "run")
        assert (second.code, "Another daemon runs on this store" in second.err) == (3, True)


def test_the_place_of_a_daemon_is_free_again_once_it_is_gone(tmp_path):
    looked(tmp_path)
    with open_app(tmp_path / "duesync.toml", quiet=True) as app:
        with app.store.alone(DAEMON, wait=0.0, busy=StoreBusy("busy")):
            assert "second would not start" in doctor_machine.daemons(app).detail
        assert "none runs" in doctor_machine.daemons(app).detail


@pytest.mark.parametrize(("days", "ok"), [(5, None), (60, True), (None, None)])
def test_a_consent_that_ends_soon_is_told_in_time(tmp_path, days, ok):
    clock = SystemClock()
    key = Fernet.generate_key()
    for name, value in (("vault.key", key), ("secret", b"x" * 20)):
        (tmp_path / name).write_bytes(value)
        (tmp_path / name).chmod(0o600)
    with ExitStack() as stack:
        base = stack.enter_context(serve(QuickBooksSandbox(clock)))
        config = f'[vault]\nkey = "file:{tmp_path / "vault.key"}"\n[connections.qbo]\ntype = "quickbooks"\nrole = "books"\n'
        config += f'realm_id = "1"\nclient_id = "c"\nclient_secret = "file:{tmp_path / "secret"}"\nbase_url = "{base}"\n'
        config += f'token_url = "{base}/token"\n'
        books(tmp_path, parties=PARTIES)
        (tmp_path / "duesync.toml").write_text(CSV + config)
        app = stack.enter_context(open_app(tmp_path / "duesync.toml", quiet=True))
        if days is not None:
            ends = clock.now() + timedelta(days=days)
            with app.store.vault.locked("qbo") as slot:
                slot.write(Tokens(access="a", refresh="r", refresh_expires_at=ends, consent_expires_at=ends))
        found = {check.name: check for check in examine(app)}
    if days is None:
        assert "qbo consent ends" not in found
        assert found["qbo"].ok is False
    else:
        assert found["qbo consent ends"].ok is ok
        assert ("duesync auth qbo" in found["qbo consent ends"].remedy) is (ok is None)


def test_a_setting_for_a_misspelt_client_is_told_by_doctor_and_by_preview(tmp_path):
    books(tmp_path, parties=PARTIES)
    (tmp_path / "duesync.toml").write_text(CSV + '[dunning.accounts."Alder Dentel"]\nfollow = false\n')
    duesync(tmp_path, "sync")

    with open_app(tmp_path / "duesync.toml", quiet=True) as app:
        (check,) = [check for check in examine(app) if check.name == "settings"]
    assert check.ok is None
    assert 'perhaps "Alder Dental" is meant' in check.detail
    assert 'dunning.accounts."Alder Dentel"' in " ".join(duesync(tmp_path, "preview").err.split())


def test_an_open_invoice_whose_client_no_system_lists_is_told(tmp_path):
    bills = "ref,party_ref,number,total,open,currency,issued_on,due_on,status\n"
    bills += "1,P1,INV-1,100.00,100.00,USD,2026-01-01,2026-01-31,open\n2,P9,INV-2,100.00,100.00,USD,2026-01-01,2026-01-31,open\n"
    books(tmp_path, parties=PARTIES, invoices=bills)
    duesync(tmp_path, "sync")

    with open_app(tmp_path / "duesync.toml", quiet=True) as app:
        (check,) = [check for check in examine(app) if check.name == "clients"]
    assert "1 open invoice(s), for no system lists their client: books INV-2" in check.detail
