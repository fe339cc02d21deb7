"""python-quickbooks, a client we did not write, on our sandbox over real HTTP: reads, pages, filters, writes and errors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
import requests
from quickbooks import QuickBooks
from quickbooks.batch import batch_create
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import (
    AuthorizationException,
    ObjectNotFoundException,
    QuickbooksException,
    UnsupportedException,
    ValidationException,
)
from quickbooks.objects.attachable import Attachable
from quickbooks.objects.base import AttachableRef, EmailAddress, Ref
from quickbooks.objects.creditmemo import CreditMemo
from quickbooks.objects.customer import Customer
from quickbooks.objects.deposit import Deposit
from quickbooks.objects.detailline import SalesItemLine, SalesItemLineDetail
from quickbooks.objects.invoice import Invoice
from quickbooks.objects.payment import Payment, PaymentLine
from quickbooks.objects.preferences import Preferences
from quickbooks.objects.term import Term

from connectors.quickbooks.sandbox import QuickBooksSandbox
from connectors.testing.clocks import SleepingClock
from connectors.testing.serve import serve


@pytest.fixture
def clock() -> SleepingClock:
    return SleepingClock(datetime(2026, 5, 5, 12, 30, tzinfo=UTC))


@pytest.fixture
def box(shared, clock) -> QuickBooksSandbox:
    sandbox = QuickBooksSandbox(clock)
    sandbox.seed_recorded(shared / "fixtures" / "quickbooks" / "sandbox-craigs-2026-05")
    return sandbox


@pytest.fixture
def client(box, monkeypatch) -> Iterator[QuickBooks]:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # loopback
    with serve(box) as url:
        keys = box.settings(url)
        form = {"grant_type": "refresh_token", "refresh_token": keys["refresh_token"]}
        answer = requests.post(keys["token_url"], data=form, auth=(keys["client_id"], keys["client_secret"]), timeout=10)
        tokens = answer.json()
        assert tokens["token_type"] == "bearer"
        signed_in = SimpleNamespace(
            client_id=keys["client_id"],
            environment="sandbox",
            access_token=tokens["access_token"],
            refresh_token=tokens["refresh_token"],
        )
        monkeypatch.setattr(QuickBooks, "sandbox_api_url_v3", f"{url}/v3")
        made = QuickBooks(
            auth_client=signed_in,
            refresh_token=tokens["refresh_token"],
            company_id=keys["realm_id"],
            minorversion=75,
            use_decimal=True,
            verifier_token=box.verifier,
        )
        yield made
        made.session.close()


def new_invoice(customer: str, amount: int | Decimal) -> Invoice:
    line = SalesItemLine()
    line.Amount = amount
    line.SalesItemLineDetail = SalesItemLineDetail()
    line.SalesItemLineDetail.ItemRef = reference("1")
    invoice = Invoice()
    invoice.CustomerRef = reference(customer)
    invoice.Line.append(line)
    return invoice


def reference(value: str) -> Ref:
    ref = Ref()
    ref.value = value
    return ref


def pay(customer: str, amount: int | Decimal, invoice: Invoice) -> Payment:
    line = PaymentLine()
    line.Amount = amount
    line.LinkedTxn.append(invoice.to_linked_txn())
    payment = Payment()
    payment.TotalAmt = amount
    payment.CustomerRef = reference(customer)
    payment.Line.append(line)
    return payment


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_it_lists_counts_and_pages_the_recorded_company(client):
    assert Customer.count(qb=client) == 33
    assert Invoice.count(qb=client) == 37
    pages = [Invoice.all(order_by="Id", start_position=start, max_results=10, qb=client) for start in (1, 11, 21, 31, 41)]
    assert [len(page) for page in pages] == [10, 10, 10, 7, 0]
    assert len({item.Id for page in pages for item in page}) == 37
    assert [len(kind.all(qb=client)) for kind in (Payment, CreditMemo, Deposit)] == [20, 9, 13]


def test_it_filters_and_chooses(client):
    assert [item.DocNumber for item in Invoice.filter(DocNumber="1037", qb=client)] == ["1037"]
    assert {item.Id for item in Payment.choose(["74", "128"], qb=client)} == {"74", "128"}
    open_ones = Invoice.where("Balance > '0' AND TxnDate >= '2026-04-01'", order_by="DueDate DESC", qb=client)
    assert open_ones
    assert all(item.Balance > 0 for item in open_ones)
    assert [item.DueDate for item in open_ones] == sorted((item.DueDate for item in open_ones), reverse=True)
    assert Customer.where("DisplayName LIKE 'Bill%'", qb=client)[0].Id == "2"
    assert Customer.where(r"DisplayName = 'Bill\'s Windsurf Shop'", qb=client)[0].Id == "2"


def test_it_reads_one_object_and_sees_money_as_decimals(client):
    payment = Payment.get("128", qb=client)
    assert (payment.TotalAmt, payment.CustomerRef.value, payment.Line[0].LinkedTxn[0].TxnId) == (387, "8", "96")
    assert Invoice.get("130", qb=client).TotalAmt == Decimal("362.07")


def test_it_reads_preferences_and_terms(client):
    assert Preferences.get(qb=client).CurrencyPrefs.HomeCurrency.value == "USD"
    assert "Net 30" in {term.Name for term in Term.all(qb=client)}


def test_it_hears_of_changes(client, box, clock):
    since = clock.now() - timedelta(seconds=1)
    box.books.touch("Invoice", "130", PrivateNote="x")
    box.books.delete("Payment", {"Id": "180", "SyncToken": "0"})
    found = change_data_capture([Invoice, Payment, CreditMemo], since, qb=client)
    assert [item.Id for item in found.Invoice] == ["130"]
    assert [(item.Id, item.status) for item in found.Payment] == [("180", "Deleted")]
    assert not hasattr(found, "CreditMemo")


@pytest.mark.reliability("quickbooks:24")
def test_it_gets_a_pdf_and_a_report(client):
    assert Invoice.get("130", qb=client).download_pdf(qb=client).startswith(b"%PDF")
    report = client.get_report("AgedReceivables", {"report_date": "2026-05-05"})
    leaves: list[dict] = []

    def collect(rows):
        for row in rows:
            if row.get("type") == "Section":
                collect(row["Rows"]["Row"])
            else:
                leaves.append(row)

    collect(report["Rows"]["Row"])
    assert report["Columns"]["Column"][-1]["ColTitle"] == "Total"
    assert sum(Decimal(row["ColData"][-1]["value"] or "0") for row in leaves) == Decimal("4681.52")


def test_it_believes_our_webhooks(client, box):
    box.books.touch("Invoice", "130", PrivateNote="x")
    headers, body = box.webhook()
    assert client.validate_webhook_signature(body.decode(), headers["intuit-signature"])
    assert not client.validate_webhook_signature(body.decode() + " ", headers["intuit-signature"])


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_it_creates_bills_and_is_paid(client, box):
    customer = Customer()
    customer.DisplayName = "Newcomer Ltd"
    customer.PrimaryEmailAddr = EmailAddress()
    customer.PrimaryEmailAddr.Address = "ap@newcomer.example"
    customer.save(qb=client)
    invoice = new_invoice(customer.Id, Decimal("120.50")).save(qb=client)
    assert (invoice.Balance, invoice.TotalAmt, invoice.SyncToken) == (Decimal("120.5"), Decimal("120.5"), "0")
    part = pay(customer.Id, Decimal("20.50"), invoice).save(qb=client)
    again = Invoice.get(invoice.Id, qb=client)
    assert (again.Balance, again.SyncToken, [link.TxnId for link in again.LinkedTxn]) == (100, "1", [part.Id])
    assert Customer.get(customer.Id, qb=client).Balance == 100
    part.delete(qb=client)
    assert Invoice.get(invoice.Id, qb=client).Balance == Decimal("120.5")


def test_an_unlinked_payment_stays_unapplied_and_an_overpayment_leaves_a_rest(client):
    loose = Payment()
    loose.TotalAmt, loose.CustomerRef = 100, reference("1")
    assert loose.save(qb=client).UnappliedAmt == 100
    invoice = new_invoice("1", 80).save(qb=client)
    payment = pay("1", 80, invoice)
    payment.TotalAmt = 95
    assert payment.save(qb=client).UnappliedAmt == 15


def test_it_updates_whole_objects_and_hits_a_stale_token(client):
    first, second = Invoice.get("130", qb=client), Invoice.get("130", qb=client)
    first.PrivateNote = "first"
    saved = first.save(qb=client)
    assert (saved.PrivateNote, int(saved.SyncToken), saved.TotalAmt) == ("first", int(second.SyncToken) + 1, Decimal("362.07"))
    assert len(saved.Line) == len(second.Line)
    second.PrivateNote = "second"
    with pytest.raises(QuickbooksException) as caught:
        second.save(qb=client)
    assert caught.value.error_code == 5010


def test_it_voids_and_deletes(client):
    invoice = new_invoice("1", 50).save(qb=client)
    invoice.void(qb=client)
    voided = Invoice.get(invoice.Id, qb=client)
    assert (voided.TotalAmt, voided.Balance, voided.PrivateNote, voided.LinkedTxn) == (0, 0, "Voided", [])
    voided.delete(qb=client)
    with pytest.raises(ObjectNotFoundException):
        Invoice.get(invoice.Id, qb=client)
    payment = Payment()
    payment.TotalAmt, payment.CustomerRef = 10, reference("1")
    saved = payment.save(qb=client)
    saved.void(qb=client)
    assert Payment.get(saved.Id, qb=client).TotalAmt == 0


def test_it_mails_an_invoice(client, box):
    Invoice.get("130", qb=client).send(qb=client, send_to="a+b@client.example")
    sent = Invoice.get("130", qb=client)
    assert (sent.EmailStatus, sent.BillEmail.Address, sent.DeliveryInfo.DeliveryType) == (
        "EmailSent",
        "a+b@client.example",
        "Email",
    )
    assert box.mails == [("130", "a+b@client.example")]


def test_it_attaches_a_note(client):
    note = Attachable()
    note.Note = "called"
    link = AttachableRef()
    link.EntityRef = reference("130")
    link.EntityRef.type = "Invoice"
    note.AttachableRef.append(link)
    made = note.save(qb=client)
    found = Attachable.where("AttachableRef.EntityRef.type = 'Invoice' AND AttachableRef.EntityRef.value = '130'", qb=client)
    assert [(item.Id, item.Note) for item in found] == [(made.Id, "called")]


@pytest.mark.reliability("quickbooks:19")
def test_the_same_request_id_is_answered_as_the_first_time(client, box):
    before = len(box.books.objects["Payment"])
    ids = set()
    for _ in range(3):
        payment = Payment()
        payment.TotalAmt, payment.CustomerRef = 10, reference("1")
        ids.add(payment.save(qb=client, request_id="pay-once").Id)
    assert len(ids) == 1
    assert len(box.books.objects["Payment"]) == before + 1


def test_a_batch_says_per_item_what_went_wrong(client):
    good, bad = Customer(), Customer()
    good.DisplayName, bad.DisplayName = "Batch One", "Bill's Windsurf Shop"
    result = batch_create([good, bad], qb=client)
    assert [item.DisplayName for item in result.successes] == ["Batch One"]
    assert [error.code for fault in result.faults for error in fault.Error] == ["6240"]


# ── errors ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_errors_come_as_the_client_knows_them(client, box):
    with pytest.raises(ObjectNotFoundException):
        Invoice.get("999999", qb=client)
    with pytest.raises(ValidationException, match="Invalid query") as caught:
        client.query("SELECT * FROM Invoice STARTPOSITION 0")
    assert caught.value.error_code == 4001
    with pytest.raises(ValidationException) as caught:
        client.query("SELEC * FROM Invoice")
    assert caught.value.error_code == 4000
    with pytest.raises(ValidationException) as caught:
        Invoice().save(qb=client)
    assert caught.value.error_code == 2020
    with pytest.raises(ValidationException) as caught:
        new_invoice("31337", 1).save(qb=client)
    assert caught.value.error_code == 2500
    with pytest.raises(QuickbooksException) as caught:
        client.get_single_object("Nonsense", "1")
    assert "404" in str(caught.value) or "json" in str(caught.value)
    box.oauth.expire_access()
    with pytest.raises(AuthorizationException):
        Customer.count(qb=client)


def test_a_deposited_payment_cannot_be_touched(client):
    with pytest.raises(QuickbooksException) as caught:
        Payment.get("116", qb=client).delete(qb=client)
    assert caught.value.error_code == 6540


@pytest.mark.reliability("quickbooks:7")
def test_the_throttle_answer_is_xml_and_trips_the_client_as_it_does_live(client, box):
    box.levers.fail_next(429)
    with pytest.raises(QuickbooksException, match="Error reading json response"):
        Customer.count(qb=client)


def test_names_are_unique_and_lists_cannot_be_deleted(client):
    twin = Customer()
    twin.DisplayName = "bill's windsurf shop"
    with pytest.raises(QuickbooksException) as caught:
        twin.save(qb=client)
    assert caught.value.error_code == 6240
    with pytest.raises(UnsupportedException):
        client.delete_object("Customer", '{"Id": "2", "SyncToken": "0"}')


def test_an_inactive_customer_hides_until_asked_for(client):
    customer = Customer.get("2", qb=client)
    customer.Active = False
    customer.save(qb=client)
    assert Customer.count(qb=client) == 32
    assert Customer.count("Active IN (true, false)", qb=client) == 33
    assert Customer.get("2", qb=client).DisplayName == "Bill's Windsurf Shop (deleted)"
