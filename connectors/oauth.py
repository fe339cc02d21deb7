"""OAuth tokens of one connection: always a usable one, refreshed once for everybody, never lost to a passing failure.

A refresh happens under the vault's lock, after reading the vault again, and its result is durable before anyone uses it, as
a rotated refresh token that was not saved kills the connection (quickbooks.md §1.3). The refresh token before the last rotation
is tried once when the newest is refused. Only a clear `invalid_grant` ends a connection; 5xx, 429 and silence change no token.
Logs `token.refreshed` and `token.kept`. Consent (the first tokens) is in connectors.consent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog

from connectors.tokencall import TokenCall, TokenRefused
from core.clock import Clock
from core.errors import AuthExpired, ConnectorError, PermissionMissing, Transient
from core.ports import Tokens, TokenSlot, TokenVault

__all__ = ["OAuthTokens", "Provider", "expiry_warnings", "tokens_from"]

log = structlog.get_logger()

LEEWAY = timedelta(minutes=5)  # refresh this long before the access token ends: quickbooks.md §1.3, recipe
LAST_MINUTE = timedelta(seconds=10)  # within this of its end a token is not handed out even if it could not be refreshed
PAUSE_AFTER_FAILURE = timedelta(seconds=30)  # while an old token still works, do not ask again on every call
ROLLING_WARNING = timedelta(days=30)  # quickbooks.md §1.3: alert when < 30 days of the rolling life are left …
CONSENT_WARNING = timedelta(days=365)  # … and a year before the hard expiry


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One vendor's OAuth endpoints and habits.

    `client_credentials`: the app itself is the account, no consent and no refresh token (Xero custom connection). `refresh_life`
    is how long an unused refresh token lives where the answer does not say (Xero: 60 days). `basic_auth` false sends the client's
    id in the form instead (PKCE apps have no secret).
    """

    token_url: str
    authorize_url: str = ""
    scope: str = ""
    client_credentials: bool = False
    refresh_life: timedelta | None = None
    basic_auth: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


