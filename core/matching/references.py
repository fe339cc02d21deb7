"""Which invoices the text of a payment names, and how surely.
Text is cut into runs of letters and runs of digits; neighbouring runs are joined again, so that "INV 20 24-0012" can be read as
INV-2024-0012 while "12" is never found inside "512" (product notes E51). Slips (a character missing, added, swapped, wrong, cut
at an end) are found through the strings that remain when one character is deleted from both sides, never by comparing all with
all.

A gain is the logarithm of how much likelier the text is if the invoice is meant than if the characters stand there by chance.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from core.matching.names import fold

# Gain of naming n digits rightly: about ln 10 per digit, less for short ones, which days, quantities and house numbers imitate.
DIGIT_GAIN = (0.0, 0.2, 1.5, 4.0, 6.5, 8.5, 10.0, 11.0, 12.0)
SLIP_COST = (0.0, 5.0, 9.0)
MIN_GAIN = 0.8
MAX_JOIN = 6
MAX_KEY = 24
_MARKERS_TEXT = (
    "INV INVOICE INVOICES INVS INVNO RE RG RN RNR RECHNUNG RECHNUNGEN RECHN RGNR FACTURE FACTURES FACT FAC FACTURA FAKTURA "
    "FATTURA FT FV BILL BILLS DOC BELEG NOTA"
)
MARKERS = frozenset(_MARKERS_TEXT.split())
FILLERS = frozenset(["NO", "NR", "NUM", "NUMBER", "NUMBERS", "S", "N", "DATED", "NRO"])
_RUN = re.compile(r"[A-Z]+|[0-9]+")
_LOOKALIKE = str.maketrans("OQDILSZBG", "000115286")
_LOOKALIKES = frozenset("OQDILSZBG")


@dataclass(frozen=True, slots=True)
class Word:
    """A string that may be a reference. `mask`: the digit runs it uses; `anchor`: the last of them; `cost`: of reading it so."""

    text: str
    mask: int
    anchor: int
    cost: float
    marked: bool
    tight: bool


@dataclass(frozen=True, slots=True)
class Cite:
    """An invoice that a text may name. `slips` is how many characters had to be corrected."""

    bill: int
    gain: float
    mask: int
    anchor: int
    slips: int


@dataclass(frozen=True, slots=True)
class Key:
    """A string that names an invoice, and the gain of finding it exactly."""

    text: str
    gain: float


def runs(text: str) -> list[tuple[str, int, int]]:
    """(run, start, end) of the letters and digits of a text, upper case."""
    plain = fold(text).upper()
    return [(found.group(), found.start(), found.end()) for found in _RUN.finditer(plain)]


def gain_of(text: str) -> float:
    """The gain of finding `text` exactly, from how many digits and letters it has."""
    digits = sum(char.isdigit() for char in text)
    letters = len(text) - digits
    return min(DIGIT_GAIN[min(digits, 8)] + min(0.6 * letters, 3.0), 12.0)


def keys_of(number: str, *, whole_only: bool = False) -> dict[str, float]:
    """The strings by which people name an invoice, with their gains: whole, digits only, last group, without leading zeros."""
    parts = [part for part, _, _ in runs(number)]
    whole = "".join(parts)[:MAX_KEY]
    digits = [part for part in parts if part.isdigit()]
    if not digits:  # a code of letters; shorter or spoken ones are words
        return {whole: min(1.2 * len(whole), 7.0)} if len(whole) >= 5 and len(parts) == 1 else {}
    found = {whole: gain_of(whole)}
    letters = len(whole) - sum(map(len, digits))
    if whole_only or len(parts) > 2 * len(digits) + 1 or (len(digits) > 2 and letters > 2 and len(digits[-1]) < 3):
        return found
    last = digits[-1]
    prefix = parts[0] if parts[0].isalpha() else ""
    forms = [
        "".join(digits),
        last,
        "".join(digits[:-1]) + last.lstrip("0"),
        prefix + last,
        prefix + last.lstrip("0"),
        last.lstrip("0"),
    ]
    for form in forms:
        if form and any(char.isdigit() for char in form):
            found.setdefault(form[:MAX_KEY], gain_of(form) - (0.0 if len(form) >= 4 else 0.5))
    return found


def read_words(memo: str) -> list[Word]:
    """Every string of the memo that may be a reference, each use of its runs once."""
    parts = runs(memo)
    found: dict[tuple[str, int], Word] = {}
    marked = _marked(parts)
    for first in range(len(parts)):
        for word in _joins(parts, first, marked[first]):
            kept = found.get((word.text, word.mask))
            if kept is None or kept.cost > word.cost:
                found[word.text, word.mask] = word
    for word in _shortened(parts):
        found.setdefault((word.text, word.mask), word)
    return list(found.values())


def _marked(parts: Sequence[tuple[str, int, int]]) -> list[bool]:
    """Whether a word such as "invoice" stands before each run, with nothing but fillers and other numbers between."""
    state, found = False, []
    for text, _, _ in parts:
        found.append(state)
        if text.isalpha():
            state = text in MARKERS or (state and text in FILLERS)
    return found


def _joins(parts: Sequence[tuple[str, int, int]], first: int, marked: bool) -> Iterable[Word]:
    text, mask, anchor, cost = "", 0, -1, 0.0
    tight = True
    for place in range(first, min(first + MAX_JOIN, len(parts))):
        run, start, _ = parts[place]
        if place > first:
            gap = start - parts[place - 1][2]
            if gap > 3:
                return
            tight = tight and gap <= 1
            cost += 0.9 if gap and run.isdigit() and parts[place - 1][0].isdigit() else 0.1 * gap
        text += run
        if len(text) > MAX_KEY:
            return
        if run.isdigit() or (place == first and len(run) >= 5):
            mask |= 1 << place
            anchor = place
        if anchor >= 0:
            yield Word(text, mask, anchor, cost, marked, tight)
            if not run.isdigit() or not text.isdigit():
                yield from _lookalike(parts, first, place, Word(text, mask, anchor, cost + 1.0, marked, tight))


def _lookalike(parts: Sequence[tuple[str, int, int]], first: int, last: int, word: Word) -> Iterable[Word]:
    """The word with letters read as the digits they look like (O for 0), where letters and digits touch."""
    if word.text.isdigit() or not all(set(part) <= _LOOKALIKES for part, _, _ in parts[first : last + 1] if part.isalpha()):
        return
    if all(parts[place][1] == parts[place - 1][2] for place in range(first + 1, last + 1)):
        yield Word(word.text.translate(_LOOKALIKE), word.mask, word.anchor, word.cost, word.marked, word.tight)


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


class ReferenceIndex:
    """The references of one client's invoices, looked up exactly and with up to two slips."""

    def __init__(self, keys: Iterable[tuple[int, dict[str, float]]]) -> None:
        self._exact: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for bill, found in keys:
            for text, gain in found.items():
                self._exact[text].append((bill, gain))
        self._shared = {text: _shared_cost(len(found)) for text, found in self._exact.items() if len(found) > 1}
        self._deleted: dict[str, list[str]] = {}

    def _near(self) -> dict[str, list[str]]:
        """What is left of every key when one character is deleted or two to four are cut from an end; made at first need."""
        if not self._deleted and self._exact:
            deleted: dict[str, list[str]] = defaultdict(list)
            for text in self._exact:
                if len(text) >= 4:
                    for rest in _remains(text):
                        deleted[rest].append(text)
            self._deleted = deleted
        return self._deleted

    def cites(self, words: Sequence[Word], *, options: int) -> list[Cite]:
        """Invoices the words may name: the best reading per invoice and place, at most `options` per place, surest first."""
        best: dict[tuple[int, int], Cite] = {}
        exact_at: set[int] = set()
        for word in words:
            found = self._exact.get(word.text)
            if found and len(found) <= 4 * options:
                shared = self._shared.get(word.text, 0.0)
                for bill, gain in found:
                    said = gain + (1.5 if word.marked and gain < 6 else 0.0) - word.cost - shared
                    exact_at.add(word.anchor)
                    _keep(best, Cite(bill, said, word.mask, word.anchor, 0))
        for word in words:
            if word.tight or word.anchor not in exact_at:
                for cite in self._slipped(word):
                    _keep(best, cite)
        return _strongest(best.values(), options)

    def _slipped(self, word: Word) -> Iterable[Cite]:
        text = word.text
        if len(text) < 3 or sum(char.isdigit() for char in text) < 3:
            return
        near = self._near()
        seen = {text}
        for rest in (text, *(text[:place] + text[place + 1 :] for place in range(len(text)))):
            for target in (rest, *near.get(rest, ())):
                if target not in seen:
                    seen.add(target)
                    yield from self._corrected(word, target)

    def _corrected(self, word: Word, target: str) -> Iterable[Cite]:
        found = self._exact.get(target)
        if not found or len(found) > 12:
            return
        slips, cost = _slips(word.text, target)
        if cost > 20:
            return
        for bill, gain in found:
            said = gain + (0.7 if word.marked else 0.0) - cost - word.cost - self._shared.get(target, 0.0)
            if said >= MIN_GAIN:
                yield Cite(bill, said, word.mask, word.anchor, slips)


