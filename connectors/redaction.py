"""Keeping credentials out of errors: a vendor's error body may quote the very header it refuses."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping

from core.errors import DuesyncError

MASK = "[redacted]"
_SHORTEST = 6  # anything shorter is a word, not a secret, and masking it would garble the message


def secrets_in(headers: Mapping[str, str]) -> frozenset[str]:
    """Every secret that authorization headers carry: whole values, tokens after the scheme, and what Basic encodes."""
    found: set[str] = set()
    for value in headers.values():
        found.add(value)
        scheme, _, token = value.partition(" ")
        if token:
            found.add(token)
        if scheme.lower() == "basic":
            found.update(_basic_parts(token))
    return frozenset(secret for secret in found if len(secret) >= _SHORTEST)


def _basic_parts(token: str) -> set[str]:
    try:
        pair = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return set()
    return {pair, pair.partition(":")[2]}


def mask(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced, longest first."""
    for secret in sorted((item for item in secrets if len(item) >= _SHORTEST), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def redact(error: DuesyncError, secrets: Iterable[str]) -> None:
    """Mask secrets inside an error, in place: its message, remedy and arguments."""
    secrets = frozenset(secrets)
    error.message = mask(error.message, secrets)
    error.remedy = mask(error.remedy, secrets)
    error.args = tuple(mask(item, secrets) if isinstance(item, str) else item for item in error.args)
