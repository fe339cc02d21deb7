"""What goes wrong between us and ConnectWise, as errors that say what to do; and what `doctor` says of it."""

from __future__ import annotations

import email.utils
import json
from datetime import timedelta

import httpx
import pytest

from core.errors import AuthExpired, PermissionMissing, RateLimited, Rejected, Transient
from core.records import Ref, Stream
from tests.unit.connectors.connectwise.kit import Stage

MANY = 12


def invoices_only(request):
    return request.url.path.endswith("/finance/invoices")


# ── limits ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def throttled_json(shared):
    body = (shared / "fixtures/connectwise/errors/429-throttled.json").read_bytes()
    return httpx.Response(429, content=body, headers={"content-type": "application/json"})


@pytest.mark.reliability("connectwise:6")
def test_the_recorded_429_says_how_long_to_wait_also_without_its_header(at_cw, shared):
    at_cw.box.levers.answer_next(lambda: throttled_json(shared), times=MANY, only=invoices_only)
    with pytest.raises(RateLimited) as caught:
        at_cw.pages(Stream.INVOICES)
    assert caught.value.retry_after == 30


@pytest.mark.reliability("connectwise:6")
@pytest.mark.parametrize("html", [True, False])
@pytest.mark.parametrize("header", ["45", "date", None, "soon"])
def test_429_of_any_shape_is_a_limit(at_cw, html, header):
    later = email.utils.format_datetime(at_cw.clock.now() + timedelta(seconds=45), usegmt=True)

    def answer():
        response = httpx.Response(429, html="<html>cloud says no</html>") if html else httpx.Response(429, json={"error": "X"})
        if header:
            response.headers["Retry-After"] = later if header == "date" else header
        return response

    at_cw.box.levers.answer_next(answer, times=MANY, only=invoices_only)
    with pytest.raises(RateLimited) as caught:
        at_cw.pages(Stream.INVOICES)
    assert caught.value.retry_after == (45 if header in ("45", "date") else None)


def test_our_own_pace_stays_below_the_vendors_limit(at_cw):
    at_cw.box.limit.limit = 500
    at_cw.invoices(3)
    for _ in range(45):
        at_cw.psa.reread(Stream.INVOICES, Ref("2"))
        at_cw.psa.probe()
    assert not any(item.status == 429 for item in at_cw.box.levers.log)


# ── keys, client id, rights ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.reliability("connectwise:16")
@pytest.mark.parametrize("status", [401, 404])
def test_wrong_keys_are_told_from_a_missing_record(at_cw, status):
    at_cw.box.private_key = "another"
    at_cw.box.refuse_keys_with = status
    with pytest.raises(AuthExpired, match="company_id, public_key, private_key and client_id"):
        at_cw.pages(Stream.INVOICES)
    assert not [item for item in at_cw.box.levers.log if item.path.endswith("/system/info")]


@pytest.mark.reliability("connectwise:16")
def test_user_not_authenticated_is_about_the_keys_whatever_its_status(at_cw):
    body = {"code": "UserNotAuthenticated", "message": "User is not authenticated"}
    at_cw.box.levers.answer_next(lambda: httpx.Response(400, json=body), times=MANY, only=invoices_only)
    with pytest.raises(AuthExpired):
        at_cw.pages(Stream.INVOICES)


def test_an_unknown_company_is_told_by_its_setting(at_cw):
    at_cw.box.company = "another"
    with pytest.raises(AuthExpired, match="company_id is the company name you type"):
        at_cw.pages(Stream.INVOICES)


@pytest.mark.reliability("connectwise:15")
def test_a_missing_client_id_is_named(at_cw):
    at_cw.box.client_id = "another"
    with pytest.raises(PermissionMissing, match="Set client_id to the one issued"):
        at_cw.pages(Stream.INVOICES)
    probe = at_cw.psa.probe()
    assert not probe.ok
    assert "client_id" in probe.checks[0].remedy


