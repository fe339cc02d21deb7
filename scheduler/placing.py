"""Placing a case with an agency: every condition asked first, then one commit of the action, the case and the hold that rests us.

Never automatic: only a person's command comes here, and the outbox's gate asks again before anything leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.actions import CONTACTS, HandOver, HandOverKind, InvoiceMention, SentFile
from core.books import AccountBooks
from core.collections.agencies import AgencySettings, fee_of
from core.collections.case import (
    AgencyTold,
    Case,
    CaseState,
    FinalNotice,
    NoticeGiven,
    Placement,
    PlacementQueued,
    Recalled,
)
from core.collections.case_words import counted
from core.collections.checklist import Checklist, checklist
from core.collections.pack import Pack
from core.collections.placement_gate import STOPS
from core.dunning.calendars import place_of
from core.dunning.compose import ANSWER_DAYS
from core.dunning.policy import StageKind
from core.dunning.recipients import dead_addresses
from core.dunning.resolve import resolve_policy
from core.errors import UsageError
from core.holds import Hold, HoldKind
from core.messages.letter import LetterKind
from core.money import Money, total
from core.outbox import LIVE_STATES, ContactKind, PastContact, Queued
from core.records import Invoice, key_of
from scheduler.app import MAIL, App
from scheduler.casefacts import gather
from scheduler.evidencing import books_of, fetch_copies, next_reference, open_invoices, pack_of, today_of
from scheduler.jobs import rules


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What placing a case now would do, and everything that stands against it (empty: nothing)."""

    case: Case
    agency_id: str
    agency: AgencySettings
    reference: str
    amount: Money
    invoices: tuple[Invoice, ...]
    fee: Money | None
    against: tuple[str, ...]
    warnings: tuple[str, ...]
    stopped: int  # messages to the client that are waiting and will not go


# ── the final notice ────────────────────────────────────────────────────────────────────────────────────────────────────
def final_notice_of(app: App, case: Case, *, now: datetime) -> FinalNotice | None:
    """The final notice that really left for every invoice of the case, from the contact log; None while one had none.

    A notice all of whose addresses bounced has not reached anybody and does not count.
    """
    books = books_of(app, case, now)
    policy = resolve_policy(rules(app).dunning, books.account)
    stages = {stage.name for stage in policy.base.stages if stage.kind is StageKind.FINAL}
    history = app.store.contacts([case.account]).get(case.account, ())
    dead = dead_addresses(history)
    sent = [item for item in history if _is_notice(item, stages, dead)]
    first = []
    for invoice in open_invoices(books, case):
        due_on = invoice.due_on or invoice.issued_on
        about = [item for item in sent if key_of(invoice) in item.invoices and item.at.date() >= due_on]
        if not about:
            return None
        first.append(min(about, key=lambda item: item.at))
    if not first:
        return None
    last = max(first, key=lambda item: item.at)
    place = place_of(books, rules(app).organisation)
    day = place.today(last.at)
    promised = place.add_business_days(day, ANSWER_DAYS[LetterKind.FINAL])  # the answer day the notice itself names
    wait = timedelta(days=app.settings.collections.notice_days)
    return FinalNotice(sent_at=last.at, outbox_id=last.outbox_id, placeable_on=max(day + wait, promised + timedelta(days=1)))


def _is_notice(item: PastContact, stages: set[str], dead: frozenset[str]) -> bool:
    reached = not item.to or any(address.casefold() not in dead for address in item.to)
    return item.kind is ContactKind.MESSAGE and item.stage in stages and not item.waived and reached


def take_notice(app: App, case: Case, *, by: str, now: datetime) -> Case:
    """Enter the final notice into the case, if it left and is not in it yet."""
    found = final_notice_of(app, case, now=now)
    if found is None or case.notice == found or case.state not in (CaseState.PREPARING, CaseState.APPROVED, CaseState.NOTICED):
        return case
    return app.store.append_case_event(case.id, NoticeGiven(notice=found), by=by, now=now)


# ── placing ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def plan_placement(app: App, case: Case, agency_id: str, *, now: datetime) -> Plan:
    """Ask every condition. UsageError when there is no such agency."""
    agency = agency_of(app, agency_id)
    books = books_of(app, case, now)
    invoices = open_invoices(books, case)
    amount = total((item.open for item in invoices), case.currency)
    today = today_of(app, now)
    days = max(((today - (item.due_on or item.issued_on)).days for item in invoices), default=0)
    share = agency.share(amount, days)
    waiting = app.store.outbox(states=LIVE_STATES, account=case.account)
    return Plan(
        case=case,
        agency_id=agency_id,
        agency=agency,
        reference=next_reference(app, case),
        amount=amount,
        invoices=invoices,
        fee=None if share is None else fee_of(amount, share),
        against=tuple(_against(app, case, agency_id, agency, books, invoices, amount, now)),
        warnings=(*_warnings(agency, books, share is None), *_one_login(case)),
        stopped=sum(isinstance(row.action, CONTACTS) for row in waiting),
    )


