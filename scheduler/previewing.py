"""What would be sent on a day, and on the days after if each message went: the same functions decide, nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core.clock import local_date
from core.dunning.backtest import as_contact
from core.dunning.decide import decide
from core.dunning.decision import Decision, Entry
from core.dunning.policy import AccountPolicy, StageKind
from core.dunning.resolve import resolve_policy
from core.dunning.unmatched import unmatched
from core.records import key_of
from core.review import Memory, Rules, View, look, remember
from core.senders import certain_senders
from scheduler.app import App
from scheduler.jobs import rules

REPEATED = frozenset({StageKind.STATEMENT})  # comes again about the same invoices


def preview(app: App, *, as_of: date | None = None, days: int = 1) -> list[Entry]:
    """Every message of `days` days from `as_of` (today): one entry per client and message, kept-back ones included.

    A day other than today is looked at in the middle of the organisation's day. What is kept back is listed once, with the first
    day of it; where it goes later in the period, the message that goes says since when it was kept back.
    """
    now = app.clock.now()
    today = local_date(now, app.zone)
    start = now if as_of in (None, today) else _noon(as_of or today, app.zone)
    going_by = rules(app)
    view = look(app.store, going_by, now=now, today=local_date(start, app.zone))
    memory = remember(app.store, view)
    senders = certain_senders(app.store, going_by.roles, None)
    seen: list[tuple[date, Entry]] = []
    for offset in range(days):
        day = local_date(start, app.zone) + timedelta(days=offset)
        memory, made = _one_day(view, memory, going_by, senders, start if offset == 0 else _noon(day, app.zone))
        seen += [(day, entry) for decision in made for entry in decision.entries]
    return gathered(seen)


def settings_for_nobody(app: App) -> tuple[str, ...]:
    """What the configuration says of clients, segments and invoices that are not known; nothing before the first pull."""
    accounts = app.store.accounts()
    return unmatched(app.settings.dunning, app.settings.accounts, accounts, app.settings.connections) if accounts else ()


def gathered(seen: Sequence[tuple[date, Entry]]) -> list[Entry]:
    """The entries of several days, oldest first, as one list without repetition."""
    last = max((day for day, _ in seen), default=date.min)
    several = last > min((day for day, _ in seen), default=last)
    kept: list[tuple[date, Entry]] = []
    found: list[Entry] = []
    for day, entry in seen:
        known = next((item for item in kept if _same_message(item[1], entry)), None)
        if entry.would_send:
            if known is not None:
                kept.remove(known)
                found.remove(known[1])
            found.append(_late(entry, known[0], known[1]) if known is not None else entry)
        elif known is None and not any(item.would_send and _same_message(item, entry) for item in found):
            first = (
                replace(entry, reasons=(*entry.reasons, f"kept back since {day}")) if several and entry.due_on <= day else entry
            )
            kept.append((day, first))
            found.append(first)
    return found


def _same_message(one: Entry, other: Entry) -> bool:
    """The same step for the same client, about some of the same invoices."""
    if (one.account, one.stage, one.kind) != (other.account, other.stage, other.kind):
        return False
    mine = {key_of(item) for item in one.invoices}
    return one.cycle == other.cycle or (one.kind not in REPEATED and any(key_of(item) in mine for item in other.invoices))


def _late(entry: Entry, since: date, kept: Entry) -> Entry:
    """A message that goes after it was kept back: with since when, where it was due by then."""
    if kept.due_on > since:
        return entry
    return replace(entry, reasons=(*entry.reasons, f"kept back since {since}: {kept.reasons[0]}"))


def decided(app: App, accounts: Collection[str] | None = None) -> dict[str, Decision]:
    """What is decided now for these accounts (None: all), by id. Reads the store, writes nothing."""
    now = app.clock.now()
    going_by = rules(app)
    view = look(app.store, going_by, now=now, today=local_date(now, app.zone), changed=accounts)
    some = {name: books for name, books in view.books.accounts.items() if accounts is None or name in accounts}
    view = replace(view, books=replace(view.books, accounts=some))
    senders = certain_senders(app.store, going_by.roles, None)
    _, made = _one_day(view, remember(app.store, view), going_by, senders, now)
    return {item.account: item for item in made}


def _noon(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC)


def _one_day(
    view: View, memory: Memory, going_by: Rules, senders: Mapping[str, Sequence[str]], now: datetime
) -> tuple[Memory, list[Decision]]:
    """The decisions of one moment, and the memory as it would be after their messages went."""
    contacts = {name: tuple(items) for name, items in memory.contacts.items()}
    made: list[Decision] = []
    for name, books in view.books.accounts.items():
        decision = decide(
            books,
            policy=resolve_policy(going_by.dunning, books.account),
            history=contacts.get(name, ()),
            waiting=memory.waiting.get(name, ()),
            holds=memory.holds.get(name, ()),
            promises=memory.promises.get(name, ()),
            plans=memory.plans.get(name, ()),
            findings=memory.findings.get(name, ()),
            organisation=going_by.organisation,
            channels=going_by.channels,
            senders=senders,
            now=now,
        )
        made.append(decision)
        went = tuple(as_contact(entry, now) for entry in decision.entries if entry.would_send)
        contacts[name] = (*contacts.get(name, ()), *went)
    return replace(memory, contacts=contacts), made


def policy_lines(policy: AccountPolicy) -> dict[str, Any]:
    """The one policy that holds for an account, and where each value that is not a default came from."""
    stages = [f"{stage.name} ({stage.after} {stage.days:+d} d, {stage.channel})" for stage in policy.base.stages]
    plain = policy.base.model_dump(mode="json", exclude={"stages"})
    return {"mode": str(policy.mode), "stages": stages, **plain, "origins": dict(policy.origins)}
