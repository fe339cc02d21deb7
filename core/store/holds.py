"""Holds and promises: reasons not to remind, and clients' words to pay. Placing the same hold again changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update

from core.errors import UsageError
from core.holds import Hold, HoldKind
from core.outbox import Promise
from core.records import RecordKey, Ref, Stream
from core.store.among import among
from core.store.journal import Note, append
from core.store.part import Part, to_json
from core.store.record_tables import table


class HoldVerbs(Part):
    """Placing, lifting and reading holds; taking down promises."""

    def place_hold(self, hold: Hold) -> bool:
        """Place a hold; False when one of its id stands already (lifted or not): a lifted hold is not raised from the dead."""
        with self._db.write() as tx:
            placed = self._db.add_new(tx, table("holds"), _row(hold))
            if placed:
                detail = {"kind": hold.kind.value, "account": hold.account, "reason": hold.reason}
                append(self._db, tx, [Note("hold.placed", f"hold/{hold.id}", detail)], now=hold.placed_at, actor=hold.placed_by)
        return placed

    def lift_hold(self, hold_id: str, by: str, now: datetime) -> Hold:
        """Lift a hold; lifting it twice changes nothing. UsageError if there is none of that id."""
        held = table("holds")
        with self._db.write() as tx:
            alive = update(held).where(held.c.id == hold_id, held.c.lifted_at.is_(None))
            if tx.execute(alive.values(lifted_at=now, lifted_by=by)).rowcount:
                append(self._db, tx, [Note("hold.lifted", f"hold/{hold_id}", {})], now=now, actor=by)
            row = tx.execute(select(held).where(held.c.id == hold_id)).first()
        if row is None:
            raise UsageError(f"There is no hold {hold_id}.", remedy="See them with: duesync hold list")
        return _hold(row)

    def holds(
        self, account: str | None = None, include_lifted: bool = False, accounts: Collection[str] | None = None
    ) -> tuple[Hold, ...]:
        """Holds of one account, of several, or of all.

        The oldest first. Expired ones are included: `Hold.covers` knows the day.
        """
        held = table("holds")
        statement = select(held).order_by(held.c.placed_at, held.c.id)
        if account is not None:
            statement = statement.where(held.c.account == account)
        if accounts is not None:
            statement = statement.where(among(held.c.account, accounts))
        if not include_lifted:
            statement = statement.where(held.c.lifted_at.is_(None))
        with self._db.read() as tx:
            return tuple(_hold(row) for row in tx.execute(statement))

    def add_promise(self, promise: Promise) -> bool:
        """Take down a promise; False when the very same is there already."""
        row = _promise_row(promise)
        with self._db.write() as tx:
            added = self._db.add_new(tx, table("promises"), row)
            if added:
                detail = {"account": promise.account, "due_on": promise.due_on.isoformat(), "amount_minor": promise.amount_minor}
                note = Note("promise.made", f"promise/{row['id']}", detail)
                append(self._db, tx, [note], now=promise.made_at, actor=promise.made_by)
        return added

    def withdraw_promises(self, account: str, invoice: RecordKey | None, due_on: date, *, by: str, now: datetime) -> int:
        """Take back the promises about exactly this invoice (None: the whole account) and day; how many there were."""
        held, about = table("promises"), _invoice_columns(invoice)
        mine = [held.c[name].is_(None) if value is None else held.c[name] == value for name, value in about.items()]
        with self._db.write() as tx:
            alive = update(held).where(held.c.account == account, held.c.due_on == due_on, held.c.withdrawn_at.is_(None), *mine)
            gone = tx.execute(alive.values(withdrawn_at=now).returning(held.c.id)).scalars().all()
            notes = [Note("promise.withdrawn", f"promise/{name}", {"account": account}) for name in sorted(gone)]
            if notes:
                append(self._db, tx, notes, now=now, actor=by)
        return len(gone)

    def promises(self, account: str | None = None, accounts: Collection[str] | None = None) -> tuple[Promise, ...]:
        """Promises of one account, of several, or of all; the oldest first. Withdrawn ones are not among them."""
        held = table("promises")
        statement = select(held).where(held.c.withdrawn_at.is_(None)).order_by(held.c.made_at, held.c.id)
        if account is not None:
            statement = statement.where(held.c.account == account)
        if accounts is not None:
            statement = statement.where(among(held.c.account, accounts))
        with self._db.read() as tx:
            return tuple(_promise(row) for row in tx.execute(statement))


def _invoice_columns(invoice: RecordKey | None) -> dict[str, str | None]:
    if invoice is None:
        return {"invoice_connection": None, "invoice_ref": None}
    return {"invoice_connection": invoice.connection, "invoice_ref": invoice.ref}


def _invoice(row: Any) -> RecordKey | None:
    return None if row.invoice_ref is None else RecordKey(row.invoice_connection, Stream.INVOICES, Ref(row.invoice_ref))


def _row(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.id,
        "kind": hold.kind.value,
        "account": hold.account,
        **_invoice_columns(hold.invoice),
        "reason": hold.reason,
        "placed_at": hold.placed_at,
        "placed_by": hold.placed_by,
        "until": hold.until,
        "lifted_at": hold.lifted_at,
    }


def _hold(row: Any) -> Hold:
    return Hold(
        id=row.id,
        kind=HoldKind(row.kind),
        account=row.account,
        invoice=_invoice(row),
        reason=row.reason,
        placed_at=row.placed_at,
        placed_by=row.placed_by,
        until=row.until,
        lifted_at=row.lifted_at,
    )


def _promise_row(promise: Promise) -> dict[str, Any]:
    return {
        "id": hashlib.sha256(to_json(promise).encode()).hexdigest()[:12],
        "account": promise.account,
        **_invoice_columns(promise.invoice),
        "amount_minor": promise.amount_minor,
        "currency": promise.currency,
        "due_on": promise.due_on,
        "made_at": promise.made_at,
        "made_by": promise.made_by,
    }


def _promise(row: Any) -> Promise:
    return Promise(
        account=row.account,
        invoice=_invoice(row),
        amount_minor=row.amount_minor,
        currency=row.currency,
        due_on=row.due_on,
        made_at=row.made_at,
        made_by=row.made_by,
    )
