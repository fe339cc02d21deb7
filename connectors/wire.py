"""What a status or a broken connection means by remedy, for vendors whose own error bodies say nothing more exact."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from core.errors import (
    AuthExpired,
    Conflict,
    ConnectorError,
    NotFound,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    Rejected,
    Transient,
)

# A path segment that names one record: a number, a GUID, or a long token. Folded so that counters stay few.
_ONE_RECORD = re.compile(r"(?:\d+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[^/]{33,})")
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


class Wire:
    """How far a request got, told by httpcore's trace events (httpx docs, "extensions: trace")."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpcore at each step; `info` holds the request and is not kept."""
        del info
        self._seen.add(event.split(".", 1)[-1])

    def unsent(self, *, with_body: bool) -> bool:
        """True when the vendor cannot have had the whole request. An in-memory transport tells nothing: then False."""
        if not self._seen:
            return False
        return f"send_request_{'body' if with_body else 'headers'}.complete" not in self._seen


def endpoint_of(method: str, url: str) -> str:
    """The call with the parts that name single records folded: "GET /company/{id}/invoice/{id}"."""
    segments = urlsplit(url).path.split("/")
    folded = "/".join("{id}" if _ONE_RECORD.fullmatch(segment) else segment for segment in segments)
    return f"{method.upper()} {folded or '/'}"


def outcome_of_loss(error: Exception, *, connection: str, host: str, endpoint: str, repeatable: bool) -> ConnectorError:
    """The error for an exchange that broke: Transient where repeating it is safe, else OutcomeUnknown."""
    if isinstance(error, httpx.LocalProtocolError | httpx.InvalidURL | UnicodeError):
        return Rejected(
            f"{connection}: {endpoint} could not be put on the wire.",
            connection=connection,
            remedy="Check the address and the credentials in the configuration for line breaks and other stray characters.",
        )
    if isinstance(error, _NEVER_SENT):
        reason = "no answer in time" if isinstance(error, httpx.TimeoutException) else str(error) or type(error).__name__
        return Transient(
            f"{connection}: could not reach {host} ({reason}).",
            connection=connection,
            remedy="Check the network, the proxy and the address in the configuration; the daemon tries again by itself.",
        )
    what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "broke off the connection"
    if repeatable:
        return Transient(f"{connection}: {host} {what} ({endpoint}).", connection=connection, remedy=PATIENCE)
    return OutcomeUnknown(f"{connection}: {host} {what} ({endpoint}); it may have been done all the same.", connection=connection)


def failure_of_status(response: httpx.Response, *, connection: str, endpoint: str) -> ConnectorError | None:
    """The error a status stands for by the HTTP standard (RFC 9110 §15); None below 400."""
    status = response.status_code
    if status < 400:
        return None
    message = f"{connection}: {endpoint} answered {status} {response.reason_phrase}".rstrip() + "."
    known = _BY_STATUS.get(status)
    if known is not None:
        kind, remedy = known
        return kind(message, connection=connection, remedy=remedy.format(connection=connection))
    if status >= 500:
        return Transient(message, connection=connection, remedy=PATIENCE)
    return Rejected(message, connection=connection, code=str(status))


PATIENCE = "Nothing: the daemon tries again by itself. If it lasts, look whether the vendor reports an outage."
_BY_STATUS: dict[int, tuple[type[ConnectorError], str]] = {
    401: (AuthExpired, "Run `duesync auth {connection}`, or check its keys in the configuration."),
    403: (PermissionMissing, "Give the user or the app behind [connections.{connection}] the right to do this at the vendor."),
    404: (NotFound, ""),
    408: (Transient, PATIENCE),
    409: (Conflict, ""),
    410: (NotFound, ""),
    412: (Conflict, ""),
    425: (Transient, PATIENCE),
    429: (RateLimited, "Nothing: it is left alone for as long as it asks, then the daemon tries again by itself."),
}
