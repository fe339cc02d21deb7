"""The content digest of a record: equal exactly when two versions of it would be reviewed the same way.

It covers every field that differs from its default, save the record's name and what moves without meaning (version, updated_at).
Leaving defaults out keeps old digests true when a later release adds a field.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Callable
from typing import Any

import msgspec

from core.records import STREAM_OF, Record
from core.store.shape import getter, once_per_class

_VOLATILE = frozenset({"connection", "ref", "version", "updated_at"})
_encoder = msgspec.json.Encoder()
# PostgreSQL's text takes no NUL, and neither database takes half a surrogate pair.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@once_per_class
def _content(cls: type[Any]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], tuple[Any, ...]]:
    fields = [item for item in dataclasses.fields(cls) if item.name not in _VOLATILE]
    names = tuple(item.name for item in fields)
    return names, getter(names), tuple(item.default for item in fields)


def canonical(record: Record) -> bytes:
    """The bytes the digest is made of. UnicodeEncodeError if a text holds half a surrogate pair."""
    names, values, defaults = _content(type(record))
    meant = {name: value for name, value, default in zip(names, values(record), defaults, strict=True) if value != default}
    return STREAM_OF[type(record)].encode() + _encoder.encode(meant)


def digest_of(record: Record) -> str:
    """32 hex digits (128 bits of BLAKE2b)."""
    return hashlib.blake2b(canonical(record), digest_size=16).hexdigest()


def storable(record: Record) -> tuple[Record, bytes]:
    """The record and its canonical bytes, with what no database takes (NUL, lone surrogates) replaced by U+FFFD."""
    try:
        content = canonical(record)
        suspect = b"\\u0000" in content or _UNSTORABLE.search(f"{record.ref}{record.version}") is not None
    except UnicodeEncodeError:
        suspect = True
    if not suspect:
        return record, content
    clean: Record = _scrub(record)
    return clean, canonical(clean)


def storable_text(words: str) -> str:
    """The text with what no database takes replaced."""
    return _UNSTORABLE.sub(REPLACEMENT, words)


def _scrub(value: Any) -> Any:
    if isinstance(value, str) and type(value) is str:
        return storable_text(value)
    if isinstance(value, tuple):
        return tuple(_scrub(item) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **{item.name: _scrub(getattr(value, item.name)) for item in dataclasses.fields(value)})
    return value
