"""The one way connectors speak HTTP: paced, bounded, retried only where that is safe, and every failure an error by remedy.

Decides what a status or a broken connection means for the caller. A call that is not idempotent and whose answer was lost raises
OutcomeUnknown; it is never repeated here. Nothing of httpx leaves this module except the response handed to `classify`.
Logs `request.sent`, `request.failed` and `request.throttled` without headers, parameters or bodies.
"""

from __future__ import annotations

import email.utils
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import structlog
import tenacity

from connectors.decoding import ACCEPT_ENCODING, UnreadableBody, read_body, read_json
from connectors.pacing import LONGEST_WAIT, Pacer, Pacing, sleeper
from connectors.redaction import redact, secrets_in
from connectors.wire import Wire, endpoint_of, failure_of_status, outcome_of_loss
from core.clock import Clock
from core.errors import AuthExpired, ConnectorError, OutcomeUnknown, RateLimited, Rejected, Transient
from core.ports import CallLedger
from core.traces import span

__all__ = ["Answer", "MalformedAnswer", "Pacing", "Transport", "retry_after_of"]

log = structlog.get_logger()

TRIES = 3
REDIRECTS = 5
_UNREAD = object()
USER_AGENT = "duesync"
Authorize = Callable[[bool], Mapping[str, str]]
Classify = Callable[[httpx.Response], ConnectorError | None]


class MalformedAnswer(Transient):
    """The vendor answered, but not with what it promises: cut off, too large, or a page of a proxy instead of JSON."""


