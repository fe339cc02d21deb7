"""Calls to Xero: signed, named, paced and counted; answers checked for what silently loses rows. Knows no record.

A list must come with `pagination` and full rows, else it is an error and not an empty answer: a misspelt parameter makes Xero
answer 200 with a summary (airbyte#66667). Idempotency keys name tenant, call and body, so that a retry is the same to Xero.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from connectors.oauth import OAuthTokens, Provider
from connectors.pacing import Pacing
from connectors.transport import Answer, Transport
from connectors.xero.dates import header_time, parse_instant
from connectors.xero.settings import XeroSettings
from connectors.xero.verdicts import is_tenant_gone, remaining, verdict
from core.errors import AuthExpired, ConnectorError, RateLimited, Rejected
from core.ports import ConnectionContext, Tokens

HOSTS = ("api.xero.com", "identity.xero.com")
# A field that full rows always have and summaries leave out (Invoices and Contacts pages, "summaryOnly" and "paging").
_FULL_ROW_HAS = {"Invoices": "LineItems", "Contacts": "ContactPersons"}
_REFRESH_LIFE = timedelta(days=60)
_RESERVE_PAUSE = 3600.0  # seconds until pulling looks again whether the day's calls were renewed


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One answer to a list: its rows as they came, and what it says of itself."""

    rows: tuple[bytes, ...]
    updated: tuple[datetime | None, ...]
    last_page: bool
    expected: int | None
    vendor_now: datetime


