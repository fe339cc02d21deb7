"""What comes back: bounces with their address and our key, replies with what the client wrote, and nothing from machines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from connectors.smtp.archive import ArchiveUnreadable, ImapArchive
from connectors.smtp.inbox import read_inbox
from connectors.smtp.incoming import Incoming, IncomingKind, contact_of, read_mail
from connectors.smtp.mapping import message_id
from connectors.smtp.settings import ImapSettings
from core.actions import IdempotencyKey
from core.clock import ManualClock
from core.dunning.recipients import dead_addresses
from core.errors import OutcomeUnknown, Transient
from core.outbox import ContactKind, PastContact
from tests.unit.connectors.smtp.imap import HOST, Box, imap_server
from tests.unit.connectors.smtp.test_connector import ACTION, KEY, connected

OURS = message_id(KEY, "noreply@bright.example")


def mail(*headers: str, body: str = "Hello") -> bytes:
    return "\n".join((*headers, "", body)).encode()


def bounce(action: str = "failed", status: str = "5.1.1", *, quoted: str = f"Message-ID: {OURS}") -> bytes:
    return mail(
        "From: Mail Delivery <mailer-daemon@mx.example>",
        "Return-Path: <>",
        "Date: Tue, 17 Mar 2026 10:00:00 +0100",
        "Subject: Undelivered",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B"',
        body=f"""--B
Content-Type: text/plain

Your mail did not arrive.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; ap@acme.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 no such user

--B
Content-Type: text/rfc822-headers

Subject: A reminder
{quoted}

