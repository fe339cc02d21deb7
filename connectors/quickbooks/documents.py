"""QuickBooks' PDF of an invoice, credit memo, receipt, refund or payment: GET /{entity}/{id}/pdf (vendor notes 1.13)."""

from __future__ import annotations

from connectors.papers import pdf_document
from connectors.quickbooks.api import QuickBooksApi
from connectors.quickbooks.mapping import ENTITIES
from core.ports import Document
from core.records import Ref, Stream

PRINTED = frozenset({Stream.INVOICES, Stream.CREDIT_NOTES, Stream.SALES, Stream.REFUNDS, Stream.PAYMENTS})


def fetch_document(api: QuickBooksApi, stream: Stream, ref: Ref) -> Document | None:
    """The PDF of a record; None when it is gone or of a kind QuickBooks does not print."""
    if stream not in PRINTED:
        return None
    body = api.pdf(ENTITIES[stream], ref)
    if body is None:
        return None
    return pdf_document(body, connection=api.connection, vendor="QuickBooks", stream=stream, ref=ref)
