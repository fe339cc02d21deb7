"""The daily housekeeping: what the retention rules say has had its time, and whether an erased client came back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from core.review import WATERMARK
from core.store import Store
from scheduler.app import App

log = structlog.get_logger()
EVERY = 86_400.0  # seconds
_TOLD = "erased.told"  # the clients whose return was told already


def keep_house(app: App) -> Mapping[str, int]:
    """Forget what is older than `[retention]` says, and tell of erased clients that came back. How many rows, by rule.

    Each rule works in slices of its own; one that was interrupted goes on tomorrow.
    """
    rules, store, now = app.settings.retention, app.store, app.clock.now()
    done = {
        "payloads": _older(store.forget_payloads, rules.payloads, now),
        "deleted": _older(store.forget_deleted, rules.changes, now),  # before the changes that say whose they were
        "messages": _older(store.forget_messages, rules.messages, now),
        "changes": _older(lambda before: _forget_changes(store, before), rules.changes, now),
        "runs": _older(store.forget_runs, rules.runs, now),
    }
    log.info("house.kept", **done)
    tell_of_returned(store)
    return done


def _older(forget: Callable[[datetime], int], seconds: float, now: datetime) -> int:
    return forget(now - timedelta(seconds=seconds)) if seconds else 0


def _forget_changes(store: Store, before: datetime) -> int:
    """Only what every reader has seen: the review, which keeps how far it came."""
    return store.forget_old_changes(before, int(store.setting(WATERMARK) or 0))


def tell_of_returned(store: Store) -> tuple[str, ...]:
    """Log once that an erased client's data is back: its vendor still has it, and changed it. The clients that are back."""
    back = store.returned() if store.erased() else ()
    told = set(store.setting(_TOLD) or ())
    fresh = sorted(set(back) - told)
    if fresh:
        log.warning("erasure.undone", accounts=fresh)
    if set(back) != told:
        store.put_setting(_TOLD, sorted(back))
    return back
