"""Fonts for PDFs: those the configuration names, then those installed on this machine whose names are known to cover much.

None is brought along. Only fonts whose licence field allows embedding are used (OpenType OS/2, fsType bit 1). Nothing here raises
for a font that cannot be read: the next one is tried, and without any the text is spelled in Latin letters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import structlog

from core.messages.alphabets import Face, Faces

log = structlog.get_logger()

FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "C:/Windows/Fonts",
)
# Names of files, regular and bold, in the order they are tried: wide ones first, then single scripts.
KNOWN = (
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    ("FreeSans.ttf", "FreeSansBold.ttf"),
    ("Arial Unicode.ttf", None),
    ("arial.ttf", "arialbd.ttf"),
    ("NotoSansArabic-Regular.ttf", "NotoSansArabic-Bold.ttf"),
    ("NotoSansHebrew-Regular.ttf", "NotoSansHebrew-Bold.ttf"),
    ("NotoSansDevanagari-Regular.ttf", "NotoSansDevanagari-Bold.ttf"),
    ("NotoSansThai-Regular.ttf", "NotoSansThai-Bold.ttf"),
    ("DroidSansFallbackFull.ttf", None),
    ("DroidSansFallback.ttf", None),
    ("wqy-microhei.ttc", None),
    ("wqy-zenhei.ttc", None),
    ("NotoSansSC-Regular.otf", "NotoSansSC-Bold.otf"),
    ("NotoSansJP-Regular.otf", "NotoSansJP-Bold.otf"),
    ("NotoSansKR-Regular.otf", "NotoSansKR-Bold.otf"),
    ("NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc"),
    ("Symbola.ttf", None),
)
_DEEPEST = 5  # folders below a font folder
_RESTRICTED = 0x0002  # fsType: must not be embedded without the owner's leave


def faces_of(configured: Sequence[Path] = ()) -> Faces:
    """The fonts of this machine, `configured` files first. They are looked for when a document needs them, once a process."""
    named = tuple(configured)
    return lambda: _faces(named)


@lru_cache(maxsize=8)
def _faces(configured: tuple[Path, ...]) -> tuple[Face, ...]:
    there = _installed()
    found = [face for path in configured if (face := _read(path, None)) is not None]
    for regular, bold in KNOWN:
        if regular in there:
            face = _read(there[regular], there.get(bold) if bold else None)
            found += [face] if face is not None else []
    return tuple(found)


def _installed() -> dict[str, Path]:
    """Where each known font file is; the first place wins."""
    wanted = {name for pair in KNOWN for name in pair if name}
    found: dict[str, Path] = {}
    for folder in FOLDERS:
        for path in _files(Path(folder).expanduser(), _DEEPEST):
            if path.name in wanted:
                found.setdefault(path.name, path)
    return found


def _files(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.is_dir():
            if depth > 0:
                yield from _files(entry, depth - 1)
        else:
            yield entry


def _read(regular: Path, bold: Path | None) -> Face | None:
    from fontTools.ttLib import TTFont, TTLibError  # only a document needs it, and every command imports this module

    try:
        with regular.open("rb") as file, TTFont(file, fontNumber=0, lazy=True) as font:
            restricted = getattr(font["OS/2"], "fsType", 0) & 0xF == _RESTRICTED if "OS/2" in font else False
            characters = frozenset(font.getBestCmap() or ())
    except (OSError, TTLibError, KeyError, ValueError, AssertionError) as error:
        log.warning("font.unreadable", path=str(regular), error=f"{type(error).__name__}: {error}")
        return None
    if restricted or not characters:
        log.warning("font.unreadable", path=str(regular), error="it may not be embedded" if restricted else "it has no letters")
        return None
    return Face(name=regular.stem, regular=regular, bold=bold, characters=characters)
