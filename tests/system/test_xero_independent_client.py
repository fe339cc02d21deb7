"""Xero's own Python SDK on our sandbox over loopback HTTP: it reads, pages, filters, creates and is refused as it would live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from xero_python.accounting import (
    AccountingApi,
    Allocation,
    Allocations,
    Contact,
    Contacts,
    HistoryRecord,
    HistoryRecords,
    Invoice,
    Invoices,
    LineItem,
    Payment,
    PaymentDelete,
    Payments,
    RequestEmpty,
)
from xero_python.accounting.models import Account
from xero_python.api_client import ApiClient, Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions import AccountingBadRequestException, ApiException, HTTPStatusException
from xero_python.identity import IdentityApi

from connectors.testing.serve import serve
from connectors.xero.sandbox import XeroSandbox
from core.clock import ManualClock

FAR = 4_102_444_800.0  # the SDK asks the machine's clock; the sandbox keeps its own, so the SDK is told its token never ends


@dataclass
class Sdk:
    """The SDK as its README sets it up, pointed at the sandbox."""

    box: XeroSandbox
    clock: ManualClock
    api: AccountingApi
    identity: IdentityApi
    tokens: TokenApi
    token: dict[str, Any]

    @property
    def tenant(self) -> str:
        return self.box.tenant_id


@pytest.fixture
def sdk() -> Iterator[Sdk]:
    clock = ManualClock(datetime(2026, 5, 5, 12, 0, tzinfo=UTC))
    box = XeroSandbox(clock)
    with serve(box) as base_url:
        held: dict[str, Any] = {}
        configuration = Configuration(oauth2_token=OAuth2Token(box.access.client_id, box.access.client_secret))
        client = ApiClient(configuration, oauth2_token_saver=held.update, oauth2_token_getter=lambda: held)
        # by default the SDK sleeps through Retry-After, however long (XeroAPI/xero-python#199)
        client.rest_client.pool_manager.connection_pool_kw["retries"] = False
        tokens = TokenApi(client, box.access.client_id, box.access.client_secret)
        tokens.client_credentials_token_url = tokens.refresh_token_url = f"{base_url}/connect/token"
        held.update(tokens.get_client_credentials_token(app_store_billing=False), expires_at=FAR)
        api = AccountingApi(client, base_url=f"{base_url}/api.xro/2.0")
        identity = IdentityApi(client, base_url=base_url)
        yield Sdk(box, clock, api, identity, tokens, held)
        client.rest_client.pool_manager.clear()


def _books(sdk: Sdk, count: int = 5) -> tuple[Any, list[Any]]:
    contact = sdk.box.books.add_contact("Acme Dental", EmailAddress="ap@acme.example")
    first, due = date(2026, 4, 1), date(2026, 4, 30)
    return contact, [sdk.box.books.add_invoice(contact, 100 + index, first, due) for index in range(count)]


def test_it_finds_its_organisation(sdk: Sdk) -> None:
    connections = sdk.identity.get_connections()
    assert [item.tenant_id for item in connections] == [sdk.tenant]
    organisation = sdk.api.get_organisations(sdk.tenant).organisations[0]
    assert (organisation.name, organisation.base_currency.value) == ("Sandbox MSP", "USD")


def test_it_reads_and_pages(sdk: Sdk) -> None:
    _, invoices = _books(sdk, 25)
    seen = []
    for page in (1, 2, 3):
        answer = sdk.api.get_invoices(sdk.tenant, page=page, page_size=10, order="InvoiceNumber ASC")
        assert (answer.pagination.page_count, answer.pagination.item_count) == (3, 25)
        seen += [item.invoice_number for item in answer.invoices]
    assert seen == [item["InvoiceNumber"] for item in invoices]
    one = sdk.api.get_invoice(sdk.tenant, invoices[3]["InvoiceID"]).invoices[0]
    assert (one.total, one.amount_due, one.due_date) == (103, 103, date(2026, 4, 30))
    assert one.line_items[0].line_amount == 103


def test_it_filters(sdk: Sdk) -> None:
    contact, invoices = _books(sdk, 4)
    sdk.box.books.pay(invoices[0], 100, date(2026, 4, 20), reference="INV-0001")
    open_ones = sdk.api.get_invoices(sdk.tenant, page=1, statuses=["AUTHORISED"]).invoices
    assert {item.invoice_id for item in open_ones} == {item["InvoiceID"] for item in invoices[1:]}
    named = sdk.api.get_invoices(sdk.tenant, page=1, where='InvoiceNumber=="INV-0002" AND AmountDue>=101').invoices
    assert [item.total for item in named] == [101]
    by_id = sdk.api.get_invoices(sdk.tenant, page=1, i_ds=[invoices[2]["InvoiceID"]]).invoices
    assert [item.invoice_number for item in by_id] == ["INV-0003"]
    of_contact = sdk.api.get_invoices(sdk.tenant, page=1, contact_i_ds=[contact["ContactID"]]).invoices
    assert len(of_contact) == 4
    paid = sdk.api.get_payments(sdk.tenant, page=1, where='PaymentType=="ACCRECPAYMENT"').payments
    assert [(item.amount, item.invoice.invoice_number) for item in paid] == [(100, "INV-0001")]


def test_it_sees_only_what_changed(sdk: Sdk) -> None:
    _, invoices = _books(sdk)
    sdk.clock.advance(timedelta(minutes=10))
    since = sdk.clock.now()
    sdk.clock.advance(timedelta(minutes=1))
    sdk.box.touch("Invoices", invoices[1]["InvoiceID"])
    changed = sdk.api.get_invoices(sdk.tenant, page=1, if_modified_since=since).invoices
    assert [item.invoice_id for item in changed] == [invoices[1]["InvoiceID"]]


def test_it_creates_pays_allocates_and_deletes(sdk: Sdk) -> None:
    made = sdk.api.create_contacts(sdk.tenant, Contacts(contacts=[Contact(name="Borealis", email_address="ap@b.example")]))
    contact = Contact(contact_id=made.contacts[0].contact_id)
    line = LineItem(description="Retainer", quantity=2, unit_amount=150, account_code="200")
    invoice = Invoice(
        type="ACCREC", contact=contact, line_items=[line], date=date(2026, 5, 1), due_date=date(2026, 5, 15), status="AUTHORISED"
    )
    stored = sdk.api.create_invoices(sdk.tenant, Invoices(invoices=[invoice])).invoices[0]
    assert (stored.total, stored.amount_due, stored.status) == (300, 300, "AUTHORISED")
    payment = Payment(
        invoice=Invoice(invoice_id=stored.invoice_id), account=Account(code="090"), date=date(2026, 5, 4), amount=120
    )
    paid = sdk.api.create_payments(sdk.tenant, Payments(payments=[payment])).payments[0]
    assert sdk.api.get_invoice(sdk.tenant, stored.invoice_id).invoices[0].amount_due == 180
    over = sdk.box.books.add_credit("Overpayments", sdk.box.books.get("Contacts", contact.contact_id), 50, date(2026, 5, 3))
    part = Allocation(invoice=Invoice(invoice_id=stored.invoice_id), amount=50, date=date(2026, 5, 4))
    sdk.api.create_overpayment_allocations(sdk.tenant, over["OverpaymentID"], Allocations(allocations=[part]))
    assert sdk.api.get_overpayment(sdk.tenant, over["OverpaymentID"]).overpayments[0].remaining_credit == 0
    sdk.api.delete_payment(sdk.tenant, paid.payment_id, PaymentDelete(status="DELETED"))
    after = sdk.api.get_invoice(sdk.tenant, stored.invoice_id).invoices[0]
    assert (after.amount_paid, after.amount_credited, after.amount_due) == (0, 50, 250)
    assert sdk.api.get_payment(sdk.tenant, paid.payment_id).payments[0].status == "DELETED"


def test_it_writes_notes_mails_and_fetches(sdk: Sdk) -> None:
    _, invoices = _books(sdk, 1)
    ref = invoices[0]["InvoiceID"]
    sdk.api.create_invoice_history(sdk.tenant, ref, HistoryRecords(history_records=[HistoryRecord(details="Called Ann")]))
    assert [row.details for row in sdk.api.get_invoice_history(sdk.tenant, ref).history_records] == ["Called Ann"]
    sdk.api.email_invoice(sdk.tenant, ref, RequestEmpty())
    assert [item for item, _ in sdk.box.books.emails] == [ref]
    assert sdk.api.get_online_invoice(sdk.tenant, ref).online_invoices[0].online_invoice_url.startswith("https://in.xero.com/")
    assert sdk.api.get_invoice_reminders(sdk.tenant).invoice_reminders[0].enabled is False


def test_an_idempotency_key_acts_once(sdk: Sdk) -> None:
    contacts = Contacts(contacts=[Contact(name="Once Ltd")])
    first = sdk.api.create_contacts(sdk.tenant, contacts, idempotency_key="k1").contacts[0].contact_id
    again = sdk.api.create_contacts(sdk.tenant, contacts, idempotency_key="k1").contacts[0].contact_id
    assert first == again
    with pytest.raises(HTTPStatusException):
        sdk.api.create_contacts(sdk.tenant, Contacts(contacts=[Contact(name="Other Ltd")]), idempotency_key="k1")
    sdk.clock.advance(timedelta(minutes=7))
    with pytest.raises(AccountingBadRequestException):  # forgotten: now it is a second contact of that name
        sdk.api.create_contacts(sdk.tenant, contacts, idempotency_key="k1")


def test_it_is_refused_in_the_vendors_words(sdk: Sdk) -> None:
    _, invoices = _books(sdk, 1)
    too_much = Payment(invoice=Invoice(invoice_id=invoices[0]["InvoiceID"]), account=Account(code="090"), amount=900)
    with pytest.raises(AccountingBadRequestException) as refusal:
        sdk.api.create_payments(sdk.tenant, Payments(payments=[too_much]), summarize_errors=True)
    assert "Payment amount exceeds the amount outstanding on this document" in str(refusal.value)
    with pytest.raises(HTTPStatusException) as missing:
        sdk.api.get_invoice(sdk.tenant, "00000000-0000-0000-0000-000000000001")
    assert missing.value.status == 404
    with pytest.raises(HTTPStatusException) as stranger:
        sdk.api.get_invoices("00000000-0000-0000-0000-0000000000ff", page=1)
    assert stranger.value.status == 403


@pytest.mark.reliability("xero:T9")
def test_too_many_ids_are_not_found(sdk: Sdk) -> None:
    ids = [f"00000000-0000-0000-0000-{index:012d}" for index in range(53)]
    with pytest.raises(ApiException) as refusal:
        sdk.api.get_invoices(sdk.tenant, page=1, i_ds=ids)
    assert refusal.value.status == 404


def test_limits_scopes_and_expiry_are_felt(sdk: Sdk) -> None:
    sdk.box.limits.minute = 2
    _, _, headers = sdk.api.get_organisations(sdk.tenant, _return_http_data_only=False)
    assert headers["X-MinLimit-Remaining"] == "1"
    sdk.api.get_organisations(sdk.tenant)
    with pytest.raises(HTTPStatusException) as limited:
        sdk.api.get_organisations(sdk.tenant)
    assert limited.value.status == 429
    sdk.clock.advance(timedelta(minutes=2))
    sdk.box.access.expire_access()
    with pytest.raises(HTTPStatusException) as expired:
        sdk.api.get_organisations(sdk.tenant)
    assert expired.value.status == 401
