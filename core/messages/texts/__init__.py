"""The built-in words, one module per language. Each has WORDS (all letters), KINDS (one letter kind) and LATE (days past due)."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from core.messages.texts import en

_MODULES: Mapping[str, ModuleType] = {"en": en}
LANGUAGES = frozenset(_MODULES)


def words_for(language: str, kind: str) -> dict[str, str]:
    """Every sentence of one kind of letter, as template sources."""
    module = _MODULES[language]
    return {**module.WORDS, **module.KINDS[kind]}


def late_words(language: str, days: int) -> str:
    """ "12 days past due" in that language."""
    one, many = _MODULES[language].LATE
    return str((one if days == 1 else many).format(days=days))
