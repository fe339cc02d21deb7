"""Telling upstream systems what became of a client: gathers what is true, enqueues the writes and remembers them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime

from core.books import Books
from core.dunning.arrangements import PaymentPlan
from core.dunning.decision import Decision, Task
from core.dunning.pushback import Standing, Target, push_back, told_form, told_from
from core.holds import Hold
from core.outbox import Promise
from core.store import Store


def tell(
    store: Store,
    targets: Sequence[Target],
    books: Books,
    decisions: Sequence[Decision],
    *,
    now: datetime,
    today: date,
    run_id: str,
) -> int:
    """Enqueue what each target should be told of each client; how many writes that were."""
    if not targets:
        return 0
    enqueued = 0
    tasks = {item.account: item.tasks for item in decisions}
    for standing in _standings(store, books, tasks, now, today):
        for target in targets:
            enqueued += _tell_one(store, standing, target, run_id)
    return enqueued


def _tell_one(store: Store, standing: Standing, target: Target, run_id: str) -> int:
    key = f"pushback.{target.connection}.{standing.books.account.id}"
    told = told_from(store.setting(key))
    found = push_back(standing, target, told)
    if found.told == told and not found.queued:
        return 0
    with store.unit():
        outcome = store.enqueue(found.queued, now=standing.now, run_id=run_id)
        store.put_setting(key, told_form(found.told))
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
