"""The evening told in docs/operations.md: what alerts, what to do, and that no client is chased wrongly.

One company, one daemon, four evenings: the consent is taken back, the disk fills, the vendor is away for a day, and the
machine dies and yesterday's backup takes its place.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.lost_span import end_lost_span
from core.outbox import OutboxState
from core.ports import Tokens
from core.store import restore_backup
from scheduler.app import load_settings
from scheduler.demo.days import FastClock
from scheduler.demo.setup import write_configuration
from scheduler.demo.vendor import ZONE, first_moment, served
from scheduler.demo.world import START
from scheduler.jobs import resume_sending
from scheduler.store_place import store_url
from tests.system.evening import Evening

pytestmark = pytest.mark.xdist_group("evening")  # one story: its tests share what the first of them set up

DAY = timedelta(days=1)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of the company's own day number `day`."""
    return datetime.combine(START + day * DAY, time(hour, minute), ZoneInfo(ZONE))


pytestmark = pytest.mark.own_store  # one story on one file: its disk fills up, its backup is put elsewhere


@pytest.fixture(scope="module")
def evening(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evening")
    maildir = folder / "mail"
    with served(maildir) as (vendor, base_url, port):
        config = write_configuration(folder, vendor.settings(base_url), smtp_port=port, maildir=maildir)
        config.write_text(config.read_text() + "\n[http]\nenabled = false\n")
        clock = FastClock(first_moment())
        told = Evening(config, clock, vendor, maildir)
        told.until(at(2, 18))
        yield told
        told.app.close()


def test_a_consent_taken_back_alerts_and_silences_until_a_person_signs_in_again(evening):
    evening.vendor.sandbox.oauth.revoke()
    assert evening.until(at(3, 12)) == []  # all of a working morning, in which reminders would have gone
    assert "DuesyncStreamFailing" in evening.alerts.firing
    fresh = evening.vendor.sandbox.oauth.consent()  # `duesync auth books`
    with evening.app.store.vault.locked("books") as slot:
        slot.write(Tokens(access="spent", refresh=fresh, access_expires_at=evening.clock.now()))
    evening.until(at(3, 14))
    assert evening.alerts.firing.isdisjoint({"DuesyncStreamFailing", "DuesyncStreamStale", "DuesyncJobFailing"})


def test_a_full_disk_alerts_loses_nothing_and_goes_on_once_there_is_room(evening):
    store = evening.app.store
    with store._db.write() as tx:
        pages = tx.exec_driver_sql("pragma page_count").scalar()
        tx.exec_driver_sql(f"pragma max_page_count = {pages}")
    before = Counter(row.id for row in store.outbox(states=[OutboxState.SETTLED]))
    sent = evening.until(at(4, 12))
    with store._db.write() as tx:
        tx.exec_driver_sql("pragma max_page_count = 1000000")
    settled = Counter(row.id for row in store.outbox(states=[OutboxState.SETTLED])) - before
    under_way = store.outbox(states=[OutboxState.SENDING, OutboxState.AMBIGUOUS])
    assert len(sent) <= len(settled) + len(under_way), "a mail went that no row knows of"
    evening.until(at(4, 14))
    assert evening.alerts.firing.isdisjoint({"DuesyncJobFailing", "DuesyncOutboxStuck"})


def test_a_vendor_away_for_a_day_alerts_once_and_is_caught_up_without_a_burst(evening):
    levers = evening.vendor.sandbox.levers
    levers.fail_next(503, times=1_000_000)
    assert evening.until(at(6, 7)) == []
    assert "DuesyncStreamStale" in evening.alerts.firing
    levers.clear()
    sent = evening.until(at(6, 18))
    assert evening.alerts.firing.isdisjoint({"DuesyncStreamStale", "DuesyncStreamFailing"})
    to = Counter(line.split()[0] for line in sent)
    assert max(to.values(), default=0) <= 1, "a client heard more than one thing of what was missed"


def test_yesterdays_store_in_a_new_place_repeats_nothing_that_went_since(evening):
    backup = evening.config.parent / "yesterday.db"
    evening.app.store.backup(backup)
    went = evening.until(at(7, 18))
    assert went, "nothing went after the backup, so nothing is proven"
    evening.app.close()
    now = evening.clock.now()
    url = store_url(load_settings(evening.config))
    restore_backup(backup, url, clock=evening.clock, by="ann", now=now, force=True)
    evening.reopen()
    assert evening.until(at(7, 20)) == []  # paused, until a person says otherwise
    assert "all" in evening.app.store.paused()
    resume_sending(evening.app, "ann")
    assert evening.until(at(8, 18)) == []  # what goes to a client waits for approval until the person ends the span
    end_lost_span(evening.app.store, by="ann", now=evening.clock.now())
    evening.until(at(9, 18))


def test_nobody_was_chased_wrongly_all_those_evenings(evening):
    assert evening.wrong == []
    assert [key for key, count in evening.keys.items() if count > 1] == []
    assert evening.app.store.verify_journal().ok