--B--
""",
    )


@pytest.mark.req("E23")
@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.1.1", IncomingKind.FAILED),
        ("delayed", "4.2.2", IncomingKind.DELAYED),
        ("", "5.7.1", IncomingKind.FAILED),
        ("delivered", "2.0.0", IncomingKind.OTHER),
    ],
)
def test_a_bounce_names_the_address_and_our_message(action: str, status: str, kind: IncomingKind):
    found = read_mail(bounce(action, status))
    assert found.kind is kind
    if kind is not IncomingKind.OTHER:
        assert (found.addresses, found.keys) == (("ap@acme.example",), (KEY,))
        assert found.status == f"{status} smtp; 550 no such user"
    assert found.at == datetime(2026, 3, 17, 9, 0, tzinfo=UTC)


def test_a_bounce_that_quotes_only_our_own_header_is_ours():
    assert read_mail(bounce(quoted=f"X-duesync-Key: {KEY}")).keys == (KEY,)
    assert read_mail(bounce(quoted="Message-ID: <other@x>")).keys == ()


@pytest.mark.req("E22", "E45")
def test_a_reply_is_known_by_what_it_answers_and_kept_without_the_quote():
    found = read_mail(
        mail(
            "From: Dana <Dana@acme.example>",
            f"In-Reply-To: {OURS}",
            "Subject: Re: A reminder",
            body="We paid last week.\n\nDana\n\nOn Tue, Mar 17, 2026 Bright IT wrote:\n> Please pay",
        )
    )
    assert found == Incoming(
        kind=IncomingKind.REPLY,
        keys=(KEY,),
        addresses=("Dana@acme.example",),
        subject="Re: A reminder",
        excerpt="We paid last week. Dana",
    )


@pytest.mark.parametrize(
    "header", ["Auto-Submitted: auto-replied", "X-Autoreply: yes", "Return-Path: <>", "Subject: Out of Office: back Monday"]
)
def test_what_a_machine_wrote_is_no_reply(header: str):
    kind = read_mail(mail("From: dana@acme.example", f"References: <a@b> {OURS}", header)).kind
    assert kind is IncomingKind.AUTOMATIC


@pytest.mark.parametrize(
    "raw",
    [
        mail("From: dana@acme.example", "Subject: lunch?"),
        mail(f"In-Reply-To: {OURS}"),
        b"",
        b"\x00\xff\xfe",
        mail("Content-Type: multipart/report; boundary=x", "From: a@b.example"),
    ],
)
def test_other_mail_is_other_mail(raw: bytes):
    assert read_mail(raw).kind is IncomingKind.OTHER


@settings(max_examples=80, deadline=None)
@given(raw=st.binary(max_size=300), cut=st.integers(0, 1200))
def test_no_mail_is_too_broken_to_read(raw: bytes, cut: int):
    for broken in (raw, bounce()[:cut] + raw, mail(f"In-Reply-To: {OURS}", "From: a@b.example") + raw):
        assert read_mail(broken).kind in IncomingKind


@pytest.mark.req("E22", "E23", "E45", "A108")
def test_what_came_back_becomes_a_contact_of_the_client():
    sent = PastContact(
        account="acme", kind=ContactKind.MESSAGE, at=datetime(2026, 3, 16, tzinfo=UTC), channel="mail", outbox_id="7"
    )
    now = datetime(2026, 3, 18, tzinfo=UTC)
    hard, soft = (contact_of(read_mail(raw), sent, connection="mail", now=now) for raw in (bounce(), bounce("delayed", "4.2.2")))
    assert hard is not None
    assert (hard.kind, hard.to, hard.account, hard.outbox_id) == (ContactKind.BOUNCE, ("ap@acme.example",), "acme", None)
    assert dead_addresses([hard]) == {"ap@acme.example"}
    assert soft is not None
    assert dead_addresses([soft]) == frozenset()
    answer = mail("From: d@acme.example", f"In-Reply-To: {OURS}", body="Paid on Monday")
    reply = contact_of(read_mail(answer), sent, connection="mail", now=now)
    assert reply is not None
    assert (reply.kind, reply.outcome) == (ContactKind.REPLY, "Paid on Monday")
    machine = mail("From: d@acme.example", f"In-Reply-To: {OURS}", "Auto-Submitted: auto-replied")
    assert contact_of(read_mail(machine), sent, connection="mail", now=now) is None


# ── over IMAP ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def settings_of(port: int, password: str = "open sesame") -> ImapSettings:
    given = {"host": HOST, "port": port, "security": "none", "username": "duesync", "password": password, "timeout": 3.0}
    return ImapSettings.model_validate(given)


def test_a_mailbox_is_read_from_where_it_stopped(clock: ManualClock):
    box = Box(mails={3: bounce(), 5: mail("From: a@b.example", f"In-Reply-To: {OURS}")})
    with imap_server(box) as port:
        first = read_inbox(settings_of(port), None, connection="mail")
        assert [item.kind for item in first.mails] == [IncomingKind.FAILED, IncomingKind.REPLY]
        assert (first.position, first.more) == ("1:5", False)
        again = read_inbox(settings_of(port), first.position, connection="mail")
        assert (again.mails, again.position) == ((), "1:5")
        box.mails[9] = bounce("delayed", "4.0.0")
        assert len(read_inbox(settings_of(port), first.position, connection="mail").mails) == 1
        inbox = {"host": HOST, "port": port, "security": "none", "username": "duesync", "password": "open sesame"}
        with connected(clock, 9, inbox=inbox) as sender:
            through = sender.incoming(first.position)
            assert through is not None
            assert through.position == "1:9"
        with connected(clock, 9) as sender:
            assert sender.incoming(None) is None
    assert not any("STORE" in item or "EXPUNGE" in item for item in box.commands)
    assert all(item.startswith("EXAMINE") for item in box.commands if "INBOX" in item)


def test_a_mailbox_made_anew_is_read_from_the_beginning():
    box = Box(mails={1: bounce()}, validity=8)
    with imap_server(box) as port:
        found = read_inbox(settings_of(port), "7:400", connection="mail")
    assert (len(found.mails), found.position) == (1, "8:1")


def test_an_empty_mailbox_has_a_position_too():
    with imap_server(Box()) as port:
        assert read_inbox(settings_of(port), None, connection="mail").position == "1:0"


@pytest.mark.parametrize("command", ["LOGIN", "EXAMINE", "UID SEARCH", "UID FETCH"])
@pytest.mark.parametrize("how", ["broken", "hang_up"])
def test_a_mailbox_that_fails_is_transient(command: str, how: str):
    box = Box(mails={1: bounce()})
    getattr(box, how).add(command)
    with imap_server(box) as port, pytest.raises(Transient):
        read_inbox(settings_of(port), None, connection="mail")


def test_a_password_a_name_and_a_mailbox_may_have_any_letters():
    box = Box(mails={3: bounce()})
    with imap_server(box) as port:
        for changed in ({"password": "Öffne dich, Sesam"}, {"username": "due sync", "password": "sesam"}):
            given = settings_of(port).model_copy(update={**changed, "password": SecretStr(changed["password"])})
            found = read_inbox(given, None, connection="mail")
            assert len(found.mails) == 1
        with pytest.raises(Transient) as caught:
            read_inbox(settings_of(port, "höchst geheim"), None, connection="mail")
        assert "geheim" not in str(caught.value)
        read_inbox(settings_of(port).model_copy(update={"folder": "Rückläufer & Co/日本"}), None, connection="mail")
    assert 'EXAMINE "R&APw-ckl&AOQ-ufer &- Co/&ZeVnLA-"' in box.commands


def test_a_wrong_password_is_told_without_it():
    with imap_server(Box()) as port, pytest.raises(Transient) as caught:
        read_inbox(settings_of(port, "hunter2"), None, connection="mail")
    assert "hunter2" not in str(caught.value)


@pytest.mark.req("E25")
def test_a_copy_is_found_in_a_mailbox(clock: ManualClock):
    box = Box(mails={4: mail(f"Message-ID: {OURS}", "Subject: x")})
    archive = {"host": HOST, "security": "none", "username": "duesync", "password": "open sesame"}
    with imap_server(box) as port, connected(clock, 9, archive={**archive, "port": port}) as sender:
        found = sender.find_pushed(ACTION, KEY)
        assert found is not None
        assert found.found
        box.mails.clear()
        with pytest.raises(OutcomeUnknown, match="not arrived"):
            sender.find_pushed(ACTION, KEY)
        clock.advance(timedelta(minutes=15))
        assert sender.find_pushed(ACTION, KEY) is None
        box.broken.add("SEARCH")
        with pytest.raises(OutcomeUnknown):
            sender.find_pushed(ACTION, KEY)


def test_a_mailbox_that_is_not_there_cannot_say_no():
    with pytest.raises(ArchiveUnreadable):
        ImapArchive(settings_of(9)).holds(message_id(IdempotencyKey("0" * 40), "a@b.example"))
