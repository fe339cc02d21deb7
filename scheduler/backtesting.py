"""A policy tried on the past: gathers what the store remembers of each client, with the days from which it was known."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from pydantic import ValidationError

from core.books import AccountBooks, Books
from core.clock import local_date
from core.dunning.backtest import Known, Past, Replay, replay
from core.dunning.comparison import Comparison, compare
from core.dunning.differences import Difference, differences
from core.dunning.policy import DunningSettings
from core.errors import ConfigError, UsageError
from core.findings import FindingState
from core.records import DocumentStatus, PaymentStatus, RecordKey, key_of
from core.review import Rules, linked_books
from scheduler.app import App
from scheduler.jobs import rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """Both replays and how they differ. Without a policy to try, the proposed one is the present one.

    `each`: what every difference between the two policies comes to alone; empty where there is only one, or it was not asked.
    """

    present: Replay
    proposed: Replay
    comparison: Comparison
    each: tuple[tuple[Difference, Comparison], ...] = ()
    known_since: Mapping[str, date] = field(default_factory=dict, hash=False)  # the first pull of each connection


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


def backtest(
    app: App, *, since: date, until: date | None = None, policy: DunningSettings | None = None, each: bool = True
) -> Backtest:
    """Replay the past with the present policy and with `policy`; where they differ in several settings, with `each` alone too.

    UsageError when the period is empty or not past.
    """
    today = local_date(app.clock.now(), app.zone)
    last = until or today - timedelta(days=1)
    if last > today or since > last:
        raise UsageError(f"a back-test looks at the past: from {since} to {last} is no such period (today is {today})")
    going_by = rules(app)
    clients = pasts(app, going_by)
    present = _replayed(clients, going_by, going_by.dunning, since, last)
    proposed = present if policy is None else _replayed(clients, going_by, policy, since, last)
    alone = differences(going_by.dunning, policy) if each and policy is not None else ()
    return Backtest(
        present=present,
        proposed=proposed,
        comparison=compare(present, proposed),
        each=tuple(
            (item, compare(present, _replayed(clients, going_by, item.policy, since, last)))
            for item in (alone if len(alone) > 1 else ())
        ),
        known_since=_known_since(app),
    )


def _replayed(clients: list[Past], going_by: Rules, settings: DunningSettings, since: date, until: date) -> Replay:
    return replay(clients, settings, organisation=going_by.organisation, channels=going_by.channels, since=since, until=until)


def _known_since(app: App) -> dict[str, date]:
    found: dict[str, date] = {}
    for (connection, _), at in app.store.beginnings().items():
        day = local_date(at, app.zone)
        found[connection] = min(day, found.get(connection, day))
    return dict(sorted(found.items()))


def _seen(books: AccountBooks, late: Mapping[RecordKey, date]) -> dict[RecordKey, date]:
    """The first day known of this client's records that arrived late."""
    mine = (*books.invoices, *books.payments, *books.credit_notes, *books.deposits, *books.sales)
    return {key: late[key] for item in mine if (key := key_of(item)) in late}


def _undone(app: App, ledger: Books) -> dict[RecordKey, date]:
    """The day from which each payment and invoice that is void or bounced now was known to be so, where it was pulled before."""
    ended = (DocumentStatus.VOID, PaymentStatus.VOID, PaymentStatus.REVERSED)
    clients = ledger.accounts.values()
    gone = [key_of(item) for books in clients for item in books.invoices if item.status in ended]
    gone += [key_of(item) for books in clients for item in books.payments if item.status in ended]
    return {key: local_date(at, app.zone) for key, at in app.store.changed_since_seen(gone).items()}


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
    late = {key: local_date(at, app.zone) for key, at in store.arrived_late().items()}
    undone = _undone(app, ledger)
    return [
        Past(
            books=books,
            contacts=contacts.get(name, ()),
            holds=holds[name],
            promises=promises[name],
            plans=plans[name],
            findings=findings[name],
            seen=_seen(books, late),
            undone={key: undone[key] for item in (*books.invoices, *books.payments) if (key := key_of(item)) in undone},
        )
        for name, books in ledger.accounts.items()
    ]
