"""Xero's webhooks: only what Xero signed is listened to, and it only says where to look."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.xero import webhooks
from core.errors import Rejected
from core.records import Stream
from tests.unit.connectors.xero.kit import Stage


def test_intent_to_receive_is_answered_as_xero_checks_it(at_xero: Stage) -> None:
    deliveries = at_xero.box.intent_to_receive()
    assert {good for _, _, good in deliveries} == {True, False}
    for headers, body, good in deliveries:
        if good:
            assert at_xero.connector.parse_webhook(headers, body) == []
        else:
            with pytest.raises(Rejected, match="signature"):
                at_xero.connector.parse_webhook(headers, body)


def test_the_published_vector_holds() -> None:
    body = b'{"events":[],"lastEventSequence":0,"firstEventSequence":0,"entropy":"S0m3r4Nd0mt3xt"}'
    headers = {"X-Xero-Signature": "qAYGQdoiCV3g0uAzbvP5M/6dDgNoDUK8EQfOLs1aIws="}
    assert webhooks.hints(headers, body, key="test-webhook-key", tenant=None, connection="xero") == []
    with pytest.raises(Rejected):
        webhooks.hints(headers, body + b" ", key="test-webhook-key", tenant=None, connection="xero")


@pytest.mark.parametrize(
    ("category", "stream"),
    [
        ("INVOICE", Stream.INVOICES),
        ("CONTACT", Stream.PARTIES),
        ("CREDITNOTE", Stream.CREDIT_NOTES),
        ("OVERPAYMENT", Stream.PAYMENTS),
        ("PREPAYMENT", Stream.PAYMENTS),
    ],
)
def test_an_event_hints_at_its_record(at_xero: Stage, category: str, stream: Stream) -> None:
    headers, body = at_xero.box.webhook(category, "r-1")
    (hint,) = at_xero.connector.parse_webhook(headers, body)
    (again,) = at_xero.connector.parse_webhook(headers, body)
    assert (hint.stream, hint.ref) == (stream, "r-1")
    assert hint.event_id == again.event_id


def test_events_of_other_tenants_and_kinds_are_passed_over(at_xero: Stage) -> None:
    connector = at_xero.connect(tenant_id=at_xero.box.tenant_id)
    for headers, body in (at_xero.box.webhook("INVOICE", "r-1", tenant="t-2"), at_xero.box.webhook("SUBSCRIPTION", "r-1")):
        assert connector.parse_webhook(headers, body) == []
    assert connector.parse_webhook(*at_xero.box.webhook("INVOICE", "r-1"))
    connector.close()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"events": [{}]}', b"\xff"])
def test_a_signed_body_that_is_no_delivery_is_refused(at_xero: Stage, body: bytes) -> None:
    headers, raw = at_xero.box._signed(body)
    with pytest.raises(Rejected, match="not a delivery"):
        at_xero.connector.parse_webhook(headers, raw)


def test_without_a_key_nothing_is_believed(at_xero: Stage) -> None:
    connector = at_xero.connect(webhook_key=None)
    headers, body = at_xero.box.webhook("INVOICE", "r-1")
    with pytest.raises(Rejected, match="webhook_key"):
        connector.parse_webhook(headers, body)
    connector.close()


def test_recorded_deliveries_are_read(at_xero: Stage, shared: Path) -> None:
    connector = at_xero.connect(tenant_id=None)
    for name, streams in (
        ("contact_update", [Stream.PARTIES]),
        ("creditnote_create", [Stream.CREDIT_NOTES]),
        ("intent_to_receive", []),
    ):
        delivery = json.loads((shared / f"fixtures/xero/docs_examples/webhook_{name}.json").read_text())
        headers, raw = at_xero.box._signed(json.dumps(delivery).encode())
        assert [hint.stream for hint in connector.parse_webhook(headers, raw)] == streams
    connector.close()
