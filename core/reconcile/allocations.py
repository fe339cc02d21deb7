"""Money applied to the wrong thing: another invoice, another client, a void invoice, another currency; and payments that bounced.

A payment is misapplied when its reference or memo names, by whole tokens, an invoice it does not pay while it pays one it
does not name. Equal amounts over two clients are never enough (E41). Sources: vendors/quickbooks.md R2, R3, R12, R15, R20,
xero.md R4, R5, product.md E9.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.books import COUNTED_PAYMENTS
from core.findings import Finding, FindingKind, Severity
from core.linking.names import name_key, words
from core.reconcile import wording
from core.reconcile.desk import Desk
from core.reconcile.evidence import called, money_fact, telling
from core.reconcile.world import Mention, Source, World
from core.records import CreditNote, DocumentStatus, Invoice, Party, Payment, PaymentStatus, key_of


def misapplied_payments(desk: Desk) -> Iterator[Finding]:
    """Payments whose text names another invoice of the same client than they pay."""
    for payment in desk.payments:
        if key_of(payment) in desk.told_payments or not payment.allocations:
            continue
        mentions = [item for item in desk.world.mentions(payment) if desk.world.account_of(item.invoice) == desk.account]
        paid = {key_of(item): item for item in desk.paid_invoices(payment)}
        if not mentions or not paid or any(key_of(item.invoice) in desk.paid_together(payment) for item in mentions):
            continue
        if _stranger_paid(desk, payment) is not None:
            continue  # told as money with the wrong client
        right = next((item for item in mentions if item.sure and _waits(desk, item.invoice, payment)), None)
        if right is not None:
            yield _misapplied(desk, payment, tuple(paid.values()), right.invoice)


def _waits(desk: Desk, invoice: Invoice, payment: Payment) -> bool:
    """Is the named invoice still owed, or was it closed by a payment that names another (two payments crossed)?"""
    if invoice.status is DocumentStatus.OPEN and invoice.open.minor > 0:
        return invoice.total.currency == payment.amount.currency
    if 0 < payment.amount.minor <= desk.unexplained(invoice):
        return True  # shown as paid, and this is the payment
    closers = [item.source for item in desk.applied(invoice) if isinstance(item.source, Payment)]
    return bool(closers) and all(_names_another(desk, item, invoice) for item in closers)


def _names_another(desk: Desk, payment: Payment, invoice: Invoice) -> bool:
    mentions = desk.world.mentions(payment)
    return any(item.sure for item in mentions) and all(key_of(item.invoice) != key_of(invoice) for item in mentions)


def _misapplied(desk: Desk, payment: Payment, wrong: tuple[Invoice, ...], right: Invoice) -> Finding:
    owed = right.open.minor > 0
    desk.told_payments.add(key_of(payment))
    desk.told_invoices.update(key_of(item) for item in (*wrong, right))
    names = ", ".join(called(item) for item in wrong)
    return desk.find(
        FindingKind.MISAPPLIED_PAYMENT,
        (payment, *wrong, right),
        at_stake=right.open if owed else payment.amount,
        confidence=0.95 if owed else 0.85,
        severity=Severity.HIGH if owed else Severity.MEDIUM,
        what=f"Payment {called(payment)} names invoice {called(right)} but is applied to {names}.",
        proposal=wording.move_payment(desk.system(payment.connection), called(payment), names, called(right)),
        more={"named": called(right), "text": [payment.reference or "", payment.memo or ""]},
    )


def misapplied_parties(desk: Desk) -> Iterator[Finding]:
    """Payments applied to another client's invoice, or whose text names another client's invoice or name."""
    for payment in desk.payments:
        if key_of(payment) in desk.told_payments or payment.party_ref is None:
            continue
        found = _crosses(desk, payment) or _names_stranger(desk, payment) or _payer_is_another(desk, payment)
        if found is not None:
            desk.told_payments.add(key_of(payment))
            yield found


def _crosses(desk: Desk, payment: Payment) -> Finding | None:
    stranger = _stranger_paid(desk, payment)
    if stranger is None:
        return None
    return _wrong_party(desk, payment, stranger, 0.9, f"it is applied to invoice {called(stranger)} of another client")


def _stranger_paid(desk: Desk, payment: Payment) -> Invoice | None:
    """The other client's invoice that the payment is applied to, unless this client pays for that one as a habit."""
    strangers = [item for item in desk.paid_invoices(payment) if desk.world.account_of(item) not in (desk.account, None)]
    return None if not strangers or _pays_for(desk, strangers[0]) else strangers[0]


