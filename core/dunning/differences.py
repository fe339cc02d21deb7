"""What a proposed policy changes, setting by setting, each as a policy of its own: the present one with that change alone.

So a back-test can say what each difference costs by itself. Wording (templates) and the mode change nothing that is replayed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from core.dunning.policy import DunningSettings

_TABLES = ("segments", "accounts", "invoices")
_LEFT_OUT = frozenset({"mode", "templates", *_TABLES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One setting ("spacing_days", "accounts.Harbor Dental"), what it is and would be in words, and the policy with it alone."""

    setting: str
    present: str
    proposed: str
    policy: DunningSettings


def differences(present: DunningSettings, proposed: DunningSettings) -> tuple[Difference, ...]:
    """Every setting in which the two differ, the client's cadence first, overrides last, in the order of the policy's fields."""
    return (*_fields(present, proposed), *_overrides(present, proposed))


def _fields(present: DunningSettings, proposed: DunningSettings) -> Iterator[Difference]:
    for name in DunningSettings.model_fields:
        now, then = getattr(present, name), getattr(proposed, name)
        if name not in _LEFT_OUT and now != then:
            yield Difference(setting=name, present=_said(now), proposed=_said(then), policy=_with(present, proposed, name, then))


def _with(present: DunningSettings, proposed: DunningSettings, name: str, value: Any) -> DunningSettings:
    """The present policy with one field of the proposed one; a field that is written nowhere there counts as not written."""
    written = present.model_fields_set | {name} if name in proposed.model_fields_set else present.model_fields_set - {name}
    changed = present.model_copy(update={name: value})
    return DunningSettings.model_construct(_fields_set=set(written), **dict(changed))


def _overrides(present: DunningSettings, proposed: DunningSettings) -> Iterator[Difference]:
    for table in _TABLES:
        now: Mapping[str, BaseModel] = getattr(present, table)
        then: Mapping[str, BaseModel] = getattr(proposed, table)
        for key in sorted(now.keys() | then.keys()):
            if now.get(key) != then.get(key):
                alone = {name: value for name, value in now.items() if name != key} | ({key: then[key]} if key in then else {})
                yield Difference(
                    setting=f"{table}.{key}",
                    present=_said(now.get(key)),
                    proposed=_said(then.get(key)),
                    policy=_with(present, proposed, table, alone),
                )


_LONGEST = 40


def _said(value: Any) -> str:
    """A setting in a few words; the stages of a cadence by their names."""
    if value is None:
        return "-"
    if isinstance(value, BaseModel):
        given = value.model_dump(exclude_unset=True)
        text = ", ".join(f"{name} {_said(item)}" for name, item in given.items())
    elif isinstance(value, Mapping):
        text = ", ".join(f"{name} {item}" for name, item in value.items())
    elif isinstance(value, tuple | list | set | frozenset):
        text = ", ".join(str(getattr(item, "name", item)) for item in value)
    else:
        text = str(getattr(value, "value", value))
    text = text or "-"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
