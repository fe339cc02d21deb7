"""One POST to a vendor's token endpoint: the tokens, a clear refusal, or a passing failure. Never stores anything.

A refusal (HTTP 400 or 401 with RFC 6749's `error`) is told apart from trouble on the way, because only the first says anything
about the consent (a client that took a 400 for success wiped its tokens: quickbooks.md §6 case 3).
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from connectors.decoding import ACCEPT_ENCODING, UnreadableBody, read_body, read_json
from connectors.pacing import sleeper
from connectors.redaction import mask
from connectors.transport import retry_after_of
from core.clock import Clock
from core.errors import RateLimited, Transient

LARGEST = 1024 * 1024  # bytes; a token answer has a few kilobytes
TRIES = 2


class TokenRefused(Exception):
    """The token endpoint said no. `code` is RFC 6749 §5.2's, such as "invalid_grant"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TokenCall:
    """Talks to one token endpoint. Redirects are never followed: the form holds secrets."""

    def __init__(
        self,
        *,
        connection: str,
        url: str,
        client_id: str,
        client_secret: str | None,
        basic_auth: bool,
        headers: Mapping[str, str],
        clock: Clock,
        transport: httpx.BaseTransport | None,
        timeout: float,
        sleep: Callable[[float], None] | None,
    ) -> None:
        self._connection = connection
        self._url = url
        self._client_id = client_id
        self._secret = client_secret or ""
        self._basic = basic_auth and bool(client_secret)
        self._headers = dict(headers)
        self._clock = clock
        self._sleep = sleep or sleeper(clock)
        loopback = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
        self._client = httpx.Client(transport=transport, timeout=timeout, trust_env=not loopback, follow_redirects=False)

    def post(self, form: Mapping[str, str], *, once: bool = False) -> Mapping[str, Any]:
        """The answer's fields, `access_token` among them. TokenRefused, or Transient. `once` for codes: they work one time."""
        for attempt in range(1, TRIES + 1):
            try:
                return self._post(form)
            except RateLimited:
                raise
            except Transient:
                if once or attempt == TRIES:
                    raise
                self._sleep(0.3 + random.random())  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Give back the connection."""
        self._client.close()

    def _post(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        status, headers, body = self._exchange(form)
        if status == 429:
            response = httpx.Response(status, headers=headers)
            raise RateLimited(
                f"{self._connection}: the vendor limits token requests.",
                connection=self._connection,
                retry_after=retry_after_of(response, self._clock.now()),
            )
        fields = _fields(body)
        if status == 200 and fields.get("access_token"):
            return fields
        code = fields.get("error")
        if status in (400, 401, 403) and isinstance(code, str):
            raise TokenRefused(mask(code[:60], (*form.values(), self._secret)))
        raise Transient(f"{self._connection}: no token from {self._host} (status {status}).", connection=self._connection)

    def _exchange(self, form: Mapping[str, str]) -> tuple[int, httpx.Headers, bytes]:
        headers = {"Accept": "application/json", "Accept-Encoding": ACCEPT_ENCODING, **self._headers}
        fields = dict(form)
        if self._basic:
            pair = f"{quote(self._client_id, safe='')}:{quote(self._secret, safe='')}"  # RFC 6749 §2.3.1
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            fields["client_id"] = self._client_id
            if self._secret:
                fields["client_secret"] = self._secret
        try:
            with self._client.stream("POST", self._url, data=fields, headers=headers) as response:
                return response.status_code, response.headers, read_body(response, limit=LARGEST)
        except UnreadableBody as problem:
            raise Transient(f"{self._connection}: the answer of {self._host} {problem}.", connection=self._connection) from None
        except httpx.HTTPError as error:
            raise Transient(
                f"{self._connection}: could not reach {self._host} for a token ({type(error).__name__}).",
                connection=self._connection,
                remedy="Nothing was lost; the daemon tries again by itself.",
            ) from None

    @property
    def _host(self) -> str:
        return urlsplit(self._url).hostname or self._url


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        value = read_json(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
