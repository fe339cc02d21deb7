"""Turns what was chosen into entries: the letter with its facts, the recipient, when it may leave, and the reasons in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from core.actions import SendInvoice, SendReminder
from core.dunning.cadence import OURS, cycle_of
from core.dunning.calendars import next_allowed_day, open_window
from core.dunning.decision import NEEDS_APPROVAL, Channels, Entry, reference_of
from core.dunning.limits import contact_limit
from core.dunning.policy import Mode, Policy, Stage, StageKind, Tone, Way
from core.dunning.position import Position, credit_of
from core.dunning.recipients import Recipient, choose
from core.dunning.several import mode_of, policy_of
from core.dunning.standing import Circumstances, label
from core.dunning.ways import route_of
from core.holds import HoldKind
from core.messages.client_locale import client_locale
from core.messages.letter import Letter, LetterGroup, LetterKind, LetterLine, Organisation
from core.outbox import OutboxRow
from core.records import Party, Ref, key_of

ANSWER_DAYS = {LetterKind.FIRM: 5, LetterKind.FINAL: 10}  # business days to answer in; ten is the notice of an MSA (notes F.3)
_TONES = (Tone.FRIENDLY, Tone.CLEAR, Tone.FIRM)
_BY_TONE = {Tone.FRIENDLY: LetterKind.FRIENDLY, Tone.CLEAR: LetterKind.CLEAR, Tone.FIRM: LetterKind.FIRM}
_ACCOUNT_LETTERS = {
    StageKind.STATEMENT: LetterKind.STATEMENT,
    StageKind.CALL: LetterKind.CALL,
    StageKind.FINAL: LetterKind.FINAL,
    StageKind.NOTICE: LetterKind.CREATED,
}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What every entry of one account is written with."""

    facts: Circumstances
    organisation: Organisation
    channels: Channels
    waiting: Sequence[OutboxRow] = ()
    others: Sequence[str] = ()  # what certainly reminds this client too

    @property
    def policy(self) -> Policy:
        return self.facts.policy.base

    def policy_of(self, invoices: Sequence[Position]) -> Policy:
        """How often and when a message about these invoices may go."""
        return policy_of(self.facts.policy, [key_of(item.invoice) for item in invoices])

    @property
    def today(self) -> date:
        return self.facts.today

    def party_refs(self, invoices: Sequence[Position]) -> tuple[Ref, ...]:
        """The client's records: those the invoices belong to first."""
        own = [item.invoice.party_ref for item in invoices]
        rest = [party.ref for party in self.facts.books.account.parties]
        return tuple(dict.fromkeys([*own, *rest])) if not own else tuple(dict.fromkeys(own))

    @property
    def must_approve(self) -> bool:
        """Is the client protected: does a person look at each message first (A89)?"""
        return any(hold.kind is HoldKind.PROTECTED and hold.stands(self.today) for hold in self.facts.holds)


def line_of(position: Position) -> LetterLine:
    """An invoice as a line of a letter; days past due are the plain ones, without grace."""
    invoice = position.invoice
    due_on = invoice.due_on or invoice.issued_on
    return LetterLine(
        label=label(invoice),
        issued_on=invoice.issued_on,
        due_on=due_on,
        total=invoice.total,
        open=invoice.open,
        days_past_due=position.days + (position.due_on - due_on).days,
        reference=invoice.reference,
        link=invoice.pay_link,
    )


def groups_of(facts: Circumstances, due: Sequence[Position], upcoming: Sequence[Position]) -> tuple[LetterGroup, ...]:
    """The invoices of a letter by currency, with the credit that is taken off."""
    currencies = sorted({item.invoice.open.currency for item in (*due, *upcoming)})
    return tuple(
        LetterGroup(
            currency=currency,
            due=tuple(line_of(item) for item in due if item.invoice.open.currency == currency),
            upcoming=tuple(line_of(item) for item in upcoming if item.invoice.open.currency == currency),
            credit=credit_of(facts, currency),
        )
        for currency in currencies
    )


