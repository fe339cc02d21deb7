"""The `conditions` language of ConnectWise list calls, written safely. Pure.

Grammar and literals are those of the vendor's guide (brief 1.4): strings quoted, instants in brackets, `and`/`or`, parentheses.
A URL should stay below 2000 characters (guide); lists of ids are therefore split (brief case 20).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote as url_quote

LONGEST = 1500  # encoded characters of one `conditions`; leaves room for host, path and the other parameters below 1900


def text(value: str) -> str:
    """A string literal. ValueError for text with both kinds of quotes, which the vendor gives no way to escape."""
    if any(ord(char) < 32 for char in value):
        raise ValueError("a condition cannot hold control characters")
    if '"' not in value:
        return f'"{value}"'
    if "'" not in value:
        return f"'{value}'"
    raise ValueError(f"{value!r} holds both kinds of quotes; ConnectWise has no way to ask for it")


def instant(at: datetime) -> str:
    """An instant literal in whole seconds of UTC with Z; "+00:00" is refused by servers (brief 1.9)."""
    return f"[{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}]"


def every(*parts: str | None) -> str:
    """All of `parts`; empty ones are left out."""
    kept = [part for part in parts if part]
    return kept[0] if len(kept) == 1 else " and ".join(f"({part})" for part in kept)


def some(*parts: str | None) -> str:
    """Any of `parts`; empty ones are left out."""
    kept = [part for part in parts if part]
    return kept[0] if len(kept) == 1 else " or ".join(f"({part})" for part in kept)


def among(field: str, ids: Iterable[int], *, longest: int = LONGEST) -> Iterator[str]:
    """`field in (…)` over all ids, in as many conditions as fit `longest` encoded characters each."""
    batch: list[int] = []
    for number in sorted(set(ids)):
        if batch and len(url_quote(_among(field, [*batch, number]))) > longest:
            yield _among(field, batch)
            batch = []
        batch.append(number)
    if batch:
        yield _among(field, batch)


def _among(field: str, ids: Sequence[int]) -> str:
    return f"{field} in ({','.join(map(str, ids))})"
