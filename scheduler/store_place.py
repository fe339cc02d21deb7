"""Where a configuration's store is, and the key that encrypts the tokens in it.

The smallest configuration names no key, and QuickBooks and Xero cannot be read without keeping tokens. So a store in a SQLite
file has a key of its own beside it, made when it is first needed: a copy of the store without that file keeps the tokens sealed.
Several machines may work on a store on a server, so these must be given one key.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlsplit, urlunsplit

import structlog
from pydantic import SecretStr

from core.errors import ConfigError
from core.settings import Loaded, with_secrets
from core.store import is_vault_key, new_vault_key

log = structlog.get_logger()
_FILE = "sqlite:///"


def store_url(loaded: Loaded) -> str:
    """The store's URL with relative SQLite paths taken from the configuration's folder and the password put in."""
    section = loaded.settings.store
    url = section.url
    if url.startswith(_FILE) and not url.startswith("sqlite:////"):
        name = url.removeprefix(_FILE)
        return f"{_FILE}{loaded.folder / name}" if name and name != ":memory:" else url
    if section.password is not None:
        opened = cast("Any", with_secrets(section, "[store]"))
        return with_password(url, opened.password.get_secret_value())
    return url


def with_password(url: str, password: str | None) -> str:
    """A PostgreSQL URL with this password in it; as it is where there is none."""
    if password is None:
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{parts.username or 'duesync'}:{quote(password, safe='')}@{host}"
    return urlunsplit(parts._replace(netloc=netloc))


def vault_keys(loaded: Loaded) -> tuple[bytes, ...]:
    """The vault's keys, newest first: those configured, else the store's own if it was made; empty when there is none.

    ConfigError names the one that is no key.
    """
    section = cast("Any", with_secrets(loaded.settings.vault, "[vault]"))
    if section.key is None:
        own = own_key_file(loaded)
        return _checked([(str(own), own.read_bytes().strip())]) if own is not None and own.is_file() else ()
    named = [("vault.key", section.key), *(("vault.previous_keys", key) for key in section.previous_keys)]
    return _checked([(name, cast("SecretStr", key).get_secret_value().encode()) for name, key in named])


def _checked(named: list[tuple[str, bytes]]) -> tuple[bytes, ...]:
    wrong = [f"{name}: is not a vault key; make one with: duesync config new-key" for name, key in named if not is_vault_key(key)]
    if wrong:
        raise ConfigError(wrong, source="[vault]")
    return tuple(key for _, key in named)


def own_key_file(loaded: Loaded) -> Path | None:
    """Where a key that nobody configured is kept: NAME.db.key beside NAME.db; None for a store that is no file."""
    name = store_url(loaded).removeprefix(_FILE)
    return Path(f"{name}.key") if loaded.settings.store.url.startswith(_FILE) and name and name != ":memory:" else None


def ensure_vault_key(loaded: Loaded, keeps_tokens: Callable[[str], bool]) -> None:
    """Make the store's own key where connections keep tokens, none is configured and none was made. Never replaces one.

    `keeps_tokens` says it of a connector, by type. Two processes that begin at once end with the same key.
    """
    path = own_key_file(loaded)
    if path is None or path.exists() or loaded.settings.vault.key is not None:
        return
    if not any(keeps_tokens(section.type) for section in loaded.settings.connections.values()):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(new_vault_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(fresh, path)
            log.info("vault.key_made", file=str(path))
    finally:
        Path(fresh).unlink()