def agency_of(app: App, agency_id: str) -> AgencySettings:
    """The agency of that name in the configuration; UsageError when there is none."""
    agency = app.settings.agencies.get(agency_id)
    if agency is None:
        known = ", ".join(sorted(app.settings.agencies)) or "none"
        raise UsageError(f"there is no agency called {agency_id}; configured: {known}", remedy="Add it under [agencies.NAME].")
    return agency


def _against(
    app: App,
    case: Case,
    agency_id: str,
    agency: AgencySettings,
    books: AccountBooks,
    invoices: tuple[Invoice, ...],
    amount: Money,
    now: datetime,
) -> Iterator[str]:
    yield from _unready(checklist(gather(app, case.account, case)))
    yield from _notice_problems(case, today_of(app, now))
    if len(invoices) != len(case.invoices):
        yield f"only {len(invoices)} of {len(case.invoices)} invoices are open: close this case and open one for what is left"
    if books.balance(case.currency).net < amount:
        yield f"the client owes {books.balance(case.currency).net} on balance, less than the {amount} claimed: apply what came in"
    for hold in app.store.holds(account=case.account):
        if hold.kind in STOPS and any(hold.covers(key, today_of(app, now)) for key in case.invoices):
            yield f"on hold: {hold.kind.replace('_', ' ')} ({hold.id})"
    if mode_of(app, agency) == "observe":
        yield f"connection {agency.connection} only observes: set its mode to draft or active"
    if _licensed(agency, books) is False:
        yield f"{agency.name} is not licensed where the client is"
    blocked = [item.id for item in app.store.cases() if item.blocked and item.placement and item.placement.agency == agency_id]
    if blocked:
        yield f"{agency.name} acknowledged case {', '.join(blocked)} wrongly: settle that first"


def _unready(found: Checklist) -> Iterator[str]:
    if not found.complete:
        names = ", ".join(item.id for item in found.open_items)
        yield f"{counted(len(found.open_items), 'item')} of the checklist are open: {names}"
    if len(found.approvals) < 2:
        stale = f"; {len(found.stale)} were for an earlier checklist" if found.stale else ""
        yield f"{len(found.approvals)} of 2 approvals count{stale}"


def _notice_problems(case: Case, today: date) -> Iterator[str]:
    if case.notice is None:
        yield "the final notice has not left for every invoice"
    elif today < case.notice.placeable_on:
        yield f"the final notice runs until {case.notice.placeable_on}"
    if case.stayed:
        yield f"the case stands still: {case.stayed}"
    if case.state is not CaseState.NOTICED and case.notice is not None:
        yield f"the case is {case.state.replace('_', ' ')}"


def _licensed(agency: AgencySettings, books: AccountBooks) -> bool | None:
    party = next((item for item in books.parties if item.region or item.country), None)
    return agency.may_collect_in(party.region, party.country) if party is not None else None


def _warnings(agency: AgencySettings, books: AccountBooks, no_rate: bool) -> Iterator[str]:
    if no_rate:
        yield f"{agency.name} has no rate that fits this claim; its fee is not known"
    if agency.licensed_in and _licensed(agency, books) is None:
        yield f"it is not known where the client is, nor whether {agency.name} may collect there"


def _one_login(case: Case) -> Iterator[str]:
    """Two names typed at one login may be one person: it is said, and stands in the pack and the journal as it was typed."""
    logins = [item.by.rpartition(" (login ")[2].removesuffix(")") for item in case.approvals]
    if len(logins) > 1 and len(set(logins)) == 1:
        yield f"both approvals came from the login {logins[0]}: make sure that two people gave them"


def mode_of(app: App, agency: AgencySettings) -> str:
    """May something be written to the agency: observe, draft or active? Mail follows the policy of messages."""
    if agency.connection == MAIL:
        return str(app.settings.dunning.mode)
    return app.settings.connections[agency.connection].mode


