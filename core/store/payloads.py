"""Raw payloads, compressed with zstd. Each frame names the dictionary it was made with, so old ones stay readable for ever.

Level 3 is zstd's own default; higher levels cost a page its speed for a few per cent.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

import zstandard
from sqlalchemy import Connection, func, select

from core.errors import StoreError
from core.store.engine import Database
from core.store.record_tables import table

_LEVEL = 3
TRAIN_FROM = 200  # payloads: fewer teach a dictionary nothing (zstd manual: samples about 100 times its size)
_SAMPLES = 1_000
_DICTIONARY_BYTES = 16 * 1024


class Payloads:
    """Packs and unpacks payloads; remembers dictionaries. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._known: dict[int, zstandard.ZstdCompressionDict] = {}

    def pack(self, connection: Connection, source: tuple[str, str], raws: Sequence[bytes], now: datetime) -> list[bytes]:
        """Compress the payloads of one (connection, stream), training its dictionary when a page is first large enough."""
        with self._lock:
            dictionary = self._dictionary_for(connection, source, raws, now)
        compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=dictionary)
        return [compressor.compress(raw) for raw in raws]

    def unpack(self, connection: Connection, packed: bytes) -> bytes:
        """The payload as it came; StoreError if it was damaged."""
        try:
            number = zstandard.get_frame_parameters(packed).dict_id
            with self._lock:
                dictionary = self._read(connection, number) if number else None
            return zstandard.ZstdDecompressor(dict_data=dictionary).decompress(packed)
        except zstandard.ZstdError as error:
            raise StoreError("A stored payload is damaged.", remedy="Run: duesync sync --full") from error

    def _dictionary_for(
        self, connection: Connection, source: tuple[str, str], raws: Sequence[bytes], now: datetime
    ) -> zstandard.ZstdCompressionDict | None:
        # asked anew for every page: only then is it sure to be committed with, or before, the payloads that need it
        held = table("payload_dictionaries")
        found = select(func.max(held.c.id)).where(held.c.connection == source[0], held.c.stream == source[1])
        number = connection.execute(found).scalar()
        if number is not None:
            return self._read(connection, number)
        return self._train(connection, source, raws, now) if len(raws) >= TRAIN_FROM else None

    def _read(self, connection: Connection, number: int) -> zstandard.ZstdCompressionDict:
        if number not in self._known:
            held = table("payload_dictionaries")
            content = connection.execute(select(held.c.content).where(held.c.id == number)).scalar()
            if content is None:
                raise StoreError("A payload's dictionary is missing from the store.", remedy="Restore the last backup.")
            self._known[number] = zstandard.ZstdCompressionDict(content)
        return self._known[number]

    def _train(
        self, connection: Connection, source: tuple[str, str], raws: Sequence[bytes], now: datetime
    ) -> zstandard.ZstdCompressionDict | None:
        """A new dictionary, stored in the page's own transaction; None when the payloads have nothing in common."""
        step = max(1, len(raws) // _SAMPLES)
        samples: list[bytes | bytearray | memoryview] = [*raws[::step][:_SAMPLES]]
        try:
            trained = zstandard.train_dictionary(_DICTIONARY_BYTES, samples)
        except zstandard.ZstdError:
            return None
        held = table("payload_dictionaries")
        number = trained.dict_id()
        row = {"id": number, "connection": source[0], "stream": source[1], "trained_at": now, "content": trained.as_bytes()}
        connection.execute(self._database.replace(held), [row])
        return trained
