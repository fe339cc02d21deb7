"""The last look at a message before it counts as written: are the facts in it, and does it keep from threatening?

The facts are those a reminder must state: who, to whom, what is owed, since when, how to answer (seed 004; product notes A106,
A107). The words are those that would threaten a step nobody has taken or means to, shame, or press (A96, A97, after 15 U.S.C.
1692d-f).
"""

from __future__ import annotations

import re
import unicodedata
from html import unescape

from core.messages.clean import one_line
from core.messages.context import date_text, locale_of, money_text
from core.messages.letter import Letter, LetterKind

_ASKING = frozenset(LetterKind) - {LetterKind.CREATED, LetterKind.UPCOMING}
_BANNED: dict[str, tuple[str, ...]] = {
    "en": (
        "sue", "lawsuit", "litigation", "attorney", "lawyer", "police", "arrest", "criminal", "fraud", "garnish", "seize",
        "credit rating", "credit score", "blacklist", "shame", "deadbeat", "immediately or", "legal action", "court", "or else",
    ),
    "de": ("klage", "klagen", "verklagen", "anwalt", "rechtsanwalt", "gericht", "polizei", "betrug", "pfänden", "pfändung",
           "schufa", "strafanzeige", "schande"),
    "fr": ("tribunal", "avocat", "huissier", "poursuites", "police", "fraude", "saisie", "honte", "escroquerie"),
    "es": ("demanda", "demandar", "abogado", "tribunal", "juzgado", "policía", "fraude", "embargo", "vergüenza", "morosos"),
    "nl": ("rechtbank", "advocaat", "deurwaarder", "politie", "fraude", "beslag", "incasso", "schande", "aanklagen"),
}  # fmt: skip
# Handing over to an agency: said only in a final notice of an account that one could really take, with the first day of it.
_HAND_OVER: dict[str, str] = {
    "en": r"collections? agenc(?:y|ies)|debt[ -]collect(?:or|ors|ion)|(?:to|into) collections",
    "de": r"inkasso\w*",
    "fr": r"(?:soci[ée]t[ée]|agence|cabinet|service) de recouvrement",
    "es": r"(?:agencia|empresa|gestor[ai]?) de (?:cobros?|recobros?|cobranzas?)",
    "nl": r"incasso(?:bureau|kantoor|traject)\w*",
}
_TAG = re.compile(r"<[^>]*>")


def missing_facts(letter: Letter) -> tuple[str, ...]:
    """What the letter lacks to be written at all, in plain words; empty when it is complete."""
    checks = (
        (not one_line(letter.organisation.name), "the organisation's name is missing"),
        (not one_line(letter.client), "the client's name is missing"),
        (not letter.lines, "it names no invoice"),
        (any(not one_line(line.label) for line in letter.lines), "an invoice has neither number nor ref"),
        (letter.kind is not LetterKind.CALL and not letter.to, "it has no recipient"),
        (not (letter.reply_to or letter.organisation.phone), "there is no way to answer: set organisation.email or phone"),
        (letter.kind in _ASKING and not any(group.amount_due for group in letter.groups), "nothing is due"),
        (letter.kind is LetterKind.DUE and any(line.days_past_due > 0 for line in letter.lines), "not all of it is due today"),
        (letter.kind in {LetterKind.FIRM, LetterKind.FINAL} and letter.answer_by is None, "it names no day to answer by"),
    )
    return tuple(problem for failed, problem in checks if failed)


def threats(text: str, language: str) -> tuple[str, ...]:
    """Words in `text` that must not stand in a reminder. English is looked for in every language."""
    folded = unicodedata.normalize("NFC", text).casefold()
    banned = dict.fromkeys((*_BANNED.get(language, ()), *_BANNED["en"]))
    return tuple(word for word in banned if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", folded))


def hand_over_words(text: str, language: str) -> tuple[str, ...]:
    """What `text` says of handing over to an agency. English is looked for in every language."""
    folded = unicodedata.normalize("NFC", text).casefold()
    patterns = dict.fromkeys((_HAND_OVER.get(language, _HAND_OVER["en"]), _HAND_OVER["en"]))
    return tuple(dict.fromkeys(found[0] for pattern in patterns for found in re.finditer(rf"(?<!\w)(?:{pattern})(?!\w)", folded)))


def _without_names(letter: Letter, text: str) -> str:
    """`text` without names of people and firms: a client called Court & Sons is not a threat."""
    names = (letter.client, letter.contact, letter.organisation.name, letter.organisation.address, letter.reply_to)
    texts = [one_line(name, 300) for name in names if name] + [
        one_line(line.reference, 60) for line in letter.lines if line.reference
    ]
    for name in sorted(filter(None, texts), key=len, reverse=True):
        text = text.replace(name, " ")
    return text


def objections(letter: Letter, subject: str, text: str, html: str, language: str) -> tuple[str, ...]:
    """What is wrong with a finished message: threats, and facts that a template dropped. Empty when it may go."""
    said = _without_names(letter, f"{subject}\n{text}\n{unescape(_TAG.sub(' ', html))}")
    found = [f'it says "{word}"' for word in threats(said, language)]
    locale = locale_of(letter, language)
    handing = hand_over_words(said, language)
    if letter.hand_over_on is None:
        found += [f'it says "{word}", and no agency could take this account' for word in handing]
    wanted = {one_line(line.label, 40) for line in letter.lines}
    wanted |= {money_text(group.amount_due, locale) for group in letter.groups if group.due}
    wanted |= {date_text(letter.hand_over_on, locale)} if letter.hand_over_on is not None and handing else set()
    bodies = (text,) if letter.kind is LetterKind.CALL else (text, unescape(html))
    found += [f'the fact "{fact}" is missing' for fact in sorted(wanted) if any(fact not in body for body in bodies)]
    if not subject.strip():
        found.append("the subject is empty")
    return tuple(found)
