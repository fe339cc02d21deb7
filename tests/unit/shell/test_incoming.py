"""The mailbox job: each bounce and reply becomes one entry of the client's log, whoever it names and however often it is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.collections.case import (
    Approval,
    Approved,
    Case,
    CaseState,
    FinalNotice,
    NoticeGiven,
    Opened,
    Placement,
    PlacementDelivered,
    PlacementQueued,
)
from core.dunning.recipients import dead_addresses
from core.errors import Transient
from core.money import Money
from core.outbox import ContactKind, PastContact
from core.records import RecordKey, Ref, Stream
from scheduler import incoming
from scheduler.app import App, open_app
from scheduler.incoming import read_mailbox
from scheduler.jobs import jobs
from scheduler.mailed_reports import mailed, problems_of
from scheduler.reporting import read_reports
from tests.unit.connectors.smtp.imap import HOST, Box, imap_server
from tests.unit.connectors.smtp.test_incoming import bounce, mail
from tests.unit.connectors.smtp.test_reports import report

NOW = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
KEY = "ab" * 20
OURS = f"<{KEY}.duesync@bright.example>"
CONFIG = """
[organisation]
name = "Bright IT"
timezone = "America/Chicago"
currency = "USD"
country = "US"

[mail]
host = "127.0.0.1"
port = 1
security = "none"
from_address = "noreply@bright.example"
"""
REPLY = mail("From: Dana <dana@acme.example>", f"In-Reply-To: {OURS}", "Subject: Re: Invoice 7", body="We pay on Friday.")
BOUNCE = bounce(quoted=f"Message-ID: {OURS}")


def opened(folder: Path, extra: str) -> App:
    (folder / "duesync.toml").write_text(CONFIG + extra)
    app = open_app(folder / "duesync.toml", clock=ManualClock(NOW), quiet=True)
    for account, address, key in (("acme", "ap@acme.example", KEY), ("birch", "ap@birch.example", "cd" * 20)):
        sent = PastContact(
            account=account,
            kind=ContactKind.MESSAGE,
            at=NOW - timedelta(days=2),
            channel="mail",
            stage="due",
            to=(address, "shared@accountant.example"),
            outbox_id=key[:12],
        )
        app.store.log_contact(sent)
    return app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    for part in ("new", "cur", "tmp"):
        (tmp_path / "back" / part).mkdir(parents=True)
    with opened(tmp_path, 'inbox_maildir = "back"\n') as made:
        yield made


def deliver(app: App, name: str, raw: bytes, *, at: int = 1_000_000) -> Path:
    path = app.loaded.folder / "back" / "new" / name
    path.write_bytes(raw)
    os.utime(path, (at, at))
    return path


def heard(app: App, account: str) -> list[tuple[ContactKind, tuple[str, ...], str]]:
    found = app.store.contacts([account]).get(account, ())
    return [(item.kind, item.to, item.outcome) for item in found if item.kind in (ContactKind.REPLY, ContactKind.BOUNCE)]


@pytest.mark.req("E22", "E23", "E45", "A108")
def test_a_bounce_and_a_reply_are_logged_for_the_client_they_are_about_once(app: App) -> None:
    deliver(app, "1.a", BOUNCE)
    deliver(app, "2.b", REPLY, at=2_000_000)
    assert read_mailbox(app).summary() == {"read": 2, "bounces": 1, "replies": 1, "unclear": 0}
    (app.loaded.folder / "back/new/2.b").rename(app.loaded.folder / "back/cur/2.b:2,S")
    assert read_mailbox(app).replies == 0, "the last moment is read again, and known"
    app.store.put_setting("inbox.position", None)
    assert read_mailbox(app).summary() == {"read": 2, "bounces": 0, "replies": 0, "unclear": 0}
    assert [(kind, to) for kind, to, _ in heard(app, "acme")] == [
        (ContactKind.BOUNCE, ("ap@acme.example",)),
        (ContactKind.REPLY, ("dana@acme.example",)),
    ]
    assert heard(app, "acme")[1][2] == "We pay on Friday."
    assert heard(app, "birch") == []
    assert "ap@acme.example" in dead_addresses(app.store.contacts(["acme"])["acme"])


@pytest.mark.req("E22")
@pytest.mark.parametrize("most", [2, 1])
def test_a_mail_that_names_no_message_is_told_by_its_sender_unless_many_share_the_address(
    app: App, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "_MOST_SHARED", most)
    heard_both = most == 2
    deliver(app, "1.a", mail("From: ap@birch.example", "Subject: your invoice", body="It is wrong."))
    deliver(app, "2.b", mail("From: shared@accountant.example", "Subject: hello"))
    deliver(app, "3.c", mail("From: shop@spam.example", "Subject: buy"))
    deliver(app, "4.d", mail("From: ap@birch.example", "Auto-Submitted: auto-replied", "Subject: out of office"))
    deliver(app, "5.e", b"\xff\x00 not a mail")
    assert read_mailbox(app).summary() == {"read": 5, "bounces": 0, "replies": 3 if heard_both else 1, "unclear": 3 - heard_both}
    assert [kind for kind, _, _ in heard(app, "birch")] == [ContactKind.REPLY] * (1 + heard_both)
    assert [kind for kind, _, _ in heard(app, "acme")] == [ContactKind.REPLY] * heard_both


@pytest.mark.req("E22", "E45")
def test_a_stranger_who_quotes_our_reference_or_unsubscribes_speaks_for_that_client(app: App) -> None:
    quote = f"We take care of their books now.\n\n> Our reference: {KEY[:8]}"
    deliver(app, "1.a", mail("From: new@accountant.example", "Subject: Fwd: A reminder", body=quote))
    deliver(app, "2.b", mail("From: alias@birch.example", f"Subject: unsubscribe {'cd' * 6}", body=""))
    deliver(app, "3.c", mail("From: new@accountant.example", "Subject: x", body="Our reference: 00000000"))
    machine = mail("From: new@accountant.example", "Subject: x", "Auto-Submitted: auto-replied", body=quote)
    deliver(app, "4.d", machine)
    assert read_mailbox(app).summary() == {"read": 4, "bounces": 0, "replies": 2, "unclear": 1}
    assert heard(app, "acme") == [(ContactKind.REPLY, ("new@accountant.example",), "We take care of their books now.")]
    ((_, _, words),) = heard(app, "birch")
    assert words == "asks to get no more of these (unsubscribe)"


@pytest.mark.req("E23")
def test_a_full_mailbox_is_read_to_the_end_and_only_once(app: App) -> None:
    for number in range(450):
        deliver(app, f"{number}.x", mail("From: x@nobody.example", f"Subject: {number}"), at=1_000_000 + number // 150)
    deliver(app, "z", REPLY, at=3_000_000)
    report = read_mailbox(app)
    assert (report.replies, report.read >= 451) == (1, True)
    assert read_mailbox(app).replies == 0


def test_a_maildir_that_is_gone_is_transient_and_keeps_the_position(app: App) -> None:
    deliver(app, "1.a", REPLY)
    read_mailbox(app)
    before = app.store.setting("inbox.position")
    (app.loaded.folder / "back").rename(app.loaded.folder / "elsewhere")
    with pytest.raises(Transient, match="Maildir back"):
        read_mailbox(app)
    assert app.store.setting("inbox.position") == before


@pytest.mark.req("E22", "E23")
def test_the_same_over_imap_and_as_a_job(tmp_path: Path) -> None:
    box = Box(mails={4: BOUNCE, 9: REPLY})
    with imap_server(box) as port:
        inbox = f'[mail.inbox]\nhost = "{HOST}"\nport = {port}\nsecurity = "none"\nusername = "duesync"\npassword = "env:INBOX"\n'
        os.environ["INBOX"] = "open sesame"
        try:
            with opened(tmp_path, inbox) as app:
                (job,) = [item for item in jobs(app) if item.name == "inbox"]
                assert job.run(app) == {"read": 2, "bounces": 1, "replies": 1, "unclear": 0}
                assert job.run(app) == {"read": 0, "bounces": 0, "replies": 0, "unclear": 0}
                assert app.store.setting("inbox.position") == "1:9"
        finally:
            del os.environ["INBOX"]


def test_without_a_mailbox_there_is_no_job(tmp_path: Path) -> None:
    with opened(tmp_path, "") as app:
        assert [item.name for item in jobs(app) if item.name == "inbox"] == []
        assert read_mailbox(app).read == 0


AGENCY = """verified_by = "mx.bright.example"

