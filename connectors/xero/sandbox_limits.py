"""The sandbox's limits: calls per minute and day and at once (rate limits guide), and the table of idempotency keys."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx

from connectors.testing.faults import Remembered
from core.clock import Clock

KEY_LIFE = timedelta(minutes=6)  # counted from the first call (idempotent requests guide)
LONGEST_KEY = 128


@dataclass(slots=True)
class _Window:
    start: datetime | None = None
    used: int = 0


@dataclass(slots=True)
class Limits:
    """Fixed windows per tenant, each starting with its first call. `shown` false leaves out the headers, as some answers do."""

    clock: Clock
    minute: int = 60
    day: int = 5000
    concurrent: int = 5
    app_minute: int = 10_000
    _minute: _Window = field(default_factory=_Window)
    _day: _Window = field(default_factory=_Window)
    _open: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self) -> httpx.Response | None:
        """Count a call; the 429 when a limit is reached. Every None must be followed by `leave`."""
        with self._lock:
            if self._open >= self.concurrent:
                return self._refusal("concurrent", None)
            for name, window, limit, span in (("day", self._day, self.day, 86_400), ("minute", self._minute, self.minute, 60)):
                left = self._roll(window, span)
                if window.used >= limit:
                    return self._refusal(name, left)
            self._day.used += 1
            self._minute.used += 1
            self._open += 1
            return None

    def leave(self) -> None:
        """A call has been answered."""
        with self._lock:
            self._open -= 1

    def headers(self) -> dict[str, str]:
        """What every answer says of the limits."""
        return {
            "X-DayLimit-Remaining": str(max(0, self.day - self._day.used)),
            "X-MinLimit-Remaining": str(max(0, self.minute - self._minute.used)),
            "X-AppMinLimit-Remaining": str(max(0, self.app_minute - self._minute.used)),
        }

    def _roll(self, window: _Window, span: int) -> int:
        """Seconds left of the window, begun anew when it is over."""
        now = self.clock.now()
        if window.start is None or now >= window.start + timedelta(seconds=span):
            window.start, window.used = now, 0
        return max(1, span - int((now - window.start).total_seconds()))

    def _refusal(self, name: str, seconds: int | None) -> httpx.Response:
        headers = {"X-Rate-Limit-Problem": name, **self.headers()}
        if seconds is not None:
            headers["Retry-After"] = str(seconds)
        return httpx.Response(429, headers=headers)


class IdempotencyTable:
    """Answers by key for six minutes, errors included; the same key with another request is refused."""

    def __init__(self, clock: Clock) -> None:
        self._kept = Remembered(clock, lifetime=KEY_LIFE.total_seconds())

    def answer(self, request: httpx.Request, act: Callable[[], httpx.Response]) -> httpx.Response:
        """The kept answer of this key, or that of `act`, which is kept."""
        key = request.headers.get("idempotency-key")
        if not key or request.method == "GET":
            return act()
        if len(key) > LONGEST_KEY:
            return _refused("The Idempotency-Key must not be longer than 128 characters.")
        text = f"{request.method} {request.url.raw_path.decode()}".encode() + b"\x00" + request.content
        fingerprint = hashlib.sha256(text).hexdigest()
        kept = self._kept.find(key)
        if kept is not None:
            same = kept[0] == fingerprint
            return kept[1] if same else _refused("The Idempotency-Key is used with a different request.")
        answer = act()
        self._kept.keep(key, fingerprint, answer)
        return answer


def _refused(message: str) -> httpx.Response:
    return httpx.Response(400, json={"ErrorNumber": 10, "Type": "ValidationException", "Message": message, "Elements": []})
