"""Telling upstream systems what became of a client: gathers what is true, enqueues the writes and remembers them at once.

A client whose telling fails for a reason nobody foresaw is set aside and named; all others are told. What a client was told is
compared with what is true at every review, so that one is tried again by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import structlog

from core.books import Books
from core.dunning.arrangements import PaymentPlan
from core.dunning.decision import Decision, Task
from core.dunning.pushback import Standing, Target, push_back
from core.dunning.told import caught_up, enqueued, told_form, told_from
from core.errors import StoreError, TakenUp
from core.holds import Hold
from core.outbox import Promise
from core.store import Store

log = structlog.get_logger()
OUTDATED = "what it says is no longer so"


@dataclass(slots=True)
class TellingReport:
    """How many writes were enqueued, and the clients that could not be told."""

    enqueued: int = 0
    failed: list[str] = field(default_factory=list)


def tell(
    store: Store,
    targets: Sequence[Target],
    books: Books,
    decisions: Sequence[Decision],
    *,
    now: datetime,
    today: date,
    run_id: str,
) -> TellingReport:
    """Enqueue what each target should be told of each client. StoreError where the store fails: that is no client's fault."""
    told = TellingReport()
    if not targets:
        return told
    problem = ""
    tasks = {item.account: item.tasks for item in decisions}
    for standing in _standings(store, books, tasks, now, today):
        name = standing.books.account.id
        try:
            told.enqueued += sum(_tell_one(store, standing, target, run_id) for target in targets)
        except StoreError:
            raise
        except Exception as error:
            told.failed.append(name)
            problem = problem or f"{type(error).__name__}: {error}"
    if told.failed:
        log.error("account.untold", accounts=told.failed, error=problem)
    return told


def _tell_one(store: Store, standing: Standing, target: Target, run_id: str) -> int:
    key = f"pushback.{target.connection}.{standing.books.account.id}"
    before = told_from(store.setting(key))
    rows = {name: row for name in before.pending.values() if (row := store.outbox_row(name)) is not None}
    told, under_way = caught_up(before, rows)
    found = push_back(standing, target, told, under_way)
    if found.told == before and not found.queued:
        return 0
    try:
        with store.unit():
            for name in found.withdrawn:
                store.take_back(name, OUTDATED, standing.now)
            outcome = store.enqueue(found.queued, now=standing.now, run_id=run_id)
            store.put_setting(key, told_form(enqueued(found.told, outcome.added)))
    except TakenUp:
        return 0  # a worker began one of them this moment: what came of it is known at the next review
    return len(outcome.added)


def _standings(store: Store, books: Books, tasks: Mapping[str, Sequence[Task]], now: datetime, today: date) -> Iterator[Standing]:
    holds: dict[str, list[Hold]] = defaultdict(list)
    promises: dict[str, list[Promise]] = defaultdict(list)
    plans: dict[str, dict[str, PaymentPlan]] = defaultdict(dict)
    for hold in store.holds(include_lifted=True):
        holds[hold.account].append(hold)
    for promise in store.promises():
        promises[promise.account].append(promise)
    for item in store.plans():
        plans[item.plan.account][item.id] = item.plan
    history = store.contacts()
    for name, account in books.accounts.items():
        yield Standing(
            books=account,
            holds=holds[name],
            promises=promises[name],
            plans=plans[name],
            history=history.get(name, ()),
            tasks=tasks.get(name, ()),
            today=today,
            now=now,
        )
