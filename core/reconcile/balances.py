"""Identities that hold to the cent, checked from the most particular to the whole (vendors/quickbooks.md fact 9).

invoice   total - open = what payments, credits and journal entries applied + what was prepaid on it
payment   amount = applied - credits it carried + unapplied
credit    total = applied + carried by payments + refunded + remaining
party     the vendor's balance = open invoices - unapplied payments - remaining credits - direct deposits + adjustments

A difference another finding explains (a bounced payment, two currencies, a payment entered twice) is not told again. A party's
difference is told only when none of its records explains it. Nothing is ever plugged (product.md E38).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from core.books import COUNTED_PAYMENTS
from core.findings import Finding, FindingKind, Severity
from core.money import Money
from core.reconcile import wording
from core.reconcile.desk import Desk
from core.reconcile.evidence import called, fact, money_fact
from core.reconcile.world import LIVE
from core.records import CreditNote, DocumentStatus, Invoice, Party, Payment, Posting, Ref, Role, Stream, key_of


def balance_mismatches(desk: Desk) -> Iterator[Finding]:
    """Findings for every identity of the account that does not hold."""
    broken: set[tuple[str, Ref | None]] = set()
    found: tuple[tuple[Invoice | Payment | CreditNote, Finding], ...] = (*_invoices(desk), *_payments(desk), *_credits(desk))
    for record, finding in found:
        broken.add((record.connection, record.party_ref))
        yield finding
    yield from _parties(desk, broken | desk.mixed_parties)


def _invoices(desk: Desk) -> Iterator[tuple[Invoice, Finding]]:
    for invoice in desk.invoices:
        if invoice.connection not in desk.world.keeps_allocations or key_of(invoice) in desk.told_invoices:
            continue
        if any(item.amount.currency != invoice.total.currency for item in desk.applied(invoice)):
            continue
        difference = desk.unexplained(invoice)
        if difference < 0 and invoice.open.minor == 0:
            continue  # more was applied than it totals: an overpayment, told there
        if difference and not desk.is_history(invoice):
            desk.told_invoices.add(key_of(invoice))
            yield invoice, _invoice(desk, invoice, difference)
        elif _says_paid_and_owes(desk, invoice):
            desk.told_invoices.add(key_of(invoice))
            yield invoice, _invoice(desk, invoice, invoice.open.minor)


def _says_paid_and_owes(desk: Desk, invoice: Invoice) -> bool:
    books = desk.world.role(invoice.connection) is Role.BOOKS
    return books and invoice.status is DocumentStatus.CLOSED and invoice.open.minor > 0


def _invoice(desk: Desk, invoice: Invoice, difference: int) -> Finding:
    amount = Money(difference, invoice.total.currency)
    applied = desk.applied(invoice)
    side = "less is shown as owed than" if difference > 0 else "more is shown as owed than"
    return desk.find(
        FindingKind.BALANCE_MISMATCH,
        (invoice, *_unlinked_payment(desk, invoice, difference)),
        at_stake=amount,
        confidence=0.97,
        severity=Severity.HIGH if difference < 0 else Severity.MEDIUM,
        what=f"Invoice {called(invoice)}: {invoice.total} less what is applied is not {invoice.open}, {abs(amount)} {side} that.",
        proposal=wording.recheck(desk.system(invoice.connection), f"invoice {called(invoice)}"),
        more={
            "difference": money_fact(amount),
            "applied": [{**fact(item.source), "amount_applied": money_fact(item.amount)} for item in applied],
            "prepaid": money_fact(invoice.prepaid) if invoice.prepaid else None,
        },
    )


def _payments(desk: Desk) -> Iterator[tuple[Payment, Finding]]:
    for payment in desk.payments:
        if key_of(payment) in desk.told_payments:
            continue
        if not desk.readable(payment):
            continue
        difference = payment.amount.minor - desk.used(payment) - payment.unapplied.minor
        if difference < 0 or (
            difference > 0 and difference in desk.unlinked_amounts and not _told_with_invoice(desk, difference)
        ):
            yield payment, _payment(desk, payment, Money(difference, payment.amount.currency))


def _told_with_invoice(desk: Desk, amount: int) -> bool:
    """Is the missing link already told from the invoice's side?"""
    return any(key_of(item) in desk.told_invoices for item in desk.unlinked_amounts[amount])


