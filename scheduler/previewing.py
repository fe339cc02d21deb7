"""What would be sent on a day, and on the days after if each message went: the same functions decide, nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core.books import AccountBooks
from core.clock import local_date
from core.dunning.backtest import as_contact
from core.dunning.decide import decide
from core.dunning.decision import Entry
from core.dunning.policy import Way
from core.dunning.resolve import resolve_policy
from core.gatefacts import known_senders
from core.review import Memory, Rules, View, look, remember
from scheduler.app import App
from scheduler.jobs import rules


def preview(app: App, *, as_of: date | None = None, days: int = 1) -> list[Entry]:
    """Every message of `days` days from `as_of` (today): one entry per client and message, kept-back ones included.

    A day other than today is looked at in the middle of the organisation's day. On later days only what would go, or is newly
    kept back, is listed again.
    """
    now = app.clock.now()
    today = local_date(now, app.zone)
    start = now if as_of in (None, today) else _noon(as_of or today, app.zone)
    going_by = rules(app)
    view = look(app.store, going_by, now=now, today=local_date(start, app.zone))
    memory = remember(app.store, view)
    found: list[Entry] = []
    for offset in range(days):
        moment = start if offset == 0 else _noon(local_date(start, app.zone) + timedelta(days=offset), app.zone)
        memory, entries = _one_day(view, memory, going_by, moment)
        found += entries if offset == 0 else _news(found, entries)
    return refereed(app, view, found)


def refereed(app: App, view: View, entries: Iterable[Entry]) -> list[Entry]:
    """What would go although somebody else reminds of the same invoices is shown as the gate would answer: not sent."""
    senders = {name: known_senders(app.store, name) for name in app.settings.connections}
    certain = {name: [item.what for item in kept.found if item.certain] for name, kept in senders.items() if kept is not None}
    return [_stopped(app, view, entry, certain) for entry in entries]


def _stopped(app: App, view: View, entry: Entry, certain: Mapping[str, list[str]]) -> Entry:
    others = sorted({what for item in entry.invoices for what in certain.get(item.connection, ())})
    books = view.books.accounts.get(entry.account)
    if not others or not entry.would_send or entry.channel is Way.CALL or books is None:
        return entry
    if resolve_policy(app.settings.dunning, books.account).base.allow_other_senders:
        return entry
    why = f"somebody else reminds of these invoices: {'; '.join(others)} (dunning.allow_other_senders would accept that)"
    return replace(entry, would_send=False, reasons=(why, *entry.reasons))


def _noon(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC)


def _one_day(view: View, memory: Memory, going_by: Rules, now: datetime) -> tuple[Memory, list[Entry]]:
    """The entries of one moment, and the memory as it would be after they went."""
    contacts = {name: tuple(items) for name, items in memory.contacts.items()}
    entries: list[Entry] = []
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
            now=now,
        )
        entries += decision.entries
        went = tuple(as_contact(entry, now) for entry in decision.entries if entry.would_send)
        contacts[name] = (*contacts.get(name, ()), *went)
    return replace(memory, contacts=contacts), entries


def _news(before: Iterable[Entry], entries: Iterable[Entry]) -> list[Entry]:
    known = {(item.account, item.stage, item.cycle, item.reasons) for item in before if not item.would_send}
    return [item for item in entries if item.would_send or (item.account, item.stage, item.cycle, item.reasons) not in known]


def resolved_policy(app: App, books: AccountBooks) -> dict[str, Any]:
    """The one policy that holds for an account, and where each value that is not a default came from."""
    policy = resolve_policy(app.settings.dunning, books.account)
    stages = [f"{stage.name} ({stage.after} {stage.days:+d} d, {stage.channel})" for stage in policy.base.stages]
    plain = policy.base.model_dump(mode="json", exclude={"stages"})
    return {"mode": str(policy.mode), "stages": stages, **plain, "origins": dict(policy.origins)}
