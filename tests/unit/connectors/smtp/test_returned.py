"""Mail that comes back in odd shapes: bounces without a report, machines in five languages, and people behind a help desk."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.smtp.delivery import Refusal
from connectors.smtp.incoming import IncomingKind, contact_of, read_mail
from core.clock import ManualClock
from core.dunning.recipients import dead_addresses
from core.errors import Rejected, Transient, Undeliverable
from core.outbox import ContactKind, PastContact
from tests.unit.connectors.smtp.servers import Script, scripted, sink
from tests.unit.connectors.smtp.test_connector import ACTION, KEY, connected
from tests.unit.connectors.smtp.test_incoming import OURS, bounce, mail

NOW = datetime(2026, 3, 18, tzinfo=UTC)
SENT = PastContact(
    account="acme",
    kind=ContactKind.MESSAGE,
    at=datetime(2026, 3, 16, tzinfo=UTC),
    channel="mail",
    outbox_id=KEY[:12],
    to=("ap@acme.example",),
)


def logged(raw: bytes) -> PastContact | None:
    return contact_of(read_mail(raw), SENT, connection="mail", now=NOW)


# ── bounces without a delivery status notification ──────────────────────────────────────────────────────────────────────
@pytest.mark.req("E23")
@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (("From: MAILER-DAEMON@mx.example", "Subject: failure notice"), IncomingKind.FAILED),
        (("From: Postmaster <postmaster@mx.example>", "Subject: Undeliverable: A reminder"), IncomingKind.FAILED),
        (("From: x@mx.example", "Return-Path: <>", "Subject: Mail delivery failed: returning message"), IncomingKind.FAILED),
        (("From: mailer-daemon@mx.example", "Subject: Unzustellbar: Erinnerung"), IncomingKind.FAILED),
        (("From: mailer-daemon@mx.example", "Subject: Warning: message delayed, not delivered yet"), IncomingKind.DELAYED),
        (("From: mailer-daemon@mx.example", "Subject: hello", "X-Failed-Recipients: x@acme.example"), IncomingKind.FAILED),
    ],
)
def test_a_bounce_in_plain_words_is_one_of_whomever_we_wrote_to(headers: tuple[str, ...], kind: IncomingKind):
    raw = mail(*headers, body=f"Sorry.\n\nno such user\n\nMessage-ID: {OURS}\n")
    found = read_mail(raw)
    assert (found.kind, found.keys) == (kind, (KEY,))
    entry = logged(raw)
    assert entry is not None
    assert entry.kind is ContactKind.BOUNCE
    assert entry.to == (("x@acme.example",) if "X-Failed" in headers[-1] else ("ap@acme.example",))
    assert bool(dead_addresses([entry])) is (kind is IncomingKind.FAILED)


@pytest.mark.parametrize(
    "raw",
    [
        mail("From: mailer-daemon@mx.example", "Subject: failure notice", body="about somebody else's mail"),
        mail("From: dana@acme.example", "Subject: Undeliverable: your parcel", body="lunch?"),
    ],
)
def test_a_bounce_that_is_not_ours_and_a_person_who_writes_of_one_are_none(raw: bytes):
    assert read_mail(raw).kind not in (IncomingKind.FAILED, IncomingKind.DELAYED)


@pytest.mark.req("E23")
@pytest.mark.parametrize(
    ("status", "dead"), [("5.1.1", True), ("5.2.1", True), ("5.1.10", True), ("5.2.2", False), ("5.7.1", False), ("5.4.1", False)]
)
def test_a_full_mailbox_or_a_policy_does_not_make_an_address_dead_at_once(status: str, dead: bool):
    entry = logged(bounce("failed", status))
    assert entry is not None
    assert bool(dead_addresses([entry])) is dead
    assert dead_addresses([entry] * 3) == {"ap@acme.example"}


# ── machines and people ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("E22")
@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied (vacation)",
        "Auto-Submitted: auto-generated; owner-email=x",
        "Precedence: auto_reply",
        "Subject: Automatic reply: A reminder",
        "Subject: Re: Out of Office",
        "Subject: Automatische Antwort: Erinnerung",
        "Subject: Abwesenheitsnotiz",
        "Subject: Réponse automatique : rappel",
        "Subject: Absence du bureau",
        "Subject: Respuesta automática: recordatorio",
        "Subject: Fuera de la oficina",
        "Subject: Automatisch antwoord: herinnering",
        "Subject: Afwezig",
    ],
)
def test_out_of_office_in_five_languages_is_no_reply(header: str):
    raw = mail("From: dana@acme.example", f"In-Reply-To: {OURS}", header)
    assert read_mail(raw).kind is IncomingKind.AUTOMATIC
    assert logged(raw) is None


@pytest.mark.req("E22")
@pytest.mark.parametrize(
    "header",
    ["X-Auto-Response-Suppress: All", "Auto-Submitted: no", "Precedence: bulk", "Subject: Automatic payments are set up now"],
)
def test_a_person_behind_a_help_desk_is_heard(header: str):
    raw = mail("From: dana@acme.example", f"In-Reply-To: {OURS}", header, body="We paid on Monday.")
    assert read_mail(raw).kind is IncomingKind.REPLY
    entry = logged(raw)
    assert entry is not None
    assert (entry.kind, entry.outcome) == (ContactKind.REPLY, "We paid on Monday.")


# ── refused while it was handed over ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.req("A56", "E23")
def test_an_address_the_server_does_not_know_is_named_though_others_got_the_mail(tmp_path, clock: ManualClock):
    from dataclasses import replace

    refuse = {"old@acme.example": "550 5.1.1 no such user", "full@acme.example": "552 5.2.2 mailbox full"}
    action = replace(ACTION, to=("ap@acme.example", "old@acme.example"), cc=("full@acme.example",))
    with sink(tmp_path / "box", refuse=refuse) as (port, _), connected(clock, port) as channel:
        receipt = channel.push(action, KEY)
    assert [item.address for item in receipt.refused] == ["old@acme.example"]
    assert "full@acme.example" in receipt.detail


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("550 5.1.1 no such user", Undeliverable),
        ("550 no such user", Undeliverable),
        ("553 5.1.2 bad domain", Undeliverable),
        ("550 5.7.1 you are on a list", Rejected),
        ("554 5.7.0 policy", Rejected),
        ("450 4.2.0 greylisted", Transient),
    ],
)
def test_only_an_address_that_does_not_exist_is_the_addresss_fault(clock: ManualClock, reply: str, kind: type[Exception]):
    with scripted(Script(replies={"RCPT": reply})) as port, connected(clock, port) as channel, pytest.raises(kind) as caught:
        channel.push(ACTION, KEY)
    assert isinstance(caught.value, Undeliverable) is (kind is Undeliverable)
    if isinstance(caught.value, Undeliverable):
        assert caught.value.refused == (("ap@acme.example", reply),)


def test_a_refusal_reads_as_one_line():
    assert str(Refusal("a@b.example", 550, "no")) == "a@b.example (550 no)"
