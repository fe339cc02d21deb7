"""Webhooks count only when Intuit signed them, and say which records to look at, in both shapes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from core.errors import Rejected
from core.records import Stream


def signed(rig, body: bytes, *, header: str = "intuit-signature") -> dict[str, str]:
    digest = hmac.new(rig.box.verifier.encode(), body, hashlib.sha256).digest()
    return {header: base64.b64encode(digest).decode()}


def hints(rig, payload):
    body = json.dumps(payload).encode()
    return [(hint.stream, hint.ref) for hint in rig.qbo.parse_webhook(signed(rig, body), body)]


def legacy(realm: str, *entities: dict[str, str]) -> dict[str, object]:
    return {"eventNotifications": [{"realmId": realm, "dataChangeEvent": {"entities": list(entities)}}]}


def cloud(realm: str, kind: str, ref: str = "7", **more: object) -> dict[str, object]:
    return {"specversion": "1.0", "id": f"id-{kind}-{ref}", "type": kind, "intuitentityid": ref, "intuitaccountid": realm, **more}


@pytest.mark.parametrize("cloud_shape", [True, False], ids=["cloud", "legacy"])
def test_what_happens_in_the_company_arrives_as_hints(rig, cloud_shape):
    customer = rig.customer()
    bill = rig.invoice(customer)
    paid = rig.payment(customer, 100, {bill: 100})
    headers, body = rig.box.webhook(cloud=cloud_shape)
    found = {(hint.stream, hint.ref) for hint in rig.qbo.parse_webhook(headers, body)}
    assert found == {(Stream.PARTIES, customer), (Stream.INVOICES, bill), (Stream.PAYMENTS, paid)}
    assert rig.qbo.parse_webhook(*rig.box.webhook(cloud=cloud_shape)) == []


@pytest.mark.parametrize("verb", ["created", "updated", "deleted", "merged", "emailed", "void", "voided"])
def test_every_verb_of_the_cloud_shape_is_a_hint(rig, verb):
    assert hints(rig, [cloud(rig.box.realm, f"qbo.creditmemo.{verb}.v1")]) == [(Stream.CREDIT_NOTES, "7")]


@pytest.mark.parametrize("key", ["deletedId", "deletedID"])
def test_a_merge_names_the_customer_that_vanished_too(rig, key):
    event = {"name": "Customer", "id": "1", "operation": "Merge", "lastUpdated": "2026-05-05T00:00:00Z", key: "2"}
    assert hints(rig, legacy(rig.box.realm, event)) == [(Stream.PARTIES, "1"), (Stream.PARTIES, "2")]


def test_other_companies_and_other_entities_are_left_out(rig):
    ours = cloud(rig.box.realm, "qbo.invoice.updated.v1")
    others = [
        cloud("1", "qbo.invoice.updated.v1"),
        cloud(rig.box.realm, "qbo.vendor.updated.v1"),
        cloud(rig.box.realm, "strange"),
    ]
    assert hints(rig, [*others, ours]) == [(Stream.INVOICES, "7")]
    assert hints(rig, legacy("1", {"name": "Invoice", "id": "1"})) == []


def test_the_recorded_bodies_of_both_shapes_are_read(rig, shared):
    for name in ("webhook_cloudevents.json", "webhook_legacy.json"):
        body = (shared / "fixtures/quickbooks/wire-samples" / name).read_bytes()
        assert rig.qbo.parse_webhook(signed(rig, body), body) == []  # another company's, about an account


def test_the_same_event_sent_twice_has_one_id(rig):
    event = cloud(rig.box.realm, "qbo.invoice.updated.v1")
    body = json.dumps([event, event]).encode()
    assert len(rig.qbo.parse_webhook(signed(rig, body), body)) == 1


def test_header_names_count_in_any_case(rig):
    body = json.dumps([cloud(rig.box.realm, "qbo.invoice.updated.v1")]).encode()
    assert rig.qbo.parse_webhook(signed(rig, body, header="Intuit-Signature"), body)


@pytest.mark.parametrize("headers", [{}, {"intuit-signature": ""}, {"intuit-signature": "AAAA"}, {"intuit-signature": "ü"}])
def test_an_unsigned_webhook_is_refused(rig, headers):
    with pytest.raises(Rejected, match="signature"):
        rig.qbo.parse_webhook(headers, b"[]")


def test_one_changed_byte_breaks_the_signature(rig):
    rig.customer()
    headers, body = rig.box.webhook()
    with pytest.raises(Rejected, match="signature"):
        rig.qbo.parse_webhook(headers, body + b" ")


def test_without_a_verifier_nothing_is_believed(rigged):
    rig = rigged(webhook_verifier=None)
    with pytest.raises(Rejected, match="verifier"):
        rig.qbo.parse_webhook(*rig.box.webhook())


@pytest.mark.parametrize("body", [b"", b"{", b"5", b'"x"', b"[1]", b'{"eventNotifications": 5}', b'[{"type": []}]'])
def test_a_signed_but_broken_body_is_refused_in_plain_words(rig, body):
    with pytest.raises(Rejected, match="cannot be read"):
        rig.qbo.parse_webhook(signed(rig, body), body)
