"""The sandbox's sign-in: Intuit's token endpoint with its rotation, its lifetimes and its refusals.

Within 24 hours a refresh returns the same refresh token; after that a new one, and the old one is dead for good (Intuit's help
page "Validity of Refresh Token"). Access tokens live 3600 s, refresh tokens 100 days since last use, the consent five years.
"""

from __future__ import annotations

import base64
import binascii
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlencode

import httpx

from connectors.quickbooks.sandbox_wire import respond
from core.clock import Clock

ACCESS_LIFE = timedelta(seconds=3600)
ROLLING_LIFE = timedelta(seconds=8_640_000)
HARD_LIFE = timedelta(seconds=157_680_000)
CODE_LIFE = timedelta(minutes=10)


@dataclass(slots=True)
class _Grant:
    """One consent of one company."""

    realm: str
    refresh: str
    issued_at: datetime
    used_at: datetime
    consented_at: datetime


@dataclass(slots=True)
class SandboxOAuth:
    """The token endpoint. `rotate_after` zero makes every refresh token single-use, which some report of the live service."""

    clock: Clock
    realm: str
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-client-secret"  # noqa: S105 - the sandbox's own, worth nothing elsewhere
    rotate_after: timedelta = timedelta(hours=24)
    grant: _Grant | None = None
    refreshes: int = 0
    outage: int = 0  # how many of the next token calls are answered 503
    _access: dict[str, datetime] = field(default_factory=dict)
    _codes: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    _spent: set[str] = field(default_factory=set)
    _serial: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # ── levers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def consent(self) -> str:
        """A person allows access: the first refresh token, as the developer portal's playground would show it."""
        with self._lock:
            now = self.clock.now()
            self.grant = _Grant(self.realm, self._mint("AB1"), now, now, now)
            return self.grant.refresh

    def revoke(self) -> None:
        """A person takes the consent back; every token is dead."""
        with self._lock:
            self.grant = None
            self._access.clear()

    def expire_access(self) -> None:
        """Every access token given out so far is refused from now on."""
        with self._lock:
            self._access.clear()

    # ── asked by the sandbox ────────────────────────────────────────────────────────────────────────────────────────────
    def accepts(self, token: str) -> bool:
        """Is this access token in force?"""
        with self._lock:
            expires_at = self._access.get(token)
            return expires_at is not None and self.clock.now() < expires_at

    def authorize(self, request: httpx.Request, *, tid: str) -> httpx.Response:
        """The consent page, with a person who always agrees: back to redirect_uri with code, state and realmId."""
        query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        if query.get("client_id") != self.client_id or "redirect_uri" not in query or not query.get("state"):
            return respond({"error": "invalid_request"}, tid=tid, status=400)
        with self._lock:
            code = self._mint("AB11")
            self._codes[code] = (self.clock.now(), query["redirect_uri"])
        back = urlencode({"code": code, "state": query["state"], "realmId": self.realm})
        return httpx.Response(302, headers={"location": f"{query['redirect_uri']}?{back}", "intuit_tid": tid})

    def token(self, request: httpx.Request, *, tid: str) -> httpx.Response:
        """POST /oauth2/v1/tokens/bearer."""
        if self.outage > 0:
            self.outage -= 1
            return respond({"error": "temporarily_unavailable"}, tid=tid, status=503)
        if not self._known_client(request):
            return respond({"error": "invalid_client"}, tid=tid, status=401)
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        with self._lock:
            if form.get("grant_type") == "authorization_code":
                granted = self._exchange(form.get("code", ""), form.get("redirect_uri", ""))
            elif form.get("grant_type") == "refresh_token":
                granted = self._refresh(form.get("refresh_token", ""))
            else:
                return respond({"error": "unsupported_grant_type"}, tid=tid, status=400)
            if granted is None:
                body = {"error": "invalid_grant", "error_description": "Incorrect or invalid refresh token"}
                return respond(body, tid=tid, status=400)
            hard = request.headers.get("x-include-refresh-token-hard-expires-in", "").lower() == "true"
            return respond(self._issue(granted, hard=hard), tid=tid)

    def revoke_call(self, request: httpx.Request, *, tid: str) -> httpx.Response:
        """POST /v2/oauth2/tokens/revoke."""
        if not self._known_client(request):
            return respond({"error": "invalid_client"}, tid=tid, status=401)
        self.revoke()
        return respond({}, tid=tid)

    def _known_client(self, request: httpx.Request) -> bool:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        try:
            pair = base64.b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        return scheme.lower() == "basic" and pair == f"{self.client_id}:{self.client_secret}"

    def _exchange(self, code: str, redirect_uri: str) -> _Grant | None:
        """The code works once; a second exchange kills the tokens of the first (reported of Intuit's service)."""
        now = self.clock.now()
        given = self._codes.get(code)
        if code in self._spent:
            self.grant = None
            self._access.clear()
        if given is None or code in self._spent or given[1] != redirect_uri or now - given[0] > CODE_LIFE:
            return None
        self._spent.add(code)
        self.grant = _Grant(self.realm, self._mint("AB1"), now, now, now)
        return self.grant

    def _refresh(self, token: str) -> _Grant | None:
        grant, now = self.grant, self.clock.now()
        if grant is None or token != grant.refresh:
            return None
        if now - grant.used_at > ROLLING_LIFE or now - grant.consented_at > HARD_LIFE:
            return None
        self.refreshes += 1
        grant.used_at = now
        if now - grant.issued_at >= self.rotate_after:
            grant.refresh, grant.issued_at = self._mint("AB1"), now
        return grant

    def _issue(self, grant: _Grant, *, hard: bool) -> dict[str, str | int]:
        now = self.clock.now()
        access = self._mint("eyJ")
        self._access[access] = now + ACCESS_LIFE
        body: dict[str, str | int] = {
            "token_type": "bearer",
            "access_token": access,
            "refresh_token": grant.refresh,
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "x_refresh_token_expires_in": int(ROLLING_LIFE.total_seconds()),
        }
        if hard:
            body["x_refresh_token_hard_expires_in"] = int((grant.consented_at + HARD_LIFE - now).total_seconds())
        return body

    def _mint(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}sandbox{self._serial:06d}canary"
