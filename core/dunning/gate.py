"""The last question before a send: with everything known this moment, is the message still right?

Seven points of DESIGN.md section 4, each answered yes, no or "cannot tell"; anything but yes means it is not sent. The answers
are stored with the outbox row as the reason record (product notes D1). Pure: the shell gathers the facts, just read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from core.actions import Action, HandOver, InvoiceMention, OpenTicket, PostNote, SendInvoice, SendReminder, SetField
from core.books import AccountBooks
from core.dunning.arrangements import PaymentPlan
from core.dunning.calendars import Place, place_of
from core.dunning.hardship import eased
from core.dunning.limits import contact_limit
from core.dunning.policy import AccountPolicy, Mode, Policy, Stage, StageKind
from core.dunning.position import credit_of
from core.dunning.recipients import dead_addresses
from core.dunning.several import mode_of, policy_of, stage_named
from core.dunning.standing import Circumstances, obstacles, twins_of
from core.findings import Finding
from core.holds import FLAGS, Hold, HoldKind
from core.messages.letter import Organisation
from core.money import Money
from core.outbox import GateAnswer, PastContact, Promise
from core.ports import OtherSender
from core.records import DocumentStatus, Invoice, RecordKey, Stream, key_of

CLOCK_SLACK = timedelta(minutes=5)  # a pull stamped this far in the future is clock skew, further is not believed


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAge:
    """When a stream of one connection was last pulled well, and for how many seconds that is believed."""

    connection: str
    stream: Stream
    last_ok_at: datetime | None
    fresh_for: float


@dataclass(frozen=True, kw_only=True)
class GateFacts:
    """What is known at the moment of sending.

    `reread` has every invoice of the action, and the same invoice in the client's other systems, as its vendor has it now
    (None: gone); a missing key means it could not be read. `digests` are the content hashes of those versions. `books` None,
    `streams` empty or a connection missing from `other_senders` mean "cannot tell". `approved`: a person approved this row.
    `modes` are those of the connections as they are set now; one that is not in it has none of its own (mail).
    `unreviewed_money`: money that names no client was pulled, and no review has looked at it yet.
    """

    now: datetime
    policy: AccountPolicy
    organisation: Organisation
    books: AccountBooks | None
    reread: Mapping[RecordKey, Invoice | None]
    digests: Mapping[RecordKey, str]
    streams: Sequence[SourceAge]
    history: Sequence[PastContact]
    holds: Sequence[Hold] = ()
    findings: Sequence[Finding] = ()
    promises: Sequence[Promise] = ()
    plans: Sequence[PaymentPlan] = ()
    other_senders: Mapping[str, Sequence[OtherSender]] | None = None
    unreviewed_money: bool = False
    modes: Mapping[str, str] = field(default_factory=dict)
    paused: str | None = None
    approved: bool = False


def verdict(answers: Iterable[GateAnswer]) -> bool:
    """May it be sent: is every answer a plain yes?"""
    return all(answer.ok is True for answer in answers)


def gate(action: Action, facts: GateFacts) -> tuple[GateAnswer, ...]:
    """Every question about `action`, answered.

    Notes, fields and tickets about no invoice, which no client sees and no payment changes, are only asked about the pause and
    the mode.
    """
    first = (_pause(facts), _mode(action, facts))
    if isinstance(action, PostNote | SetField | HandOver) or (isinstance(action, OpenTicket) and not action.invoices):
        return first
    if facts.books is None:
        return (*first, GateAnswer(question="books", ok=None, detail="the books of this account could not be read"))
    place = place_of(facts.books, facts.organisation)
    today = place.today(facts.now)
    facts = replace(facts, policy=eased(facts.policy, facts.holds, today))
    answers = [
        *first,
        _invoices(action, facts),
        _version(action, facts),
        _balance(action, facts, place, today),
        _fresh(facts),
        _holds(action, facts, today),
        _signals(action, facts, place, today),
        _reviewed(facts),
        _senders(action, facts),
    ]
    if not isinstance(action, OpenTicket):
        answers += [
            _stage(action, facts, today),
            _limits(action, facts, place, today),
            _hours(action, facts, place, today),
            _addresses(action, facts),
        ]
    return tuple(answers)


def _pause(facts: GateFacts) -> GateAnswer:
    return GateAnswer(question="paused", ok=facts.paused is None, detail=facts.paused or "nothing is paused")


def _mode(action: Action, facts: GateFacts) -> GateAnswer:
    """What was decided before somebody set observe or draft does not go by the old word (DESIGN.md section 4)."""
    if facts.modes.get(action.connection) == Mode.OBSERVE:
        return GateAnswer(question="mode", ok=False, detail=f"{action.connection} only observes now")
    if not isinstance(action, SendReminder | SendInvoice | OpenTicket) or not action.invoices:
        return GateAnswer(question="mode", ok=True, detail=f"{action.connection} may be written to")
    mode = mode_of(facts.policy, map(_key, action.invoices))
    asks = mode is Mode.DRAFT or facts.modes.get(action.connection) == Mode.DRAFT
    if mode is Mode.OBSERVE:
        return GateAnswer(question="mode", ok=False, detail="the policy only observes now")
    if asks and not facts.approved:
        return GateAnswer(question="mode", ok=False, detail="the mode is draft now, and nobody has approved it")
    return GateAnswer(question="mode", ok=True, detail=str(mode))


def _key(mention: InvoiceMention) -> RecordKey:
    return RecordKey(mention.connection, Stream.INVOICES, mention.ref)


def _name(mention: InvoiceMention) -> str:
    return mention.number or mention.ref


def _stage_kind(action: SendReminder | SendInvoice | OpenTicket, policy: AccountPolicy) -> StageKind:
    stage: Stage | None = stage_named(policy, action.stage, map(_key, action.invoices))
    return stage.kind if stage is not None else StageKind.REMINDER


def _policy(action: SendReminder | SendInvoice, facts: GateFacts) -> Policy:
    return policy_of(facts.policy, map(_key, action.invoices))


def _worst(question: str, problems: list[tuple[bool | None, str]], fine: str) -> GateAnswer:
    """One answer from several: a no outweighs a cannot-tell, which outweighs a yes."""
    if not problems:
        return GateAnswer(question=question, ok=True, detail=fine)
    no = [text for ok, text in problems if ok is False]
    return GateAnswer(question=question, ok=False if no else None, detail="; ".join(no or [text for _, text in problems]))


def _invoices(action: SendReminder | SendInvoice | OpenTicket, facts: GateFacts) -> GateAnswer:
    """Point 1: read again from the vendor now, still open with the same amount and due date, not void, not disputed there."""
    problems: list[tuple[bool | None, str]] = []
    for mention in action.invoices:
        if _key(mention) not in facts.reread:
            problems.append((None, f"invoice {_name(mention)} could not be read again"))
            continue
        problem = _changed(mention, facts.reread[_key(mention)])
        if problem:
            problems.append((False, f"invoice {_name(mention)} {problem}"))
    problems += [
        (None, f"{twin.connection} could not be asked what it knows of invoice {twin.ref}")
        for twin in twins_of([_key(mention) for mention in action.invoices], _books(facts))
        if twin not in facts.reread
    ]
    if not action.invoices:
        problems.append((None, "it names no invoice"))
    return _worst("invoices", problems, f"{len(action.invoices)} invoice(s) read again, open and unchanged")


def _changed(mention: InvoiceMention, now: Invoice | None) -> str:
    if now is None:
        return "is gone at the vendor"
    if now.status is not DocumentStatus.OPEN:
        return f"is {now.status} at the vendor"
    if now.open != mention.open:
        return f"is open with {now.open} now, not {mention.open}"
    if now.due_on != mention.due_on:
        return f"is due on {now.due_on} now, not {mention.due_on}"
    return "is disputed at the vendor" if now.disputed else ""


def _version(action: SendReminder | SendInvoice | OpenTicket, facts: GateFacts) -> GateAnswer:
    """Point 7: the version decided on; any other is decided on again."""
    problems: list[tuple[bool | None, str]] = []
    for mention in action.invoices:
        digest = facts.digests.get(_key(mention))
        if digest is None:
            problems.append((None, f"the version of invoice {_name(mention)} is not known"))
        elif digest != mention.digest:
            problems.append((False, f"invoice {_name(mention)} changed since this was decided"))
    return _worst("version", problems, "the versions decided on")


def _books(facts: GateFacts) -> AccountBooks:
    if facts.books is None:
        raise ValueError("the books are not known")
    return facts.books


def _books_now(facts: GateFacts) -> AccountBooks:
    """The books with every invoice that was just read again as it is now; those gone are left out."""
    books, now = _books(facts), facts.reread
    current = (now.get(key_of(item), item) for item in books.invoices)
    return replace(books, invoices=tuple(item for item in current if item is not None))


def _circumstances(facts: GateFacts, place: Place, today: date) -> Circumstances:
    return Circumstances(
        books=_books_now(facts),
        policy=facts.policy,
        history=facts.history,
        holds=facts.holds,
        findings=facts.findings,
        promises=facts.promises,
        plans=facts.plans,
        place=place,
        now=facts.now,
        today=today,
    )


def _balance(action: SendReminder | SendInvoice | OpenTicket, facts: GateFacts, place: Place, today: date) -> GateAnswer:
    """Point 2: the account owes on balance, at least the least to chase, and the credit does not cover what is listed."""
    problems: list[tuple[bool | None, str]] = []
    notice = _stage_kind(action, facts.policy) is StageKind.NOTICE
    words = []
    for currency in sorted({mention.open.currency for mention in action.invoices}):
        net = _books(facts).balance(currency).net
        words.append(str(net))
        listed = sum(item.open.minor for item in action.invoices if item.open.currency == currency)
        credit = credit_of(_circumstances(facts, place, today), currency)
        asked = Money(listed, currency) - credit
        least = facts.policy.base.smallest("minimum", currency)
        said = _credit_said(action, currency)
        if said is not None and said != credit:
            problems.append((False, f"the message takes {said} of credit off, {credit} is not applied now"))
        if net.minor <= 0 or asked.minor <= 0:
            problems.append((False, f"on balance the client owes {net}; payments and credits cover what is listed"))
        elif not notice and min(net, asked) < least:
            problems.append((False, f"{min(net, asked)} is less than the smallest amount to chase ({least})"))
    return _worst("balance", problems, f"net balance {', '.join(words)}")


def _credit_said(action: SendReminder | SendInvoice | OpenTicket, currency: str) -> Money | None:
    """The credit a mail of ours takes off; None for what shows none. It must be the credit of this moment (E4, A99)."""
    if not isinstance(action, SendReminder):
        return None
    return next((item for item in action.credits if item.currency == currency), Money.zero(currency))


def _fresh(facts: GateFacts) -> GateAnswer:
    """Point 3: every source of this account pulled well within its limit."""
    if not facts.streams:
        return GateAnswer(question="fresh", ok=None, detail="it is not known when the sources were last pulled")
    problems: list[tuple[bool | None, str]] = []
    for source in facts.streams:
        name = f"{source.connection}/{source.stream}"
        if source.last_ok_at is None:
            problems.append((None, f"{name} was never pulled well"))
        elif source.last_ok_at > facts.now + CLOCK_SLACK:
            problems.append(
                (None, f"{name} was last pulled in the future ({source.last_ok_at:%Y-%m-%d %H:%M} UTC); check the clock")
            )
        elif facts.now - source.last_ok_at > timedelta(seconds=source.fresh_for):
            problems.append((False, f"{name} was last pulled at {source.last_ok_at:%Y-%m-%d %H:%M} UTC, too long ago"))
    return _worst("fresh", problems, f"{len(facts.streams)} source(s) fresh")


def _holds(action: SendReminder | SendInvoice | OpenTicket, facts: GateFacts, today: date) -> GateAnswer:
    """Point 4, first half: no hold in scope. A protected client is written to once a person approved the message."""
    problems: list[tuple[bool | None, str]] = []
    for hold in facts.holds:
        if not any(hold.covers(_key(mention), today) for mention in action.invoices) and not (
            action.invoices == () and hold.hard
        ):
            continue
        if hold.kind in FLAGS and (facts.approved or hold.kind is not HoldKind.PROTECTED):
            continue
        problems.append((False, f"on hold: {hold.kind.replace('_', ' ')}{f' ({hold.reason})' if hold.reason else ''}"))
    return _worst("holds", problems, "no hold")


def _signals(action: SendReminder | SendInvoice | OpenTicket, facts: GateFacts, place: Place, today: date) -> GateAnswer:
    """Point 4, second half, and everything else that `decide` would ask: findings, promises, plans, tickets, replies, money that
    looks like the payment."""
    problems: list[tuple[bool | None, str]] = []
    circumstances = _circumstances(facts, place, today)
    notice = _stage_kind(action, facts.policy) is StageKind.NOTICE
    for mention in action.invoices:
        invoice = facts.reread.get(_key(mention))
        if invoice is None:
            continue  # point 1 has said so
        problems += [
            (False, f"invoice {_name(mention)}: {obstacle.reason}")
            for obstacle in obstacles(invoice, circumstances)
            if obstacle.kind != "hold" and (obstacle.stops_notices or not notice)
        ]
    return _worst("signals", problems, "no open finding, promise, plan, ticket or reply; no money that looks like the payment")


def _reviewed(facts: GateFacts) -> GateAnswer:
    """Money that names no client (a bank row) may be this one's payment: a review looks at it before anybody is reminded (E1)."""
    if facts.unreviewed_money:
        return GateAnswer(
            question="reviewed", ok=None, detail="money of nobody known came in; the next review says whose it may be"
        )
    return GateAnswer(question="reviewed", ok=True, detail="everything that came in was looked at")


