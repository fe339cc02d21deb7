"""Cash and credit that stand idle, and payments that are more or less than was owed.

One rule for the remainder of a payment: when it fits something that is still open it waits to be applied (unapplied), else
the client paid too much (overpayment). A small remainder of an invoice after a payment is a short payment: a fee, a discount,
rounding; an instalment is not, its remainder is of the instalments' own size. Sources: vendors/quickbooks.md R1, R6, R16,
xero.md R1, R6, product.md E3, E4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from core.books import COUNTED_PAYMENTS
from core.findings import Finding, FindingKind, Severity
from core.money import Money
from core.reconcile import wording
from core.reconcile.desk import Desk
from core.reconcile.evidence import called, money_fact
from core.reconcile.proposals import Proposal, proposals
from core.reconcile.second_records import equal_of_the_other_record, owed_by_the_other_record
from core.reconcile.world import Applied
from core.records import CreditNote, Invoice, Payment, RecordKey, key_of

_MOST_SUGGESTED = 5


def unapplied_payments(desk: Desk) -> Iterator[Finding]:
    """Payments with money nobody applied, unless another fault already tells why; with what each most likely pays."""
    idle = [item for item in desk.payments if desk.idle(item).minor > 0 and key_of(item) not in desk.told_payments]
    loose = [item for item in idle if not _is_excess(desk, item)]
    proposed = proposals(desk, loose) if loose else {}
    for payment in loose:
        yield _unapplied(desk, payment, proposed.get(key_of(payment), ()))


def overpayments(desk: Desk) -> Iterator[Finding]:
    """Payments whose remainder nothing open takes, and invoices on which more was applied than they total."""
    told: set[str] = set()
    for payment in desk.payments:
        if desk.idle(payment).minor > 0 and key_of(payment) not in desk.told_payments and _is_excess(desk, payment):
            found = _overpayment(desk, payment, desk.idle(payment), desk.paid_invoices(payment))
            told.add(found.fingerprint)
            yield found
    for invoice in desk.invoices:
        yield from (found for found in _overpaid(desk, invoice) if found.fingerprint not in told)


def _is_excess(desk: Desk, payment: Payment) -> bool:
    """Was the payment applied to invoices it closed, with a remainder that no open invoice is waiting for?"""
    paid = desk.paid_invoices(payment)
    if not paid:
        return False
    if any(item.open.minor > 0 for item in paid):
        return False
    waiting = desk.open_by_amount.get((payment.connection, desk.idle(payment)), ())
    if any(item.issued_on <= payment.paid_on + _BILLED_SOON for item in waiting):
        return False
    if equal_of_the_other_record(desk, payment, desk.idle(payment), payment.paid_on):
        return False
    mine = {key_of(item) for item in paid}
    return not any(_open(item.invoice) and key_of(item.invoice) not in mine for item in desk.world.mentions(payment) if item.sure)


_BILLED_SOON = timedelta(days=14)  # an invoice of that amount which came later than this was not meant


def _open(invoice: Invoice) -> bool:
    return invoice.open.minor > 0


def _overpaid(desk: Desk, invoice: Invoice) -> Iterator[Finding]:
    applied = [item for item in desk.applied(invoice) if item.amount.currency == invoice.total.currency]
    prepaid = invoice.prepaid.minor if invoice.prepaid else 0
    excess = sum(item.amount.minor for item in applied) + prepaid - invoice.total.minor
    if excess <= 0 or not applied:
        return
    payments = [item.source for item in applied if isinstance(item.source, Payment)]
    if any(key_of(item) in desk.told_payments for item in payments) or not payments:
        return
    last = max(payments, key=lambda item: (item.paid_on, item.ref))
    yield _overpayment(desk, last, Money(excess, invoice.total.currency), (invoice,))


def _overpayment(desk: Desk, payment: Payment, excess: Money, invoices: tuple[Invoice, ...]) -> Finding:
    owed = ", ".join(f"{called(item)} ({item.total})" for item in invoices[:_MOST_SUGGESTED])
    return desk.find(
        FindingKind.OVERPAYMENT,
        (payment, *invoices),
        at_stake=excess,
        confidence=0.95,
        severity=Severity.MEDIUM,
        what=f"Payment {called(payment)} over {payment.amount} is {excess} more than was owed on {owed}.",
        proposal=wording.return_excess(desk.system(payment.connection), called(payment), str(excess)),
        more={"excess": money_fact(excess)},
    )


def _unapplied(desk: Desk, payment: Payment, proposed: Sequence[Proposal]) -> Finding:
    idle = desk.idle(payment)
    likely = {key_of(item.invoice): item.invoice for item in proposed}
    fitting = tuple((likely or _may_fit(desk, payment, idle)).values())[:_MOST_SUGGESTED]
    owed = sum(item.open.minor for item in desk.open_invoices if item.open.currency == payment.amount.currency)
    elsewhere = () if _at_home(desk, payment, idle, proposed) else owed_by_the_other_record(desk, payment, idle, payment.paid_on)
    steps = wording.apply_payment(desk.system(payment.connection), called(payment), str(idle), _listed(proposed, fitting))
    return desk.find(
        FindingKind.UNAPPLIED_PAYMENT,
        (payment, *elsewhere),
        at_stake=idle,
        confidence=0.99,
        severity=Severity.HIGH if owed or elsewhere else Severity.MEDIUM,
        what=f"Payment {called(payment)} has {idle} of {payment.amount} applied to nothing.{_other_record(desk, elsewhere)}",
        proposal=_moved(desk, called(payment), elsewhere) if elsewhere and not proposed else f"{steps}{_because(proposed)}",
        more={
            "client_owes": money_fact(Money(owed, payment.amount.currency)),
            "fits": [called(item) for item in fitting],
            "likely": [
                {
                    "invoice": called(item.invoice),
                    "amount": money_fact(item.amount),
                    "confidence": item.confidence,
                    "reason": item.reason,
                }
                for item in proposed
            ],
        },
        beside=fitting,
    )


def _at_home(desk: Desk, payment: Payment, idle: Money, proposed: Sequence[Proposal]) -> bool:
    """Does its own record owe what the payment names, or exactly its amount? One that only comes near is no answer."""
    if any(item.sure and desk.world.account_of(item.invoice) == desk.account for item in desk.world.mentions(payment)):
        return True
    whole = all(item.amount == item.invoice.open for item in proposed)
    return whole and sum(item.amount.minor for item in proposed) == idle.minor


def _other_record(desk: Desk, invoices: Sequence[Invoice]) -> str:
    """What is said of invoices that the client's other record owes; nothing where there are none."""
    if not invoices:
        return ""
    numbers = ", ".join(called(item) for item in invoices[:_MOST_SUGGESTED])
    return f" {_owner(desk, invoices[0])}, which seems to be the same client entered twice, owes that: {numbers}."


