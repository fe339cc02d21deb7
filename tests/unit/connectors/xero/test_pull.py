"""Pulling from the sandbox: every record once, changes seen, nothing lost while somebody works in Xero."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from connectors.xero.sandbox_shapes import dated
from core.books import Account, AccountBooks
from core.errors import AuthExpired, NotFound, Rejected, Transient
from core.records import DocumentStatus, Invoice, Payment, PaymentStatus, Record, Ref, Refund, Stream
from tests.unit.connectors.xero.kit import Stage, stage


def by_ref(records: list[Record]) -> dict[str, Any]:
    return {record.ref: record for record in records}


def only(path: str) -> Callable[[httpx.Request], bool]:
    return lambda request: request.url.path.endswith(path)


@pytest.mark.parametrize("rows", [0, 1, 4, 5, 6, 10, 13])
def test_every_record_comes_once_over_page_borders(rows: int) -> None:
    with stage(page_size=5) as at_xero:
        client = at_xero.client()
        made = {at_xero.invoice(client)["InvoiceID"] for _ in range(rows)}
        refs = Counter(record.ref for record in at_xero.pull(Stream.INVOICES))
        assert set(refs) == made
        assert set(refs.values()) <= {1}


def test_pages_of_a_listing_say_so_and_the_last_says_it_is_the_last() -> None:
    with stage(page_size=5) as at_xero:
        client = at_xero.client()
        for _ in range(8):
            at_xero.invoice(client)
        at_xero.settle()
        pages = at_xero.pages(Stream.INVOICES)
        assert [page.listing.first for page in pages if page.listing] == [True, False]
        assert [page.more for page in pages] == [True, False]
        assert [page.expected for page in pages] == [8, 8]
        at_xero.settle()
        (calm,) = at_xero.pages(Stream.INVOICES)
        assert (calm.listing, calm.entries, calm.more) == (None, (), False)


def test_a_pull_is_a_function_of_its_cursor(at_xero: Stage) -> None:
    client = at_xero.client()
    at_xero.invoice(client)
    first = [page.records for page in at_xero.connector.pull(Stream.INVOICES, None)]
    again = [page.records for page in at_xero.connect().pull(Stream.INVOICES, None)]
    assert first == again


def test_only_what_changed_comes_again(at_xero: Stage) -> None:
    client = at_xero.client()
    invoices = [at_xero.invoice(client) for _ in range(6)]
    at_xero.pull_all()
    at_xero.settle()
    at_xero.books.pay(invoices[2], "20.00", date(2026, 5, 5))
    changed = at_xero.pull_all()
    assert [record.ref for record in changed[Stream.INVOICES]] == [invoices[2]["InvoiceID"]]
    assert len(changed[Stream.PAYMENTS]) == 1
    assert not changed[Stream.PARTIES]
    assert not changed[Stream.REFUNDS]


def test_a_change_within_the_overlap_is_seen_and_the_rest_not_repeated(at_xero: Stage) -> None:
    client = at_xero.client()
    invoices = [at_xero.invoice(client) for _ in range(6)]
    assert len(at_xero.pull(Stream.INVOICES)) == 6
    at_xero.clock.advance(timedelta(seconds=5))
    at_xero.books.pay(invoices[2], "20.00", date(2026, 5, 5))
    assert [record.ref for record in at_xero.pull(Stream.INVOICES)] == [invoices[2]["InvoiceID"]]
    assert at_xero.pull(Stream.INVOICES) == []


def test_voided_and_deleted_come_with_that_status(at_xero: Stage) -> None:
    client = at_xero.client()
    invoice, draft = at_xero.invoice(client), at_xero.invoice(client, Status="DRAFT")
    paid = at_xero.invoice(client)
    payment = at_xero.books.pay(paid, "20.00", date(2026, 5, 4))
    at_xero.pull_all()
    at_xero.settle()
    at_xero.books.void(invoice)
    at_xero.books.void(draft)
    at_xero.books.delete_payment(payment)
    changed = at_xero.pull_all()
    invoices = by_ref(changed[Stream.INVOICES])
    assert invoices[invoice["InvoiceID"]].status is DocumentStatus.VOID
    assert invoices[draft["InvoiceID"]].status is DocumentStatus.VOID
    assert invoices[paid["InvoiceID"]].open.minor == 12000
    (gone,) = changed[Stream.PAYMENTS]
    assert isinstance(gone, Payment)
    assert gone.status is PaymentStatus.VOID


def test_every_unit_of_cash_counts_once(at_xero: Stage) -> None:
    """Payment, overpayment with allocation and refund, prepayment, credit note with refund: the balance is Xero's own."""
    client = at_xero.client()
    first, second, third = (at_xero.invoice(client) for _ in range(3))
    at_xero.books.pay(first, "50.00", date(2026, 4, 20))
    over = at_xero.books.add_credit("Overpayments", client, "70.00", date(2026, 4, 21))
    at_xero.books.allocate(over, second, "30.00")
    at_xero.books.refund("Overpayments", over, "5.00", date(2026, 4, 22))
    pre = at_xero.books.add_credit("Prepayments", client, "40.00", date(2026, 4, 21))
    at_xero.books.allocate(pre, third, "40.00")
    credit = at_xero.books.add_credit("CreditNotes", client, "25.00", date(2026, 4, 22))
    at_xero.books.allocate(credit, third, "10.00")
    at_xero.books.refund("CreditNotes", credit, "2.00", date(2026, 4, 23))
    at_xero.books.add_bank_transaction(client, "35.00", date(2026, 4, 21), Type="RECEIVE-OVERPAYMENT", OverpaymentID=over["ID"])
    records = at_xero.pull_all()
    books = AccountBooks(
        account=Account(id="a", name="Acme", parties=()),
        invoices=tuple(item for item in records[Stream.INVOICES] if isinstance(item, Invoice)),
        payments=tuple(item for item in records[Stream.PAYMENTS] if isinstance(item, Payment)),
        credit_notes=tuple(records[Stream.CREDIT_NOTES]),  # type: ignore[arg-type]
        parties=tuple(records[Stream.PARTIES]),  # type: ignore[arg-type]
    )
    net = books.balance("USD")
    assert (net.open_invoices.minor, net.unapplied_payments.minor, net.remaining_credits.minor) == (23000, 3500, 1300)
    refunds = [item for item in records[Stream.REFUNDS] if isinstance(item, Refund)]
    assert sorted((item.amount.minor, str(item.source_ref)) for item in refunds) == [(200, credit["ID"]), (500, over["ID"])]
    assert records[Stream.DEPOSITS] == []
    for payment in books.payments:
        assert payment.amount.minor == sum(item.amount.minor for item in payment.allocations) + payment.unapplied.minor


