"""What a pass over ConnectWise reads, and what it never misses."""

from __future__ import annotations

import json
from datetime import timedelta

import httpx
import pytest

from core.errors import ConnectorError, Rejected, Transient
from core.records import DocumentStatus, Ref, Stream
from tests.unit.connectors.connectwise.kit import DAY


def only_invoices(request):
    return request.url.path.endswith("/finance/invoices")


# ── paging ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("connectwise:1", "connectwise:5")
def test_every_row_comes_and_no_page_is_asked_to_be_larger_than_allowed(at_cw):
    wanted = {str(number) for number in at_cw.invoices(2501)}
    assert at_cw.refs(Stream.INVOICES) == wanted
    sizes = [int(query["pageSize"]) for query in at_cw.asked("/finance/invoices")]
    assert max(sizes) == 1000
    assert len(sizes) == 1 + 3 + 2  # newest row, three pages, the time-zone probe


@pytest.mark.reliability("connectwise:5")
def test_a_refused_page_size_surfaces_and_loses_no_cursor(at_cw):
    at_cw.invoices(3)
    body = {"code": "OutOfRange", "message": "pageSize must be between 1 and 500."}
    at_cw.box.levers.answer_next(lambda: httpx.Response(400, json=body), only=only_invoices)
    with pytest.raises(Rejected, match="between 1 and 500"):
        at_cw.pages(Stream.INVOICES)
    assert Stream.INVOICES not in at_cw.cursors


@pytest.mark.reliability("connectwise:2")
def test_conditions_stay_on_every_page(staged):
    stage = staged(page_size=2)
    company = stage.company()
    for number in range(7):
        stage.invoice(company, 10 + number, type="CreditMemo" if number % 2 else "Standard")
    assert len(stage.pull(Stream.INVOICES)) == 4
    paged = [query for query in stage.asked("/finance/invoices") if query["pageSize"] == "2"]
    assert len(paged) == 3
    assert {query["conditions"] for query in paged} == {'type != "CreditMemo"'}


@pytest.mark.reliability("connectwise:3")
def test_rows_that_come_go_and_change_between_pages_are_neither_lost_nor_doubled(staged):
    stage = staged(page_size=3)
    ids = stage.invoices(9)
    seen: list[Ref] = []
    for number, page in enumerate(stage.psa.pull(Stream.INVOICES, None)):
        seen += [record.ref for record in page.records]
        if number == 0:
            stage.tenant.remove("finance/invoices", ids[1])
            stage.tenant.touch("finance/invoices", ids[0], reference="later")
            stage.later(minutes=1)
            new = stage.invoice(1, 55, at=stage.clock.now())
        cursor = page.cursor
    assert sorted(seen, key=int) == [str(number) for number in (*ids, new)]
    changed = [record for page in stage.psa.pull(Stream.INVOICES, cursor) for record in page.records]
    assert str(ids[0]) in {record.ref for record in changed}


@pytest.mark.reliability("connectwise:4")
@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("rows", [0, 3, 4, 6])
def test_a_pass_ends_with_or_without_link_headers(staged, links, rows):
    stage = staged(page_size=3)
    stage.box.link_headers = links
    ids = stage.invoices(rows)
    assert stage.refs(Stream.INVOICES) == {str(number) for number in ids}


@pytest.mark.parametrize("order", [None, "total desc"])
def test_a_server_without_forward_only_paging_is_asked_by_id(staged, order):
    stage = staged(page_size=3)
    stage.box.forward_only = False
    ids = stage.invoices(8)
    handle = stage.box.handle

    def in_its_own_order(request):
        ordered = "orderBy" in request.url.params or "pageId" not in request.url.params
        url = request.url if ordered else request.url.copy_set_param("orderBy", order)
        return handle(httpx.Request(request.method, url, headers=request.headers))

    if order:
        stage.box.handle = in_its_own_order
        stage.psa = stage.connect()
    assert stage.refs(Stream.INVOICES) == {str(number) for number in ids}


def test_a_child_list_that_is_capped_is_read_to_its_end(at_cw):
    (number,) = at_cw.invoices(1)
    for _ in range(60):
        at_cw.tenant.pay(number, "0.01", DAY)
    handle = at_cw.box.handle

    def capped(request):
        return handle(httpx.Request("GET", request.url.copy_set_param("pageSize", 25), headers=request.headers))

    at_cw.box.handle = lambda request: capped(request) if request.url.path.endswith("/payments") else handle(request)
    at_cw.psa = at_cw.connect()
    assert len(at_cw.pull(Stream.PAYMENTS)) == 60


