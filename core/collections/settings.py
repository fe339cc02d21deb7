"""`[collections]` in duesync.toml: what a hand-over needs, and where your own tables of periods, courts and fees are."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from core.collections.checklist_rules import CheckRules
from core.collections.terms import LawCode


class CollectionsSettings(BaseModel):
    """From overdue to collected. Nothing is ever handed over by itself: it takes a checklist and two people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    governing_law: LawCode | None = Field(None, description="law of your contracts where a client's own is not stated")
    limits_file: str | None = Field(None, description="your rows of data/limits.toml (time-bar periods), relative to this file")
    small_claims_file: str | None = Field(None, description="your rows of data/small_claims.toml, relative to this file")
    economics_file: str | None = Field(None, description="your tables of data/economics.toml, relative to this file")
    margin_percent: Decimal | None = Field(
        None, ge=0, le=100, description="margin on what you bill, in percent, where a client has none of its own; unset: unknown"
    )
    notice_days: int = Field(
        10, ge=0, le=120, description="days the final notice runs before a case may be placed; never less than its answer day"
    )
    checks: CheckRules = Field(default_factory=lambda: CheckRules.model_validate({}), description="what the checklist asks for")
