"""What a person wrote in a mail: its words, from the plain part or the page, without what it quotes of ours. Pure.

Answers stand above the quote, below it or between its lines; nothing that was written is lost. Hostile mail is expected.
"""

from __future__ import annotations

import re
from email.message import EmailMessage
from html import unescape

from core.messages.clean import one_line
from core.messages.texts import LANGUAGES, words_for

_EXCERPT = 500  # characters that are kept for the person who answers
_LONGEST = 200_000  # characters of a body that are looked at
_SAID = r"wrote|schrieb|a écrit|escribió|schreef|ha scritto|escreveu"
_ATTRIBUTION = re.compile(
    rf"(?m)^[ \t>]*(?:On|Am|Le|El|Op|Il|Em) [^\n]{{3,200}}(?:\n[^\n]{{0,120}}){{0,2}}?(?:{_SAID})[^\n]{{0,120}}:[ \t]*$"
)
_ORIGINAL = (
    r"Original Message|Original-?Nachricht|Ursprüngliche Nachricht|Message d[’']origine|Mensaje original|Oorspronkelijk bericht"
)
_FROM, _SENT = r"From|Von|De|Van|Da", r"Sent|Date|Gesendet|Datum|Envoyé|Enviado|Fecha|Verzonden|Inviato"
_BELOW = re.compile(
    rf"(?im)^[ \t]*(?:-{{2,}}[ \t]*(?:{_ORIGINAL})|_{{10,}}[ \t]*$|(?:{_FROM})[ \t]?:[^\n]{{1,200}}\n(?:{_SENT})[ \t]?:)"
)
_QUOTED = re.compile(r"(?m)^[ \t]*>.*$")
_TAG = re.compile(r"<(?P<closes>/?)(?P<name>[A-Za-z][A-Za-z0-9]*)[^<>]*>|(?P<comment><!--|-->)")
_BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "blockquote"})
_SILENT = frozenset({"style", "script", "title", "<!--", "-->"})
_OUR_SIGN = "|".join(re.escape(words_for(language, "created")["reference"]) for language in sorted(LANGUAGES))
_REFERENCE = re.compile(rf"(?:{_OUR_SIGN})\s*:\s*([0-9a-f]{{8}})\b")


def body_text(mail: EmailMessage) -> str:
    """The text of a mail: of its plain part, else of its page; empty where it has neither."""
    body = mail.get_body(preferencelist=("plain",))
    text = _content(body)
    if text.strip():
        return text
    return _words_of(_content(mail.get_body(preferencelist=("html",))))


def own_words(text: str) -> str:
    """The beginning of what was written, on one line, without quotes; all of the text where nothing else would be left."""
    above = _BELOW.split(text, maxsplit=1)[0]
    kept = one_line(_QUOTED.sub("", _ATTRIBUTION.sub("", above if above.strip() else text)), _EXCERPT)
    return kept or one_line(text, _EXCERPT)


def reference_in(text: str) -> str:
    """The reference of the message of ours that is quoted, as it stands at the end of each; empty where there is none."""
    found = _REFERENCE.search(text)
    return found[1] if found else ""


def _content(part: object) -> str:
    content = part.get_content() if isinstance(part, EmailMessage) else ""
    return content[:_LONGEST] if isinstance(content, str) else ""


def _words_of(page: str) -> str:
    """The words of a page, a line for each block, those of quotes marked as such. Takes time by its length only."""
    parts: list[str] = []
    quotes, silent, at = 0, 0, 0
    for tag in _TAG.finditer(page):
        name, closes = (tag["name"] or tag["comment"]).lower(), tag["closes"] == "/" or tag["comment"] == "-->"
        if not silent:
            parts.append(unescape(page[at : tag.start()]).replace("\n", " "))
        at = tag.end()
        if name == "blockquote":
            quotes = max(quotes + (-1 if closes else 1), 0)
        elif name in _SILENT:
            silent = max(silent + (-1 if closes else 1), 0)
        if name in _BREAKS:
            parts.append("\n> " if quotes else "\n")
    return "".join([*parts, "" if silent else unescape(page[at:])])
