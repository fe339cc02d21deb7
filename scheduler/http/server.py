"""Routes and the thread that serves them: health, metrics and webhooks."""

from __future__ import annotations

import errno
import hmac
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import ConfigError
from core.settings import HttpSettings, with_secrets
from scheduler.app import App
from scheduler.http.metrics import exposition
from scheduler.http.webhooks import Webhooks
from scheduler.readiness import unready
from scheduler.runner import Runner

log = structlog.get_logger()
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Role(StrEnum):
    """What a bearer token is good for."""

    OPERATOR = "operator"  # metrics, and why the service is not ready
    METRICS = "metrics"  # metrics alone


@dataclass(frozen=True, slots=True)
class Tokens:
    """The bearer tokens by role. Where none is set (on loopback only) everybody is an operator."""

    operator: str | None = field(default=None, repr=False)
    metrics: str | None = field(default=None, repr=False)

    def role(self, request: Request) -> Role | None:
        """What the caller may do; compared in constant time. None: a stranger."""
        if self.operator is None and self.metrics is None:
            return Role.OPERATOR
        given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
        held = ((self.operator, Role.OPERATOR), (self.metrics, Role.METRICS))
        found = [role for token, role in held if token is not None and hmac.compare_digest(given, token.encode())]
        return found[0] if found else None


async def healthz(_: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


class Endpoints:
    """What a monitor asks: `reasons` says why the service is not ready, `metrics` gives Prometheus text."""

    def __init__(self, reasons: Callable[[], Sequence[str]], metrics: Callable[[], bytes], tokens: Tokens) -> None:
        self._reasons = reasons
        self._metrics = metrics
        self._tokens = tokens

    async def readyz(self, request: Request) -> Response:
        """200 while the work is done, 503 while it is not (scheduler.readiness); the reasons for an operator only."""
        why = list(await run_in_threadpool(self._reasons))
        told = {"why": why} if self._tokens.role(request) is Role.OPERATOR else {}
        return JSONResponse({"ready": not why, **told}, status_code=503 if why else 200)

    async def metrics(self, request: Request) -> Response:
        """Prometheus text, for those who may."""
        if self._tokens.role(request) is None:
            return PlainTextResponse("a bearer token is needed\n", status_code=401)
        body = await run_in_threadpool(self._metrics)
        return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")

    def routes(self) -> list[Route]:
        """/healthz, /readyz and /metrics."""
        return [Route("/healthz", healthz), Route("/readyz", self.readyz), Route("/metrics", self.metrics)]


class Listener:
    """uvicorn in a thread. Where the port is taken it tries the next ones, `spare` of them: workers share one configuration."""

    def __init__(self, routes: Sequence[Route], section: HttpSettings, *, spare: int = 0) -> None:
        refuse_open_door(section)
        self._section = section
        self._spare = spare
        config = uvicorn.Config(
            Starlette(routes=list(routes)),
            log_config=None,
            log_level="error",  # whoever knocks with nonsense writes no line
            access_log=False,
            server_header=False,
            ssl_certfile=section.tls_certificate,
            ssl_keyfile=section.tls_key,
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    def start(self, timeout: float = 10.0) -> int:
        """Listen; returns the port. ConfigError when the address cannot be taken."""
        door = self._open_door()
        port: int = door.getsockname()[1]
        self._thread = threading.Thread(target=self._server.run, args=([door],), name="http", daemon=True)
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(timeout / 0.02)):
            if self._server.started:
                log.info("http.listening", port=port)
                return port
            if not self._thread.is_alive():
                break
            waited.wait(0.02)
        door.close()
        raise ConfigError([f"http: nothing answers on port {port} within {timeout:.0f} s"], source="[http]")

    def _open_door(self) -> socket.socket:
        host, first = self._section.host, self._section.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        for port in range(first, min(first + self._spare, 65535) + 1):
            try:
                return socket.create_server((host, port), family=family, backlog=512)
            except OSError as error:
                problem = error
        remedy = "is another duesync running?" if problem.errno == errno.EADDRINUSE else problem.strerror
        raise ConfigError([f"http.port: cannot listen on {host} port {first}; {remedy}"], source="[http]")

    def stop(self) -> None:
        """Close; waits for the request under way."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=5)


class HttpServer(Listener):
    """The HTTP of a daemon that serves one organisation. `wake` asks for an early pull of a connection."""

    def __init__(self, app: App, runner: Runner, wake: Callable[[str], None]) -> None:
        section = app.settings.http
        endpoints = Endpoints(lambda: unready(app, runner), lambda: exposition(app, runner), tokens_of(section))
        webhooks = Webhooks(lambda _: app, lambda _, connection: wake(connection))
        super().__init__([*endpoints.routes(), Route("/webhooks/{connection}", webhooks.receive, methods=["POST"])], section)


def tokens_of(section: HttpSettings) -> Tokens:
    """The bearer tokens of `[http]`; ConfigError when one is named and cannot be read."""
    opened = cast("HttpSettings", with_secrets(section, "[http]"))
    read = [None if token is None else token.get_secret_value() for token in (opened.token, opened.metrics_token)]
    return Tokens(*read)


def refuse_open_door(section: HttpSettings) -> None:
    """ConfigError when it would be reachable from elsewhere without TLS and a token."""
    if section.host in _LOOPBACK:
        return
    problems = []
    if section.token is None:
        problems.append("http.token: is needed to listen beyond this machine")
    if section.tls_certificate is None or section.tls_key is None:
        problems.append("http.tls_certificate: a certificate and key are needed to listen beyond this machine")
    if problems:
        raise ConfigError(problems, source="[http]")
