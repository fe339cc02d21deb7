"""Letter -> subject, text and HTML. Refuses, as a value, what lacks a fact or says what must not be said.

Templates are Jinja2 in a sandbox; HTML is escaped; an unknown name in a template is an error, not a blank. Built-in words are in
core.messages.texts; a user's own come with the letter or as `overrides`: "<kind>.<language>.subject|text|html", or without the
language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.messages.clean import one_line
from core.messages.context import context_of, language_of
from core.messages.layout import HTML_LAYOUT, SCRIPT_LAYOUT, TEXT_LAYOUT
from core.messages.letter import Letter, LetterKind
from core.messages.lint import missing_facts, objections
from core.messages.texts import LANGUAGES, atoms_for, words_for

SUBJECT_LIMIT = 150
_PARTS = frozenset({"subject", "text", "html"})
_LONGEST = 400_000  # characters of a body; a statement of 2,000 invoices stays below it


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A message ready to send. `html` is empty for a call script."""

    subject: str
    text: str
    html: str
    locale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageIncomplete:
    """A message that must not go: what it lacks or says wrongly, in plain words."""

    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.problems)


@lru_cache(maxsize=512)
def _compiled(source: str, escape: bool) -> Template:
    environment = ImmutableSandboxedEnvironment(
        autoescape=escape, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)


def _fill(source: str, context: Mapping[str, Any], *, escape: bool = False) -> str:
    return _compiled(source, escape).render(context)


def template_problems(overrides: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with a user's templates before any is used: unknown names, and sources that are no templates."""
    problems = []
    for name, source in overrides.items():
        kind, *languages, part = name.split(".") if "." in name else (name, "")
        known = kind in set(LetterKind) and part in _PARTS and len(languages) <= 1 and set(languages) <= LANGUAGES
        if not known:
            problems.append(f'"{name}" is no template: write "<letter>.<language>.<subject, text or html>"')
            continue
        try:
            _compiled(source, part == "html")
        except TemplateError as error:
            problems.append(f'"{name}" cannot be read: {error}')
    return tuple(problems)


def render(letter: Letter, overrides: Mapping[str, str] | None = None) -> Rendered | MessageIncomplete:
    """The message of `letter`, or why there is none. Never raises for a letter or a template it does not like."""
    missing = missing_facts(letter)
    if missing:
        return MessageIncomplete(problems=missing)
    language = language_of(letter)
    try:
        rendered = _rendered(letter, language, {**letter.templates, **(overrides or {})})
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        return MessageIncomplete(problems=(f"the template {letter.kind}.{language} cannot be filled: {error}",))
    problems = objections(letter, rendered.subject, rendered.text, rendered.html, language)
    return MessageIncomplete(problems=problems) if problems else rendered


def _rendered(letter: Letter, language: str, overrides: Mapping[str, str]) -> Rendered:
    context = _with_words(letter, language)

    def own(part: str) -> str | None:
        return overrides.get(f"{letter.kind}.{language}.{part}", overrides.get(f"{letter.kind}.{part}"))

    call = letter.kind is LetterKind.CALL
    subject = _fill(own("subject") or context["words"]["subject"], context)
    text = _fill(own("text") or (SCRIPT_LAYOUT if call else TEXT_LAYOUT), context)
    html = "" if call else _fill(own("html") or HTML_LAYOUT, context | {"subject": subject}, escape=True)
    if len(text) + len(html) > _LONGEST:
        raise ValueError(f"it would be longer than {_LONGEST} characters")
    return Rendered(
        subject=one_line(subject, SUBJECT_LIMIT), text=_tidy(text), html=html.strip() + "\n" if html else "", locale=letter.locale
    )


def _with_words(letter: Letter, language: str) -> dict[str, Any]:
    """The context with the built-in sentences already filled, so that a layout only places them."""
    context = context_of(letter, language)
    context |= {name: _fill(source, context) for name, source in atoms_for(language).items()}
    words = words_for(language, letter.kind)
    filled = {name: _fill(source, context) if name != "subject" else source for name, source in words.items()}
    return context | {"words": filled}


def _tidy(text: str) -> str:
    """No trailing spaces and no more than one empty line in a row."""
    lines: list[str] = []
    for line in text.splitlines():
        bare = line.rstrip()
        if bare or (lines and lines[-1]):
            lines.append(bare)
    return "\n".join(lines).strip() + "\n"
