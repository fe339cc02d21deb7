"""Looks up the words of a payment among the references of one client's invoices: exactly, or with slips corrected.

The slips people make (a character missing, added, wrong, swapped with its neighbour, cut at an end) are found through what
remains of a reference when a character is deleted or a few are cut off: both sides are reduced and meet, and no two references
are compared that do not share such a remainder.
"""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from rapidfuzz.distance import OSA

from core.matching.references import OTHERWISE, Word, otherwise

# one slip: about ln(150) ways to make it in five digits; two: the square, but rarer than chance only in longer ones
SLIP_COST = (0.0, 5.0, 8.5)
MIN_GAIN = 0.8
SHORTEST = 4
_LETTERS = string.ascii_uppercase
SPOKEN = 4
MOST_SHARING = 12
USUAL_DAYS = 30
GRACE = 10
NOT_YET = -7.0


class Cite(NamedTuple):
    """An invoice that a text may name, with its gain. `slips` is how many characters had to be corrected."""

    bill: int
    gain: float
    mask: int
    anchor: int
    slips: int


class ReferenceIndex:
    """The references of one client's invoices."""

    def __init__(
        self,
        keys: Mapping[int, Mapping[str, float]],
        issued: Mapping[int, int],
        unpaid: Set[int] | None = None,
        common: Container[str] = (),
    ) -> None:
        """`keys` are each bill's strings with gains; `issued` the bills' dates, which decide between equally good readings.

        Slips are corrected only towards bills that are `unpaid` (None: all): most invoices are settled before any is.
        `common` are the prefixes that numbers have.
        """
        self._keys = keys
        self._issued = issued
        self._unpaid = unpaid
        self._common = common
        self._exact: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for bill, found in keys.items():
            for text, gain in found.items():
                self._exact[text].append((bill, gain))
        self._remains: dict[str, list[str]] = {}

    def exact(self, words: Iterable[Word], paid: int, *, options: int) -> list[Cite]:
        """Invoices the words name as they stand. One that did not exist yet is hardly meant."""
        best: dict[tuple[int, int], Cite] = {}
        for word in words:
            found = self._exact.get(word.text)
            if found and len(found) <= 4 * options:
                extra = (1.5 if word.marked else 0.0) - word.cost - _shared_cost(len(found))
                for bill, gain in found:
                    early = NOT_YET if paid and self._issued[bill] > paid + GRACE else 0.0
                    other = otherwise(word, self._keys[bill], self._common) if word.before else 0.0
                    if gain + extra + early - other > 0:
                        slips = int(other >= OTHERWISE)
                        _keep(best, Cite(bill, min(gain + extra, 12.0) + early - other, word.mask, word.anchor, slips))
        return list(best.values())

    def slipped(self, words: Iterable[Word], paid: int, *, options: int, settled: int) -> list[Cite]:
        """Invoices the words name if characters are corrected; not for words whose digit runs are all in `settled`."""
        best: dict[tuple[int, int], Cite] = {}
        for word in words:
            if word.tight and word.mask & ~settled:
                for cite in self._corrections(word):
                    _keep(best, cite)
        return self._likeliest(best.values(), paid, options)

    def _corrections(self, word: Word) -> Iterable[Cite]:
        text = word.text
        year = len(text) == 4 and text[:2] in ("19", "20") and text.isdigit()
        if len(text) < 3 or year or text[:SPOKEN].isalpha():  # behind a spoken word the digits stand alone as well
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
        if not found or len(found) > MOST_SHARING:
            return
        slips, cost = slips_between(word.text, target)
        if cost > 20:
            return
        extra = (0.7 if word.marked else 0.0) - cost - word.cost - _shared_cost(len(found))
        for bill, gain in found:
            if gain + extra >= MIN_GAIN:
                other = otherwise(word, self._keys[bill], self._common) if word.before else 0.0
                if gain + extra - other >= MIN_GAIN:
                    yield Cite(bill, gain + extra - other, word.mask, word.anchor, slips + int(other >= OTHERWISE))

    def _near(self) -> dict[str, list[str]]:
        """Remainder → references; made at first need."""
        if not self._remains and self._exact:
            remains: dict[str, list[str]] = defaultdict(list)
            for text, bills in self._exact.items():
                if len(text) >= SHORTEST and self._waits(bills) and not self._told_by_digits(text):
                    for rest in _remains(text):
                        remains[rest].append(text)
            self._remains = remains
        return self._remains

    def _waits(self, bills: Iterable[tuple[int, float]]) -> bool:
        return self._unpaid is None or any(bill in self._unpaid for bill, _ in bills)

    def _told_by_digits(self, text: str) -> bool:
        """Whether the digits behind a prefix are a reference of their own: the memo's digits are looked up alone as well."""
        return text[0].isalpha() and text.lstrip(_LETTERS) in self._exact

    def _likeliest(self, cites: Iterable[Cite], paid: int, options: int) -> list[Cite]:
        """At most `options` per place in the text, the best first; among equals those issued about a month before the payment."""
        taken: dict[int, int] = defaultdict(int)
        found = []
        for cite in sorted(cites, key=lambda cite: (-round(cite.gain), self._distance(cite.bill, paid), cite.bill)):
            if taken[cite.anchor] < options:
                taken[cite.anchor] += 1
                found.append(cite)
        return found

    def _distance(self, bill: int, paid: int) -> int:
        days = paid - self._issued[bill]
        return abs(days - USUAL_DAYS) + (200 if days < 0 else 0)


def _shared_cost(count: int) -> float:
    """A reference that several invoices carry (a blanket order) says less about each."""
    return 0.8 * count.bit_length() if count > 1 else 0.0


def _remains(text: str) -> set[str]:
    rest = {text[:place] + text[place + 1 :] for place in range(len(text))}
    for cut in (2, 3, 4):
        if len(text) - cut >= SHORTEST:
            rest.add(text[cut:])
            rest.add(text[:-cut])
    return rest


def slips_between(text: str, target: str) -> tuple[int, float]:
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


def strongest(cites: Iterable[Cite]) -> list[Cite]:
    """The best reading of each invoice at each place."""
    best: dict[tuple[int, int], Cite] = {}
    for cite in cites:
        _keep(best, cite)
    return list(best.values())


def likeness(words: Sequence[Word], keys: Mapping[str, float]) -> float:
    """The best gain with which any of the words names an invoice with these keys, slips corrected; 0 for none."""
    best = 0.0
    for word in words:
        for text, gain in keys.items():
            if abs(len(text) - len(word.text)) <= 4:
                best = max(best, gain - word.cost - slips_between(word.text, text)[1])
    return best
