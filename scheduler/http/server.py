"""Routes and the thread that serves them. A webhook is verified, bounded and replay-safe; it only asks for an earlier pull."""

from __future__ import annotations

import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import cast

import structlog
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import ConfigError, DuesyncError, Rejected, UsageError
from core.ports import Capability
from core.settings import HttpSettings, with_secrets
from scheduler.app import App
from scheduler.http.metrics import exposition
from scheduler.runner import Runner

log = structlog.get_logger()
_LARGEST_BODY = 1024 * 1024
_REMEMBERED_EVENTS = 10_000
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Endpoints:
    """The handlers, over one app. `wake` asks for an early pull of a connection."""

    def __init__(self, app: App, runner: Runner, wake: Callable[[str], None], token: str | None) -> None:
        self._app = app
        self._runner = runner
        self._wake = wake
        self._token = token
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    async def healthz(self, _: Request) -> Response:
        """The process answers."""
        return PlainTextResponse("ok\n")

    async def readyz(self, _: Request) -> Response:
        """The store answers and no job is failing."""
        try:
            schema = await run_in_threadpool(self._app.store.schema)
        except DuesyncError as error:
            return JSONResponse({"ready": False, "why": error.message}, status_code=503)
        failing = dict(self._runner.failing)
        return JSONResponse({"ready": True, "schema": schema.found, "failing": failing})

    async def metrics(self, request: Request) -> Response:
        """Prometheus text, for those who may."""
        if not self._allowed(request):
            return PlainTextResponse("a bearer token is needed\n", status_code=401)
        body = await run_in_threadpool(exposition, self._app, self._runner)
        return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")

    def _allowed(self, request: Request) -> bool:
        if self._token is None:
            return True
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), self._token.encode())

    async def webhook(self, request: Request) -> Response:
        """A vendor says something changed: check the signature, forget replays, ask for a pull."""
        name = request.path_params["connection"]
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _LARGEST_BODY:
                return PlainTextResponse("too large\n", status_code=413)
        headers = {key.lower(): value for key, value in request.headers.items()}
        status = await run_in_threadpool(self._receive, name, headers, bytes(body))
        return Response(status_code=status)

    def _receive(self, name: str, headers: dict[str, str], body: bytes) -> int:
        try:
            if name not in self._app.settings.connections or not self._app.can(name, Capability.WEBHOOKS):
                return 404
            with self._app.connection(name) as connector:
                hints = connector.parse_webhook(headers, body)
        except Rejected as error:
            log.warning("webhook.refused", connection=name, error=error.message)
            return 401
        except (DuesyncError, UsageError) as error:
            log.error("webhook.failed", connection=name, error=str(error))
            return 503
        fresh = [hint for hint in hints if self._first_time(hint.event_id)]
        log.info("webhook.received", connection=name, hints=len(hints), fresh=len(fresh))
        if fresh:
            self._wake(name)
        return 200

    def _first_time(self, event_id: str) -> bool:
        with self._lock:
            if event_id in self._seen:
                return False
            self._seen[event_id] = None
            if len(self._seen) > _REMEMBERED_EVENTS:
                self._seen.popitem(last=False)
            return True

    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics),
            Route("/webhooks/{connection}", self.webhook, methods=["POST"]),
        ]


class HttpServer:
    """uvicorn in a thread; `port` is known once started."""

    def __init__(self, app: App, runner: Runner, wake: Callable[[str], None]) -> None:
        section = app.settings.http
        _refuse_open_door(section)
        token = None
        if section.token is not None:
            opened = cast("HttpSettings", with_secrets(section, "[http]"))
            token = cast("SecretStr", opened.token).get_secret_value()
        endpoints = Endpoints(app, runner, wake, token)
        config = uvicorn.Config(
            Starlette(routes=endpoints.routes()),
            host=section.host,
            port=section.port,
            log_config=None,
            access_log=False,
            server_header=False,
            ssl_certfile=section.tls_certificate,
            ssl_keyfile=section.tls_key,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="http", daemon=True)

    def start(self, timeout: float = 10.0) -> int:
        """Listen; returns the port. ConfigError when the address cannot be taken."""
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(timeout / 0.02)):
            if self._server.started:
                port: int = self._server.servers[0].sockets[0].getsockname()[1]
                log.info("http.listening", port=port)
                return port
            if not self._thread.is_alive():
                break
            waited.wait(0.02)
        raise ConfigError(["http.port: cannot listen there; is another duesync running?"], source="[http]")

    def stop(self) -> None:
        """Close; waits for the request under way."""
        self._server.should_exit = True
        self._thread.join(timeout=5)


def _refuse_open_door(section: HttpSettings) -> None:
    if section.host in _LOOPBACK:
        return
    problems = []
    if section.token is None:
        problems.append("http.token: is needed to listen beyond this machine")
    if section.tls_certificate is None or section.tls_key is None:
        problems.append("http.tls_certificate: a certificate and key are needed to listen beyond this machine")
    if problems:
        raise ConfigError(problems, source="[http]")
