"""QuickBooks' errors by remedy. Decides from the body, on every status: a 200 may carry a Fault, a throttle answer may be XML.

Three shapes: `Fault/Error/Message` (the API), `fault/error/message` (the gateway's 401 and 403) and XML. Codes: Intuit, "Error
codes" and "Handling common errors"; the 2017 blog post that calls a duplicate number 6210 is wrong, it is 6140.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from connectors.decoding import read_json
from core.errors import AuthExpired, Conflict, ConnectorError, NotFound, PermissionMissing, RateLimited, Rejected, Transient

THROTTLE_PAUSE = 60.0  # seconds; Intuit, "Limits and throttles": wait 60 s after a 429. No header says so.
BUSY_PAUSE = 6.0  # seconds; other integrations retry "another user was editing" after 3, 6 and 12 s
_LONGEST = 300  # characters of the vendor's own words in a message
_LARGEST_FAULT = 65_536  # bytes; bodies of status 200 beyond this are rows, not a Fault
_XML_ERROR = re.compile(r'<Error\s+code="(\d+)"[^>]*>(.*?)</Error>', re.DOTALL)
_AUTH_TYPES = ("AUTHENTICATION", "AuthenticationFault")


class ApplicationFault(Transient):
    """Code 10000 or 10100: this very request makes QuickBooks fail. Passing, or one corrupt record among those asked for."""


class CompanyReset(Rejected):
    """Code 10200: the company was reset; everything must be listed again."""


class FeatureMissing(Rejected):
    """Code 5030: the company's plan does not have this kind of record."""