@dataclass(slots=True)
class Answer:
    """What the vendor said, complete and decoded. `status` is below 400."""

    status: int
    headers: httpx.Headers
    body: bytes
    connection: str = ""
    request_id: str | None = None
    _value: Any = field(default=_UNREAD, repr=False, compare=False)

    def json(self) -> Any:
        """The body as JSON, fractions as Decimal; None for an empty body. MalformedAnswer when it cannot be read."""
        if self._value is _UNREAD:
            self._value = self._read() if self.body else None
        return self._value

    def _read(self) -> Any:
        try:
            return read_json(self.body)
        except ValueError as error:
            kind = self.headers.get("content-type", "an unnamed type").split(";")[0]
            raise MalformedAnswer(
                f"{self.connection}: the answer is not JSON but {kind[:60]} ({len(self.body)} bytes), or it was cut off.",
                connection=self.connection,
                request_id=self.request_id,
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One call as the connector asked for it."""

    method: str
    url: str
    endpoint: str
    idempotent: bool
    expect_json: bool
    headers: Mapping[str, str]
    body: Mapping[str, Any] = field(default_factory=dict)


def retry_after_of(response: httpx.Response, now: datetime) -> float | None:
    """Seconds asked for by Retry-After, as a number or an HTTP date (RFC 9110 §10.2.3); None when absent or unreadable."""
    text = response.headers.get("retry-after", "").strip()
    try:
        return min(max(0.0, float(text)), 1e7)
    except ValueError:
        pass
    try:
        at = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


class Transport:
    """HTTP to one vendor for one connection; may be shared between threads. Close it when done; closing twice is fine.

    `hosts` are the vendor's own: nothing is ever sent to another one, redirects included. An entry ".example.net" allows every
    host below that domain; the host of `base_url` is always allowed. `authorize(False)` gives the headers of a call,
    `authorize(True)` new ones after a 401. `classify` sees every answer, also those with status 200. `timeout` is in seconds,
    `max_bytes` counts decoded bytes. `sleep` replaces real waiting in tests. With `calls` the budgets count what other
    processes, and this one before, called.
    """

    def __init__(
        self,
        *,
        connection: str,
        base_url: str,
        hosts: Collection[str],
        pacing: Pacing,
        clock: Clock,
        authorize: Authorize | None = None,
        classify: Classify = lambda _: None,
        request_id: Callable[[httpx.Response], str | None] = lambda _: None,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 30.0,
        max_bytes: int = 64 * 1024 * 1024,
        sleep: Callable[[float], None] | None = None,
        calls: CallLedger | None = None,
    ) -> None:
        self.connection = connection
        self._base = base_url.rstrip("/")
        origin = urlsplit(self._base)
        self._scheme = origin.scheme
        self._hosts = frozenset({*(host.lower() for host in hosts), (origin.hostname or "").lower()})
        self._clock = clock
        self._authorize = authorize
        self._classify = classify
        self._request_id = request_id
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._counting = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._pacer = Pacer(pacing, connection=connection, clock=clock, sleep=sleep or sleeper(clock), ledger=calls)
        self._client = httpx.Client(
            transport=transport,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPT_ENCODING},
            trust_env=origin.hostname not in ("127.0.0.1", "localhost", "::1"),  # a proxy cannot reach our own loopback
        )

    @property
    def counters(self) -> Mapping[str, int]:
        """Calls made so far, retries included, by endpoint ("GET /invoices/{id}")."""
        return dict(self._calls)

    @property
    def failures(self) -> Mapping[str, int]:
        """Failed calls so far by endpoint and kind of error ("GET /invoices/{id} RateLimited")."""
        return dict(self._failures)

    def close(self) -> None:
        """Give back the connections, and write down the calls made."""
        self._client.close()
        self._pacer.tell()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        data: Mapping[str, Any] | None = None,
        idempotent: bool,
        expect_json: bool = True,
        endpoint: str | None = None,
    ) -> Answer:
        """One call below `base_url` (or to a full URL on one of the vendor's hosts), retried up to three times if `idempotent`.

        Refs in `path` must be quoted by the caller. `endpoint` names it in logs and counters. Raises ConnectorError only.
        """
        url = self._inside(path if "://" in path else f"{self._base}/{path.lstrip('/')}" if path else self._base)
        body = {"params": params, "json": json, "content": content, "data": data}
        call = _Call(
            method=method.upper(),
            url=url,
            endpoint=endpoint or endpoint_of(method, url),
            idempotent=idempotent,
            expect_json=expect_json,
            headers=dict(headers or {}),
            body={name: value for name, value in body.items() if value is not None},
        )
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(TRIES if idempotent else 1),
            retry=tenacity.retry_if_exception(_worth_another_try),
            wait=_short_wait,
            sleep=self._pacer.pause,
            reraise=True,
        )
        return retrying(self._attempt, call)

    # ── one attempt ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def _attempt(self, call: _Call) -> Answer:
        granted = dict(self._authorize(False)) if self._authorize else {}
        try:
            response = self._send(call, granted)
            if response.status_code == 401 and self._authorize:
                renewed = self._renewed(response, granted)
                if renewed is not None:
                    granted = renewed
                    response = self._send(call, granted)
            return self._judge(call, response)
        except ConnectorError as error:
            redact(error, secrets_in(granted))
            self._note(call, error)
            raise

    def _renewed(self, response: httpx.Response, granted: Mapping[str, str]) -> dict[str, str] | None:
        """New headers after a 401; None where new ones cannot help (a missing scope says 401 too, fixed keys never change)."""
        error = self._classified(response)
        if error is not None and not isinstance(error, AuthExpired):
            return None
        assert self._authorize is not None
        renewed = dict(self._authorize(True))
        return None if renewed == granted else renewed

    def _send(self, call: _Call, granted: Mapping[str, str]) -> httpx.Response:
        url, method, body = call.url, call.method, dict(call.body)
        for _ in range(REDIRECTS + 1):
            with self._pacer.slot(), span("request", connection=self.connection, endpoint=call.endpoint) as note:
                response = self._exchange(call, method, url, granted, body)
                note(status=response.status_code, request_id=self._request_id(response))
            if not response.has_redirect_location:
                return response
            url = self._redirected(call, response)
            body.pop("params", None)
        raise Rejected(f"{self.connection}: {call.endpoint} redirects in a circle.", connection=self.connection)

    def _exchange(
        self, call: _Call, method: str, url: str, granted: Mapping[str, str], body: Mapping[str, Any]
    ) -> httpx.Response:
        """Send once and read the whole answer; a lost connection becomes an error by remedy here."""
        wire = Wire()
        with self._counting:
            self._calls[call.endpoint] += 1
        began = time.monotonic()
        try:
            request = self._client.build_request(method, url, headers={**call.headers, **granted}, **body)
            request.extensions["trace"] = wire.note
            with_body = bool(body.get("json") is not None or body.get("content") or body.get("data"))
            streamed = self._client.send(request, stream=True)
            try:
                content = read_body(streamed, limit=self._max_bytes, patience=4 * self._timeout)
            finally:
                streamed.close()
        except UnreadableBody as problem:
            raise self._unreadable(call, f"the answer {problem}") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
            raise outcome_of_loss(
                error,
                connection=self.connection,
                host=urlsplit(url).hostname or url,
                endpoint=call.endpoint,
                repeatable=call.idempotent or wire.unsent(with_body=with_body),
            ) from None
        response = _as_read(streamed, content, request)
        log.debug(
            "request.sent",
            connection=self.connection,
            endpoint=call.endpoint,
            status=response.status_code,
            ms=round((time.monotonic() - began) * 1000),
            bytes=len(content),
            request_id=self._request_id(response),
        )
        return response

    def _judge(self, call: _Call, response: httpx.Response) -> Answer:
        """The answer when it is one; otherwise the error it stands for."""
        request_id = self._request_id(response)
        error = self._classified(response) or failure_of_status(response, connection=self.connection, endpoint=call.endpoint)
        if error is not None:
            raise self._completed(call, error, response, request_id)
        answer = Answer(response.status_code, response.headers, response.content, self.connection, request_id)
        if call.expect_json and response.status_code not in (204, 205, 304) and call.method != "HEAD":
            self._check_json(call, answer)
        return answer

    def _check_json(self, call: _Call, answer: Answer) -> None:
        if not answer.body:
            raise self._unreadable(call, "the answer is empty")
        try:
            answer.json()
        except MalformedAnswer as error:
            if call.idempotent:
                raise
            raise self._unreadable(call, error.message) from None

    def _completed(self, call: _Call, error: ConnectorError, response: httpx.Response, request_id: str | None) -> ConnectorError:
        """The error with what the response adds: the vendor's request id, how long to wait, whether a push may have happened."""
        error.request_id = error.request_id or request_id
        if not isinstance(error, Transient):
            return error
        if error.retry_after is None:
            error.retry_after = retry_after_of(response, self._clock.now())
        if isinstance(error, RateLimited):
            if (error.retry_after or 0.0) > LONGEST_WAIT:
                self._pacer.park(error.retry_after or 0.0)
            return error
        # 503 says that the vendor did not take the request; any other 5xx may come after it acted.
        if call.idempotent or response.status_code < 500 or response.status_code == 503:
            return error
        return OutcomeUnknown(
            f"{error.message} It may have been done all the same.",
            connection=self.connection,
            remedy=error.remedy,
            request_id=error.request_id,
            retry_after=error.retry_after,
        )

    def _classified(self, response: httpx.Response) -> ConnectorError | None:
        try:
            return self._classify(response)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return None  # an error body of another shape than the vendor documents: the status decides

    def _unreadable(self, call: _Call, problem: str) -> Transient:
        kind = MalformedAnswer if call.idempotent else OutcomeUnknown
        return kind(f"{self.connection}: {call.endpoint}: {problem}.", connection=self.connection)

    # ── where requests may go ───────────────────────────────────────────────────────────────────────────────────────────
    def _inside(self, url: str) -> str:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        allowed = host in self._hosts or any(name.startswith(".") and host.endswith(name) for name in self._hosts)
        if not allowed or parts.scheme not in ("https", self._scheme):
            raise Rejected(
                f"{self.connection}: {parts.scheme}://{host} is not one of the vendor's addresses.",
                connection=self.connection,
                remedy="Nothing was sent there. Check the address in the configuration, and proxies on the way.",
            )
        return url

    def _redirected(self, call: _Call, response: httpx.Response) -> str:
        keeps_method = response.status_code in (307, 308) or call.method in ("GET", "HEAD")
        if not keeps_method:
            raise Rejected(
                f"{self.connection}: {call.endpoint} was redirected; a {call.method} is not sent on.", connection=self.connection
            )
        return self._inside(urljoin(str(response.request.url), response.headers["location"]))

    def _note(self, call: _Call, error: ConnectorError) -> None:
        with self._counting:
            self._failures[f"{call.endpoint} {type(error).__name__}"] += 1
        facts: dict[str, Any] = {
            "connection": self.connection,
            "endpoint": call.endpoint,
            "kind": type(error).__name__,
            "problem": error.message,
            "request_id": error.request_id,
            "retry_after": getattr(error, "retry_after", None),
        }
        if isinstance(error, RateLimited):
            log.info("request.throttled", **facts)
        else:
            log.debug("request.failed", **facts)  # each try of each call: whoever asked says once what came of it


def _as_read(streamed: httpx.Response, content: bytes, request: httpx.Request) -> httpx.Response:
    headers = [(name, value) for name, value in streamed.headers.multi_items() if name.lower() != "content-encoding"]
    return httpx.Response(streamed.status_code, headers=headers, content=content, request=request)


def _worth_another_try(error: BaseException) -> bool:
    if not isinstance(error, Transient) or isinstance(error, OutcomeUnknown):
        return False
    return error.retry_after is None or error.retry_after <= LONGEST_WAIT


_backoff = tenacity.wait_random_exponential(multiplier=0.3, max=1.5)


def _short_wait(state: tenacity.RetryCallState) -> float:
    """What the vendor asked for when it is short, else 0.3 to 1.5 seconds with jitter."""
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    return float(asked) if asked is not None else _backoff(state)
