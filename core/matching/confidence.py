"""From the score of a match to an honest chance, and to its tier.

The raw chance is what the likelihoods give; `calibrated` corrects it by what the labelled corpus showed for that kind of evidence
(core.matching.calibration, written by tests/corpus/score_payments.py, isotonic: a surer match is never reported as less sure).
"""

from __future__ import annotations

import math
from bisect import bisect_right

from core.matching.calibration import TABLE
from core.matching.values import Tier

HIGHEST = 0.9999


def logit(chance: float) -> float:
    """Log-odds of a chance, kept within +-14."""
    bounded = min(max(chance, 1e-6), 1 - 1e-6)
    return math.log(bounded / (1 - bounded))


def calibrated(kind: str, chance: float) -> float:
    """The share of matches of this kind and raw chance that were right in the corpus; the raw chance for an unknown kind."""
    steps = TABLE.get(kind)
    if not steps:
        return min(chance, HIGHEST)
    at = bisect_right([step[0] for step in steps], logit(chance)) - 1
    return min(steps[max(at, 0)][1], HIGHEST)


def tier_of(confidence: float, certain_from: float, *, doubtful: bool) -> Tier:
    """CERTAIN from `certain_from` on, unless something in the evidence leaves a doubt that no score takes away."""
    return Tier.CERTAIN if confidence >= certain_from and not doubtful else Tier.SUGGESTED
