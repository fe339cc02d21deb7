"""Our own mail over real sockets: what arrives, what is refused, what is certain and what is not, and how it is found again."""

from __future__ import annotations

import email
import mailbox
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.smtp import SPEC
from connectors.smtp.archive import MaildirArchive
from connectors.smtp.connector import SmtpConnector
from connectors.smtp.mapping import KEY_HEADER, keys_in, message_id
from connectors.smtp.settings import SmtpSettings
from core.actions import InvoiceMention, PostNote, SendReminder, idempotency_key
from core.clock import ManualClock
from core.errors import AuthExpired, ConnectorError, OutcomeUnknown, Rejected, Transient
from core.money import Money
from core.ports import Capability, ConnectionContext
from core.records import Ref, Role, Stream
from tests.unit.connectors.smtp.servers import HOST, Script, certificate, scripted, sink

MENTION = InvoiceMention(connection="books", ref=Ref("1"), digest="d", number="1001", open=Money(100, "USD"), due_on=None)
ACTION = SendReminder(
    connection="mail",
    account="acme",
    stage="reminder_7",
    cycle="books:1@2026-04-01",
    to=("ap@acme.example",),
    subject="A reminder about invoice 1001",
    text="Dear Zoë,\n.\n..two dots\nOpen: 1.00 €\n",
    html="<p>Dear Zoë</p>",
    invoices=(MENTION,),
    reply_to="billing@bright.example",
    locale="en_US",
)
KEY = idempotency_key(ACTION)


@contextmanager
def connected(clock: ManualClock, port: int, **keys: Any) -> Iterator[SmtpConnector]:
    given = {"host": HOST, "port": port, "security": "none", "from_address": "noreply@bright.example", "timeout": 3.0, **keys}
    context = ConnectionContext(
        name="mail",
        role=Role.BOOKS,
        settings=SmtpSettings.model_validate(given),
        clock=clock,
        vault=None,  # type: ignore[arg-type] - mail has no tokens
        timezone="America/Chicago",
        currency="USD",
    )
    connector = SPEC.build(context)
    assert isinstance(connector, SmtpConnector)
    try:
        yield connector
    finally:
        connector.close()
        connector.close()


def kept(folder: Path) -> list[EmailMessage]:
    box = mailbox.Maildir(folder, create=False)
    try:
        mails = [email.message_from_bytes(item.as_bytes(), policy=default) for item in box]
    finally:
        box.close()
    return mails


def test_a_mail_arrives_as_it_was_written(tmp_path: Path, clock: ManualClock):
    with sink(tmp_path / "box") as (port, _), connected(clock, port, from_name="Bright IT, Inc.") as mail:
        receipt = mail.push(replace(ACTION, cc=("boss@acme.example",)), KEY)
    (got,) = kept(tmp_path / "box")
    assert receipt.ref == got["Message-ID"] == f"<{KEY}.duesync@bright.example>"
    assert receipt.at == clock.now()
    assert got["From"] == '"Bright IT, Inc." <noreply@bright.example>'
    assert (got["To"], got["Cc"], got["Reply-To"]) == ("ap@acme.example", "boss@acme.example", "billing@bright.example")
    assert (got[KEY_HEADER], got["Auto-Submitted"], got["Content-Language"]) == (KEY, "auto-generated", "en-US")
    assert got["List-Unsubscribe"] is None
    assert got["Date"].datetime == clock.now()
    plain, html = got.get_body(("plain",)), got.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == ACTION.text
    assert "<p>Dear Zoë</p>" in html.get_content()


def test_statements_carry_a_way_to_unsubscribe(tmp_path: Path, clock: ManualClock):
    with sink(tmp_path / "box") as (port, _), connected(clock, port) as mail:
        mail.push(replace(ACTION, stage="statement"), KEY)
    (got,) = kept(tmp_path / "box")
    assert got["List-Unsubscribe"].strip() == f"<mailto:billing@bright.example?subject=unsubscribe%20{KEY[:12]}>"


@pytest.mark.req("E25")
def test_same_key_twice_acts_once_where_an_archive_is(tmp_path: Path, clock: ManualClock):
    with sink(tmp_path / "box") as (port, _), connected(clock, port, sent_maildir=tmp_path / "box") as mail:
        first = mail.push(ACTION, KEY)
        second = mail.push(ACTION, KEY)
    assert (first.ref, first.found, second.found) == (second.ref, False, True)
    assert len(kept(tmp_path / "box")) == 1


