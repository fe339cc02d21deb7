"""Reading an answer's body within limits: a vendor, a proxy or an attacker may send more than memory holds.

Bodies are decoded in bounded steps, so that a compressed bomb is noticed after `limit` bytes and never unpacked. Only gzip and
deflate are read, because only these are asked for.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn

import httpx

ACCEPT_ENCODING = "gzip, deflate"


class UnreadableBody(Exception):
    """The body is too large, cut off, or not in an encoding we asked for. The text says which."""


def read_body(response: httpx.Response, *, limit: int, patience: float = 120.0) -> bytes:
    """The decoded body of a streamed response; UnreadableBody beyond `limit` bytes or `patience` seconds, or when damaged.

    Without the second limit, a vendor that drips a byte now and then would hold a thread forever.
    """
    if response.is_stream_consumed:  # an in-memory transport has decoded it already
        return _within(response.content, limit)
    declared = response.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise UnreadableBody(f"announces {declared} bytes, more than the {limit} allowed")
    pieces: list[bytes] = []
    room, until = limit, time.monotonic() + patience
    for piece in _decoded(response, limit):
        room -= len(piece)
        if room < 0:
            raise UnreadableBody(f"is larger than the {limit} bytes allowed")
        if time.monotonic() > until:
            raise UnreadableBody(f"was not complete after {patience:g} s")
        pieces.append(piece)
    return b"".join(pieces)


def _within(content: bytes, limit: int) -> bytes:
    if len(content) > limit:
        raise UnreadableBody(f"is larger than the {limit} bytes allowed")
    return content


def _decoded(response: httpx.Response, limit: int) -> Iterator[bytes]:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return response.iter_raw()
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise UnreadableBody(f"is encoded as {encoding[:40]!r}, which was not asked for")
    return _inflated(response.iter_raw(), gzip=encoding != "deflate", step=min(limit, 1 << 20) + 1)


def _inflated(chunks: Iterator[bytes], *, gzip: bool, step: int) -> Iterator[bytes]:
    """Decompressed pieces of at most `step` bytes each, over any number of gzip members."""
    inflater = zlib.decompressobj(zlib.MAX_WBITS | (16 if gzip else 0))
    begun = False
    for chunk in chunks:
        data = chunk
        while data:
            if inflater.eof:
                inflater = zlib.decompressobj(zlib.MAX_WBITS | (16 if gzip else 0))
            try:
                piece = inflater.decompress(data, step)
            except zlib.error as error:
                if gzip or begun:
                    raise UnreadableBody("is damaged: it cannot be decompressed") from error
                inflater = zlib.decompressobj(-zlib.MAX_WBITS)  # some servers send deflate without its header
                begun = True
                continue
            begun = True
            yield piece
            data = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    if begun and not inflater.eof:
        raise UnreadableBody("is cut off")


def read_json(body: bytes) -> Any:
    """The JSON value with every fraction as Decimal; ValueError when it is not complete JSON (NaN and Infinity are none)."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")