class TooOld(Rejected):
    """Change data capture was asked for changes older than it keeps (30 days)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What the body says went wrong."""

    code: str
    message: str
    detail: str
    kind: str

    @property
    def words(self) -> str:
        """The vendor's own words, fit for a message: never those of an authentication error, which quote the token."""
        if self.kind in _AUTH_TYPES or self.code in ("3200", "3201", "3202"):
            return ""
        detail = self.detail if self.detail and self.detail != self.message else ""
        return " ".join(f"{self.message} {detail}".split())[:_LONGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Turns answers of one connection into errors. `environment` and `realm` are named where they may be the mistake."""

    connection: str
    environment: str
    realm: str

    def __call__(self, response: httpx.Response) -> ConnectorError | None:
        """The error a response stands for; None when its body holds no Fault and its status decides."""
        fault = find_fault(response)
        if fault is not None:
            if fault.code == "3001" or response.status_code == 429:
                return self._throttled(response)
            return self.explain(fault, response.status_code)
        if response.status_code == 429:
            return self._throttled(response)
        if response.status_code == 404:
            return Rejected(
                f"{self.connection}: QuickBooks knows no such address for company {self.realm} ({self.environment}).",
                connection=self.connection,
                remedy=f"Check realm_id and environment in [connections.{self.connection}].",
                code="404",
            )
        return None

    def explain(self, fault: Fault, status: int) -> ConnectorError:
        """The error by remedy for a Fault that is no throttle."""
        access = self._access(fault)
        if access is not None:
            return access
        said = f"{self.connection}: QuickBooks refused: {fault.words or 'no reason given'} (code {fault.code or status})."
        if fault.code in ("10000", "10100"):
            return ApplicationFault(said, connection=self.connection)
        if "older than fixed days" in fault.detail:
            return TooOld(said, connection=self.connection, code=fault.code)
        if fault.code == "6000" and "editing" in f"{fault.message} {fault.detail}".lower():
            return Transient(said, connection=self.connection, retry_after=BUSY_PAUSE)
        kind, remedy = _REMEDIES.get(fault.code, (Rejected, ""))
        if status >= 500 and fault.code not in _REMEDIES:
            return Transient(said, connection=self.connection)
        return kind(said, connection=self.connection, remedy=remedy, code=fault.code or str(status))

    def _throttled(self, response: httpx.Response) -> RateLimited:
        """Retry-After is not documented; where it comes all the same the transport reads it."""
        return RateLimited(
            f"{self.connection}: QuickBooks asks to slow down, or the app's monthly allowance of reads is used up.",
            connection=self.connection,
            remedy="The daemon tries again by itself; if this lasts for hours, look at the app's usage at developer.intuit.com.",
            retry_after=None if "retry-after" in response.headers else THROTTLE_PAUSE,
        )

    def _access(self, fault: Fault) -> ConnectorError | None:
        """Who may do what: token, consent, app and user role."""
        name = self.connection
        if fault.code == "3100":
            return AuthExpired(
                f"{name}: the app may not use company {self.realm} in the {self.environment} environment (code 3100).",
                connection=name,
                remedy="Production keys work only on real companies and development keys only on sandbox ones; if environment "
                f"and realm_id in [connections.{name}] are right, the company disconnected the app: run `duesync auth {name}`.",
            )
        if fault.code in ("3200", "3201", "3202"):
            return AuthExpired(
                f"{name}: QuickBooks no longer accepts our token for company {self.realm} (code {fault.code}).",
                connection=name,
                remedy=f"Run `duesync auth {name}`.",
            )
        if fault.code in ("120", "5020"):
            return PermissionMissing(
                f"{name}: the user who allowed the access may not do this in company {self.realm} (code {fault.code}).",
                connection=name,
                remedy="A company admin grants it under Settings > Manage users (role Company admin or Standard all access), "
                f"or signs in with `duesync auth {name}`.",
            )
        return None


_CLOSED = "The books are closed for that date; a company admin can move the closing date under Settings > Advanced."
_REMEDIES: Mapping[str, tuple[type[Rejected], str]] = {
    "610": (NotFound, ""),
    "5010": (Conflict, "It was changed meanwhile; it is decided again with the next pull."),
    "5030": (FeatureMissing, "The company's QuickBooks plan does not have this feature."),
    "6140": (Rejected, "Look whether that number is an earlier attempt of ours before trying another."),
    "6190": (Rejected, "The company's QuickBooks subscription has lapsed; reading may still work, writing does not."),
    "6200": (Rejected, _CLOSED),
    "6210": (Rejected, _CLOSED),
    "6420": (Rejected, "Give the invoice or the customer an e-mail address in QuickBooks."),
    "6450": (Rejected, "The online payment is settled; it can only be refunded."),
    "6480": (Rejected, "The payment is matched to a bank transaction; undo the match first."),
    "6540": (Rejected, "The payment is part of a deposit; edit the deposit first."),
    "10200": (CompanyReset, "The company was reset; everything is listed again with the next pull."),
}


def find_fault(response: httpx.Response) -> Fault | None:
    """The Fault in a response's body, whatever its shape and status; None when there is none."""
    content = response.content
    if not content or (response.status_code < 400 and (len(content) > _LARGEST_FAULT or b"ault" not in content)):
        return None
    if content.lstrip()[:1] == b"<":
        return _from_xml(content.decode("utf-8", "replace"))
    try:
        body = read_json(content)
    except ValueError:
        return None
    return _from_json(body) if isinstance(body, Mapping) else None


def _from_xml(text: str) -> Fault | None:
    """By pattern: an XML parser would follow entities of whoever sent this."""
    match = _XML_ERROR.search(text)
    if match is None:
        return None
    code, inner = match.groups()
    parts = {tag: re.search(f"<{tag}>(.*?)</{tag}>", inner, re.DOTALL) for tag in ("Message", "Detail")}
    message, detail = (found[1].strip() if found else "" for found in parts.values())
    kind = re.search(r'<Fault\s+type="(\w+)"', text)
    return Fault(code=code.lstrip("0"), message=message, detail=detail, kind=kind[1] if kind else "")


def _from_json(body: Mapping[str, Any]) -> Fault | None:
    fault = body.get("Fault") or body.get("fault")
    if not isinstance(fault, Mapping):
        return None
    errors = fault.get("Error") or fault.get("error") or [{}]
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], Mapping) else {}
    message = str(first.get("Message") or first.get("message") or "")
    code = str(first.get("code") or "").lstrip("0")
    if not code and (found := re.search(r"errorCode=0*(\d+)", message)):
        code = found[1]
    detail = str(first.get("Detail") or first.get("detail") or "")
    return Fault(code=code, message=message, detail=detail, kind=str(fault.get("type") or ""))
