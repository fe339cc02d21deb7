"""What can go wrong between us and a vendor, as levers a sandbox can share, and the record of what it was asked.

Faults that only exist on a wire are exceptions of httpx: under httpx.MockTransport they reach the client as what it would see
there, and connectors.testing.serve does the real thing to the connection.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from core.clock import Clock


class ReplyLost(httpx.ReadError):
    """The vendor has the request (and may have acted), but its reply never arrives. `reset` tears the connection down hard."""

    def __init__(self, message: str = "the reply was lost", *, reset: bool = True) -> None:
        super().__init__(message)
        self.reset = reset


class CutOff(httpx.RemoteProtocolError):
    """The reply stops after `keep` bytes, though its length was announced."""

    def __init__(self, response: httpx.Response, keep: int) -> None:
        super().__init__("peer closed connection without sending complete message body")
        self.response = response
        self.keep = keep


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to go wrong: `act` says whether the vendor still acts before `reply` spoils the answer."""

    act: bool
    reply: Callable[[httpx.Response | None], httpx.Response]
    only: Callable[[httpx.Request], bool]


@dataclass(frozen=True, slots=True)
class Logged:
    """One request a sandbox received. `status` is None where the reply was lost; `sign_in` marks the vendor's token endpoint."""

    method: str
    path: str
    query: str
    status: int | None
    body: bytes = b""
    sign_in: bool = False

    @property
    def writes(self) -> bool:
        """Anything but a plain read or a sign-in."""
        return not self.sign_in and self.method not in ("GET", "HEAD", "OPTIONS")


def anything(request: httpx.Request) -> bool:
    """Every request."""
    del request
    return True


def writes_only(request: httpx.Request) -> bool:
    """Requests that may change something."""
    return request.method not in ("GET", "HEAD", "OPTIONS")


class Levers:
    """Faults to come and requests gone by. A sandbox calls `through` around its own answering; tests pull the levers.

        def handle(self, request):
            return self.levers.through(request, self._answer)

    `fail_body` makes the body of a refused call the vendor's own shape. Faults apply in order, each to the first request its
    `only` matches; token endpoints are exempt where the sandbox passes `exempt=True`. Thread-safe.
    """

    def __init__(self, *, fail_body: Callable[[int], httpx.Response] | None = None) -> None:
        self._fail_body = fail_body or (lambda status: httpx.Response(status, json={"error": f"status {status}"}))
        self._faults: deque[Fault] = deque()
        self._lock = threading.Lock()
        self.log: list[Logged] = []

    # ── levers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def fail_next(
        self,
        status: int,
        *,
        retry_after: float | str | None = None,
        times: int = 1,
        only: Callable[[httpx.Request], bool] = anything,
        act: bool = False,
    ) -> None:
        """Answer `status` to the next `times` requests, with Retry-After if given. `act` true: after having done it."""

        def reply(response: httpx.Response | None) -> httpx.Response:
            del response
            answer = self._fail_body(status)
            if retry_after is not None:
                answer.headers["Retry-After"] = str(retry_after)
            return answer

        self._add(Fault(act, reply, only), times)

    def answer_next(
        self, response: Callable[[], httpx.Response], *, times: int = 1, only: Callable[[httpx.Request], bool] = anything
    ) -> None:
        """Answer with these very responses instead of acting."""
        self._add(Fault(False, lambda _: response(), only), times)

    def lose_reply(self, *, times: int = 1, only: Callable[[httpx.Request], bool] = writes_only, reset: bool = True) -> None:
        """Act on the next request, then drop the connection before the reply."""

        def reply(response: httpx.Response | None) -> httpx.Response:
            del response
            raise ReplyLost(reset=reset)

        self._add(Fault(True, reply, only), times)

    def reset_next(self, *, times: int = 1, only: Callable[[httpx.Request], bool] = anything) -> None:
        """Drop the connection without acting; the caller cannot tell it from `lose_reply`."""

        def reply(response: httpx.Response | None) -> httpx.Response:
            del response
            raise ReplyLost("connection reset by peer")

        self._add(Fault(False, reply, only), times)

    def time_out(self, *, times: int = 1, only: Callable[[httpx.Request], bool] = anything, act: bool = False) -> None:
        """Let the caller wait until it gives up (in memory: at once)."""

        def reply(response: httpx.Response | None) -> httpx.Response:
            del response
            raise httpx.ReadTimeout("the read operation timed out")

        self._add(Fault(act, reply, only), times)

    def refuse_connection(self, *, times: int = 1, only: Callable[[httpx.Request], bool] = anything) -> None:
        """As if nothing listened there. In memory only; over loopback, stop serving instead."""

        def reply(response: httpx.Response | None) -> httpx.Response:
            del response
            raise httpx.ConnectError("[Errno 111] Connection refused")

        self._add(Fault(False, reply, only), times)

    def truncate_next(self, keep: int = 20, *, times: int = 1, only: Callable[[httpx.Request], bool] = anything) -> None:
        """Act, then send only the first `keep` bytes of the body, as its whole length (a proxy that cuts)."""

        def reply(response: httpx.Response | None) -> httpx.Response:
            assert response is not None
            return _with_content(response, response.content[:keep])

        self._add(Fault(True, reply, only), times)

    def delay_next(
        self,
        seconds: float,
        *,
        wait: Callable[[float], None] = time.sleep,
        times: int = 1,
        only: Callable[[httpx.Request], bool] = anything,
    ) -> None:
        """Act, but answer only after `seconds`."""

        def reply(response: httpx.Response | None) -> httpx.Response:
            assert response is not None
            wait(seconds)
            return response

        self._add(Fault(True, reply, only), times)

    def cut_off_next(self, keep: int = 20, *, times: int = 1, only: Callable[[httpx.Request], bool] = anything) -> None:
        """Act, then break the connection `keep` bytes into the body."""

        def reply(response: httpx.Response | None) -> httpx.Response:
            assert response is not None
            raise CutOff(response, keep)

        self._add(Fault(True, reply, only), times)

    def clear(self) -> None:
        """Forget faults not yet used."""
        with self._lock:
            self._faults.clear()

    # ── used by the sandbox ─────────────────────────────────────────────────────────────────────────────────────────────
    def through(
        self, request: httpx.Request, answer: Callable[[httpx.Request], httpx.Response], *, exempt: bool = False
    ) -> httpx.Response:
        """The sandbox's answer, or the next fault's; either way the request is logged."""
        fault = None if exempt else self._take(request)
        response: httpx.Response | None = None
        try:
            if fault is None or fault.act:
                response = answer(request)
            if fault is not None:
                response = fault.reply(response)
        except httpx.TransportError:
            self._note(request, None, exempt)
            raise
        assert response is not None
        self._note(request, response.status_code, exempt)
        return response

    def writes(self) -> list[Logged]:
        """The logged requests that may have changed something."""
        return [item for item in list(self.log) if item.writes]

    def _add(self, fault: Fault, times: int) -> None:
        with self._lock:
            self._faults.extend([fault] * times)

    def _take(self, request: httpx.Request) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.only(request):
                    self._faults.remove(fault)
                    return fault
        return None

    def _note(self, request: httpx.Request, status: int | None, sign_in: bool) -> None:
        query = request.url.query.decode()
        self.log.append(Logged(request.method, request.url.path, query, status, request.content, sign_in))


