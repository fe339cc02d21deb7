"""A listing is complete although the company is large, changes meanwhile, or holds a row that breaks every query."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from connectors.quickbooks import paging
from connectors.quickbooks.paging import CaughtUp
from core.errors import Transient
from core.records import Cursor, Stream
from tests.unit.connectors.quickbooks.rig import records, refs

SMALL = {"page_size": 10}


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 19, 20, 21, 30, 31])
def test_every_row_comes_once_over_page_borders(rigged, count):
    rig = rigged(**SMALL)
    made = rig.invoices(rig.customer(), count)
    pages = rig.pull(Stream.INVOICES)
    assert sorted(refs(pages), key=int) == made
    assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]


@pytest.mark.parametrize("count", [9, 10, 25, 31])
def test_a_listing_resumed_from_each_page_in_a_new_process_misses_nothing(rigged, count):
    rig = rigged(**SMALL)
    made = rig.invoices(rig.customer(), count)
    cursor, met = None, []
    for _ in range(20):
        page = next(iter(rig.connect().pull(Stream.INVOICES, cursor)))
        met += refs([page])
        cursor = page.cursor
        if not page.more:
            break
    assert sorted(met, key=int) == made


@pytest.mark.reliability("quickbooks:10")
def test_2500_rows_come_whole_and_agree_with_the_count(rig):
    customer = rig.customer()
    made = rig.invoices(customer, 2500)
    rig.forget_calls()
    pages = rig.pull(Stream.INVOICES)
    assert Counter(refs(pages)) == Counter(made)
    assert pages[-1].expected == 2500
    assert len(rig.calls("COUNT")) == 2  # for the progress bar, and to compare at the end
    assert len(rig.calls("SELECT+%2A")) == 3


@pytest.mark.reliability("quickbooks:11")
@pytest.mark.parametrize("apart", [timedelta(0), timedelta(minutes=1)], ids=["one-second", "spread"])
@pytest.mark.parametrize("what", ["delete", "edit", "delete-last"])
def test_rows_changed_between_pages_hide_no_other_row(rigged, what, apart):
    rig = rigged(**SMALL)
    customer = rig.customer()
    made = []
    for _ in range(35):
        made.append(rig.invoice(customer))
        rig.clock.advance(apart)
    rig.clock.advance(timedelta(hours=2))
    met = []
    for number, page in enumerate(rig.qbo.pull(Stream.INVOICES, None)):
        met += refs([page])
        if number == 0:
            victim = page.records[-1 if what == "delete-last" else 2].ref
            if what == "edit":
                rig.books.touch("Invoice", victim, PrivateNote="edited meanwhile")
            else:
                rig.delete("Invoice", victim)
    assert set(made) - {victim} <= set(met)


def test_a_row_edited_while_paging_is_read_again(rigged):
    rig = rigged(**SMALL)
    rig.invoices(rig.customer(), 25)
    rig.clock.advance(timedelta(hours=2))
    memos = {}
    for number, page in enumerate(rig.qbo.pull(Stream.INVOICES, None)):
        memos |= {record.ref: record.memo for record in page.records}
        if number == 0:
            victim = page.records[0].ref
            rig.books.touch("Invoice", victim, PrivateNote="new")
    assert memos[victim] == "new"


def test_a_count_that_disagrees_makes_one_repetition_and_a_new_look_the_next_day(rigged, monkeypatch):
    rig = rigged(**SMALL)
    rig.invoices(rig.customer(), 15)
    api = rig.qbo._api
    monkeypatch.setattr(api, "count", lambda entity, where="": 16)
    pages = rig.pull(Stream.INVOICES)
    assert sum(page.listing.first for page in pages) == 2
    position = paging.decode(pages[-1].cursor)
    assert isinstance(position, CaughtUp)
    rig.clock.advance(timedelta(hours=23))
    assert all(page.listing is None for page in rig.pull(Stream.INVOICES))
    rig.clock.advance(timedelta(hours=2))
    assert rig.pull(Stream.INVOICES)[0].listing is not None


@pytest.mark.reliability("quickbooks:17")
@pytest.mark.parametrize("bad", [0, 4, 7, 9, 10, 13])
def test_one_corrupt_row_is_named_and_its_neighbours_come(rigged, bad):
    rig = rigged(**SMALL)
    made = rig.invoices(rig.customer(), 14)
    rig.box.corrupt.add(("Invoice", made[bad]))
    pages = rig.pull(Stream.INVOICES)
    assert sorted(refs(pages), key=int) == [ref for ref in made if ref != made[bad]]
    holes = [row for page in pages for row in page.malformed]
    assert [row.problem for row in holes] == [holes[0].problem]
    assert "10000" in holes[0].problem
    assert not pages[-1].more


def test_a_vendor_that_fails_every_query_is_an_outage_and_not_a_thousand_corrupt_rows(rig):
    rig.invoices(rig.customer(), 40)
    rig.box.levers.fail_next(500, times=10_000)
    with pytest.raises(Transient):
        rig.pull(Stream.INVOICES)
    assert len(rig.calls()) < 100


def test_a_page_of_nothing_but_corrupt_rows_is_named_row_by_row(rig):
    made = rig.invoices(rig.customer(), 40)
    rig.box.corrupt |= {("Invoice", ref) for ref in made}
    (page,) = rig.pull(Stream.INVOICES)
    assert (len(page.entries), len(page.malformed)) == (0, 40)


@pytest.mark.reliability("quickbooks:18")
def test_inactive_customers_come_under_the_name_they_had(rig):
    ref = rig.customer("Tea & Sons")
    rig.books.touch("Customer", ref, Active=False)
    assert rig.books.get("Customer", ref)["DisplayName"] == "Tea & Sons (deleted)"
    (party,) = records(rig.pull(Stream.PARTIES))
    assert (party.ref, party.name, party.active) == (ref, "Tea & Sons", False)


def test_a_cursor_is_small_text_and_an_unknown_one_means_everything(rig):
    made = rig.invoices(rig.customer(), 3)
    (page,) = rig.pull(Stream.INVOICES)
    assert len(page.cursor) < 1000
    for strange in ("", "{}", "null", '{"v":1,"kind":"list"}', '{"v":99}', "[1]"):
        assert sorted(refs(rig.qbo.pull(Stream.INVOICES, Cursor(strange))), key=int) == made


def test_an_empty_company_gives_one_empty_last_page_per_stream(rig):
    for stream, pages in rig.pull_all().items():
        kinds = 2 if stream is Stream.ADJUSTMENTS else 1  # journal entries, then cheques and expenses
        told = [(page.stream, page.entries, page.more) for page in pages]
        assert told == [(stream, (), place < kinds) for place in range(1, kinds + 1)]


def test_the_same_cursor_gives_the_same_page(rig):
    rig.invoices(rig.customer(), 5)
    first, second = (refs(rig.qbo.pull(Stream.INVOICES, None)) for _ in range(2))
    assert first == second
