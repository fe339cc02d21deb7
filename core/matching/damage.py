"""How badly a reference must have been damaged to read as a text: several slips and cut ends at once.

Where the index of references (core.matching.citations) finds readings for words, this weighs a word against one invoice that
the amount already suggests, so it may allow more damage: up to two slips between what is left after both ends were cut.
"""

from __future__ import annotations

import string
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from rapidfuzz.distance import OSA

from core.matching.references import Word

MOST_CUT = 3
CUTS = (0.0, 3.0, 5.0, 7.0)  # of so many characters at both ends together
SLIPS = (0.0, 4.5, 8.0)
CHEAPEST = (0.0, 3.0, 5.0, 7.0, 11.5, 15.0)  # the least that so many corrected characters cost
WORST = 99.0
LEAST_TEXT = 2
_LETTERS = string.ascii_uppercase


def damage(text: str, target: str, limit: float = WORST) -> float:
    """The cost of reading `text` as `target`: cuts at both ends and at most two slips; WORST where it costs `limit` or more."""
    edits = bisect_right(CHEAPEST, limit) - 1
    if edits < 0 or OSA.distance(text, target, score_cutoff=edits) > edits:
        return WORST
    best, size, short = limit, len(text), len(target)
    for cut, cost in enumerate(CUTS[: min(MOST_CUT, short - 1) + 1]):
        if cost >= best or abs(short - cut - size) > 2:
            continue
        for left in range(cut + 1):
            distance = OSA.distance(text, target[left : short - cut + left], score_cutoff=2)
            if distance <= 2:
                best = min(best, cost + SLIPS[distance])
    return best if best < limit else WORST


def nearest(words: Sequence[Word], keys: Mapping[str, float], least: float) -> tuple[float, int]:
    """(gain, digit runs used) of the best reading of a word as one of an invoice's references; -WORST for none above `least`.

    What is left of "INV00396" as "INV00" stands in all numbers alike and tells nothing of one of them.
    """
    best, mask = least, -1
    for target, gain in keys.items():
        for word in words:
            told = gain if word.text.lstrip(_LETTERS).strip("0") else 0.0
            room = told - word.cost - best
            if room > 0 and abs(len(word.text) - len(target)) <= len(CHEAPEST) - 1:
                reading = told - word.cost - damage(word.text, target, room)
                if reading > best:
                    best, mask = reading, word.mask
    return (best, mask) if mask >= 0 else (-WORST, 0)


def readable(words: Iterable[Word]) -> list[Word]:
    """The words long enough to be a damaged reference, each text at each place once; years alone tell nothing."""
    found = {(word.text, word.mask): word for word in words if len(word.text) >= LEAST_TEXT and word.cost < 3.0}
    return list(found.values())
