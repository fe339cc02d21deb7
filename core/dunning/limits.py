"""How often one client may hear from us: days between two reminders, and reminders in any seven days.

First mails of new invoices are deliveries, not reminders: they neither count nor are held back by this. Calls are held to the
same table by whoever makes them (product notes F.3: at most 7 calls in 7 days, none within 7 days of a conversation).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from core.dunning.cadence import OURS
from core.dunning.calendars import Place
from core.dunning.policy import Policy, StageKind
from core.outbox import PastContact

WEEK = 7  # days
_SKEW = timedelta(days=1)  # a contact stamped by a clock ahead of ours still counts


@dataclass(frozen=True, slots=True)
class Limit:
    """Why nothing may be said now, and the first day it may."""

    reason: str
    free_on: date


def reminder_days(history: Iterable[PastContact], policy: Policy, place: Place) -> list[date]:
    """The days on which the client was reminded, oldest first. Waived steps were not said."""
    notices = {stage.name for stage in policy.stages if stage.kind is StageKind.NOTICE}
    return sorted(place.today(item.at) for item in history if item.kind in OURS and not item.waived and item.stage not in notices)


def contact_limit(history: Iterable[PastContact], *, policy: Policy, place: Place, today: date) -> Limit | None:
    """What keeps a reminder back today, or None."""
    days = [day for day in reminder_days(history, policy, place) if day <= today + _SKEW]
    if not days:
        return None
    spaced_on = days[-1] + timedelta(days=policy.spacing_days)
    if spaced_on > today:
        reason = f"the last reminder went out on {days[-1]}; the next may follow on {spaced_on}"
        return Limit(reason=reason, free_on=spaced_on)
    recent = [day for day in days if day > today - timedelta(days=WEEK)]
    if len(recent) >= policy.max_contacts:
        free_on = recent[-policy.max_contacts] + timedelta(days=WEEK)
        return Limit(reason=f"{len(recent)} reminders in the last {WEEK} days are the most allowed", free_on=free_on)
    return None
