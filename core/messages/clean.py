"""Makes text from vendors and people safe to print in a message: one line, no control or direction characters, bounded length.

Names reach subjects and headers, so a line break in one would be a header of somebody else's making; direction overrides
(Unicode TR9 explicit formatting) would let a name rewrite the amount beside it.
"""

from __future__ import annotations

import re
import unicodedata

_SPACES = re.compile(r"\s+")
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LINK = re.compile(r"https?://[A-Za-z0-9.\-_~:/?#\[\]@!$&()*+,;=%]{1,1900}")
_FROM_THE_RIGHT = frozenset({"R", "AL", "AN"})  # bidirectional classes of letters (Unicode TR9, table 4)
_MARK = "\u200e"
# Cc control, Cf format (direction marks and overrides, zero-width), Cs surrogates, Co private use, Cn unassigned
_UNWANTED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def one_line(text: str | None, limit: int = 120) -> str:
    """`text` on one line without control, direction or invisible characters, cut to `limit` characters with an ellipsis.

    The mark that `set_apart` puts behind a name written from right to left stays.
    """
    spaced = _SPACES.sub(" ", unicodedata.normalize("NFC", text or ""))
    marks = {_MARK} if _has_letters_from_the_right(spaced) else set()
    kept = "".join(char for char in spaced if char in marks or unicodedata.category(char) not in _UNWANTED).strip()
    return kept if len(kept) <= limit else kept[: limit - 1].rstrip() + "…"


def set_apart(text: str) -> str:
    """`text` so that what follows stays behind it: a name written from right to left would draw a date or number to its left.

    The left-to-right mark (U+200E) is what plain text has for that; mail readers have known it longer than the isolates.
    """
    return f"{text}{_MARK}" if _has_letters_from_the_right(text) else text


def _has_letters_from_the_right(text: str) -> bool:
    return any(unicodedata.bidirectional(char) in _FROM_THE_RIGHT for char in text)


def safe_link(link: str | None) -> str | None:
    """The link if it is a plain http(s) address, else None: nothing else is put where a client clicks."""
    return link if link is not None and _LINK.fullmatch(link) else None


def addresses(text: str | None) -> tuple[str, ...]:
    """The well-formed addresses of a field that may hold several, separated by commas, semicolons or spaces."""
    parts = re.split(r"[,;\s]+", text or "")
    return tuple(dict.fromkeys(part for part in parts if _ADDRESS.fullmatch(part) and ".." not in part))


def file_name(stem: str, ending: str = "pdf") -> str:
    """A file name any mail client and disk takes, from a vendor's number or id: ASCII, no path, at most 80 characters."""
    plain = _UNSAFE.sub("-", stem).strip("-.")[:76]
    return f"{plain or 'document'}.{ending}"