def tone_of(stage: Stage, lead: Position) -> Tone:
    """The stage's tone, softened for a client who has hardly heard from us: the first message asks, it never demands (A91)."""
    return _TONES[min(_TONES.index(stage.tone), lead.progress.said)]


def letter_kind(stage: Stage, tone: Tone, due: Sequence[Position]) -> LetterKind:
    """Which text fits the stage and the facts: "due today" only where that is true."""
    if stage.template is not None:
        return stage.template
    if stage.kind is not StageKind.REMINDER:
        return _ACCOUNT_LETTERS[stage.kind]
    if not due:
        return LetterKind.UPCOMING
    return LetterKind.DUE if all(line_of(item).days_past_due <= 0 for item in due) else _BY_TONE[tone]


def write(desk: Desk, *, stage: Stage, lead: Position, due: Sequence[Position], upcoming: Sequence[Position],
          recipient: Recipient) -> Letter:  # fmt: skip
    """The letter of one message, every fact in it."""
    kind = letter_kind(stage, tone_of(stage, lead), due)
    books, place = desk.facts.books, desk.facts.place
    party = next(
        (item for item in books.parties if item.ref == lead.invoice.party_ref and item.connection == lead.invoice.connection),
        None,
    )
    ours = kind is LetterKind.CALL
    answer_by = place.add_business_days(desk.today, ANSWER_DAYS[kind]) if kind in ANSWER_DAYS else None
    return Letter(
        kind=kind,
        locale=desk.organisation.locale if ours else client_locale(books, desk.organisation, party),
        organisation=desk.organisation,
        client=(party.name if party else "") or books.account.name,
        written_on=desk.today,
        groups=groups_of(desk.facts, due, upcoming),
        contact=recipient.name,
        to=recipient.to,
        cc=recipient.cc,
        reply_to=desk.organisation.email,
        phone=party.phone if party and ours else None,
        answer_by=answer_by,
        hand_over_on=_hand_over_on(desk, kind, answer_by, party),
        templates=desk.facts.policy.templates,
    )


def _hand_over_on(desk: Desk, kind: LetterKind, answer_by: date | None, party: Party | None) -> date | None:
    """The first day the account may go to an agency, where that is set up and so meant; None: it must not be said (A97).

    It is the day after the answer day: a case is never placed before it, whatever the settings say later. A client known to be in
    trouble is threatened with nothing (A60).
    """
    if kind is not LetterKind.FINAL or answer_by is None:
        return None
    trouble = any(hold.kind is HoldKind.HARDSHIP and hold.stands(desk.today) for hold in desk.facts.holds)
    there = desk.channels.referral.reaches(party.region if party else None, party.country if party else None)
    return answer_by + timedelta(days=1) if there and not trouble else None


@dataclass(frozen=True, slots=True)
class Clearance:
    """May a message leave, when at the earliest, and what stands in its way."""

    not_before: datetime
    against: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def clearance(desk: Desk, *, chases: bool, policy: Policy) -> Clearance:
    """Day, hour, spacing, and whether a message to this client is already waiting to go."""
    facts, against = desk.facts, []
    place, now = facts.place, facts.now
    waiting = _waiting(desk, chases=chases)
    if waiting is not None:
        against.append(waiting)
    if desk.others and not policy.allow_other_senders:
        others = "; ".join(desk.others)
        against.append(f"somebody else reminds of these invoices: {others} (dunning.allow_other_senders would accept that)")
    limit = contact_limit(facts.history, policy=policy, place=place, today=desk.today) if chases else None
    if limit is not None:
        against.append(limit.reason)
    start = open_window(now, place, policy)
    if start is None:
        day = next_allowed_day(desk.today, place, policy)
        against.append(f"{desk.today} is no business day for this client; the next is {day}")
        return Clearance(not_before=place.at(day, policy.first_hour), against=tuple(against))
    notes = (f"leaves at {start:%Y-%m-%d %H:%M} UTC, within the client's hours",) if start > now else ()
    return Clearance(not_before=start, against=tuple(against), notes=notes)


def wrote_today(desk: Desk) -> bool:
    """Did words of ours go to this client today? What a vendor mails itself does not count: some bill daily."""
    place, own = desk.facts.place, desk.channels.own
    return any(
        item.kind in OURS and not item.waived and item.channel in own and place.today(item.at) == desk.today
        for item in desk.facts.history
    )


