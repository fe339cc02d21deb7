"""The webhook channel over real HTTP: signed, taken once, read back or left to a person, and never sent anywhere else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from pydantic import ValidationError

from connectors.testing.bench import Bench
from connectors.testing.contract import ConnectorContract
from connectors.testing.serve import serve
from connectors.testing.vault import MemoryVault
from connectors.webhook import SPEC
from connectors.webhook.mapping import body_of, named_id, own_ref
from connectors.webhook.sandbox import PATH, SECRET, TOKEN, WebhookReceiver
from connectors.webhook.signing import headers_of, key_of
from core.actions import InvoiceMention, OpenTicket, PostNote, SendInvoice, SendReminder, idempotency_key
from core.clock import ManualClock
from core.errors import AuthExpired, OutcomeUnknown, Rejected, Transient
from core.money import Money
from core.ports import Capability, ConnectionContext
from core.records import Ref, Role, Stream

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
MENTION = InvoiceMention(
    connection="books", ref=Ref("1"), digest="d", number="1001", open=Money(123_45, "EUR"), due_on=date(2026, 4, 1)
)
STEP = {"connection": "crm", "account": "acme", "stage": "reminder_7", "cycle": "books:1@2026-04-01", "invoices": (MENTION,)}
REMINDER = SendReminder(**STEP, to=("ap@acme.example",), subject="Due: 1001", text="Dear Zoë", html="<p>Zoë</p>", locale="de-DE")
KEY = idempotency_key(REMINDER)


@contextmanager
def connected(clock, url, **keys):
    given = {"url": url, "secret": SECRET, "token": TOKEN, "read_back": True, "tasks": True, "notes": True, **keys}
    context = ConnectionContext(
        name="crm",
        role=Role.CHANNEL,
        settings=SPEC.settings.model_validate(given),
        clock=clock,
        vault=MemoryVault(),
        timezone="UTC",
        currency="EUR",
    )
    connector = SPEC.build(context)
    try:
        yield connector
    finally:
        connector.close()


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
def receiver(clock):
    return WebhookReceiver(clock)


@pytest.fixture
def at(receiver):
    """The receiver over real HTTP: its address."""
    with serve(receiver) as base:
        yield base + PATH


# ── the contract, for a receiver that cannot be asked ───────────────────────────────────────────────────────────────────
class Deaf(Bench):
    """A receiver that answers no questions."""

    def keys(self):
        return {**super().keys(), "read_back": False}

    def reads_back(self, action):
        return False


class TestReceiverThatCannotBeAsked(ConnectorContract):
    @pytest.fixture
    def spec(self):
        return SPEC

    @pytest.fixture
    def bench(self, spec):
        made = Deaf(spec)
        yield made
        made.close()


# ── what arrives ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_reminder_says_everything_a_mail_would(clock, receiver, at):
    with connected(clock, at) as crm:
        receipt = crm.push(REMINDER, KEY)
    assert receipt.ref == f"m-{KEY[:8]}"
    said = receiver.taken[KEY]
    assert (said["type"], said["id"], said["version"]) == ("reminder", KEY, 1)
    assert (said["to"], said["subject"], said["text"], said["locale"]) == (["ap@acme.example"], "Due: 1001", "Dear Zoë", "de-DE")
    assert said["invoices"] == [
        {
            "connection": "books",
            "ref": "1",
            "number": "1001",
            "open": {"minor": 12345, "currency": "EUR", "text": "123.45"},
            "due_on": "2026-04-01",
        }
    ]


def test_tasks_and_notes_have_their_own_shape(clock, receiver, at):
    task = OpenTicket(**STEP, party_ref=Ref("C7"), summary="Call Acme", body="Ask.")
    note = PostNote(connection="crm", account="acme", stream=Stream.INVOICES, ref=Ref("1"), text="sent", cause="contact 1")
    with connected(clock, at) as crm:
        for action in (task, note):
            crm.push(action, idempotency_key(action))
    shapes = {said["type"]: said for said in receiver.taken.values()}
    assert (shapes["task"]["client_ref"], shapes["task"]["summary"]) == ("C7", "Call Acme")
    assert shapes["note"]["record"] == {"stream": "invoices", "ref": "1"}


def test_the_same_action_is_the_same_bytes_and_what_is_not_sent_this_way_has_none():
    assert body_of(REMINDER, KEY) == body_of(REMINDER, KEY)
    mail = SendInvoice(connection="crm", account="a", stage="created", cycle="1", invoice=MENTION)
    assert body_of(mail, idempotency_key(mail)) is None


# ── the signature ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_signature_is_that_of_the_published_example():
    """The example of the Standard Webhooks specification, its figures taken over."""
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at_ = datetime.fromtimestamp(1614265330, UTC)
    made = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at=at_, keys=[key])
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert made["webhook-timestamp"] == "1614265330"


def test_while_secrets_change_over_both_signatures_are_sent():
    keys = [key_of("x" * 24), key_of("y" * 24)]
    made = headers_of("m", b"{}", at=NOW, keys=keys)["webhook-signature"].split()
    signed = f"m.{int(NOW.timestamp())}.{{}}".encode()
    assert made == ["v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]


@pytest.mark.parametrize("secret", ["short", "whsec_c2hvcnQ=", "whsec_not base64 at all, not at all"])
def test_a_weak_or_broken_secret_is_refused_before_anything_is_signed(clock, secret):
    with pytest.raises(Rejected, match="crm: "), connected(clock, "https://hooks.example/x", secret=secret):
        pass


def test_a_message_played_again_later_is_refused_and_at_once_does_nothing(clock, receiver, at):
    with connected(clock, at, read_back=False) as crm:
        crm.push(REMINDER, KEY)
    body = body_of(REMINDER, KEY)
    captured = {**headers_of(KEY, body, at=clock.now(), keys=[key_of(SECRET)]), "authorization": f"Bearer {TOKEN}"}
    with httpx.Client(trust_env=False) as thief:
        assert thief.post(at, content=body, headers=captured).status_code == 200
        assert thief.post(at, content=body.replace(b"1001", b"9999"), headers=captured).status_code == 401
        clock.advance(timedelta(minutes=6))
        assert thief.post(at, content=body, headers=captured).status_code == 401
    assert receiver.acted[KEY] == 1


def test_a_wrong_secret_says_what_to_look_at_and_is_no_refusal_for_good(clock, at):
    with connected(clock, at, secret="another secret of enough length") as crm:
        with pytest.raises(AuthExpired, match="same secret") as caught:
            crm.push(REMINDER, KEY)
        assert not crm.probe().ok
    assert "another secret" not in str(caught.value)


# ── what an answer proves ───────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("E25")
@pytest.mark.parametrize("answer", [b"ok", b"{}", b'{"id": "another"}', b"[]", b""])
def test_a_2xx_that_does_not_name_the_message_is_no_receipt(clock, receiver, at, answer):
    receiver.levers.answer_next(lambda: httpx.Response(200, content=answer), times=2)
    with connected(clock, at, read_back=False) as crm, pytest.raises(OutcomeUnknown, match="without naming"):
        crm.push(REMINDER, KEY)
    with connected(clock, at, read_back=False, receipt="status") as crm:
        assert crm.push(REMINDER, KEY).ref == KEY


@pytest.mark.req("E25")
@pytest.mark.parametrize(("status", "body"), [(404, b""), (404, b'{"id": "another"}'), (200, b"{}"), (204, b"")])
def test_a_missing_page_is_not_the_word_that_nothing_was_sent(clock, receiver, at, status, body):
    receiver.levers.answer_next(lambda: httpx.Response(status, content=body))
    with connected(clock, at) as crm:
        with pytest.raises(OutcomeUnknown):
            crm.find_pushed(REMINDER, KEY)
        assert crm.find_pushed(REMINDER, KEY) is None


def test_what_the_receiver_already_has_is_not_sent_again(clock, receiver, at):
    with connected(clock, at) as crm:
        first = crm.push(REMINDER, KEY)
        second = crm.push(REMINDER, KEY)
    assert (first.ref, first.found, second.ref, second.found) == (second.ref, False, first.ref, True)
    assert [item.method for item in receiver.levers.log].count("POST") == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Rejected), (409, Rejected), (410, Rejected), (413, Rejected), (422, Rejected), (429, Transient), (503, Transient)],
)
def test_a_refusal_says_what_follows(clock, receiver, at, status, kind):
    receiver.levers.answer_next(lambda: httpx.Response(status, content=b"no\r\nsuch \x1b[31mthing"))
    with connected(clock, at, read_back=False) as crm, pytest.raises(kind) as caught:
        crm.push(REMINDER, KEY)
    assert type(caught.value) is not OutcomeUnknown
    assert "\x1b" not in str(caught.value)
    assert receiver.acted[KEY] == 0


@pytest.mark.req("E25")
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_error_may_come_after_it_acted(clock, receiver, at, status):
    receiver.levers.fail_next(status, only=lambda request: request.method == "POST", act=True)
    with connected(clock, at) as crm:
        with pytest.raises(OutcomeUnknown):
            crm.push(REMINDER, KEY)
        found = crm.find_pushed(REMINDER, KEY)
    assert found is not None
    assert receiver.acted[KEY] == 1


def test_a_redirect_elsewhere_is_not_followed(clock, receiver, at):
    receiver.levers.answer_next(lambda: httpx.Response(308, headers={"location": "https://elsewhere.example/take"}))
    with connected(clock, at, read_back=False) as crm, pytest.raises(Rejected, match="not one of the vendor's addresses"):
        crm.push(REMINDER, KEY)


@pytest.mark.parametrize("body", [b'{"id": 7}', b"\xff", b'{"ref": true}', b"null"])
def test_odd_answers_name_nothing(body):
    assert named_id(body) is None
    assert own_ref(body) is None
    assert own_ref(b'{"ref": 12}') == "12"


# ── doctor, settings, and what it is not ────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("read_back", "second"), [(True, True), (False, None)])
def test_the_probe_asks_without_sending(clock, receiver, at, read_back, second):
    with connected(clock, at, read_back=read_back) as crm:
        probe = crm.probe()
    assert [check.ok for check in probe.checks] == [True, second]
    assert receiver.taken == {}
    assert [item.writes for item in receiver.levers.log] == [False]


def test_a_receiver_that_is_away_is_told_with_what_to_do(clock):
    with serve(WebhookReceiver(clock)) as base:
        gone = base + PATH
    with connected(clock, gone) as crm:
        probe = crm.probe()
        with pytest.raises(Transient):
            crm.push(REMINDER, KEY)
    assert not probe.ok
    assert "Check the network" in probe.checks[0].remedy


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"url": "http://hooks.example/x"}, "use https"),
        ({"url": "hooks.example"}, "whole address"),
        ({"url": "https://user:pw@hooks.example/x"}, "no name or password"),
        ({"reminders": False}, "nothing is sent there"),
        ({"hook": "x"}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(keys, problem):
    given = {"url": "https://hooks.example/x", "secret": SECRET, **keys}
    with pytest.raises(ValidationError, match=problem):
        SPEC.settings.model_validate(given)


def test_it_pulls_nothing_and_writes_what_is_switched_on(clock):
    settings = SPEC.settings.model_validate({"url": "https://hooks.example/x", "secret": SECRET})
    assert SPEC.writes(settings) == {Capability.SEND_REMINDER}
    with connected(clock, "https://hooks.example/x") as crm:
        assert crm.streams() == {}
        for call in (
            lambda: crm.pull(Stream.INVOICES, None),
            lambda: crm.reread(Stream.INVOICES, Ref("1")),
            lambda: crm.parse_webhook({}, b""),
        ):
            with pytest.raises(Rejected):
                call()


def test_no_secret_shows_in_an_error_or_a_repr(clock, receiver, at):
    receiver.levers.answer_next(lambda: httpx.Response(400, text=f"bad header Bearer {TOKEN}"))
    with connected(clock, at, read_back=False) as crm:
        with pytest.raises(Rejected) as caught:
            crm.push(REMINDER, KEY)
        shown = f"{caught.value} {caught.value!r} {crm!r}"
    assert TOKEN not in shown
    assert SECRET not in shown
    assert json.loads(body_of(REMINDER, KEY))["id"] == KEY
