"""Kill -9 at any moment, start again: the same end, and nobody hears anything twice."""

from __future__ import annotations

import mailbox
import re
import subprocess
import sys
from collections import Counter

import pytest

from core.outbox import OutboxState
from scheduler.app import open_app
from scheduler.demo.days import FastClock, steps
from scheduler.demo.setup import write_configuration
from scheduler.demo.vendor import ZONE, served
from tests.conftest import ROOT

DAYS = 7
KILLS = 50


def end_of(folder, kills, seed):
    """Play the demo with `kills` kills; what clients, vendor and store have at the end."""
    maildir = folder / "mail"
    with served(maildir) as (vendor, url, port):
        config = write_configuration(folder, vendor.settings(url), smtp_port=port, maildir=maildir)
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "tests.system.killing",
            str(config),
            url,
            str(DAYS),
            str(kills),
            str(seed),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        with open_app(config, clock=FastClock(steps(ZONE, DAYS)[-1].at)) as app:
            store = app.store
            end = {
                "mails": mails(maildir),
                "vendor mails": Counter(vendor.sandbox.mails),
                "notes": sorted(words(text) for text in vendor.state()["note_texts"]),
                "findings": sorted((item.id, str(item.state)) for item in store.findings()),
                "said": sorted((item.account, item.stage, item.cycle) for group in store.contacts().values() for item in group),
                "unsettled": [row.id for row in store.outbox(states=[OutboxState.AMBIGUOUS, OutboxState.PARKED])],
                "journal": store.verify_journal().ok,
            }
    return int(done.stdout.strip()), end


def words(note):
    """A note without its marker: a message that was dropped and decided again has another key, and says the same."""
    return re.sub(r"\[duesync [0-9a-f]+\S*\]", "", note).strip()


def mails(folder):
    """Every mail the server took, by Message-ID, with how often it took it."""
    box = mailbox.Maildir(folder, create=False)
    try:
        return Counter((message["Message-ID"], message["To"], message["Subject"]) for message in box)
    finally:
        box.close()


@pytest.mark.timeout(600)
@pytest.mark.req("E13", "E14", "E25")
def test_fifty_kills_change_nothing_and_no_mail_goes_twice(tmp_path):
    (tmp_path / "calm").mkdir()
    (tmp_path / "killed").mkdir()
    _, calm = end_of(tmp_path / "calm", 0, 1)
    killed, end = end_of(tmp_path / "killed", KILLS, 20260105)
    assert killed == KILLS
    assert max(end["mails"].values()) == 1
    assert max(end["vendor mails"].values()) == 1
    assert end == calm
    assert len(end["mails"]) > 5
    assert end["journal"]
