"""Every error QuickBooks documents or was seen to send becomes an error by remedy, whatever its shape and status."""

from __future__ import annotations

import json

import httpx
import pytest

from connectors.quickbooks.faults import ApplicationFault, CompanyReset, FeatureMissing, Judge, TooOld, find_fault
from core.errors import AuthExpired, Conflict, NotFound, PermissionMissing, RateLimited, Rejected, Transient

JUDGE = Judge(connection="qbo", environment="production", realm="9341")


def fault(code: str, message: str = "Something", detail: str = "", kind: str = "ValidationFault") -> bytes:
    return json.dumps({"Fault": {"Error": [{"Message": message, "Detail": detail, "code": code}], "type": kind}}).encode()


def judged(status: int, body: bytes):
    return JUDGE(httpx.Response(status, content=body))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "3200", AuthExpired),
        (401, "003202", AuthExpired),
        (401, "3201", AuthExpired),
        (403, "3100", AuthExpired),
        (400, "120", PermissionMissing),
        (403, "5020", PermissionMissing),
        (400, "5030", FeatureMissing),
        (429, "3001", RateLimited),
        (403, "003001", RateLimited),
        (400, "500", Rejected),
        (400, "610", NotFound),
        (400, "2020", Rejected),
        (400, "2500", Rejected),
        (400, "4001", Rejected),
        (400, "5010", Conflict),
        (400, "6000", Rejected),
        (400, "6140", Rejected),
        (400, "6190", Rejected),
        (400, "6200", Rejected),
        (400, "6210", Rejected),
        (400, "6240", Rejected),
        (400, "6420", Rejected),
        (400, "6540", Rejected),
        (500, "10000", ApplicationFault),
        (200, "10000", ApplicationFault),
        (400, "10100", ApplicationFault),
        (400, "10200", CompanyReset),
        (500, "99999", Transient),
        (400, "", Rejected),
    ],
)
def test_a_code_decides_the_remedy(status, code, kind):
    found = judged(status, fault(code))
    assert type(found) is kind
    assert found.connection == "qbo"


@pytest.mark.reliability("quickbooks:7")
@pytest.mark.parametrize("name", ["429_throttle_exceeded.xml", "403_throttle_exceeded_2016.xml"])
def test_the_recorded_throttle_answers_are_throttles(shared, name):
    body = (shared / "fixtures/quickbooks/wire-samples" / name).read_bytes()
    found = judged(int(name[:3]), body)
    assert isinstance(found, RateLimited)
    assert found.retry_after == 60


@pytest.mark.reliability("quickbooks:7")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, b""),
        (429, b"<html>slow down</html>"),
        (429, fault("", "quota")),
        (403, fault("3001", "message=ThrottleExceeded; errorCode=003001; statusCode=403", kind="SERVICE")),
        (400, fault("", "message=ThrottleExceeded; errorCode=003001; statusCode=429", kind="SERVICE")),
        (429, b'{"fault":{"error":[{"message":"x","code":"3001"}],"type":"SERVICE"}}'),
    ],
)
def test_a_throttle_in_any_shape_is_one(status, body):
    assert isinstance(judged(status, body), RateLimited)


@pytest.mark.reliability("quickbooks:27")
def test_the_wrong_environment_is_named_with_environment_and_realm(shared):
    body = (shared / "fixtures/quickbooks/wire-samples/403_application_authorization_failed.json").read_bytes()
    found = judged(403, body)
    assert isinstance(found, AuthExpired)
    assert "9341" in str(found)
    assert "production" in str(found)
    assert "duesync auth qbo" in found.remedy


def test_the_recorded_401_never_repeats_the_token_it_quotes(shared):
    body = (shared / "fixtures/quickbooks/wire-samples/401_access_token_expired.json").read_bytes()
    found = judged(401, body)
    assert isinstance(found, AuthExpired)
    assert "AB0REDACTED" not in str(found)


@pytest.mark.reliability("quickbooks:29")
@pytest.mark.parametrize("name", ["200_with_fault_void_bill.json", "400_unsupported_operation_void_purchase.json"])
def test_a_recorded_fault_is_found_on_any_status(shared, name):
    body = (shared / "fixtures/quickbooks/wire-samples" / name).read_bytes()
    assert judged(int(name[:3]), body) is not None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"not json: Fault",
        b'{"Fault": null}',
        b'{"QueryResponse":{"Invoice":[{"PrivateNote":"Default: Fault of ours"}]}}',
        b'{"Fault"',
    ],
)
def test_an_answer_without_a_fault_is_left_to_its_status(body):
    assert judged(200, body) is None


@pytest.mark.parametrize(
    "body", [b'{"Fault":{"Error":[]}}', b'{"Fault":{"Error":["x"]}}', b'{"Fault":{"Error":{"a":1}}}', b'{"Fault":{}, "a":1}']
)
def test_a_fault_without_particulars_is_still_an_error(body):
    found = judged(400, body)
    assert found is None or isinstance(found, Rejected)


def test_the_vendor_s_words_are_kept_short():
    found = find_fault(httpx.Response(400, content=fault("6000", "m" * 5000, "d" * 5000)))
    assert found is not None
    assert len(found.words) <= 300


def test_too_old_a_date_for_change_capture_is_told_apart():
    detail = "Operation cdc with changedSince date 2026-01-01 which is older than fixed days is not supported."
    assert isinstance(judged(400, fault("500", "Unsupported", detail)), TooOld)


def test_an_unknown_address_is_a_matter_of_configuration_and_never_a_deleted_record():
    found = judged(404, b"")
    assert isinstance(found, Rejected)
    assert not isinstance(found, NotFound)
    assert "realm_id" in found.remedy


def test_xml_of_a_stranger_is_not_expanded():
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><Fault type="SERVICE"><Error code="6000"><Message>&a;</Message></Error></Fault>'
    found = judged(400, bomb)
    assert isinstance(found, Rejected)
    assert "&a;" in str(found)
