"""No secret leaves its place: days of work against a vendor that quotes our credentials in its refusals, then a search for each.

Looked for are the values a thief would want: client secret, refresh and access tokens as they rotate, the webhook verifier, the
vault key, the metrics token; in plain, and as a careless program would write them (base64 as in a header, percent-encoded as in
a form). Looked through is all that is written or said: every file but the secrets' own, the log at its most talkative, commands.
"""

from __future__ import annotations

import base64
import io
import sqlite3
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest

from connectors.testing.serve import serve
from core import log as logging_setup
from core.clock import SystemClock
from core.outbox import OutboxState
from core.store import open_store
from scheduler.app import App, open_app
from scheduler.demo.days import FastClock, steps
from scheduler.demo.setup import write_configuration
from scheduler.demo.vendor import DemoVendor, first_moment, mail_sink
from scheduler.doctor import examine
from scheduler.http.metrics import exposition
from scheduler.jobs import jobs, resume_sending
from scheduler.runner import Runner
from tests.on_postgres import wanted as wanted_there
from tests.system.commands import BASE, books, duesync
from tests.system.inline import inline

DAYS = 5
HEAD = "ref,party_ref,number,currency,total,open,issued_on,due_on,status\n"
CLIENT_SECRET = "CanaryClientSecret9"
VERIFIER = "CanaryWebhookVerifier7"
METRICS = "CanaryMetricsToken5"
TOKENS = ("eyJsandbox", "AB1sandbox", "AB11sandbox")  # how every token of the sandbox begins
SECRET_FILES = {"client_secret", "refresh_token", "webhook_verifier", "vault-key"}


# What reads or moves the whole store.
KEEPING = (
    ("backup", "second.db"),
    ("restore", "second.db", "--to", "sqlite:///{home}/restored.db"),
    ("vault", "status"),
    ("vault", "rotate"),
    ("privacy", "export", "{client}", "-o", "handed-out"),
    ("privacy", "erase", "{client}", "--reason", "asked", "--yes", "--force"),
)