RIGHTS = [
    (Stream.PARTIES, "company/companies", "Companies > Company Maintenance: Inquire All"),
    (Stream.INVOICES, "finance/invoices", "Finance > Invoicing: Inquire All"),
    (Stream.AGREEMENTS, "finance/agreements", "Finance > Agreements: Inquire All"),
    (Stream.TICKETS, "service/tickets", "Service Desk > Service Tickets: Inquire All"),
]


@pytest.mark.parametrize(("stream", "prefix", "role"), RIGHTS)
def test_a_missing_right_is_named_with_where_to_grant_it(at_cw, stream, prefix, role):
    at_cw.box.denied.add(prefix)
    with pytest.raises(PermissionMissing, match=f'"{role}" to the role of the API member in System > Security Roles'):
        at_cw.pages(stream)
    probe = at_cw.psa.probe()
    assert not probe.ok
    assert any(role in check.remedy for check in probe.checks if check.ok is False)


def test_tables_the_role_may_not_see_cost_only_what_they_add(at_cw):
    company = at_cw.company()
    at_cw.invoice(company, status="Sent")
    at_cw.box.denied |= {"finance/billing", "company/companies/statuses"}
    assert len(at_cw.pull(Stream.PARTIES)) == 1
    assert len(at_cw.pull(Stream.INVOICES)) == 1
    named = {check.name for check in at_cw.psa.probe().checks if check.ok is False}
    assert named == {"billing terms", "billing statuses", "company statuses"}


def test_what_is_left_out_is_neither_read_nor_missed(staged):
    stage = staged(leave_out=["tickets", "work"])
    stage.box.denied |= {"service/tickets", "time/entries"}
    assert not {Stream.TICKETS, Stream.WORK} & set(stage.psa.streams())
    assert stage.psa.probe().ok
    with pytest.raises(Rejected, match="tickets are not read"):
        stage.pages(Stream.TICKETS)


def test_an_inner_error_is_shown_with_its_field(at_cw, shared):
    body = json.loads((shared / "fixtures/connectwise/errors/400-missing-required-field.json").read_text())
    at_cw.box.levers.answer_next(lambda: httpx.Response(400, json=body), only=invoices_only)
    with pytest.raises(Rejected, match=r"contact\.firstName: The firstName field is required"):
        at_cw.pages(Stream.INVOICES)


def test_ssl_required_names_the_host(at_cw, shared):
    body = json.loads((shared / "fixtures/connectwise/errors/security-ssl-required.json").read_text())
    at_cw.box.levers.answer_next(lambda: httpx.Response(403, json=body), only=invoices_only)
    with pytest.raises(Rejected, match="api-SITE"):
        at_cw.pages(Stream.INVOICES)


def test_a_proxy_that_refuses_is_not_a_missing_right(at_cw):
    at_cw.box.levers.answer_next(lambda: httpx.Response(403, html="<html>blocked</html>"), times=MANY, only=invoices_only)
    with pytest.raises(Transient):
        at_cw.pages(Stream.INVOICES)


def test_a_cloud_site_is_called_at_its_api_host(staged):
    stage: Stage = staged(base_url=None, site="https://NA.myconnectwise.net/")
    stage.invoices(1)
    hosts = []
    handle = stage.box.handle
    stage.box.handle = lambda request: (hosts.append(request.url.host), handle(request))[1]
    stage.psa = stage.connect()
    stage.pages(Stream.INVOICES)
    assert hosts[0] == "na.myconnectwise.net"
    assert set(hosts[1:]) == {"api-na.myconnectwise.net"}


# ── doctor ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_good_connection_passes_and_says_who_it_is(at_cw):
    at_cw.invoices(1)
    probe = at_cw.psa.probe()
    assert probe.ok
    assert (probe.company, probe.vendor_now) == ("acme", at_cw.clock.now())
    assert {check.name for check in probe.checks if check.ok} >= {"sign in", "companies", "tickets", "time filters"}


