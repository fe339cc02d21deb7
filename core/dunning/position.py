"""Where every open invoice of an account stands: what keeps it back, how far its cadence is, what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from core.dunning.cadence import Progress, Step, ladder_of, progress_of
from core.dunning.calendars import is_real_day
from core.dunning.policy import Policy, Stage, StageKind
from core.dunning.standing import Circumstances, Obstacle, obstacles
from core.money import Money, total
from core.records import Invoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One open invoice. `due_on` includes grace days; `days` counts past it; `step` is the next of its own cadence."""

    invoice: Invoice
    policy: Policy
    due_on: date
    days: int
    progress: Progress
    step: Step | None
    obstacles: tuple[Obstacle, ...]

    @property
    def free(self) -> bool:
        """Nothing speaks against a reminder."""
        return not self.obstacles

    @property
    def may_announce(self) -> bool:
        """Nothing speaks against the first mail of it."""
        return not any(item.stops_notices for item in self.obstacles)

    @property
    def is_due(self) -> bool:
        """Due today or earlier, grace included."""
        return self.days >= 0

    def reached(self, stage: Stage) -> bool:
        """Is the day of an account stage (counted from the due date) here?"""
        return self.days >= stage.days

    def step_due(self, kind: StageKind, today: date) -> bool:
        """Is its next step of that kind, and due today?"""
        return self.step is not None and self.step.stage.kind is kind and self.step.on <= today


def positions_of(facts: Circumstances) -> tuple[Position, ...]:
    """All open invoices of the account's ledger, oldest due first, with the balance's own reasons included."""
    found = [_position(invoice, facts) for invoice in facts.books.open_invoices()]
    currencies = sorted({item.invoice.open.currency for item in found})
    for currency in currencies:
        mine = [item for item in found if item.invoice.open.currency == currency]
        against = balance_obstacle(facts, currency, [item for item in mine if item.free and item.is_due])
        if against is not None:
            found = [_with(item, against) if item in mine else item for item in found]
    return tuple(found)


def _with(position: Position, obstacle: Obstacle) -> Position:
    return replace(position, obstacles=(*position.obstacles, obstacle))


def _position(invoice: Invoice, facts: Circumstances) -> Position:
    policy = facts.policy_of(invoice)
    against = obstacles(invoice, facts)
    if invoice.due_on is None or any(item.kind == "no_due_date" for item in against):
        return Position(
            invoice=invoice, policy=policy, due_on=invoice.issued_on, days=-1, progress=Progress(), step=None, obstacles=against
        )
    ladder = ladder_of(invoice, policy)
    progress = progress_of(ladder, facts.history, facts.place)
    return Position(
        invoice=invoice,
        policy=policy,
        due_on=ladder.due_on,
        days=(facts.today - ladder.due_on).days,
        progress=progress,
        step=ladder.next_step(progress, facts.today),
        obstacles=against,
    )


def credit_of(facts: Circumstances, currency: str) -> Money:
    """Money of the client not yet applied to any invoice: open invoices less the net balance, never below zero."""
    balance = facts.books.balance(currency)
    credit = balance.open_invoices - balance.net
    return credit if credit.minor > 0 else Money.zero(currency)


def balance_obstacle(facts: Circumstances, currency: str, due: Sequence[Position]) -> Obstacle | None:
    """What the account's balance in one currency says against chasing: nothing owed, or too little (E3)."""
    net = facts.books.balance(currency).net
    if net.minor <= 0:
        return Obstacle("net", f"on balance the client owes nothing in {currency} (net {net})")
    if not due:
        return None
    listed = total((item.invoice.open for item in due), currency)
    asked = min(listed - credit_of(facts, currency), net)
    if asked.minor <= 0:
        return Obstacle("covered", f"unapplied payments and credits cover what is due in {currency} ({listed})")
    least = facts.policy.base.smallest("minimum", currency)
    if asked < least:
        return Obstacle("minimum", f"{asked} due is less than the smallest amount to chase ({least})")
    return None


def earliest(positions: Sequence[Position], today: date) -> date | None:
    """The next day on which something about these invoices changes by itself; None when nothing is known to."""
    days = [item.step.on for item in positions if item.free and item.step is not None]
    days += [
        held.until + timedelta(days=1) for item in positions for held in item.obstacles if held.until and is_real_day(held.until)
    ]
    ahead = [day for day in days if day > today]
    return min(ahead, default=None)