def _moved(desk: Desk, source: str, invoices: Sequence[Invoice]) -> str:
    numbers = " or ".join(called(item) for item in invoices[:_MOST_SUGGESTED])
    return wording.move_to_party(desk.system(invoices[0].connection), source, _owner(desk, invoices[0]), numbers)


def _owner(desk: Desk, invoice: Invoice) -> str:
    owner = desk.world.parties.get((invoice.connection, invoice.party_ref))
    return owner.name if owner else str(invoice.party_ref)


def _may_fit(desk: Desk, payment: Payment, idle: Money) -> dict[RecordKey, Invoice]:
    """What the payment names or equals, where nothing is likely enough to be proposed by itself."""
    named = [item.invoice for item in desk.world.mentions(payment) if item.sure and _open(item.invoice)]
    equal = desk.open_by_amount.get((payment.connection, idle), ())
    return {key_of(item): item for item in (*named, *equal)}


def _listed(proposed: Sequence[Proposal], fitting: Sequence[Invoice]) -> str:
    """Invoices by number, with the part of each where there are several."""
    if len(proposed) > 1:
        more = f" and {len(proposed) - _MOST_LISTED} more" if len(proposed) > _MOST_LISTED else ""
        return ", ".join(f"{called(item.invoice)} with {item.amount}" for item in proposed[:_MOST_LISTED]) + more
    return " or ".join(called(item) for item in fitting)


