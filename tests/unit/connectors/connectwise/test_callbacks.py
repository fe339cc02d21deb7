"""Callbacks: genuine ones hint, forged ones are refused without asking a stranger, dead ones are brought back."""

from __future__ import annotations

import json
from datetime import timedelta

import httpx
import pytest

from connectors.connectwise.callbacks import signature_of
from core.errors import Rejected
from core.records import Ref, Stream
from tests.unit.connectors.connectwise.kit import URL

HOOK = "https://daemon.example/webhooks/cw?recordId="


def test_the_computed_signature_vector_holds(shared):
    folder = shared / "fixtures/connectwise/callbacks"
    vector = json.loads((folder / "SIGNATURE_VECTOR.json").read_text())
    body = (folder / vector["body_file"]).read_bytes()
    assert signature_of(body, vector["signing_key"]) == vector["expected"]


@pytest.mark.parametrize("name", ["contact-update.json", "contact-delete.json"])
def test_a_recorded_callback_becomes_one_hint(staged, shared, name):
    body = (shared / "fixtures/connectwise/callbacks" / name).read_bytes()
    stage = staged(site="sandbox-na.myconnectwise.net", company_id="Cobalt")
    stage.box.callbacks.company = "Cobalt"
    headers = {"X-Content-Signature": stage.box.callbacks.sign(body)}
    (hint,) = stage.psa.parse_webhook(headers, body)
    assert (hint.stream, hint.ref) == (Stream.CONTACTS, str(json.loads(body)["ID"]))
    assert hint.event_id == json.loads(body)["MessageId"]


def payload(**changes):
    return {
        "Action": "updated",
        "ID": 7,
        "CompanyId": "acme",
        "MessageId": "m-1",
        "Metadata": {"key_url": f"{URL}/v2025_1//system/callbackkey/index.rails?companyName=acme&id=1"},
        "Type": "invoice",
        **changes,
    }


def signed(stage, **changes):
    body = json.dumps(payload(**changes)).encode()
    return {"x-content-signature": stage.box.callbacks.sign(body)}, body


def test_the_key_is_asked_for_once_and_with_our_keys_only_where_it_must_be(at_cw):
    at_cw.box.key_page_signed = True
    for _ in range(3):
        at_cw.psa.parse_webhook(*signed(at_cw))
    asked = [item for item in at_cw.box.levers.log if "callbackkey" in item.path]
    assert [item.status for item in asked] == [401, 200]


def test_a_key_that_was_exchanged_is_asked_for_again(at_cw):
    at_cw.psa.parse_webhook(*signed(at_cw))
    at_cw.box.callbacks.signing_key = "a new key"
    assert at_cw.psa.parse_webhook(*signed(at_cw))


EVIL = [
    "https://evil.example/system/callbackkey/index.rails?companyName=acme",
    "http://na.myconnectwise.net/v2025_1//system/callbackkey/index.rails?companyName=acme",
    "https://na.myconnectwise.net.evil.example/v//system/callbackkey/index.rails?companyName=acme",
    "https://user@evil.example@na.myconnectwise.net/system/callbackkey/index.rails?companyName=acme",
    "https://na.myconnectwise.net/v2025_1//system/callbackkey/index.rails?companyName=attacker",
    "https://na.myconnectwise.net/v2025_1//system/callbackkey/index.rails?companyName=acme&companyName=attacker",
    "https://na.myconnectwise.net/uploads/key.json?companyName=acme",
    "https://eu.myconnectwise.net/v2025_1//system/callbackkey/index.rails?companyName=acme",
    "file:///system/callbackkey/?companyName=acme",
    "https://[bad/system/callbackkey/?companyName=acme",
    7,
    None,
]


@pytest.mark.parametrize("url", EVIL)
def test_a_key_is_never_asked_of_a_stranger(at_cw, url):
    headers, body = signed(at_cw, Metadata={"key_url": url})
    at_cw.calls()
    with pytest.raises(Rejected):
        at_cw.psa.parse_webhook(headers, body)
    assert at_cw.calls() == 0