def _senders(action: SendReminder | SendInvoice | OpenTicket, facts: GateFacts) -> GateAnswer:
    """Point 5: nobody else reminds of these invoices, unless the policy allows it. Only certain evidence is a no."""
    if isinstance(action, OpenTicket) or _policy(action, facts).allow_other_senders:
        return GateAnswer(question="other senders", ok=True, detail="not asked" if isinstance(action, OpenTicket) else "allowed")
    if facts.other_senders is None:
        return GateAnswer(question="other senders", ok=None, detail="it is not known whether the vendors send reminders too")
    problems: list[tuple[bool | None, str]] = []
    hints: list[str] = []
    for connection in sorted({mention.connection for mention in action.invoices} | set(facts.other_senders)):
        found = facts.other_senders.get(connection)
        if found is None:
            problems.append((None, f"it is not known whether {connection} sends reminders too"))
            continue
        problems += [(False, f"{connection} reminds clients too: {item.what}") for item in found if item.certain]
        hints += [f"{connection}: {item.what}" for item in found if not item.certain]
    return _worst(
        "other senders", problems, f"nobody else certainly reminds ({'; '.join(hints)})" if hints else "nobody else reminds"
    )


def _stage(action: SendReminder | SendInvoice, facts: GateFacts, today: date) -> GateAnswer:
    """Is it still the right kind of message? A reminder that waited until statements began would be one too many (A17)."""
    if stage_named(facts.policy, action.stage, map(_key, action.invoices)) is None:
        return GateAnswer(question="stage", ok=False, detail=f"the policy has no stage {action.stage} any more")
    statement = next((stage for stage in facts.policy.base.stages if stage.kind is StageKind.STATEMENT), None)
    reminds = _stage_kind(action, facts.policy) is StageKind.REMINDER
    grace = facts.policy.base.grace_days
    oldest = max(((today - item.due_on).days - grace for item in action.invoices if item.due_on is not None), default=0)
    if statement is not None and reminds and oldest >= statement.days:
        return GateAnswer(
            question="stage", ok=False, detail="an invoice in it reached the statements; single reminders have ended"
        )
    return GateAnswer(question="stage", ok=True, detail=f"{action.stage} is still right")


