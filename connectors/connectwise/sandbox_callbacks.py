"""Callbacks the sandbox owes to whoever registered: the payload, its signature and the page that hands out the key.

Shape of the recorded callbacks; signature by the guide: base64(HMAC-SHA256(SHA256(signing key), body)) in `x-content-signature`.
Delivery is left to the test: `owed` holds what the vendor would have sent, at most once and in no promised order.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import msgspec

from connectors.connectwise.sandbox_books import Doc, Tenant

KEY_ID = "e17e6674-42f6-4105-9cff-4cd6cb4e62e8"
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One callback as it would arrive."""

    url: str
    headers: dict[str, str]
    body: bytes


class Callbacks:
    """Makes callbacks out of changes. `origin` is where the key page is reachable."""

    def __init__(self, tenant: Tenant, *, company: str, codebase: str, signing_key: str) -> None:
        self._tenant = tenant
        self.company = company
        self.codebase = codebase
        self.signing_key = signing_key
        self.origin = "https://na.myconnectwise.net"
        self.owed: list[Delivery] = []
        tenant.told = self.tell

    @property
    def key_url(self) -> str:
        """Where the signing key is; the double slash is the vendor's own (recorded)."""
        name = quote(self.company)
        return f"{self.origin}/{self.codebase}/system/callbackkey/index.rails?companyName={name}&id={KEY_ID}"

    def key_page(self) -> Doc:
        """What the key page says."""
        return {"signing_key": self.signing_key}

    def tell(self, kind: str, action: str, row: Doc) -> None:
        """Owe a callback to every active registration of this type."""
        for entry in self._tenant.table("system/callbacks").values():
            if entry["type"] == kind and not entry.get("inactiveFlag"):
                self.owed.append(self._delivery(entry, kind, action, row))

    def about(self, table: str, row: Doc) -> tuple[dict[str, str], bytes]:
        """Headers and body of a callback about a row as it is now."""
        kind = {"companies": "company", "entries": "time"}.get(table.rpartition("/")[2], table.rpartition("/")[2].rstrip("s"))
        entry = {"id": 26604, "url": "https://daemon.example/webhooks/connectwise?recordId="}
        delivery = self._delivery(entry, kind, "updated", row)
        return delivery.headers, delivery.body

    def _delivery(self, entry: Doc, kind: str, action: str, row: Doc) -> Delivery:
        entity = None if action == "deleted" else _ENCODER.encode(row).decode()
        payload = {
            "Action": action,
            "CallbackObjectRecId": entry["id"],
            "CompanyId": self.company,
            "Entity": entity,
            "FromUrl": urlsplit(self.origin).netloc,
            "ID": row["id"],
            "MemberId": "sandbox",
            "MessageId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{len(self.owed)}/{kind}/{row['id']}/{action}")),
            "Metadata": {"key_url": self.key_url},
            "PartnerId": "sandbox",
            "ProductInstanceId": "sandbox",
            "Type": kind,
        }
        body = json.dumps(payload).encode()
        url = f"{entry['url']}{row['id']}&action={action}"
        return Delivery(url, {"x-content-signature": self.sign(body), "content-type": "application/json"}, body)

    def sign(self, body: bytes) -> str:
        """The signature of a body."""
        digest = hmac.new(hashlib.sha256(self.signing_key.encode()).digest(), body, hashlib.sha256).digest()
        return base64.b64encode(digest).decode()
