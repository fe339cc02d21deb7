"""What the checklist asks for before a client may be handed over: `[collections.checks]`. Defaults follow the field's guides."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CheckRules(BaseModel):
    """What must have been done before a hand-over. The guides: reminders, at least one call, and no bill half a year late."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reminders: int = Field(3, ge=1, le=20, description="reminders or statements that really went out, at least")
    calls: int = Field(1, ge=1, le=20, description="calls made with an outcome, at least")
    follow_up_days: int = Field(30, ge=0, le=365, description="days between the first and the last of them, at least")
    bill_late_days: int = Field(180, ge=30, le=730, description="a bill this many days after the service fails (warns from 30)")
    fresh_hours: int = Field(48, ge=1, le=720, description="every system was read within so many hours")
    time_bar_warns: int = Field(180, ge=0, le=1825, description="warn when so few days are left to sue")
    call_first_hour: int = Field(8, ge=0, le=23, description="no call before this hour of the client's day (12 CFR 1006.6)")
    call_last_hour: int = Field(21, ge=1, le=24, description="no call from this hour on (12 CFR 1006.6)")
    calls_in_7_days: int = Field(7, ge=1, le=50, description="calls about one debt in any 7 days, at most (12 CFR 1006.14)")
