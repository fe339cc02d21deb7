"""What a vendor hands over as a PDF, checked before it is believed: a login page or half a file must not reach a client."""

from __future__ import annotations

from connectors.transport import MalformedAnswer
from core.errors import Rejected
from core.messages.clean import file_name
from core.ports import Document
from core.records import Ref, Stream

LARGEST = 10 * 1024 * 1024  # bytes: what common mail servers take as a whole message; an invoice has a hundredth of it
_NAMES = {
    Stream.INVOICES: "invoice",
    Stream.CREDIT_NOTES: "credit-note",
    Stream.SALES: "receipt",
    Stream.REFUNDS: "refund",
    Stream.PAYMENTS: "payment",
}


def pdf_document(body: bytes, *, connection: str, vendor: str, stream: Stream, ref: Ref) -> Document:
    """The PDF of one record. MalformedAnswer when the body is none or was cut off, Rejected when it is too large to pass on."""
    name = _NAMES.get(stream, str(stream))
    if not body.startswith(b"%PDF-") or b"%%EOF" not in body[-2048:]:
        raise MalformedAnswer(
            f"{connection}: {vendor} answered something else than a whole PDF for {name} {ref} ({len(body)} bytes).",
            connection=connection,
        )
    if len(body) > LARGEST:
        raise Rejected(
            f"{connection}: {vendor}'s PDF of {name} {ref} has {len(body)} bytes; more than {LARGEST} are not passed on.",
            connection=connection,
            remedy="Look for a large picture in the invoice template there.",
        )
    return Document(
        content=body,
        media_type="application/pdf",
        filename=file_name(f"{name}-{ref}"),
        source=f"{vendor}, {name.replace('-', ' ')} {ref}",
    )
