"""Any sandbox over real HTTP on loopback: for the demo, `duesync sandbox serve`, other clients and tests of broken connections.

HTTP/1.1 with keep-alive on the standard library's threading server. What the sandbox says is sent as it says it; its faults that
only exist on a wire (a reset, a cut-off body, a lost reply) arrive here as the exceptions of connectors.testing.faults.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

import httpx

from connectors.testing.faults import CutOff, ReplyLost

LONGEST_BODY = 32 * 1024 * 1024  # bytes a request may bring; attachments are the largest thing duesync ever sends
# Said by the server itself or meaning another thing on the wire than in the sandbox's answer.
_OWN_HEADERS = frozenset({"content-length", "transfer-encoding", "connection", "date", "server"})


class Handles(Protocol):
    """What is served: a core.ports.Sandbox, or anything else that answers requests."""

    def handle(self, request: httpx.Request) -> httpx.Response: ...


@contextmanager
def serve(sandbox: Handles, port: int = 0, *, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve until the block ends; gives the base URL. Port 0 takes a free one. OSError when the port is taken."""
    server = _Server((host, port), sandbox)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="sandbox", daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.drop_connections()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    """One thread per connection; every one is ended when serving ends, so that nothing stays open."""

    daemon_threads = True
    block_on_close = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], sandbox: Handles) -> None:
        self.sandbox = sandbox
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection before its thread starts."""
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection when its thread is done."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        """End idle keep-alive connections, whose threads would otherwise wait for a next request."""
        with self._guard:
            waiting = list(self._open)
        for connection in waiting:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was first

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: _Server

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            return
        try:
            response = self.server.sandbox.handle(self._as_request(body))
        except ReplyLost as lost:
            self._abort(reset=lost.reset)
        except CutOff as cut:
            self._write(cut.response, keep=cut.keep)
        except httpx.TimeoutException:
            self._outwait()
        except httpx.TransportError:
            self._abort(reset=True)
        else:
            self._write(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _answer  # noqa: N815 - named by http.server

    def _body(self) -> bytes | None:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return self._chunks()
        length = self.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LONGEST_BODY:
            self._refuse(413 if length.isdigit() else 400)
            return None
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes | None:
        pieces: list[bytes] = []
        size = 0
        while True:
            line = self.rfile.readline(64).split(b";")[0].strip()
            try:
                length = int(line, 16)
            except ValueError:
                self._refuse(400)
                return None
            size += length
            if size > LONGEST_BODY:
                self._refuse(413)
                return None
            pieces.append(self.rfile.read(length))
            self.rfile.readline(8)
            if length == 0:
                return b"".join(pieces)

    def _refuse(self, status: int) -> None:
        self.close_connection = True
        self._write(httpx.Response(status))

    def _as_request(self, body: bytes) -> httpx.Request:
        host = self.headers.get("host") or "{}:{}".format(*self.server.server_address[:2])
        headers = [(name, value) for name, value in self.headers.items() if name.lower() != "transfer-encoding"]
        return httpx.Request(self.command, f"http://{host}{self.path}", headers=headers, content=body)

    def _write(self, response: httpx.Response, *, keep: int | None = None) -> None:
        content = response.content
        bodyless = self.command == "HEAD" or response.status_code in (204, 304)
        self.send_response(response.status_code, response.reason_phrase)
        for name, value in response.headers.multi_items():
            if name.lower() not in _OWN_HEADERS and name.lower() != "content-encoding":
                self.send_header(name, value)
        if response.status_code not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not bodyless:
            self.wfile.write(content if keep is None else content[:keep])
        if keep is not None:
            self._abort(reset=False)

    def _abort(self, *, reset: bool) -> None:
        """End the connection now: with a TCP reset, or politely but early."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.wfile.flush()

    def _outwait(self) -> None:
        """Say nothing until the caller gives up."""
        with suppress(OSError):
            self.connection.recv(1)
        self._abort(reset=True)

    def version_string(self) -> str:
        """No advertisement."""
        return "sandbox"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by http.server
        """The sandbox keeps its own request log."""
