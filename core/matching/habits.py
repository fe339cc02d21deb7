"""How long a client takes to pay, learned from its sure matches, and how well a date fits it.
Measured from the issue or the due date, whichever the client keeps to more closely. The fit is a Student-like curve: a client
who is far off its habit is unlikely, not impossible.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MIN_SAMPLES = 5
MIN_SCALE = 2.0
MAX_SCALE = 45.0
PREPAID_COST = 4.0
NO_RIVAL = -20.0
LONGEST = 130  # days; later than that nobody pays out of habit
TRIAL_SCALE = 4.0
UNFIT = -7.0
APART = 10
FEWEST = 3


@dataclass(slots=True)
class Habit:
    """`centre` days after the issue (or due) date, give or take `scale`. The default is a loose "about a month after issue".

    `rival` is another centre that explains the same payments, e^`odds` times as well: monthly invoices of one amount, each paid
    after 15 days, or each after 45.
    """

    centre: float = 28.0
    scale: float = 25.0
    from_due: bool = False
    rival: float = 0.0
    odds: float = NO_RIVAL

    def fit(self, issued: int, due: int, paid: int) -> float:
        """Log-likelihood of paying on `paid`, at most 0; -1.5 where a date is missing; less for money before the invoice."""
        if not paid or not issued:
            return -1.5
        start = due if self.from_due and due else issued
        if self.from_due and not due:
            return -1.5
        distance = (paid - start - self.centre) / self.scale
        early = issued - paid
        cost = PREPAID_COST + 0.15 * early if early > 0 else 0.0
        fit = -1.5 * math.log1p(distance * distance)
        if self.odds > NO_RIVAL:
            other = (paid - start - self.rival) / self.scale
            fit = max(fit, self.odds - 1.5 * math.log1p(other * other))
        return max(fit, -9.0) - min(cost, 12.0)

    def issued_between(self, paid: int) -> tuple[int, int]:
        """The issue dates that a payment on `paid` is likely to be for."""
        usual = self.centre + (25.0 if self.from_due else 0.0)
        return int(paid - usual - 1.5 * self.scale), int(min(paid - usual + 1.5 * self.scale, paid + 1))


def learn(samples: Sequence[tuple[int, int, int]]) -> Habit:
    """The habit behind (issued, due, paid) ordinals of sure matches; the default where there are too few."""
    from_issue = [paid - issued for issued, _, paid in samples if issued and paid]
    from_due = [paid - due for _, due, paid in samples if due and paid]
    if len(from_issue) < MIN_SAMPLES:
        return Habit()
    centre, scale = _spread(from_issue)
    if len(from_due) == len(from_issue):
        due_centre, due_scale = _spread(from_due)
        if due_scale < 0.8 * scale:
            return Habit(due_centre, due_scale, from_due=True)
    return Habit(centre, scale)


def _spread(values: Sequence[int]) -> tuple[float, float]:
    centre = float(median(values))
    deviation = float(median(abs(value - centre) for value in values))
    small_sample = 1 + 4 / len(values)
    return centre, min(max(1.6 * deviation * small_sample, MIN_SCALE), MAX_SCALE)


def guess(lags: Sequence[Sequence[int]], known: Sequence[int] = ()) -> Habit:
    """The habit that explains best payments which could each be for several invoices.

    `lags[p]` are the days from each invoice of just its amount to payment p, `known` those of sure matches. What no single
    payment tells, all tell together: the first and the last of a year of equal invoices fit one delay only.
    """
    ordered = [sorted(days for days in found if -APART <= days <= 2 * LONGEST) for found in lags]
    ordered = [found for found in (*ordered, *([days] for days in known)) if found]
    if len(ordered) < FEWEST:
        return Habit()
    centres = sorted({days for found in ordered for days in found if 0 <= days <= LONGEST})
    if not centres:
        return Habit()
    loose = Habit()
    scores = {centre: _explained(ordered, centre) + loose.fit(1, 0, 1 + centre) for centre in centres}
    best = max(centres, key=lambda centre: (scores[centre], -centre))
    near = [_nearest(found, best) for found in ordered]
    centre, scale = _spread([days for days in near if abs(days - best) <= APART])
    rivals = [other for other in centres if abs(other - best) > APART]
    rival = max(rivals, key=lambda other: (scores[other], -other), default=best)
    odds = scores[rival] - scores[best] if rival != best else NO_RIVAL
    return Habit(centre, max(scale, MIN_SCALE + 6 / len(near)), False, float(rival), max(odds, NO_RIVAL))


def _explained(ordered: Sequence[Sequence[int]], centre: int) -> float:
    total = 0.0
    for found in ordered:
        distance = (_nearest(found, centre) - centre) / TRIAL_SCALE
        total += max(-1.5 * math.log1p(distance * distance), UNFIT)
    return total


def _nearest(found: Sequence[int], centre: int) -> int:
    at = bisect_left(found, centre)
    return min(found[max(at - 1, 0) : at + 1], key=lambda days: abs(days - centre))
