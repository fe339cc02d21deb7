"""Every recorded and documented error of Xero, by remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.xero.verdicts import HIGH_VOLUME, is_tenant_gone, verdict
from core.errors import AuthExpired, ConnectorError, PermissionMissing, RateLimited, Rejected, Transient

PREFIX = "/api.xro/2.0"
EXPECTED: dict[str, type[ConnectorError]] = {
    "400_duplicate_contact_name": Rejected,
    "400_high_volume": Rejected,
    "400_only_status_accepted": Rejected,
    "400_validation_payment_exceeds": Rejected,
    "400_validation_payment_not_authorised": Rejected,
    "401_insufficient_scope": PermissionMissing,
    "403_authentication_unsuccessful": AuthExpired,
    "404_too_many_ids": Rejected,
    "429_appminute": RateLimited,
    "429_concurrent": RateLimited,
    "429_day": RateLimited,
    "429_minute": RateLimited,
    "503_organisation_offline": Transient,
}


def judge(status: int, body: Any, headers: dict[str, str] | None = None, path: str = "Invoices") -> ConnectorError | None:
    request = httpx.Request("GET", f"https://api.xero.com{PREFIX}/{path}")
    content = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
    response = httpx.Response(status, headers=headers or {}, content=content, request=request)
    return verdict(response, connection="xero", custom=True, prefix=PREFIX)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_documented_errors_are_told_by_remedy(shared: Path, name: str) -> None:
    case = json.loads((shared / "fixtures/xero/errors" / f"{name}.json").read_text())
    error = judge(case["status"], case["body"], case.get("headers"))
    assert type(error) is EXPECTED[name] or isinstance(error, EXPECTED[name])
    assert error is not None
    assert "xero" in error.message


def test_the_vendors_words_are_passed_on(shared: Path) -> None:
    case = json.loads((shared / "fixtures/xero/errors/400_validation_payment_not_authorised.json").read_text())
    error = judge(400, case["body"])
    assert isinstance(error, Rejected)
    assert "Payments can only be made against Authorised documents; Payment amount exceeds" in error.message
    assert error.code == "ValidationException"


def test_high_volume_is_recognised(shared: Path) -> None:
    case = json.loads((shared / "fixtures/xero/errors/400_high_volume.json").read_text())
    error = judge(400, case["body"])
    assert isinstance(error, Rejected)
    assert error.code == HIGH_VOLUME


def test_a_stale_tenant_is_told_from_a_bad_token() -> None:
    gone, expired = judge(403, {"Detail": "AuthenticationUnsuccessful"}), judge(401, {"Detail": "TokenExpired: …"})
    assert isinstance(gone, AuthExpired)
    assert isinstance(expired, AuthExpired)
    assert (is_tenant_gone(gone), is_tenant_gone(expired)) == (True, False)


@pytest.mark.reliability("xero:T16")
@pytest.mark.parametrize("challenge", ["insufficent_scope", 'Bearer error="insufficient_scope"'])
def test_both_spellings_of_a_missing_scope(challenge: str) -> None:
    error = judge(401, {}, {"WWW-Authenticate": challenge}, "Payments")
    assert isinstance(error, PermissionMissing)
    assert "accounting.payments.read" in error.message


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"Elements": [{"ValidationErrors": null}]}'])
def test_an_unknown_body_leaves_it_to_the_status(body: str) -> None:
    assert judge(400, body) is None


def test_a_problem_document_is_read_too(shared: Path) -> None:
    body = (shared / "fixtures/xero/errors/xeroizer.bad_request.json").read_text()
    error = judge(400, body)
    assert isinstance(error, Rejected)
    assert "exceeded the maximum length" in error.message


def test_good_answers_are_no_error() -> None:
    assert judge(200, {"Status": "OK"}, {"content-type": "application/json"}) is None
    assert judge(204, None) is None
    assert judge(304, None) is None
