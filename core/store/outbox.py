"""The outbox: exactly-once bookkeeping around a push.

                 approve            reserve              start_sending            settle
        DRAFT ───────────► QUEUED ───────────► RESERVED ───────────────► SENDING ────────► SETTLED
                             ▲  ▲── lease over ───┘ │                       │ │                ▲
                             │                      └─► DROPPED / PARKED ◄──┘ └─► AMBIGUOUS ───┤ read back, or a person's word
                             └──────────────────────────────── retry ─────────────────────────┘
        A restored store: RESERVED goes back to DRAFT (hold_back), or to SETTLED when it is found done (found_done).

Every move is a compare-and-set on the state (and, given the row, on the reservation it was made under), so two workers never
act on one row; each is journaled in its own transaction. A key, and each step of the cadence, is taken until its row is
dropped: also while a row is ambiguous or parked, for then a person must look before the same may be tried again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Update, and_, delete, func, insert, or_, select, true, update

from core.actions import CONTACTS, IdempotencyKey, Receipt, idempotency_key
from core.errors import TakenUp, UsageError
from core.lost_span import MAY_HAVE_GONE
from core.lost_span import SETTING as RESTORED
from core.outbox import GateAnswer, OutboxRow, OutboxState, Queued
from core.store import contacts
from core.store.among import among
from core.store.journal import Note, append
from core.store.outbox_rows import contact_of, content_digest, row_of, steps_of, value_of
from core.store.part import Part, chunks, to_json
from core.store.record_tables import table
from core.store.values import Blocked, EnqueueOutcome, OutboxCount, Resolution

_S = OutboxState
# Which states a move may start from; anything else is a conflict.
FROM: dict[str, frozenset[OutboxState]] = {
    "approve": frozenset({_S.DRAFT}),
    "start": frozenset({_S.RESERVED}),
    # a late answer after the lease ran out is still an answer, and proof that it was done
    "settle": frozenset({_S.SENDING, _S.AMBIGUOUS}),
    "drop": frozenset({_S.DRAFT, _S.QUEUED, _S.RESERVED, _S.SENDING, _S.PARKED}),
    "retry": frozenset({_S.RESERVED, _S.SENDING, _S.AMBIGUOUS, _S.PARKED}),
    "park": frozenset({_S.QUEUED, _S.RESERVED, _S.SENDING, _S.AMBIGUOUS}),
    "ambiguous": frozenset({_S.SENDING}),
    "withdraw": frozenset({_S.DRAFT}),
    "take back": frozenset({_S.DRAFT, _S.QUEUED, _S.PARKED}),  # nothing of it was begun, or the vendor said never
    "hold back": frozenset({_S.RESERVED}),
    "find": frozenset({_S.RESERVED}),
    "resolve": frozenset({_S.DRAFT, _S.QUEUED, _S.AMBIGUOUS, _S.PARKED}),
}
Held = OutboxRow | str  # a row as it was reserved (fences out whoever reserved it since), or just its id
_ID_DIGITS = 12


class OutboxVerbs(Part):
    """Enqueueing, and the moves of a row."""

    def enqueue(self, items: Iterable[Queued], *, now: datetime, run_id: str | None) -> EnqueueOutcome:
        """Add actions. One whose key or step is taken already is blocked, whole, and told with the row that has it."""
        added: list[OutboxRow] = []
        blocked: list[Blocked] = []
        with self._db.write() as tx:
            self._db.queue_behind(tx, "journal")  # the lock every move takes: two reviews see each other's rows
            for item in items:
                key = idempotency_key(item.action)
                obstacle = _obstacle(tx, key, steps_of(item.action))
                if obstacle is not None:
                    blocked.append(obstacle)
                    continue
                added.append(self._add(tx, item, key, now, run_id))
            notes = [_note("enqueued", row, {"kind": type(row.action).__name__, "reasons": list(row.reasons)}) for row in added]
            append(self._db, tx, notes, now=now, actor="duesync")
        return EnqueueOutcome(added=tuple(added), blocked=tuple(blocked))

    def reserve(self, *, now: datetime, by: str, lease_seconds: float) -> OutboxRow | None:
        """Take the queued row that waited longest and is due.

        None when there is none. No other worker gets it while the lease runs.
        """
        held = table("outbox")
        due = and_(held.c.state == _S.QUEUED.value, held.c.not_before <= now)
        first = select(held.c.id).where(due).order_by(held.c.not_before, held.c.created_at, held.c.id).limit(1)
        with self._db.read() as tx:
            if not self._db.in_unit and tx.execute(first).first() is None:
                return None
        with self._db.write() as tx:
            found = tx.execute(first.with_for_update(skip_locked=True)).scalar()
            if found is None:
                return None
            lease = {"reserved_by": by, "reserved_until": now + timedelta(seconds=lease_seconds), "attempts": held.c.attempts + 1}
            moved = _set(tx, update(held).where(held.c.id == found, due), _S.RESERVED, now, error=None, **lease)
            if not moved:
                return None
            row = _get(tx, found)
            append(self._db, tx, [_note("reserved", row, {"attempt": row.attempts})], now=now, actor=by)
            return row

    def start_sending(
        self, held: Held, gate: Sequence[GateAnswer], *, now: datetime | None = None, lease_seconds: float | None = None
    ) -> OutboxRow:
        """Commit to the push.

        From here on it may have happened. TakenUp when the row is no longer ours or the lease is over.
        """
        at = now or self._clock.now()
        columns: dict[str, Any] = {"gate": to_json(list(gate))}
        if lease_seconds is not None:
            columns["reserved_until"] = at + timedelta(seconds=lease_seconds)
        row = self.outbox_row(held if isinstance(held, str) else held.id)
        if row is not None and row.reserved_until is not None and row.reserved_until <= at:
            raise TakenUp(f"The lease on action {row.id} ran out before it was sent.", remedy="It is taken up again by itself.")
        return self._move(held, "start", _S.SENDING, at, {"gate": [answer.question for answer in gate]}, columns)

    def settle(self, held: Held, receipt: Receipt, now: datetime) -> OutboxRow:
        """It was done. A contact with a client enters the contact log in the same commit. Settling twice changes nothing."""
        with self._db.write() as tx:
            before = _get(tx, _id(held))
            if before.state is _S.SETTLED:
                return before
            detail = {"receipt": receipt.ref, "content": _content(tx, before.id)}
            row = self._move(held, "settle", _S.SETTLED, now, detail, {"receipt": to_json(receipt), "error": None})
            self._log(tx, row, receipt, now)
            return row

    def drop(self, held: Held, reason: str, gate: Sequence[GateAnswer] = (), now: datetime | None = None) -> OutboxRow:
        """It is not to be done; its key and steps are free to be decided again."""
        columns = {"error": reason, **({"gate": to_json(list(gate))} if gate else {})}
        return self._move(held, "drop", _S.DROPPED, now or self._clock.now(), {"reason": reason}, columns)

    def withdraw(self, row_id: str, reason: str, now: datetime) -> OutboxRow:
        """A draft is no longer true: its key and steps are free to be decided again. TakenUp once it is no draft any more."""
        return self._move(row_id, "withdraw", _S.DROPPED, now, {"reason": reason}, {"error": reason})

    def take_back(self, row_id: str, reason: str, now: datetime) -> OutboxRow:
        """What was not begun is no longer to be done. TakenUp once a worker has it."""
        return self._move(row_id, "take back", _S.DROPPED, now, {"reason": reason}, {"error": reason})

    def retry(self, held: Held, not_before: datetime, error: str, now: datetime) -> OutboxRow:
        """It was certainly not done; try again from `not_before` on."""
        return self._move(held, "retry", _S.QUEUED, now, {"error": error}, {"error": error, "not_before": not_before, **_FREE})

    def park(self, held: Held, error: str, now: datetime) -> OutboxRow:
        """The vendor will never take it as it is: a person must look."""
        return self._move(held, "park", _S.PARKED, now, {"error": error}, {"error": error})

    def mark_ambiguous(self, held: Held, error: str, now: datetime) -> OutboxRow:
        """The answer was lost: it may have been done."""
        return self._move(held, "ambiguous", _S.AMBIGUOUS, now, {"error": error}, {"error": error})

    def hold_back(self, row: OutboxRow, why: str, now: datetime) -> OutboxRow:
        """It was not pushed, and waits for a person's approval from here on; `why` joins its reasons."""
        columns = {"reasons": to_json([*row.reasons, why]), **_FREE}
        return self._move(row, "hold back", _S.DRAFT, now, {"reason": why}, columns)

    def found_done(self, row: OutboxRow, receipt: Receipt, now: datetime) -> OutboxRow:
        """It was done before, though this store does not know: found at its vendor before any push. On record as settled."""
        with self._db.write() as tx:
            columns = {"receipt": to_json(receipt), "error": None}
            detail = {"receipt": receipt.ref, "found": True, "content": _content(tx, row.id)}
            settled = self._move(row, "find", _S.SETTLED, now, detail, columns)
            self._log(tx, settled, receipt, now)
            return settled

    def approve(self, row_id: str, by: str, now: datetime) -> OutboxRow:
        """A person lets a draft go. In a restored store that is also the word that it may go although the like may have gone."""
        columns: dict[str, Any] = {}
        with self._db.write() as tx:
            row = _get(tx, row_id)
            if _restored(tx) and MAY_HAVE_GONE not in row.reasons:
                columns["reasons"] = to_json([*row.reasons, MAY_HAVE_GONE])
            return self._move(row_id, "approve", _S.QUEUED, now, {}, columns, actor=by)

    def resolve(self, row_id: str, outcome: Resolution | str, by: str, now: datetime) -> OutboxRow:
        """A person's word on a row that waits: "sent" settles it, "not-sent" drops it, "retry" queues it again."""
        choice = Resolution(outcome)
        detail = {"outcome": choice.value}
        if choice is Resolution.NOT_SENT:
            return self._move(row_id, "resolve", _S.DROPPED, now, detail, {"error": f"not sent, says {by}"}, actor=by)
        if choice is Resolution.RETRY:
            return self._move(row_id, "resolve", _S.QUEUED, now, detail, {"error": None, "not_before": now, **_FREE}, actor=by)
        receipt = Receipt(ref="", at=now, detail=f"sent, says {by}", found=True)
        with self._db.write() as tx:
            columns = {"receipt": to_json(receipt), "error": None}
            told = {**detail, "content": _content(tx, row_id)}
            row = self._move(row_id, "resolve", _S.SETTLED, now, told, columns, actor=by)
            self._log(tx, row, receipt, now)
            return row

    def recover(self, now: datetime, *, everything: bool = False) -> int:
        """Put right what a dead worker held: reserved rows queue again, sending ones become ambiguous. Returns how many.

        Leases that still run are left alone, unless `everything` says that no other worker can be alive.
        """
        held = table("outbox")
        over = true() if everything else held.c.reserved_until <= now
        taken = held.c.state.in_([_S.RESERVED.value, _S.SENDING.value])
        with self._db.read() as tx:
            found = [row.id for row in tx.execute(select(held.c.id).where(taken, over).order_by(held.c.id))]
        moved = 0
        for row_id in found:
            with self._db.write() as tx:
                lost = "its worker stopped before it was sent"
                queued = update(held).where(held.c.id == row_id, held.c.state == _S.RESERVED.value, over)
                sending = update(held).where(held.c.id == row_id, held.c.state == _S.SENDING.value, over)
                what = ""
                if _set(tx, queued, _S.QUEUED, now, error=lost, **_FREE):
                    what = "requeued"
                elif _set(tx, sending, _S.AMBIGUOUS, now, error="its worker stopped while it was being sent"):
                    what = "ambiguous"
                if what:
                    append(self._db, tx, [_note(what, _get(tx, row_id), {})], now=now, actor="duesync")
                    moved += 1
        return moved

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def outbox(
        self,
        states: Collection[OutboxState] | None = None,
        account: str | None = None,
        limit: int | None = None,
        accounts: Collection[str] | None = None,
    ) -> tuple[OutboxRow, ...]:
        """Rows in these states (None: all), of one account or several; the earliest due first."""
        held = table("outbox")
        statement = select(held).order_by(held.c.not_before, held.c.created_at, held.c.id).limit(limit)
        if states is not None:
            statement = statement.where(held.c.state.in_([state.value for state in states]))
        if account is not None:
            statement = statement.where(held.c.account == account)
        if accounts is not None:
            statement = statement.where(among(held.c.account, accounts))
        with self._db.read() as tx:
            return tuple(value_of(row) for row in tx.execute(statement))

    def outbox_row(self, row_id: str) -> OutboxRow | None:
        """One row; None if there is none of that id."""
        held = table("outbox")
        with self._db.read() as tx:
            row = tx.execute(select(held).where(held.c.id == row_id)).first()
        return None if row is None else value_of(row)

    def outbox_counts(self) -> tuple[OutboxCount, ...]:
        """How many rows stand in each state, and since when the oldest is due."""
        held = table("outbox")
        statement = select(held.c.state, func.count(), func.min(held.c.not_before)).group_by(held.c.state).order_by(held.c.state)
        with self._db.read() as tx:
            return tuple(OutboxCount(state=_S(row[0]), rows=row[1], oldest_due_at=row[2]) for row in tx.execute(statement))

    # ── moving ──────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _add(self, tx: Connection, item: Queued, key: IdempotencyKey, now: datetime, run_id: str | None) -> OutboxRow:
        held = table("outbox")
        before = tx.execute(select(func.count()).select_from(held).where(held.c.key == key)).scalar() or 0
        row_id = key[:_ID_DIGITS] if not before else f"{key[:_ID_DIGITS]}-{before + 1}"
        tx.execute(insert(held), [row_of(item, row_id, key, now=now, run_id=run_id)])
        steps = [{**step, "outbox_id": row_id} for step in steps_of(item.action)]
        if steps:
            tx.execute(insert(table("outbox_steps")), steps)
        return _get(tx, row_id)

    def _log(self, tx: Connection, row: OutboxRow, receipt: Receipt, now: datetime) -> None:
        """Enter a settled contact, under the account its parties belong to by now."""
        if isinstance(row.action, CONTACTS):
            held = table("outbox")
            account = tx.execute(select(held.c.account).where(held.c.id == row.id)).scalar_one()
            entry = replace(contact_of(row, receipt, now), account=account)
            contacts.add(self._db, tx, [entry], now=now, actor=row.reserved_by or "duesync")

    def _move(
        self,
        held: Held,
        verb: str,
        state: OutboxState,
        now: datetime,
        detail: Mapping[str, Any],
        columns: Mapping[str, Any],
        *,
        actor: str | None = None,
    ) -> OutboxRow:
        rows = table("outbox")
        allowed = rows.c.state.in_(sorted(item.value for item in FROM[verb]))
        guard = [rows.c.id == _id(held), allowed]
        if isinstance(held, OutboxRow) and held.reserved_by is not None:
            guard += [rows.c.attempts == held.attempts, rows.c.reserved_by == held.reserved_by]
        with self._db.write() as tx:
            if not _set(tx, update(rows).where(*guard), state, now, **columns):
                raise _conflict(tx, held, verb)
            if state is _S.DROPPED:
                steps = table("outbox_steps")
                tx.execute(delete(steps).where(steps.c.outbox_id == _id(held)))
            row = _get(tx, _id(held))
            append(self._db, tx, [_note(state.value, row, detail)], now=now, actor=actor or row.reserved_by or "duesync")
            return row


