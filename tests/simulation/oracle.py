"""The judge: knows the truth, and was written from the product notes, not from the engine. Says what was wrong with a message.

It works on plain facts of its own and calls nothing of core.dunning: days are counted with weekdays alone (holidays only make
duesync quieter), money with plain sums.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.actions import SendReminder
from core.books import AccountBooks
from core.outbox import ContactKind
from core.records import DocumentStatus, Invoice, PaymentStatus, Posting
from tests.simulation.detours import Detour
from tests.simulation.world import Client

BEFORE_DUE = {"created", "before_due"}
GENTLE_STEPS = {"created", "reminder_3", "reminder_14", "reminder_28", "statement", "final_notice"}
ACCOUNT_STAGES = {"statement", "final_notice"}
LIVING = {PaymentStatus.RECEIVED, PaymentStatus.PENDING}
STALE = timedelta(hours=6)


def weekdays_after(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


@dataclass
class Oracle:
    """Everything said so far, as it was heard outside."""

    said: dict[str, list[tuple[datetime, SendReminder]]] = field(default_factory=lambda: defaultdict(list))
    steps: set[tuple[str, str, str]] = field(default_factory=set)
    wrongs: list[str] = field(default_factory=list)
    judged: int = 0

    def hear(
        self,
        action: SendReminder,
        client: Client,
        seen: AccountBooks,
        pulled_at: datetime,
        now: datetime,
        *,
        known: frozenset[str] = frozenset(),
    ) -> None:
        """Judge one message as it leaves: `seen` is what was pulled last, the client's own records are the vendor's now.

        `known`: refs of the money that was pulled from the bank or stands under the client's second record.
        """
        self.judged += 1
        here = now.astimezone(ZoneInfo(client.zone))
        for wrong in (
            *self._mentions(action, client, here.date()),
            *self._money(action, client, seen, here.date()),
            *_gone_around(action, client, known),
            *self._people(action, client, now, here.date()),
            *self._timing(action, client, now, here),
            *self._wording(action, client, seen),
        ):
            self.wrongs.append(f"{here:%Y-%m-%d %H:%M} {client.id} ({client.habit}) {action.stage}: {wrong}")
        if now - pulled_at > STALE:
            self.wrongs.append(f"{client.id}: sent on books of {pulled_at}")
        self.said[client.id].append((now, action))

    def _mentions(self, action: SendReminder, client: Client, today: date) -> Iterator[str]:
        late = False
        for mention in action.invoices:
            invoice = client.invoices[mention.ref]
            late = late or (invoice.due_on or date.max) <= today
            if invoice.status is not DocumentStatus.OPEN or invoice.open != mention.open:
                yield f"{invoice.number} is {invoice.status} with {invoice.open}, the message says {mention.open}"
            if invoice.disputed:
                yield f"{invoice.number} is disputed"
            step = (mention.ref, action.stage, action.cycle)
            if step in self.steps:
                yield f"{step} was said before"
            self.steps.add(step)
        if not late and action.stage not in BEFORE_DUE:
            yield "nothing in it is due"

    def _money(self, action: SendReminder, client: Client, seen: AccountBooks, today: date) -> Iterator[str]:
        owed = _owed(action, client, seen)
        cash = sum(item.unapplied.minor for item in seen.payments if item.status in LIVING)
        credit = sum(note.remaining.minor for note in seen.credit_notes if note.status is not DocumentStatus.VOID)
        if owed - cash - credit <= 0:
            yield f"the client owes nothing: {owed} - {cash} - {credit}"
        for mention in action.invoices:
            yield from _paid(client.invoices[mention.ref], seen, today)
            twin = client.twins.get(mention.ref)
            if twin is not None and twin.status is DocumentStatus.CLOSED:
                yield f"{mention.number} is paid in the PSA"

    def _people(self, action: SendReminder, client: Client, now: datetime, today: date) -> Iterator[str]:
        for hold in client.holds:
            if hold.placed_at > now or hold.lifted_at is not None or (hold.until is not None and hold.until < today):
                continue
            if hold.kind != "hardship":
                yield f"on hold: {hold.kind}"
            elif action.stage not in GENTLE_STEPS:
                yield f"a {action.stage} to a client in trouble"
        made = [item for item in client.promises if item.made_at <= now]
        if made and today <= made[-1].due_on and action.stage != "created":  # a new invoice is no reminder
            yield f"payment is promised for {made[-1].due_on}"
        for item in client.history:
            if item.at <= now and item.kind is ContactKind.REPLY:
                day = item.at.astimezone(ZoneInfo(client.zone)).date()
                if today <= weekdays_after(day, 3):
                    yield f"the client replied on {day}"
        known = {address for item in client.history if item.kind is ContactKind.BOUNCE and item.at <= now for address in item.to}
        if known & set(action.to):
            yield f"{action.to} bounced"

    def _timing(self, action: SendReminder, client: Client, now: datetime, here: datetime) -> Iterator[str]:
        if here.weekday() >= 5 or not 8 <= here.hour < 18:
            yield "outside business hours"
        if action.stage == "created":
            return
        zone = ZoneInfo(client.zone)
        days = [at.astimezone(zone).date() for at, item in self.said[client.id] if item.stage != "created"]
        if days and (here.date() - days[-1]).days < 5:
            yield f"only {here.date() - days[-1]} after the last"
        if sum(1 for day in days if (here.date() - day).days < 7) >= 2:
            yield "more than two in seven days"
        oldest = max((here.date() - (client.invoices[item.ref].due_on or here.date())).days for item in action.invoices)
        if oldest >= 30 and action.stage not in ACCOUNT_STAGES:
            yield f"a single reminder though an invoice is {oldest} days late: statements only"
        if oldest < 30 and action.stage in ACCOUNT_STAGES:
            yield f"a {action.stage} though nothing is 30 days late"
        calls = [item.outcome for item in client.history if item.kind is ContactKind.CALL and item.at <= now]
        if action.stage == "final_notice" and not any(item not in ("", "wrong_number") for item in calls):
            yield "a final notice without a call and its outcome"

    def _wording(self, action: SendReminder, client: Client, seen: AccountBooks) -> Iterator[str]:
        for mention in action.invoices:
            if f"Invoice {mention.number}" not in action.text or f"{mention.open.decimal:,.2f}" not in action.text:
                yield f"{mention.number} or its amount is not in the text"
        owed = _owed(action, client, seen)
        cash = sum(item.unapplied.minor for item in seen.payments if item.status in LIVING)
        credit = sum(note.remaining.minor for note in seen.credit_notes if note.status is not DocumentStatus.VOID)
        asked = _after(action.text, "Amount due: $")
        if asked is not None and asked > owed - cash - credit:
            yield f"asks for {asked} though the net balance is {owed - cash - credit}"


def _gone_around(action: SendReminder, client: Client, known: frozenset[str]) -> Iterator[str]:
    """Money that was pulled and tells whose it is, though it stands with nobody or under the client's second record."""
    for ref, detour in client.detours.items():
        named = any(mention.number == detour.number for mention in action.invoices)
        if ref in known and named and not _excused(client, detour):
            yield f"{detour.number}: its money was pulled as {ref}"


