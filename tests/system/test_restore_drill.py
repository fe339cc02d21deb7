"""A drill: the store is lost, yesterday's backup comes back, and nobody is written to twice for it."""

from __future__ import annotations

import io
import mailbox
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core import log as logging_setup
from core.clock import SystemClock
from core.outbox import OutboxState
from core.store import open_store
from scheduler.app import open_app
from scheduler.demo.days import FastClock
from scheduler.demo.vendor import mail_sink
from scheduler.jobs import jobs, resume_sending
from scheduler.runner import Runner
from tests.system.commands import BASE, CSV, books
from tests.system.inline import inline

pytestmark = pytest.mark.own_store  # the store that is lost is a file; tests/store/test_restoring.py restores both kinds
BACKUP_AFTER, LOST_AFTER, END = 1, 2, 5  # days
START = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)  # a Monday, ten in the morning in Chicago
CLIENTS = 5
CONFIG = """
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
from_address = "accounts@northwind-it.example"
sent_maildir = "{mail}"
[dunning]
mode = "active"
[daemon]
read_back_after = "0s"
"""


def write_books(folder: Path) -> None:
    """Clients with one invoice each, falling due on consecutive days: something goes every day."""
    days = [(START.date() + timedelta(days=number)).isoformat() for number in range(CLIENTS)]
    parties = [f"C{n},Client {n},ap@c{n}.example,USD,true" for n in range(CLIENTS)]
    invoices = [f"I{n},C{n},INV-{n},USD,{100 + n}.00,{100 + n}.00,2026-01-15,{days[n]},open" for n in range(CLIENTS)]
    books(
        folder,
        parties="\n".join(["ref,name,email,currency,active", *parties]),
        invoices="\n".join(["ref,party_ref,number,currency,total,open,issued_on,due_on,status", *invoices]),
    )


class Practice:
    """Books in a folder, a mail server that keeps what it gets, and a daemon whose store can be lost."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.clock, self.mail = folder, FastClock(START), folder / "mail"
        write_books(folder)
        self.config = folder / "duesync.toml"
        organisation = 'country = "US"\nemail = "ar@northwind.example"'
        self.config.write_text(CSV.replace('country = "US"', organisation) + CONFIG.format(port=port, mail=self.mail))

    def work(self, first: int, last: int) -> None:
        """The daemon's jobs on these days, each pause for volume lifted by the bookkeeper."""
        with open_app(self.config, clock=self.clock, quiet=True) as app:
            runner = Runner(app)
            for day in range(first, last):
                self.clock.set(START + timedelta(days=day))
                for job in (item for item in jobs(app) if item.name != "review:full"):
                    assert runner.run(job), runner.failing
                    if "volume" in app.store.paused():
                        resume_sending(app, "the bookkeeper")
                        runner.run(next(item for item in jobs(app) if item.name == "dispatch"))

    def keys(self) -> Counter[str]:
        """How often each of our mails reached its client."""
        held = mailbox.Maildir(self.mail)
        try:
            return Counter(str(item["X-duesync-Key"]) for item in held)
        finally:
            held.close()

    def settled(self) -> set[str]:
        with open_app(self.config, clock=self.clock, quiet=True) as app:
            return {row.key for row in app.store.outbox(states=[OutboxState.SETTLED])}


@pytest.fixture
def practice(tmp_path):
    logging_setup.configure("error", "json", io.StringIO())
    with mail_sink(tmp_path / "mail") as port:
        yield Practice(tmp_path, port)


def test_after_a_restore_nobody_is_written_to_twice_and_nobody_is_forgotten(practice):
    practice.work(0, BACKUP_AFTER)
    assert inline(practice.folder, "backup", "yesterday.db").code == 0
    practice.work(BACKUP_AFTER, LOST_AFTER)
    went = practice.keys()
    for path in practice.folder.glob("duesync.db*"):
        path.unlink()  # the disk of the store is gone

    ran = inline(practice.folder, "restore", "yesterday.db", "--json")
    assert (ran.code, ran.json["paused"]) == (0, True)
    lost = set(went) - practice.settled()
    assert lost, "nothing was sent in the lost span: the drill proves nothing"
    practice.work(LOST_AFTER, LOST_AFTER + 1)
    assert practice.keys() == went, "something went while paused"

    assert inline(practice.folder, "resume").code == 0
    practice.work(LOST_AFTER + 1, LOST_AFTER + 2)
    assert practice.keys() == went, "something went without a person's word"
    assert lost <= practice.settled(), "a message was not found at its channel"
    shown = inline(practice.folder, "restored", "show", "--json").json
    assert shown["waiting"]
    assert len(shown["found"]) == len(lost)

    assert inline(practice.folder, "outbox", "approve", *shown["waiting"]).code == 0
    assert inline(practice.folder, "restored", "finish").code == 0
    practice.work(LOST_AFTER + 2, END)
    assert set(practice.keys().values()) == {1}
    assert len(practice.keys()) > len(went), "the approved messages did not go"
    assert inline(practice.folder, "journal", "verify").code == 0
    assert inline(practice.folder, "restored", "show").code == 2


def test_a_restore_says_what_to_do_next_and_refuses_to_overwrite(tmp_path):
    (tmp_path / "duesync.toml").write_text(CSV)
    assert inline(tmp_path, "store", "backup", "b.db", "--json").json["journal"]["entries"] == 0
    refused = inline(tmp_path, "restore", "b.db")
    assert (refused.code, "--force" in refused.err) == (2, True)
    ran = inline(tmp_path, "restore", "b.db", "--force")
    assert ran.code == 0
    for word in ("duesync resume", "restored show", "restored finish", "is kept as"):
        assert word in ran.out
    assert inline(tmp_path, "restored", "show").code == 0
    (told,) = [item for item in inline(tmp_path, "doctor", "--json").json if item["name"] == "restored"]
    assert (told["ok"], "restored finish" in told["remedy"]) == (None, True)


def test_a_restore_can_go_elsewhere_and_names_what_it_cannot_use(tmp_path):
    (tmp_path / "duesync.toml").write_text(BASE)
    inline(tmp_path, "backup", "b.db")
    assert inline(tmp_path, "restore", "b.db", "--to", f"sqlite:///{tmp_path}/two.db", "--json").json["kept"] is None
    two = open_store(f"sqlite:///{tmp_path}/two.db", clock=SystemClock())
    assert "all" in two.paused()
    two.close()
    assert inline(tmp_path, "restore", "b.db", "--to", "mysql://h/d").code == 2
    assert inline(tmp_path, "restore", "nowhere.db", "--to", f"sqlite:///{tmp_path}/3.db").code == 3
