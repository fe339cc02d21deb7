"""How the QuickBooks sandbox speaks: times, numbers, headers and the three shapes of its errors.

Shapes: Intuit, "Error codes" and "REST API features"; the gateway's lower-case 401 and 403 and the XML throttle answer as they
were recorded. Imports nothing of the connector.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec

# Offsets are Pacific whatever the company's own zone is.
PACIFIC = ZoneInfo("America/Los_Angeles")
_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class Refusal(Exception):
    """A request the vendor answers with a Fault. `code` is Intuit's error code, `status` the HTTP status."""

    def __init__(self, code: str, message: str, detail: str = "", *, status: int = 400, kind: str = "ValidationFault") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail or message
        self.status = status
        self.kind = kind
        self.element = ""

    def body(self) -> dict[str, Any]:
        """The Fault object."""
        error = {"Message": self.message, "Detail": self.detail, "code": self.code, "element": self.element}
        return {"Error": [error], "type": self.kind}


def business_error(detail: str) -> Refusal:
    """Intuit's generic 6000; only its detail says what is wrong."""
    return Refusal("6000", "A business validation error has occurred while processing your request", detail)


def number(value: Decimal) -> int | Decimal:
    """A JSON number as QuickBooks writes it: 100 rather than 100.00, 629.1 rather than 629.10."""
    return int(value) if value == value.to_integral_value() else value.normalize()


def amount_of(value: Any) -> Decimal:
    """An amount out of a request or a stored object; absent and empty are zero. Refusal 2040-like when it is no number."""
    if value is None or value == "":
        return Decimal(0)
    try:
        return Decimal(str(value))
    except ArithmeticError as error:
        raise Refusal("2040", "Invalid Number", f"Invalid number: {value!r} is not a number.") from error


def instant_text(at: datetime) -> str:
    """The instant as MetaData carries it: whole seconds, Pacific offset."""
    return at.astimezone(PACIFIC).isoformat(timespec="seconds")


def answer_time(at: datetime) -> str:
    """The instant as the envelope carries it: milliseconds, Pacific offset."""
    return at.astimezone(PACIFIC).isoformat(timespec="milliseconds")


def read_json(content: bytes) -> Any:
    """A request body with exact numbers; Refusal 2000-like for anything else."""
    try:
        return _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal("500", "Unsupported Operation", "Unable to parse the request body.") from error


def dump(value: Any) -> bytes:
    """JSON bytes with exact numbers."""
    return _encode(value)


def respond(body: Any, *, tid: str, status: int = 200, extra: Mapping[str, str] | None = None) -> httpx.Response:
    """A JSON answer with the headers Intuit sends; there are no rate-limit headers."""
    headers = {
        "content-type": "application/json;charset=UTF-8",
        "intuit_tid": tid,
        "x-request-id": tid,
        "qbo-version": "2073.223",
        "service-time": "total=332, db=199",
        "cache-control": "max-age=0, no-cache, no-store, must-revalidate, private",
        "server": "istio-envoy",
        **(extra or {}),
    }
    return httpx.Response(status, headers=headers, content=dump(body))


def throttled(at: datetime, *, tid: str, status: int = 429, retry_after: float | None = None) -> httpx.Response:
    """The throttle answer: XML whatever was asked for (status 403 with the same body in 2016)."""
    text = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<IntuitResponse time="{answer_time(at)}" xmlns="http://schema.intuit.com/finance/v3"><Fault type="SERVICE">'
        f'<Error code="3001"><Message>message=ThrottleExceeded; errorCode=003001; statusCode={status}</Message>'
        "<Detail>The request limit was reached.  Try again later</Detail></Error></Fault></IntuitResponse>"
    )
    headers = {"content-type": "application/xml;charset=UTF-8", "intuit_tid": tid}
    if retry_after is not None:
        headers["retry-after"] = f"{retry_after:.0f}"
    return httpx.Response(status, headers=headers, content=text.encode())


def unauthenticated(token: str, at: datetime, *, tid: str) -> httpx.Response:
    """The gateway's 401: lower-case keys, and the refused token quoted in `detail`."""
    error = {
        "message": "message=AuthenticationFailed; errorCode=003200; statusCode=401",
        "detail": f"Token expired: {token}",
        "code": "3200",
        "element": None,
    }
    body: dict[str, Any] = {
        "warnings": None,
        "intuitObject": None,
        "fault": {"error": [error], "type": "AUTHENTICATION"},
        "report": None,
        "queryResponse": None,
        "batchItemResponse": [],
        "attachableResponse": [],
        "syncErrorResponse": None,
        "requestId": None,
        "time": int(at.timestamp() * 1000),
        "status": None,
        "cdcresponse": [],
    }
    return respond(body, tid=tid, status=401, extra={"www-authenticate": 'Bearer realm="Intuit", error="invalid_token"'})


def unauthorized_app(*, tid: str) -> httpx.Response:
    """The gateway's 403 for keys of the other environment, or for a company that disconnected the app."""
    error = {
        "message": "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403",
        "detail": None,
        "code": "3100",
        "element": None,
    }
    return respond({"fault": {"error": [error], "type": "SERVICE"}}, tid=tid, status=403)


def refused(refusal: Refusal, at: datetime, *, tid: str) -> httpx.Response:
    """A Fault as the API writes it."""
    return respond({"Fault": refusal.body(), "time": answer_time(at)}, tid=tid, status=refusal.status)
