"""Logs carry what an operator needs and never a secret."""

from __future__ import annotations

import io
import json
import logging
import re

import pytest
import structlog

from core.log import bound, configure
from core.secrets import remember


@pytest.fixture
def lines():
    out = io.StringIO()
    configure("debug", "json", out)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    structlog.reset_defaults()


def test_a_line_has_its_event_its_level_its_time_and_its_run(lines):
    with bound(run="r1", connection="books"):
        structlog.get_logger().info("stream.pulled", read=3)
    (line,) = lines()
    assert (line["event"], line["level"], line["run"], line["connection"], line["read"]) == (
        "stream.pulled",
        "info",
        "r1",
        "books",
        3,
    )
    assert line["at"].endswith("Z")


@pytest.mark.parametrize(
    "keys",
    [
        {"access_token": "canary-1234567"},
        {"headers": {"Authorization": "Bearer canary-1234567"}},
        {"error": "refused: Bearer canary-1234567"},
        {"detail": ["known secret canary-known-value"]},
        {"client_secret": "canary-1234567"},
    ],
)
def test_no_secret_reaches_a_line(lines, keys):
    remember("canary-known-value")
    structlog.get_logger().warning("request.failed", **keys)
    assert "canary" not in json.dumps(lines())


def test_an_endless_value_is_cut(lines):
    structlog.get_logger().error("request.failed", body="x" * 100_000)
    assert len(json.dumps(lines())) < 3000


@pytest.mark.parametrize("style", ["json", "human"])
def test_a_traceback_shows_no_local_variable_and_masks_what_the_error_quotes(style):
    out = io.StringIO()
    configure("debug", style, out)
    remember("canary-quoted-9")
    local, quoted = "-".join(("canary", "local", "7")), "-".join(("canary", "quoted", "9"))
    try:
        if local:
            raise ValueError(f"the vendor said {quoted}")
    except ValueError:
        structlog.get_logger().exception("job.crashed")
    structlog.reset_defaults()
    assert "Traceback" in out.getvalue()
    assert "the vendor said ***" in out.getvalue()
    assert local not in out.getvalue()
    assert quoted not in out.getvalue()


def test_for_people_a_line_begins_with_its_time_and_ends_with_what_to_do():
    out = io.StringIO()
    configure("info", "human", out)
    with bound(run="r1", connection="books"):
        structlog.get_logger().error("job.failed", remedy="Sign in again.", error="books: refused.", request=None, extra="")
    structlog.reset_defaults()
    said = re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[error +\] job.failed +(.*)\n", out.getvalue())
    assert said is not None, out.getvalue()
    assert said[1] == "connection=books error='books: refused.' remedy='Sign in again.' run=r1"


def test_what_a_library_complains_of_is_a_line_like_ours_without_secrets(lines):
    remember("canary-known-value")
    logging.getLogger("somebody.else").warning("cannot use %s", "canary-known-value")
    logging.getLogger("somebody.else").info("nobody needs this")
    (line,) = lines()
    assert (line["event"], line["level"], line["source"]) == ("library.said", "warning", "somebody.else")
    assert line["problem"] == "cannot use ***"
