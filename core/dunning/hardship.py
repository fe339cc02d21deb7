"""A client in trouble (fire, illness): spoken to gently, rarely, and without fees or steps against its service.

The flag is a hold of kind `hardship`; it changes how the client is written to, not whether (seed 001, product notes A60).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from core.dunning.policy import AccountPolicy, LateFee, Policy, ServiceRule, Tone
from core.dunning.presets import GENTLE
from core.holds import Hold, HoldKind

SPACING = 10  # calendar days between two reminders, at least: twice the usual five


def in_hardship(holds: Iterable[Hold], today: date) -> bool:
    """Does the flag stand today?"""
    return any(hold.kind is HoldKind.HARDSHIP and hold.stands(today) for hold in holds)


def eased(policy: AccountPolicy, holds: Iterable[Hold], today: date) -> AccountPolicy:
    """The policy as it holds today: the same, or the gentle one while the client is in trouble."""
    if not in_hardship(holds, today):
        return policy
    origins = {**policy.origins, "stages": "hardship", "spacing_days": "hardship", "max_contacts": "hardship"}
    invoices = {key: _gentle(item) for key, item in policy.invoices.items()}
    return policy.model_copy(update={"base": _gentle(policy.base), "invoices": invoices, "origins": origins})


def _gentle(policy: Policy) -> Policy:
    stages = tuple(
        stage.model_copy(update={"tone": Tone.CLEAR, "approve": True}) if stage.tone is Tone.FIRM else stage for stage in GENTLE
    )
    changes = {
        "stages": stages,
        "spacing_days": max(policy.spacing_days, SPACING),
        "max_contacts": 1,
        "late_fee": LateFee.model_validate({}),
        "service": ServiceRule.model_validate({}),
    }
    return policy.model_copy(update=changes)
