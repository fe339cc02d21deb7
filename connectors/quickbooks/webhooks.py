"""Webhooks: verified, then read for what may have changed. Decides nothing else; a pull brings the truth.

Signature: base64(HMAC-SHA256(verifier token, raw body)) in `intuit-signature` (Intuit, "Webhooks"). Both payload shapes are read,
told apart by the body itself: the older object with eventNotifications, and the list of CloudEvents that replaces it in 2026.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping

from connectors.decoding import read_json
from connectors.quickbooks.mapping import ENTITIES
from connectors.quickbooks.reading import Row, Unreadable
from connectors.quickbooks.settings import QuickBooksSettings
from core.errors import Rejected
from core.ports import Hint
from core.records import Ref, Stream

_STREAMS = {entity.lower(): stream for stream, entity in ENTITIES.items()}


def read_webhook(headers: Mapping[str, str], body: bytes, *, settings: QuickBooksSettings, connection: str) -> list[Hint]:
    """Hints for our company; events of other companies and of entities we do not pull are left out. Rejected: not from Intuit."""
    if settings.webhook_verifier is None:
        raise Rejected(
            f"{connection}: a webhook came, but there is no verifier token to check it with.",
            connection=connection,
            remedy=f"Set webhook_verifier in [connections.{connection}]; the token is on the app's Webhooks page.",
        )
    given = next((value for name, value in headers.items() if name.lower() == "intuit-signature"), "")
    if not _is_signed(given, body, settings.webhook_verifier.get_secret_value()):
        raise Rejected(
            f"{connection}: a webhook whose signature does not hold was dropped.",
            connection=connection,
            remedy="If all of them fail, compare webhook_verifier with the token on the app's Webhooks page.",
        )
    try:
        return list(dict.fromkeys(_hints(read_json(body), settings.realm_id)))
    except (ValueError, Unreadable) as error:
        raise Rejected(f"{connection}: a signed webhook cannot be read: {error}.", connection=connection) from error


def _is_signed(given: str, body: bytes, verifier: str) -> bool:
    expected = base64.b64encode(hmac.new(verifier.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(given.strip().encode(), expected)


def _hints(body: object, realm: str) -> Iterator[Hint]:
    if isinstance(body, list):
        for row in Row({"events": body}).rows("events"):
            yield from _cloud_event(row, realm)
    elif isinstance(body, Mapping):
        for notice in Row(body).rows("eventNotifications"):
            if notice.find_text("realmId") == realm:
                yield from _notice(notice)
    else:
        raise ValueError("it is neither an object nor a list")


def _cloud_event(row: Row, realm: str) -> Iterator[Hint]:
    parts = (row.find_text("type") or "").split(".")
    if row.find_text("intuitaccountid") != realm or len(parts) < 3 or parts[0] != "qbo":
        return
    gone = row.find_row("data")
    refs = (row.find_text("intuitentityid"), _merged(gone) if gone else None)
    yield from _about(parts[1], refs, row.text("id"))


def _notice(notice: Row) -> Iterator[Hint]:
    change = notice.find_row("dataChangeEvent")
    for item in change.rows("entities") if change else ():
        name, ref = item.text("name"), item.text("id")
        stamp = item.find_text("lastUpdated") or ""
        event_id = "/".join((notice.text("realmId"), name, ref, item.find_text("operation") or "", stamp))
        yield from _about(name, (ref, _merged(item)), event_id)


def _merged(row: Row) -> str | None:
    """The customer that a merge made vanish; the page spells its key in two ways."""
    return row.find_text("deletedId") or row.find_text("deletedID")


def _about(entity: str, refs: tuple[str | None, ...], event_id: str) -> Iterator[Hint]:
    stream: Stream | None = _STREAMS.get(entity.lower())
    if stream is None:
        return
    for ref in refs:
        if ref:
            yield Hint(stream=stream, ref=Ref(ref), event_id=event_id)
