"""The breaker: is this run about to send far more than usual? Then it stops and asks a person.

DESIGN.md section 1, "decide everything, then act".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

FLOOR = 20  # sends below this many are never unusual: a small client list varies wildly in relation
TIMES = 20.0  # DESIGN.md section 1: "20x the usual sends"
STEADY = 3.0  # times the usual, once there is a history to compare with
ENOUGH = 5  # earlier runs that make a history
SHARE = 0.5  # without a history: part of all accounts with open invoices


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    """What one run is about to do: messages by stage, and how many accounts have open invoices at all."""

    by_stage: Mapping[str, int]
    accounts: int

    @property
    def total(self) -> int:
        return sum(self.by_stage.values())


def unusual(counts: RunCounts, history: Sequence[RunCounts], *, floor: int = FLOOR) -> str | None:
    """Why this run should stop and ask, or None. `history` are earlier runs that sent something, oldest first."""
    if counts.total <= floor:
        return None
    past = [item.total for item in history[-60:] if item.total > 0]
    if past and counts.total <= max(past):
        return None  # as many went before: it was usual, or a person had looked and let it go
    if len(past) >= ENOUGH:
        usual, most = median(past), max(past)
        if counts.total > TIMES * usual or counts.total > STEADY * most:
            return f"{counts.total} messages are far more than usual ({usual:g} in a typical run, {most} at most)"
        return None
    if counts.accounts and counts.total > SHARE * counts.accounts:
        return f"{counts.total} messages to {counts.accounts} clients, and no history yet to compare with"
    return None
