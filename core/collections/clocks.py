"""Until when a claim may still be brought to court: a span of days with its sources, never a yes or no. NOT LEGAL ADVICE.

The clock of an invoice starts at its due date and is restarted by a part payment or an acknowledgement where the law says so.
Where sources differ, or it is not known whether the contract was signed, or whether a payment counts, there are two days: the
earliest on which it may be over and the latest. Warnings go by the earliest. Without a governing law the answer is "unknown",
with the earliest day of the laws that come into question beside it (product notes A33, F.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from core.collections.clocks_table import Limit, LimitTable
from core.records import RecordKey

NOT_ADVICE = "Not legal advice: the periods are not checked by counsel unless they say so."
WARN_DAYS = (365, 180, 90)  # days left at which the words get louder


class ClockState(StrEnum):
    """Where a claim stands. PERHAPS_OVER: over by the earliest day, not by the latest."""

    RUNNING = "running"
    WARNING = "warning"
    PERHAPS_OVER = "perhaps_over"
    OVER = "over"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond:
    """What ties a claim to a law. None means that nobody said. `candidates` are laws to try while `law` is not known."""

    law: str | None
    candidates: tuple[str, ...] = ()
    written: bool | None = None
    signed_on: date | None = None
    deed: bool = False
    goods: bool = False
    consumer: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """The last part payment on the invoice, and the last time the client owned up to the debt."""

    paid_on: date | None = None
    acknowledged_on: date | None = None
    in_writing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The clock of one invoice. `earliest` and `latest` are the last days to act under the shortest and longest reading.

    `days_left` counts to the earliest, and is negative once it has passed. `confirmed` only if every row behind it is.
    """

    invoice: RecordKey
    law: str | None
    state: ClockState
    started_on: date
    earliest: date | None = None
    latest: date | None = None
    days_left: int | None = None
    confirmed: bool = False
    extinguishes: bool = False
    words: str = ""
    sources: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """May an item of the checklist rest on it? Unknown and over do not."""
        return self.state in (ClockState.RUNNING, ClockState.WARNING)


def read_clock(
    invoice: RecordKey,
    due_on: date,
    bond: Bond,
    restarts: Restarts,
    table: LimitTable,
    *,
    today: date,
    warn_days: int = WARN_DAYS[1],
) -> Reading:
    """The clock of an invoice due on `due_on`."""
    laws = (bond.law,) if bond.law else bond.candidates
    rows = [row for law in laws for row in _rows(law, due_on, bond, table)]
    if not rows:
        why = f"no period is known for {bond.law}" if bond.law else "the governing law is not known"
        return Reading(invoice=invoice, law=bond.law, state=ClockState.UNKNOWN, started_on=due_on, words=f"{why}.")
    spans = [_span(row, due_on, restarts) for row in rows]
    earliest, latest = min(first for first, _ in spans), max(last for _, last in spans)
    return Reading(
        invoice=invoice,
        law=bond.law,
        state=_state(earliest, latest, today, warn_days) if bond.law else ClockState.UNKNOWN,
        started_on=due_on,
        earliest=earliest,
        latest=latest,
        days_left=(earliest - today).days,
        confirmed=all(row.confirmed for row in rows),
        extinguishes=any(row.extinguishes for row in rows),
        words=_words(bond, rows, earliest, latest, today, table.gathered_on),
        sources=_sources(rows, table.sources),
    )


def _rows(law: str, due_on: date, bond: Bond, table: LimitTable) -> list[Limit]:
    """The rows that may apply. Consumer rows stand alone where the law sets consumers apart and the client is one."""
    found = [row for row in table.rows(law, _kinds(bond)) if row.holds_for(due_on, bond.signed_on)]
    consumer = [row for row in found if row.kind == "consumer"]
    if bond.consumer and consumer:
        return [*consumer, *(row for row in found if row.kind == "goods")]
    general = [row for row in found if row.kind != "goods"]
    return found if general else []


def _kinds(bond: Bond) -> set[str]:
    kinds = {"any"}
    kinds |= {"written"} if bond.written is not False else set()
    kinds |= {"open"} if bond.written is not True else set()
    kinds |= {"deed"} if bond.deed else set()
    kinds |= {"goods"} if bond.goods else set()
    return kinds | ({"consumer"} if bond.consumer is not False else set())


def _span(row: Limit, due_on: date, restarts: Restarts) -> tuple[date, date]:
    """The last day under the shortest and under the longest reading of a row."""
    plain = _last_day(row, due_on, row.years)
    surely = [day for day, how in _events(row, restarts) if how == "yes" and due_on <= day <= plain]
    maybe = [day for day, how in _events(row, restarts) if how != "no" and due_on <= day <= _last_day(row, due_on, row.most)]
    first = _last_day(row, max(surely, default=due_on), row.years)
    last = _last_day(row, max(maybe, default=due_on), row.most)
    if row.ends_by is not None:
        first, last = min(first, row.ends_by), min(last, row.ends_by)
    return first, max(first, last)


def _events(row: Limit, restarts: Restarts) -> Iterable[tuple[date, str]]:
    """Days that may start the period again, and whether they do: yes, no or unknown."""
    if restarts.paid_on is not None:
        yield restarts.paid_on, row.payment
    if restarts.acknowledged_on is not None:
        how: Mapping[str, str] = {"any": "yes", "no": "no", "written": "yes" if restarts.in_writing else "no"}
        yield restarts.acknowledged_on, how.get(row.acknowledgement, "unknown")


def _last_day(row: Limit, start: date, years: int) -> date:
    begun = date(start.year, 12, 31) if row.starts == "year_end" else start
    return years_after(begun, years)


def years_after(day: date, years: int) -> date:
    """The same day so many years later; 29 February becomes the 28th. Capped at the end of the calendar."""
    year = min(day.year + years, date.max.year)
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)


def _state(earliest: date, latest: date, today: date, warn_days: int) -> ClockState:
    if today > latest:
        return ClockState.OVER
    if today > earliest:
        return ClockState.PERHAPS_OVER
    return ClockState.WARNING if earliest - today <= timedelta(days=warn_days) else ClockState.RUNNING


def _words(bond: Bond, rows: Iterable[Limit], earliest: date, latest: date, today: date, gathered_on: date | None) -> str:
    left = (earliest - today).days
    when = f"{left} days left" if left >= 0 else f"past by {-left} days"
    span = f"{earliest}" if earliest == latest else f"{earliest} at the earliest, {latest} at the latest"
    law = bond.law or f"unknown; {', '.join(bond.candidates)} come into question"
    doubts = sorted({row.note for row in rows if row.note})
    unsigned = ["whether the contract was signed is not known"] if bond.written is None else []
    unsure = [] if all(row.confirmed for row in rows) else [f"unconfirmed{f', as of {gathered_on}' if gathered_on else ''}"]
    more = "; ".join([*unsure, *unsigned, *doubts])
    return f"Law {law}: time-barred after {span} ({when}){f'; {more}' if more else ''}."


def _sources(rows: Iterable[Limit], names: Mapping[str, str]) -> tuple[str, ...]:
    """Statutes and sources of the rows, each once."""
    found = [f"{row.statute or row.law}: {'; '.join(names.get(key, key) for key in row.source)}" for row in rows]
    return tuple(dict.fromkeys(found))