class XeroApi:
    """One connection to one organisation."""

    def __init__(self, context: ConnectionContext, settings: XeroSettings) -> None:
        self.connection = context.name
        self.settings = settings
        self.custom = settings.grant == "client_credentials"
        self.day_left: int | None = None
        self.minute_left: int | None = None
        self._clock = context.clock
        self._tenant = settings.tenant_id
        self._day_seen_at: datetime | None = None
        self._last: tuple[tuple[object, ...], str, Listed, datetime] | None = None
        self._prefix = urlsplit(settings.base_url).path
        secret = settings.client_secret
        self._tokens = OAuthTokens(
            connection=context.name,
            provider=provider_of(settings),
            client_id=settings.client_id,
            client_secret=secret.get_secret_value() if secret else None,
            vault=context.vault,
            clock=context.clock,
            transport=context.transport,
        )
        self._transport = Transport(
            connection=context.name,
            base_url=settings.base_url,
            hosts=(*HOSTS, urlsplit(settings.connections_url).hostname or ""),
            pacing=Pacing(per_minute=settings.calls_per_minute, per_day=settings.calls_per_day),
            clock=context.clock,
            authorize=self._tokens.authorize,
            classify=self._classify,
            request_id=lambda response: response.headers.get("xero-correlation-id"),
            transport=context.transport,
            calls=context.calls,
        )

    @property
    def counters(self) -> Mapping[str, int]:
        """Calls made so far by endpoint, retries included."""
        return self._transport.counters

    def tokens(self) -> Tokens | None:
        """The tokens held now, for warnings; no call."""
        return self._tokens.tokens()

    def close(self) -> None:
        """Give back the network connections."""
        self._transport.close()
        self._tokens.close()

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def list_page(
        self, table: str, params: Mapping[str, str], since: datetime | None, *, reader: str, paged: bool = True
    ) -> Listed:
        """One page of a list. The very next reader of the same catch-up page gets the same answer without another call.

        Two streams read Contacts and two read Payments; `reader` names the stream, so that nobody is served its own old answer.
        """
        key = (table, tuple(sorted(params.items())), since)
        now = self._clock.now()
        last, self._last = self._last, None
        if (
            last is not None
            and since is not None
            and last[0] == key
            and last[1] != reader
            and now - last[3] < timedelta(minutes=1)
        ):
            return last[2]
        headers = {"If-Modified-Since": header_time(since)} if since is not None else {}
        answer = self.get(table, params=params, headers=headers)
        listed = self._listed(table, answer, paged=paged)
        self._last = (key, reader, listed, now)
        return listed

    def find_one(self, table: str, ref: str) -> bytes | None:
        """The row of that id as Xero has it now; None when there is none (Rejected covers 404 of a single record)."""
        answer = self.get(f"{table}/{quote(ref, safe='')}")
        rows = _rows_of(_envelope(answer).get(table))
        return rows[0] if rows else None

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str = "application/json",
    ) -> Answer:
        """One read below the API's address."""
        wanted = {"Accept": accept, **self._tenant_header(), **(headers or {})}
        return self._named(
            lambda: self._transport.request(
                "GET", path, params=params or None, headers=wanted, idempotent=True, expect_json=accept == "application/json"
            )
        )

    # ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def write(self, method: str, path: str, body: Mapping[str, Any], *, params: Mapping[str, str] | None = None) -> Answer:
        """One write with its idempotency key. It is not repeated here: whether it happened is looked up first."""
        self._last = None
        content = json.dumps(body, separators=(",", ":"), sort_keys=True).encode()
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Idempotency-Key": self._key(method, path, content),
            **self._tenant_header(),
        }
        return self._named(
            lambda: self._transport.request(
                method, path, params=params or None, headers=headers, content=content, idempotent=False, expect_json=False
            )
        )

    def _key(self, method: str, path: str, content: bytes) -> str:
        parts = (self._tenant or self.settings.client_id, method, path, hashlib.sha256(content).hexdigest())
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()

    # ── the organisation ────────────────────────────────────────────────────────────────────────────────────────────────
    def connections(self) -> list[dict[str, Any]]:
        """The organisations this consent covers: `tenantId`, `tenantName` and more."""
        answer = self._transport.request(
            "GET", self.settings.connections_url, headers={"Accept": "application/json"}, idempotent=True
        )
        found = answer.json()
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []

    def _tenant_header(self) -> dict[str, str]:
        if self._tenant is None:
            self._tenant = "" if self.custom else self._only_tenant()  # a custom connection knows its organisation itself
        return {"xero-tenant-id": self._tenant}

    def _only_tenant(self) -> str:
        found = [item for item in self.connections() if item.get("tenantType") == "ORGANISATION"]
        if len(found) == 1:
            return str(found[0]["tenantId"])
        raise AuthExpired(
            f"{self.connection}: this consent covers {len(found)} organisations: {_names(found) or 'none'}.",
            connection=self.connection,
            remedy=f"Set tenant_id in [connections.{self.connection}] to one of them."
            if found
            else f"Run `duesync auth {self.connection}` and choose the organisation.",
        )

    def check_reserve(self) -> None:
        """RateLimited when so few of the day's calls are left that pulling must leave them to reminders."""
        now = self._clock.now()
        seen = self._day_seen_at
        if self.day_left is None or self.day_left > self.settings.day_reserve or seen is None:
            return
        if now - seen < timedelta(seconds=_RESERVE_PAUSE):
            raise RateLimited(
                f"{self.connection}: {self.day_left} calls are left today; they are kept for reminders (day_reserve).",
                connection=self.connection,
                retry_after=_RESERVE_PAUSE,
            )

    # ── judging answers ─────────────────────────────────────────────────────────────────────────────────────────────────
    def _classify(self, response: httpx.Response) -> ConnectorError | None:
        day, minute = remaining(response, "x-daylimit-remaining"), remaining(response, "x-minlimit-remaining")
        if day is not None:
            self.day_left, self._day_seen_at = day, self._clock.now()
        self.minute_left = minute if minute is not None else self.minute_left
        return verdict(response, connection=self.connection, custom=self.custom, prefix=self._prefix)

    def _named(self, call: Callable[[], Answer]) -> Answer:
        """The answer; a refused tenant is explained with the organisations there are (a reset Demo Company has a new id)."""
        try:
            return call()
        except AuthExpired as error:
            if is_tenant_gone(error):
                self._tenant = self.settings.tenant_id
                raise self._explained(error) from None
            raise

    def _explained(self, error: AuthExpired) -> AuthExpired:
        try:
            found = _names(self.connections())
        except ConnectorError:
            found = ""
        asked = self.settings.tenant_id or "the organisation"
        return AuthExpired(
            f"{self.connection}: Xero does not let us into {asked}. Connected now: {found or 'no organisation'}.",
            connection=self.connection,
            remedy=f"Correct tenant_id in [connections.{self.connection}], or run `duesync auth {self.connection}`.",
            request_id=error.request_id,
        )

    def _listed(self, table: str, answer: Answer, *, paged: bool) -> Listed:
        if answer.status == 304:  # undocumented; it can only mean that nothing changed
            return Listed(rows=(), updated=(), last_page=True, expected=0, vendor_now=self._vendor_now({}, answer))
        body = _envelope(answer)
        rows = _rows_of(body.get(table))
        counts = _counts(body)
        if paged and (counts is None or rows is None):
            raise self._incomplete(table, "no pagination" if counts is None else f"no {table}")
        found = rows or ()
        needed = _FULL_ROW_HAS.get(table)
        if found and needed and not any(needed.encode() in row for row in found):
            raise self._incomplete(table, f"only summaries, without {needed}")
        page, pages, total = counts or (1, 1, len(found))
        return Listed(
            rows=found,
            updated=tuple(_updated_of(row) for row in found),
            last_page=page >= pages,
            expected=total,
            vendor_now=self._vendor_now(body, answer),
        )

    def _incomplete(self, table: str, what: str) -> Rejected:
        return Rejected(
            f"{self.connection}: Xero answered {what} for {table}; reading on would lose records.",
            connection=self.connection,
            remedy="Report this: either Xero changed its paging, or something on the way drops query parameters.",
            code="paging",
        )

    def _vendor_now(self, body: Mapping[str, msgspec.Raw], answer: Answer) -> datetime:
        """The vendor's time: the envelope's DateTimeUTC, else the Date header, else ours."""
        text = msgspec.json.decode(body["DateTimeUTC"]) if "DateTimeUTC" in body else None
        instant = _instant(text) if isinstance(text, str) else None
        if instant is None and "date" in answer.headers:
            try:
                instant = parsedate_to_datetime(answer.headers["date"])
            except ValueError:
                instant = None
        return instant or self._clock.now()


