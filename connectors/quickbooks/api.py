"""The calls QuickBooks Online offers, as far as duesync makes them: typed, counted, with errors by remedy.

Decides nothing about records. Every call carries minorversion 75 (older ones are ignored since August 2025) and every write a
requestid. Sources: Intuit, "REST API features", "Data queries", "Change data capture".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.oauth import OAuthTokens, Provider
from connectors.quickbooks.faults import Judge
from connectors.quickbooks.reading import Row, Unreadable
from connectors.quickbooks.settings import QuickBooksSettings
from connectors.transport import Answer, MalformedAnswer, Pacing, Transport
from core.errors import NotFound
from core.ports import ConnectionContext, Tokens

MINOR_VERSION = "75"
TIMEOUT = 130.0  # seconds: Intuit ends a request after 120 s on its side; in an outage calls hang without any answer
HOSTS = {"production": "https://quickbooks.api.intuit.com", "sandbox": "https://sandbox-quickbooks.api.intuit.com"}
TOKEN_URL = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"  # noqa: S105 - an address
AUTHORIZE_URL = "https://appcenter.intuit.com/connect/oauth2"
SCOPE = "com.intuit.quickbooks.accounting"
_raw_parts = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_exact = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRow:
    """One object: as it came, and decoded with exact numbers."""

    raw: bytes
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Objects of one entity, and the vendor's time when it answered."""

    rows: tuple[RawRow, ...]
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What change data capture answered, by entity. `count` is over all entities, tombstones included."""

    by_entity: Mapping[str, tuple[RawRow, ...]]
    at: datetime | None
    count: int


def provider_of(settings: QuickBooksSettings) -> Provider:
    """Intuit's sign-in. The endpoints are fixed here: fetching them from the discovery document makes its outages ours."""
    return Provider(
        token_url=settings.token_url or TOKEN_URL,
        authorize_url=settings.authorize_url or AUTHORIZE_URL,
        scope=SCOPE,
        refresh_life=timedelta(days=100),
        headers={"x-include-refresh-token-hard-expires-in": "true"},
    )


