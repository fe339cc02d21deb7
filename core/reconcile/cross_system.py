"""PSA and books compared invoice by invoice: missing on one side, other amounts, other states, payments the PSA never learned of.

Only differences that mean something are told. An absence counts where one system mirrors the other (see `conventions`), after
the days a transfer may take; cents of tax rounding do not count; amounts are compared in the document's own currency first
(product.md E42); what another finding of the account explains is not told again. Sources: vendors/quickbooks.md R12-R14, R19,
xero.md R11, R12, R17, R20, connectwise.md section 2 ("closed" is not "paid"), product.md E31, E35, E36.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from core.findings import Finding, FindingKind, Severity
from core.linking.invoices import InvoiceLink, InvoiceLinks, link_invoices
from core.linking.numbers import invoice_marks
from core.money import Money
from core.reconcile import wording
from core.reconcile.allocations import exchange_documented
from core.reconcile.conventions import mirrors, tracks_payments
from core.reconcile.desk import Desk
from core.reconcile.evidence import called, money_fact
from core.records import DocumentStatus, Invoice, Payment, RecordKey, Ref, Role, key_of

_SETTLED = (DocumentStatus.OPEN, DocumentStatus.CLOSED)


def cross_system(desk: Desk) -> Iterator[Finding]:
    """Findings for each pair of a PSA and books in which the account has invoices."""
    every = [(psa, books, linked(desk, psa, books)) for psa, books in pairs(desk)]
    joined = {key_of(item) for _, _, links in every for link in links.links for item in (*link.left, *link.right)}
    told: set[RecordKey] = set()
    for psa, books, links in every:
        for link in links.links:
            yield from _compare(desk, link)
        for invoice, others in links.ambiguous:
            yield _ambiguous(desk, invoice, others)
        for finding in _missing(desk, links, psa, books):
            # A client billed in two companies: what one of them holds is nowhere missing.
            if finding.subjects[0] not in joined and finding.subjects[0] not in told:
                told.add(finding.subjects[0])
                yield finding


def pairs(desk: Desk) -> Iterator[tuple[str, str]]:
    """(PSA, books) connections of the account."""
    here = sorted({party.connection for party in desk.books.parties})
    for psa in here:
        for books in here:
            if desk.world.role(psa) is Role.PSA and desk.world.role(books) is Role.BOOKS:
                yield psa, books


def linked(desk: Desk, psa: str, books: str) -> InvoiceLinks:
    """The account's invoices of two connections joined; zeroes and copies found before take no part."""
    return link_invoices(_of(desk, psa), _of(desk, books))


def _of(desk: Desk, connection: str) -> list[Invoice]:
    return [
        item
        for item in desk.books.invoices
        if item.connection == connection
        and (item.total.minor > 0 or item.status is DocumentStatus.VOID)
        and key_of(item) not in desk.extra_invoices
    ]


# ── joined invoices ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _compare(desk: Desk, link: InvoiceLink) -> Iterator[Finding]:
    psa, books = link.left, link.right
    states = {item.status if item.status not in _SETTLED else DocumentStatus.OPEN for item in (*psa, *books)}
    if states != {DocumentStatus.OPEN}:
        if len(states) == 2 and DocumentStatus.OPEN in states and not _told(desk, link) and _had_time(desk, link):
            yield _stands_on_one_side(desk, link)
        return
    currencies = {item.total.currency for item in (*psa, *books)}
    if len(currencies) > 1:
        if not _exchange_said(link):
            yield _currencies(desk, link)
        return
    currency = currencies.pop()
    difference = _total(psa) - _total(books)
    if abs(difference) > desk.world.rules.tax_rounding_minor:
        yield _amounts(desk, link, Money(difference, currency))
    yield from _paid(desk, link, currency)


def _had_time(desk: Desk, link: InvoiceLink) -> bool:
    """A draft may wait some days for its approval; a void invoice waits for nothing."""
    grace = timedelta(days=desk.world.rules.cross_system_grace_days)
    drafts = [item for item in (*link.left, *link.right) if item.status is DocumentStatus.DRAFT]
    return all(item.issued_on + grace <= desk.world.today for item in drafts)


def _told(desk: Desk, link: InvoiceLink) -> bool:
    return any(key_of(item) in desk.told_invoices for item in (*link.left, *link.right))


def _total(invoices: tuple[Invoice, ...]) -> int:
    return sum(item.total.minor for item in invoices)


def _paid_part(invoices: tuple[Invoice, ...]) -> int:
    return sum(item.total.minor - item.open.minor for item in invoices)


