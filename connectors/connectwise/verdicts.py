"""What an answer of ConnectWise means by remedy. Decides nothing about retrying.

Error bodies are `{"code", "message", "errors": [...]}`, sometimes `{"error", "message"}` (429), sometimes a proxy's page, so
nothing is assumed to be JSON (brief 1.6, 1.7). There are three kinds of 404: the record is gone (`NotFound`), the path does not
exist (`ConnectWiseApi`), or the credentials or the codebase are wrong (often no JSON). Only the first may ever mean "deleted".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx

from core.errors import (
    AuthExpired,
    ConnectorError,
    NotFound,
    PermissionMissing,
    RateLimited,
    Rejected,
    Transient,
)

UNKNOWN_FIELD = "ApiFindCondition"
_IN_USE_SECONDS = 300.0  # a person has the record open: minutes, not seconds (no vendor figure)

# Where the right is granted: System > Security Roles > the API member's role (brief 2.9, from the V360 and Wise-Sync guides).
ROLES = (
    ("/finance/invoices", "Finance > Invoicing"),
    ("/finance/closedInvoices", "Finance > Invoicing"),
    ("/finance/accounting", "Finance > Accounting Interface"),
    ("/finance/agreements", "Finance > Agreements"),
    ("/finance/billing", "System > Table Setup"),
    ("/company/companies/statuses", "System > Table Setup"),
    ("/company/companies", "Companies > Company Maintenance"),
    ("/company/contacts", "Companies > Company Contacts"),
    ("/company/noteTypes", "System > Table Setup"),
    ("/service/tickets", "Service Desk > Service Tickets"),
    ("/service/boards", "System > Table Setup"),
    ("/time/entries", "Time & Expense > Time Entry"),
    ("/system/callbacks", "System > API Members and callbacks"),
    ("/system/workflows", "System > Table Setup"),
)
_LEVELS = {"GET": "Inquire All", "POST": "Add All", "PATCH": "Edit All", "DELETE": "Delete All"}
_KEYS = "Check company_id, public_key, private_key and client_id, and that the API member is active."


class NoSuchPath(Rejected):
    """A 404 about the path: this release of ConnectWise, or this codebase, does not have it."""


class NoSuchService(AuthExpired):
    """A 404 that is no answer of the API: the codebase is outdated, or (on the cloud) the keys are wrong."""


def role_for(method: str, path: str) -> str:
    """The line of the security role that a call needs: "Finance > Invoicing: Inquire All"."""
    inside = path.split("apis/3.0", 1)[-1]
    name = next((role for prefix, role in ROLES if inside.startswith(prefix)), f"the one for {inside}")
    return f"{name}: {_LEVELS.get(method.upper(), 'Inquire All')}"


def classify(response: httpx.Response, connection: str) -> ConnectorError | None:
    """The error an answer stands for; None when it is a good one or the status alone tells enough."""
    body = _body(response)
    where = f"{connection}: {response.request.method} {response.request.url.path}"
    if response.status_code < 400:
        return _page_of_a_proxy(response, connection, where)
    code = str(body.get("code") or body.get("error") or "")
    said = _said(body, response)
    if code in ("Unauthorized", "UserNotAuthenticated") or response.status_code == 401:
        return AuthExpired(f"{where}: ConnectWise does not accept the keys. {said}", connection=connection, remedy=_KEYS)
    if code == "Security" and "SSL" in said:
        return Rejected(
            f"{where}: {said}",
            connection=connection,
            code=code,
            remedy="Cloud companies need the host api-SITE; set site without it.",
        )
    known = _BY_STATUS.get(response.status_code)
    return known(response, connection, f"{where}: {said}", code) if known else None


def _page_of_a_proxy(response: httpx.Response, connection: str, where: str) -> ConnectorError | None:
    """A web page where JSON was promised comes from a wrong host or a sign-in page (brief case 13); it never means "no rows"."""
    kind = response.headers.get("content-type", "")
    if "html" not in kind and not response.content[:200].lstrip().lower().startswith((b"<!doctype", b"<html")):
        return None
    return Transient(
        f"{where} answered with a web page instead of data.",
        connection=connection,
        remedy="Check site: it must be the host of your ConnectWise, such as na.myconnectwise.net.",
        retry_after=300.0,
    )


def _limited(response: httpx.Response, connection: str, said: str, code: str) -> ConnectorError:
    del code
    error = RateLimited(said, connection=connection)
    match = re.search(r"again in (\d{1,6}) second", said)
    if "retry-after" not in response.headers and match:
        error.retry_after = float(match[1])
    return error


def _forbidden(response: httpx.Response, connection: str, said: str, code: str) -> ConnectorError:
    if not code and "html" in response.headers.get("content-type", ""):
        return Transient(
            f"{said}", connection=connection, remedy="A proxy before ConnectWise refused the call.", retry_after=60.0
        )
    if "clientid" in said.lower():
        return PermissionMissing(said, connection=connection, remedy="Set client_id to the one issued for this integration.")
    role = role_for(response.request.method, response.request.url.path)
    return PermissionMissing(
        said,
        connection=connection,
        remedy=f'Grant "{role}" to the role of the API member in System > Security Roles. A missing client_id is refused alike.',
    )


def _missing(response: httpx.Response, connection: str, said: str, code: str) -> ConnectorError:
    del response
    if code == "NotFound":
        return NotFound(said, connection=connection, code=code)
    if code == "ConnectWiseApi":
        return NoSuchPath(
            said, connection=connection, code=code, remedy="This ConnectWise lacks that part of the API; it may be too old."
        )
    return NoSuchService(said, connection=connection, remedy=f"On the cloud wrong keys look like this too. {_KEYS}")


def _refused(response: httpx.Response, connection: str, said: str, code: str) -> ConnectorError:
    del response
    return Rejected(said, connection=connection, code=code or None)


def _in_use(response: httpx.Response, connection: str, said: str, code: str) -> ConnectorError:
    """Somebody has the record open: nothing was written, and it passes by itself (409 RecordInUse, brief 1.7)."""
    del response, code
    return Transient(said, connection=connection, remedy="It is tried again once it is free.", retry_after=_IN_USE_SECONDS)


_BY_STATUS = {400: _refused, 403: _forbidden, 404: _missing, 409: _in_use, 414: _refused, 415: _refused, 429: _limited}


def _body(response: httpx.Response) -> Mapping[str, Any]:
    try:
        found = json.loads(response.content)
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _said(body: Mapping[str, Any], response: httpx.Response) -> str:
    """What the vendor said, with every inner error and its field (brief case 24). Never a payload."""
    parts = [str(body.get("message") or f"status {response.status_code}")[:300]]
    inner = body.get("errors")
    faults = [item for item in inner if isinstance(item, Mapping)] if isinstance(inner, list) else []
    parts += [f"{item.get('resource')}.{item.get('field')}: {item.get('message')} ({item.get('code')})"[:300] for item in faults]
    return " ".join(parts)