class QuickBooksApi:
    """One company. Raises ConnectorError only; close it when done."""

    def __init__(self, context: ConnectionContext) -> None:
        settings: QuickBooksSettings = context.settings
        self.connection = context.name
        self.realm = settings.realm_id
        self._clock = context.clock
        self._vault = context.vault
        self._first_token = settings.refresh_token
        self.vendor_now: datetime | None = None
        self.tokens = OAuthTokens(
            connection=context.name,
            provider=provider_of(settings),
            client_id=settings.client_id,
            client_secret=settings.client_secret.get_secret_value(),
            vault=context.vault,
            clock=context.clock,
            transport=context.transport,
        )
        self._transport = Transport(
            connection=context.name,
            base_url=f"{settings.base_url or HOSTS[settings.environment]}/v3/company/{self.realm}",
            hosts=(),
            pacing=Pacing(per_second=settings.calls_per_second, per_minute=settings.calls_per_minute, concurrent=4),
            clock=context.clock,
            authorize=self._authorize,
            classify=Judge(connection=context.name, environment=settings.environment, realm=self.realm),
            request_id=lambda response: response.headers.get("intuit_tid"),
            transport=context.transport,
            calls=context.calls,
            timeout=TIMEOUT,
        )

    def close(self) -> None:
        """Give back the network connections; twice is fine."""
        self._transport.close()
        self.tokens.close()

    @property
    def counters(self) -> Mapping[str, int]:
        """Calls made so far by endpoint, retries included."""
        return self._transport.counters

    @property
    def metered_reads(self) -> int:
        """Calls made so far that Intuit bills as CorePlus: reads, queries, reports and change data capture; writes are free."""
        return sum(count for endpoint, count in self.counters.items() if endpoint.startswith("GET "))

    def _authorize(self, refused: bool) -> Mapping[str, str]:
        """Headers of a call. The refresh token of the configuration counts only until one was used with success."""
        if self._first_token is not None:
            with self._vault.locked(self.connection) as slot:
                stored = slot.read()
                if stored is None or not stored.refresh or not stored.access:
                    slot.write(Tokens(access="", refresh=self._first_token.get_secret_value(), realm=self.realm))
            self._first_token = None
        return self.tokens.authorize(refused)

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def query(self, statement: str, entity: str) -> Rows:
        """Run a SELECT and return its rows; none when the vendor leaves the entity's key out."""
        answer = self._get("query", {"query": statement}, endpoint=f"GET query {entity}")
        parts = self._parts(answer, "QueryResponse")
        try:
            found = _raw_parts.decode(parts["QueryResponse"]).get(entity)
        except msgspec.DecodeError as error:
            raise self._garbled(answer) from error
        return Rows(rows=self._rows(answer, found), at=self._time(parts))

    def count(self, entity: str, where: str = "") -> int | None:
        """COUNT(*); None when the answer does not say."""
        statement = f"SELECT COUNT(*) FROM {entity}{where}"  # noqa: S608 - a name of ours, and conditions built by paging.py
        body = self._get("query", {"query": statement}, endpoint=f"GET query {entity}").json()
        total = body.get("QueryResponse", {}).get("totalCount") if isinstance(body, Mapping) else None
        return total if isinstance(total, int) else None

    def changes(self, entities: Iterable[str], since: datetime) -> Changes:
        """Change data capture since an instant; one answer, never paged. Entries are told by key, empty ones hold none."""
        names = tuple(entities)
        params = {"entities": ",".join(names), "changedSince": since.astimezone(UTC).isoformat(timespec="seconds")}
        answer = self._get("cdc", params, endpoint="GET cdc")
        parts = self._parts(answer, "CDCResponse")
        found: dict[str, tuple[RawRow, ...]] = dict.fromkeys(names, ())
        try:
            for outer in _raw_list.decode(parts["CDCResponse"]):
                for group in _raw_list.decode(_raw_parts.decode(outer).get("QueryResponse", msgspec.Raw(b"[]"))):
                    for name, rows in _raw_parts.decode(group).items():
                        if name in found:
                            found[name] += self._rows(answer, rows)
        except msgspec.DecodeError as error:
            raise self._garbled(answer) from error
        return Changes(by_entity=found, at=self._time(parts), count=sum(len(rows) for rows in found.values()))

    def read(self, entity: str, ref: str, params: Mapping[str, str] | None = None) -> RawRow | None:
        """One object as it is this moment; None when QuickBooks says it is gone (610, or the stub of a deleted one)."""
        try:
            answer = self._get(f"{entity.lower()}/{quote(ref, safe='')}", params or {}, endpoint=f"GET {entity.lower()}")
        except NotFound:
            return None
        found = self._entity(answer, entity)
        if found is None:
            raise self._garbled(answer)
        return found

    def singleton(self, path: str, entity: str) -> Row:
        """An object there is one of: CompanyInfo, Preferences. Notes the vendor's clock on the way."""
        answer = self._get(path, {}, endpoint=f"GET {entity.lower()}")
        self.vendor_now = self._time(self._parts(answer))
        found = self._entity(answer, entity)
        if found is None:
            raise self._garbled(answer)
        return found.row

    def pdf(self, entity: str, ref: str) -> bytes | None:
        """The record as QuickBooks would print it, as it came; None when it is gone."""
        try:
            answer = self._transport.request(
                "GET",
                f"{entity.lower()}/{quote(ref, safe='')}/pdf",
                params={"minorversion": MINOR_VERSION},
                headers={"Accept": "application/pdf, application/json"},
                idempotent=True,
                expect_json=False,
                endpoint=f"GET {entity.lower()} pdf",
            )
        except NotFound:
            return None
        return answer.body

    # ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def write(self, entity: str, body: Mapping[str, Any], *, request_id: str) -> RawRow | None:
        """Create or change an object. None when the answer lacks it: QuickBooks says 200 also where it did nothing."""
        answer = self._transport.request(
            "POST",
            entity.lower(),
            params={"requestid": request_id, "minorversion": MINOR_VERSION},
            headers={"Accept": "application/json"},
            json=body,
            idempotent=False,
            endpoint=f"POST {entity.lower()}",
        )
        return self._entity(answer, entity)

    def send(self, ref: str, *, to: str | None, request_id: str) -> RawRow | None:
        """Have QuickBooks mail an invoice, to the address on it or to `to`."""
        params = {"requestid": request_id, "minorversion": MINOR_VERSION} | ({"sendTo": to} if to else {})
        answer = self._transport.request(
            "POST",
            f"invoice/{quote(ref, safe='')}/send",
            params=params,
            headers={"Accept": "application/json", "Content-Type": "application/octet-stream"},
            content=b"",
            idempotent=False,
            endpoint="POST invoice send",
        )
        return self._entity(answer, "Invoice")

    # ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _get(self, path: str, params: Mapping[str, str], *, endpoint: str) -> Answer:
        return self._transport.request(
            "GET",
            path,
            params={**params, "minorversion": MINOR_VERSION},
            headers={"Accept": "application/json"},
            idempotent=True,
            endpoint=endpoint,
        )

    def _garbled(self, answer: Answer) -> MalformedAnswer:
        return MalformedAnswer(
            f"{self.connection}: QuickBooks answered {answer.status} without what was asked for.",
            connection=self.connection,
            request_id=answer.request_id,
        )

    def _parts(self, answer: Answer, *needed: str) -> dict[str, msgspec.Raw]:
        """The keys of an answer. A 200 without the one asked for is no empty answer but none: QuickBooks gives such no-ops."""
        try:
            parts = _raw_parts.decode(answer.body)
        except msgspec.DecodeError as error:
            raise self._garbled(answer) from error
        if not parts.keys() >= set(needed):
            raise self._garbled(answer)
        return parts

    def _rows(self, answer: Answer, found: msgspec.Raw | None) -> tuple[RawRow, ...]:
        if found is None:
            return ()
        try:
            return tuple(_decoded(bytes(item)) for item in _raw_list.decode(found))
        except msgspec.DecodeError as error:
            raise self._garbled(answer) from error

    def _entity(self, answer: Answer, entity: str) -> RawRow | None:
        found = self._parts(answer).get(entity)
        if found is None or bytes(found) == b"null":
            return None
        return _decoded(bytes(found))

    def _time(self, parts: Mapping[str, msgspec.Raw]) -> datetime | None:
        """The vendor's clock when it answered: what the next pull starts from, rather than ours."""
        try:
            text = msgspec.json.decode(parts["time"], type=str)
            return Row({"time": text}).find_instant("time")
        except (KeyError, msgspec.DecodeError, Unreadable):
            return None


def _decoded(raw: bytes) -> RawRow:
    """An object with exact numbers; one that is no object at all stands as an empty row, to be named as malformed."""
    value = _exact.decode(raw)
    return RawRow(raw=raw, row=Row(value if isinstance(value, dict) else {}))
