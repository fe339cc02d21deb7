"""Pull: what is committed, what is believed gone, what one bad stream or row does to its neighbours."""

from __future__ import annotations

import pytest
import structlog

from core.errors import AuthExpired, PermissionMissing, RateLimited, Transient
from core.pull import pull_connection
from core.records import Ref, Stream
from core.store import open_store
from tests.unit.shell.vendor import NAME, NOW, Vendor, invoice, party


@pytest.fixture
def store(tmp_path, clock):
    opened = open_store(f"sqlite:///{tmp_path}/duesync.db", clock=clock)
    opened.migrate()
    yield opened
    opened.close()


def pull(store, vendor, clock, **options):
    return pull_connection(vendor, store, connection=NAME, clock=clock, run_id="r", **options)


def counts(report, stream=Stream.INVOICES):
    found = next(item for item in report.streams if item.stream is stream)
    return found.inserted, found.updated, found.deleted, found.unchanged


@pytest.fixture
def vendor():
    return Vendor().put(party(), *(invoice(f"I{number}") for number in range(7)))


def test_every_page_is_stored_and_a_second_pass_writes_nothing(store, vendor, clock):
    assert counts(pull(store, vendor, clock)) == (7, 0, 0, 0)
    assert counts(pull(store, vendor, clock)) == (0, 0, 0, 7)


def test_a_record_that_is_gone_is_buried_once_it_was_looked_for(store, vendor, clock):
    pull(store, vendor, clock)
    vendor.remove(invoice("I3"))
    assert counts(pull(store, vendor, clock))[2] == 1
    assert Ref("I3") not in store.refs(NAME, Stream.INVOICES)


def test_a_record_the_listing_forgot_but_the_vendor_has_is_kept(store, vendor, clock):
    pull(store, vendor, clock)
    vendor.hidden.add(Ref("I3"))
    assert counts(pull(store, vendor, clock))[2] == 0
    assert Ref("I3") in store.refs(NAME, Stream.INVOICES)


def test_a_vendor_that_is_suddenly_empty_is_an_error_and_not_a_deletion(store, vendor, clock):
    pull(store, vendor, clock)
    for number in range(7):
        vendor.remove(invoice(f"I{number}"))
    report = pull(store, vendor, clock)
    assert "7 of 7 invoices" in report.errors[0].error
    assert "--accept-deletes" in report.errors[0].remedy
    assert len(store.refs(NAME, Stream.INVOICES)) == 7
    assert counts(pull(store, vendor, clock, accept_deletes=True))[2] == 7


def test_an_unreadable_row_is_set_aside_and_its_neighbours_go_on(store, vendor, clock):
    vendor.broken_rows = (Ref("I99"),)
    report = pull(store, vendor, clock)
    assert counts(report) == (7, 0, 0, 0)
    assert [row.ref for _, row in store.malformed()] == [Ref("I99")] * len({row.stream for _, row in store.malformed()})


@pytest.mark.parametrize(
    ("error", "tried"),
    [
        (Transient("the vendor is down", connection=NAME), 3),
        (AuthExpired("consent is gone", connection=NAME), 1),
        (RateLimited("too many calls", connection=NAME, retry_after=3600), 1),
    ],
)
def test_a_failing_stream_stops_its_neighbours_only_if_the_connection_is_unusable(store, vendor, clock, error, tried):
    calls = []

    def failing(stream, cursor):
        calls.append(stream)
        raise error

    vendor.pull = failing
    report = pull(store, vendor, clock)
    assert len(calls) == tried
    assert report.retry_after == (3600 if tried == 1 and isinstance(error, RateLimited) else None)
    assert all(state.error for state in store.stream_states())


def test_a_failure_is_logged_once_until_it_changes_or_is_over(store, vendor, clock):
    works, told = vendor.pull, {}

    def down(words):
        def pull(stream, cursor):
            raise PermissionMissing(words, connection=NAME, remedy="grant it")

        return pull

    def logged(pulls):
        vendor.pull = pulls
        with structlog.testing.capture_logs() as logs:
            pull(store, vendor, clock, told=told)
        return [entry for entry in logs if entry["log_level"] in ("warning", "error") or entry["event"] == "stream.recovered"]

    first = logged(down("no right"))
    assert [(entry["event"], entry["remedy"]) for entry in first] == [("stream.failed", "grant it")]  # not once for each stream
    assert logged(down("no right")) == []
    assert [entry["event"] for entry in logged(down("another fault"))] == ["stream.failed"]
    assert [entry["event"] for entry in logged(works)] == ["stream.recovered"]
    assert logged(works) == []


def test_a_row_that_cannot_be_read_is_logged_once(store, vendor, clock):
    vendor.broken_rows, told = (Ref("I99"),), {}
    counted = []
    for _ in range(2):
        with structlog.testing.capture_logs() as logs:
            pull(store, vendor, clock, full=True, told=told)
        counted.append(sum(entry["event"] == "record.malformed" for entry in logs))
    assert counted[0] > 0
    assert counted[1] == 0


def test_a_pass_that_dies_between_pages_goes_on_without_losing_a_row(store, vendor, clock):
    pages = vendor.pull

    def dying(stream, cursor):
        for number, page in enumerate(pages(stream, cursor)):
            if stream is Stream.INVOICES and number == 2:
                raise Transient("the wire broke", connection=NAME)
            yield page

    vendor.pull = dying
    assert counts(pull(store, vendor, clock))[0] == 4
    vendor.pull = pages
    assert counts(pull(store, vendor, clock)) == (3, 0, 0, 4)


def test_now_is_the_clock_of_the_argument(store, vendor, clock):
    pull(store, vendor, clock)
    assert all(state.last_ok_at == clock.now() for state in store.stream_states())
    assert clock.now() != NOW
