"""Traces reach a collector over OTLP, hold no words of the failure, and are named in the logs."""

from __future__ import annotations

import io
import json
import sys

import pytest
import structlog

from core import log as logging_setup
from core import traces
from core.errors import ConfigError
from tests.otlp import attributes, collecting, every_span


@pytest.fixture
def collector():
    with collecting() as found:
        yield found
        traces.shut_down()


def spans(received):
    return {span.name: span for span in every_span(received)}


def test_a_job_and_the_call_inside_it_are_one_trace(collector):
    endpoint, received = collector
    traces.configure(endpoint, place="Example MSP")
    with traces.span("job", job="sync:books", connection=None), traces.span("request", endpoint="GET /invoices/{id}") as note:
        note(status=200)
    traces.shut_down()
    found = spans(received)
    assert found["request"].parent_span_id == found["job"].span_id
    assert attributes(found["request"]) == {"duesync.endpoint": "GET /invoices/{id}", "duesync.status": 200}
    assert attributes(found["job"]) == {"duesync.job": "sync:books"}


def test_a_failure_is_told_by_its_kind_and_not_by_its_words(collector):
    endpoint, received = collector
    traces.configure(endpoint)
    with pytest.raises(ValueError, match="Ann"), traces.span("job"):
        raise ValueError("Ann Client owes 100.00, token=s3cret")
    traces.shut_down()
    assert attributes(spans(received)["job"]) == {"duesync.error": "ValueError"}
    assert not any(b"Ann" in body or b"s3cret" in body for body in received)


def test_a_log_line_inside_a_span_names_its_trace(collector):
    endpoint, received = collector
    traces.configure(endpoint)
    written = io.StringIO()
    logging_setup.configure("info", "json", written)
    with traces.span("job"):
        structlog.get_logger().info("daemon.started")
    structlog.get_logger().info("daemon.stopped")
    traces.shut_down()
    inside, outside = map(json.loads, written.getvalue().splitlines())
    assert inside["trace"] == spans(received)["job"].trace_id.hex()
    assert "trace" not in outside


def test_without_an_endpoint_a_span_costs_nothing_and_says_nothing():
    traces.configure(None)
    with traces.span("job", job="x") as note:
        note(read=3)


def test_a_missing_extra_is_a_fault_of_the_configuration(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigError, match="traces"):
        traces.configure("http://127.0.0.1:1/v1/traces")


def test_a_collector_that_is_down_harms_no_work(collector):
    traces.configure("http://127.0.0.1:9/v1/traces", patience=0.3)
    with traces.span("job"):
        done = True
    assert done
