"""Xero's PDF of an invoice or credit note: GET /{Table}/{id}/pdf, Accept: application/pdf (vendor notes 2.10)."""

from __future__ import annotations

from urllib.parse import quote

from connectors.papers import pdf_document
from connectors.xero.api import XeroApi
from core.errors import NotFound
from core.ports import Document
from core.records import Ref, Stream

_TABLES = {Stream.INVOICES: "Invoices", Stream.CREDIT_NOTES: "CreditNotes"}


def fetch_document(api: XeroApi, stream: Stream, ref: Ref) -> Document | None:
    """The PDF of a record; None when it is gone or of a kind Xero does not print."""
    table = _TABLES.get(stream)
    if table is None:
        return None
    try:
        answer = api.get(f"{table}/{quote(ref, safe='')}/pdf", accept="application/pdf")
    except NotFound:
        return None
    return pdf_document(answer.body, connection=api.connection, vendor="Xero", stream=stream, ref=ref)