def test_many_mails_share_a_connection(tmp_path: Path, clock: ManualClock):
    with sink(tmp_path / "box") as (port, server), connected(clock, port, per_connection=2) as mail:
        for number in range(5):
            other = replace(ACTION, cycle=str(number))
            mail.push(other, idempotency_key(other))
        assert len(server.sessions) == 3
    assert len(kept(tmp_path / "box")) == 5


def test_a_hidden_copy_goes_to_the_archive_and_bounces_return_where_told(tmp_path: Path, clock: ManualClock):
    keys = {"archive_address": "sent@bright.example", "bounce_address": "bounces@bright.example"}
    with sink(tmp_path / "box") as (port, server), connected(clock, port, **keys) as mail:
        mail.push(ACTION, KEY)
    assert server.envelopes[0].rcpt_tos == ["ap@acme.example", "sent@bright.example"]
    assert server.envelopes[0].mail_from == "bounces@bright.example"
    (got,) = kept(tmp_path / "box")
    named = {header: value for header, value in got.items() if not header.lower().startswith("x-")}  # the sink notes the envelope
    assert "sent@bright.example" not in str(named)


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_partly_refused_mail_is_sent_and_names_who_did_not_get_it(tmp_path: Path, clock: ManualClock):
    refuse = {"gone@acme.example": "550 5.1.1 no such user"}
    with sink(tmp_path / "box", refuse=refuse) as (port, _), connected(clock, port) as mail:
        receipt = mail.push(replace(ACTION, to=("ap@acme.example", "gone@acme.example")), KEY)
    assert receipt.detail.endswith("refused: gone@acme.example (550 5.1.1 no such user)")
    assert len(kept(tmp_path / "box")) == 1


@pytest.mark.req("E23")
@pytest.mark.parametrize(("reply", "error"), [("550 no such user", Rejected), ("450 greylisted, try later", Transient)])
def test_a_refused_recipient_is_an_error_even_where_the_archive_took_it(
    tmp_path: Path, clock: ManualClock, reply: str, error: type[ConnectorError]
):
    keys = {"archive_address": "sent@bright.example"}
    with (
        sink(tmp_path / "box", refuse={"ap@acme.example": reply}) as (port, _),
        connected(clock, port, **keys) as mail,
        pytest.raises(error, match=r"ap@acme\.example"),
    ):
        mail.push(ACTION, KEY)
    assert kept(tmp_path / "box") == []


@pytest.mark.parametrize(
    ("command", "reply", "error"),
    [
        ("", "554 no service", Transient),
        ("", "421 busy", Transient),
        ("MAIL", "550 sender unknown", Rejected),
        ("MAIL", "451 later", Transient),
        ("MAIL", "530 authenticate first", AuthExpired),
        ("RCPT", "421 closing", Transient),
        ("DATA", "554 no valid recipients", Rejected),
        ("DATA", "451 later", Transient),
        ("BODY", "552 too large", Rejected),
        ("BODY", "452 no room", Transient),
    ],
)
def test_an_answer_becomes_an_error_by_remedy(clock: ManualClock, command: str, reply: str, error: type[ConnectorError]):
    script = Script(replies={command: reply})
    with scripted(script) as port, connected(clock, port) as mail, pytest.raises(error) as caught:
        mail.push(ACTION, KEY)
    assert not isinstance(caught.value, OutcomeUnknown)


