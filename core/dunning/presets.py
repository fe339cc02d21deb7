"""The three cadences that come with duesync.

`standard` is the seeds' (000, paragraph on a structured reminder system): with the invoice, on the due date, every 7 days, and
from 30 days past due monthly statements instead. The call comes before the final notice (000: no collections without a call), the
final notice between day 45 and 60 so that an account can be ready to hand over at 60 (002; product notes, conflict (a)).
Statements end after six: no schedule is endless (E16).
"""

from __future__ import annotations

from collections.abc import Mapping

from core.dunning.policy import Anchor, Stage, StageKind, Tone, Way


def _stage(name: str, days: int, **rest: object) -> Stage:
    return Stage.model_validate({"name": name, "days": days, **rest})


def _reminder(name: str, days: int, tone: Tone) -> Stage:
    return _stage(name, days, tone=tone)


def _account_stages(statement: int, call: int, final: int) -> tuple[Stage, ...]:
    return (
        _stage("statement", statement, kind=StageKind.STATEMENT, tone=Tone.CLEAR, every_months=1, times=6),
        _stage("call", call, kind=StageKind.CALL, channel=Way.CALL),
        _stage("final_notice", final, kind=StageKind.FINAL, tone=Tone.FIRM, approve=True, after_call=True),
    )


_NOTICE = _stage("created", 0, kind=StageKind.NOTICE, after=Anchor.ISSUE, channel=Way.VENDOR)

STANDARD = (
    _NOTICE,
    _reminder("due", 0, Tone.FRIENDLY),
    _reminder("reminder_7", 7, Tone.FRIENDLY),
    _reminder("reminder_14", 14, Tone.CLEAR),
    _reminder("reminder_21", 21, Tone.CLEAR),
    _reminder("reminder_28", 28, Tone.FIRM),
    *_account_stages(30, 37, 45),
)

GENTLE = (
    _NOTICE,
    _reminder("reminder_3", 3, Tone.FRIENDLY),
    _reminder("reminder_14", 14, Tone.FRIENDLY),
    _reminder("reminder_28", 28, Tone.CLEAR),
    *_account_stages(30, 45, 60),
)

FIRM = (
    _NOTICE,
    _reminder("before_due", -3, Tone.FRIENDLY),
    _reminder("due", 0, Tone.FRIENDLY),
    _reminder("reminder_5", 5, Tone.CLEAR),
    _reminder("reminder_10", 10, Tone.CLEAR),
    _reminder("reminder_17", 17, Tone.FIRM),
    _reminder("reminder_24", 24, Tone.FIRM),
    *_account_stages(30, 32, 40),
)

PRESETS: Mapping[str, tuple[Stage, ...]] = {"standard": STANDARD, "gentle": GENTLE, "firm": FIRM}