class _Mark(msgspec.Struct):
    updated: Any = msgspec.field(default=None, name="UpdatedDateUTC")


class _Counts(msgspec.Struct):
    page: int = 1
    pages: int = msgspec.field(default=1, name="pageCount")
    total: int | None = msgspec.field(default=None, name="itemCount")


def provider_of(settings: XeroSettings) -> Provider:
    """How to get tokens for a connection: `duesync auth` uses it for the first ones."""
    return Provider(
        token_url=settings.token_url,
        authorize_url=settings.authorize_url,
        scope=" ".join(settings.asked_scopes),
        client_credentials=settings.grant == "client_credentials",
        refresh_life=_REFRESH_LIFE,
        basic_auth=settings.client_secret is not None,
    )


def _envelope(answer: Answer) -> dict[str, msgspec.Raw]:
    """The answer's members, undecoded; `answer.json` has vouched for the whole."""
    try:
        return msgspec.json.decode(answer.body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _rows_of(raw: msgspec.Raw | None) -> tuple[bytes, ...] | None:
    if raw is None:
        return None
    try:
        return tuple(bytes(row) for row in msgspec.json.decode(raw, type=list[msgspec.Raw]))
    except msgspec.DecodeError:
        return None


def _counts(body: Mapping[str, msgspec.Raw]) -> tuple[int, int, int | None] | None:
    raw = body.get("pagination") or body.get("Pagination")  # the prose spells it with a capital, the examples without
    if raw is None:
        return None
    try:
        found = msgspec.json.decode(raw, type=_Counts, strict=False)
    except msgspec.DecodeError:
        return None
    return found.page, found.pages, found.total


def _updated_of(row: bytes) -> datetime | None:
    """When a row changed; None for one that cannot be read, which the mapping will name."""
    try:
        return _instant(msgspec.json.decode(row, type=_Mark).updated)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _instant(text: Any) -> datetime | None:
    try:
        return parse_instant(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _names(connections: list[dict[str, Any]]) -> str:
    return ", ".join(f"{item.get('tenantName')} ({item.get('tenantId')})" for item in connections)
