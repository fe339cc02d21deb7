"""Calls to one ConnectWise: where it is, how we sign in, lists by rising id, single records, writes. Knows no record of duesync.

The address is found by `/login/companyinfo/{company}` and read again when a path is suddenly gone, because the codebase changes
when the tenant is upgraded (brief 1.1, case 12). Lists use forward-only paging with our own `pageId`, never the address in
`Link`; a server that ignores it is asked by `id > N` instead (brief 1.5).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from connectors.connectwise import conditions, paging, rows, verdicts
from connectors.connectwise.settings import ConnectwiseSettings
from connectors.connectwise.verdicts import NoSuchPath, NoSuchService
from connectors.transport import Answer, Pacing, Transport
from connectors.wire import endpoint_of
from core.errors import AuthExpired, NotFound, PermissionMissing, Transient
from core.ports import ConnectionContext

SMALLEST_PAGE = 25  # what servers give when they do not honour pageSize; any cap they use is a multiple of it
CLOUD = (".myconnectwise.net", ".connectwisedev.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What companyinfo says. `codebase` ends in a slash."""

    name: str
    codebase: str
    version: str
    cloud: bool


class Api:
    """The calls of one connection. `close` may be called twice."""

    def __init__(self, context: ConnectionContext) -> None:
        settings: ConnectwiseSettings = context.settings
        self.connection = context.name
        self.settings = settings
        self._login = settings.base_url or f"https://{settings.site}"
        self._origin = settings.base_url or f"https://{api_host(settings.site)}"
        self._company: Company | None = None
        self._transport = self._transport_for(context, self._origin, signed=True)
        self._unsigned = self._transport_for(context, self._login, signed=False)

    def _transport_for(self, context: ConnectionContext, base_url: str, *, signed: bool) -> Transport:
        settings = self.settings
        return Transport(
            connection=context.name,
            base_url=base_url,
            hosts=own_hosts(settings),
            pacing=Pacing(per_minute=settings.calls_per_minute, concurrent=4),
            clock=context.clock,
            authorize=self._sign if signed else None,
            classify=lambda response: verdicts.classify(response, context.name),
            transport=context.transport,
            calls=context.calls,
        )

    def _sign(self, renew: bool) -> Mapping[str, str]:
        del renew  # API-member keys do not expire; a refused key stays refused
        keys = self.settings
        pair = f"{keys.company_id}+{keys.public_key.get_secret_value()}:{keys.private_key.get_secret_value()}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode(), "clientId": keys.client_id}

    def close(self) -> None:
        """Give back the connections."""
        self._transport.close()
        self._unsigned.close()

    @property
    def counters(self) -> Mapping[str, int]:
        """Calls made so far by endpoint."""
        return {**self._unsigned.counters, **self._transport.counters}

    # ── where it is ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def company(self, *, again: bool = False) -> Company:
        """What companyinfo says of the configured company, read once. AuthExpired when there is no such company."""
        if self._company is None or again:
            self._company = self._discover()
        return self._company

    def _discover(self) -> Company:
        name = self.settings.company_id
        answer = self._unsigned.request("GET", f"/login/companyinfo/{quote(name, safe='')}", idempotent=True)
        found = answer.json()
        if not isinstance(found, Mapping) or not isinstance(found.get("Codebase"), str):
            raise AuthExpired(
                f'{self.connection}: {self._login} knows no company "{name}".',
                connection=self.connection,
                remedy="company_id is the company name you type when signing in, not a number; check site too.",
            )
        return Company(
            name=str(found.get("CompanyName") or name),
            codebase=found["Codebase"].strip("/") + "/",
            version=str(found.get("VersionCode") or ""),
            cloud=str(found.get("IsCloud")).lower() == "true",
        )

    def _codebase(self) -> str:
        return self.settings.codebase or self.company().codebase

    # ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────
    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        accept: str | None = None,
        idempotent: bool | None = None,
    ) -> Answer:
        """One call below `{codebase}apis/3.0`. GET is idempotent unless told otherwise; nothing else is."""
        accepted = accept or f"application/vnd.connectwise.com+json; version={self.settings.version}"
        given = {"Accept": accepted, **({} if json is None else {"Content-Type": "application/json"}), **(headers or {})}
        safe = method == "GET" if idempotent is None else idempotent

        def send(codebase: str) -> Answer:
            return self._transport.request(
                method,
                f"{self._origin}/{codebase}apis/3.0{path}",
                params=params,
                content=None if json is None else rows.encode(json),
                headers=given,
                idempotent=safe,
                expect_json=accept is None,
                endpoint=endpoint_of(method, path),
            )

        codebase = self._codebase()
        try:
            return send(codebase)
        except (NoSuchPath, NoSuchService):
            moved = None if self.settings.codebase else self.company(again=True).codebase
            if moved is None or moved == codebase:
                raise
            return send(moved)

    def rows(self, path: str, **params: Any) -> list[Any]:
        """One page of a list; Transient when the answer is no list: that must never pass for "no rows" (brief cases 7 and 8)."""
        headers = params.pop("headers", None)
        asked = {name: value for name, value in params.items() if value not in (None, "")}
        found = self.call("GET", path, params=asked, headers=headers).json()
        if not isinstance(found, list):
            raise Transient(f"{self.connection}: GET {path} did not answer with a list.", connection=self.connection)
        return found

    def find(self, path: str, *, fields: str | None = None) -> dict[str, Any] | None:
        """One record; None when ConnectWise says that this record is not found. Other kinds of 404 raise."""
        try:
            found = self.call("GET", path, params={"fields": fields} if fields else None).json()
        except NotFound:
            return None
        if not isinstance(found, dict):
            raise Transient(f"{self.connection}: GET {path} did not answer with a record.", connection=self.connection)
        return found

    def page_after(self, path: str, after: int, *, where: str = "", fields: str | None = None) -> list[Any]:
        """The next page of a list by rising id. Shorter than `page_size` means it was the last."""
        size = self.settings.page_size
        forward = {"pagination-type": "forward-only"}
        found = self.rows(path, conditions=where, fields=fields, pageSize=size, pageId=after, headers=forward)
        if _is_forward(found, after):
            return found
        keyset = conditions.every(where, f"id > {after}")
        return self.rows(path, conditions=keyset, fields=fields, pageSize=size, page=1, orderBy="id asc")

    def all_rows(self, path: str, *, where: str = "", fields: str | None = None) -> Iterator[list[Any]]:
        """Every page of a list by rising id, at least one."""
        after = 0
        while True:
            page = self.page_after(path, after, where=where, fields=fields)
            yield page
            last = max((paging.row_id(row) for row in page), default=0)
            if len(page) < self.settings.page_size or last <= after:
                return
            after = last

    def all_pages(self, path: str, *, order: str = "id asc") -> Iterator[Any]:
        """Every row of a child list, by page number: whether forward-only paging works there is UNCONFIRMED (brief 1.5)."""
        size, page = self.settings.page_size, 1
        while True:
            found = self.rows(path, pageSize=size, page=page, orderBy=order)
            yield from found
            if len(found) < size and len(found) % SMALLEST_PAGE:
                return
            if not found:
                return
            page += 1

    def fetch_key(self, url: str) -> Any:
        """The signing key behind a callback's key_url, first without our keys, then with them (brief 2.10: UNCONFIRMED)."""
        try:
            return self._unsigned.request("GET", url, idempotent=True, endpoint="GET callbackkey").json()
        except (AuthExpired, PermissionMissing):
            return self._transport.request("GET", url, idempotent=True, endpoint="GET callbackkey").json()


def _is_forward(page: list[Any], after: int) -> bool:
    """Did the server honour forward-only paging: rising ids, all beyond `after`? Rows without an id say nothing."""
    ids = [number for number in map(paging.row_id, page) if number]
    return ids == sorted(ids) and (not ids or ids[0] > after)


def api_host(site: str) -> str:
    """The host of API calls: cloud companies have their own, with the prefix "api-" (brief 1.1)."""
    return f"api-{site}" if site.endswith(CLOUD) else site


def own_hosts(settings: ConnectwiseSettings) -> frozenset[str]:
    """The only hosts this connection ever talks to."""
    override = urlsplit(settings.base_url or "").hostname
    return frozenset({settings.site, api_host(settings.site), *([override] if override else [])})
