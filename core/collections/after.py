"""After placement: what became of a case since it was last looked at, what the agency must hear, and what a person must see.

Pure, and a function of what is known now: looking twice changes nothing, for whatever was taken up is part of the case. Our own
dunning rests by a hold while an agency has the case (A84); a payment made straight to us is told within 48 hours and its fee
accrued; silence is alarmed (A86, A111); a bankruptcy stops everything (A36).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from core.actions import HandOverKind
from core.books import COUNTED_PAYMENTS, AccountBooks
from core.collections.agencies import SHORTEST_ALIAS, AgencySettings, fee_of
from core.collections.case import (
    Case,
    CaseState,
    DirectPayment,
    DirectPaymentSeen,
    Fact,
    PaidInFull,
    PlacementDelivered,
    PlacementFailed,
    Stayed,
    StayLifted,
)
from core.collections.statuses import ASKS, DOCUMENTS_DUE_DAYS, MEANINGS
from core.holds import Hold, HoldKind
from core.money import Money, total
from core.outbox import OutboxRow, OutboxState
from core.records import CreditNote, DocumentStatus, Invoice, Payment, RecordKey, key_of

STAYS = frozenset({HoldKind.BANKRUPTCY, HoldKind.LEGAL})
_TELL_HOURS = 48  # product notes A82-A88: agencies want direct payments within two days; used where the agency is not configured
_STUCK = frozenset({OutboxState.PARKED, OutboxState.AMBIGUOUS, OutboxState.DRAFT})


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What is known of one case now. `rows` are its outbox rows by id, `first_seen` when each record was first pulled."""

    case: Case
    books: AccountBooks | None
    holds: Sequence[Hold]
    rows: Mapping[str, OutboxRow] = field(default_factory=dict)
    first_seen: Mapping[RecordKey, datetime] = field(default_factory=dict)
    agency: AgencySettings | None = None
    now: datetime
    today: date

    @property
    def invoices(self) -> tuple[Invoice, ...]:
        """The case's invoices as the books have them now."""
        wanted = set(self.case.invoices)
        return tuple(item for item in self.books.invoices if key_of(item) in wanted) if self.books is not None else ()

    @property
    def open_now(self) -> Money:
        """What is still open of the claim."""
        return total((item.open for item in self.invoices if item.status is DocumentStatus.OPEN), self.case.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Something the agency must hear. `cause` makes it one word however often it is decided."""

    what: HandOverKind
    cause: str
    subject: str
    text: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something a person must see to. `kind` is a stable word."""

    kind: str
    text: str


# ── what happened ───────────────────────────────────────────────────────────────────────────────────────────────────────
def happened(signals: Signals) -> Iterator[Fact]:
    """What is true now and not yet part of the case, in the order it is to be taken up."""
    yield from _stay(signals)
    yield from _delivered(signals)
    if signals.case.state in (CaseState.CLOSED, CaseState.PLACING) or signals.books is None:
        return
    if signals.case.with_agency:
        yield from (DirectPaymentSeen(payment=item) for item in (*direct_payments(signals), *_came_back(signals)))
    invoices = signals.invoices
    claimable = signals.case.state not in (CaseState.PAID, CaseState.SATISFIED)
    if claimable and len(invoices) == len(signals.case.invoices) and all(_settled(item) for item in invoices):
        voided = any(item.status is DocumentStatus.VOID for item in invoices)
        yield PaidInFull(how="nothing is open any more" if not voided else "nothing is open any more; invoices were voided")


def _settled(invoice: Invoice) -> bool:
    return invoice.status in (DocumentStatus.CLOSED, DocumentStatus.VOID) and invoice.open.minor == 0


def _stay(signals: Signals) -> Iterator[Fact]:
    standing = [hold for hold in signals.holds if hold.kind in STAYS and _stands(hold, signals)]
    if standing and not signals.case.stayed and signals.case.open:
        hold = standing[0]
        yield Stayed(reason=f"{hold.kind.value.replace('_', ' ')}, hold {hold.id}: {hold.reason}".rstrip(": "))
    elif signals.case.stayed and not standing and signals.case.open:
        yield StayLifted(reason="no bankruptcy or legal hold stands any more")


def _stands(hold: Hold, signals: Signals) -> bool:
    return any(hold.covers(key, signals.today) for key in signals.case.invoices)


def _delivered(signals: Signals) -> Iterator[Fact]:
    case = signals.case
    row = signals.rows.get(case.placement.outbox_id) if case.placement is not None else None
    if case.state is not CaseState.PLACING or row is None:
        return
    if row.state is OutboxState.SETTLED:
        receipt = row.receipt
        yield PlacementDelivered(
            receipt=receipt.ref if receipt else "", at=receipt.at or row.updated_at if receipt else row.updated_at
        )
    elif row.state is OutboxState.DROPPED:
        yield PlacementFailed(reason=row.error or "it was dropped")


def direct_payments(signals: Signals) -> list[DirectPayment]:
    """Payments of the client that came to us since the case was placed and are no remittance of the agency."""
    case, books, agency = signals.case, signals.books, signals.agency
    placed_at = case.placed_at
    if books is None or placed_at is None:
        return []
    known = {item.payment for item in case.direct_payments} | {item.payment for item in case.remittances if item.payment}
    hours = agency.tell_within_hours if agency is not None else _TELL_HOURS
    found = []
    for payment in books.payments:
        mine = key_of(payment) not in known and payment.connection in books.ledger_connections
        if not mine or payment.status not in COUNTED_PAYMENTS or not _came_since(payment, placed_at, signals):
            continue
        amount = part_for(payment, case)
        if amount.minor > 0 and not from_agency(payment, case, agency):
            found.append(
                DirectPayment(
                    payment=key_of(payment),
                    amount=amount,
                    paid_on=payment.paid_on,
                    seen_at=signals.now,
                    fee=fee_of(amount, _direct_share(signals)),
                    tell_by=signals.now + timedelta(hours=hours),
                )
            )
    return sorted(found, key=lambda item: (item.paid_on, item.payment))


def _came_back(signals: Signals) -> Iterator[DirectPayment]:
    """Direct payments that were reversed or deleted since (a cheque not honoured): worth nothing, no fee (E9)."""
    if signals.books is None:
        return
    counted = {key_of(item) for item in signals.books.payments if item.status in COUNTED_PAYMENTS}
    nothing = Money.zero(signals.case.currency)
    for item in signals.case.direct_payments:
        if item.amount and item.payment not in counted:
            yield replace(item, amount=nothing, fee=nothing)


def _came_since(item: Payment | CreditNote, placed_at: datetime, signals: Signals) -> bool:
    seen = signals.first_seen.get(key_of(item))
    return seen is not None and seen > placed_at


def part_for(payment: Payment, case: Case) -> Money:
    """What of a payment belongs to the case: applied to its invoices, or to none yet."""
    refs = {(key.connection, key.ref) for key in case.invoices}
    applied = [item.amount for item in payment.allocations if (payment.connection, item.invoice_ref) in refs]
    parts = [item for item in (*applied, payment.unapplied) if item.currency == case.currency]
    return total(parts, case.currency)


def from_agency(payment: Payment, case: Case, agency: AgencySettings | None) -> bool:
    """Does the payment name the agency, a remittance of it, or the case? Then the agency sent it."""
    text = " ".join(filter(None, (payment.payer, payment.memo, payment.reference))).casefold()
    names = [*(agency.aliases if agency else ()), agency.name if agency else "", *(item.reference for item in case.remittances)]
    names += [case.placement.reference if case.placement else ""]
    return any(name.casefold() in text for name in names if len(name) >= SHORTEST_ALIAS)


def _direct_share(signals: Signals) -> Decimal | None:
    """The agency's percentage of a payment made straight to us."""
    case, agency = signals.case, signals.agency
    if agency is None or case.placement is None:
        return None
    return agency.direct_percent if agency.direct_percent is not None else share_of(case, agency, signals)


def share_of(case: Case, agency: AgencySettings, signals: Signals) -> Decimal | None:
    """The agency's percentage of what it collects on this case, by the claim's size and age at placement."""
    if case.placement is None:
        return None
    days = [(case.placement.placed_on - (item.due_on or item.issued_on)).days for item in signals.invoices]
    legal = case.state in (CaseState.LEGAL_REVIEW, CaseState.SUIT, CaseState.JUDGMENT)
    return agency.share(case.placement.amount, max(days, default=0), legal=legal)


# ── what the agency must hear ───────────────────────────────────────────────────────────────────────────────────────────
def words_for_agency(signals: Signals) -> list[Word]:
    """What the agency was not told yet."""
    case = signals.case
    if case.placement is None or case.placed_at is None:
        return []
    told = {item.about for item in case.told}
    return [word for word in (*_payments(signals), *_credits(signals), *_ends(signals)) if word.cause not in told]


def _payments(signals: Signals) -> Iterator[Word]:
    told = {item.about for item in signals.case.told}
    for item in signals.case.direct_payments:
        if not item.amount:
            yield from _returned(item, signals) if f"payment {item.payment}" in told else ()
            continue
        yield Word(
            what=HandOverKind.PAYMENT,
            cause=f"payment {item.payment}",
            subject=f"Payment received directly: {item.amount}",
            text=f"The client paid {item.amount} to us on {item.paid_on}. By our agreement your fee on it is {item.fee}. "
            f"Still open of this case: {signals.open_now}.",
            amount=item.amount,
        )


def _returned(item: DirectPayment, signals: Signals) -> Iterator[Word]:
    text = (
        f"The payment of {item.paid_on} to us that we told you of came back; no fee is due on it. Still open: {signals.open_now}."
    )
    cause = f"payment {item.payment} came back"
    yield Word(what=HandOverKind.CORRECTION, cause=cause, subject="Payment came back", text=text, amount=signals.open_now)


def _credits(signals: Signals) -> Iterator[Word]:
    """Credit notes given since: the claim is smaller, and a demand for the old amount would be wrong (A97)."""
    case, placed_at = signals.case, signals.case.placed_at
    refs = {(key.connection, key.ref) for key in case.invoices}
    for note in signals.books.credit_notes if signals.books is not None and placed_at is not None else ():
        if placed_at is None or not _came_since(note, placed_at, signals):
            continue
        parts = [item.amount for item in note.allocations if (note.connection, item.invoice_ref) in refs]
        credited = total((item for item in parts if item.currency == case.currency), case.currency)
        if credited.minor > 0:
            yield Word(
                what=HandOverKind.CORRECTION,
                cause=f"credit {key_of(note)}",
                subject=f"Credit given: {credited}",
                text=f"We credited {credited} to the client. Still open of this case: {signals.open_now}.",
                amount=credited,
            )


def _ends(signals: Signals) -> Iterator[Word]:
    case = signals.case
    reference = case.placement.reference if case.placement is not None else case.id
    if case.stayed and case.with_agency:
        text = f"Stop all work on this case at once, and do not contact the client: {case.stayed}."
        yield Word(what=HandOverKind.STAY, cause=f"stay {case.stayed}", subject="Stop", text=text, amount=signals.open_now)
    if case.state is CaseState.RECALLED and case.recall is not None and not case.recall.by_agency:
        text = f"We take this case back: {case.recall.reason}. Please stop work and confirm the day you stopped."
        yield Word(what=HandOverKind.RECALL, cause=f"recall {reference}", subject="Recall", text=text, amount=signals.open_now)
    if case.state is CaseState.PAID:
        text = "Nothing of this case is open any more. Please stop work on it and send what is due."
        yield Word(
            what=HandOverKind.CORRECTION, cause=f"paid {reference}", subject="Paid in full", text=text, amount=signals.open_now
        )


# ── what a person must see ──────────────────────────────────────────────────────────────────────────────────────────────
def alarms(signals: Signals) -> list[Alarm]:
    """Everything about a case that waits for somebody, the most urgent first."""
    case = signals.case
    if not case.open:
        return []
    found = [*_stuck(signals), *_unheard(signals), *_untold(signals)]
    if case.blocked:
        found.append(Alarm(kind="acknowledgement", text=case.blocked))
    if case.placed_at is not None and case.with_agency:
        found += _silence(signals, case.placed_at)
        found += _asked(signals)
    found += [
        Alarm(kind="remittance", text=f"remittance {item.reference}: {item.problem}") for item in case.remittances if item.problem
    ]
    return found


def _stuck(signals: Signals) -> Iterator[Alarm]:
    for row in signals.rows.values():
        if row.state in _STUCK:
            yield Alarm(kind="hand_over", text=f"{row.state} in the outbox: {row.error or 'waits for approval'} ({row.id})")


def _untold(signals: Signals) -> Iterator[Alarm]:
    """A direct payment the agency has not heard of when it should have."""
    sent = {item.about for item in signals.case.told if _is_settled(signals.rows.get(item.outbox_id))}
    for item in signals.case.direct_payments:
        if item.amount and f"payment {item.payment}" not in sent and signals.now > item.tell_by:
            yield Alarm(kind="untold", text=f"the agency has not heard of the {item.amount} paid on {item.paid_on}")


def _unheard(signals: Signals) -> Iterator[Alarm]:
    """What should have gone to the agency and did not: its connection only observes, or it is not in the settings any more."""
    for word in words_for_agency(signals):
        text = f"the agency was not told: {word.subject}; let its connection write, or tell it yourself"
        yield Alarm(kind="unheard", text=text)
    if signals.case.state in (CaseState.PAID, CaseState.SATISFIED) and signals.open_now.minor > 0:
        text = f"{signals.open_now} is open again although it was paid: close this case, and open one for what is left"
        yield Alarm(kind="open_again", text=text)


def _is_settled(row: OutboxRow | None) -> bool:
    return row is not None and row.state is OutboxState.SETTLED


def _silence(signals: Signals, placed_at: datetime) -> Iterator[Alarm]:
    case, agency = signals.case, signals.agency
    patience = timedelta(days=agency.silence_days if agency is not None else 30)
    first = timedelta(days=agency.acknowledge_days if agency is not None else 3)
    if case.acknowledgement is None and not case.statuses and signals.now - placed_at > first:
        yield Alarm(kind="unacknowledged", text=f"no acknowledgement since {placed_at.date()}: ask the agency")
        return
    said = [item.received_at for item in case.statuses]
    said += [case.acknowledgement.received_at] if case.acknowledgement else []
    last = max(said, default=placed_at)
    if signals.now - last > patience:
        yield Alarm(kind="silence", text=f"no word from the agency since {last.date()}: ask how it stands")


def _asked(signals: Signals) -> Iterator[Alarm]:
    """What the last status asks of us, with its day where it has one."""
    last = signals.case.statuses[-1] if signals.case.statuses else None
    if last is None or last.meaning not in ASKS:
        return
    answered = any(item.about.startswith("documents") for item in signals.case.told)
    if last.meaning == "documents_wanted" and answered:
        return
    due = f" by {last.on + timedelta(days=DOCUMENTS_DUE_DAYS)}" if last.meaning == "documents_wanted" else ""
    yield Alarm(kind=last.meaning, text=f"{MEANINGS[last.meaning]}{due}: {ASKS[last.meaning]}")


def recovered(cases: Iterable[Case]) -> dict[str, tuple[Money, Money, Money]]:
    """Gross, fee and net of everything agencies remitted and clients paid directly, by currency (A29)."""
    sums: dict[str, list[int]] = {}
    for case in cases:
        row = sums.setdefault(case.currency, [0, 0, 0])
        for item in case.remittances:
            row[0] += item.gross.minor
            row[1] += item.fee.minor
            row[2] += item.net.minor
        for paid in case.direct_payments:
            row[0] += paid.amount.minor
            row[1] += paid.fee.minor
            row[2] += paid.amount.minor - paid.fee.minor
    return {code: (Money(row[0], code), Money(row[1], code), Money(row[2], code)) for code, row in sorted(sums.items())}
