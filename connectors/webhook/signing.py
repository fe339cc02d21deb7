"""The signature of a message, as the Standard Webhooks specification has it, so that receivers can use its libraries. Pure.

`webhook-signature` is "v1," and base64 of HMAC-SHA256 over "ID.TIMESTAMP.BODY"; TIMESTAMP is seconds since 1970. A receiver
refuses old timestamps and IDs it has seen, so that a captured message cannot be played again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

PREFIX = "whsec_"
SHORTEST = 24  # bytes of a secret (Standard Webhooks: 24 to 64)


def key_of(secret: str) -> bytes:
    """The bytes to sign with: what follows whsec_ in base64, else the text itself. ValueError where that is too short."""
    key = secret.encode()
    if secret.startswith(PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            raise ValueError("what follows whsec_ is not base64") from None
    if len(key) < SHORTEST:
        raise ValueError(f"a signing secret has {SHORTEST} bytes or more")
    return key


def headers_of(message: str, body: bytes, *, at: datetime, keys: Iterable[bytes]) -> dict[str, str]:
    """The headers of one message, a signature for each key."""
    stamp = str(int(at.timestamp()))
    signed = f"{message}.{stamp}.".encode() + body
    marks = [f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}" for key in keys]
    return {
        "webhook-id": message,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(marks),
        "idempotency-key": message,
    }
