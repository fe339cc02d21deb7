"""What the books are told: notes at QuickBooks and Xero, the promised day at Xero; once, and never over a person's word."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from connectors.quickbooks import SPEC as QUICKBOOKS
from connectors.quickbooks.sandbox import QuickBooksSandbox
from connectors.testing.faults import writes_only
from connectors.xero import SPEC as XERO
from connectors.xero.sandbox import XeroSandbox
from core.dunning.pushback import PushbackSettings
from core.holds import HoldKind
from core.records import RecordKey, Ref, Stream
from tests.system.test_pushback import START, Shop, shop, states

NOTES = PushbackSettings(notes=True)
DAY = PushbackSettings(expected_date="expected_on")


# ── QuickBooks ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def qbo(tmp_path) -> Iterator[Shop]:
    with shop(tmp_path, QUICKBOOKS, QuickBooksSandbox) as made:
        books = made.box.books
        then = START - timedelta(days=40)
        made.customer = str(books.create("Customer", {"DisplayName": "Alder Dental"}, at=then)["Id"])
        line = {"Amount": 100, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
        bill = {"CustomerRef": {"value": made.customer}, "Line": [line], "TxnDate": "2026-04-01"}
        made.invoice = str(books.create("Invoice", bill, at=then)["Id"])
        made.turn(NOTES)
        yield made


def attached(qbo: Shop) -> list[tuple[str, str]]:
    """(what it is attached to, its text) of every note."""
    rows = qbo.box.books.objects["Attachable"].values()
    return [(row["AttachableRef"][0]["EntityRef"]["type"], row["Note"]) for row in rows]


@pytest.mark.req("A36")
def test_quickbooks_gets_one_note_when_a_hold_begins_and_one_when_it_ends(qbo):
    qbo.hold(HoldKind.DISPUTE, reason="wrong rate")
    qbo.turn(NOTES)
    ((where, text),) = attached(qbo)
    assert where == "Customer"
    assert "dispute: wrong rate" in text
    for _ in range(2):
        assert qbo.turn(NOTES) == {}
    qbo.store.lift_hold("h1", by="ann", now=qbo.clock.now())
    qbo.turn(NOTES)
    assert [("ended" in text) for _, text in attached(qbo)] == [False, True]


def test_a_hold_on_one_invoice_is_noted_on_that_invoice(qbo):
    qbo.hold(HoldKind.DISPUTE, invoice=RecordKey("up", Stream.INVOICES, Ref(qbo.invoice)))
    qbo.turn(NOTES)
    assert [where for where, _ in attached(qbo)] == ["Invoice"]


@pytest.mark.parametrize("acted", [True, False])
@pytest.mark.req("E25")
def test_a_note_whose_answer_was_lost_is_there_once(qbo, acted):
    qbo.hold(HoldKind.DISPUTE)
    if acted:
        qbo.box.levers.lose_reply()
    else:
        qbo.box.levers.reset_next(only=writes_only)
    for _ in range(3):
        qbo.turn(NOTES)
    assert len(attached(qbo)) == 1
    assert states(qbo) == ["settled"]


def test_a_note_deleted_by_hand_is_not_written_again(qbo):
    qbo.hold(HoldKind.DISPUTE)
    qbo.turn(NOTES)
    qbo.box.books.objects["Attachable"].clear()
    for _ in range(2):
        assert qbo.turn(NOTES) == {}
    assert attached(qbo) == []


FIELD = PushbackSettings(hold="Notes")


def notes_of(qbo: Shop) -> str:
    return str(qbo.box.books.get("Customer", qbo.customer).get("Notes") or "")


def edit(qbo: Shop, text: str) -> None:
    """Somebody writes in the customer's notes; its SyncToken moves."""
    token = qbo.box.books.get("Customer", qbo.customer)["SyncToken"]
    qbo.box.books.update("Customer", {"Id": qbo.customer, "SyncToken": token, "sparse": True, "Notes": text})