class OAuthTokens:
    """Hands out access tokens for one connection. Safe for threads; the vault makes it safe for processes."""

    def __init__(
        self,
        *,
        connection: str,
        provider: Provider,
        client_id: str,
        client_secret: str | None,
        vault: TokenVault,
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 30.0,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self._connection = connection
        self._provider = provider
        self._vault = vault
        self._clock = clock
        self._known: Tokens | None = None
        self._not_before: datetime | None = None  # do not try to refresh again before this
        self._handed = threading.local()
        self._call = TokenCall(
            connection=connection,
            url=provider.token_url,
            client_id=client_id,
            client_secret=client_secret,
            basic_auth=provider.basic_auth,
            headers=provider.headers,
            clock=clock,
            transport=transport,
            timeout=timeout,
            sleep=sleep,
        )

    def authorize(self, refused: bool) -> Mapping[str, str]:
        """Headers for one call; `refused` when the vendor answered 401 to the token this thread used last."""
        return {"Authorization": f"Bearer {self.access_token(refused=refused)}"}

    def access_token(self, *, refused: bool = False) -> str:
        """A token the vendor should accept now. AuthExpired when only a person can get one; Transient when later may do."""
        stale = getattr(self._handed, "token", None) if refused else None
        known = self._known
        if known is None or known.access == stale or not self._fresh(known):
            known = self._renew(stale)
            self._known = known
        self._handed.token = known.access
        return known.access

    def tokens(self) -> Tokens | None:
        """What the vault holds now, for warnings and `duesync doctor`; never triggers a refresh."""
        return self._vault.read(self._connection)

    def close(self) -> None:
        """Give back the network connection."""
        self._call.close()

    # ── deciding ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _fresh(self, tokens: Tokens) -> bool:
        return tokens.access_expires_at is None or self._clock.now() < tokens.access_expires_at - LEEWAY

    def _usable(self, tokens: Tokens | None, stale: str | None) -> bool:
        """Still accepted as far as anyone knows, though a refresh is due."""
        if tokens is None or not tokens.access or tokens.access == stale:
            return False
        return tokens.access_expires_at is None or self._clock.now() < tokens.access_expires_at - LAST_MINUTE

    def _renew(self, stale: str | None) -> Tokens:
        now = self._clock.now()
        if self._not_before is not None and now < self._not_before and self._known and self._usable(self._known, stale):
            return self._known
        with self._vault.locked(self._connection) as slot:
            stored = slot.read()
            if stored is not None and stored.access and stored.access != stale and self._fresh(stored):
                return stored  # a sibling was quicker
            try:
                return self._refresh(slot, stored)
            except ConnectorError as error:
                if stored is None or not self._usable(stored, stale):
                    raise
                self._not_before = now + PAUSE_AFTER_FAILURE
                log.warning("token.kept", connection=self._connection, problem=error.message, until=stored.access_expires_at)
                return stored

    # ── asking the vendor ───────────────────────────────────────────────────────────────────────────────────────────────
    def _refresh(self, slot: TokenSlot, stored: Tokens | None) -> Tokens:
        if self._provider.client_credentials:
            form = {"grant_type": "client_credentials", "scope": self._provider.scope}
            return self._keep(slot, stored, self._ask({name: value for name, value in form.items() if value}))
        if stored is None or not stored.refresh:
            raise AuthExpired(
                f"{self._connection} is not connected yet.", connection=self._connection, remedy=_reconnect(self._connection)
            )
        try:
            answer = self._call.post({"grant_type": "refresh_token", "refresh_token": stored.refresh})
        except TokenRefused as refusal:
            answer = self._ask_with_previous(stored, refusal)
        return self._keep(slot, stored, answer)

    def _ask_with_previous(self, stored: Tokens, refusal: TokenRefused) -> Mapping[str, Any]:
        previous = stored.previous_refresh
        if refusal.code != "invalid_grant" or not previous or previous == stored.refresh:
            raise self._explained(refusal) from None
        return self._ask({"grant_type": "refresh_token", "refresh_token": previous})

    def _ask(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            return self._call.post(form)
        except TokenRefused as refusal:
            raise self._explained(refusal) from None

    def _keep(self, slot: TokenSlot, stored: Tokens | None, answer: Mapping[str, Any]) -> Tokens:
        tokens = tokens_from(answer, now=self._clock.now(), provider=self._provider, before=stored)
        slot.write(tokens)  # durable before anyone uses it
        self._not_before = None
        log.info("token.refreshed", connection=self._connection, until=tokens.access_expires_at)
        return tokens

    def _explained(self, refusal: TokenRefused) -> ConnectorError:
        name = self._connection
        if refusal.code in ("invalid_client", "unauthorized_client"):
            return AuthExpired(
                f"{name}: the vendor does not know this app ({refusal.code}).",
                connection=name,
                remedy=f"Check client_id and client_secret in [connections.{name}]; the stored tokens were kept.",
            )
        if refusal.code == "invalid_scope":
            return PermissionMissing(
                f"{name}: the vendor refuses the scopes asked for ({self._provider.scope}).",
                connection=name,
                remedy="Grant these scopes to the app at the vendor's developer portal.",
            )
        if refusal.code == "invalid_grant":
            return AuthExpired(
                f"{name}: the vendor no longer accepts our consent (invalid_grant).", connection=name, remedy=_reconnect(name)
            )
        return Transient(
            f"{name}: the vendor refused to renew the token ({refusal.code}); the stored tokens were kept.", connection=name
        )


def _reconnect(connection: str) -> str:
    return f"Run `duesync auth {connection}`."


def tokens_from(answer: Mapping[str, Any], *, now: datetime, provider: Provider, before: Tokens | None) -> Tokens:
    """The tokens of a token endpoint's answer, with every expiry it states.

    Names: RFC 6749 §5.1 (`expires_in`), Intuit's `x_refresh_token_expires_in` and `x_refresh_token_hard_expires_in`. An answer
    without a refresh token leaves the old one in force.
    """
    old = before or Tokens(access="")
    refresh = str(answer["refresh_token"]) if answer.get("refresh_token") else old.refresh
    rotated = refresh != old.refresh
    rolling = _seconds(answer.get("x_refresh_token_expires_in")) or provider.refresh_life
    hard = _seconds(answer.get("x_refresh_token_hard_expires_in"))
    life = _seconds(answer.get("expires_in"))
    return replace(
        old,
        access=str(answer["access_token"]),
        refresh=refresh,
        previous_refresh=old.refresh if rotated else old.previous_refresh,
        access_expires_at=now + life if life else None,
        refresh_expires_at=now + rolling if rolling and refresh else old.refresh_expires_at,
        consent_expires_at=now + hard if hard else old.consent_expires_at,
        scope=str(answer.get("scope") or old.scope or provider.scope),
    )


def _seconds(value: Any) -> timedelta | None:
    """A lifetime as vendors write it (3600 or "3600"); None when absent or not one."""
    try:
        seconds = int(value)
    except (TypeError, ValueError):
        return None
    return timedelta(seconds=seconds) if 0 < seconds < 10**10 else None


def expiry_warnings(tokens: Tokens, now: datetime, *, connection: str = "this connection") -> tuple[str, ...]:
    """What a person should know before a consent ends: 30 days ahead of the refresh token's end, a year ahead of the hard end."""
    ends = (
        (tokens.refresh_expires_at, ROLLING_WARNING, "unless it is used before"),
        (tokens.consent_expires_at, CONSENT_WARNING, "whatever happens"),
    )
    found = []
    for at, ahead, how in ends:
        if at is None or now < at - ahead:
            continue
        days = (at - now).days
        when = f"ends on {at.date()} (in {days} days), {how}" if at > now else f"ended on {at.date()}"
        found.append(f"The consent of {connection} {when}. {_reconnect(connection)}")
    return tuple(found)