@pytest.mark.reliability("connectwise:29")
def test_ten_thousand_open_invoices_are_all_read_and_all_read_again(at_cw):
    ids = at_cw.invoices(10_000)
    assert len(at_cw.refs(Stream.INVOICES)) == len(ids)
    at_cw.tenant.silent_payments = True
    at_cw.tenant.pay(ids[-1], 1, DAY)
    found = at_cw.pull(Stream.INVOICES)
    assert str(ids[-1]) in {record.ref for record in found}
    assert len(found) < 1000


# ── answers that are no rows ────────────────────────────────────────────────────────────────────────────────────────────
SPOILT = {
    "object": lambda: httpx.Response(200, json={"code": "X", "message": "not a list"}),
    "html": lambda: httpx.Response(200, html="<!DOCTYPE html><html>Sign in</html>"),
    "cut off": lambda: httpx.Response(200, content=b'[{"id": 1, "inv'),
    "empty": lambda: httpx.Response(200, content=b""),
    "null": lambda: httpx.Response(200, content=b"null"),
    "500": lambda: httpx.Response(500, json={"code": "InternalServerError", "message": "boom"}),
}


@pytest.mark.reliability("connectwise:7", "connectwise:8")
@pytest.mark.parametrize("answer", SPOILT.values(), ids=SPOILT)
def test_what_is_no_list_fails_the_pass_and_never_means_no_rows(at_cw, answer):
    at_cw.invoices(2)
    at_cw.pages(Stream.INVOICES)
    cursor = at_cw.cursors[Stream.INVOICES]
    at_cw.later(days=2)
    at_cw.box.levers.answer_next(answer, times=20, only=only_invoices)
    with pytest.raises(ConnectorError) as caught:
        at_cw.pages(Stream.INVOICES)
    assert isinstance(caught.value, Transient)
    assert at_cw.cursors[Stream.INVOICES] == cursor
    at_cw.box.levers.clear()
    assert len(at_cw.pull(Stream.INVOICES)) == 2


@pytest.mark.reliability("connectwise:13")
def test_a_web_page_instead_of_data_names_the_host_setting(at_cw):
    at_cw.box.levers.answer_next(lambda: httpx.Response(200, html="<html>Sign in</html>"), times=9, only=only_invoices)
    with pytest.raises(Transient, match=r"web page instead of data.*Check site"):
        at_cw.pages(Stream.INVOICES)


# ── watermarks ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("connectwise:10")
@pytest.mark.parametrize("hours", [-11, -5, 2, 13])
def test_a_server_that_reads_filters_in_its_own_zone_loses_no_change(at_cw, hours):
    ids = at_cw.invoices(5)
    for number in ids:
        at_cw.tenant.pay(number, at_cw.tenant.table("finance/invoices")[number]["balance"], DAY)
    at_cw.box.filter_shift = timedelta(hours=hours)
    at_cw.pages(Stream.INVOICES)
    at_cw.later(minutes=5)
    at_cw.tenant.touch("finance/invoices", ids[2], reference="changed")
    at_cw.later(minutes=5)
    assert str(ids[2]) in at_cw.refs(Stream.INVOICES)


def test_the_probe_tells_a_shifted_server_from_a_straight_one(at_cw):
    at_cw.invoices(1)
    for shift, wanted in ((0, 900), (3, 86_400), (-3, 86_400)):
        at_cw.box.filter_shift = timedelta(hours=shift)
        page = list(at_cw.connect().pull(Stream.INVOICES, None))[-1]
        assert json.loads(page.cursor)["overlap"] == wanted


def test_a_pass_without_news_hands_over_nothing(at_cw):
    at_cw.invoices(8)
    at_cw.pages(Stream.INVOICES)
    at_cw.later(minutes=20)
    assert at_cw.pull(Stream.INVOICES) == []
    assert at_cw.pull(Stream.INVOICES) == []


def test_a_change_within_the_overlap_comes_once(at_cw):
    ids = at_cw.invoices(3)
    at_cw.pages(Stream.INVOICES)
    at_cw.later(minutes=1)
    at_cw.tenant.touch("finance/invoices", ids[0], reference="a")
    assert str(ids[0]) in at_cw.refs(Stream.INVOICES)
    assert at_cw.refs(Stream.INVOICES) == set()
    at_cw.later(minutes=1)
    at_cw.tenant.touch("finance/invoices", ids[0], reference="b")
    assert str(ids[0]) in at_cw.refs(Stream.INVOICES)


