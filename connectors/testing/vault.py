"""Tokens in memory, with the same locking promise as the store's vault. For tests and demos: nothing is encrypted or kept."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from core.ports import Tokens, TokenSlot


class MemoryVault:
    """A TokenVault of one process. `writes` lists every connection whose tokens were written, in order."""

    def __init__(self, **tokens: Tokens) -> None:
        self._tokens = dict(tokens)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self.writes: list[str] = []

    def read(self, connection: str) -> Tokens | None:
        """The tokens, None when there are none."""
        return self._tokens.get(connection)

    @contextmanager
    def locked(self, connection: str) -> Iterator[TokenSlot]:
        """Nobody else reads or writes through a lock of this connection meanwhile."""
        with self._locks[connection]:
            yield _Slot(self, connection)

    def put(self, connection: str, tokens: Tokens) -> None:
        """Write without asking for the lock."""
        self.writes.append(connection)
        self._tokens[connection] = tokens


class _Slot:
    def __init__(self, vault: MemoryVault, connection: str) -> None:
        self._vault = vault
        self._connection = connection

    def read(self) -> Tokens | None:
        return self._vault.read(self._connection)

    def write(self, tokens: Tokens) -> None:
        self._vault.put(self._connection, tokens)