_FREE: dict[str, Any] = {"reserved_by": None, "reserved_until": None}


def _id(held: Held) -> str:
    return held if isinstance(held, str) else held.id


def _set(tx: Connection, statement: Update, state: OutboxState, now: datetime, **columns: Any) -> bool:
    return tx.execute(statement.values(state=state.value, updated_at=now, **columns)).rowcount == 1


def _restored(tx: Connection) -> bool:
    held = table("settings")
    return tx.execute(select(held.c.key).where(held.c.key == RESTORED)).first() is not None


def _get(tx: Connection, row_id: str) -> OutboxRow:
    held = table("outbox")
    row = tx.execute(select(held).where(held.c.id == row_id)).first()
    if row is None:
        raise UsageError(f"There is no action {row_id}.", remedy="See them with: duesync outbox list")
    return value_of(row)


def _content(tx: Connection, row_id: str) -> str:
    """The digest of what was done, as it stands in the row: the journal keeps it, so that a later edit of the row shows."""
    held = table("outbox")
    return content_digest(str(tx.execute(select(held.c.action).where(held.c.id == row_id)).scalar() or ""))


def _conflict(tx: Connection, held: Held, verb: str) -> TakenUp:
    now = _get(tx, _id(held))
    if now.state in FROM[verb]:
        return TakenUp(f"Action {now.id} was taken up by {now.reserved_by} since.", remedy="Nothing to do: it is in other hands.")
    return TakenUp(f"Action {now.id} is {now.state}: {verb} does not fit.", remedy="See it with: duesync outbox show " + now.id)


def _obstacle(tx: Connection, key: IdempotencyKey, steps: Sequence[Mapping[str, str]]) -> Blocked | None:
    """What already has the key, or one of the steps."""
    held, taken = table("outbox"), table("outbox_steps")
    same = tx.execute(select(held.c.id, held.c.state).where(held.c.key == key, held.c.state != _S.DROPPED.value)).first()
    if same is not None:
        return Blocked(key=key, by=same[0], reason=f"the same is already {same[1]}")
    for some in chunks(list(steps), 100):
        wanted = or_(*(and_(*(taken.columns[name] == value for name, value in step.items())) for step in some))
        found = tx.execute(select(taken).where(wanted)).first()
        if found is not None:
            step = f"{found.connection}/{found.invoice_ref} at {found.stage} of {found.cycle}"
            return Blocked(key=key, by=found.outbox_id, reason=f"the step is taken: {step}")
    return None


def _note(what: str, row: OutboxRow, detail: Mapping[str, Any]) -> Note:
    return Note(f"outbox.{what}", f"outbox/{row.id}", {"account": row.action.account, "key": row.key, **detail})