def test_a_stamp_from_the_future_hides_no_change(at_cw):
    ids = at_cw.invoices(3)
    at_cw.tenant.table("finance/invoices")[ids[0]]["_info"]["lastUpdated"] = "2099-01-01T00:00:00Z"
    at_cw.pages(Stream.INVOICES)
    for number in ids[1:]:
        at_cw.later(hours=1)
        at_cw.tenant.touch("finance/invoices", number, reference="x")
        assert at_cw.refs(Stream.INVOICES) == {str(number)}


def test_a_catch_up_too_large_for_memory_goes_page_by_page_and_can_be_resumed(staged):
    stage = staged(page_size=2)
    ids = stage.invoices(40)
    stage.pages(Stream.INVOICES)
    stage.later(hours=1)
    for number in ids:
        stage.tenant.touch("finance/invoices", number, reference="bulk")
    stage.later(hours=1)
    seen, cursor = set(), stage.cursors[Stream.INVOICES]
    for _ in range(30):
        page = next(iter(stage.connect().pull(Stream.INVOICES, cursor)))
        seen |= {record.ref for record in page.records}
        cursor = page.cursor
        if not page.more:
            break
    assert seen == {str(number) for number in ids}
    stage.cursors[Stream.INVOICES] = cursor
    stage.later(hours=1)
    stage.tenant.touch("finance/invoices", ids[5], reference="after")
    assert str(ids[5]) in stage.refs(Stream.INVOICES)


# ── money that moves without a sign ─────────────────────────────────────────────────────────────────────────────────────
def test_the_next_pass_begins_where_the_newest_change_was(at_cw):
    ids = at_cw.invoices(3)
    at_cw.pages(Stream.INVOICES)
    at_cw.later(hours=1)
    at_cw.tenant.touch("finance/invoices", ids[0], reference="x")
    at_cw.pages(Stream.INVOICES)
    assert json.loads(at_cw.cursors[Stream.INVOICES] or "")["watermark"] == "2026-05-05T13:00:00Z"


@pytest.mark.req("E31")
@pytest.mark.parametrize("recent", [True, False])
@pytest.mark.parametrize("amount", ["30.00", "100.00"])
def test_a_payment_that_leaves_last_updated_alone_is_seen_at_the_next_pass(at_cw, amount, recent):
    at_cw.tenant.silent_payments = True
    ids = at_cw.invoices(6)
    if not recent:  # then none of them is shown again because of the overlap
        at_cw.invoice(at_cw.company(), at=at_cw.ago(1))
    at_cw.pages(Stream.INVOICES)
    at_cw.pages(Stream.PAYMENTS)
    at_cw.later(hours=1)
    at_cw.tenant.pay(ids[0], amount, DAY)
    found = {record.ref: record for record in at_cw.pull(Stream.INVOICES)}
    assert found[str(ids[0])].open.minor == 10_000 - int(amount.replace(".", ""))
    (payment,) = at_cw.pull(Stream.PAYMENTS)
    assert payment.allocations[0].invoice_ref == str(ids[0])


def test_a_server_that_cannot_filter_by_balance_is_listed_every_time(at_cw):
    at_cw.box.unfilterable = frozenset({"balance"})
    at_cw.tenant.silent_payments = True
    ids = at_cw.invoices(3)
    at_cw.pages(Stream.INVOICES)
    at_cw.later(hours=1)
    at_cw.tenant.pay(ids[1], 101, DAY)
    found = {record.ref: record for record in at_cw.pull(Stream.INVOICES)}
    assert found[str(ids[1])].status is DocumentStatus.CLOSED


def test_a_server_that_cannot_sort_by_time_still_catches_up(at_cw):
    ids = at_cw.invoices(3)
    refuse = {"code": "ApiFindCondition", "message": "lastUpdated is not a recognized name."}
    at_cw.box.levers.answer_next(lambda: httpx.Response(400, json=refuse), only=only_invoices)
    assert len(at_cw.refs(Stream.INVOICES)) == 3
    at_cw.later(hours=1)
    at_cw.tenant.touch("finance/invoices", ids[1], reference="x")
    assert str(ids[1]) in at_cw.refs(Stream.INVOICES)


# ── where it is ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("connectwise:12")
def test_an_upgraded_tenant_is_found_again_by_itself(at_cw):
    at_cw.invoices(2)
    at_cw.pages(Stream.INVOICES)
    at_cw.box.cloud = False
    at_cw.box.move_codebase("v2026_1/")
    at_cw.later(days=2)
    at_cw.calls()
    assert len(at_cw.pull(Stream.INVOICES)) == 2
    assert len(at_cw.asked("/login/companyinfo/acme")) == 1