_MOST_LISTED = 12


def _because(proposed: Sequence[Proposal]) -> str:
    if not proposed:
        return ""
    least = min(item.confidence for item in proposed)
    sure = f"{least:.0%}" if least < _NEARLY_CERTAIN else "over 99%"
    return f" Why: {proposed[0].reason.rstrip('.')} ({sure} sure)."


_NEARLY_CERTAIN = 0.995


def unapplied_credits(desk: Desk) -> Iterator[Finding]:
    """Credit notes with something left."""
    for note in desk.credit_notes:
        if note.remaining.minor > 0 and note.issued_on <= desk.world.today and key_of(note) not in desk.told_payments:
            yield _credit(desk, note)


def _credit(desk: Desk, note: CreditNote) -> Finding:
    fitting = [
        item for item in desk.open_invoices if item.connection == note.connection and item.open.currency == note.total.currency
    ]
    chosen = ([item for item in fitting if item.open == note.remaining] or fitting)[:1]
    elsewhere = owed_by_the_other_record(desk, note, note.remaining, note.issued_on)
    return desk.find(
        FindingKind.UNAPPLIED_CREDIT,
        (note, *elsewhere),
        at_stake=note.remaining,
        confidence=0.99,
        severity=Severity.MEDIUM if fitting or elsewhere else Severity.LOW,
        what=f"Credit note {called(note)} has {note.remaining} of {note.total} left.{_other_record(desk, elsewhere)}",
        proposal=wording.apply_credit(
            desk.system(note.connection), called(note), str(note.remaining), ", ".join(called(item) for item in chosen)
        ),
        beside=chosen,
    )


def short_payments(desk: Desk) -> Iterator[Finding]:
    """Invoices paid but for a small remainder."""
    for invoice in desk.open_invoices:
        if key_of(invoice) in desk.told_invoices:
            continue
        paying = [
            item for item in desk.applied(invoice) if isinstance(item.source, Payment) and item.source.status in COUNTED_PAYMENTS
        ]
        if paying and _small(desk, invoice, paying) and not any(key_of(item.source) in desk.told_payments for item in paying):
            yield _short(desk, invoice, max(paying, key=lambda item: (item.amount.minor, item.source.ref)))


def _small(desk: Desk, invoice: Invoice, paying: list[Applied]) -> bool:
    rules = desk.world.rules
    left, whole = invoice.open.minor, invoice.total.minor
    if left * 100 <= whole * rules.short_payment_percent or (
        left <= rules.short_payment_minor and left * 100 <= whole * _FEE_PERCENT
    ):
        largest = max(item.amount.minor for item in paying)
        return left * _INSTALMENT_SHARE < largest
    return False


_FEE_PERCENT = 15  # a fixed bank fee weighs at most this much on a small invoice
_INSTALMENT_SHARE = 4  # a remainder of a quarter of a payment or more is the next instalment


def _short(desk: Desk, invoice: Invoice, applied: Applied) -> Finding:
    payment = applied.source
    return desk.find(
        FindingKind.SHORT_PAYMENT,
        (payment, invoice),
        at_stake=invoice.open,
        confidence=0.9,
        severity=Severity.LOW,
        what=f"Invoice {called(invoice)} of {invoice.total} was paid but for {invoice.open}.",
        proposal=wording.settle_residue(desk.system(invoice.connection), called(invoice), str(invoice.open)),
        more={"short": money_fact(invoice.open), "paid": money_fact(applied.amount)},
    )
