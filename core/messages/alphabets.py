"""Letters a PDF can print: which need a font of their own, and how a word is written where no font for it was found.

The fonts every PDF reader has (ISO 32000-1, 9.6.2.2) print Windows-1252. Everything else needs a font to embed; a word with
a letter that no font has is written in Latin letters in brackets, so that a name is never lost nor passed off as the original.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from anyascii import anyascii

_WORDS = re.compile(r"\S+|\s+")
_NEIGHBOURS = re.compile(r"\](\s+)\[")


@dataclass(frozen=True, slots=True)
class Face:
    """A font to embed: its files (`number` picks one of a collection), and the characters it has."""

    name: str
    regular: Path
    bold: Path | None
    characters: frozenset[int]
    number: int = 0

    def has(self, characters: Collection[str]) -> bool:
        """Can it print all of them?"""
        return all(ord(char) in self.characters for char in characters)


class Faces(Protocol):
    """Fonts there are on this machine, best first; asked for only when a text needs more than the standard fonts."""

    def __call__(self) -> Iterable[Face]: ...


def no_faces() -> tuple[Face, ...]:
    """No fonts but the standard ones."""
    return ()


def is_plain(char: str) -> bool:
    """Do the standard fonts have it?"""
    try:
        char.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def foreign(texts: Iterable[str]) -> frozenset[str]:
    """The characters of `texts` that the standard fonts lack."""
    return frozenset(char for char in frozenset().union(*(set(text) for text in texts)) if not is_plain(char))


def chosen(faces: Faces, texts: Collection[str]) -> tuple[Face, ...]:
    """The fonts that print `texts`: one for everything where there is one, else as few as it takes. None: the standard ones.

    The first also has the ASCII letters in use; each other one has characters that those before it lack.
    """
    wanted = foreign(texts)
    if not wanted:
        return ()
    everything = frozenset().union(*(set(text) for text in texts)) - {" ", "\u00a0"}
    letters = [char for char in everything if char.isascii()]
    found = [face for face in faces() if any(ord(char) in face.characters for char in wanted)]
    able = [face for face in found if face.has(letters)]
    if not able:
        return ()
    main = max(able, key=lambda face: sum(ord(char) in face.characters for char in everything))
    picked, left = [main], {char for char in wanted if ord(char) not in main.characters}
    for face in found:
        if any(ord(char) in face.characters for char in left):
            picked.append(face)
            left = {char for char in left if ord(char) not in face.characters}
    return tuple(picked)


def printable(faces: Collection[Face]) -> Callable[[str], bool]:
    """Which characters can be printed with these fonts; with none, those of the standard fonts."""
    if not faces:
        return is_plain
    return lambda char: char in " \u00a0" or any(ord(char) in face.characters for face in faces)


def spelled(text: str, can_print: Callable[[str], bool]) -> str:
    """`text` with every word that cannot be printed in Latin letters and brackets: "[OOO Romashka], Riga"."""
    words = [word if all(map(can_print, word)) or word.isspace() else _latin(word) for word in _WORDS.findall(text)]
    return _NEIGHBOURS.sub(r"\1", "".join(words))


def _latin(word: str) -> str:
    """A word in Latin letters; one of signs that have none is shown by their numbers, never dropped."""
    letters = anyascii(word).strip() or " ".join(f"U+{ord(char):04X}" for char in word)
    return f"[{letters}]"