def _with_content(response: httpx.Response, content: bytes) -> httpx.Response:
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() != "content-length"]
    return httpx.Response(response.status_code, headers=headers, content=content)


class Remembered:
    """A vendor's idempotency table: the answer to a key is given again for `lifetime` seconds, errors too where it does that.

    `find` returns None for a key never seen or forgotten; the sandbox decides what a key used for another request means by
    comparing `fingerprint`. Bounded: the oldest key goes first.
    """

    def __init__(self, clock: Clock, *, lifetime: float | None, most: int = 10_000) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._most = most
        self._answers: dict[str, tuple[float, str, httpx.Response]] = {}
        self._lock = threading.Lock()

    def find(self, key: str) -> tuple[str, httpx.Response] | None:
        """(fingerprint of the first request, its answer), while the vendor remembers."""
        with self._lock:
            entry = self._answers.get(key)
            if entry is None or (self._lifetime is not None and self._now() - entry[0] > self._lifetime):
                return None
            return entry[1], _with_content(entry[2], entry[2].content)

    def keep(self, key: str, fingerprint: str, response: httpx.Response) -> None:
        """Remember the answer to the first request with this key; the time runs from that one."""
        with self._lock:
            self._answers[key] = (self._now(), fingerprint, response)
            while len(self._answers) > self._most:
                del self._answers[next(iter(self._answers))]

    def _now(self) -> float:
        return self._clock.now().timestamp()


class FixedWindow:
    """A vendor's own limit: `limit` calls per `span` seconds in fixed windows of its clock."""

    def __init__(self, clock: Clock, *, limit: int, span: float) -> None:
        self._clock = clock
        self.limit = limit
        self.span = span
        self._window = -1
        self._used = 0
        self._lock = threading.Lock()

    def admit(self) -> float | None:
        """None when the call is within the limit, else the seconds until the window ends. A refused call is not counted."""
        with self._lock:
            now = self._clock.now().timestamp()
            window = int(now // self.span)
            if window != self._window:
                self._window, self._used = window, 0
            if self._used >= self.limit:
                return (window + 1) * self.span - now
            self._used += 1
            return None

    @property
    def remaining(self) -> int:
        """Calls left in the current window."""
        with self._lock:
            current = int(self._clock.now().timestamp() // self.span) == self._window
            return self.limit - (self._used if current else 0)
