"""Who may call the sandbox: OAuth apps, codes, tokens, connected tenants and scopes (limits and OAuth 2.0 guides).

Access tokens live 30 minutes, codes 5 and once, refresh tokens 60 days and rotate on use; the one before still works for 30
minutes. Custom connections get a token from the client's id and secret alone and are bound to one organisation.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import httpx

from connectors.xero.sandbox_shapes import guid
from core.clock import Clock

ACCESS_LIFE = timedelta(minutes=30)
CODE_LIFE = timedelta(minutes=5)
REFRESH_LIFE = timedelta(days=60)
GRACE = timedelta(minutes=30)

ALL_SCOPES = frozenset(
    {
        "offline_access",
        "openid",
        "profile",
        "email",
        "accounting.attachments.read",
        "accounting.reports.aged.read",
        *(
            f"accounting.{area}{suffix}"
            for area in ("invoices", "payments", "banktransactions", "contacts", "settings")
            for suffix in ("", ".read")
        ),
    }
)
_AREAS = {
    "Invoices": "invoices",
    "CreditNotes": "invoices",
    "RepeatingInvoices": "invoices",
    "Payments": "payments",
    "Overpayments": "payments",
    "Prepayments": "payments",
    "BatchPayments": "payments",
    "BankTransactions": "banktransactions",
    "Contacts": "contacts",
    "Organisation": "settings",
    "Accounts": "settings",
    "BrandingThemes": "settings",
    "InvoiceReminders": "settings",
}


@dataclass(slots=True)
class Grant:
    """What one consent or client has been given."""

    scopes: frozenset[str]
    custom: bool
    issued_at: datetime
    retired_at: datetime | None = None  # a rotated refresh token: usable for GRACE after this


@dataclass(slots=True)
class _Code:
    redirect_uri: str
    scopes: frozenset[str]
    challenge: str | None
    at: datetime


@dataclass(slots=True)
class Access:
    """The identity server and the list of connected tenants."""

    clock: Clock
    client_id: str = "xero-sandbox-client"
    client_secret: str = "xero-sandbox-secret-0f3a9c"  # noqa: S105 - of the sandbox itself
    app_scopes: frozenset[str] = ALL_SCOPES
    tenants: dict[str, str] = field(default_factory=dict)  # tenant id -> name
    refreshes: int = 0
    _codes: dict[str, _Code] = field(default_factory=dict)
    _access: dict[str, Grant] = field(default_factory=dict)
    _refresh: dict[str, Grant] = field(default_factory=dict)

    # ── levers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def expire_access(self) -> None:
        """Every access token handed out so far is refused from now on; refresh tokens stay good."""
        self._access.clear()

    def revoke(self) -> None:
        """The user takes the consent back: nothing handed out so far works any more."""
        self._access.clear()
        self._refresh.clear()

    # ── endpoints ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def authorize(self, query: Mapping[str, str]) -> httpx.Response:
        """A person who consents at once: redirects with a code and the state."""
        if query.get("client_id") != self.client_id or query.get("response_type") != "code":
            return httpx.Response(400, json={"error": "unauthorized_client"})
        code, redirect = secrets.token_urlsafe(24), query.get("redirect_uri", "")
        scopes = frozenset(query.get("scope", "").split())
        if not scopes <= self.app_scopes:
            target = {"error": "invalid_scope", "state": query.get("state", "")}
        else:
            self._codes[code] = _Code(redirect, scopes, query.get("code_challenge"), self.clock.now())
            target = {"code": code, "scope": " ".join(sorted(scopes)), "state": query.get("state", "")}
        return httpx.Response(302, headers={"Location": f"{redirect}?{urlencode(target, quote_via=quote)}"})

    def token(self, request: httpx.Request) -> httpx.Response:
        """POST /connect/token for the three grants we document."""
        form = {key: values[0] for key, values in parse_qs(request.content.decode()).items()}
        if not self._client_known(request, form):
            return httpx.Response(400, json={"error": "invalid_client"})
        grant = form.get("grant_type")
        if grant == "client_credentials":
            return self._custom(form)
        if grant == "authorization_code":
            return self._first(form)
        if grant == "refresh_token":
            return self._again(form)
        return httpx.Response(400, json={"error": "unsupported_grant_type"})

    def connections(self) -> list[dict[str, Any]]:
        """GET /connections: one entry per connected tenant. `id` is not the tenant's."""
        return [
            {
                "id": guid("connection", tenant),
                "authEventId": guid("consent", tenant),
                "tenantId": tenant,
                "tenantType": "ORGANISATION",
                "tenantName": name,
                "createdDateUtc": "2026-01-05T09:00:00.0000000",
                "updatedDateUtc": "2026-01-05T09:00:00.0000000",
            }
            for tenant, name in self.tenants.items()
        ]

    def disconnect(self, connection_id: str) -> bool:
        """DELETE /connections/{id}."""
        for tenant in self.tenants:
            if guid("connection", tenant) == connection_id:
                del self.tenants[tenant]
                return True
        return False

    # ── checks ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def grant_of(self, request: httpx.Request) -> Grant | httpx.Response:
        """The grant behind the bearer token, or the 401 Xero answers."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        grant = self._access.get(token)
        if grant is None:
            detail = "TokenExpired: token expired at 01/01/2026 00:00:00" if token else "AuthenticationUnsuccessful"
            return problem(401, "Unauthorized", detail)
        if self.clock.now() >= grant.issued_at + ACCESS_LIFE:
            return problem(
                401, "Unauthorized", f"TokenExpired: token expired at {grant.issued_at + ACCESS_LIFE:%m/%d/%Y %H:%M:%S}"
            )
        return grant

    def tenant_of(self, request: httpx.Request, grant: Grant) -> str | httpx.Response:
        """The tenant a call is for. Custom connections need not name theirs."""
        named: str | None = request.headers.get("xero-tenant-id")
        if not named and grant.custom and self.tenants:
            return next(iter(self.tenants))
        if named is None or named not in self.tenants:
            return problem(403, "Forbidden", "AuthenticationUnsuccessful")
        return named

    @staticmethod
    def allowed(grant: Grant, endpoint: str, *, write: bool) -> httpx.Response | None:
        """None, or the 401 for a missing scope, with the vendor's own misspelling."""
        area = _AREAS.get(endpoint)
        names = {f"accounting.{area}"} | (set() if write else {f"accounting.{area}.read"})
        if area is None or names & grant.scopes:
            return None
        answer = problem(401, "Unauthorized", "AuthorizationUnsuccessful")
        answer.headers["WWW-Authenticate"] = "insufficent_scope"
        return answer

    # ── grants ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _client_known(self, request: httpx.Request, form: Mapping[str, str]) -> bool:
        header = request.headers.get("authorization", "")
        if header.lower().startswith("basic "):
            try:
                pair = base64.b64decode(header[6:]).decode()
            except ValueError:
                return False
            return pair == f"{self.client_id}:{self.client_secret}"
        if form.get("client_id") != self.client_id:
            return False
        public = form.get("grant_type") != "client_credentials"  # PKCE apps have no secret
        return form.get("client_secret") == self.client_secret or (public and "client_secret" not in form)

    def _custom(self, form: Mapping[str, str]) -> httpx.Response:
        asked = frozenset(form.get("scope", "").split()) or self.app_scopes - {"offline_access"}
        if not asked <= self.app_scopes:
            return httpx.Response(400, json={"error": "invalid_scope"})
        return self._issue(Grant(asked, custom=True, issued_at=self.clock.now()), refresh=False)

    def _first(self, form: Mapping[str, str]) -> httpx.Response:
        code = self._codes.pop(form.get("code", ""), None)
        fresh = code is not None and self.clock.now() < code.at + CODE_LIFE and code.redirect_uri == form.get("redirect_uri")
        if code is None or not fresh or not _verified(code.challenge, form.get("code_verifier")):
            return httpx.Response(400, json={"error": "invalid_grant"})
        return self._issue(Grant(code.scopes, custom=False, issued_at=self.clock.now()), refresh="offline_access" in code.scopes)

    def _again(self, form: Mapping[str, str]) -> httpx.Response:
        now = self.clock.now()
        grant = self._refresh.get(form.get("refresh_token", ""))
        if grant is None or now >= grant.issued_at + REFRESH_LIFE or (grant.retired_at and now >= grant.retired_at + GRACE):
            return httpx.Response(400, json={"error": "invalid_grant"})
        grant.retired_at = grant.retired_at or now
        self.refreshes += 1
        return self._issue(replace(grant, issued_at=now, retired_at=None), refresh=True)

    def _issue(self, grant: Grant, *, refresh: bool) -> httpx.Response:
        access = (
            f"{_segment({'alg': 'none', 'typ': 'JWT'})}.{_segment({'jti': secrets.token_hex(16)})}.{secrets.token_urlsafe(16)}"
        )
        self._access[access] = grant
        answer: dict[str, Any] = {
            "access_token": access,
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "token_type": "Bearer",
            "scope": " ".join(sorted(grant.scopes)),
        }
        if refresh:
            token = secrets.token_urlsafe(32)
            self._refresh[token] = replace(grant)
            answer["refresh_token"] = token
        return httpx.Response(200, json=answer)


def problem(status: int, title: str, detail: str) -> httpx.Response:
    """The identity layer's error body (recorded: 401 TokenExpired, 403 AuthenticationUnsuccessful)."""
    body: dict[str, Any] = {
        "Type": None,
        "Title": title,
        "Status": status,
        "Detail": detail,
        "Instance": guid(status, detail),
        "Extensions": {},
    }
    return httpx.Response(status, json=body)


def _segment(value: Mapping[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _verified(challenge: str | None, verifier: str | None) -> bool:
    if challenge is None:
        return True
    digest = hashlib.sha256((verifier or "").encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