# ── reliability ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("xero:T4")
def test_a_token_that_ends_on_page_three_of_ten_costs_one_refresh_and_no_row() -> None:
    with stage(page_size=5) as at_xero:
        client = at_xero.client()
        made = {at_xero.invoice(client)["InvoiceID"] for _ in range(50)}
        at_xero.connector.api.get("Organisation")
        at_xero.box.levers.log.clear()
        expired = []

        def end_token(request: httpx.Request) -> None:
            if request.url.params.get("page") == "2" and not expired:
                expired.append(True)
                at_xero.box.access.expire_access()

        at_xero.box.on_list = end_token
        refs = Counter(record.ref for record in at_xero.pull(Stream.INVOICES))
        assert (set(refs), set(refs.values())) == (made, {1})
        tokens = [item for item in at_xero.box.levers.log if item.path == "/connect/token"]
        assert len(tokens) == 1


@pytest.mark.reliability("xero:T5")
def test_if_modified_since_has_exactly_the_documented_form(at_xero: Stage) -> None:
    seen: list[str] = []
    at_xero.box.on_list = lambda request: seen.append(request.headers.get("if-modified-since", ""))
    at_xero.invoice(at_xero.client())
    at_xero.pull_all()
    at_xero.settle()
    at_xero.pull_all()
    sent = [value for value in seen if value]
    assert len(sent) == 7
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value) for value in sent)


