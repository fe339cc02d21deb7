"""Doctor's questions: who we are, what stands in the way, and who else mails clients. And documents and payment links."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from core.ports import Documents
from core.records import Stream


def check(probe, name):
    return next((item for item in probe.checks if item.name == name), None)


def prefer(rig, group: str, **values) -> None:
    rig.books.get("Preferences", "1")[group].update(values)


def test_a_good_connection_names_company_zone_and_currency(rig):
    probe = rig.qbo.probe()
    assert (probe.ok, probe.company, probe.timezone, probe.currency) == (True, "Sandbox Company", "America/Chicago", "USD")
    assert rig.box.realm in check(probe, "sign-in").detail
    assert probe.other_senders == ()
    assert "30 days" in check(probe, "terms").detail
    assert probe.vendor_now is not None
    assert abs(probe.vendor_now - rig.clock.now()) < timedelta(seconds=5)


@pytest.mark.reliability("quickbooks:27")
def test_a_refused_sign_in_is_a_failed_check_with_its_remedy(rig):
    rig.box.disconnected = True
    probe = rig.qbo.probe()
    assert not probe.ok
    assert rig.box.realm in check(probe, "sign-in").detail
    assert "duesync auth" in check(probe, "sign-in").remedy


def test_a_user_without_the_right_is_told_where_to_get_it(rig):
    fault = {"Fault": {"Error": [{"Message": "Permission Denied", "code": "5020"}], "type": "AuthorizationFault"}}
    rig.qbo.probe()
    rig.box.levers.answer_next(lambda: httpx.Response(403, json=fault))
    probe = rig.qbo.probe()
    assert not probe.ok
    assert "Manage users" in check(probe, "sign-in").remedy


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ({"DueDays": 10, "DayOfMonthDue": None}, "10 days"),
        ({"DueDays": None, "DayOfMonthDue": 15}, "day 15"),
        ({"DueDays": None}, "terms say"),
    ],
)
def test_the_default_terms_are_told_in_words(rig, term, said):
    rig.books.get("Term", "3").update(term)
    assert said in check(rig.qbo.probe(), "terms").detail


def test_another_home_currency_fails(rig):
    prefer(rig, "CurrencyPrefs", HomeCurrency={"value": "CAD"})
    probe = rig.qbo.probe()
    assert (probe.ok, probe.currency, check(probe, "currency").ok) == (False, "CAD", False)


@pytest.mark.parametrize(("status", "ok"), [("PAID", True), ("TRIAL", True), ("EXPIRED", False), (None, None)])
def test_a_lapsed_subscription_fails(rig, status, ok):
    values = [{"Name": "SubscriptionStatus", "Value": status}] if status else []
    rig.books.get("CompanyInfo", "1")["NameValue"] = values
    assert check(rig.qbo.probe(), "subscription").ok is ok


def test_preferences_that_change_what_books_mean_are_named(rig):
    prefer(rig, "AccountingInfoPrefs", BookCloseDate="2025-12-31")
    prefer(rig, "SalesFormsPrefs", AutoApplyCredit=True, CustomTxnNumbers=True, ETransactionEnabledStatus="Enabled")
    probe = rig.qbo.probe()
    assert "2025-12-31" in check(probe, "books closed").detail
    assert check(probe, "automatic application") is not None
    assert check(probe, "invoice numbers") is not None
    assert [sender.certain for sender in probe.other_senders] == [False]
    assert probe.ok


def test_a_consent_about_to_end_and_one_for_another_company_are_named(rig):
    rig.qbo.probe()
    tokens = rig.vault.read("qbo")
    rig.vault.put("qbo", replace(tokens, refresh_expires_at=rig.clock.now() + timedelta(days=9)))
    assert "9 days" in check(rig.qbo.probe(), "consent").detail
    rig.vault.put("qbo", replace(tokens, realm="1"))
    probe = rig.qbo.probe()
    assert not probe.ok
    assert "company 1" in check(probe, "consent").detail


def test_details_nobody_can_read_are_no_crash(rig):
    rig.books.get("CompanyInfo", "1")["CompanyName"] = ["x"]
    assert not rig.qbo.probe().ok


# ── documents and payment links ─────────────────────────────────────────────────────────────────────────────────────────
def test_the_vendor_s_pdf_is_fetched(rig):
    ref = rig.invoice(rig.customer())
    assert isinstance(rig.qbo, Documents)
    assert rig.qbo.document(Stream.INVOICES, ref).content.startswith(b"%PDF")
    assert rig.qbo.document(Stream.INVOICES, "999") is None
    assert rig.qbo.document(Stream.PARTIES, "1") is None


def test_a_page_instead_of_a_pdf_is_not_handed_on(rig):
    from core.errors import Transient

    ref = rig.invoice(rig.customer())
    rig.qbo.probe()
    rig.box.levers.answer_next(lambda: httpx.Response(200, content=b"<html>maintenance</html>"), times=5)
    with pytest.raises(Transient):
        rig.qbo.document(Stream.INVOICES, ref)


@pytest.mark.reliability("quickbooks:25", "quickbooks:26")
@pytest.mark.parametrize(
    ("fields", "there"),
    [
        ({"AllowOnlineACHPayment": True, "BillEmail": {"Address": "a@b.example"}}, True),
        ({"AllowOnlineCreditCardPayment": True, "BillEmail": {"Address": "a@b.example"}}, True),
        ({"AllowOnlineACHPayment": True}, False),
        ({"BillEmail": {"Address": "a@b.example"}}, False),
        ({}, False),
    ],
)
def test_a_payment_link_needs_online_payment_and_an_address_and_its_lack_is_no_failure(rig, fields, there):
    ref = rig.invoice(rig.customer(), **fields)
    assert (rig.qbo.pay_link(ref) is not None) is there
    assert rig.qbo.pay_link("999") is None
    (page,) = rig.pull(Stream.INVOICES)
    assert page.records[0].pay_link is None  # QuickBooks leaves it out of queries


def test_a_record_that_cannot_be_read_again_says_where(rig):
    from core.errors import Rejected

    ref = rig.invoice(rig.customer())
    rig.books.get("Invoice", ref)["TxnDate"] = "soon"
    with pytest.raises(Rejected, match="TxnDate"):
        rig.qbo.reread(Stream.INVOICES, ref)
