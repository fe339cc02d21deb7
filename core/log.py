"""Structured logs: JSON lines for machines, coloured lines on a terminal; always with run id and connection, never with a secret.

Event names are `noun.verb` and stand in core.events; everything else is a key. Logs go to stderr, so that stdout stays the
command's answer.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog

from core.secrets import mask
from core.traces import name_trace

log = structlog.get_logger()
_SECRET_KEY = re.compile(r"(?i)(token|secret|password|passwd|authorization|cookie|api_?key|private_?key|client_?id_?secret)$")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}")
_FIRST, _LAST = ("tenant", "connection", "job", "stream"), ("error", "remedy", "run", "trace")
_LONGEST = 2000  # a vendor's error page must not fill the disk


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        text = _BEARER.sub(r"\1 ***", mask(value))
        return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    if isinstance(value, dict):
        return {key: "***" if _SECRET_KEY.search(str(key)) else _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    return value


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask secrets by the name of their key, by their known value and by the shape of a credential header."""
    return {key: "***" if _SECRET_KEY.search(key) else _clean(value) for key, value in event.items()}


def as_read(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """For people: what it is about first, then the rest, then what failed and what to do; nothing that is empty."""
    said = {key: value for key, value in event.items() if value is not None and value != ""}
    ends = [key for key in _LAST if key in said]
    order = [key for key in _FIRST if key in said] + [key for key in said if key not in (*_FIRST, *_LAST)] + ends
    return {key: said[key] for key in order}


class _Libraries(logging.Handler):
    """What a library complains of goes the way of our own lines: in their form, and without secrets."""

    def emit(self, record: logging.LogRecord) -> None:
        said = {"source": record.name, "problem": record.getMessage()}
        if record.levelno >= logging.ERROR:
            log.error("library.said", **said)
        else:
            log.warning("library.said", **said)


def _hear_libraries() -> None:
    root = logging.getLogger()
    if not any(isinstance(handler, _Libraries) for handler in root.handlers):
        root.addHandler(_Libraries(logging.WARNING))


def configure(level: str = "info", style: str = "auto", stream: TextIO | None = None) -> None:
    """Set up logging for the process. `style` is auto, json or human; auto is human on a terminal."""
    out = stream or sys.stderr
    human = style == "human" or (style == "auto" and out.isatty())
    ranks = {"debug": 10, "info": 20, "warning": 30, "error": 40}
    renderers: list[Any] = [structlog.processors.JSONRenderer(default=str, ensure_ascii=False)]
    if human:
        # plain: the pretty form shows local variables, and a secret may be one
        plain = structlog.dev.plain_traceback
        colours = structlog.dev.ConsoleRenderer(
            colors=out.isatty(), pad_event_to=18, sort_keys=False, timestamp_key="at", exception_formatter=plain
        )
        renderers = [as_read, colours]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S" if human else "iso", utc=not human, key="at"),
            name_trace,
            structlog.processors.format_exc_info,  # before `redact`: an error's own words may quote a secret
            redact,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(ranks[level]),
        logger_factory=structlog.PrintLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    _hear_libraries()


@contextmanager
def bound(**keys: Any) -> Iterator[None]:
    """Add `keys` (run, connection, job, tenant) to every event inside."""
    with structlog.contextvars.bound_contextvars(**keys):
        yield