def _paid(desk: Desk, link: InvoiceLink, currency: str) -> Iterator[Finding]:
    """What each side says was paid. Only for PSAs that learn of payments at all."""
    gap = _paid_part(link.right) - _paid_part(link.left)
    slack = desk.world.rules.tax_rounding_minor + abs(_total(link.left) - _total(link.right))
    if abs(gap) <= slack or _told(desk, link) or not tracks_payments(desk.world, link.left[0].connection):
        return
    amount = Money(abs(gap), currency)
    if gap < 0:
        if not _idle(desk, amount):
            yield _paid_in_psa_only(desk, link, amount)
        return
    payments = [item.source for invoice in link.right for item in desk.applied(invoice) if isinstance(item.source, Payment)]
    if not payments:
        yield _settled_in_books_only(desk, link, amount)
        return
    if _applied_in_psa(desk, link) >= _paid_part(link.right) - slack:
        yield _owed_though_paid(desk, link, amount)
        return
    latest = max(payments, key=lambda item: (item.paid_on, item.ref))
    if latest.paid_on <= desk.world.today - timedelta(days=desk.world.rules.cross_system_grace_days):
        yield _payment_missing(desk, link, _of_amount(payments, amount) or latest, amount)


def _idle(desk: Desk, amount: Money) -> bool:
    """Is there cash or credit in the books that nobody applied and that explains why only the PSA shows it as paid?"""
    return any(item.unapplied == amount for item in desk.payments) or any(item.remaining == amount for item in desk.credit_notes)


def _of_amount(payments: list[Payment], amount: Money) -> Payment | None:
    return next((item for item in payments if item.amount == amount), None)


def _stands_on_one_side(desk: Desk, link: InvoiceLink) -> Finding:
    live = next(item for item in (*link.right, *link.left) if item.status in _SETTLED)
    other = next(item for item in (*link.right, *link.left) if item.status not in _SETTLED)
    return desk.find(
        FindingKind.STATUS_MISMATCH,
        (*link.right, *link.left),
        at_stake=live.total,
        confidence=0.95,
        severity=Severity.HIGH if live.open.minor else Severity.MEDIUM,
        what=f"Invoice {called(other)} is {other.status} in {other.connection}, in {live.connection} {live.open} is open.",
        proposal=wording.recheck(desk.system(live.connection), f"invoice {called(live)}; give both systems one state"),
        more={"joined_by": link.how},
    )


def _exchange_said(link: InvoiceLink) -> bool:
    """Does either side document that it bills in the other's currency?"""
    pairs = [(one, two) for left in link.left for right in link.right for one, two in ((left, right), (right, left))]
    return any(exchange_documented(one, two.total.currency) for one, two in pairs)


def _currencies(desk: Desk, link: InvoiceLink) -> Finding:
    psa, books = link.left[0], link.right[0]
    return desk.find(
        FindingKind.CURRENCY_MISMATCH,
        (*link.right, *link.left),
        at_stake=books.total,
        confidence=0.9,
        severity=Severity.MEDIUM,
        what=f"Invoice {called(books)} is {books.total} in the books and {psa.total} in the PSA.",
        proposal=wording.recheck(desk.system(books.connection), f"the currency of invoice {called(books)}"),
        more={"joined_by": link.how},
    )


def _amounts(desk: Desk, link: InvoiceLink, difference: Money) -> Finding:
    psa, books = link.left[0], link.right[0]
    side = "more" if difference.minor > 0 else "less"
    return desk.find(
        FindingKind.AMOUNT_MISMATCH,
        (*link.right, *link.left),
        at_stake=difference,
        confidence=0.95 if link.how != "prefix" else 0.85,
        severity=Severity.MEDIUM,
        what=f"Invoice {called(books)}: the PSA bills {abs(difference)} {side} than the books.",
        proposal=wording.recheck(desk.system(books.connection), f"invoice {called(books)} beside {called(psa)} of the PSA"),
        more={"difference": money_fact(difference), "joined_by": link.how},
    )


def _paid_in_psa_only(desk: Desk, link: InvoiceLink, amount: Money) -> Finding:
    books = link.right[0]
    return desk.find(
        FindingKind.STATUS_MISMATCH,
        (*link.right, *link.left),
        at_stake=amount,
        confidence=0.9,
        severity=Severity.HIGH,
        what=f"Invoice {called(books)}: the PSA shows {amount} paid that the books do not.",
        proposal=wording.recheck(desk.system(books.connection), f"whether the {amount} for invoice {called(books)} arrived"),
        more={"difference": money_fact(amount), "joined_by": link.how},
    )


def _settled_in_books_only(desk: Desk, link: InvoiceLink, amount: Money) -> Finding:
    psa = link.left[0]
    return desk.find(
        FindingKind.STATUS_MISMATCH,
        (*link.right, *link.left),
        at_stake=amount,
        confidence=0.9,
        severity=Severity.MEDIUM,
        what=f"Invoice {called(psa)}: the books show {amount} settled without a payment, the PSA still shows it as owed.",
        proposal=wording.recheck(desk.system(psa.connection), f"invoice {called(psa)} and apply the same credit there"),
        more={"difference": money_fact(amount), "joined_by": link.how},
    )