@pytest.mark.reliability("xero:T6")
def test_a_due_date_changed_without_a_trace_is_seen_by_the_daily_reading(at_xero: Stage) -> None:
    invoice = at_xero.invoice(at_xero.client())
    at_xero.settle()
    at_xero.pull(Stream.INVOICES)
    at_xero.settle()
    invoice.update(dated(date(2026, 7, 1), "DueDate"), SentToContact=True)
    assert at_xero.pull(Stream.INVOICES) == []
    reread = at_xero.connector.reread(Stream.INVOICES, Ref(invoice["InvoiceID"]))  # as the gate does before every reminder
    assert isinstance(reread, Invoice)
    assert reread.due_on == date(2026, 7, 1)
    at_xero.clock.advance(timedelta(hours=24))
    (seen,) = at_xero.pull(Stream.INVOICES)
    assert isinstance(seen, Invoice)
    assert (seen.due_on, seen.sent) == (date(2026, 7, 1), True)


@pytest.mark.reliability("xero:T7")
@pytest.mark.parametrize("full", [True, False])
def test_a_row_that_changes_between_pages_costs_no_other_row(full: bool) -> None:
    with stage(page_size=5) as at_xero:
        client = at_xero.client()
        if not full:
            at_xero.pull(Stream.INVOICES)
            at_xero.settle()
        made = []
        for _ in range(17):
            at_xero.clock.advance(timedelta(seconds=10))
            made.append(at_xero.invoice(client)["InvoiceID"])
        turns = iter(range(100))

        def work(request: httpx.Request) -> None:
            turn = next(turns)
            if 0 < turn <= 6:  # somebody edits a row that was read already: it moves to the end
                at_xero.clock.advance(timedelta(seconds=3))
                at_xero.box.touch("Invoices", made[turn])

        at_xero.box.on_list = work
        assert {record.ref for record in at_xero.pull(Stream.INVOICES)} == set(made)


@pytest.mark.reliability("xero:T7")
def test_a_vendor_that_repeats_a_page_for_ever_is_an_error() -> None:
    with stage(page_size=2) as at_xero:
        client = at_xero.client()
        for _ in range(4):
            at_xero.invoice(client)

        def first_page_always(request: httpx.Request) -> httpx.Response:
            url = request.url.copy_set_param("page", "1") if request.url.path.endswith("/Invoices") else request.url
            answer = at_xero.box.handle(httpx.Request(request.method, url, headers=request.headers, content=request.content))
            content = answer.content.replace(b'"page":1', b'"page":%s' % request.url.params.get("page", "1").encode())
            content = re.sub(rb'"pageCount":\d+', b'"pageCount":99', content)
            return httpx.Response(answer.status_code, headers={"content-type": "application/json"}, content=content)

        at_xero.handle = first_page_always
        with pytest.raises(Rejected, match="again and again"):
            at_xero.pull(Stream.INVOICES)


@pytest.mark.reliability("xero:T8")
@pytest.mark.parametrize("spoil", ["pagination", "LineItems"])
def test_an_answer_that_hides_rows_is_an_error_and_not_empty(at_xero: Stage, spoil: str) -> None:
    at_xero.invoice(at_xero.client())

    def summary(request: httpx.Request) -> httpx.Response:
        answer = at_xero.box.handle(request)
        if not request.url.path.endswith("/Invoices"):
            return answer
        return httpx.Response(
            200, headers={"content-type": "application/json"}, content=answer.content.replace(spoil.encode(), b"Other")
        )

    at_xero.handle = summary
    with pytest.raises(Rejected, match="would lose records"):
        at_xero.pull(Stream.INVOICES)


@pytest.mark.reliability("xero:T9")
def test_a_list_that_is_not_found_is_an_error_and_not_empty(at_xero: Stage) -> None:
    at_xero.box.levers.answer_next(lambda: httpx.Response(404, content=b"<html>too long</html>"), only=only("/Invoices"))
    with pytest.raises(Rejected) as error:
        at_xero.pull(Stream.INVOICES)
    assert not isinstance(error.value, NotFound)


