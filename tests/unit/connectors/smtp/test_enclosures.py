"""Files with a mail, over real sockets: they arrive whole, never make a second mail, and are left out where a server is small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.testing.paper import printed
from core.clock import ManualClock
from core.enclosures import LEFT_OUT
from core.errors import OutcomeUnknown, Rejected
from core.ports import Capability, Document, Encloses
from tests.unit.connectors.smtp.servers import Script, scripted, sink
from tests.unit.connectors.smtp.test_connector import ACTION, KEY, connected, kept

PAPER = Document(
    content=printed("Invoice 1001"), media_type="application/pdf", filename="invoice-1001.pdf", source="QuickBooks, invoice 1"
)


@pytest.mark.req("E25")
def test_a_file_arrives_whole_beside_both_bodies_and_the_mail_keeps_its_name(tmp_path: Path, clock: ManualClock):
    with sink(tmp_path / "box") as (port, _), connected(clock, port, sent_maildir=tmp_path / "box") as mail:
        assert isinstance(mail, Encloses)
        receipt = mail.push_with(ACTION, KEY, [PAPER, replace(PAPER, filename="invoice-1002.pdf")])
        again = mail.push_with(ACTION, KEY, [PAPER])
        bare = mail.push(ACTION, KEY)
    (got,) = kept(tmp_path / "box")
    assert got["Message-ID"] == receipt.ref == again.ref == bare.ref
    assert (again.found, bare.found, LEFT_OUT in receipt.detail) == (True, True, False)
    files = list(got.iter_attachments())
    assert [item.get_filename() for item in files] == ["invoice-1001.pdf", "invoice-1002.pdf"]
    assert files[0].get_content() == PAPER.content
    assert got.get_body(("plain",)).get_content().replace("\r\n", "\n") == ACTION.text
    assert "<p>Dear Zoë</p>" in got.get_body(("html",)).get_content()
    assert got["Content-Language"] == "en-US"


@pytest.mark.parametrize(
    ("replies", "bodies", "sends"),
    [({"EHLO": "250-here\r\n250 SIZE 900"}, 1, 1), ({"BODY": "552 5.3.4 too large"}, 2, 2), ({"MAIL": "552 too large"}, 0, 2)],
)
def test_a_server_too_small_for_the_files_gets_the_mail_without_them(clock: ManualClock, replies, bodies, sends):
    script = Script(replies=replies)
    script_reply = script.reply

    def reply(command: str) -> str | None:
        """Says no once."""
        text = script_reply(command)
        if text is not None and text.startswith("552"):
            script.replies = {}
        return text

    script.reply = reply  # type: ignore[method-assign]
    with scripted(script) as port, connected(clock, port) as mail:
        receipt = mail.push_with(ACTION, KEY, [PAPER])
    assert receipt.detail.startswith(LEFT_OUT)
    assert len(script.bodies) == max(bodies, 1)
    assert script.commands.count("MAIL") == sends
    assert b"invoice-1001.pdf" not in script.bodies[-1]
    assert KEY.encode() in script.bodies[-1]


def test_a_refusal_for_another_reason_is_not_tried_again_without_the_files(clock: ManualClock):
    script = Script(replies={"BODY": "554 5.7.1 spam"})
    with scripted(script) as port, connected(clock, port) as mail, pytest.raises(Rejected):
        mail.push_with(ACTION, KEY, [PAPER])
    assert len(script.bodies) == 1


@pytest.mark.req("E25")
def test_a_lost_answer_to_a_mail_with_files_is_unknown_and_not_sent_again_without_them(clock: ManualClock):
    script = Script(drop={"BODY"})
    with scripted(script) as port, connected(clock, port) as mail, pytest.raises(OutcomeUnknown):
        mail.push_with(ACTION, KEY, [PAPER])
    assert len(script.bodies) == 1


def test_the_mail_channel_says_that_it_takes_files():
    from connectors.smtp import SPEC

    assert Capability.ENCLOSES in SPEC.capabilities