def _applied_in_psa(desk: Desk, link: InvoiceLink) -> int:
    """Minor units that the PSA's own payments and credits put on its invoices, whatever it shows as owed."""
    return sum(item.amount.minor for invoice in link.left for item in desk.applied(invoice))


def _owed_though_paid(desk: Desk, link: InvoiceLink, amount: Money) -> Finding:
    psa = link.left[0]
    return desk.find(
        FindingKind.STATUS_MISMATCH,
        (*link.right, *link.left),
        at_stake=amount,
        confidence=0.95,
        severity=Severity.HIGH,
        what=f"Invoice {called(psa)}: the PSA holds its payment and still shows {amount} as owed; the books show it paid.",
        proposal=wording.recheck(desk.system(psa.connection), f"invoice {called(psa)} and its balance"),
        more={"difference": money_fact(amount), "joined_by": link.how},
    )


def _payment_missing(desk: Desk, link: InvoiceLink, payment: Payment, amount: Money) -> Finding:
    psa = link.left[0]
    return desk.find(
        FindingKind.PAYMENT_MISSING_IN_PSA,
        (payment, *link.left, *link.right),
        at_stake=amount,
        confidence=0.95,
        severity=Severity.HIGH,
        what=f"Invoice {called(psa)} is shown {amount} more owed in the PSA: payment {called(payment)} never reached it.",
        proposal=wording.record_payment(desk.system(psa.connection), called(psa), str(amount), str(payment.paid_on)),
        more={"difference": money_fact(amount), "joined_by": link.how},
    )


# ── alone ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _missing(desk: Desk, links: InvoiceLinks, psa: str, books: str) -> Iterator[Finding]:
    apart = _unmirrored(links)
    for invoice in links.left_only:
        if invoice.party_ref not in apart and _counts_as_missing(desk, invoice, psa, books):
            yield _alone(desk, invoice, FindingKind.MISSING_IN_BOOKS, "the books", Severity.HIGH)
    for invoice in links.right_only:
        mirrored = invoice.party_ref not in apart and key_of(invoice) not in desk.extra_invoices
        if mirrored and _counts_as_missing(desk, invoice, books, psa):
            yield _alone(desk, invoice, FindingKind.MISSING_IN_PSA, "the PSA", Severity.LOW)


def _unmirrored(links: InvoiceLinks) -> frozenset[Ref]:
    """Parties of which no invoice at all is in the other system: a site that is billed in one of them only."""
    alone = Counter(item.party_ref for item in (*links.left_only, *links.right_only))
    joined = {item.party_ref for link in links.links for item in (*link.left, *link.right)}
    return frozenset(party for party, count in alone.items() if count >= _MANY_ALONE and party not in joined)


_MANY_ALONE = 3


def _counts_as_missing(desk: Desk, invoice: Invoice, here: str, there: str) -> bool:
    """Is it old enough to have been carried over, in the time the other side has records of, and is that side a mirror?"""
    began = desk.world.first_invoices.get(there)
    late = desk.world.today - timedelta(days=desk.world.rules.cross_system_grace_days)
    in_time = began is not None and began <= invoice.issued_on <= late
    unread = desk.world.unread_invoices.get(there)
    if unread and invoice_marks(invoice) & unread[0]:
        return False  # it is there, and unreadable
    return invoice.status in _SETTLED and in_time and mirrors(desk.world, here, there)


def _alone(desk: Desk, invoice: Invoice, kind: FindingKind, place: str, severity: Severity) -> Finding:
    elsewhere = desk.world.elsewhere(invoice)
    note = f"; {place} hold that number under another client" if elsewhere else ""
    return desk.find(
        kind,
        (invoice,),
        at_stake=invoice.open if invoice.open.minor > 0 else invoice.total,
        confidence=0.9,
        severity=severity,
        what=f"Invoice {called(invoice)} of {invoice.total} from {invoice.issued_on} is not in {place}{note}.",
        proposal=f"Transfer invoice {called(invoice)} to {place}, or void it if it was never meant to be sent.",
        beside=elsewhere,
    )


def _ambiguous(desk: Desk, invoice: Invoice, others: tuple[Invoice, ...]) -> Finding:
    names = ", ".join(called(item) for item in others)
    return desk.find(
        FindingKind.AMBIGUOUS_LINK,
        (invoice, *others),
        at_stake=invoice.open if invoice.open.minor > 0 else invoice.total,
        confidence=0.9,
        severity=Severity.MEDIUM,
        what=f"Invoice {called(invoice)} fits {names}: its number is one's number and another's reference.",
        proposal="Correct the reference that is wrong; until then neither is taken for the other.",
    )
