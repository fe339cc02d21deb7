"""A collector of OpenTelemetry traces on loopback, and how to read what it was sent."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector(BaseHTTPRequestHandler):
    """What a collector does with a request: unpack it and say thanks."""

    received: ClassVar[list[bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def collecting() -> Iterator[tuple[str, list[bytes]]]:
    """The endpoint for `[traces]`, and the bodies that came."""

    class Own(Collector):
        received: ClassVar[list[bytes]] = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/traces", Own.received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def every_span(received: list[bytes]) -> list[Any]:
    """The spans that came, in the order they ended."""
    groups = [group for body in received for group in ExportTraceServiceRequest.FromString(body).resource_spans]
    return [span for group in groups for scope in group.scope_spans for span in scope.spans]


def attributes(span: Any) -> dict[str, str | int]:
    """What a span says of itself."""
    return {item.key: item.value.string_value or item.value.int_value for item in span.attributes}
