"""What a page does to the store: one commit, no write for what did not change, nothing lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from core.errors import StoreError
from core.records import Listing, Malformed, RecordKey, Ref, Stream, Tombstone
from core.store import Store
from tests.store.world import BOOKS, NOW, invoice, page, party, payment, usd

LATER = NOW + timedelta(hours=1)


def commit(store: Store, *args, now=NOW, **kwargs):
    return store.commit_page(page(*args, **kwargs), connection=BOOKS, run_id="r1", now=now)


def crash_after(_outcome: object) -> None:
    raise RuntimeError("crash")


def test_a_record_comes_back_as_it_went_in(store: Store) -> None:
    mine = payment(
        "20", to={"10": 6_000, "11": 4_000}, memo="thank you", updated_at=datetime(2026, 5, 2, 3, 4, 5, 678, tzinfo=UTC)
    )
    commit(store, mine, stream=Stream.PAYMENTS, raw=b"<raw>")
    key = RecordKey(BOOKS, Stream.PAYMENTS, Ref("20"))
    assert store.find_record(key) == mine
    assert store.raw(key) == b"<raw>"


@pytest.mark.req("E39")
def test_cursor_is_committed_with_its_page(store: Store) -> None:
    assert store.cursor(BOOKS, Stream.INVOICES) is None
    with pytest.raises(RuntimeError, match="crash"), store.unit():
        crash_after(commit(store, invoice()))
    assert store.cursor(BOOKS, Stream.INVOICES) is None
    assert store.refs(BOOKS, Stream.INVOICES) == frozenset()
    commit(store, invoice(), cursor="after")
    assert store.cursor(BOOKS, Stream.INVOICES) == "after"


def test_the_same_page_twice_writes_no_row(store: Store) -> None:
    first = commit(store, invoice("10"), invoice("11"))
    before = store.changed_accounts(0)[1]
    second = commit(store, invoice("10"), invoice("11"), now=LATER)
    assert (first.inserted, second.inserted, second.unchanged, second.changed) == (2, 0, 2, 0)
    assert store.changed_accounts(0)[1] == before


def test_a_new_version_of_the_same_content_is_kept_but_is_no_change(store: Store) -> None:
    commit(store, invoice("10"))
    key = RecordKey(BOOKS, Stream.INVOICES, Ref("10"))
    digest, seen = store.digest(key), store.changed_accounts(0)[1]
    outcome = commit(store, invoice("10", version="1", updated_at=LATER), now=LATER)
    assert (outcome.restamped, outcome.updated, outcome.changed) == (1, 0, 0)
    found = store.find_record(key)
    assert found is not None
    assert (found.version, found.updated_at) == ("1", LATER)
    assert store.digest(key) == digest
    assert store.changed_accounts(0)[1] == seen


def test_changed_content_replaces_the_record_and_its_parts(store: Store) -> None:
    commit(store, payment("20", to={"10": 6_000, "11": 4_000}), stream=Stream.PAYMENTS)
    outcome = commit(store, payment("20", to={"12": 10_000}, version="1"), stream=Stream.PAYMENTS)
    found = store.find_record(RecordKey(BOOKS, Stream.PAYMENTS, Ref("20")))
    assert outcome.updated == 1
    assert found == payment("20", to={"12": 10_000}, version="1")


def test_a_deleted_record_is_a_tombstone_and_may_come_back(store: Store) -> None:
    commit(store, invoice("10"), invoice("11"))
    key = RecordKey(BOOKS, Stream.INVOICES, Ref("10"))
    gone = commit(store, deleted=("10", "unknown"))
    assert gone.deleted == 1
    assert store.find_record(key) is None
    assert store.digest(key) is None
    assert store.raw(key) is not None
    assert store.refs(BOOKS, Stream.INVOICES) == {"11"}
    assert commit(store, deleted=("10",)).deleted == 0
    back = commit(store, invoice("10"))
    assert (back.revived, back.inserted) == (1, 0)
    assert store.find_record(key) == invoice("10")


def test_bury_counts_only_the_living(store: Store) -> None:
    commit(store, invoice("10"))
    gone = [Tombstone(stream=Stream.INVOICES, ref=Ref(ref)) for ref in ("10", "nobody")]
    assert store.bury(BOOKS, gone, run_id="r", now=NOW) == 1
    assert store.bury(BOOKS, gone, run_id="r", now=NOW) == 0


def test_a_ref_twice_on_one_page_counts_once_and_the_last_holds(store: Store) -> None:
    outcome = commit(store, invoice("10", open=usd(5)), invoice("10", open=usd(7)))
    found = store.find_record(RecordKey(BOOKS, Stream.INVOICES, Ref("10")))
    assert outcome.inserted == 1
    assert found == invoice("10", open=usd(7))


def test_a_tombstone_beats_a_record_of_the_same_page(store: Store) -> None:
    outcome = commit(store, invoice("10"), deleted=("10",))
    assert (outcome.inserted, outcome.deleted) == (0, 0)
    assert store.refs(BOOKS, Stream.INVOICES) == frozenset()


@pytest.mark.req("E49")
def test_an_amount_no_column_holds_is_malformed_and_its_neighbours_go_on(store: Store) -> None:
    outcome = commit(store, invoice("10", total=usd(2**70)), invoice("11"))
    assert (outcome.inserted, outcome.malformed) == (1, 1)
    ((connection, bad),) = store.malformed()
    assert (connection, bad.ref, bad.where) == (BOOKS, "10", "total")
    assert store.refs(BOOKS, Stream.INVOICES) == {"11"}


@pytest.mark.parametrize(
    "instant", [NOW.replace(tzinfo=None), datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2)))], ids=["naive", "year 1"]
)
def test_an_instant_that_is_none_is_malformed_and_its_neighbours_go_on(store: Store, instant: datetime) -> None:
    outcome = commit(store, invoice("10", updated_at=instant), invoice("11"))
    assert (outcome.inserted, outcome.malformed) == (1, 1)
    assert [item.where for _, item in store.malformed()] == ["updated_at"]


@pytest.mark.parametrize("words", ["nul\x00here", "half \ud83d pair", "\ufffd"])
def test_text_no_database_takes_is_mended_not_lost(store: Store, words: str) -> None:
    commit(store, invoice("10", memo=words))
    found = store.find_record(RecordKey(BOOKS, Stream.INVOICES, Ref("10")))
    assert found is not None
    assert "\ufffd" in found.memo
    assert commit(store, invoice("10", memo=words)).unchanged == 1


def test_a_connectors_mix_up_is_refused_whole(store: Store) -> None:
    with pytest.raises(StoreError, match="fault of the connector"):
        commit(store, invoice("10"), party("1"))
    with pytest.raises(StoreError, match="fault of the connector"):
        commit(store, invoice("10", connection="other"))
    assert store.refs(BOOKS, Stream.INVOICES) == frozenset()


# ── rows that cannot be read ────────────────────────────────────────────────────────────────────────────────────────────
def bad(ref: str | None, where: str = "Line[2].Amount") -> Malformed:
    return Malformed(stream=Stream.INVOICES, ref=None if ref is None else Ref(ref), where=where, problem="not a number")


def test_an_unreadable_row_is_kept_until_it_reads_again(store: Store) -> None:
    commit(store, malformed=(bad("10"), bad("11")))
    assert {item.ref for _, item in store.malformed()} == {"10", "11"}
    commit(store, invoice("10"))
    assert [item for _, item in store.malformed()] == [bad("11")]
    commit(store, deleted=("11",))
    assert store.malformed() == ()


def test_a_row_without_a_ref_is_forgotten_when_a_listing_ends_without_it(store: Store) -> None:
    listing = Listing(id="l1", first=True)
    commit(store, malformed=(bad(None, "invoices.csv:3:total"), bad(None, "invoices.csv:9:total")), listing=listing)
    assert len(store.malformed()) == 2
    commit(store, malformed=(bad(None, "invoices.csv:9:total"),), listing=Listing(id="l2", first=True))
    assert [item.where for _, item in store.malformed()] == ["invoices.csv:9:total"]


def test_a_listing_of_several_pages_keeps_what_its_first_page_reported(store: Store) -> None:
    commit(store, malformed=(bad(None, "a"),), listing=Listing(id="l1", first=True), more=True)
    commit(store, malformed=(bad(None, "b"),), listing=Listing(id="l1", first=False))
    assert [item.where for _, item in store.malformed()] == ["a", "b"]
    commit(store, listing=Listing(id="l2", first=True), more=True)
    commit(store, malformed=(bad(None, "b"),), listing=Listing(id="l2", first=False))
    assert [item.where for _, item in store.malformed()] == ["b"]


# ── freshness ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_failed_pull_keeps_the_last_good_one(store: Store) -> None:
    store.mark_pull(BOOKS, Stream.INVOICES, now=NOW, error=None)
    store.mark_pull(BOOKS, Stream.INVOICES, now=LATER, error="refused")
    (state,) = store.stream_states()
    assert (state.last_ok_at, state.last_try_at, state.error) == (NOW, LATER, "refused")
    store.mark_pull(BOOKS, Stream.INVOICES, now=LATER, error=None)
    assert store.stream_states()[0].error is None


def test_rows_of_a_stream_are_counted_as_they_come_and_go(store: Store) -> None:
    commit(store, invoice("10"), invoice("11"), invoice("12"))
    commit(store, deleted=("10",))
    store.mark_pull(BOOKS, Stream.INVOICES, now=NOW, error=None)
    assert store.stream_states()[0].rows == 2
    commit(store, invoice("10"))
    assert store.stream_states()[0].rows == 3