def _pays_for(desk: Desk, invoice: Invoice) -> bool:
    """Does this client pay that one's invoices as a habit (an unlinked parent, an owner of two firms)? It is no mistake then."""
    return desk.pays_for[desk.world.account_of(invoice)] >= _HABIT


_HABIT = 3


def _names_stranger(desk: Desk, payment: Payment) -> Finding | None:
    mentions = desk.world.mentions(payment)
    if any(desk.world.account_of(item.invoice) == desk.account for item in mentions):
        return None
    # A bare number beside a payment that pays its own client's invoices is a coincidence until the text says "invoice" or the
    # amount is to the cent what that invoice still owes.
    loose = desk.loose(payment)
    said = (item for item in mentions if item.sure and (item.marked or loose or _settles(item, payment)))
    named = [item for item in said if _could_pay(item, payment)]
    accounts = {desk.world.account_of(item.invoice) for item in named}
    if len(accounts) != 1 or None in accounts or _pays_for(desk, named[0].invoice):
        return None
    invoice = named[0].invoice
    return _wrong_party(desk, payment, invoice, 0.9, f"it names invoice {called(invoice)} of another client")


def _settles(mention: Mention, payment: Payment) -> bool:
    """Is this what the named invoice still owes, and are the figures more than a coincidence of two short ones?"""
    invoice = mention.invoice
    owed = invoice.status is DocumentStatus.OPEN and invoice.open == payment.amount and invoice.issued_on <= payment.paid_on
    return owed and (mention.digits >= _LONG_NUMBER or (mention.digits > 0 and telling(payment.amount)))


_LONG_NUMBER = 5


def _could_pay(mention: Mention, payment: Payment) -> bool:
    invoice = mention.invoice
    fits = payment.amount in (invoice.open, invoice.total)
    return invoice.total.currency == payment.amount.currency and (fits or (invoice.open.minor > 0 and mention.sure))


def _payer_is_another(desk: Desk, payment: Payment) -> Finding | None:
    """Does the payer's name stand for exactly one other client that owes this very amount?"""
    for text in (payment.payer, payment.memo):
        named = [(party, owed) for party in _strangers_named(desk, payment, text) if (owed := _owed_by(desk, party, payment))]
        if len(named) == 1:
            party, invoice = named[0]
            return _wrong_party(desk, payment, invoice, 0.8, f"it was paid by {party.name}, which owes this amount")
    return None


def _strangers_named(desk: Desk, payment: Payment, text: str | None) -> Iterator[Party]:
    """Parties of other clients whose whole name stands in the text."""
    own = {name_key(party.name) for party in desk.books.parties}
    for party in sorted(parties_named(desk.world, payment.connection, text), key=lambda item: item.ref):
        account = desk.world.account(party.connection, party.ref)
        if name_key(party.name) not in own and account not in (None, desk.account):
            yield party


def _owed_by(desk: Desk, party: Party, payment: Payment) -> Invoice | None:
    """The open invoice of this client that the payment's amount would settle."""
    account = desk.world.account(party.connection, party.ref)
    owed = desk.world.books.accounts[account].open_invoices(payment.amount.currency) if account else ()
    fits = (item for item in owed if payment.amount in (item.open, item.total) and item.connection == payment.connection)
    return next(fits, None)