def test_the_customers_notes_take_our_word_and_keep_a_persons(qbo):
    qbo.hold(HoldKind.DISPUTE)
    qbo.turn(FIELD)
    assert notes_of(qbo) == "dispute"
    edit(qbo, "pays by cheque")
    qbo.hold(HoldKind.LEGAL, "h2")
    assert qbo.turn(FIELD) == {"dropped": 1}
    qbo.store.lift_hold("h1", by="ann", now=qbo.clock.now())
    qbo.store.lift_hold("h2", by="ann", now=qbo.clock.now())
    qbo.turn(FIELD)
    assert notes_of(qbo) == "pays by cheque"


def test_a_synctoken_that_moved_on_is_read_again_and_what_a_person_wrote_in_between_stays(qbo, monkeypatch):
    """Between our reading and our writing somebody saves the customer: QuickBooks refuses the stale token (5010)."""
    qbo.hold(HoldKind.DISPUTE)
    handle, edits = qbo.box.handle, iter(["typed meanwhile"])

    def interrupted(request: Any) -> Any:
        if request.method == "POST" and request.url.path.endswith("/customer") and (text := next(edits, None)):
            edit(qbo, text)
        return handle(request)

    monkeypatch.setattr(qbo.box, "handle", interrupted)
    qbo.turn(FIELD)
    assert next(edits, None) is None, "the edit came in between"
    assert notes_of(qbo) == "typed meanwhile"
    assert qbo.turn(FIELD) == {}


# ── Xero ────────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def xero(tmp_path) -> Iterator[Shop]:
    with shop(tmp_path, XERO, XeroSandbox, push={"notes": True, "fields": True}) as made:
        made.contact = made.box.books.add_contact("Acme")
        made.bill = made.box.books.add_invoice(made.contact, "120.00", date(2026, 4, 1), date(2026, 5, 1))
        made.turn(DAY)
        yield made


def history(xero: Shop) -> list[str]:
    return [str(row["Details"]) for rows in xero.box.books.history.values() for row in rows if "duesync:" in str(row["Details"])]


@pytest.mark.req("A36")
@pytest.mark.parametrize("lost", ["nothing", "the answer", "the request"])
def test_xero_keeps_one_history_note_of_a_hold(xero, lost):
    xero.hold(HoldKind.DISPUTE, reason="wrong rate")
    if lost == "the answer":
        xero.box.levers.lose_reply()
    if lost == "the request":
        xero.box.levers.reset_next(only=writes_only)
    for _ in range(4):
        xero.turn(NOTES)
    (text,) = history(xero)
    assert "wrong rate" in text
    assert states(xero) == ["settled"]


def test_a_promised_day_somebody_changed_in_xero_since_stays(xero):
    xero.promise(date(2026, 5, 15))
    xero.turn(DAY)
    assert expected(xero) == "2026-05-15"
    xero.box.books.keep("Invoices", {**current(xero), "ExpectedPaymentDate": "2026-05-29"})
    xero.promise(date(2026, 5, 18))
    for _ in range(2):
        xero.turn(DAY)
    assert expected(xero) == "2026-05-29"


def test_a_promised_day_somebody_emptied_in_xero_stays_empty(xero):
    xero.promise(date(2026, 5, 15))
    xero.turn(DAY)
    xero.box.books.keep("Invoices", {**current(xero), "ExpectedPaymentDate": None})
    for _ in range(2):
        assert xero.turn(DAY) == {}
    assert expected(xero) == "None"


def test_a_promise_that_moved_while_xero_was_away_is_told_as_it_is_now(xero):
    xero.promise(date(2026, 5, 15))
    xero.box.levers.fail_next(503, times=12, only=writes_only)
    xero.turn(DAY)
    xero.box.levers.clear()
    xero.promise(date(2026, 5, 22))
    for _ in range(3):
        xero.turn(DAY)
    assert expected(xero) == "2026-05-22"
    assert states(xero) == ["dropped", "settled"]


def test_an_invoice_voided_in_xero_is_told_nothing_more(xero):
    xero.box.books.void(xero.box.books.get("Invoices", xero.bill["InvoiceID"]))
    xero.promise(date(2026, 5, 15))
    assert xero.turn(DAY) == {}
    assert states(xero) == []


def current(xero: Shop) -> dict[str, Any]:
    return dict(xero.box.books.get("Invoices", xero.bill["InvoiceID"]))


def expected(xero: Shop) -> str:
    return str(xero.connector.reread(Stream.INVOICES, xero.bill["InvoiceID"]).expected_on)