def _waiting(desk: Desk, *, chases: bool) -> str | None:
    """What is on its way to this client already. A first mail of an invoice waits for other first mails only."""
    for row in desk.waiting:
        action = row.action
        if not isinstance(action, SendReminder | SendInvoice) or action.account != desk.facts.books.account.id:
            continue
        stage = desk.policy.stage(action.stage)
        if chases or (stage is not None and stage.kind is StageKind.NOTICE):
            return f"a message to this client is already in the outbox ({row.state}, {action.stage})"
    return None


def mail_entry(desk: Desk, *, stage: Stage, cycle: str, lead: Position, due: Sequence[Position], upcoming: Sequence[Position],
               due_on: date, reasons: Sequence[str]) -> Entry:  # fmt: skip
    """One message of ours with everything it says, and whether it may leave."""
    policy = desk.policy_of([lead, *due, *upcoming])
    clear = clearance(desk, chases=stage.kind is not StageKind.NOTICE, policy=policy)
    route, books = route_of(stage, desk.channels), desk.facts.books
    escalate = stage.kind is StageKind.FINAL
    found = choose(books, policy=lead.policy, history=desk.facts.history, lead=lead.invoice, escalate=escalate)
    person = route.to(found, books.account.name, desk.channels.address_of(books.account))
    against = [*clear.against, *([person.reason] if not person.to else [])]
    if wrote_today(desk) and not clear.against:
        against.append("a message of ours went to this client today; one a day is enough")
    if route.lacks:
        against.append(route.lacks)
    notes = [*reasons, *clear.notes, *([person.reason] if person.to and person.bounced else [])]
    entry = Entry(
        account=desk.facts.books.account.id,
        party_refs=desk.party_refs([lead, *due, *upcoming]),
        stage=stage.name,
        cycle=cycle,
        kind=stage.kind,
        channel=route.way,
        connection=route.connection,
        recipient=person.to[0] if person.to else None,
        due_on=due_on,
        would_send=not against,
        reasons=(*against, *notes, *_mode_reasons(desk, stage, route.connection, [*due, *upcoming], sends=not against)),
        invoices=tuple(item.invoice for item in (*due, *upcoming)),
        tone=tone_of(stage, lead),
        not_before=clear.not_before,
        draft=bool(_approval(desk, stage, route.connection, [*due, *upcoming])),
        enclose=policy.attach_most if policy.attach_invoices and route.way is Way.MAIL else 0,
        letter=write(desk, stage=stage, lead=lead, due=due, upcoming=upcoming, recipient=person) if person.to else None,
    )
    return entry if entry.letter is None else replace(entry, letter=replace(entry.letter, reference=reference_of(entry)))


def _approval(desk: Desk, stage: Stage, connection: str | None, about: Sequence[Position]) -> str:
    """Why a person has to let the message go first; empty where nobody has to."""
    if desk.must_approve and stage.kind is not StageKind.CALL:  # a ticket is for our own people
        return "protected client"
    if stage.approve:
        return f"the stage {stage.name}"
    if desk.facts.policy.mode is Mode.DRAFT:
        return "draft mode"
    if mode_of(desk.facts.policy, [key_of(item.invoice) for item in about]) is Mode.DRAFT:
        return "draft mode of an invoice in it"
    return f"draft mode of {connection}" if connection in desk.channels.drafts else ""


def _mode_reasons(desk: Desk, stage: Stage, connection: str | None, about: Sequence[Position], *, sends: bool) -> tuple[str, ...]:
    if not sends:
        return ()
    if desk.facts.policy.mode is Mode.OBSERVE:
        return ("observe mode: shown only, nothing is sent",)
    why = _approval(desk, stage, connection, about)
    return (f"{NEEDS_APPROVAL} ({why})",) if why else ()