def parties_named(world: World, connection: str, text: str | None) -> set[Party]:
    """Parties whose whole name stands in `text`; names shorter than six letters are too common to count."""
    tokens = [word for word in words(text or "") if word != "and"]
    names = world.names
    found: set[Party] = set()
    for first in range(len(tokens)):
        for last in range(first + 1, min(first + _LONGEST_NAME, len(tokens)) + 1):
            key = " ".join(tokens[first:last])
            if len(key) >= _SHORTEST_NAME:
                found.update(names.get((connection, key), ()))
    return found


_LONGEST_NAME = 6
_SHORTEST_NAME = 6


def _wrong_party(desk: Desk, payment: Payment, invoice: Invoice, confidence: float, why: str) -> Finding:
    owner = desk.world.parties.get((invoice.connection, invoice.party_ref))
    name = owner.name if owner else str(invoice.party_ref)
    return desk.find(
        FindingKind.MISAPPLIED_PARTY,
        (payment, invoice),
        at_stake=payment.amount,
        confidence=confidence,
        severity=Severity.HIGH,
        what=f"Payment {called(payment)} over {payment.amount} stands with the wrong client: {why} ({name}).",
        proposal=wording.move_to_party(desk.system(payment.connection), called(payment), name, called(invoice)),
        more={"why": why, "belongs_to": name, "text": [payment.reference or "", payment.memo or "", payment.payer or ""]},
    )


def allocations_to_void(desk: Desk) -> Iterator[Finding]:
    """Payments and credits applied to invoices that are void."""
    sources: tuple[Source, ...] = (*desk.payments, *desk.credit_notes)
    for source in sources:
        for invoice in desk.paid_invoices(source) if isinstance(source, Payment) else _credited(desk, source):
            if invoice.status is DocumentStatus.VOID:
                desk.told_payments.add(key_of(source))
                yield _to_void(desk, source, invoice)


def _credited(desk: Desk, source: Source) -> tuple[Invoice, ...]:
    places = dict.fromkeys((source.connection, item.invoice_ref) for item in source.allocations if item.amount.minor > 0)
    return tuple(desk.world.invoices[place] for place in places if place in desk.world.invoices)


def _to_void(desk: Desk, source: Source, invoice: Invoice) -> Finding:
    amount = next(item.amount for item in source.allocations if item.invoice_ref == invoice.ref)
    name = f"{'credit note' if isinstance(source, CreditNote) else 'payment'} {called(source)}"
    return desk.find(
        FindingKind.ALLOCATION_TO_VOID,
        (source, invoice),
        at_stake=amount,
        confidence=0.98,
        severity=Severity.HIGH,
        what=f"{amount} of {name} is applied to invoice {called(invoice)}, which is void.",
        proposal=wording.reapply_from_void(desk.system(source.connection), name, called(invoice)),
        more={"applied": money_fact(amount)},
    )


def currency_mismatches(desk: Desk) -> Iterator[Finding]:
    """Payments and credits applied to invoices of another currency, unless their text documents the exchange."""
    sources: tuple[Source, ...] = (*desk.payments, *desk.credit_notes)
    for source in sources:
        own = source.amount.currency if isinstance(source, Payment) else source.total.currency  # type: ignore[union-attr]
        for invoice in _credited(desk, source):
            if invoice.total.currency != own and not exchange_documented(source, invoice.total.currency):
                desk.told_payments.add(key_of(source))
                desk.told_invoices.add(key_of(invoice))
                desk.mixed_parties.update(((source.connection, source.party_ref), (invoice.connection, invoice.party_ref)))
                yield _other_currency(desk, source, invoice)


def foreign_documents(desk: Desk) -> Iterator[Finding]:
    """Invoices in another currency than their client's, where the client's others all keep to it."""
    for party in desk.books.parties:
        own = [item for item in desk.invoices if (item.connection, item.party_ref) == (party.connection, party.ref)]
        odd = [item for item in own if party.currency and item.total.currency != party.currency]
        if len(own) >= _LEAST_DOCUMENTS and len(odd) * _ODD_SHARE <= len(own):
            for invoice in odd:
                if key_of(invoice) not in desk.told_invoices and not exchange_documented(invoice, party.currency or ""):
                    desk.told_invoices.add(key_of(invoice))
                    yield _foreign(desk, party, invoice)


