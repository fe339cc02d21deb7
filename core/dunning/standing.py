"""May one invoice be chased today? Every reason against it, in plain words, with the day it passes where that is known.

"Cannot tell" is a reason too: an invoice without a due date is not chased.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from core.books import AccountBooks
from core.dunning.arrangements import PaymentPlan, plan_state, word_on
from core.dunning.calendars import Place, is_real_day
from core.dunning.calls import own_tickets
from core.dunning.idle import Idle, could_pay, idle_money, lost_money, meant_for
from core.dunning.lookalike import lookalikes
from core.dunning.policy import AccountPolicy, Mode, Policy
from core.dunning.several import mode_of
from core.dunning.stop_fields import holding
from core.findings import Finding, FindingKind
from core.holds import FLAGS, Hold, HoldKind
from core.money import Money
from core.outbox import ContactKind, PastContact, Promise
from core.records import CreditNote, DocumentStatus, Invoice, Payment, PaymentStatus, RecordKey, Ref, Ticket, key_of
from core.unread import client_of

_UNTIL_BUSINESS_DAY = frozenset({HoldKind.PROMISE, HoldKind.PLAN})
REPLY_TASK = "task_reply"  # the stage of a ticket for a client's reply (core.dunning.pushback)
_SOFT = frozenset({"autopay", "expected", "promise", "plan", "unread"})


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason not to remind about one invoice. `kind` is a stable word, `until` the last day it counts (None: not known)."""

    kind: str
    reason: str
    until: date | None = None

    @property
    def stops_notices(self) -> bool:
        """Does it stop even the first mail of a new invoice? An agreed day of payment does not, nor another row's fault."""
        return self.kind not in _SOFT


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """Everything about one account that the question depends on. `today` is the client's."""

    books: AccountBooks
    policy: AccountPolicy
    history: Sequence[PastContact]
    holds: Sequence[Hold]
    findings: Sequence[Finding]
    promises: Sequence[Promise]
    plans: Sequence[PaymentPlan]
    place: Place
    now: datetime
    today: date

    @cached_property
    def awaited(self) -> Mapping[tuple[str, Ref], Sequence[Payment]]:
        """Payments that are not money yet, clearing or dated ahead, by (connection, ref) of the invoice they are meant for."""
        found: dict[tuple[str, Ref], list[Payment]] = {}
        for payment in self.books.payments:
            ahead = payment.status is PaymentStatus.RECEIVED and payment.paid_on > self.today
            if payment.status is PaymentStatus.PENDING or ahead:
                for item in payment.allocations:
                    found.setdefault((payment.connection, item.invoice_ref), []).append(payment)
        return found

    @cached_property
    def idle(self) -> Sequence[Idle]:
        """Money of the client that somebody has and that pays nothing."""
        return idle_money(self.books, self.findings)

    @cached_property
    def lost(self) -> Sequence[tuple[Payment, Money]]:
        """Payments applied to invoices that are not there."""
        return lost_money(self.books)

    @cached_property
    def applied(self) -> Mapping[tuple[str, Ref], int]:
        """Minor units of cash and credit applied to each invoice, by (connection, ref)."""
        living = (DocumentStatus.OPEN, DocumentStatus.CLOSED)
        sources: list[Payment | CreditNote] = [item for item in self.books.payments if item.status is PaymentStatus.RECEIVED]
        sources += [item for item in self.books.credit_notes if item.status in living]
        found: dict[tuple[str, Ref], int] = {}
        for source in sources:
            for item in source.allocations:
                place = (source.connection, item.invoice_ref)
                found[place] = found.get(place, 0) + item.amount.minor
        return found

    @cached_property
    def by_number(self) -> Mapping[str, Sequence[Invoice]]:
        """The account's invoices by number, over all its systems."""
        found: dict[str, list[Invoice]] = {}
        for invoice in self.books.invoices:
            found.setdefault(number_of(invoice), []).append(invoice)
        return found

    @cached_property
    def own_tickets(self) -> Mapping[RecordKey, PastContact]:
        """The tickets we opened ourselves, with the log's entry of each: they are no word of the client's."""
        return dict(own_tickets(self.history))

    def policy_of(self, invoice: Invoice) -> Policy:
        """The invoice's own policy where it has one."""
        return self.policy.for_invoice(invoice.connection, invoice.ref)


