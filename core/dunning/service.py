"""Slower or suspended service as proposals to a person: never done by duesync, and never without a clause, a notice and its time.

A step needs the contract's clause, a final notice and business days after it: ten is what one MSP's agreement gives, thirty days
past due the earliest one guide allows (seed 001; product notes A59, F.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from core.dunning.calendars import Place
from core.dunning.policy import ServiceRule


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStep:
    """A proposal: `kind` is service_slow or service_stop; `text` does not change from day to day."""

    kind: str
    text: str


def propose_service(rule: ServiceRule, *, days: int, noticed_on: date | None, place: Place, today: date) -> ServiceStep | None:
    """The step a person may take now, or None. `days` is how late the oldest invoice is that may be chased."""
    if not rule.clause.strip() or noticed_on is None:
        return None
    if place.add_business_days(noticed_on, rule.notice_days) > today:
        return None
    because = f'final notice of {noticed_on}, {rule.notice_days} business days have passed, contract: "{rule.clause.strip()}"'
    never = "keep the client's own files and access to them"
    if rule.stop_days is not None and days >= rule.stop_days:
        return ServiceStep(kind="service_stop", text=f"decide whether to suspend service ({because}); {never}")
    if rule.slow_days is not None and days >= rule.slow_days:
        return ServiceStep(kind="service_slow", text=f"decide whether to lower the priority of service ({because})")
    return None
