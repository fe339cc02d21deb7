"""What another system was told of a client, as it is remembered from review to review.

What was decided and what the vendor took are kept apart: between the two a write may wait, be refused, or be on its way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from core.actions import SetField
from core.outbox import OutboxRow, OutboxState
from core.records import Ref, Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a connection was told of one client: values by "stream/ref/field", how often each was set, and what is noted.

    `values` were decided; `written` are those of them the vendor took. `pending` names the outbox row of a write that has not
    come to its end.
    """

    values: Mapping[str, str | None] = field(default_factory=dict)
    written: Mapping[str, str | None] = field(default_factory=dict)
    pending: Mapping[str, str] = field(default_factory=dict)
    turns: Mapping[str, int] = field(default_factory=dict)
    before: Mapping[str, str | None] = field(default_factory=dict)  # statuses as they were before we changed them
    notes: tuple[str, ...] = ()


def caught_up(told: Told, rows: Mapping[str, OutboxRow]) -> tuple[Told, dict[str, OutboxState]]:
    """What was told, once what became of the pending writes is known; and how those still under way stand. `rows` by row id."""
    written, pending = dict(told.written), dict(told.pending)
    under_way: dict[str, OutboxState] = {}
    for key, name in told.pending.items():
        row = rows.get(name)
        if row is not None and row.state not in (OutboxState.SETTLED, OutboxState.DROPPED):
            under_way[key] = row.state
            continue
        del pending[key]
        if row is not None and row.state is OutboxState.SETTLED and isinstance(row.action, SetField):
            written[key] = row.action.value
    return replace(told, written=written, pending=pending), under_way


def enqueued(told: Told, rows: Iterable[OutboxRow]) -> Told:
    """What was told, with the rows its writes became."""
    fields = {
        field_key(row.action.stream, row.action.ref, row.action.field): row.id for row in rows if isinstance(row.action, SetField)
    }
    return replace(told, pending={**told.pending, **fields}) if fields else told


def field_key(stream: Stream, ref: Ref, name: str) -> str:
    """How a field of a record is named in what is remembered."""
    return f"{stream}/{ref}/{name}"


def told_from(stored: Mapping[str, object] | None) -> Told:
    """What was remembered, from its stored form; nothing for None."""
    data = stored or {}

    def mapping(name: str) -> dict[str, str | None]:
        found = data.get(name)
        return (
            {str(key): None if value is None else str(value) for key, value in found.items()}
            if isinstance(found, Mapping)
            else {}
        )

    notes, values = data.get("notes"), mapping("values")
    return Told(
        values=values,
        written=mapping("written") if "written" in data else values,  # stores of older releases have the one for both
        pending={key: str(value) for key, value in mapping("pending").items()},
        turns={key: int(value or 0) for key, value in mapping("turns").items()},
        before=mapping("before"),
        notes=tuple(str(item) for item in notes) if isinstance(notes, Iterable) and not isinstance(notes, str) else (),
    )


def told_form(told: Told) -> dict[str, object]:
    """What is remembered, as plain JSON values."""
    names = ("values", "written", "pending", "turns", "before")
    return {**{name: dict(getattr(told, name)) for name in names}, "notes": list(told.notes)}