@pytest.mark.parametrize("header", ["Tue, 05 May 2026 12:20:00 GMT", "Tue, 05 May 2026 12:20:00 -0000", "yesterday"])
def test_the_servers_own_time_is_handed_over_for_comparison(at_cw, header):
    handle = at_cw.box.handle

    def off(request):
        response = handle(request)
        response.headers["Date"] = header
        return response

    at_cw.box.handle = off
    at_cw.psa = at_cw.connect()
    found = at_cw.psa.probe().vendor_now
    assert found == (at_cw.clock.now() + timedelta(minutes=20) if header.startswith("Tue") else None)


@pytest.mark.reliability("connectwise:10")
def test_a_server_in_another_zone_is_named(at_cw):
    at_cw.invoices(1)
    at_cw.box.filter_shift = timedelta(hours=5)
    (check,) = [check for check in at_cw.psa.probe().checks if check.name == "time filters"]
    assert "another zone" in check.detail


def test_a_self_hosted_server_tells_its_zone(at_cw):
    at_cw.box.cloud = False
    assert at_cw.psa.probe().timezone == "GMT Standard Time"


def workflow(stage, table, condition, active=True):
    rule = {"name": "Past due mail", "tableType": {"id": 1, "name": table}, "activateFlag": active}
    number = stage.tenant.add("system/workflows", rule)["id"]
    stage.tenant.add("system/workflows/events", {"eventCondition": condition, "parentId": number})


@pytest.mark.parametrize(
    ("table", "condition", "active", "found"),
    [
        ("Invoice", "Invoice is 7 days past due", True, True),
        ("Invoice", "Invoice is 7 days past due", False, False),
        ("Service Ticket", "Ticket is new", True, False),
    ],
)
def test_a_workflow_rule_that_may_mail_clients_is_hinted_at(at_cw, table, condition, active, found):
    workflow(at_cw, table, condition, active)
    senders = at_cw.psa.probe().other_senders
    assert [(sender.certain, "Past due mail" in sender.what) for sender in senders] == ([(False, True)] if found else [])


def test_workflow_rules_that_cannot_be_seen_are_not_taken_for_none(at_cw):
    at_cw.box.denied.add("system/workflows")
    (sender,) = at_cw.psa.probe().other_senders
    assert not sender.certain


def test_a_second_writer_of_payments_and_a_missing_board_are_named(staged):
    stage = staged(push={"ticket_board": "Nowhere"})
    stage.tenant.touch("finance/accountingPackageSetup", 1, syncPaymentInfoFlag=True)
    bad = {check.name for check in stage.psa.probe().checks if check.ok is False}
    assert bad == {"ticket board", "payment writer"}


def test_disabled_callbacks_are_named(staged):
    stage = staged(webhook={"url": "https://d.example/?recordId=", "keep_registered": True})
    stage.company()
    stage.pages(Stream.PARTIES)
    stage.box.writes.disable_callbacks(timedelta(days=3))
    (check,) = [check for check in stage.psa.probe().checks if check.name == "callbacks"]
    assert not check.ok


def test_the_pdf_of_an_invoice_is_handed_over(at_cw):
    (number,) = at_cw.invoices(1)
    assert at_cw.psa.document(Stream.INVOICES, Ref(str(number))).content.startswith(b"%PDF")
    assert at_cw.psa.document(Stream.PAYMENTS, Ref("1-1")) is None
    assert at_cw.psa.pay_link(Ref(str(number))) is None


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────────
BAD = [
    {"site": "not a host"},
    {"site": "https://na.myconnectwise.net/path"},
    {"base_url": "http://proxy.example"},
    {"base_url": "nonsense"},
    {"codebase": "../../etc"},
    {"page_size": 1001},
    {"version": "latest"},
    {"boards": ["both ' and \""]},
    {"surprise": 1},
]


@pytest.mark.parametrize("keys", BAD)
def test_settings_that_cannot_work_are_refused(staged, keys):
    with pytest.raises(ValueError, match=r"validation error"):
        staged(**keys)
