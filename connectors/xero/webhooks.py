"""Xero's webhooks: is the signature ours, and which records may have changed. Pure.

The signature is base64 of HMAC-SHA256 over the raw body (webhooks, "configuring your server"), compared before anything is read.
An intent-to-receive delivery has no events: a good signature gives no hints and no error, a bad one is refused, and that is all
Xero checks. There is no event for payments: they only come with a pull.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

import msgspec

from core.errors import Rejected
from core.ports import Hint
from core.records import Ref, Stream

_STREAMS = {
    "INVOICE": (Stream.INVOICES,),
    "CREDITNOTE": (Stream.CREDIT_NOTES,),
    "CONTACT": (Stream.PARTIES,),
    "OVERPAYMENT": (Stream.PAYMENTS,),
    "PREPAYMENT": (Stream.PAYMENTS,),
}


class _Event(msgspec.Struct, rename="camel"):
    resource_id: str
    event_category: str
    event_type: str = ""
    event_date_utc: str = ""
    tenant_id: str = ""


class _Delivery(msgspec.Struct):
    events: list[_Event]


def hints(headers: Mapping[str, str], body: bytes, *, key: str | None, tenant: str | None, connection: str) -> list[Hint]:
    """A hint per event about this tenant. Rejected for a wrong signature, a missing key or a body that is no delivery."""
    if not key:
        raise Rejected(
            f"{connection}: a webhook came, but no webhook_key is set.",
            connection=connection,
            remedy=f"Set webhook_key in [connections.{connection}] to the signing key of your app at Xero's developer portal.",
            code="signature",
        )
    given = next((value for name, value in headers.items() if name.lower() == "x-xero-signature"), "")
    expected = base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest())
    if not hmac.compare_digest(given.encode(), expected):
        raise Rejected(f"{connection}: the webhook's signature does not match.", connection=connection, code="signature")
    try:
        delivery = msgspec.json.decode(body, type=_Delivery)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejected(f"{connection}: the webhook's body is not a delivery.", connection=connection, code="body") from error
    return [
        Hint(stream=stream, ref=Ref(event.resource_id), event_id=_event_id(event))
        for event in delivery.events
        if tenant is None or event.tenant_id.lower() == tenant
        for stream in _STREAMS.get(event.event_category, ())
    ]


def _event_id(event: _Event) -> str:
    """Deliveries are repeated until answered; these four are the same each time."""
    return "/".join((event.tenant_id, event.resource_id, event.event_type, event.event_date_utc))
