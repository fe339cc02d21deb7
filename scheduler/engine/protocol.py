"""What a service asks of whatever runs its jobs."""

from __future__ import annotations

import threading
from typing import Protocol


class Engine(Protocol):
    """Runs every job at its cadence, none overlapping itself and no two on one connection, until it is drained.

    `finished` is set when there is nothing more to do, which for an engine that runs for good never happens, or when it
    cannot go on; then `problem` says why.
    """

    finished: threading.Event
    problem: str

    def start(self) -> None:
        """Begin; returns at once. ConfigError or StoreError when it cannot."""
        ...

    def wake(self, tenant: str, connection: str) -> None:
        """Pull a connection now, and look at what that changed: a webhook said so."""
        ...

    def drain(self, seconds: float) -> bool:
        """Begin nothing more and wait for the work under way, at most so long; true when all of it ended.

        What had not ended may be cut off: every job is safe to be killed at any point.
        """
        ...
