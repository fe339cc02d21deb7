"""The transport: what is retried, what never is, where requests may go, how much is read, and what each failure is called."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import zlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
import structlog.testing

from connectors.testing.clocks import SleepingClock
from connectors.testing.faults import Levers
from connectors.testing.serve import serve
from connectors.transport import MalformedAnswer, Pacing, Transport
from core.errors import (
    AuthExpired,
    Conflict,
    ConnectorError,
    NotFound,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    Rejected,
    Transient,
)

SECRET = "canary-5up3r-s3cret"  # planted, to see that it never shows


class Vendor:
    """A vendor of one endpoint that counts how often it acted."""

    def __init__(self):
        self.levers = Levers()
        self.acted = 0

    def handle(self, request):
        return self.levers.through(request, self._answer)

    def _answer(self, request):
        self.acted += 1
        return httpx.Response(200, json={"amount": 1.10, "target": request.url.raw_path.decode()})


@pytest.fixture
def clock():
    return SleepingClock(datetime(2026, 5, 5, 12, tzinfo=UTC))


@pytest.fixture
def vendor():
    return Vendor()


@pytest.fixture
def opened(clock):
    made = []

    def open_transport(handler=None, *, base_url="https://api.vendor.example/v1", hosts=("api.vendor.example",), **options):
        carrier = httpx.MockTransport(handler) if handler else None
        options = {"pacing": Pacing(), "clock": clock, "authorize": None, **options}
        made.append(Transport(connection="books", base_url=base_url, hosts=hosts, transport=carrier, **options))
        return made[-1]

    yield open_transport
    for transport in made:
        transport.close()
        transport.close()


def get(transport, path="/invoices/17", **options):
    return transport.request("GET", path, idempotent=True, **options)


def post(transport, path="/invoices", **options):
    return transport.request("POST", path, json={"a": 1}, idempotent=False, **options)


def test_fractions_arrive_as_decimals(opened, vendor):
    assert get(opened(vendor.handle)).json()["amount"] == Decimal("1.1")


def test_calls_are_counted_by_endpoint_with_refs_folded(opened, vendor):
    transport = opened(vendor.handle)
    for ref in ("17", "18", "8f5b1c0a-0d3b-4f6e-9a57-2f6f0f3f9f10"):
        get(transport, f"/invoices/{ref}/lines")
    vendor.levers.fail_next(404)
    with pytest.raises(NotFound):
        get(transport, "/x")
    assert transport.counters == {"GET /v1/invoices/{id}/lines": 3, "GET /v1/x": 1}
    assert transport.failures == {"GET /v1/x NotFound": 1}


# ── errors by remedy ────────────────────────────────────────────────────────────────────────────────────────────────────
STATUSES = [
    (400, Rejected), (401, AuthExpired), (403, PermissionMissing), (404, NotFound), (408, Transient), (409, Conflict),
    (410, NotFound), (412, Conflict), (418, Rejected), (422, Rejected), (429, RateLimited), (500, Transient), (502, Transient),
    (503, Transient), (504, Transient),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_a_status_becomes_the_error_that_says_what_to_do(opened, vendor, status, kind):
    vendor.levers.fail_next(status, times=9)
    with pytest.raises(ConnectorError) as caught:
        get(opened(vendor.handle))
    assert type(caught.value) is kind
    assert caught.value.connection == "books"
    assert str(status) in caught.value.message


def test_the_vendors_own_reading_of_an_error_comes_first(opened, vendor):
    vendor.levers.fail_next(400)
    transport = opened(vendor.handle, classify=lambda r: Conflict("stale", connection="books") if r.status_code == 400 else None)
    with pytest.raises(Conflict, match="stale"):
        get(transport)


@pytest.mark.reliability("quickbooks:29")
def test_a_fault_under_status_200_is_an_error(opened):
    def classify(response):
        return Rejected("business rule", connection="books") if "Fault" in response.json() else None

    with pytest.raises(Rejected, match="business rule"):
        get(opened(lambda _: httpx.Response(200, json={"Fault": {}}), classify=classify))


def test_an_error_body_of_another_shape_falls_back_to_the_status(opened):
    transport = opened(lambda _: httpx.Response(502, html="<p>Bad gateway</p>"), classify=lambda r: r.json()["Fault"]["x"])
    with pytest.raises(Transient, match="502"):
        get(transport)


def test_the_vendors_request_id_is_kept(opened):
    transport = opened(
        lambda _: httpx.Response(404, headers={"intuit_tid": "t-1"}), request_id=lambda r: r.headers.get("intuit_tid")
    )
    with pytest.raises(NotFound) as caught:
        get(transport)
    assert caught.value.request_id == "t-1"


# ── retries ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_read_is_tried_three_times_and_waits_briefly(opened, vendor, clock):
    vendor.levers.fail_next(503, times=2)
    began = clock.now()
    assert get(opened(vendor.handle)).status == 200
    assert len(vendor.levers.log) == 3
    assert timedelta(0) < clock.now() - began < timedelta(seconds=4)


def test_a_read_is_given_up_after_the_third_try(opened, vendor):
    vendor.levers.fail_next(503, times=9)
    with pytest.raises(Transient):
        get(opened(vendor.handle))
    assert len(vendor.levers.log) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_plain_no_is_not_asked_twice(opened, vendor, status):
    vendor.levers.fail_next(status, times=9)
    with pytest.raises(ConnectorError):
        get(opened(vendor.handle))
    assert len(vendor.levers.log) == 1


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (500, OutcomeUnknown), (502, OutcomeUnknown), (503, Transient)])
def test_a_write_is_never_repeated_and_a_lost_one_is_unknown(opened, vendor, status, kind):
    vendor.levers.fail_next(status, times=9)
    with pytest.raises(ConnectorError) as caught:
        post(opened(vendor.handle))
    assert type(caught.value) is kind
    assert len(vendor.levers.log) == 1


@pytest.mark.reliability("quickbooks:20")
def test_a_write_whose_reply_was_lost_is_unknown(vendor, opened):
    for lever in (vendor.levers.lose_reply, vendor.levers.reset_next, vendor.levers.time_out):
        lever()
        with serve(vendor) as url, pytest.raises(OutcomeUnknown, match="may have been done"):
            post(opened(base_url=url, timeout=0.3))


def test_a_read_whose_reply_was_lost_is_read_again(vendor, opened):
    vendor.levers.lose_reply(only=lambda _: True)
    with serve(vendor) as url:
        assert get(opened(base_url=url)).status == 200
    assert vendor.acted == 2


def test_a_write_cut_off_in_its_answer_is_unknown_and_a_read_transient(vendor, opened):
    with serve(vendor) as url:
        for lever in (vendor.levers.truncate_next, vendor.levers.cut_off_next):
            lever(7, times=9)
            with pytest.raises(OutcomeUnknown):
                post(opened(base_url=url))
            with pytest.raises(Transient) as caught:
                get(opened(base_url=url))
            assert not isinstance(caught.value, OutcomeUnknown)
            vendor.levers.clear()


def test_a_vendor_that_cannot_be_reached_is_named_and_nothing_is_unknown(opened):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    transport = opened(base_url=f"http://127.0.0.1:{port}")
    for call in (get, post):
        with pytest.raises(Transient, match=r"could not reach 127\.0\.0\.1 .*refused") as caught:
            call(transport)
        assert not isinstance(caught.value, OutcomeUnknown)


def test_a_connection_closed_before_the_request_was_out_is_not_unknown(opened):
    listener = socket.create_server(("127.0.0.1", 0))

    def slam():
        for _ in range(1):
            connection, _ = listener.accept()
            connection.recv(10)
            connection.close()

    thread = threading.Thread(target=slam)
    thread.start()
    transport = opened(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    with pytest.raises(Transient) as caught:  # 64 MB cannot have left before the vendor closed
        transport.request("POST", "/x", content=b"x" * (64 << 20), idempotent=False)
    thread.join()
    listener.close()
    assert not isinstance(caught.value, OutcomeUnknown)


# ── Retry-After and pacing ──────────────────────────────────────────────────────────────────────────────────────────────
def test_a_short_wait_is_honoured_in_place(opened, vendor, clock):
    vendor.levers.fail_next(429, retry_after=1)
    began = clock.now()
    assert get(opened(vendor.handle)).status == 200
    assert clock.now() - began >= timedelta(seconds=1)


@pytest.mark.parametrize("text", ["73451", "Wed, 06 May 2026 08:24:11 GMT"])
def test_a_long_wait_parks_the_whole_connection_without_sleeping(opened, vendor, clock, text):
    vendor.levers.fail_next(429, retry_after=text)
    transport = opened(vendor.handle)
    began = clock.now()
    with pytest.raises(RateLimited) as caught:
        get(transport)
    assert caught.value.retry_after == pytest.approx(73451)
    with pytest.raises(RateLimited) as other:
        get(transport, "/payments")
    assert other.value.retry_after == pytest.approx(73451, abs=1)
    assert len(vendor.levers.log) == 1
    assert clock.now() == began
    clock.advance(timedelta(seconds=73452))
    assert get(transport).status == 200


@pytest.mark.parametrize("text", ["", "soon", "-5", "Wed, 99 Foo 2026", "nan", "1e999"])
def test_a_senseless_retry_after_is_survived(opened, vendor, text):
    vendor.levers.fail_next(429, retry_after=text, times=9)
    with pytest.raises(RateLimited):
        get(opened(vendor.handle))


def busiest(instants, span):
    return max(sum(1 for other in instants if 0 <= other - start < span) for start in instants)


@pytest.mark.reliability("quickbooks:8", "quickbooks:9")
def test_budgets_hold_in_every_window_without_any_hint_from_the_vendor(opened, clock):
    instants = []

    def handle(request):
        instants.append(clock.now().timestamp())
        return httpx.Response(200, json={})

    transport = opened(handle, pacing=Pacing(per_second=8, per_minute=60))
    for _ in range(200):
        get(transport)
    assert busiest(instants, 1.0) <= 8
    assert busiest(instants, 60.0) <= 60
    assert instants[-1] - instants[0] < 200  # 60 a minute are really used, not wasted


def test_a_spent_day_budget_is_an_error_not_a_sleep(opened, vendor, clock):
    transport = opened(vendor.handle, pacing=Pacing(per_day=5))
    for _ in range(5):
        get(transport)
    with pytest.raises(RateLimited) as caught:
        get(transport)
    assert caught.value.retry_after == pytest.approx(86400, abs=5)
    clock.advance(timedelta(days=1))
    assert get(transport).status == 200


def test_no_more_calls_are_in_flight_than_allowed(opened):
    guard = threading.Lock()
    now, most = [0], [0]

    def handle(request):
        with guard:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with guard:
            now[0] -= 1
        return httpx.Response(200, json={})

    transport = opened(handle, pacing=Pacing(concurrent=3))
    threads = [threading.Thread(target=lambda: [get(transport) for _ in range(3)]) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 3


# ── signing in ──────────────────────────────────────────────────────────────────────────────────────────────────────────
class Signer:
    def __init__(self, *tokens):
        self.tokens = list(tokens)
        self.asked = []

    def __call__(self, refused):
        self.asked.append(refused)
        if refused and len(self.tokens) > 1:
            self.tokens.pop(0)
        return {"Authorization": f"Bearer {self.tokens[0]}"}


def accepts(token):
    def handle(request):
        good = request.headers.get("authorization") == f"Bearer {token}"
        return httpx.Response(200, json={}) if good else httpx.Response(401, json={"seen": request.headers.get("authorization")})

    return handle


def test_a_refused_token_is_renewed_once_and_the_call_replayed(opened):
    signer = Signer("old-token", "new-token")
    assert post(opened(accepts("new-token"), authorize=signer)).status == 200
    assert signer.asked == [False, True]


def test_a_token_refused_twice_ends_in_auth_expired(opened):
    signer = Signer("old-token", "new-token", "newer-token")
    with pytest.raises(AuthExpired, match="duesync auth books"):
        get(opened(accepts("none"), authorize=signer))
    assert signer.asked == [False, True]


def test_keys_that_cannot_change_are_not_tried_again(opened, vendor):
    vendor.levers.fail_next(401, times=9)
    with pytest.raises(AuthExpired):
        get(opened(vendor.handle, authorize=lambda refused: {"Authorization": "Basic abcdefgh"}))
    assert len(vendor.levers.log) == 1


def test_a_missing_scope_under_401_renews_nothing(opened, vendor):
    signer = Signer("old-token", "new-token")
    vendor.levers.fail_next(401)
    transport = opened(
        vendor.handle,
        authorize=signer,
        classify=lambda r: PermissionMissing("scope", connection="books") if r.status_code == 401 else None,
    )
    with pytest.raises(PermissionMissing):
        get(transport)
    assert signer.asked == [False]


# ── where requests go ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_redirects_are_followed_within_the_vendors_hosts_only(opened):
    seen = []

    def handle(request):
        seen.append((request.url.host, request.headers.get("authorization")))
        goal = {
            "/v1/near": "https://eu.vendor.example/v1/end",
            "/v1/far": "https://evil.example/",
            "/v1/down": "http://api.vendor.example/",
        }
        if request.url.path in goal:
            return httpx.Response(302, headers={"location": goal[request.url.path]})
        return httpx.Response(200, json={"at": str(request.url)})

    transport = opened(handle, hosts=(".vendor.example",), authorize=lambda refused: {"Authorization": f"Bearer {SECRET}"})
    assert get(transport, "/near", params={"q": 1}).json() == {"at": "https://eu.vendor.example/v1/end"}
    for path in ("/far", "/down", "https://evil.example/x", "https://vendor.example.evil.example/"):
        with pytest.raises(Rejected, match="not one of the vendor's addresses"):
            get(transport, path)
    assert {host for host, _ in seen} == {"api.vendor.example", "eu.vendor.example"}


def test_a_redirected_write_is_not_sent_on(opened):
    with pytest.raises(Rejected, match="is not sent on"):
        post(opened(lambda _: httpx.Response(302, headers={"location": "https://api.vendor.example/v2"})))


def test_a_redirect_circle_ends(opened):
    with pytest.raises(Rejected, match="in a circle"):
        get(opened(lambda r: httpx.Response(307, headers={"location": str(r.url)})))


# ── how much is read ────────────────────────────────────────────────────────────────────────────────────────────────────
class Raw:
    """Serves prepared bytes with prepared headers on a bare socket, once per connection."""

    def __init__(self, head, chunks):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._head, self._chunks = head, chunks
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.sent = 0

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\n" + self._head + b"\r\n")
                    for chunk in self._chunks():
                        connection.sendall(chunk)
                        self.sent += len(chunk)
                except OSError:
                    continue

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(2)


def test_a_zip_bomb_is_refused_before_it_unfolds(opened):
    bomb = gzip.compress(gzip.compress(b"\0" * (1 << 20), mtime=0) + b"\0" * (200 << 20))
    head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(bomb)
    with Raw(head, lambda: [bomb]) as server, pytest.raises(MalformedAnswer, match="larger than the 1048576 bytes"):
        get(opened(base_url=server.url, max_bytes=1 << 20))


def test_an_endless_body_is_cut(opened):
    def forever():
        for _ in range(1000):
            yield b"x" * 65536

    with Raw(b"Connection: close\r\n", forever) as server:
        with pytest.raises(MalformedAnswer, match="larger than"):
            get(opened(base_url=server.url, max_bytes=1 << 20))
        assert server.sent < 60 << 20


def test_an_announced_giant_is_not_even_read(opened):
    with (
        Raw(b"Content-Length: 99999999999\r\n", lambda: [b"x"]) as server,
        pytest.raises(MalformedAnswer, match="announces 99999999999"),
    ):
        get(opened(base_url=server.url))


def packed(kind):
    body = json.dumps({"a": "é" * 5000}).encode()
    bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return {
        "gzip": gzip.compress(body, mtime=0),
        "x-gzip": gzip.compress(body[:100], mtime=0) + gzip.compress(body[100:]),
        "deflate": zlib.compress(body),
        "Deflate": bare.compress(body) + bare.flush(),
        "identity": body,
    }[kind]


@pytest.mark.parametrize("kind", ["gzip", "x-gzip", "deflate", "Deflate", "identity"])
def test_compressed_answers_are_read(opened, kind):
    content = packed(kind)
    head = f"Content-Encoding: {kind}\r\nContent-Length: {len(content)}\r\n".encode()
    with Raw(head, lambda: [content[start : start + 7] for start in range(0, len(content), 7)]) as server:
        assert get(opened(base_url=server.url)).json() == {"a": "é" * 5000}


@pytest.mark.parametrize(
    ("encoding", "content", "problem"),
    [
        ("gzip", gzip.compress(b"{}" * 50, mtime=0)[:-12], "cut off"),
        ("gzip", b"not gzip", "damaged"),
        ("br", b"{}", "not asked for"),
    ],
)
def test_a_body_that_cannot_be_decoded_is_named(opened, encoding, content, problem):
    head = f"Content-Encoding: {encoding}\r\nContent-Length: {len(content)}\r\n".encode()
    with Raw(head, lambda: [content]) as server, pytest.raises(MalformedAnswer, match=problem):
        get(opened(base_url=server.url))


@pytest.mark.parametrize("body", [b'{"a": 1', b"", b"<html>", b'{"a": NaN}', b"[" * 100_000, b'{"a": "\xff"}', b"1" * 5000])
def test_what_is_not_json_is_transient_for_reads_and_unknown_for_writes(opened, body):
    transport = opened(lambda _: httpx.Response(200, content=body))
    with pytest.raises(MalformedAnswer):
        get(transport)
    with pytest.raises(OutcomeUnknown):
        post(transport)


def test_other_answers_than_json_are_handed_over_when_asked_for(opened):
    transport = opened(lambda _: httpx.Response(200, content=b"%PDF-1.7"))
    assert get(transport, expect_json=False).body == b"%PDF-1.7"
    assert transport.request("DELETE", "/x", idempotent=False, expect_json=False).status == 200


# ── secrets ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_credentials_never_show_in_logs_errors_or_repr(opened):
    def handle(request):
        return httpx.Response(400, json={"message": f"bad header {request.headers['authorization']} {SECRET}"})

    transport = opened(
        handle,
        authorize=lambda refused: {"Authorization": f"Bearer {SECRET}"},
        classify=lambda r: Rejected(r.json()["message"], connection="books", remedy=f"see {SECRET}"),
    )
    with structlog.testing.capture_logs() as logs, pytest.raises(Rejected) as caught:
        get(transport, params={"token": SECRET})
    error = caught.value
    assert "[redacted]" in str(error)
    for text in (str(error), repr(error), repr(error.args), repr(transport), repr(logs)):
        assert SECRET not in text
    assert [entry["event"] for entry in logs] == ["request.sent", "request.failed"]


def test_no_exception_of_the_http_library_leaves(opened):
    for error in (httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x"), httpx.PoolTimeout("x"), httpx.DecodingError("x")):

        def handle(request, error=error):
            raise error

        for call in (get, post):
            with pytest.raises(ConnectorError):
                call(opened(handle))


@pytest.mark.parametrize("value", ["line\nbreak", "Ünlaut", "nul\0"])
def test_credentials_that_no_header_can_hold_are_a_matter_of_configuration(opened, vendor, value):
    with serve(vendor) as url, pytest.raises(Rejected, match="stray characters"):
        get(opened(base_url=url, authorize=lambda refused: {"Authorization": f"Bearer {value}"}))
    assert vendor.acted == 0


def test_a_body_that_drips_is_given_up(opened):
    def drip():
        while True:
            time.sleep(0.02)
            yield b" "

    with Raw(b"Connection: close\r\n", drip) as server, pytest.raises(MalformedAnswer, match="not complete after"):
        get(opened(base_url=server.url, timeout=0.05))
