"""Serving a sandbox over loopback: what a client sees is what the sandbox said, faults included."""

from __future__ import annotations

import gzip
import socket

import httpx
import pytest

from connectors.testing.faults import Levers
from connectors.testing.serve import serve


class Echo:
    """Answers with what it was asked, through the levers."""

    def __init__(self) -> None:
        self.levers = Levers()
        self.acted = 0

    def handle(self, request: httpx.Request) -> httpx.Response:
        return self.levers.through(request, self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.acted += 1
        if request.url.path == "/empty":
            return httpx.Response(204)
        body = {"method": request.method, "target": request.url.raw_path.decode(), "body": request.content.decode()}
        return httpx.Response(201, json=body, headers=[("X-A", "1"), ("X-A", "2")])


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def client(echo):
    with serve(echo) as url, httpx.Client(base_url=url, timeout=2.0, trust_env=False) as client:
        yield client


def test_status_headers_target_and_body_arrive_as_they_were_said(client):
    response = client.post("/a%20b?q=x%2Fy", content=b"hello")
    assert response.status_code == 201
    assert response.http_version == "HTTP/1.1"
    assert response.headers.get_list("x-a") == ["1", "2"]
    assert response.json() == {"method": "POST", "target": "/a%20b?q=x%2Fy", "body": "hello"}


def test_one_connection_serves_many_requests(echo):
    with serve(echo) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=2) as raw:
            for _ in range(3):
                raw.sendall(b"GET /empty HTTP/1.1\r\nHost: x\r\n\r\n")
                assert raw.recv(4096).startswith(b"HTTP/1.1 204")


def test_chunked_requests_arrive_whole(client):
    assert client.post("/x", content=iter([b"one ", b"two"])).json()["body"] == "one two"


def test_head_and_204_have_no_body_and_keep_the_connection_usable(client):
    assert client.head("/x").content == b""
    assert client.get("/empty").content == b""
    assert client.get("/x").status_code == 201


def test_an_encoded_sandbox_answer_is_sent_plain(echo, client):
    echo.levers.answer_next(lambda: httpx.Response(200, content=gzip.compress(b"plain"), headers={"content-encoding": "gzip"}))
    assert client.get("/x").text == "plain"


def test_a_lost_reply_comes_after_the_vendor_acted(echo, client):
    echo.levers.lose_reply()
    with pytest.raises(httpx.TransportError):
        client.post("/x")
    assert echo.acted == 1
    assert echo.levers.log[0].status is None


def test_a_reset_comes_before_the_vendor_acted(echo, client):
    echo.levers.reset_next()
    with pytest.raises(httpx.TransportError):
        client.get("/x")
    assert echo.acted == 0


def test_a_cut_off_body_breaks_the_promised_length(echo, client):
    echo.levers.cut_off_next(5)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/x")


def test_a_silent_vendor_lets_the_caller_time_out(echo):
    echo.levers.time_out()
    with serve(echo) as url, httpx.Client(base_url=url, timeout=0.2, trust_env=False) as client, pytest.raises(httpx.ReadTimeout):
        client.get("/x")


def test_faults_apply_in_order_and_only_where_they_match(echo, client):
    echo.levers.fail_next(503, times=2, retry_after=7, only=lambda request: request.url.path == "/b")
    assert client.get("/a").status_code == 201
    first = client.get("/b")
    assert (first.status_code, first.headers["retry-after"]) == (503, "7")
    assert client.get("/b").status_code == 503
    assert client.get("/b").status_code == 201
    assert [item.status for item in echo.levers.log] == [201, 503, 503, 201]


@pytest.mark.parametrize("line", [b"content-length: many\r\n", b"content-length: 99999999999\r\n"])
def test_a_senseless_length_is_refused(echo, line):
    with serve(echo) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=2) as raw:
            raw.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n")
            assert raw.recv(4096).split()[1] in (b"400", b"413")
    assert echo.acted == 0


def test_serving_ends_even_with_idle_connections(echo):
    with serve(echo) as url:
        client = httpx.Client(base_url=url, trust_env=False)
        client.get("/x")
    with pytest.raises(httpx.TransportError):
        client.get("/x")
    client.close()