def vendor_entry(desk: Desk, position: Position, stage: Stage, due_on: date) -> Entry:
    """The vendor mails one invoice itself, to the address it has."""
    invoice = position.invoice
    chases = stage.kind is not StageKind.NOTICE
    clear = clearance(desk, chases=chases, policy=desk.policy_of([position]))
    person = choose(desk.facts.books, policy=position.policy, history=desk.facts.history, lead=invoice, escalate=False)
    against = [*clear.against, *([person.reason] if not person.to else [])]
    return Entry(
        account=desk.facts.books.account.id,
        party_refs=desk.party_refs([position]),
        stage=stage.name,
        cycle=cycle_of(invoice),
        kind=stage.kind,
        channel=Way.VENDOR,
        connection=invoice.connection,
        recipient=person.to[0] if person.to else None,
        due_on=due_on,
        would_send=not against,
        reasons=(
            *against,
            step_reason(position, desk.today),
            *clear.notes,
            *_mode_reasons(desk, stage, invoice.connection, [position], sends=not against),
        ),
        invoices=(invoice,),
        tone=stage.tone,
        not_before=clear.not_before,
        draft=bool(_approval(desk, stage, invoice.connection, [position])),
    )


def call_entry(
    desk: Desk, *, stage: Stage, lead: Position, due: Sequence[Position], due_on: date, reasons: Sequence[str]
) -> Entry:
    """A call by a person, as a ticket in the PSA where one takes them. Tickets are internal: no hours, no spacing."""
    where = desk.channels.call
    account = desk.facts.books.account
    party = next((key.ref for key in account.parties if key.connection == where), None)
    party = Ref(account.id) if party is None and desk.channels.call_by_account else party
    against = []
    if where is None:
        against.append("no connection takes tickets: call, and record it with `duesync contacts log-call`")
    elif party is None:
        against.append(f"the client has no record at {where}: call, and record it with `duesync contacts log-call`")
    cycle = cycle_of(lead.invoice)
    return Entry(
        account=desk.facts.books.account.id,
        party_refs=desk.party_refs([lead, *due]),
        stage=stage.name,
        cycle=cycle,
        kind=stage.kind,
        channel=Way.CALL,
        connection=where,
        recipient=None,
        due_on=due_on,
        would_send=not against,
        reasons=(*against, *reasons, *_mode_reasons(desk, stage, where, due, sends=not against)),
        invoices=tuple(item.invoice for item in due),
        tone=stage.tone,
        not_before=desk.facts.now,
        draft=bool(_approval(desk, stage, where, due)),
        letter=write(desk, stage=stage, lead=lead, due=due, upcoming=(), recipient=Recipient()),
        ticket_party=party,
    )


def held_entry(desk: Desk, held: Sequence[Position], stage: Stage, due_on: date) -> Entry:
    """The message that is not written about invoices something speaks against, each with its reasons."""
    person = choose(desk.facts.books, policy=desk.policy, history=desk.facts.history, lead=held[0].invoice, escalate=False)
    reasons = [f"invoice {label(item.invoice)}: {obstacle.reason}" for item in held for obstacle in item.obstacles]
    return Entry(
        account=desk.facts.books.account.id,
        party_refs=desk.party_refs(held),
        stage=stage.name,
        cycle=cycle_of(held[0].invoice),
        kind=stage.kind,
        channel=stage.channel,
        connection=None,
        recipient=person.to[0] if person.to else None,
        due_on=due_on,
        would_send=False,
        reasons=tuple(dict.fromkeys(reasons)),
        invoices=tuple(item.invoice for item in held),
        not_before=desk.facts.now,
    )


def step_reason(position: Position, today: date, *, steps: bool = True) -> str:
    """Why this invoice is in the message: how late it is and, where `steps` are taken by invoice, which one came."""
    invoice, step = position.invoice, position.step
    days = (today - (invoice.due_on or invoice.issued_on)).days
    when = (
        f"{days} days past due"
        if days > 1
        else "1 day past due"
        if days == 1
        else "due today"
        if days == 0
        else f"due {invoice.due_on}"
    )
    text = f"invoice {label(invoice)} is {when}"
    if steps and step is not None and step.on <= today:
        text += f"; its step {step.stage.name} came on {step.on}"
        if step.passed_over:
            text += f" (passed over: {', '.join(step.passed_over)})"
    return text