def _excused(client: Client, detour: Detour) -> bool:
    """Money without a number that anybody would take for something else: for what the second record owes itself, or, where
    one list of the bank holds many clients' money, for what the client's own books hold already."""
    if client.habit == "one_bank":
        return any(detour.may_be_entered(payment) for payment in client.payments.values())
    if client.second is None or detour.names_it:
        return False
    return any(item.open == detour.money.amount for item in client.second.invoices.values())


def _owed(action: SendReminder, client: Client, seen: AccountBooks) -> int:
    """What is open by the books pulled last; and what is listed and open at the vendor now, where its list lags behind that."""
    listed = {item.ref for item in seen.invoices}
    missing = [client.invoices[ref] for ref in {item.ref for item in action.invoices} - listed]
    return sum(item.open.minor for item in (*seen.invoices, *missing) if item.status is DocumentStatus.OPEN)


def _after(text: str, mark: str) -> int | None:
    _, found, rest = text.partition(mark)
    return int(rest.split()[0].replace(",", "").replace(".", "")) if found else None


def _paid(invoice: Invoice, seen: AccountBooks, today: date) -> Iterator[str]:
    """Money that was pulled and looks like this invoice's payment."""
    recent = today - timedelta(days=45)
    for payment in seen.payments:
        named = (invoice.number or "?") in (payment.memo or "")
        living = payment.status in LIVING and payment.unapplied.minor and payment.paid_on >= recent
        if living and (named or payment.unapplied == invoice.open):
            yield f"{invoice.number}: the unapplied payment {payment.ref} is its payment"
        if payment.status is PaymentStatus.PENDING and any(item.invoice_ref == invoice.ref for item in payment.allocations):
            yield f"{invoice.number}: {payment.ref} is clearing"
    for deposit in seen.deposits:
        if deposit.deposited_on >= recent and deposit.amount == invoice.open and deposit.lines[0].posting is Posting.INCOME:
            yield f"{invoice.number}: the deposit {deposit.ref} is its payment"


@dataclass
class Liveness:
    """No step is missed without a recorded reason: days on which a client could have been reminded and heard nothing."""

    quiet: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    wrongs: list[str] = field(default_factory=list)

    def look(self, client: Client, today: date, *, spoke: bool, explained: bool, clear: bool) -> None:
        """`clear`: an invoice is late and nothing speaks against a reminder; `explained`: an entry with reasons is there."""
        if not explained:
            self.wrongs.append(f"{today} {client.id}: late invoices and no recorded reason")
        self.quiet[client.id] = 0 if spoke or not clear else self.quiet[client.id] + 1
        if self.quiet[client.id] > 45:  # a month between statements, and the longest run of weekends and spacing
            self.wrongs.append(f"{today} {client.id} ({client.habit}): silent for {self.quiet[client.id]} days")
            self.quiet[client.id] = 0
