"""Payment plans: agreements to pay in instalments. Agreeing to the same plan again changes nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import select, update

from core.dunning.arrangements import Instalment, PaymentPlan
from core.errors import UsageError
from core.money import Money
from core.records import RecordKey, Ref, Stream
from core.store.among import among
from core.store.journal import Note, append
from core.store.part import Part, to_json
from core.store.record_tables import table


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """A plan with who agreed to it, and when it was ended by a person (None: it stands)."""

    id: str
    plan: PaymentPlan
    agreed_by: str
    note: str = ""
    cancelled_at: datetime | None = None


class PlanVerbs(Part):
    """Taking down, ending and reading payment plans."""

    def add_plan(self, stored: StoredPlan) -> bool:
        """Take down a plan; False when one of its id is there. UsageError without instalments or with mixed currencies."""
        row = _row(stored)
        with self._db.write() as tx:
            added = self._db.add_new(tx, table("payment_plans"), row)
            if added:
                detail = {"account": row["account"], "instalments": row["instalments"], "currency": row["currency"]}
                note = Note("plan.agreed", f"plan/{stored.id}", detail)
                append(self._db, tx, [note], now=stored.plan.agreed_at, actor=stored.agreed_by)
        return added

    def cancel_plan(self, plan_id: str, by: str, now: datetime) -> StoredPlan:
        """End a plan; ending it twice changes nothing. UsageError if there is none of that id."""
        held = table("payment_plans")
        with self._db.write() as tx:
            alive = update(held).where(held.c.id == plan_id, held.c.cancelled_at.is_(None))
            if tx.execute(alive.values(cancelled_at=now)).rowcount:
                append(self._db, tx, [Note("plan.cancelled", f"plan/{plan_id}", {})], now=now, actor=by)
            row = tx.execute(select(held).where(held.c.id == plan_id)).first()
        if row is None:
            raise UsageError(f"There is no payment plan {plan_id}.", remedy="See them with: duesync plan list")
        return _stored(row)

    def plans(
        self, account: str | None = None, *, accounts: Collection[str] | None = None, include_cancelled: bool = False
    ) -> tuple[StoredPlan, ...]:
        """Plans of one account, of several, or of all; the oldest first."""
        held = table("payment_plans")
        statement = select(held).order_by(held.c.agreed_at, held.c.id)
        if account is not None:
            statement = statement.where(held.c.account == account)
        if accounts is not None:
            statement = statement.where(among(held.c.account, accounts))
        if not include_cancelled:
            statement = statement.where(held.c.cancelled_at.is_(None))
        with self._db.read() as tx:
            return tuple(_stored(row) for row in tx.execute(statement))


def _row(stored: StoredPlan) -> dict[str, Any]:
    plan = stored.plan
    amounts = [item.amount for item in plan.instalments] + ([plan.breach_rest] if plan.breach_rest else [])
    currencies = {amount.currency for amount in amounts}
    if not plan.instalments or len(currencies) != 1:
        raise UsageError("A payment plan has instalments, all in one currency.", remedy="Agree to one plan per currency.")
    return {
        "id": stored.id,
        "account": plan.account,
        "invoices": to_json([[key.connection, key.ref] for key in plan.invoices]),
        "instalments": to_json([[item.due_on, item.amount.minor] for item in plan.instalments]),
        "currency": currencies.pop(),
        "breach_days": plan.breach_days,
        "breach_rest_minor": plan.breach_rest.minor if plan.breach_rest else None,
        "note": stored.note,
        "agreed_at": plan.agreed_at,
        "agreed_on": plan.agreed_on,
        "agreed_by": stored.agreed_by,
        "cancelled_at": stored.cancelled_at,
    }


def _stored(row: Any) -> StoredPlan:
    instalments = msgspec.json.decode(row.instalments, type=list[tuple[date, int]])
    invoices = msgspec.json.decode(row.invoices, type=list[tuple[str, str]])
    plan = PaymentPlan(
        account=row.account,
        invoices=tuple(RecordKey(connection, Stream.INVOICES, Ref(ref)) for connection, ref in invoices),
        instalments=tuple(Instalment(due_on=day, amount=Money(minor, row.currency)) for day, minor in instalments),
        agreed_at=row.agreed_at,
        agreed_on=row.agreed_on,
        breach_days=row.breach_days,
        breach_rest=None if row.breach_rest_minor is None else Money(row.breach_rest_minor, row.currency),
    )
    return StoredPlan(id=row.id, plan=plan, agreed_by=row.agreed_by, note=row.note, cancelled_at=row.cancelled_at)