def _limits(action: SendReminder | SendInvoice, facts: GateFacts, place: Place, today: date) -> GateAnswer:
    """Point 6, how often."""
    if _stage_kind(action, facts.policy) is StageKind.NOTICE:
        return GateAnswer(question="spacing", ok=True, detail="the first mail of a new invoice")
    limit = contact_limit(facts.history, policy=_policy(action, facts), place=place, today=today)
    return GateAnswer(question="spacing", ok=limit is None, detail=limit.reason if limit else "far enough from the last reminder")


def _hours(action: SendReminder | SendInvoice, facts: GateFacts, place: Place, today: date) -> GateAnswer:
    """Point 6, when: a business day of the client, within its hours."""
    policy = _policy(action, facts)
    if policy.business_days and not place.is_business_day(today):
        return GateAnswer(question="hours", ok=False, detail=f"{today} is no business day for this client")
    opens, closes = place.at(today, policy.first_hour), place.at(today, policy.last_hour)
    inside = opens <= facts.now < closes
    text = f"{policy.first_hour}-{policy.last_hour} h, {place.zone}"
    return GateAnswer(question="hours", ok=inside, detail=f"{'within' if inside else 'outside'} {text}")


def _addresses(action: SendReminder | SendInvoice, facts: GateFacts) -> GateAnswer:
    """No address that bounced meanwhile (E23)."""
    given = action.to if isinstance(action, SendReminder) else (action.to,) if action.to else ()
    dead = sorted({address for address in given if address.casefold() in dead_addresses(facts.history)})
    if isinstance(action, SendReminder) and not given:
        return GateAnswer(question="address", ok=False, detail="it has no recipient")
    return GateAnswer(question="address", ok=not dead, detail=f"{', '.join(dead)} bounced" if dead else "no bounce known")
