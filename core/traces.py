"""OpenTelemetry traces of jobs, streams, vendor calls and sends, where `[traces] endpoint` is set; nothing at all otherwise.

Needs the extra `duesync[traces]`. A span holds names and counts (job, connection, stream, endpoint, outcome), never a client's
name, a body or a secret. Logs written inside a span carry its trace id, so that either leads to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from core.errors import ConfigError

Note = Callable[..., None]
_state: dict[str, Any] = {"tracer": None, "provider": None}


def configure(endpoint: str | None, *, share: float = 1.0, place: str = "", patience: float = 5.0) -> None:
    """Send spans by OTLP over HTTP to `endpoint` (such as http://127.0.0.1:4318/v1/traces); None turns traces off.

    `share` (0 to 1) of all traces is kept; `place` names this installation. A collector that does not
    answer within `patience` seconds loses its spans. ConfigError where the extra is not installed.
    """
    shut_down()
    if endpoint is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    except ImportError:
        raise ConfigError(["traces.endpoint: needs the extra: pip install 'duesync[traces]'"], source="[traces]") from None
    about = Resource.create({"service.name": "duesync", "service.version": version("duesync"), "service.instance.id": place})
    provider = TracerProvider(resource=about, sampler=ParentBased(TraceIdRatioBased(share)))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=patience)))
    _state.update(provider=provider, tracer=provider.get_tracer("duesync"))


def shut_down() -> None:
    """Send what is still held, and stop. May be called twice."""
    provider = _state["provider"]
    _state.update(tracer=None, provider=None)
    if provider is not None:
        provider.shutdown()


@contextmanager
def span(name: str, **attributes: str | int | None) -> Iterator[Note]:
    """A span around the work inside; what it yields adds attributes. An exception marks it failed, by kind only, and goes on."""
    tracer = _state["tracer"]
    if tracer is None:
        yield _nothing
        return
    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as current:

        def note(**more: str | int | None) -> None:
            current.set_attributes({f"duesync.{key}": value for key, value in more.items() if value is not None})

        note(**attributes)
        try:
            yield note
        except BaseException as error:
            note(error=type(error).__name__)
            _mark_failed(current)
            raise


def _nothing(**_: str | int | None) -> None:
    return None


def _mark_failed(current: Any) -> None:
    from opentelemetry.trace import StatusCode

    current.set_status(StatusCode.ERROR)


def name_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A step of the logs: put the id of the trace around the event beside it."""
    if _state["tracer"] is not None:
        from opentelemetry import trace

        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace"] = f"{context.trace_id:032x}"
    return event