def label(invoice: Invoice) -> str:
    """How people call an invoice: its number, else its ref."""
    return invoice.number or invoice.ref


def obstacles(invoice: Invoice, facts: Circumstances) -> tuple[Obstacle, ...]:
    """Why `invoice` may not be chased now; empty when it may."""
    policy = facts.policy_of(invoice)
    return tuple(
        found
        for source in (_settings, _own_state, _holds, _arrangements, _payments, _signals)
        for found in source(invoice, policy, facts)
        if found.until is None or found.until >= facts.today
    )


def _settings(invoice: Invoice, policy: Policy, facts: Circumstances) -> Iterator[Obstacle]:
    """What the policy says of it."""
    if not policy.follow:
        yield Obstacle("not_followed", "the policy says not to follow it")
    if mode_of(facts.policy, [key_of(invoice)]) is Mode.OBSERVE is not facts.policy.mode:
        yield Obstacle("not_followed", "its own mode is observe: it is shown, never sent")
    least = policy.smallest("minimum", invoice.open.currency)
    if policy is not facts.policy.base and 0 < invoice.open.minor < least.minor:
        yield Obstacle("minimum", f"{invoice.open} is less than the smallest amount to chase ({least})")
    if policy.chase_from is not None and invoice.issued_on < policy.chase_from:
        why = f"it was issued on {invoice.issued_on}; invoices are chased from {policy.chase_from} on (chase_from)"
        yield Obstacle("before_start", why)
    tolerance = policy.smallest("tolerance", invoice.open.currency)
    if 0 < invoice.open.minor <= tolerance.minor:
        yield Obstacle("residue", f"only a rest of {invoice.open} is open")


def _own_state(invoice: Invoice, policy: Policy, facts: Circumstances) -> Iterator[Obstacle]:
    """What its vendor says of the invoice itself."""
    if invoice.status is not DocumentStatus.OPEN or invoice.open.minor <= 0:
        yield Obstacle("not_open", "it is not open")
    if invoice.due_on is None:
        yield Obstacle("no_due_date", "it has no due date, so nobody can tell whether it is late")
    elif not (is_real_day(invoice.due_on) and is_real_day(invoice.issued_on)):
        yield Obstacle("no_due_date", f"its dates cannot be right (issued {invoice.issued_on}, due {invoice.due_on})")
    if invoice.total.currency != invoice.open.currency:
        yield Obstacle("currency", f"its total is in {invoice.total.currency} and what is open in {invoice.open.currency}")
    for record in (invoice, *_twins(invoice, facts)):
        if record.disputed:
            yield Obstacle("dispute", f"{record.connection} marks it as disputed")
        yield from _planned_charge(record, policy, facts)
    yield from _elsewhere(invoice, facts)


def number_of(invoice: Invoice) -> str:
    """The number by which systems name the same invoice; empty where it has none."""
    return (invoice.number or "").strip().casefold()


def twins_of(invoices: Collection[RecordKey], books: AccountBooks) -> tuple[RecordKey, ...]:
    """The same invoices in the client's other systems that are still connected, by their numbers."""
    mine = {(number_of(item), item.connection) for item in books.invoices if key_of(item) in invoices and number_of(item)}
    numbers = {number for number, _ in mine}
    return tuple(
        key_of(item)
        for item in books.invoices
        if number_of(item) in numbers and (number_of(item), item.connection) not in mine and item.connection in books.roles
    )


def _twins(invoice: Invoice, facts: Circumstances) -> Iterator[Invoice]:
    """The same invoice in the client's other systems, by its number: what the PSA says of it counts too."""
    number = number_of(invoice)
    if number:
        yield from (other for other in facts.by_number.get(number, ()) if other.connection != invoice.connection)