def test_a_redirect_of_the_key_page_is_not_followed_to_a_stranger(at_cw):
    away = httpx.Response(302, headers={"location": "https://evil.example/key"})
    at_cw.box.levers.answer_next(lambda: away, only=lambda request: "callbackkey" in request.url.path)
    with pytest.raises(Rejected):
        at_cw.psa.parse_webhook(*signed(at_cw))
    assert len(at_cw.box.levers.log) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b"{}", b'{"Metadata": 1}', b"[" * 100_000])
def test_a_body_that_is_no_callback_is_refused(at_cw, body):
    with pytest.raises(Rejected):
        at_cw.psa.parse_webhook({"x-content-signature": "AAAA"}, body)


def test_a_callback_without_a_signature_or_with_a_changed_body_is_refused(at_cw):
    headers, body = signed(at_cw)
    for given, content in (({}, body), (headers, body.replace(b"7", b"8")), ({"x-content-signature": ""}, body)):
        with pytest.raises(Rejected, match="signature"):
            at_cw.psa.parse_webhook(given, content)


def test_a_callback_of_a_kind_we_do_not_read_hints_at_nothing(at_cw):
    assert at_cw.psa.parse_webhook(*signed(at_cw, Type="opportunity")) == []
    assert at_cw.psa.parse_webhook(*signed(at_cw, ID="x")) == []


# ── registrations ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def hooked(staged):
    stage = staged(webhook={"url": HOOK, "keep_registered": True})
    stage.invoice(stage.company())
    stage.pages(Stream.PARTIES)
    return stage


@pytest.mark.reliability("connectwise:28")
def test_registering_twice_is_harmless(hooked):
    kinds = sorted(row["type"] for row in hooked.tenant.rows("system/callbacks"))
    assert kinds == ["agreement", "company", "contact", "invoice", "ticket", "time"]
    hooked.later(days=2)
    hooked.pages(Stream.PARTIES)
    assert len(list(hooked.tenant.rows("system/callbacks"))) == 6


@pytest.mark.reliability("connectwise:28")
def test_a_callback_that_exists_though_the_list_hides_it_is_no_error(hooked, shared):
    known = json.loads((shared / "fixtures/connectwise/errors/400-callback-objectexists.json").read_text())
    hooked.tenant.table("system/callbacks").clear()
    hooked.box.levers.answer_next(lambda: httpx.Response(400, json=known), times=6, only=lambda request: request.method == "POST")
    hooked.later(days=2)
    hooked.pages(Stream.PARTIES)


@pytest.mark.reliability("connectwise:27")
def test_a_missed_callback_is_healed_by_the_next_poll_and_the_callback_switched_on_again(hooked):
    hooked.pages(Stream.INVOICES)
    hooked.box.writes.disable_callbacks(timedelta(days=3))
    owed = len(hooked.box.callbacks.owed)
    hooked.later(hours=1)
    (number,) = hooked.tenant.table("finance/invoices")
    hooked.tenant.touch("finance/invoices", number, reference="missed")
    assert len(hooked.box.callbacks.owed) == owed
    assert hooked.refs(Stream.INVOICES) == {Ref(str(number))}
    hooked.later(days=1)
    hooked.pages(Stream.PARTIES)
    assert not any(row["inactiveFlag"] for row in hooked.tenant.rows("system/callbacks"))


def test_what_the_sandbox_owes_is_genuine(hooked):
    (number,) = hooked.tenant.table("finance/invoices")
    hooked.tenant.touch("finance/invoices", number, reference="told")
    delivery = hooked.box.callbacks.owed[-1]
    (hint,) = hooked.psa.parse_webhook(delivery.headers, delivery.body)
    assert hint.ref == str(number)
    assert delivery.url.startswith(HOOK)


def test_nothing_is_registered_unasked(staged):
    stage = staged(webhook={"url": HOOK})
    stage.company()
    stage.pages(Stream.PARTIES)
    assert stage.sent() == []
