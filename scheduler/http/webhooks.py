"""Webhooks: verified, bounded and replay-safe; one only asks for an earlier pull, which brings the truth.

What was heard is remembered in the store: a replay is known for one after a restart too, and by every worker of a cluster.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from core.errors import DuesyncError, Rejected, UsageError
from core.ports import Capability
from scheduler.app import App

log = structlog.get_logger()
_LARGEST_BODY = 1024 * 1024
_MOST_PLACES = 10_000  # connections whose calls are counted at once; names that are none fill no memory
# Calls of one connection in a minute; a vendor that tells each change singly stays far below. Beyond, the next pull sees it.
_MOST_CALLS = 600
_MINUTE = 60.0


class Webhooks:
    """Takes a vendor's calls at /webhooks/CONNECTION, for many tenants at /webhooks/TENANT/CONNECTION.

    `app_of` opens a tenant (its name is empty where there is one); `wake` asks for a pull of a tenant's connection.
    """

    def __init__(self, app_of: Callable[[str], App], wake: Callable[[str, str], None]) -> None:
        self._app_of = app_of
        self._wake = wake
        self._calls: dict[str, tuple[float, int]] = {}  # by connection: when its minute began, and the calls in it
        self._lock = threading.Lock()

    async def receive(self, request: Request) -> Response:
        """A vendor says something changed: check the signature, forget replays, ask for a pull."""
        tenant, name = request.path_params.get("tenant", ""), request.path_params["connection"]
        if not self._within_rate(f"{tenant}/{name}"):
            return PlainTextResponse("too many\n", status_code=429, headers={"retry-after": "60"})
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _LARGEST_BODY:
                return PlainTextResponse("too large\n", status_code=413)
        headers = {key.lower(): value for key, value in request.headers.items()}
        status = await run_in_threadpool(self._receive, tenant, name, headers, bytes(body))
        return Response(status_code=status)

    def _receive(self, tenant: str, name: str, headers: dict[str, str], body: bytes) -> int:
        try:
            app = self._app_of(tenant)
        except UsageError:
            return 404
        except DuesyncError as error:
            log.error("webhook.failed", connection=name, error=str(error))
            return 503
        try:
            if name not in app.settings.connections or not app.can(name, Capability.WEBHOOKS):
                return 404
            with app.connection(name) as connector:
                hints = connector.parse_webhook(headers, body)
            fresh = app.store.first_heard(name, (hint.event_id for hint in hints), app.clock.now()) if hints else 0
        except Rejected as error:
            log.warning("webhook.refused", connection=name, error=error.message)
            return 401
        except (DuesyncError, UsageError) as error:
            log.error("webhook.failed", connection=name, error=str(error))
            return 503
        log.info("webhook.received", connection=name, hints=len(hints), fresh=fresh)
        if fresh:
            self._wake(tenant, name)
        return 200

    def _within_rate(self, place: str) -> bool:
        now = time.monotonic()
        with self._lock:
            began, calls = self._calls.get(place, (now, 0))
            if now - began >= _MINUTE:
                began, calls = now, 0
            if len(self._calls) > _MOST_PLACES:
                self._calls.clear()
            self._calls[place] = (began, calls + 1)
            return calls < _MOST_CALLS