@dataclass
class Parrot:
    """The demo's vendor, except that every `every`th call is refused with our own credentials in the body and in the headers."""

    vendor: DemoVendor
    every: int = 0
    calls: int = 0
    quoted: list[str] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        if not self.every or self.calls % self.every:
            return self.vendor.handle(request)
        status = (500, 401, 400, 403, 503)[(self.calls // self.every) % 5]
        said = f"refused: {request.headers.get('authorization', '')} {request.content.decode('utf-8', 'replace')}"
        self.quoted.append(said)
        headers = {"intuit_tid": "tid-1", "www-authenticate": said.splitlines()[0]}
        fault = {"Error": [{"Message": said, "Detail": said, "code": "2010"}], "type": "ValidationFault"}
        gateway = {"error": [{"message": said, "detail": said, "code": "3200"}], "type": "AUTHENTICATION"}
        body = (
            {"error": said, "error_description": said} if "/oauth2/" in request.url.path else {"Fault": fault, "fault": gateway}
        )
        return httpx.Response(status, headers=headers, json=body)


def canaries(vault_key: str, client_id: str) -> tuple[bytes, ...]:
    plain = (CLIENT_SECRET, VERIFIER, METRICS, vault_key)
    basic = base64.b64encode(f"{client_id}:{CLIENT_SECRET}".encode()).decode()
    return tuple({text.encode() for item in (*plain, *TOKENS) for text in (item, quote(item, safe=""))} | {basic.encode()})


def leaks(words: bytes, wanted: tuple[bytes, ...]) -> list[bytes]:
    return [canary for canary in wanted if canary in words]


def work(app: App, parrot: Parrot, clock: FastClock) -> Runner:
    """Pull, review and dispatch day by day; on most days the vendor misbehaves, and tokens end and rotate."""
    runner = Runner(app)
    for step in steps(app.zone, DAYS):
        parrot.every = (0, 7, 3)[step.number % 3]
        parrot.vendor.advance(step.at)
        clock.set(max(step.at, clock.now() + timedelta(seconds=1)))
        if step.number % 2:
            parrot.vendor.sandbox.oauth.expire_access()
        for job in jobs(app):
            runner.run(job)
        resume_sending(app, "test")
    return runner


@pytest.fixture
def world():
    vendor = DemoVendor()
    vendor.sandbox.oauth.client_secret = CLIENT_SECRET
    vendor.sandbox.oauth.rotate_after = timedelta(0)
    vendor.sandbox.verifier = VERIFIER
    return Parrot(vendor)


def test_no_secret_in_logs_errors_journal_store_backup_or_commands(tmp_path, world, monkeypatch, capfd):
    home, clock, log = tmp_path / "home", FastClock(first_moment()), io.StringIO()
    home.mkdir()
    monkeypatch.setenv("DUESYNC_TEST_METRICS", METRICS)
    with serve(world) as url, mail_sink(home / "mail") as smtp:
        config = write_configuration(home, world.vendor.settings(url), smtp_port=smtp, maildir=home / "mail")
        config.write_text(config.read_text() + '\n[http]\nenabled = true\ntoken = "env:DUESYNC_TEST_METRICS"\n')
        wanted = canaries((home / "vault-key").read_text(), world.vendor.sandbox.oauth.client_id)
        logging_setup.configure("debug", "json", log)
        with open_app(config, clock=clock, quiet=True) as app:
            runner = work(app, world, clock)
            world.every = 2
            said = [*map(repr, examine(app)), repr(runner.failing), exposition(app, runner).decode(), repr(app.loaded)]
            said += map(repr, app.store.runs())
            said += map(repr, app.store.journal_entries())
            app.store.backup(home / "backup.db")
            sent = app.store.outbox(states=[OutboxState.SETTLED])
            refreshed = world.vendor.sandbox.oauth.refreshes
            tokens = app.store.vault.read("books")
            client = app.store.accounts()[0].id
        for command in (["doctor"], ["sync"], ["--json", "sync", "--full"], ["outbox", "list"], ["journal", "verify"]):
            ran = duesync(home, *command)
            said += [ran.out, ran.err]
        for command in KEEPING:
            ran = inline(home, *(word.format(home=home, client=client) for word in command))
            assert ran.code == 0, (command, ran.err)
            said += [ran.out, ran.err]

    assert any(CLIENT_SECRET in base64_of(item) for item in world.quoted), "the vendor never quoted the client secret"
    assert any("Bearer eyJsandbox" in item for item in world.quoted), "the vendor never quoted an access token"
    assert sent, "nothing was sent"
    assert refreshed > 3, "no token rotated"
    assert tokens is not None
    assert tokens.access.startswith(TOKENS[0])
    assert '"event": "job.failed"' in log.getvalue() or '"event": "stream.failed"' in log.getvalue()

    assert leaks(log.getvalue().encode(), wanted) == []
    assert leaks("\n".join(said).encode(), wanted) == []
    spoken = capfd.readouterr()
    assert leaks((spoken.out + spoken.err).encode(), wanted) == []
    files = [path for path in home.rglob("*") if path.is_file() and path.name not in SECRET_FILES]
    kept = {"backup.db", "second.db", "restored.db", "client.json", "duesync.toml", *(() if wanted_there() else ("duesync.db",))}
    assert kept <= {path.name for path in files}
    assert {path.name: leaks(path.read_bytes(), wanted) for path in files if leaks(path.read_bytes(), wanted)} == {}
    with sqlite3.connect(home / "backup.db") as backup:
        assert backup.execute("select count(*) from tokens").fetchone() == (1,)
    backup.close()


def base64_of(said: str) -> str:
    """What a quoted Basic header says in plain."""
    scheme, _, rest = said.removeprefix("refused: ").partition(" ")
    return base64.b64decode(rest.split(" ")[0]).decode() if scheme == "Basic" else ""


@pytest.mark.own_store
def test_files_with_secrets_and_books_are_their_owners_alone(tmp_path, world):
    with mail_sink(tmp_path / "mail") as smtp, serve(world) as url:
        config = write_configuration(tmp_path, world.vendor.settings(url), smtp_port=smtp, maildir=tmp_path / "mail")
        with open_app(config, clock=FastClock(first_moment()), quiet=True) as app:
            app.store.backup(tmp_path / "backup.db")
            with app.store.vault.locked("books"):
                pass
    kept = [*(tmp_path / name for name in SECRET_FILES), *tmp_path.glob("*.db*")]
    assert len(kept) >= 6
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in kept if path.stat().st_mode & 0o077} == {}


WRITING = (  # as the process does it for these it does it for every command: a mask, set before anything else
    ("preview", "--as-of", "2026-02-12", "--save", "drafts"),
    ("report", "statement", "{client}", "--html", "pages/statement.html", "--pdf", "pages/statement.pdf"),
    ("backup", "backup.db"),
    ("privacy", "export", "{client}", "-o", "handed-out"),
)


@pytest.mark.own_store
def test_whatever_a_command_writes_is_its_users_alone(tmp_path):
    """Under a umask that lets everybody read; the store's own files beside it, the write-ahead log among them."""
    folder = tmp_path / "desk"
    folder.mkdir()
    books(
        folder,
        parties="ref,name,email\nP1,Acme,ap@acme.example\n",
        invoices=f"{HEAD}I1,P1,1,USD,10.00,10.00,2026-01-01,2026-02-01,open\n",
    )
    config = folder / "duesync.toml"
    config.write_text(config.read_text().replace("[organisation]", '[organisation]\nphone = "+1 312 555 0100"'))
    given = {path for path in folder.rglob("*") if path.is_file()}
    (folder / "pages").mkdir()
    assert duesync(folder, "sync").code == 0
    holder = open_store(f"sqlite:///{folder}/duesync.db", clock=SystemClock())
    holder.put_setting("kept", 1)  # while it is open there are -wal and -shm beside the file
    for command in WRITING:
        ran = duesync(folder, *(word.format(client="Acme", folder=folder) for word in command))
        assert ran.code == 0, (command, ran.err)
    written = {path for path in folder.rglob("*") if path.is_file()} - given
    holder.close()
    names = {path.name for path in written}
    assert {"duesync.db-wal", "duesync.db-shm", "statement.html", "statement.pdf", "backup.db", "client.json"} <= names
    assert any(path.parent.name == "drafts" for path in written)
    assert {path.name: oct(path.stat().st_mode) for path in written if path.exists() and path.stat().st_mode & 0o077} == {}


def test_the_password_of_a_database_stands_in_no_message_and_not_in_the_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("DUESYNC_TEST_DATABASE", "Canary/Database:3")
    url = "postgresql://ann@127.0.0.1:1/books"
    config = tmp_path / "duesync.toml"
    config.write_text(BASE.replace('"sqlite:///duesync.db"', f'"{url}"\npassword = "env:DUESYNC_TEST_DATABASE"'))
    for command in (["doctor"], ["journal", "verify"], ["backup", "b.db"], ["restore", "none.db"]):
        ran = inline(tmp_path, *command)
        assert ran.code == 3, ran.err
        assert "Canary" not in ran.out + ran.err
    config.write_text(BASE.replace("sqlite:///duesync.db", url.replace("ann@", "ann:Canary@")))
    ran = inline(tmp_path, "config", "check")
    assert (ran.code, "store.url: holds a password" in ran.err) == (2, True)
    assert "Canary" not in ran.out + ran.err