[agencies.fair]
name = "Fair Collections"
connection = "mail"
to = ["cases@fair.example"]
reports_from = ["Reports@fair.example"]
"""


@pytest.mark.req("A42", "A111", "D6")
def test_an_agencys_report_by_mail_is_taken_up_once_and_only_where_it_is_proven(tmp_path: Path) -> None:
    for part in ("new", "cur", "tmp"):
        (tmp_path / "back" / part).mkdir(parents=True)
    proof = "mx.bright.example; dmarc=pass header.from=fair.example"
    with opened(tmp_path, f'inbox_maildir = "back"\n{AGENCY}') as app:
        case = placed_case(app)
        deliver(app, "1.a", report((), sender="Fair <reports@fair.example>"))
        rows = f"reference,count,amount\r\n{case.id}-1,1,100.00\r\nX-9,1,1.00\r\n".encode()
        deliver(app, "2.b", report((proof,), sender="reports@fair.example", rows=rows), at=2_000_000)
        assert read_mailbox(app).summary() == {"read": 2, "bounces": 0, "replies": 0, "unclear": 0, "reports": 1}
        assert [item.name for item in mailed(app.store, "fair")] == ["status.csv"], "kept until the case is there"
        assert read_reports(app, now=NOW) == 0, "it is still on its way"
        app.store.append_case_event(case.id, PlacementDelivered(receipt="r", at=NOW), by="duesync", now=NOW)
        assert read_reports(app, now=NOW) == 1
        assert app.store.case(case.id).state is CaseState.ACKNOWLEDGED
        app.store.put_setting("inbox.position", None)
        read_mailbox(app)
        assert read_reports(app, now=NOW) == 1, "read again, and known"
        assert [type(event.fact).__name__ for event in app.store.case_events(case.id)].count("AcknowledgementRead") == 1
        problems = problems_of(app.store, "fair")
        assert "mx.bright.example does not say that it is from fair.example" in problems[0]
        assert problems[1:] == ["status.csv, row 2: no case of ours is called X-9"]


def placed_case(app: App) -> Case:
    """A case on its way to the agency."""
    key = RecordKey("books", Stream.INVOICES, Ref("I1"))
    case = app.store.open_case(Opened(account="acme", invoices=(key,), currency="USD"), by="ann", now=NOW)
    notice = FinalNotice(sent_at=NOW, outbox_id=None, placeable_on=NOW.date())
    placement = Placement(
        agency="fair",
        reference=f"{case.id}-1",
        placed_on=NOW.date(),
        count=1,
        amount=Money(10_000, "USD"),
        pack_sha256="",
    )
    yes = [Approved(approval=Approval(by=name, at=NOW)) for name in ("ann", "bob")]
    for fact in (*yes, NoticeGiven(notice=notice), PlacementQueued(placement=placement)):
        case = app.store.append_case_event(case.id, fact, by="ann", now=NOW)
    return case