@pytest.mark.reliability("xero:T10")
def test_a_list_too_long_for_xero_is_read_in_windows() -> None:
    with stage(page_size=10) as at_xero:
        client = at_xero.client()
        made = set()
        for month in range(1, 13):
            for year in (2014, 2022, 2024, 2025, 2026):
                doc = at_xero.books.add_invoice(client, "10.00", date(year, month, 15), date(year, month, 28))
                made.add(doc["InvoiceID"])
        at_xero.box.high_volume = 9
        pages = at_xero.pages(Stream.INVOICES)
        refs = Counter(record.ref for page in pages for record in page.records)
        assert (set(refs), set(refs.values())) == (made, {1})
        assert [page.listing is not None and page.listing.first for page in pages].count(True) == 1
        assert all(len(page.cursor) <= 1024 for page in pages)


def test_contacts_have_no_date_to_cut_by_so_too_many_is_an_error(at_xero: Stage) -> None:
    for index in range(3):
        at_xero.books.add_contact(f"Client {index}")
    at_xero.box.high_volume = 0
    with pytest.raises(Rejected, match="not filtering Contacts efficiently"):
        at_xero.pull(Stream.PARTIES)


@pytest.mark.reliability("xero:T12")
def test_an_odd_row_is_named_and_the_page_goes_on(at_xero: Stage) -> None:
    client = at_xero.client()
    good, odd = at_xero.invoice(client), at_xero.invoice(client)
    odd["Status"] = "QUESTIONED"
    (page,) = at_xero.pages(Stream.INVOICES)
    assert [record.ref for record in page.records] == [good["InvoiceID"]]
    (fault,) = page.malformed
    assert (fault.ref, fault.where) == (odd["InvoiceID"], "Status")
    with pytest.raises(Rejected, match="Status"):
        at_xero.connector.reread(Stream.INVOICES, Ref(odd["InvoiceID"]))


@pytest.mark.reliability("xero:T20")
def test_a_merge_is_followed(at_xero: Stage) -> None:
    winner, loser = at_xero.client("Acme Dental"), at_xero.client("Acme Dental Ltd")
    invoice = at_xero.invoice(loser)
    at_xero.pull_all()
    at_xero.settle()
    at_xero.books.merge(loser, winner)
    changed = at_xero.pull_all()
    assert by_ref(changed[Stream.PARTIES])[loser["ContactID"]].parent_ref == winner["ContactID"]
    assert by_ref(changed[Stream.INVOICES])[invoice["InvoiceID"]].party_ref == winner["ContactID"]


@pytest.mark.reliability("xero:T2")
def test_a_stalled_read_is_tried_again_and_then_given_up(at_xero: Stage) -> None:
    at_xero.invoice(at_xero.client())
    at_xero.box.levers.time_out(times=2, only=only("/Invoices"))
    assert len(at_xero.pull(Stream.INVOICES)) == 1
    at_xero.settle()
    at_xero.box.levers.time_out(times=9, only=only("/Invoices"))
    with pytest.raises(Transient):
        at_xero.pull(Stream.INVOICES)
    assert at_xero.calls() == ["GET /Invoices"] * 3


@pytest.mark.reliability("xero:T22")
def test_pages_of_a_gateway_are_tried_again_and_then_reported(at_xero: Stage) -> None:
    at_xero.invoice(at_xero.client())
    page = {"content-type": "text/html"}
    at_xero.box.levers.answer_next(
        lambda: httpx.Response(200, headers=page, content=b"<html>hello</html>"), only=only("/Invoices")
    )
    at_xero.box.levers.fail_next(502, only=only("/Invoices"))
    assert len(at_xero.pull(Stream.INVOICES)) == 1
    at_xero.settle()
    at_xero.box.levers.answer_next(
        lambda: httpx.Response(200, headers=page, content=b"<html>hello</html>"), times=9, only=only("/Invoices")
    )
    with pytest.raises(Transient, match="not JSON but text/html"):
        at_xero.pull(Stream.INVOICES)


def test_xml_is_a_distinct_error(at_xero: Stage) -> None:
    xml = {"content-type": "text/xml; charset=utf-8"}
    at_xero.box.levers.answer_next(lambda: httpx.Response(200, headers=xml, content=b"<Response/>"), only=only("/Invoices"))
    with pytest.raises(Rejected, match="XML"):
        at_xero.pull(Stream.INVOICES)


