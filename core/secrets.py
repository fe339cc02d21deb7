"""Secrets by reference: the configuration says where a secret is, never what it is.

`env:NAME` reads the environment, `file:PATH` a file (its trailing newline dropped), `credential:NAME` a file of that name in the
folder systemd hands over (LoadCredential=, systemd.exec(5)). Every value read is remembered so that the log can mask it.
"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

_REFERENCE = re.compile(r"(env|file|credential):(.+)", re.DOTALL)
_SHORTEST_MASKED = 6  # masking shorter strings would blank ordinary words

_MOST_KNOWN = 2000  # access tokens come and go; the oldest are long dead when they are forgotten

_known: dict[str, None] = {}
_lock = threading.Lock()


class SecretError(ValueError):
    """A reference that cannot be followed. The message names the reference, never a value."""


def is_reference(text: str) -> bool:
    """Does `text` say where a secret is, rather than being one?"""
    return bool(_REFERENCE.fullmatch(text))


def resolve(reference: str) -> str:
    """The secret behind a reference. SecretError says which reference failed and why."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise SecretError("must be a reference: env:NAME, file:PATH or credential:NAME")
    kind, name = match.groups()
    value = _from_environment(name) if kind == "env" else _from_file(kind, name)
    if not value:
        raise SecretError(f"{kind}:{name} is empty")
    remember(value)
    return value


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise SecretError(f"the environment variable {name} is not set")
    return value


def _from_file(kind: str, name: str) -> str:
    folder = Path()
    if kind == "credential":
        given = os.environ.get("CREDENTIALS_DIRECTORY")
        if given is None:
            raise SecretError(f"credential:{name} needs the folder systemd passes in CREDENTIALS_DIRECTORY")
        if "/" in name:
            raise SecretError("a credential is a plain name, not a path")
        folder = Path(given)
    try:
        return (folder / name).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SecretError(f"{kind}:{name} cannot be read: {reason}") from None


def remember(value: str) -> None:
    """Have `value` masked wherever it would be logged (access tokens, too, are told here)."""
    if len(value) >= _SHORTEST_MASKED:
        with _lock:
            _known.pop(value, None)
            _known[value] = None
            if len(_known) > _MOST_KNOWN:
                del _known[next(iter(_known))]


def mask(text: str) -> str:
    """`text` with every secret seen so far replaced by ***."""
    with _lock:
        known = tuple(_known)
    for value in known:
        if value in text:
            text = text.replace(value, "***")
    return text