@pytest.mark.parametrize("command", ["", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_line_that_breaks_before_the_mail_is_handed_over_is_certain(clock: ManualClock, command: str):
    script = Script(drop={command})
    with scripted(script) as port, connected(clock, port) as mail, pytest.raises(Transient) as caught:
        mail.push(ACTION, KEY)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert script.bodies == []


@pytest.mark.req("E25")
def test_an_answer_lost_after_the_mail_is_unknown(clock: ManualClock):
    script = Script(drop={"BODY"})
    with scripted(script) as port, connected(clock, port) as mail, pytest.raises(OutcomeUnknown):
        mail.push(ACTION, KEY)
    assert len(script.bodies) == 1
    assert b"\r\n...two dots\r\n" in script.bodies[0]


def test_a_server_that_never_answers_the_mail_is_unknown(clock: ManualClock):
    with (
        scripted(Script(replies={"BODY": ""})) as port,
        connected(clock, port, timeout=0.3) as mail,
        pytest.raises(ConnectorError),
    ):
        mail.push(ACTION, KEY)


def test_the_next_mail_gets_a_new_connection_after_a_break(clock: ManualClock):
    script = Script(drop={"MAIL"})
    with scripted(script) as port, connected(clock, port) as mail:
        with pytest.raises(Transient):
            mail.push(ACTION, KEY)
        script.drop.clear()
        assert mail.push(ACTION, KEY).detail == "OK"
    assert script.commands.count("") == 2


def test_an_idle_connection_is_greeted_first(clock: ManualClock):
    script = Script()
    with scripted(script) as port, connected(clock, port) as mail:
        mail.push(ACTION, KEY)
        clock.advance(timedelta(minutes=5))
        script.drop.add("NOOP")
        mail.push(ACTION, KEY)
    assert script.commands.count("NOOP") == 1
    assert script.commands.count("") == 2


def test_a_server_that_is_not_there_is_transient(clock: ManualClock):
    with connected(clock, 9) as mail, pytest.raises(Transient, match="cannot be reached"):
        mail.push(ACTION, KEY)


# ── encryption and login ────────────────────────────────────────────────────────────────────────────────────────────────
def test_mail_goes_encrypted_and_logged_in(tmp_path: Path, clock: ManualClock):
    pem = certificate(tmp_path)
    keys = {"security": "starttls", "ca_file": pem, "username": "duesync", "password": "open sesame"}
    with sink(tmp_path / "box", tls=pem, login=True) as (port, _), connected(clock, port, **keys) as mail:
        mail.push(ACTION, KEY)
        checks = {check.name: check.ok for check in mail.probe().checks}
    assert len(kept(tmp_path / "box")) == 1
    assert checks == {"mail server": True, "mail encryption": True, "mail archive": None}


@pytest.mark.parametrize("password", ["Öffne dich, Sesam", "Schließe dich, Sesam"])
def test_a_password_may_have_any_letters(tmp_path: Path, clock: ManualClock, password: str):
    pem = certificate(tmp_path)
    keys = {"security": "starttls", "ca_file": pem, "username": "duesync", "password": password}
    with sink(tmp_path / "box", tls=pem, login=True) as (port, _), connected(clock, port, **keys) as mail:
        if password.startswith("Ö"):
            mail.push(ACTION, KEY)
            return
        with pytest.raises(AuthExpired) as caught:
            mail.push(ACTION, KEY)
    assert "Sesam" not in str(caught.value)


def test_a_server_that_cannot_take_such_a_password_is_named(clock: ManualClock):
    script = Script(replies={"EHLO": "250-here\r\n250 AUTH CRAM-MD5"})
    keys = {"username": "duesync", "password": "Sésame"}
    with scripted(script) as port, connected(clock, port, **keys) as mail, pytest.raises(Transient, match="AUTH PLAIN"):
        mail.push(ACTION, KEY)


def test_a_wrong_password_asks_for_another(tmp_path: Path, clock: ManualClock):
    pem = certificate(tmp_path)
    keys = {"security": "starttls", "ca_file": pem, "username": "duesync", "password": "close sesame"}
    with sink(tmp_path / "box", tls=pem, login=True) as (port, _), connected(clock, port, **keys) as mail:
        with pytest.raises(AuthExpired) as caught:
            mail.push(ACTION, KEY)
        assert mail.probe().ok is False
    assert "sesame" not in str(caught.value)


def test_a_certificate_nobody_signed_is_not_believed(tmp_path: Path, clock: ManualClock):
    pem = certificate(tmp_path)
    with (
        sink(tmp_path / "box", tls=pem) as (port, _),
        connected(clock, port, security="starttls") as mail,
        pytest.raises(Transient, match="certificate"),
    ):
        mail.push(ACTION, KEY)
    assert kept(tmp_path / "box") == []


def test_a_server_without_encryption_gets_no_mail_where_it_is_asked_for(clock: ManualClock):
    with scripted(Script()) as port, connected(clock, port, security="starttls") as mail, pytest.raises(Transient):
        mail.push(ACTION, KEY)


# ── read-back ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_sent_mail_is_found_and_another_is_certainly_not_there(tmp_path: Path, clock: ManualClock):
    box = tmp_path / "box"
    with sink(box) as (port, _), connected(clock, port, sent_maildir=box) as mail:
        mail.push(ACTION, KEY)
        found = mail.find_pushed(ACTION, KEY)
        assert found is not None
        assert (found.ref, found.found) == (message_id(KEY, "noreply@bright.example"), True)
        for path in (box / "new").iterdir():
            path.rename(box / "cur" / f"{path.name}:2,S")
        assert mail.find_pushed(ACTION, KEY) is not None
        other = replace(ACTION, stage="due")
        assert mail.find_pushed(other, idempotency_key(other)) is None


def test_without_an_archive_nobody_can_tell(clock: ManualClock):
    with connected(clock, 9) as mail, pytest.raises(OutcomeUnknown, match="no archive"):
        mail.find_pushed(ACTION, KEY)


def test_an_archive_that_cannot_be_read_never_says_no(tmp_path: Path, clock: ManualClock):
    with connected(clock, 9, sent_maildir=tmp_path / "nowhere") as mail:
        with pytest.raises(OutcomeUnknown, match="cannot be read"):
            mail.find_pushed(ACTION, KEY)
        assert {check.name: check.ok for check in mail.probe().checks}["mail archive"] is False


def test_a_copy_gets_time_to_arrive(tmp_path: Path, clock: ManualClock):
    for part in ("new", "cur", "tmp"):
        (tmp_path / part).mkdir()
    with connected(clock, 9, sent_maildir=tmp_path, archive_delay=600) as mail:
        with pytest.raises(OutcomeUnknown, match="not arrived"):
            mail.find_pushed(ACTION, KEY)
        clock.advance(timedelta(seconds=599))
        with pytest.raises(OutcomeUnknown):
            mail.find_pushed(ACTION, KEY)
        clock.advance(timedelta(seconds=1))
        assert mail.find_pushed(ACTION, KEY) is None


def test_a_maildir_reads_every_mail_once(tmp_path: Path):
    for part in ("new", "cur"):
        (tmp_path / part).mkdir()
    (tmp_path / "new" / "1.a").write_bytes(b"Message-ID:\r\n <x@y>\r\n\r\nbody <z@y>")
    archive = MaildirArchive(tmp_path)
    assert archive.holds("<x@y>")
    assert not archive.holds("<z@y>")
    (tmp_path / "new" / "1.a").rename(tmp_path / "cur" / "1.a:2,S")
    assert archive.holds("<x@y>")
    (tmp_path / "cur" / "1.a:2,S").unlink()
    assert not archive.holds("<x@y>")


# ── what it does not do ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "bad",
    ["ap@acme.example\r\nBcc: all@x.example", "Ann <ap@acme.example>", "ap@acme.example, b@c.example", "", "ü@acme.example"],
)
def test_a_recipient_is_one_plain_address_or_nothing_is_sent(clock: ManualClock, bad: str):
    script = Script()
    with scripted(script) as port, connected(clock, port) as mail, pytest.raises(Rejected):
        mail.push(replace(ACTION, to=(bad,)), KEY)
    assert script.commands == []


def test_a_subject_cannot_add_headers(tmp_path: Path, clock: ManualClock):
    with sink(tmp_path / "box") as (port, _), connected(clock, port) as mail:
        mail.push(replace(ACTION, subject="Hello\r\nBcc: all@x.example"), KEY)
    (got,) = kept(tmp_path / "box")
    assert got["Subject"] == "Hello Bcc: all@x.example"
    assert got["Bcc"] is None


def test_it_sends_reminders_and_hand_overs_and_nothing_else(clock: ManualClock):
    note = PostNote(connection="mail", account="a", stream=Stream.INVOICES, ref=Ref("1"), text="x", cause="y")
    with connected(clock, 9) as mail:
        for call in (
            lambda: mail.push(note, KEY),
            lambda: mail.find_pushed(note, KEY),
            lambda: mail.reread(Stream.INVOICES, Ref("1")),
            lambda: mail.pull(Stream.INVOICES, None),
            lambda: mail.parse_webhook({}, b""),
        ):
            with pytest.raises(Rejected):
                call()
        assert mail.streams() == {}
    assert SPEC.capabilities == {Capability.SEND_REMINDER, Capability.ENCLOSES, Capability.HAND_OVER}


def test_a_key_is_read_from_any_text_that_names_our_mail():
    ref = message_id(KEY, "noreply@bright.example")
    assert keys_in(f"In-Reply-To: {ref}\nReferences: <a@b> {ref}") == (KEY,)
    assert keys_in("<nothing@bright.example>") == ()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"username": "x"}, "belong together"),
        ({"security": "none", "host": "mail.example", "username": "x", "password": "y"}, "not sent unencrypted"),
        ({"from_address": "nobody"}, "not an e-mail address"),
        ({"from_name": "A\nB"}, "one line"),
        ({"port": 0}, "greater than or equal to 1"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused(keys: dict[str, Any], words: str):
    with pytest.raises(ValidationError, match=words):
        SmtpSettings.model_validate({"host": HOST, "from_address": "a@b.example", **keys})


def test_a_password_is_never_shown():
    settings = SmtpSettings.model_validate(
        {"host": "mail.example", "from_address": "a@b.example", "username": "u", "password": "hunter2"}
    )
    assert "hunter2" not in repr(settings)
    assert settings.port_number == 587