@pytest.mark.reliability("connectwise:14")
def test_a_record_that_the_list_shows_is_not_gone_though_its_own_address_is_404(at_cw):
    (number,) = at_cw.invoices(1)
    one = f"/finance/invoices/{number}"
    missing = {"code": "NotFound", "message": f"Invoice {number} not found"}
    at_cw.box.levers.answer_next(lambda: httpx.Response(404, json=missing), only=lambda request: request.url.path.endswith(one))
    assert at_cw.psa.reread(Stream.INVOICES, Ref(str(number))) is not None
    at_cw.tenant.remove("finance/invoices", number)
    assert at_cw.psa.reread(Stream.INVOICES, Ref(str(number))) is None


THREE_KINDS = {
    "path": lambda: httpx.Response(404, json={"code": "ConnectWiseApi", "message": "The endpoint does not exist."}),
    "service": lambda: httpx.Response(404, html="<html>not here</html>"),
    "nothing": lambda: httpx.Response(404),
}


@pytest.mark.reliability("connectwise:9", "connectwise:14")
@pytest.mark.parametrize("answer", THREE_KINDS.values(), ids=THREE_KINDS)
def test_only_the_404_of_a_record_means_that_it_is_gone(at_cw, answer):
    (number,) = at_cw.invoices(1)
    one = f"/finance/invoices/{number}"
    at_cw.box.levers.answer_next(answer, times=9, only=lambda request: request.url.path.endswith(one))
    with pytest.raises(ConnectorError):
        at_cw.psa.reread(Stream.INVOICES, Ref(str(number)))


@pytest.mark.reliability("connectwise:11")
def test_a_row_that_names_a_deleted_company_is_kept(at_cw):
    company = at_cw.company()
    at_cw.invoice(company)
    at_cw.tenant.add_contact(company, "Ann", at=at_cw.ago(5))
    at_cw.tenant.table("company/companies").clear()
    assert [record.party_ref for record in at_cw.pull(Stream.INVOICES)] == [str(company)]
    assert [record.party_ref for record in at_cw.pull(Stream.CONTACTS)] == [str(company)]


def test_a_change_in_one_month_leaves_the_sums_of_its_neighbours_alone(at_cw):
    company = at_cw.company()
    days = [at_cw.clock.now().replace(month=month, day=day) for month, day in ((4, 10), (4, 30), (5, 1), (5, 4))]
    entries = [at_cw.tenant.add_time(company, 1, at, changed_at=at)["id"] for at in days]
    assert {record.ref: record.minutes for record in at_cw.pull(Stream.WORK)} == {
        f"2026-04.c{company}.a0.i0": 120,
        f"2026-05.c{company}.a0.i0": 120,
    }
    at_cw.later(hours=1)
    at_cw.tenant.touch("time/entries", entries[2], actualHours=3)
    at_cw.later(hours=1)
    assert {record.ref: record.minutes for record in at_cw.pull(Stream.WORK)} == {f"2026-05.c{company}.a0.i0": 240}


# ── limits set by the operator ──────────────────────────────────────────────────────────────────────────────────────────
def test_since_leaves_out_the_past_but_no_open_invoice(staged):
    stage = staged(since="2026-01-01")
    company = stage.company()
    old, owed, new = (stage.invoice(company, on=day) for day in (DAY.replace(year=2020), DAY.replace(year=2021), DAY))
    stage.tenant.pay(old, 100, DAY)
    stage.tenant.pay(new, 100, DAY)
    assert stage.refs(Stream.INVOICES) == {str(owed), str(new)}


def test_since_on_a_server_that_cannot_filter_by_balance_reads_everything(staged):
    stage = staged(since="2026-01-01")
    stage.box.unfilterable = frozenset({"balance"})
    company = stage.company()
    ids = [stage.invoice(company, on=day) for day in (DAY.replace(year=2020), DAY)]
    for stream in (Stream.INVOICES, Stream.INVOICES):
        assert stage.refs(stream) == {str(number) for number in ids}


def test_only_the_named_boards_are_read(staged):
    stage = staged(boards=["Help Desk"])
    company = stage.company()
    for board in (1, 2):
        row = {"summary": f"on {board}", "board": stage.tenant.reference("service/boards", board)}
        stage.tenant.add("service/tickets", {**row, "company": stage.tenant.company_ref(company)}, at=stage.ago(1))
    assert [record.summary for record in stage.pull(Stream.TICKETS)] == ["on 1"]