@pytest.mark.reliability("xero:T24")
@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_failing_vendor_deletes_nothing(at_xero: Stage, status: int) -> None:
    invoice = at_xero.invoice(at_xero.client())
    at_xero.pull(Stream.INVOICES)
    at_xero.clock.advance(timedelta(hours=25))
    at_xero.box.levers.fail_next(status, times=20)
    with pytest.raises(Transient):
        at_xero.pages(Stream.INVOICES)
    with pytest.raises(Transient):
        at_xero.connector.reread(Stream.INVOICES, Ref(invoice["InvoiceID"]))
    at_xero.box.levers.clear()
    at_xero.clock.advance(timedelta(minutes=10))
    (page,) = at_xero.pages(Stream.INVOICES)
    assert (len(page.records), page.deleted, page.listing is not None) == (1, (), True)


def test_a_failed_page_loses_nothing() -> None:
    with stage(page_size=4) as at_xero:
        client = at_xero.client()
        made = {at_xero.invoice(client)["InvoiceID"] for _ in range(10)}
        at_xero.box.levers.fail_next(500, times=3, only=lambda request: request.url.params.get("page") == "2")
        pulling = at_xero.connector.pull(Stream.INVOICES, None)
        first = next(pulling)
        at_xero.cursors[Stream.INVOICES] = first.cursor
        seen = {record.ref for record in first.records}
        with pytest.raises(Transient):
            next(pulling)
        assert len(seen) == 4
        pages = at_xero.pages(Stream.INVOICES)
        assert seen | {record.ref for page in pages for record in page.records} == made
        assert [page.listing.first for page in pages if page.listing] == [False, False]


# ── single records ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_single_records_are_read_again_from_the_list_they_are_in(at_xero: Stage) -> None:
    client = at_xero.client(FirstName="Ann", LastName="Lee")
    invoice = at_xero.invoice(client)
    payment = at_xero.books.pay(invoice, "1.00", date(2026, 5, 1))
    over = at_xero.books.add_credit("Overpayments", client, "70.00", date(2026, 4, 21))
    pre = at_xero.books.add_credit("Prepayments", client, "70.00", date(2026, 4, 21))
    deposit = at_xero.books.add_bank_transaction(client, "7.00", date(2026, 4, 21))
    pulled = at_xero.pull_all()
    wanted = {
        Stream.INVOICES: [invoice["InvoiceID"]],
        Stream.PAYMENTS: [payment["PaymentID"], over["ID"], pre["ID"]],
        Stream.PARTIES: [client["ContactID"]],
        Stream.CONTACTS: [f"{client['ContactID']}#ap@acme.example"],
        Stream.DEPOSITS: [deposit["BankTransactionID"]],
    }
    for stream, refs in wanted.items():
        for ref in refs:
            assert at_xero.connector.reread(stream, Ref(ref)) == by_ref(pulled[stream])[ref]


def test_what_is_gone_reads_as_none(at_xero: Stage) -> None:
    client = at_xero.client()
    deposit = at_xero.books.add_bank_transaction(client, "7.00", date(2026, 4, 21))
    deposit["Status"] = "DELETED"
    nobody = Ref("00000000-0000-0000-0000-000000000001")
    assert at_xero.connector.reread(Stream.DEPOSITS, Ref(deposit["BankTransactionID"])) is None
    assert at_xero.connector.reread(Stream.CONTACTS, Ref(f"{client['ContactID']}#left@acme.example")) is None
    for stream in at_xero.connector.streams():
        assert at_xero.connector.reread(stream, nobody) is None


@pytest.mark.reliability("xero:T15")
def test_a_stale_tenant_is_explained_and_stops(at_xero: Stage) -> None:
    stale = "00000000-0000-0000-0000-0000000000ff"
    connector = at_xero.connect(tenant_id=stale)
    with pytest.raises(AuthExpired, match="Sandbox MSP") as error:
        list(connector.pull(Stream.INVOICES, None))
    assert stale in error.value.message
    assert at_xero.box.tenant_id in error.value.message
    assert "tenant_id" in error.value.remedy
    assert at_xero.calls() == ["GET /Invoices"]
    connector.close()
    connector.close()
