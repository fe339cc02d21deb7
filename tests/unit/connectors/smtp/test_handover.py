"""A case by mail: its words, its files, one line per header, and nothing when a file is gone."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from connectors.smtp.handover import handover_mail, recipients_of_handover
from connectors.smtp.mapping import NotAddressable, message_id, wire_bytes
from connectors.smtp.settings import SmtpSettings
from core.actions import HandOver, HandOverKind, SentFile, idempotency_key
from core.money import Money

SETTINGS = SmtpSettings(
    host="mail.example",
    from_address="ar@northwind.example",
    archive_address="archive@northwind.example",
    reply_to="desk@northwind.example",
)
PACK = b"PK a pack\r\n.\r\nwith a dot"
AT = datetime(2026, 5, 20, 15, tzinfo=UTC)


def action(**changes) -> HandOver:
    made = {
        "connection": "mail",
        "account": "a",
        "case": "c1",
        "agency": "acme",
        "what": HandOverKind.PLACEMENT,
        "cause": "placement c1-1",
        "reference": "c1-1",
        "subject": "Placement c1-1\r\nBcc: everyone@evil.example",
        "text": "Please collect.",
        "amount": Money(100, "USD"),
        "to": ("cases@agency.example",),
        "files": (SentFile(name="c1-1.zip", sha256=hashlib.sha256(PACK).hexdigest(), size=len(PACK)),),
    }
    return HandOver(**{**made, **changes})


@pytest.mark.req("A82")
def test_the_files_go_as_they_are_kept_and_the_mail_can_be_found_again():
    key = idempotency_key(action())
    mail = handover_mail(action(), key, SETTINGS, {action().files[0].sha256: PACK}.get, at=AT)
    (attached,) = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type(), attached.get_payload(decode=True)) == (
        "c1-1.zip",
        "application/zip",
        PACK,
    )
    assert mail["Message-ID"] == message_id(key, SETTINGS.from_address)
    assert (mail["Bcc"], mail["Subject"]) == (None, "Placement c1-1 Bcc: everyone@evil.example")
    assert mail["Reply-To"] == "desk@northwind.example"
    assert wire_bytes(mail).endswith(b"\r\n.\r\n")


def test_a_file_that_is_gone_or_a_stranger_address_sends_nothing():
    with pytest.raises(ValueError, match="not in the store"):
        handover_mail(action(), idempotency_key(action()), SETTINGS, lambda sha256: None, at=AT)
    for to in ((), ("nobody",), ("a@b.example\r\nRCPT TO:<x@y.example>",)):
        with pytest.raises(NotAddressable):
            recipients_of_handover(action(to=to), SETTINGS)
    assert recipients_of_handover(action(), SETTINGS) == ("cases@agency.example", "archive@northwind.example")