def _unlinked_payment(desk: Desk, invoice: Invoice, difference: int) -> tuple[Payment, ...]:
    """The one payment whose money is accounted for nowhere and whose amount this invoice shows as paid."""
    found = [
        item
        for item in desk.payments
        if item.connection == invoice.connection and item.amount.minor - desk.used(item) - item.unapplied.minor == difference
    ]
    return tuple(found) if len(found) == 1 and difference > 0 else ()


def _payment(desk: Desk, payment: Payment, difference: Money) -> Finding:
    side = "is accounted for nowhere" if difference.minor > 0 else "was applied beyond its amount"
    return desk.find(
        FindingKind.BALANCE_MISMATCH,
        (payment,),
        at_stake=difference,
        confidence=0.95,
        severity=Severity.MEDIUM,
        what=f"Payment {called(payment)} over {payment.amount}: {abs(difference)} {side}.",
        proposal=wording.recheck(desk.system(payment.connection), f"payment {called(payment)}"),
        more={"difference": money_fact(difference)},
        beside=desk.paid_invoices(payment),
    )


def _credits(desk: Desk) -> Iterator[tuple[CreditNote, Finding]]:
    for note in desk.credit_notes:
        if key_of(note) in desk.told_payments or note.connection not in desk.world.keeps_allocations:
            continue
        difference = desk.unseen_use(note)
        if difference == 0 or difference in desk.carried_credit:
            continue
        if (
            difference < 0
            or difference < note.total.minor - note.remaining.minor
            or note.connection in desk.world.shows_credit_use
        ):
            desk.told_payments.add(key_of(note))
            yield note, _note(desk, note, Money(difference, note.total.currency))


def _note(desk: Desk, note: CreditNote, difference: Money) -> Finding:
    return desk.find(
        FindingKind.BALANCE_MISMATCH,
        (note,),
        at_stake=difference,
        confidence=0.9,
        severity=Severity.MEDIUM,
        what=f"Credit note {called(note)} of {note.total}: what was applied and what remains are {abs(difference)} off.",
        proposal=wording.recheck(desk.system(note.connection), f"credit note {called(note)}"),
        more={"difference": money_fact(difference)},
    )


def _parties(desk: Desk, broken: set[tuple[str, Ref | None]]) -> Iterator[Finding]:
    ours = _own_balances(desk)
    for party in desk.books.parties:
        if (party.connection, party.ref) in desk.world.half_read_clients:
            continue
        if party.balance is None or party.connection not in desk.ledger or (party.connection, party.ref) in broken:
            continue
        amount = Money(ours.get((party.connection, party.ref, party.balance.currency), 0), party.balance.currency)
        if amount != party.balance:
            yield _party(desk, party, party.balance, amount)


def _own_balances(desk: Desk) -> Mapping[tuple[str, Ref | None, str], int]:
    """What each party owes by its own records, sub-customers apart, per currency."""
    sums: dict[tuple[str, Ref | None, str], int] = defaultdict(int)
    for connection, party, amount, sign in _owed(desk):
        sums[(connection, party, amount.currency)] += sign * amount.minor
    return sums


def _owed(desk: Desk) -> Iterator[tuple[str, Ref | None, Money, int]]:
    books = desk.books
    yield from ((item.connection, item.party_ref, item.open, 1) for item in books.invoices if item.status in LIVE)
    yield from (
        (item.connection, item.party_ref, item.unapplied, -1) for item in books.payments if item.status in COUNTED_PAYMENTS
    )
    yield from ((item.connection, item.party_ref, item.remaining, -1) for item in books.credit_notes if item.status in LIVE)
    yield from ((item.connection, item.party_ref, item.remaining, 1) for item in books.adjustments)
    for line in desk.direct_lines:
        if line.line.posting is Posting.RECEIVABLE:
            yield line.deposit.connection, line.line.party_ref, line.line.amount, -1
    for payment in books.payments:  # what payments carried of such deposits to invoices is no credit any more
        yield from (
            (payment.connection, payment.party_ref, use.amount, 1)
            for use in payment.credits_used
            if use.stream is Stream.DEPOSITS
        )


def _party(desk: Desk, party: Party, theirs: Money, ours: Money) -> Finding:
    return desk.find(
        FindingKind.BALANCE_MISMATCH,
        (party,),
        at_stake=theirs - ours,
        confidence=0.9,
        severity=Severity.MEDIUM,
        what=f"{party.name}: the system states {theirs} owed, its own invoices, payments and credits come to {ours}.",
        proposal=wording.recheck(desk.system(party.connection), f"the transactions of {party.name}"),
        more={"stated": money_fact(theirs), "computed": money_fact(ours), "difference": money_fact(theirs - ours)},
    )
