"""What an answer of Xero means by remedy: error bodies, limits and odd statuses (http-response-codes, limits, scopes FAQ). Pure.

Message texts are passed on, never compared whole: Xero rewords them. A 404 on a list is a query string that is too long, not an
empty list (Xero-OpenAPI#534), and a 401 for a missing scope is never cured by a new token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx

from connectors.decoding import read_json
from connectors.xero import scopes
from core.errors import AuthExpired, ConnectorError, NotFound, PermissionMissing, RateLimited, Rejected, Transient

HIGH_VOLUME = "HighVolumeException"
OFFLINE_PAUSE = 300.0  # seconds; an offline organisation comes back in minutes at best (http-response-codes page)
_MOST = 300  # characters of a vendor's message worth showing


def verdict(response: httpx.Response, *, connection: str, custom: bool, prefix: str) -> ConnectorError | None:
    """The error an answer stands for; None when it is fine or the status alone says enough. `prefix` is the API's own path."""
    status = response.status_code
    table, single, write = _call_of(response.request, prefix)
    if status < 400:
        return _wrong_format(response, connection) if status == 200 else None
    if status == 401:
        return _refused(response, connection, table, write=write, custom=custom)
    if status == 403:
        return _Gone(f"{connection}: Xero does not let us into this organisation any more.", connection=connection)
    if status == 404 and not single:
        text = f"{connection}: Xero cannot find the list {table}; the query may be too long."
        return Rejected(text, connection=connection, code="404")
    if status == 404:
        return NotFound(f"{connection}: this record of {table} does not exist in Xero.", connection=connection, code="404")
    if status == 429:
        return _limited(response, connection)
    if status == 503:
        return Transient(
            f"{connection}: Xero or this organisation is offline.",
            connection=connection,
            remedy="The daemon tries again by itself.",
            retry_after=OFFLINE_PAUSE,
        )
    return _invalid(response, connection, table) if status == 400 else None


class _Gone(AuthExpired):
    """403: the tenant is not, or no longer, among the consent's organisations."""


def is_tenant_gone(error: ConnectorError) -> bool:
    """Was this the 403 for an organisation that is not connected?"""
    return isinstance(error, _Gone)


def _call_of(request: httpx.Request, prefix: str) -> tuple[str, bool, bool]:
    """The list a call is about, whether it names one record of it, and whether it writes."""
    parts = [part for part in request.url.path.removeprefix(prefix).split("/") if part]
    return (parts[0] if parts else ""), len(parts) > 1, request.method not in ("GET", "HEAD")


def _wrong_format(response: httpx.Response, connection: str) -> ConnectorError | None:
    """XML is what Xero answers when it did not see our Accept header: some proxy drops it."""
    if "xml" not in response.headers.get("content-type", "").lower():
        return None
    return Rejected(
        f"{connection}: Xero answered XML although JSON was asked for.",
        connection=connection,
        remedy="Check proxies on the way: one of them drops the Accept header.",
        code="xml",
    )


def _refused(response: httpx.Response, connection: str, table: str, *, write: bool, custom: bool) -> ConnectorError:
    challenge = response.headers.get("www-authenticate", "").lower()
    if re.search(r"insuffici?ent_scope", challenge):  # Xero leaves out an i
        scope = scopes.needed(table, write=write) or "a scope of the Accounting API"
        return PermissionMissing(
            f"{connection}: Xero wants the scope {scope} for {table}.",
            connection=connection,
            remedy=scopes.remedy(scope, connection, custom=custom),
        )
    remedy = (
        f"Check client_id and client_secret in [connections.{connection}]." if custom else f"Run `duesync auth {connection}`."
    )
    return AuthExpired(f"{connection}: Xero refuses our token.", connection=connection, remedy=remedy)


def _limited(response: httpx.Response, connection: str) -> RateLimited:
    """Which limit it was and what is left, as people ask for in vain of other clients (pyxero#323)."""
    which = response.headers.get("x-rate-limit-problem", "unnamed")[:20]
    left = {"minute": "x-minlimit-remaining", "day": "x-daylimit-remaining"}
    counts = ", ".join(f"{response.headers[name]} left this {word}" for word, name in left.items() if name in response.headers)
    text = f"{connection}: Xero's {which} limit is reached{f' ({counts})' if counts else ''}."
    return RateLimited(text, connection=connection, remedy="Calls of this connection wait until Xero allows them again.")


def _invalid(response: httpx.Response, connection: str, table: str) -> Rejected | None:
    body = _body(response)
    kind = str(body.get("Type") or body.get("type") or "400")
    messages = problems_of(body) or [str(body.get(key)) for key in ("Message", "Detail", "detail") if body.get(key)]
    if not messages:
        return None
    said = "; ".join(dict.fromkeys(messages))[:_MOST]
    return Rejected(f"{connection}: Xero refused this for {table}: {said}", connection=connection, code=kind)


def problems_of(body: Mapping[str, Any]) -> list[str]:
    """The messages of every refused element, in whichever place the endpoint puts them (`Message`, sometimes `Description`)."""
    found = []
    for element in (item for value in body.values() if isinstance(value, list) for item in value if isinstance(item, dict)):
        for error in element.get("ValidationErrors") or []:
            text = error.get("Message") or error.get("Description")
            found += [str(text)] if text else []
    return found


def remaining(response: httpx.Response, header: str) -> int | None:
    """A count from a limit header; None when it is absent or not a number."""
    text = response.headers.get(header, "")
    return int(text) if text.isdigit() else None


def _body(response: httpx.Response) -> Mapping[str, Any]:
    try:
        value: Any = read_json(response.content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