def _elsewhere(invoice: Invoice, facts: Circumstances) -> Iterator[Obstacle]:
    """What another system of the client knows of it and the ledger does not: a payment, or that it was voided.

    Paid parts are compared, not what is open: the two systems may bill with and without tax. A voided twin beside a living one
    of the same number was written anew.
    """
    twins = list(_twins(invoice, facts))
    living = [item for item in twins if item.status in (DocumentStatus.OPEN, DocumentStatus.CLOSED)]
    yield from _same_debt(invoice, living, facts)
    paid = invoice.total.minor - invoice.open.minor
    for twin in living:
        there = max(twin.total.minor - twin.open.minor, facts.applied.get((twin.connection, twin.ref), 0))
        if twin.total.currency == twin.open.currency == invoice.open.currency and there > paid:
            known = Money(there, invoice.open.currency)
            yield Obstacle("paid_elsewhere", f"{twin.connection} shows {known} of it paid, {invoice.connection} does not")
    for twin in twins if not living else ():
        if twin.status is DocumentStatus.VOID:
            yield Obstacle("void_elsewhere", f"{twin.connection} says it is void")


def _same_debt(invoice: Invoice, twins: Iterable[Invoice], facts: Circumstances) -> Iterator[Obstacle]:
    """Two ledgers that both hold the invoice open, as after a move from one to the other: the money is asked for once."""
    ledgers = facts.books.ledger_connections
    for twin in twins:
        both_open = twin.status is invoice.status is DocumentStatus.OPEN and twin.open.minor > 0
        both_ledgers = {twin.connection, invoice.connection} <= ledgers
        if both_open and both_ledgers and twin.total == invoice.total and twin.connection < invoice.connection:
            yield Obstacle("same_debt", f"{twin.connection} has the same invoice open; it is asked for there")


def _planned_charge(invoice: Invoice, policy: Policy, facts: Circumstances) -> Iterator[Obstacle]:
    if invoice.autopay_on is not None:
        last = facts.place.add_business_days(invoice.autopay_on, policy.autopay_wait_days)
        yield Obstacle("autopay", f"it will be charged automatically on {invoice.autopay_on}", last)
    if invoice.expected_on is not None:
        last = facts.place.last_day_of_silence(invoice.expected_on)
        yield Obstacle("expected", f"payment is expected on {invoice.expected_on}", last)


def _holds(invoice: Invoice, policy: Policy, facts: Circumstances) -> Iterator[Obstacle]:
    del policy
    for hold in facts.holds:
        if hold.kind in FLAGS or hold.lifted_at is not None or hold.invoice not in (None, key_of(invoice)):
            continue
        last = hold.until
        if last is not None and hold.kind in _UNTIL_BUSINESS_DAY:
            last = facts.place.last_day_of_silence(last)
        scope = "the account" if hold.invoice is None else "it"
        because = f": {hold.reason}" if hold.reason else ""
        yield Obstacle("hold", f"{scope} is on hold ({hold.kind.replace('_', ' ')}{because})", last)


def _arrangements(invoice: Invoice, policy: Policy, facts: Circumstances) -> Iterator[Obstacle]:
    del policy
    word = word_on(invoice, facts.promises, facts.place, facts.today, facts.books)
    if word is not None and facts.today <= word.until:
        yield Obstacle("promise", f"payment is promised for {word.due_on}", word.until)
    for plan in facts.plans:
        if plan.covers(invoice) and not plan_state(plan, facts.books, facts.today).breached:
            yield Obstacle("plan", "it is part of a payment plan that is being kept")


def _payments(invoice: Invoice, policy: Policy, facts: Circumstances) -> Iterator[Obstacle]:
    """Money on its way, and money that may be this invoice's."""
    for payment in facts.awaited.get((invoice.connection, invoice.ref), ()):
        if payment.status is PaymentStatus.PENDING:
            yield Obstacle("clearing", f"a payment of {payment.amount} from {payment.paid_on} is still clearing")
        else:
            yield Obstacle("scheduled", f"a payment of {payment.amount} is scheduled for {payment.paid_on}", payment.paid_on)
    for found in lookalikes(facts.books, invoice, policy=policy, today=facts.today):
        yield Obstacle("lookalike", found)
    for found in meant_for(invoice, facts.lost, since=facts.today - timedelta(days=policy.lookalike_days)):
        yield Obstacle("lookalike", found)
    enough = could_pay(invoice, facts.idle, policy=policy, today=facts.today)
    if enough:
        yield Obstacle("lookalike", enough)


