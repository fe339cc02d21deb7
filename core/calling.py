"""A call goes on record with what follows from it, in one commit: a promise or a dispute stops reminders, hardship eases them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import structlog

from core.dunning.calls import CallOutcome
from core.dunning.decision import Decision
from core.holds import Hold, HoldKind
from core.outbox import PastContact, Promise
from core.records import RecordKey
from core.store import Store

log = structlog.get_logger()

_HOLDS = {
    CallOutcome.PROMISED: HoldKind.PROMISE,
    CallOutcome.DISPUTED: HoldKind.DISPUTE,
    CallOutcome.ALREADY_PAID: HoldKind.DISPUTE,
    CallOutcome.HARDSHIP: HoldKind.HARDSHIP,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call as it goes on record. `promised_on` is a promise's day; `invoices_only` limits what follows to its invoices."""

    entry: PastContact
    outcome: CallOutcome
    by: str
    reason: str = ""
    promised_on: date | None = None
    invoices_only: bool = False


def record_call(store: Store, call: Call, now: datetime) -> tuple[Hold, ...]:
    """Log the call and place what follows from it; the holds placed. The same call from a ticket twice changes nothing.

    ValueError where a promise has no day.
    """
    holds = holds_of(call, now)
    with store.unit():
        store.log_contact(call.entry, by=call.by)
        for hold in holds:
            store.place_hold(hold)
            if hold.until is not None and hold.kind is HoldKind.PROMISE:
                store.add_promise(_promise(hold, hold.until))
    return holds


def holds_of(call: Call, now: datetime) -> tuple[Hold, ...]:
    """The holds a call leads to. Who says it is paid is not reminded until a person has looked."""
    kind = _HOLDS.get(call.outcome)
    if kind is None:
        return ()
    if kind is HoldKind.PROMISE and call.promised_on is None:
        raise ValueError("a promise is for a day")
    scopes = call.entry.invoices if call.invoices_only and kind is not HoldKind.HARDSHIP else ()
    return tuple(_hold(call, kind, scope, now) for scope in scopes or (None,))


def _hold(call: Call, kind: HoldKind, only: RecordKey | None, now: datetime) -> Hold:
    entry = call.entry
    name = "|".join((kind, entry.account, str(only), entry.at.isoformat(), entry.outbox_id or ""))
    said = "says it is paid" if call.outcome is CallOutcome.ALREADY_PAID else ""
    return Hold(
        id=hashlib.sha256(name.encode()).hexdigest()[:10],
        kind=kind,
        account=entry.account,
        invoice=only,
        reason="; ".join(text for text in (f"said in a call on {entry.at:%Y-%m-%d}", said, call.reason) if text),
        placed_at=now,
        placed_by=call.by,
        until=call.promised_on if kind is HoldKind.PROMISE else None,
    )


def _promise(hold: Hold, due_on: date) -> Promise:
    return Promise(
        account=hold.account,
        invoice=hold.invoice,
        amount_minor=None,
        currency=None,
        due_on=due_on,
        made_at=hold.placed_at,
        made_by=hold.placed_by,
    )


def record_closed_calls(store: Store, decisions: Iterable[Decision], now: datetime) -> int:
    """Log the calls whose tickets the service desk closed with an outcome; how many. Those without one stay a task."""
    found = [(decision.account, item) for decision in decisions for item in decision.calls if item.outcome is not None]
    for account, item in found:
        if item.outcome is not None:
            call = Call(entry=item.entry(now), outcome=item.outcome, by=item.handed.channel, promised_on=item.promised_on)
            record_call(store, call, now)
            log.info("call.recorded", account=account, ticket=item.ticket.ref, outcome=str(item.outcome))
    return len(found)
