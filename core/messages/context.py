"""What a template may use: the facts of a letter, cleaned and written in the client's language (Babel, CLDR)."""

from __future__ import annotations

from datetime import date
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_currency

from core.messages.clean import one_line, safe_link, set_apart
from core.messages.letter import Letter, LetterGroup, LetterLine
from core.messages.texts import LANGUAGES, late_words
from core.money import Money

_NAMED = 4  # invoices named in a subject; the rest are counted
_PAYMENT_LINES = 8


def language_of(letter: Letter) -> str:
    """The language of the words: the client's if duesync speaks it, else the organisation's, else English."""
    return known_language(letter.locale, letter.organisation.locale)


def known_language(*wanted: str) -> str:
    """The first of these locales whose language duesync speaks, else English."""
    languages = (locale.replace("_", "-").split("-")[0].lower() for locale in wanted)
    return next((language for language in languages if language in LANGUAGES), "en")


def locale_of(letter: Letter, language: str) -> Locale:
    """The CLDR locale for dates and amounts: the client's territory, else the organisation's country."""
    return locale_for(letter.locale, language, letter.organisation.country)


def locale_for(wanted: str, language: str, country: str) -> Locale:
    """The CLDR locale of a language in the territory of `wanted`, else in `country`, else nowhere in particular."""
    parts = wanted.replace("_", "-").split("-")
    territory = parts[-1].upper() if len(parts) > 1 and len(parts[-1]) == 2 else country.upper()
    for tag in (f"{language}_{territory}", language):
        try:
            return Locale.parse(tag)
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse("en")


def money_text(amount: Money, locale: Locale) -> str:
    """An amount as the client writes it, always with its minor units."""
    return str(format_currency(amount.decimal, amount.currency, locale=locale))


def date_text(day: date, locale: Locale) -> str:
    """A date with its month in words, so that no two countries read it differently."""
    return str(format_date(day, "long", locale=locale))


def context_of(letter: Letter, language: str) -> dict[str, Any]:
    """Plain values only: strings, numbers and lists of them."""
    locale = locale_of(letter, language)
    lines = letter.lines
    labels = [one_line(line.label, 40) for line in lines]
    due = [line for group in letter.groups for line in group.due]
    amounts = [money_text(group.amount_due, locale) for group in letter.groups if group.due]
    coming = [money_text(group.to_come, locale) for group in letter.groups if group.upcoming]
    organisation = letter.organisation
    return {
        "language": language,
        "organisation": set_apart(one_line(organisation.name)),
        "client": set_apart(one_line(letter.client)),
        "contact": set_apart(one_line(letter.contact, 60)),
        "count": len(lines),
        "due_count": len(due),
        "number": labels[0] if labels else "",
        "numbers": _listed(labels[:_NAMED], locale) + (f" (+{len(labels) - _NAMED})" if len(labels) > _NAMED else ""),
        "amount": _listed(amounts or coming, locale),
        "first_due_on": date_text(min(line.due_on for line in lines), locale) if lines else "",
        "days": max((line.days_past_due for line in lines), default=0),
        "written_on": date_text(letter.written_on, locale),
        "answer_by": date_text(letter.answer_by, locale) if letter.answer_by else "",
        "hand_over_on": date_text(letter.hand_over_on, locale) if letter.hand_over_on else "",
        "groups": [_group(group, locale, language) for group in letter.groups],
        "reply_to": one_line(letter.reply_to, 200),
        "phone": one_line(organisation.phone, 40),
        "phone_of_client": one_line(letter.phone, 40),
        "address": one_line(organisation.address, 300),
        "payment": _payment(organisation.payment or ""),
        "reference": one_line(letter.reference, 40),
        "notes": [one_line(note, 300) for note in letter.notes],
    }


def _payment(text: str) -> list[str]:
    """How to pay, line by line."""
    return [line for part in text.splitlines() if (line := one_line(part, 200))][:_PAYMENT_LINES]


def _listed(items: list[str], locale: Locale) -> str:
    return str(format_list(items, locale=locale)) if items else ""


def _group(group: LetterGroup, locale: Locale, language: str) -> dict[str, Any]:
    return {
        "currency": group.currency,
        "due": [_line(line, locale, language) for line in group.due],
        "upcoming": [_line(line, locale, language) for line in group.upcoming],
        "listed": money_text(group.listed, locale),
        "credit": money_text(group.credit, locale) if group.credit.minor > 0 else "",
        "amount_due": money_text(group.amount_due, locale),
        "to_come": money_text(group.to_come, locale),
    }


def _line(line: LetterLine, locale: Locale, language: str) -> dict[str, Any]:
    return {
        "label": one_line(line.label, 40),
        "reference": set_apart(one_line(line.reference, 60)),
        "issued_on": date_text(line.issued_on, locale),
        "due_on": date_text(line.due_on, locale),
        "total": money_text(line.total, locale),
        "open": money_text(line.open, locale),
        "received": money_text(line.received, locale) if line.received.minor > 0 else "",
        "late": late_words(language, line.days_past_due) if line.days_past_due > 0 else "",
        "link": safe_link(line.link),
    }
