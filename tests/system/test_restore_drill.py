"""A drill: the store is lost, yesterday's backup comes back, and nobody is written to twice for it."""

from __future__ import annotations

import io
import mailbox
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from core import log as logging_setup
from core.clock import SystemClock
from core.outbox import OutboxState
from core.store import open_store
from scheduler.app import open_app
from scheduler.demo.days import FastClock, steps
from scheduler.demo.setup import write_configuration
from scheduler.demo.vendor import first_moment, served
from scheduler.jobs import jobs, resume_sending
from scheduler.runner import Runner
from tests.system.commands import BASE, CSV
from tests.system.inline import inline

BACKUP_AFTER, LOST_AFTER, DAYS = 1, 2, 5  # days


class Practice:
    """The demo's company, its mail server and a daemon whose store can be lost."""

    def __init__(self, folder: Path, vendor, url: str, port: int) -> None:
        self.folder, self.vendor, self.clock = folder, vendor, FastClock(first_moment())
        self.mail = folder / "mail"
        self.config = write_configuration(folder, vendor.settings(url), smtp_port=port, maildir=self.mail)
        vendor.sandbox.oauth.rotate_after = timedelta(days=365)

    def work(self, first: int, last: int) -> None:
        """The daemon's jobs on these days, each pause for volume lifted by the bookkeeper."""
        with open_app(self.config, clock=self.clock, quiet=True) as app:
            runner = Runner(app)
            for step in steps(app.zone, last):
                if step.number <= first * 3:
                    continue
                self.vendor.advance(step.at)
                self.clock.set(max(step.at, self.clock.now()))
                for job in jobs(app):
                    runner.run(job)
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

    def vendor_mails(self) -> int:
        return len(self.vendor.sandbox.mails)

    def outbox(self, *states: OutboxState):
        with open_app(self.config, clock=self.clock, quiet=True) as app:
            return app.store.outbox(states=states)


@pytest.fixture
def practice(tmp_path):
    logging_setup.configure("error", "json", io.StringIO())
    with served(tmp_path / "mail") as (vendor, url, port):
        yield Practice(tmp_path, vendor, url, port)


@pytest.mark.req("E17")
def test_after_a_restore_nobody_is_written_to_twice_and_nobody_is_forgotten(practice):
    practice.work(0, BACKUP_AFTER)
    assert inline(practice.folder, "backup", "yesterday.db").code == 0
    practice.work(BACKUP_AFTER, LOST_AFTER)
    went, by_vendor = practice.keys(), practice.vendor_mails()
    before = Counter(row.key for row in practice.outbox(OutboxState.SETTLED))
    for path in practice.folder.glob("duesync.db*"):
        path.unlink()  # the disk of the store is gone

    ran = inline(practice.folder, "restore", "yesterday.db", "--json")
    assert (ran.code, ran.json["paused"]) == (0, True)
    known = Counter(row.key for row in practice.outbox(OutboxState.SETTLED))
    lost = set(went) - set(known)
    assert lost, "nothing was sent in the lost span: the drill proves nothing"
    practice.work(LOST_AFTER, LOST_AFTER + 1)
    assert (practice.keys(), practice.vendor_mails()) == (went, by_vendor), "something went while paused"

    assert inline(practice.folder, "resume").code == 0
    practice.work(LOST_AFTER + 1, LOST_AFTER + 2)
    assert (practice.keys(), practice.vendor_mails()) == (went, by_vendor), "something went without a person's word"
    shown = inline(practice.folder, "restored", "show", "--json").json
    assert shown["waiting"]
    found = {row.key for row in practice.outbox(OutboxState.SETTLED)}
    assert lost & found, "no message was found at its channel"

    assert inline(practice.folder, "outbox", "approve", *shown["waiting"]).code == 0
    assert inline(practice.folder, "restored", "finish").code == 0
    practice.work(LOST_AFTER + 2, DAYS)
    assert set(practice.keys().values()) == {1}
    assert sum(practice.keys().values()) > sum(went.values()), "the approved messages did not go"
    assert set(before) <= {row.key for row in practice.outbox(OutboxState.SETTLED)} | lost
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


def test_a_restore_can_go_elsewhere_and_names_what_it_cannot_use(tmp_path):
    (tmp_path / "duesync.toml").write_text(BASE)
    inline(tmp_path, "backup", "b.db")
    assert inline(tmp_path, "restore", "b.db", "--to", f"sqlite:///{tmp_path}/two.db", "--json").json["kept"] is None
    two = open_store(f"sqlite:///{tmp_path}/two.db", clock=SystemClock())
    assert "all" in two.paused()
    two.close()
    assert inline(tmp_path, "restore", "b.db", "--to", "mysql://h/d").code == 2
    assert inline(tmp_path, "restore", "nowhere.db", "--to", f"sqlite:///{tmp_path}/3.db").code == 3
