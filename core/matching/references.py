"""Which invoices the text of a payment names, and how surely.
Text is cut into runs of letters and runs of digits; neighbouring runs are joined again, so that "INV 20 24-0012" can be read as
INV-2024-0012 while "12" is never found inside "512" (product notes E51). Slips (a character missing, added, swapped, wrong, cut
at an end) are found through the strings that remain when one character is deleted from both sides, never by comparing all with
all.

A gain is the logarithm of how much likelier the text is if the invoice is meant than if the characters stand there by chance.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from functools import cache
from typing import NamedTuple

from core.matching.names import fold

# Gain of naming n digits rightly: about ln 10 per digit, less for short ones, which days, quantities and house numbers imitate.
DIGIT_GAIN = (0.0, 0.2, 1.5, 4.0, 6.5, 8.5, 10.0, 11.0, 12.0)
MAX_JOIN = 6
MAX_KEY = 24
_MARKERS_TEXT = (
    "INV INVOICE INVOICES INVS INVNO RE RG RN RNR RECHNUNG RECHNUNGEN RECHN RGNR FACTURE FACTURES FACT FAC FACTURA FAKTURA "
    "FATTURA FT FV BILL BILLS DOC BELEG NOTA"
)
MARKERS = frozenset(_MARKERS_TEXT.split())
FILLERS = frozenset(["NO", "NR", "NUM", "NUMBER", "NUMBERS", "S", "N", "DATED", "NRO"])
YEAR_COST = 4.0
_YEAR = re.compile(r"20[0-4][0-9]")
_DATE = re.compile(
    r"(?<![\w./-])(?:(?:0?[1-9]|[12]\d|3[01])([./-])(?:0?[1-9]|[12]\d|3[01])\1(?:20)?[0-4]\d"
    r"|20[0-4]\d([./-])(?:0[1-9]|1[0-2])\2(?:0[1-9]|[12]\d|3[01]))(?![\w/-])"
)
DATE_COST = 4.0
_SHORT_YEAR = re.compile(r"[123][0-9]")
_GLUE = frozenset("-/._")
OTHERWISE = 5.0  # as a slip: the year or the prefix before a number is another one than the invoice's
UNKNOWN_YEAR = 2.0
_RUN = re.compile(r"[A-Z]+|[0-9]+")
_LOOKALIKE = str.maketrans("OQDILSZBG", "000115286")
_LOOKALIKES = frozenset("OQDILSZBG")


class Word(NamedTuple):
    """A string that may be a reference. `mask`: the digit runs it uses; `anchor`: the last of them; `cost`: of reading it so.

    `before`: the run that is written onto its front and not part of it, as "2025" is for "0042" in "2025-0042".
    """

    text: str
    mask: int
    anchor: int
    cost: float
    marked: bool
    tight: bool
    before: str = ""


def runs(text: str) -> list[tuple[str, int, int]]:
    """(run, start, end) of the letters and digits of a text, upper case."""
    plain = fold(text).upper()
    return [(found.group(), found.start(), found.end()) for found in _RUN.finditer(plain)]


@cache
def _gain_of_shape(digits: int, letters: int) -> float:
    return min(DIGIT_GAIN[min(digits, 8)] + min(0.6 * letters, 3.0), 12.0)


def gain_of(text: str) -> float:
    """The gain of finding `text` exactly, from how many digits and letters it has."""
    digits = len(text) if text.isdigit() else sum(map(str.isdigit, text))
    return _gain_of_shape(digits, len(text) - digits)


def keys_of(number: str, *, whole_only: bool = False, common: Container[str] = ()) -> dict[str, float]:
    """The strings by which people name an invoice, with their gains: whole, digits only, last group, without leading zeros.

    `common` are prefixes that many numbers share.
    """
    parts = [part for part, _, _ in runs(number)]
    whole = "".join(parts)[:MAX_KEY]
    digits = [part for part in parts if part.isdigit()]
    if not digits:  # a code of letters; shorter or spoken ones are words
        return {whole: min(1.2 * len(whole), 7.0)} if len(whole) >= 5 and len(parts) == 1 else {}
    if _is_code(number, parts, common):
        return {whole: min(1.9 * len(whole), 12.0)}
    found = {whole: gain_of(whole)}
    letters = len(whole) - sum(map(len, digits))
    if whole_only or len(parts) > 2 * len(digits) + 1 or (len(digits) > 2 and letters > 2 and len(digits[-1]) < 3):
        return found
    last = digits[-1]
    prefix = parts[0] if parts[0].isalpha() else ""
    short = last.lstrip("0")
    serial = digits[-2] if len(digits) > 1 and _YEAR.fullmatch(last) and len(digits[-2]) > 2 else ""  # 2278/2025
    forms = ("".join(digits), last, serial, "".join(digits[:-1]) + short, prefix + last, prefix + short, short)
    for form in forms[:5] if short != last and _YEAR.fullmatch(short) else forms:  # 02025 is not "2025"
        if form and form[-1].isdigit():
            found.setdefault(form[:MAX_KEY], gain_of(form) - (0.0 if len(form) >= 4 else 0.5))
    return found


def _is_code(number: str, parts: Sequence[str], common: Container[str]) -> bool:
    """Whether letters tell as much as digits: nothing stands between (A1B2C3), and they are not a prefix many numbers have."""
    return number.isalnum() and any(part.isalpha() and (place > 0 or part not in common) for place, part in enumerate(parts))


def prefix_of(number: str) -> str:
    """The letters a number begins with, upper case."""
    found = runs(number)
    return found[0][0] if found and found[0][0].isalpha() else ""


def read_words(memo: str) -> list[Word]:
    """Every string of the memo that may be a reference, each use of its runs once."""
    parts = runs(memo)
    found: dict[tuple[str, int], Word] = {}
    plain = fold(memo)
    marked, glued, dated = _marked(parts), _glued(plain, parts), _dated(plain, parts)
    for first in range(len(parts)):
        for word in _joins(parts, first, marked[first], glued):
            kept = found.get((word.text, word.mask))
            if kept is None or kept.cost > word.cost:
                found[word.text, word.mask] = word
    for word in _shortened(parts):
        found.setdefault((word.text, word.mask), word)
    if dated:
        return [word if word.mask & ~dated else word._replace(cost=word.cost + DATE_COST) for word in found.values()]
    return list(found.values())


def _dated(plain: str, parts: Sequence[tuple[str, int, int]]) -> int:
    """The digit runs that make a date, such as 01.12.25: parts of it name an invoice by chance only."""
    dates = [(found.start(), found.end()) for found in _DATE.finditer(plain)]
    return sum(
        1 << place for place, (_, start, end) in enumerate(parts) if any(low <= start and end <= high for low, high in dates)
    )


def _marked(parts: Sequence[tuple[str, int, int]]) -> list[bool]:
    """Whether a word such as "invoice" stands before each run, with nothing but fillers and other numbers between."""
    state, found = False, []
    for text, _, _ in parts:
        found.append(state)
        if text.isalpha():
            state = text in MARKERS or (state and text in FILLERS)
    return found


def _glued(plain: str, parts: Sequence[tuple[str, int, int]]) -> list[bool]:
    """Whether each run is written onto the one before it: nothing between, or a single mark as within numbers."""
    ends = [0, *(end for _, _, end in parts)]
    return [
        at > 0 and (start == end or (start == end + 1 and plain[end] in _GLUE))
        for at, ((_, start, _), end) in enumerate(zip(parts, ends, strict=False))
    ]


def _joins(parts: Sequence[tuple[str, int, int]], first: int, marked: bool, glued: Sequence[bool]) -> Iterable[Word]:
    text, mask, anchor, cost = "", 0, -1, 0.0
    front = parts[first - 1][0] if glued[first] else ""
    tight, alike = True, True
    for place in range(first, min(first + MAX_JOIN, len(parts))):
        run, start, _ = parts[place]
        digits = run.isdigit()
        if place > first:
            gap = start - parts[place - 1][2]
            before = parts[place - 1][0].isdigit()
            if gap > 3 or not (digits or before):
                return
            tight = tight and gap <= 1
            alike = alike and gap == 0
            cost += 0.9 if gap and digits and before else 0.1 * gap
        text += run
        if len(text) > MAX_KEY:
            return
        if digits or (place == first and len(run) >= 5):
            mask |= 1 << place
            anchor = place
        alike = alike and (digits or _LOOKALIKES.issuperset(run))
        if anchor >= 0:
            year = YEAR_COST if _is_year(parts, place, text, glued) else 0.0
            yield Word(text, mask, anchor, cost + year, marked, tight, front)
            if alike and place > first:  # letters and digits touch, and the letters may be misread digits
                yield Word(text.translate(_LOOKALIKE), mask, anchor, cost + 1.0, marked, tight, front)


def _is_year(parts: Sequence[tuple[str, int, int]], place: int, text: str, glued: Sequence[bool]) -> bool:
    """Whether `text`, which ends with the run at `place`, is a year, or a prefix and the year of a number that goes on."""
    if not text.endswith(parts[place][0]) or not _YEAR.fullmatch(parts[place][0]):
        return False
    goes_on = place + 1 < len(parts) and glued[place + 1] and parts[place + 1][0].isdigit()
    return text == parts[place][0] or (goes_on and text[: -len(parts[place][0])].isalpha())


def otherwise(word: Word, keys: Iterable[str], common: Container[str]) -> float:
    """What it costs to read `word` as the invoice of `keys` although a year or a prefix of other invoices is written before it.

    `common` are the prefixes that numbers have.
    """
    before = word.before
    digits = before.isdigit()
    if not (_YEAR.fullmatch(before) or _SHORT_YEAR.fullmatch(before) if digits else before in common):
        return 0.0
    heads = [key[: -len(word.text)] for key in keys if len(key) > len(word.text) and key.endswith(word.text)]
    groups = [part for head in heads for part, _, _ in runs(head) if part.isdigit() == digits]
    if digits:
        groups = [part for part in groups if len(part) >= len(before) and (_YEAR.fullmatch(part) or _SHORT_YEAR.fullmatch(part))]
    if any(part.endswith(before) for part in groups):
        return 0.0
    if groups:
        return OTHERWISE
    return UNKNOWN_YEAR if digits and _YEAR.fullmatch(before) else 0.0


def _shortened(parts: Sequence[tuple[str, int, int]]) -> Iterable[Word]:
    """Lists that state only the end of each further number: 10423/24/25."""
    head = ""
    for place, (run, _, _) in enumerate(parts):
        if not run.isdigit():
            head = head if run in ("U", "UND", "AND", "ET", "Y", "E", "EN") else ""
        elif len(run) >= 4 and len(run) >= len(head):
            head = run
        elif head and len(run) < len(head):
            yield Word(head[: -len(run)] + run, 1 << place, place, 1.5, False, True)
