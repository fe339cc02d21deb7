"""Procrastinate and its connection pool log in their own way: what is wrong is told in ours, the rest is left out.

Each job's start and end stand in the log already, with its tenant and run.
"""

from __future__ import annotations

import logging

import structlog

log = structlog.get_logger()


class _Told(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        log.warning("queue.troubled", source=record.name, problem=record.getMessage())


def listen_to_queue() -> None:
    """Send warnings of the queue's libraries to our log. May be called twice."""
    for name in ("procrastinate", "psycopg.pool"):
        theirs = logging.getLogger(name)
        theirs.handlers = [_Told(logging.WARNING)]
        theirs.setLevel(logging.WARNING)
        theirs.propagate = False
