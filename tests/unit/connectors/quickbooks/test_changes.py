"""After the first listing, change data capture brings what changed, what was deleted, and what it does not name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.quickbooks import paging
from core.errors import Transient
from core.records import DocumentStatus, PaymentStatus, Stream
from tests.unit.connectors.quickbooks.rig import records, refs


@pytest.fixture
def settled(rig):
    """A company pulled once, an hour ago."""
    rig.client = rig.customer("Client")
    rig.bill = rig.invoice(rig.client, 100)
    rig.other = rig.invoice(rig.client, 250)
    rig.clock.advance(timedelta(hours=1))
    rig.pull_all()
    rig.clock.advance(timedelta(hours=1))
    rig.forget_calls()
    return rig


def forget(rig, stream) -> None:
    """Let the overlap of the last pull run out, so that only what really moved can come."""
    for _ in range(2):
        rig.clock.advance(timedelta(hours=1))
        rig.pull(stream)
    rig.clock.advance(timedelta(minutes=1))


def test_a_pass_without_change_is_one_call_for_all_streams(settled):
    pages = settled.pull_all()
    assert all(not page.entries and not page.more for found in pages.values() for page in found)
    assert len(settled.calls()) == 1


def test_each_stream_alone_needs_one_call_without_change(settled):
    for stream in settled.qbo.streams():
        settled.forget_calls()
        list(settled.connect().pull(stream, settled.cursors[stream]))
        assert len(settled.calls()) == 1, stream


def test_a_changed_invoice_comes_alone(settled):
    settled.books.touch("Invoice", settled.bill, PrivateNote="call them")
    (found,) = records(settled.pull(Stream.INVOICES))
    assert (found.ref, found.memo) == (settled.bill, "call them")


def test_a_payment_brings_the_invoice_and_the_customer_with_it(settled):
    paid = settled.payment(settled.client, 100, {settled.bill: 100})
    pages = settled.pull_all()
    assert refs(pages[Stream.PAYMENTS]) == [paid]
    (invoice,) = records(pages[Stream.INVOICES])
    assert (invoice.ref, invoice.status, invoice.open.minor) == (settled.bill, DocumentStatus.CLOSED, 0)
    (party,) = records(pages[Stream.PARTIES])
    assert party.balance.minor == 25000


@pytest.mark.reliability("quickbooks:12")
def test_rows_met_twice_through_the_overlap_are_the_same_rows(settled):
    settled.books.touch("Invoice", settled.bill, PrivateNote="x")
    (first,) = records(settled.pull(Stream.INVOICES))
    settled.clock.advance(timedelta(minutes=5))
    (second,) = records(settled.pull(Stream.INVOICES))
    assert first == second
    settled.clock.advance(timedelta(minutes=15))
    settled.pull(Stream.INVOICES)
    settled.clock.advance(timedelta(minutes=15))
    assert records(settled.pull(Stream.INVOICES)) == []


@pytest.mark.reliability("quickbooks:13")
def test_a_deleted_invoice_becomes_a_tombstone_once_quickbooks_confirms_it(settled):
    settled.delete("Invoice", settled.bill)
    (page,) = settled.pull(Stream.INVOICES)
    assert [(item.stream, item.ref) for item in page.deleted] == [(Stream.INVOICES, settled.bill)]
    assert settled.calls(f"invoice/{settled.bill}")


@pytest.mark.reliability("quickbooks:13", "quickbooks:16")
@pytest.mark.parametrize(("days", "listed"), [(6, False), (7, True), (28, True), (29, True), (31, True), (90, True)])
def test_after_a_week_or_beyond_the_look_back_everything_is_listed_again(settled, days, listed):
    settled.delete("Invoice", settled.bill)
    settled.clock.advance(timedelta(days=days, minutes=-59))
    pages = settled.pull(Stream.INVOICES)
    assert (pages[0].listing is not None) is listed
    if listed:
        assert pages[0].listing.first
        assert refs(pages) == [settled.other]


@pytest.mark.reliability("quickbooks:16")
def test_change_capture_is_never_asked_beyond_its_look_back(rigged):
    rig = rigged(relist_days=10_000)
    rig.invoice(rig.customer())
    rig.pull(Stream.INVOICES)
    for days in (5, 28, 29, 30, 31, 90):
        rig.clock.advance(timedelta(days=days))
        rig.forget_calls()
        rig.pull(Stream.INVOICES)
        assert [item.status for item in rig.box.levers.log if "cdc" in item.path] in ([], [200])


def test_a_service_that_keeps_less_than_it_promises_means_a_listing(settled):
    old = paging.encode(paging.CaughtUp(at="2026-03-20T00:00:00+00:00", listed_at="2026-05-05T00:00:00+00:00"))
    settled.clock.advance(timedelta(seconds=1))
    settled.cursors[Stream.INVOICES] = old
    settled.qbo._is_listing_due = lambda position: False
    assert settled.pull(Stream.INVOICES)[0].listing is not None
    assert settled.calls("cdc")


@pytest.mark.reliability("quickbooks:14")
def test_an_answer_of_a_thousand_objects_is_not_believed_to_be_all(settled):
    made = set(settled.invoices(settled.client, 1300))
    for ref in made:
        settled.books.touch("Invoice", ref, PrivateNote="now")
    settled.delete("Invoice", settled.bill)
    settled.forget_calls()
    pages = settled.pull(Stream.INVOICES)
    assert made <= set(refs(pages))
    assert len(refs(pages)) == len(set(refs(pages)))
    assert all(page.listing is None for page in pages)
    assert len(settled.calls()) < 10
    # deletes were cut off with the rest: the next pass lists everything
    settled.clock.advance(timedelta(minutes=15))
    again = settled.pull(Stream.INVOICES)
    assert again[0].listing.first
    assert settled.bill not in refs(again)


def test_too_much_for_all_streams_together_is_asked_stream_by_stream(settled):
    for ref in settled.invoices(settled.client, 995):
        settled.books.touch("Invoice", ref, PrivateNote="now")
    for index in range(10):
        settled.payment(settled.client, 5 + index)
    pages = settled.pull_all()
    assert len(refs(pages[Stream.INVOICES])) == 995
    assert len(refs(pages[Stream.PAYMENTS])) == 10


@pytest.mark.reliability("quickbooks:15")
def test_a_live_invoice_reported_as_deleted_is_read_and_kept(settled):
    settled.books.touch("Invoice", settled.bill, PrivateNote="alive")
    settled.box.false_tombstones.add(("Invoice", settled.bill))
    (page,) = settled.pull(Stream.INVOICES)
    assert page.deleted == ()
    assert page.records[0].memo == "alive"


@pytest.mark.parametrize("word", ["Deleted", "deleted", "DELETED"])
def test_the_word_of_a_tombstone_counts_in_any_case(settled, word, monkeypatch):
    from connectors.quickbooks import sandbox_feeds

    real = sandbox_feeds._tombstone
    monkeypatch.setattr(sandbox_feeds, "_tombstone", lambda ref, at: real(ref, at) | {"status": word})
    settled.delete("Invoice", settled.bill)
    (page,) = settled.pull(Stream.INVOICES)
    assert [item.ref for item in page.deleted] == [settled.bill]


def test_a_voided_invoice_and_its_freed_payment_both_show(settled):
    paid = settled.payment(settled.client, 100, {settled.bill: 100})
    settled.clock.advance(timedelta(hours=1))
    settled.pull_all()
    settled.clock.advance(timedelta(hours=1))
    settled.void("Invoice", settled.bill)
    pages = settled.pull_all()
    assert [(item.ref, item.status) for item in records(pages[Stream.INVOICES])] == [(settled.bill, DocumentStatus.VOID)]
    (payment,) = records(pages[Stream.PAYMENTS])
    assert (payment.ref, payment.unapplied.minor, payment.allocations) == (paid, 10000, ())


def test_a_voided_payment_shows_as_void(settled):
    paid = settled.payment(settled.client, 100, {settled.bill: 100})
    settled.void("Payment", paid)
    (payment,) = records(settled.pull(Stream.PAYMENTS))
    assert (payment.status, payment.amount.minor) == (PaymentStatus.VOID, 0)
    (invoice,) = records(settled.pull(Stream.INVOICES))
    assert invoice.open.minor == 10000


def test_a_payment_banked_later_is_read_again_although_its_own_time_stands_still(settled):
    paid = settled.payment(settled.client, 100, {settled.bill: 100})
    (before,) = records(settled.pull(Stream.PAYMENTS))
    forget(settled, Stream.PAYMENTS)
    stamp = settled.books.get("Payment", paid)["MetaData"]
    settled.deposit(paid)
    assert settled.books.get("Payment", paid)["MetaData"] == stamp
    (after,) = records(settled.pull(Stream.PAYMENTS))
    assert (before.deposited, after.deposited) == (False, True)
    assert before.version != after.version


@pytest.mark.parametrize("how", ["deleted", "edited"])
def test_a_deposit_taken_back_frees_its_payments_again(settled, how):
    paid = settled.payment(settled.client, 100, {settled.bill: 100})
    banked = settled.deposit(paid)
    settled.pull(Stream.PAYMENTS)
    forget(settled, Stream.PAYMENTS)
    if how == "deleted":
        settled.delete("Deposit", banked)
    else:
        settled.books.touch("Deposit", banked, Line=[])
    found = {record.ref: record for record in records(settled.pull(Stream.PAYMENTS))}
    assert found[paid].deposited is False


def journal(rig, *lines: tuple[str, str, int]) -> str:
    """A journal entry: (customer, side, amount) on the receivable account, balanced against bad debts."""
    body = []
    for customer, side, amount in lines:
        entity = {"Type": "Customer", "EntityRef": {"value": customer}}
        for account, to, detail in (("84", side, {"Entity": entity}), ("90", {"Debit": "Credit"}.get(side, "Debit"), {})):
            line = {"PostingType": to, "AccountRef": {"value": account}, **detail}
            body.append({"Amount": amount, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": line})
    return str(rig.books.create("JournalEntry", {"Line": body})["Id"])


def apply_journal(rig, entry: str, customer: str, invoice: str, amount: int) -> str:
    links = [("Invoice", invoice), ("JournalEntry", entry)]
    lines = [{"Amount": amount, "LinkedTxn": [{"TxnId": ref, "TxnType": kind}]} for kind, ref in links]
    return str(rig.books.create("Payment", {"CustomerRef": {"value": customer}, "TotalAmt": 0, "Line": lines})["Id"])


def test_a_journal_entry_on_the_receivable_account_adjusts_each_customer_it_names(settled):
    second = settled.customer("Second")
    entry = journal(settled, (settled.client, "Credit", 40), (second, "Debit", 15))
    found = records(settled.pull(Stream.ADJUSTMENTS))
    assert [(item.ref, item.party_ref, item.amount.minor, item.remaining.minor) for item in found] == [
        (entry, settled.client, -4000, -4000),
        (f"{entry}:2", second, 1500, 1500),
    ]
    assert settled.qbo.reread(Stream.ADJUSTMENTS, found[1].ref) == found[1]


def test_what_a_payment_takes_of_a_journal_credit_is_no_longer_left(settled):
    entry = journal(settled, (settled.client, "Credit", 40))
    settled.pull(Stream.ADJUSTMENTS)
    forget(settled, Stream.ADJUSTMENTS)
    link = apply_journal(settled, entry, settled.client, settled.bill, 30)
    (left,) = records(settled.pull(Stream.ADJUSTMENTS))
    assert (left.amount.minor, left.remaining.minor) == (-4000, -1000)
    (payment,) = [item for item in records(settled.pull(Stream.PAYMENTS)) if item.ref == link]
    assert [(use.stream, use.ref, use.amount.minor) for use in payment.credits_used] == [(Stream.ADJUSTMENTS, entry, 3000)]
    forget(settled, Stream.ADJUSTMENTS)
    settled.delete("Payment", link)
    (back,) = records(settled.pull(Stream.ADJUSTMENTS))
    assert back.remaining.minor == -4000


def test_a_journal_entry_deleted_or_moved_off_the_receivable_account_leaves_the_listing(settled):
    entry = journal(settled, (settled.client, "Credit", 40))
    settled.pull(Stream.ADJUSTMENTS)
    settled.clock.advance(timedelta(hours=1))
    settled.delete("JournalEntry", entry)
    pages = settled.pull(Stream.ADJUSTMENTS)
    assert pages[0].listing.first
    assert refs(pages) == []
    assert settled.qbo.reread(Stream.ADJUSTMENTS, entry) is None


def cheque(rig, *lines: tuple[str, str, int], credit: bool = False) -> str:
    """A cheque or, with `credit`, a card credit: (customer, account, amount) of each line."""
    body = []
    for customer, account, amount in lines:
        detail = {"AccountRef": {"value": account}, "CustomerRef": {"value": customer}}
        body.append({"Amount": amount, "DetailType": "AccountBasedExpenseLineDetail", "AccountBasedExpenseLineDetail": detail})
    how = {"PaymentType": "CreditCard", "Credit": True} if credit else {"PaymentType": "Check", "DocNumber": "5501"}
    return str(rig.books.create("Purchase", {**how, "AccountRef": {"value": "35"}, "Line": body})["Id"])


@pytest.mark.req("E4")
def test_a_refund_cheque_on_the_receivable_account_is_owed_again_and_other_expenses_are_not_ours(settled):
    second = settled.customer("Second")
    given = cheque(settled, (settled.client, "84", 40), (second, "84", 15), (settled.client, "90", 7))
    cheque(settled, (settled.client, "90", 99))
    back = cheque(settled, (second, "84", 5), credit=True)
    found = records(settled.pull(Stream.ADJUSTMENTS))
    assert [(item.ref, item.party_ref, item.amount.minor) for item in found] == [
        (f"purchase-{given}", settled.client, 4000),
        (f"purchase-{given}:2", second, 1500),
        (f"purchase-{back}", second, -500),
    ]
    assert found[0].number == "5501"
    assert settled.qbo.reread(Stream.ADJUSTMENTS, found[1].ref) == found[1]


def test_a_refund_cheque_is_seen_when_it_is_written_edited_and_deleted(settled):
    settled.pull(Stream.ADJUSTMENTS)
    settled.clock.advance(timedelta(hours=1))
    given = cheque(settled, (settled.client, "84", 40))
    assert refs(settled.pull(Stream.ADJUSTMENTS)) == [f"purchase-{given}"]
    settled.clock.advance(timedelta(hours=1))
    (line,) = settled.books.get("Purchase", given)["Line"]
    line["AccountBasedExpenseLineDetail"]["AccountRef"] = {"value": "90"}
    settled.books.touch("Purchase", given, Line=[line])
    (page,) = settled.pull(Stream.ADJUSTMENTS)
    assert refs([page]) == []
    assert f"purchase-{given}" in {item.ref for item in page.deleted}
    settled.clock.advance(timedelta(hours=1))
    other = cheque(settled, (settled.client, "84", 12))
    settled.pull(Stream.ADJUSTMENTS)
    settled.clock.advance(timedelta(hours=1))
    settled.delete("Purchase", other)
    (page,) = settled.pull(Stream.ADJUSTMENTS)
    assert f"purchase-{other}" in {item.ref for item in page.deleted}
    assert settled.qbo.reread(Stream.ADJUSTMENTS, f"purchase-{other}") is None


def test_a_credit_given_back_by_a_cheque_leaves_nothing_of_either(settled):
    given = cheque(settled, (settled.client, "84", 40))
    line = {"Amount": 40, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    memo = settled.books.create("CreditMemo", {"CustomerRef": {"value": settled.client}, "Line": [line]})["Id"]
    links = [
        {"Amount": 40, "LinkedTxn": [{"TxnId": ref, "TxnType": kind}]} for ref, kind in ((given, "Check"), (memo, "CreditMemo"))
    ]
    settled.books.create("Payment", {"CustomerRef": {"value": settled.client}, "TotalAmt": 0, "Line": links})
    (left,) = records(settled.pull(Stream.ADJUSTMENTS))
    assert (left.ref, left.amount.minor, left.remaining.minor) == (f"purchase-{given}", 4000, 0)


def test_a_listing_broken_off_among_cheques_begins_them_anew_and_loses_none(rigged):
    rig = rigged(page_size=3)
    client = rig.customer()
    entries = [journal(rig, (client, "Credit", number)) for number in range(1, 6)]
    given = [cheque(rig, (client, "84", number)) for number in range(1, 8)]
    whole = rig.qbo.pull(Stream.ADJUSTMENTS, None)
    seen, cursor = set(), None
    for page in whole:
        seen |= set(refs([page]))
        cursor = page.cursor
        if any(ref.startswith("purchase-") for ref in refs([page])):
            break
    rest = list(rig.qbo.pull(Stream.ADJUSTMENTS, cursor))
    assert seen | set(refs(rest)) == {*entries, *(f"purchase-{ref}" for ref in given)}
    assert not rest[-1].more


def test_an_edit_between_two_streams_of_one_pass_is_seen_in_the_next(settled):
    settled.pull(Stream.PARTIES)
    settled.books.touch("Invoice", settled.bill, PrivateNote="in between")
    settled.pull(Stream.INVOICES)
    settled.clock.advance(timedelta(minutes=5))
    settled.pull(Stream.PARTIES)
    assert settled.bill in refs(settled.pull(Stream.INVOICES))


def test_a_failed_pass_loses_nothing(settled):
    settled.books.touch("Invoice", settled.bill, PrivateNote="x")
    settled.box.levers.fail_next(503, times=3)
    with pytest.raises(Transient):
        settled.pull(Stream.INVOICES)
    settled.clock.advance(timedelta(hours=3))
    assert refs(settled.pull(Stream.INVOICES)) == [settled.bill]


@pytest.mark.reliability("quickbooks:30")
def test_changes_deletes_and_a_rotating_token_work_together_for_a_month(settled):
    alive = {settled.bill, settled.other}
    kept = dict.fromkeys(alive)
    for day in range(30):
        settled.clock.advance(timedelta(hours=25))
        made = settled.invoice(settled.client, 10 + day)
        settled.books.touch("Invoice", made, PrivateNote=f"day {day}")
        alive.add(made)
        if day % 3 == 2:
            settled.delete("Invoice", made)
            alive.discard(made)
        for page in settled.pull(Stream.INVOICES):
            if page.listing and page.listing.first:
                kept = {}
            kept |= dict.fromkeys(refs([page]))
            for gone in page.deleted:
                kept.pop(gone.ref, None)
        assert set(kept) == alive
    assert settled.box.oauth.refreshes >= 30


def test_a_change_that_shows_only_after_the_pull_it_belonged_to_is_caught_by_the_overlap(settled):
    settled.pull(Stream.INVOICES)
    line = {"Amount": 1, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    body = {"CustomerRef": {"value": settled.client}, "Line": [line]}
    late = settled.books.create("Invoice", body, at=settled.clock.now() - timedelta(minutes=5))
    settled.clock.advance(timedelta(minutes=3))
    assert refs(settled.pull(Stream.INVOICES)) == [late["Id"]]


def test_a_customer_taken_off_a_journal_entry_loses_the_adjustment(settled):
    second = settled.customer("Second")
    entry = journal(settled, (settled.client, "Credit", 40), (second, "Debit", 15))
    settled.pull(Stream.ADJUSTMENTS)
    forget(settled, Stream.ADJUSTMENTS)
    lines = [line for line in settled.books.get("JournalEntry", entry)["Line"] if line["Amount"] == 40]
    settled.books.touch("JournalEntry", entry, Line=lines)
    (page,) = settled.pull(Stream.ADJUSTMENTS)
    assert refs([page]) == [entry]
    assert f"{entry}:2" in {item.ref for item in page.deleted}
    assert entry not in {item.ref for item in page.deleted}


@pytest.mark.parametrize("lacking", [{"SalesReceipt"}, {"Deposit"}, {"Purchase"}, {"JournalEntry", "RefundReceipt"}])
def test_a_plan_without_some_kind_of_record_leaves_that_stream_empty_and_the_others_whole(rig, lacking):
    rig.books.lacking |= lacking
    customer = rig.customer()
    bill = rig.invoice(customer)
    first = rig.pull_all()
    assert refs(first[Stream.INVOICES]) == [bill]
    rig.clock.advance(timedelta(hours=1))
    paid = rig.payment(customer, 100, {bill: 100})
    later = rig.pull_all()
    assert (refs(later[Stream.PAYMENTS]), refs(later[Stream.INVOICES])) == ([paid], [bill])
    assert all(not pages[-1].more for pages in later.values())
    rig.books.lacking.clear()
    rig.clock.advance(timedelta(days=8))
    assert all(pages[0].listing is not None for pages in rig.pull_all().values())
