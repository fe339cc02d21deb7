"""The token vault: OAuth tokens encrypted at rest, and a lock per connection that holds over threads, processes and machines.

Fernet (AES-128-CBC with HMAC-SHA256) with as many keys as there are: the first encrypts, all decrypt, so a key is rotated by
putting the new one first and calling `rotate`. The name of the connection is sealed in with the tokens: a row moved to
another name does not open.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, delete, select

from core.clock import Clock
from core.errors import StoreBusy, StoreError
from core.ports import Tokens
from core.store.engine import Database
from core.store.locks import across_processes
from core.store.record_tables import table

_WAIT_SECONDS = 60.0  # a token refresh takes seconds; whoever holds the lock for a minute is stuck
_SETTING = "[vault] key"


class _Sealed(msgspec.Struct):
    """What is encrypted."""

    connection: str
    tokens: Tokens


def new_vault_key() -> bytes:
    """A fresh key, as text for a file or a credential."""
    return Fernet.generate_key()


class Vault:
    """Implements core.ports.TokenVault over the store's own table."""

    def __init__(self, database: Database, clock: Clock, keys: Sequence[bytes]) -> None:
        self._db = database
        self._clock = clock
        self._ciphers = _ciphers(keys)
        self._threads: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def read(self, connection: str) -> Tokens | None:
        """The tokens of a connection; None before the first consent. StoreError without the right key."""
        with self._db.read() as tx:
            return self._open(tx, connection)

    @contextmanager
    def locked(self, connection: str) -> Iterator[Slot]:
        """The tokens of one connection, while no other thread, process or machine can touch them.

        StoreBusy when somebody holds them for over a minute. Not inside a unit: rotated tokens must outlive its rollback.
        """
        self._cipher()
        if self._db.in_unit:
            raise StoreError(
                "Tokens cannot be locked inside a unit of work.", remedy="This is a fault of duesync: please report it."
            )
        with self._guard:
            mine = self._threads.setdefault(connection, threading.Lock())
        if not mine.acquire(timeout=_WAIT_SECONDS):
            raise _stuck(connection)
        try:
            with across_processes(self._db, f"vault/{connection}", wait=_WAIT_SECONDS, busy=_stuck(connection)):
                yield Slot(self, connection)
        finally:
            mine.release()

    def forget(self, connection: str) -> bool:
        """Delete the tokens of a connection; False when there were none."""
        held = table("tokens")
        with self._db.write() as tx:
            return tx.execute(delete(held).where(held.c.connection == connection)).rowcount == 1

    def connections(self) -> tuple[str, ...]:
        """The connections that have tokens. Needs no key."""
        with self._db.read() as tx:
            return tuple(sorted(tx.execute(select(table("tokens").c.connection)).scalars()))

    def rotate(self) -> int:
        """Encrypt everything anew with the first key, all or nothing. Returns how many rows; then the old keys may go.

        Whoever refreshes a token meanwhile waits, or is waited for: what he wrote is never put back. StoreError names a
        connection whose tokens no key opens.
        """
        cipher, held = self._cipher(), table("tokens")
        with self._db.write() as tx:
            rows = tx.execute(select(held).with_for_update()).all()
            for row in rows:
                fresh = {"connection": row.connection, "ciphertext": _rotated(cipher, row), "written_at": row.written_at}
                tx.execute(self._db.replace(held), [fresh])
        return len(rows)

    def behind(self) -> tuple[str, ...]:
        """The connections whose tokens the first key does not open: they still need an older one (or are lost)."""
        self._cipher()
        first, held = MultiFernet(self._ciphers[:1]), table("tokens")
        with self._db.read() as tx:
            rows = tx.execute(select(held.c.connection, held.c.ciphertext)).all()
        return tuple(sorted(row.connection for row in rows if not _opens(first, row.ciphertext)))

    def _write(self, connection: str, tokens: Tokens) -> None:
        sealed = self._cipher().encrypt(msgspec.json.encode(_Sealed(connection=connection, tokens=tokens)))
        with self._db.write() as tx:
            row = {"connection": connection, "ciphertext": sealed, "written_at": self._clock.now()}
            tx.execute(self._db.replace(table("tokens")), [row])

    def _open(self, tx: Connection, connection: str) -> Tokens | None:
        cipher, held = self._cipher(), table("tokens")
        sealed = tx.execute(select(held.c.ciphertext).where(held.c.connection == connection)).scalar()
        if sealed is None:
            return None
        try:
            opened = msgspec.json.decode(cipher.decrypt(sealed), type=_Sealed)
        except InvalidToken as error:
            raise _unreadable(connection) from error
        if opened.connection != connection:
            raise _unreadable(connection)
        return opened.tokens

    def _cipher(self) -> MultiFernet:
        if not self._ciphers:
            raise StoreError(
                f"{_SETTING} is not set: tokens cannot be kept.",
                remedy="Put the output of `duesync config new-key` in a file and name it there.",
            )
        return MultiFernet(self._ciphers)


class Slot:
    """The tokens of one connection while they are locked."""

    def __init__(self, vault: Vault, connection: str) -> None:
        self._vault = vault
        self._connection = connection

    def read(self) -> Tokens | None:
        """The tokens as they are now."""
        return self._vault.read(self._connection)

    def write(self, tokens: Tokens) -> None:
        """Replace the tokens; on disk when it returns."""
        self._vault._write(self._connection, tokens)


def _ciphers(keys: Sequence[bytes]) -> tuple[Fernet, ...]:
    try:
        return tuple(Fernet(word) for key in keys for word in _words(key))
    except ValueError as error:
        raise StoreError(
            f"{_SETTING} is not a vault key (32 bytes in url-safe base64).", remedy="Make one with: duesync config new-key"
        ) from error


def _words(key: bytes) -> list[bytes]:
    """One secret may hold several keys, apart by commas or space."""
    return key.replace(b",", b" ").split()


def is_vault_key(key: bytes) -> bool:
    """Whether a secret holds one or more keys that can be used."""
    try:
        return bool(_ciphers([key]))
    except StoreError:
        return False


def _opens(cipher: MultiFernet, sealed: bytes) -> bool:
    try:
        cipher.decrypt(sealed)
    except InvalidToken:
        return False
    return True


def _rotated(cipher: MultiFernet, row: Any) -> bytes:
    try:
        return cipher.rotate(row.ciphertext)
    except InvalidToken as error:
        raise _unreadable(row.connection) from error


def _unreadable(connection: str) -> StoreError:
    return StoreError(
        f"The tokens of {connection} cannot be decrypted with {_SETTING}.",
        remedy=f"Put the old key back beside the new one, or connect again: duesync auth {connection}",
    )


def _stuck(connection: str) -> StoreBusy:
    return StoreBusy(
        f"Another process has been refreshing the tokens of {connection} for a minute.", remedy="Stop it if it hangs."
    )
