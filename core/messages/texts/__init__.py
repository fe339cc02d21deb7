"""The built-in words, one module per language.

Each has ATOMS (forms that depend on how many invoices there are), WORDS (all letters), KINDS (one kind of letter), STATEMENT (the
account as a document) and LATE (days past due). ATOMS, WORDS and KINDS are template sources; ATOMS may be used in the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from core.messages.texts import de, en, es, fr, nl

_MODULES: Mapping[str, ModuleType] = {"de": de, "en": en, "es": es, "fr": fr, "nl": nl}
LANGUAGES = frozenset(_MODULES)


def atoms_for(language: str) -> dict[str, str]:
    """The forms every sentence of a language may use."""
    return dict(_MODULES[language].ATOMS)


def words_for(language: str, kind: str) -> dict[str, str]:
    """Every sentence of one kind of letter, as template sources."""
    module = _MODULES[language]
    return {**module.WORDS, **module.KINDS[kind]}


def statement_words(language: str) -> dict[str, str]:
    """The words of a statement of account; `buckets` are five names with | between them."""
    return dict(_MODULES[language].STATEMENT)


def late_words(language: str, days: int) -> str:
    """ "12 days past due" in that language."""
    one, many = _MODULES[language].LATE
    return str((one if days == 1 else many).format(days=days))