def _signals(invoice: Invoice, policy: Policy, facts: Circumstances) -> Iterator[Obstacle]:
    """Open findings about the invoice, the client's tickets, and its replies."""
    yield from finding_obstacles(invoice, policy, facts.findings)
    yield from _unread(policy, facts)
    for party in facts.books.parties:
        word = next((text for text in (party.status, *party.tags) if _holds_any(text, policy.stop_words)), None)
        if word is not None:
            yield Obstacle("vendor_status", f'{party.connection} says of the client: "{word}"')
        held = holding(party.fields, policy.stop_fields)
        if held is not None:
            yield Obstacle("vendor_field", f'a custom field of the client at {party.connection} says: "{held}"')
    for ticket in facts.books.tickets:
        ours = facts.own_tickets.get(key_of(ticket))
        reason = ticket_reason(ticket, policy, facts.today) if ours is None else _with_the_desk(ticket, ours, policy, facts.today)
        if reason:
            yield Obstacle("ticket", reason)
    reply = max((item.at for item in facts.history if item.kind is ContactKind.REPLY), default=None)
    if reply is not None:
        day = facts.place.today(reply)
        last = facts.place.add_business_days(day, policy.reply_pause_days)
        yield Obstacle("reply", f"the client replied on {day}; an answer is due first", last)


def _with_the_desk(ticket: Ticket, ours: PastContact, policy: Policy, today: date) -> str | None:
    """A reply of the client that was handed over waits until the service desk closes its ticket; other tickets of ours do not."""
    if ours.stage != REPLY_TASK or _counts_no_more(ticket, policy, today):
        return None
    return f"the client's reply is with the service desk: ticket {ticket.ref} is open"


def _unread(policy: Policy, facts: Circumstances) -> Iterator[Obstacle]:
    """A row about this client that could not be read may be its payment: nobody can tell what is owed."""
    for finding in facts.findings:
        if client_of(finding) in facts.books.account.parties and finding.kind not in policy.ignore_findings:
            where = f"{finding.connection} {finding.evidence.get('where', '')}".rstrip()
            yield Obstacle("unread", f"a row about this client cannot be read, so nobody can tell what is owed ({where})")


def finding_obstacles(invoice: Invoice, policy: Policy, findings: Iterable[Finding]) -> Iterator[Obstacle]:
    """Open findings about the invoice that are sure enough to count."""
    key = key_of(invoice)
    for finding in findings:
        if (
            key in finding.subjects
            and finding.confidence >= policy.finding_confidence
            and finding.kind not in policy.ignore_findings
        ):
            yield _as_found(finding)


def _as_found(finding: Finding) -> Obstacle:
    """Money of nobody's, or under a second record, that looks like the payment is somebody's task, like the client's own (E1)."""
    if finding.kind in (FindingKind.UNAPPLIED_PAYMENT, FindingKind.UNAPPLIED_CREDIT):
        return Obstacle("lookalike", str(finding.evidence.get("what", "money that nobody applied looks like its payment")))
    return Obstacle("finding", f"an open finding says {finding.kind.replace('_', ' ')} ({finding.confidence:.0%} sure)")


def ticket_reason(ticket: Ticket, policy: Policy, today: date) -> str | None:
    """Why an open ticket stops reminders, or None."""
    rule = policy.tickets
    if _counts_no_more(ticket, policy, today):
        return None
    name = f'the open ticket {ticket.ref} "{ticket.summary[:60]}"'
    if ticket.sla_breached and rule.sla_breached:
        return f"{name} is past its service level"
    if _holds_any(ticket.board, rule.boards):
        return f"{name} is on the board {ticket.board}"
    if _holds_any(ticket.priority, rule.priorities):
        return f"{name} has priority {ticket.priority}"
    if _holds_any(ticket.severity, rule.severities):
        return f"{name} has severity {ticket.severity}"
    return f"{name} is about billing" if _holds_any(ticket.summary, rule.words) else None


def _counts_no_more(ticket: Ticket, policy: Policy, today: date) -> bool:
    old = ticket.opened_at is not None and ticket.opened_at.date() < today - timedelta(days=policy.tickets.max_age_days)
    return not policy.tickets.enabled or ticket.closed or old


def _holds_any(text: str | None, words: Iterable[str]) -> bool:
    folded = (text or "").casefold()
    return any(word.casefold() in folded for word in words if word)
