"""The demo's own configuration, written where a real one would be: secrets in files, everything else in duesync.toml."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from scheduler.demo.vendor import ZONE
from scheduler.documents import toml_section

_SECRETS = ("client_secret", "refresh_token", "webhook_verifier")


def write_configuration(folder: Path, vendor: dict[str, Any], *, smtp_port: int, maildir: Path) -> Path:
    """duesync.toml for the demo's vendor and mail server, if it is not there yet."""
    path = folder / "duesync.toml"
    if path.exists():
        return path
    keys: dict[str, Any] = {"type": "quickbooks", "role": "books", "mode": "active"}
    for name, value in vendor.items():
        if name in _SECRETS:
            _write_secret(folder / name, str(value))
            keys[name] = f"file:{folder / name}"
        elif name != "push":
            keys[name] = value
    _write_secret(folder / "vault-key", Fernet.generate_key().decode())
    mail = {
        "host": "127.0.0.1",
        "port": smtp_port,
        "security": "none",
        "from_address": "accounts@northwind-it.example",
        "from_name": "Northwind IT",
        "sent_maildir": str(maildir),
    }
    organisation = {
        "name": "Northwind IT",
        "timezone": ZONE,
        "currency": "USD",
        "country": "US",
        "email": "accounts@northwind-it.example",
        "phone": "+1 312 555 0100",
    }
    sections = [
        toml_section("organisation", organisation),
        toml_section("store", {"url": "sqlite:///duesync.db"}),
        toml_section("vault", {"key": f"file:{folder / 'vault-key'}"}),
        toml_section("connections.books", keys),
        toml_section("connections.books.push", {"note": True, "send_invoice": True}),
        toml_section("mail", mail),
        toml_section("dunning", {"mode": "active"}),
        toml_section("daemon", {"read_back_after": "0s"}),  # the demo's vendor has answered, or never will, when we come back
        toml_section("log", {"level": "error", "style": "json"}),
    ]
    path.write_text("\n".join(sections), encoding="utf-8")
    return path


def _write_secret(path: Path, value: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(value)