def place(app: App, plan: Plan, *, by: str, now: datetime) -> tuple[Case, Pack]:
    """Place the case: action, event and hold are one commit, the pack kept with them. UsageError says what is against it."""
    if plan.against:
        lines = "\n".join(f"  - {item}" for item in plan.against)
        raise UsageError(f"case {plan.case.id} is not placed:\n{lines}", remedy="See: duesync collections checklist")
    case = fetch_copies(app, plan.case, now=now)
    pack = pack_of(app, case, reference=plan.reference, agency=plan.agency, now=now)
    files = [(f"{plan.reference}.zip", pack.zip_bytes), ("placement.json", pack.file("placement.json"))]
    with app.store.unit():
        sent = tuple(SentFile(name=name, sha256=app.store.put_document(body, now=now), size=len(body)) for name, body in files)
        action = _placement_action(app, plan, sent)
        outcome = app.store.enqueue([_queued(app, plan.agency, action, now)], now=now, run_id=None)
        if not outcome.added:
            raise UsageError(f"case {case.id} is in the outbox already", remedy="See: duesync outbox list")
        placement = Placement(
            agency=plan.agency_id,
            reference=plan.reference,
            placed_on=today_of(app, now),
            count=len(plan.invoices),
            amount=plan.amount,
            pack_sha256=pack.sha256,
            outbox_id=outcome.added[0].id,
        )
        case = app.store.append_case_event(case.id, PlacementQueued(placement=placement), by=by, now=now)
        app.store.place_hold(agency_hold(case, by=by, now=now))
    return case, pack


def agency_hold(case: Case, *, by: str, now: datetime) -> Hold:
    """The hold that rests our own dunning while the agency has the case (A84), on the whole client: nobody else writes then."""
    reference = case.placement.reference if case.placement else case.id
    return Hold(
        id=f"agency-{reference}",
        kind=HoldKind.AGENCY,
        account=case.account,
        reason=f"case {case.id} is with {case.placement.agency if case.placement else 'an agency'}",
        placed_at=now,
        placed_by=by,
    )


def _placement_action(app: App, plan: Plan, files: tuple[SentFile, ...]) -> HandOver:
    digests = app.store.digests([key_of(item) for item in plan.invoices])
    ours = app.settings.organisation.name
    return HandOver(
        connection=plan.agency.connection,
        account=plan.case.account,
        case=plan.case.id,
        agency=plan.agency_id,
        what=HandOverKind.PLACEMENT,
        cause=f"placement {plan.reference}",
        reference=plan.reference,
        subject=f"Placement {plan.reference} from {ours}: {plan.amount}",
        text=f"{ours} places {counted(len(plan.invoices), 'invoice')}, {plan.amount}, with you. The evidence is attached; "
        f"please acknowledge reference {plan.reference} with count and amount.",
        amount=plan.amount,
        count=len(plan.invoices),
        to=plan.agency.to,
        files=files,
        invoices=tuple(
            InvoiceMention(
                connection=item.connection,
                ref=item.ref,
                digest=digests[key_of(item)],
                number=item.number,
                open=item.open,
                due_on=item.due_on,
            )
            for item in plan.invoices
        ),
    )


def _queued(app: App, agency: AgencySettings, action: HandOver, now: datetime) -> Queued:
    draft = mode_of(app, agency) == "draft"
    return Queued(action=action, reasons=(f"{action.what} of case {action.case}",), not_before=now, draft=draft)


# ── a word to the agency ────────────────────────────────────────────────────────────────────────────────────────────────
def say_to_agency(
    app: App,
    case: Case,
    *,
    what: HandOverKind,
    cause: str,
    subject: str,
    text: str,
    amount: Money,
    by: str,
    now: datetime,
    files: tuple[SentFile, ...] = (),
) -> Case:
    """Queue something for the agency that has the case, and enter that it was told, in one commit. Said twice it goes once.

    UsageError when no agency has it, or its connection only observes.
    """
    if case.placement is None:
        raise UsageError(f"case {case.id} is with no agency")
    agency = agency_of(app, case.placement.agency)
    if mode_of(app, agency) == "observe":
        raise UsageError(f"connection {agency.connection} only observes: nothing goes to {agency.name}", remedy="Set its mode.")
    action = HandOver(
        connection=agency.connection,
        account=case.account,
        case=case.id,
        agency=case.placement.agency,
        what=what,
        cause=cause,
        reference=case.placement.reference,
        subject=f"{subject} ({case.placement.reference})",
        text=text,
        amount=amount,
        to=agency.to,
        files=files,
    )
    with app.store.unit():
        outcome = app.store.enqueue([_queued(app, agency, action, now)], now=now, run_id=None)
        name = outcome.added[0].id if outcome.added else outcome.blocked[0].by
        return app.store.append_case_event(case.id, AgencyTold(about=cause, outbox_id=name), by=by, now=now)


def recall(app: App, case: Case, *, reason: str, by: str, now: datetime) -> Case:
    """Take a case back from its agency: entered at once, told by the job that follows cases."""
    return app.store.append_case_event(case.id, Recalled(reason=reason), by=by, now=now)
