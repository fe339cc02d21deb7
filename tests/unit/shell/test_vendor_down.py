"""A vendor that is down is asked a few times a pass, not once for every message that waits for it; its neighbours go on."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.dispatch import dispatch
from core.errors import AuthExpired, NotFound, RateLimited, Transient
from core.ports import StreamInfo
from core.pull import pull_connection
from core.records import Ref, Role, Stream
from core.review import review
from core.store import open_store
from tests.unit.shell.test_dispatch import RULES
from tests.unit.shell.vendor import NAME, NOW, Vendor, invoice, party

CLIENTS = 20


class Counted(Vendor):
    """Counts how often it was asked for an invoice; those in `poison` never read."""

    asked = 0
    poison: frozenset[str] = frozenset()

    def reread(self, stream, ref):
        self.asked += 1
        if ref in self.poison:
            raise Transient("cut off", connection=NAME)
        return super().reread(stream, ref)


@pytest.fixture
def world(tmp_path):
    vendor = Counted()
    for number in range(CLIENTS):
        ref = f"P{number}"
        vendor.put(party(ref, name=f"Client {number}", email=f"c{number}@example.com"))
        vendor.put(invoice(f"I{number}", party_ref=Ref(ref), number=f"N{number}", cents=25_000 + number))
    clock = ManualClock(NOW)
    store = open_store(f"sqlite:///{tmp_path}/duesync.db", clock=clock)
    store.migrate()
    store.set_roles({NAME: Role.BOOKS})
    pull_connection(vendor, store, connection=NAME, clock=clock, run_id="p")
    review(store, RULES, now=clock.now(), run_id="r", full=True)
    assert len(store.outbox()) == CLIENTS

    @contextmanager
    def opened(_):
        yield vendor

    def send():
        return dispatch(store, RULES, opened, clock=clock, by="w1").summary()

    yield vendor, send, clock
    store.close()


@pytest.mark.req("E33")
@pytest.mark.parametrize(
    ("error", "most"),
    [
        (Transient("reread", connection=NAME), 6),
        (AuthExpired("reread", connection=NAME), 2),
        (RateLimited("reread", connection=NAME), 2),
    ],
)
def test_a_vendor_that_is_down_is_not_asked_for_every_message(world, error, most):
    vendor, send, clock = world
    vendor.fail = error
    assert send() == {"postponed": CLIENTS}
    assert vendor.asked <= most
    vendor.fail = None
    clock.advance(timedelta(minutes=5))
    assert send() == {"settled": CLIENTS}


def test_one_invoice_that_never_reads_stops_no_other(world):
    vendor, send, _ = world
    vendor.poison = frozenset({"I3"})
    assert send() == {"postponed": 1, "settled": CLIENTS - 1}


def test_what_the_vendor_says_of_one_invoice_is_no_sign_that_it_is_down(world):
    vendor, send, _ = world
    vendor.fail = NotFound("reread", connection=NAME)
    send()
    assert vendor.asked >= CLIENTS


def test_a_mail_server_that_is_down_is_not_tried_for_every_message(world):
    vendor, send, clock = world
    vendor.fail = Transient("no answer", connection=NAME)
    assert send() == {"postponed": CLIENTS}
    assert len(vendor.pushes) <= 3
    vendor.fail = None
    clock.advance(timedelta(minutes=5))
    assert send() == {"settled": CLIENTS}


class Dead(Vendor):
    """Eight streams, none of which answers; counts the tries."""

    tried = 0

    def streams(self):
        return {stream: StreamInfo(stream=stream) for stream in list(Stream)[:8]}

    def pull(self, stream, cursor):
        del stream, cursor
        self.tried += 1
        raise Transient("no answer", connection=NAME)
        yield


def test_a_pull_gives_up_on_a_vendor_that_answers_to_nothing(tmp_path):
    clock = ManualClock(NOW)
    store = open_store(f"sqlite:///{tmp_path}/duesync.db", clock=clock)
    store.migrate()
    vendor = Dead()
    report = pull_connection(vendor, store, connection=NAME, clock=clock, run_id="p")
    assert vendor.tried == len(report.errors) == 3
    store.close()