_LEAST_DOCUMENTS = 3
_ODD_SHARE = 5  # a currency in more than a fifth of the documents is the client's second one, not a mistake


def _foreign(desk: Desk, party: Party, invoice: Invoice) -> Finding:
    return desk.find(
        FindingKind.CURRENCY_MISMATCH,
        (invoice,),
        at_stake=invoice.total,
        confidence=0.85,
        severity=Severity.MEDIUM,
        what=f"Invoice {called(invoice)} is in {invoice.total.currency}; {party.name} is billed in {party.currency}.",
        proposal=wording.recheck(desk.system(invoice.connection), f"the currency of invoice {called(invoice)}"),
        more={"client_currency": party.currency},
    )


def exchange_documented(record: Source | Invoice, other: str) -> bool:
    """Do the record's words say that money was changed: by a word for it, or by the other currency beside a rate or an amount?"""
    text = f"{getattr(record, 'reference', None) or ''} {record.memo or ''}"
    said = set(words(text))
    return bool(_EXCHANGE & said) or (other.casefold() in said and _FIGURE.search(text) is not None)


_EXCHANGE = frozenset({"fx", "forex", "exchange", "exchanged", "exch", "rate", "converted", "conversion"})
_FIGURE = re.compile(r"\d[.,]\d")


def _other_currency(desk: Desk, source: Source, invoice: Invoice) -> Finding:
    amount = source.amount if isinstance(source, Payment) else invoice.total
    return desk.find(
        FindingKind.CURRENCY_MISMATCH,
        (source, invoice),
        at_stake=invoice.total,
        confidence=0.95,
        severity=Severity.HIGH,
        what=f"{called(source)} in {amount.currency} is applied to invoice {called(invoice)} in {invoice.total.currency}.",
        proposal=wording.recheck(desk.system(source.connection), f"{called(source)} and correct its currency or its invoice"),
    )


def reversed_payments(desk: Desk) -> Iterator[Finding]:
    """Bounced or void payments whose invoice is still shown as paid by them."""
    for payment in desk.books.payments:
        if payment.connection not in desk.ledger or payment.status in COUNTED_PAYMENTS or payment.amount.minor < 0:
            continue
        for invoice in _still_paid(desk, payment):
            desk.told_invoices.add(key_of(invoice))
            yield _bounced(desk, payment, invoice)


def _still_paid(desk: Desk, payment: Payment) -> Iterator[Invoice]:
    """Invoices whose paid part is only explained if this payment, which did not stand, still counted."""
    named = {key_of(item): item for item in desk.paid_invoices(payment)}
    amounts = {item.invoice_ref: item.amount.minor for item in payment.allocations}
    for invoice in named.values():
        if 0 < amounts[invoice.ref] <= desk.unexplained(invoice):
            yield invoice
    if named or payment.status is PaymentStatus.VOID or not payment.amount.minor:
        return
    if payment.connection in desk.world.keeps_allocations:
        same = [item for item in desk.unlinked_amounts.get(payment.amount.minor, ()) if item.connection == payment.connection]
        yield from same[:1]


def _bounced(desk: Desk, payment: Payment, invoice: Invoice) -> Finding:
    word = "bounced" if payment.status is PaymentStatus.REVERSED else "is void"
    return desk.find(
        FindingKind.REVERSED_PAYMENT,
        (payment, invoice),
        at_stake=min(payment.amount, invoice.total, key=lambda item: item.minor) if payment.amount.minor else invoice.total,
        confidence=0.95,
        severity=Severity.HIGH,
        what=f"Payment {called(payment)} {word}, but invoice {called(invoice)} is still shown as paid by it.",
        proposal=wording.reopen_invoice(desk.system(payment.connection), called(payment), called(invoice)),
    )
