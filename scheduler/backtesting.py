"""A policy tried on the past: gathers what the store remembers of each client, with the days from which it was known."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pydantic import ValidationError

from core.clock import local_date
from core.dunning.backtest import Known, Past, Replay, replay
from core.dunning.comparison import Comparison, compare
from core.dunning.policy import DunningSettings
from core.errors import ConfigError, UsageError
from core.findings import FindingState
from core.review import Rules, linked_books
from scheduler.app import App
from scheduler.jobs import rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """Both replays and how they differ. Without a policy to try, the proposed one is the present one."""

    present: Replay
    proposed: Replay
    comparison: Comparison


def read_policy(path: Path) -> DunningSettings:
    """The [dunning] section of a TOML file, or all of it where there is no such section. ConfigError lists every problem."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"], source=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: is not valid TOML: {error}"], source=str(path)) from None
    try:
        return DunningSettings.model_validate(data.get("dunning", data))
    except ValidationError as error:
        lines = [f"dunning.{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_input=False)]
        raise ConfigError(lines, source=str(path)) from None


def backtest(app: App, *, since: date, until: date | None = None, policy: DunningSettings | None = None) -> Backtest:
    """Replay the past with the present policy and with `policy`. UsageError when the period is empty or not past."""
    today = local_date(app.clock.now(), app.zone)
    last = until or today - timedelta(days=1)
    if last > today or since > last:
        raise UsageError(f"a back-test looks at the past: from {since} to {last} is no such period (today is {today})")
    going_by = rules(app)
    clients = pasts(app, going_by)
    present = _replayed(clients, going_by, going_by.dunning, since, last)
    proposed = present if policy is None else _replayed(clients, going_by, policy, since, last)
    return Backtest(present=present, proposed=proposed, comparison=compare(present, proposed))


def _replayed(clients: list[Past], going_by: Rules, settings: DunningSettings, since: date, until: date) -> Replay:
    return replay(clients, settings, organisation=going_by.organisation, channels=going_by.channels, since=since, until=until)


def pasts(app: App, going_by: Rules) -> list[Past]:
    """Every client with what was remembered of it, and when."""
    now = app.clock.now()
    store = app.store
    ledger = linked_books(store, going_by, now)
    holds, promises, plans, findings = defaultdict(list), defaultdict(list), defaultdict(list), defaultdict(list)
    for hold in store.holds(include_lifted=True):
        holds[hold.account].append(hold)
    for promise in store.promises():
        promises[promise.account].append(promise)
    for item in store.plans(include_cancelled=True):
        plans[item.plan.account].append(Known(item.plan, item.plan.agreed_at, item.cancelled_at))
    for found in store.findings():
        if found.finding.account:
            ends = {FindingState.DISMISSED: found.decided_at, FindingState.RESOLVED: found.last_seen_at}
            end = ends.get(found.state)
            findings[found.finding.account].append(Known(found.finding, found.first_seen_at, end))
    contacts = store.contacts()
    return [
        Past(
            books=books,
            contacts=contacts.get(name, ()),
            holds=holds[name],
            promises=promises[name],
            plans=plans[name],
            findings=findings[name],
        )
        for name, books in ledger.accounts.items()
    ]
