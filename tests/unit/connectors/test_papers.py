"""A vendor's PDF is checked before it is believed, and named so that any mail client takes it."""

from __future__ import annotations

import pytest

from connectors import papers
from connectors.papers import pdf_document
from connectors.testing.paper import printed
from core.errors import Rejected, Transient
from core.messages.clean import file_name
from core.records import Ref, Stream


def document(body, *, stream=Stream.INVOICES, ref="145"):
    return pdf_document(body, connection="qbo", vendor="QuickBooks", stream=stream, ref=Ref(ref))


def test_a_whole_pdf_is_taken_with_its_name_and_source():
    found = document(printed("Invoice 145"))
    assert (found.filename, found.media_type, found.source) == ("invoice-145.pdf", "application/pdf", "QuickBooks, invoice 145")
    assert document(printed("x"), stream=Stream.CREDIT_NOTES).source == "QuickBooks, credit note 145"


@pytest.mark.parametrize("body", [b"", b"<html>Sign in</html>", printed("x")[:-100], b"%PDF-1.7\nhalf a file"])
def test_anything_else_than_a_whole_pdf_is_refused(body):
    with pytest.raises(Transient, match="whole PDF"):
        document(body)


def test_a_pdf_too_large_to_send_is_refused_for_good(monkeypatch):
    monkeypatch.setattr(papers, "LARGEST", 100)
    with pytest.raises(Rejected, match="not passed on"):
        document(printed("x"))


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("INV-1001", "INV-1001.pdf"),
        ("../../etc/passwd", "etc-passwd.pdf"),
        ('a"b\r\nX-Evil: 1', "a-b-X-Evil-1.pdf"),
        ("Счёт 7", "7.pdf"),
        ("…", "document.pdf"),
        ("x" * 300, "x" * 76 + ".pdf"),
    ],
)
def test_a_file_name_is_plain_and_short(stem, name):
    assert file_name(stem) == name