def _shared_cost(count: int) -> float:
    """A reference that several invoices carry (a blanket order) says less about each."""
    return 0.8 * count.bit_length()


def _remains(text: str) -> set[str]:
    rest = {text[:place] + text[place + 1 :] for place in range(len(text))}
    for cut in (2, 3, 4):
        if len(text) - cut >= 4:
            rest.add(text[cut:])
            rest.add(text[:-cut])
    return rest


def _slips(text: str, target: str) -> tuple[int, float]:
    """(characters corrected, cost) of reading `text` as `target`; a cost of 99 where they are too far apart."""
    cut = len(target) - len(text)
    if cut >= 2 and (target.endswith(text) or target.startswith(text)):
        return cut, 1.5 + 2.2 * cut
    distance = OSA.distance(text, target, score_cutoff=2)
    if distance > 2 or (distance == 2 and len(target) < 5):
        return distance, 99.0
    return distance, SLIP_COST[distance]


def _keep(best: dict[tuple[int, int], Cite], cite: Cite) -> None:
    kept = best.get((cite.bill, cite.anchor))
    if kept is None or cite.gain > kept.gain:
        best[cite.bill, cite.anchor] = cite


def _strongest(cites: Iterable[Cite], options: int) -> list[Cite]:
    taken: dict[int, int] = defaultdict(int)
    found = []
    for cite in sorted(cites, key=lambda item: (-item.gain, item.anchor, item.bill)):
        if taken[cite.anchor] < options:
            taken[cite.anchor] += 1
            found.append(cite)
    return found
