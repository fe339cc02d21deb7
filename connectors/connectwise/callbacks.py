"""Callbacks of ConnectWise: is this one genuine, what does it hint at, and are ours still registered.

The signing key is behind an address that the unverified body itself names, so it is only fetched from the configured host and
for the configured company (brief 2.10, traps 1 and 2). A callback is never believed for its content: it names a record to pull.
Delivery is at most once and switched off after three days of failures, so the poll stays the base, and a daily look switches
callbacks on again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connectors.connectwise.api import Api
from connectors.connectwise.settings import ConnectwiseSettings
from core.errors import Rejected
from core.ports import Hint
from core.records import Ref, Stream

SIGNATURE = "x-content-signature"
STREAMS = {
    "company": Stream.PARTIES,
    "contact": Stream.CONTACTS,
    "invoice": Stream.INVOICES,
    "agreement": Stream.AGREEMENTS,
    "ticket": Stream.TICKETS,
    "time": Stream.WORK,
}
_CALLBACKS = "/system/callbacks"
_LARGEST = 4 * 1024 * 1024  # bytes; an entity with every field set stays far below


def signature_of(body: bytes, signing_key: str) -> str:
    """base64(HMAC-SHA256(SHA256(signing key), body)), over the raw bytes (guide; three implementations agree)."""
    digest = hmac.new(hashlib.sha256(signing_key.encode()).digest(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class CallbackDesk:
    """Receives and looks after the callbacks of one connection. Keys are kept for its lifetime."""

    def __init__(self, api: Api, settings: ConnectwiseSettings) -> None:
        self._api = api
        self._settings = settings
        self._keys: dict[str, str] = {}

    # ── hearing ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def parse(self, headers: Mapping[str, str], body: bytes) -> list[Hint]:
        """The record it names, once its signature holds; Rejected otherwise. Nothing is fetched from a stranger's address."""
        given = {name.lower(): value for name, value in headers.items()}.get(SIGNATURE, "")
        payload = self._read(body)
        key_url = self._trusted(payload)
        if not given or not self._holds(given, body, key_url):
            raise self._refusal("its signature does not hold")
        stream, number = STREAMS.get(str(payload.get("Type"))), payload.get("ID")
        if stream is None or not isinstance(number, int):
            return []
        event = str(payload.get("MessageId") or hashlib.sha256(body).hexdigest())
        return [Hint(stream=stream, ref=Ref(str(number)), event_id=event)]

    def _holds(self, given: str, body: bytes, key_url: str) -> bool:
        """Compare with the kept key; a mismatch is checked once more with a key fetched anew, as keys may be exchanged."""
        known = self._keys.get(key_url)
        if known is not None and hmac.compare_digest(signature_of(body, known), given):
            return True
        fresh = self._fetch(key_url)
        if fresh == known or not hmac.compare_digest(signature_of(body, fresh), given):
            return False
        self._keys[key_url] = fresh
        return True

    def _fetch(self, key_url: str) -> str:
        found = self._api.fetch_key(key_url)
        key = found.get("signing_key") if isinstance(found, Mapping) else None
        if not isinstance(key, str) or not key:
            raise self._refusal("ConnectWise gave no signing key for it")
        return key

    def _read(self, body: bytes) -> Mapping[str, Any]:
        if len(body) > _LARGEST:
            raise self._refusal("it is too large")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            raise self._refusal("it is not JSON") from None
        if not isinstance(found, Mapping):
            raise self._refusal("it is not a callback")
        return found

    def _trusted(self, payload: Mapping[str, Any]) -> str:
        """The key's address when it is ours: our host over https, the key page, our company."""
        metadata = payload.get("Metadata")
        url = metadata.get("key_url") if isinstance(metadata, Mapping) else None
        if not isinstance(url, str):
            raise self._refusal("it names no signing key")
        try:
            parts = urlsplit(url)
            companies = parse_qs(parts.query).get("companyName", [])
        except ValueError:
            raise self._refusal("its key address cannot be read") from None
        ours = [name.lower() for name in companies] == [self._settings.company_id.lower()]
        if not self._own_address(parts.scheme, parts.netloc) or "/system/callbackkey/" not in parts.path or not ours:
            raise self._refusal("its key address is not that of this ConnectWise company; nothing was asked there")
        return url

    def _own_address(self, scheme: str, netloc: str) -> bool:
        """The site itself over https, with or without "api-"; or exactly the configured override."""
        if scheme == "https" and netloc.lower() in (self._settings.site, f"api-{self._settings.site}"):
            return True
        parts = urlsplit(self._settings.base_url or "")
        return bool(parts.netloc) and (scheme, netloc.lower()) == (parts.scheme, parts.netloc.lower())

    def _refusal(self, why: str) -> Rejected:
        return Rejected(
            f"{self._api.connection}: a callback was refused: {why}.",
            connection=self._api.connection,
            remedy="If it recurs, check site and company_id, and who else knows the webhook address.",
            code="callback",
        )

    # ── looking after our registrations ─────────────────────────────────────────────────────────────────────────────────
    def registered(self) -> list[Mapping[str, Any]]:
        """Our callbacks as ConnectWise has them."""
        url = self._settings.webhook.url
        found = [row for page in self._api.all_rows(_CALLBACKS) for row in page]
        return [row for row in found if isinstance(row, Mapping) and row.get("url") == url]

    def look_after(self) -> int:
        """Create what is missing and switch on what ConnectWise disabled; how many were mended. Twice is harmless."""
        webhook = self._settings.webhook
        if not webhook.keep_registered or webhook.url is None:
            return 0
        have = {str(row.get("type")): row for row in self.registered()}
        mended = 0
        for kind in STREAMS:
            row = have.get(kind)
            if row is None:
                mended += self._create(kind, webhook.url)
            elif row.get("inactiveFlag") is True:
                change = [{"op": "replace", "path": "inactiveFlag", "value": False}]
                self._api.call("PATCH", f"{_CALLBACKS}/{row['id']}", json=change)
                mended += 1
        return mended

    def _create(self, kind: str, url: str) -> int:
        body = {"id": 0, "url": url, "objectId": 1, "type": kind, "level": "owner", "description": "duesync"}
        body |= {"payloadVersion": "3.0.0", "inactiveFlag": False, "isSelfSuppressedFlag": False}
        try:
            self._api.call("POST", _CALLBACKS, json=body)
        except Rejected as refused:
            if "ObjectExists" not in refused.message:
                raise
            return 0
        return 1
