"""One account on the examiner's desk: its ledger records sorted out once, and what earlier families already explained.

Families run from the most specific fault to the least. Each claims the records it explains, so that one fault is not told
twice: a payment entered twice is not also reported as unapplied cash, which would invite somebody to apply it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from core.books import COUNTED_PAYMENTS, AccountBooks
from core.findings import Finding, FindingKind, Severity
from core.linking.invoices import link_invoices
from core.money import Money
from core.reconcile.conventions import mirrors
from core.reconcile.evidence import Fact, facts
from core.reconcile.world import LIVE, Applied, Line, World
from core.records import CreditNote, DocumentStatus, Invoice, Payment, PaymentStatus, Record, RecordKey, Ref, Role, key_of


@dataclass
class Desk:
    """An account being examined in its `world`. `account` is None for records that belong to no client."""

    world: World
    account: str | None
    books: AccountBooks
    extra_invoices: set[RecordKey] = field(default_factory=set)  # copies, to be voided: nobody owes them
    told_payments: set[RecordKey] = field(default_factory=set)  # payments whose fault is already told
    told_invoices: set[RecordKey] = field(default_factory=set)
    mixed_parties: set[tuple[str, Ref | None]] = field(default_factory=set)  # with money in two currencies: no sum means anything

    def __post_init__(self) -> None:
        """What could only be read in part is told as unreadable, and what seems wrong about the rest is not told beside it."""
        half = self.world.half_read
        self.told_payments.update(
            key for item in (*self.books.payments, *self.books.credit_notes) if (key := key_of(item)) in half
        )
        self.told_invoices.update(key for item in self.books.invoices if (key := key_of(item)) in half)

    @cached_property
    def ledger(self) -> frozenset[str]:
        """The connections whose cash counts: the account's books, or its PSA where it has none; all for strangers."""
        if self.books.parties:
            return self.books.ledger_connections
        return frozenset(item.connection for item in (*self.books.payments, *self.books.invoices))

    @cached_property
    def invoices(self) -> tuple[Invoice, ...]:
        """Issued invoices of the ledger with an amount: no draft, no void, no zero, no negative."""
        return tuple(
            item
            for item in self.books.invoices
            if item.connection in self.ledger and item.status in LIVE and item.total.minor > 0
        )

    @cached_property
    def open_invoices(self) -> tuple[Invoice, ...]:
        """Those of `invoices` on which something is owed, oldest first."""
        found = (item for item in self.invoices if item.status is DocumentStatus.OPEN and item.open.minor > 0)
        return tuple(sorted(found, key=lambda item: (item.issued_on, item.connection, item.ref)))

    @cached_property
    def payments(self) -> tuple[Payment, ...]:
        """Cash of the ledger that counts: no void, no reversal, no zero link, nothing dated in the future."""
        return tuple(
            item
            for item in self.books.payments
            if item.connection in self.ledger
            and item.status in COUNTED_PAYMENTS
            and item.amount.minor > 0
            and item.paid_on <= self.world.today
        )

    @cached_property
    def credit_notes(self) -> tuple[CreditNote, ...]:
        return tuple(
            item
            for item in self.books.credit_notes
            if item.connection in self.ledger and item.status in LIVE and item.total.minor > 0
        )

    @cached_property
    def direct_lines(self) -> tuple[Line, ...]:
        """Deposit lines that name this client and carry no payment record."""
        return self.world.lines_of_account.get(self.account, ()) if self.account is not None else ()

    def applied(self, invoice: Invoice) -> tuple[Applied, ...]:
        """What counts as applied to an invoice."""
        return tuple(item for item in self.world.applied.get((invoice.connection, invoice.ref), ()) if item.counted)

    def paid_invoices(self, payment: Payment) -> tuple[Invoice, ...]:
        """The invoices a payment was applied to, those that are known."""
        places = dict.fromkeys((payment.connection, item.invoice_ref) for item in payment.allocations if item.amount.minor > 0)
        return tuple(self.world.invoices[place] for place in places if place in self.world.invoices)

    @cached_property
    def _transfers(self) -> Mapping[tuple[object, ...], tuple[Payment, ...]]:
        """Payments of one day and one text: Xero books one transfer over several invoices as a payment for each."""
        found: dict[tuple[object, ...], list[Payment]] = defaultdict(list)
        for item in self.payments:
            found[_transfer(item)].append(item)
        return {key: tuple(items) for key, items in found.items()}

    def beside(self, payment: Payment) -> tuple[Payment, ...]:
        """The payments of the same transfer, itself among them; alone where no text says that it is one."""
        said = payment.reference or payment.memo
        return self._transfers.get(_transfer(payment), (payment,)) if said else (payment,)

    def paid_together(self, payment: Payment) -> frozenset[RecordKey]:
        """The invoices that the whole transfer was applied to."""
        return frozenset(key_of(invoice) for item in self.beside(payment) for invoice in self.paid_invoices(item))

    @cached_property
    def _in_psa(self) -> Mapping[RecordKey, RecordKey]:
        """The PSA's own invoice behind each invoice of the books, by number or reference."""
        mine = sorted({party.connection for party in self.books.parties})
        psas = [name for name in mine if self.world.role(name) is Role.PSA]
        found: dict[RecordKey, RecordKey] = {}
        for psa in psas:
            theirs = [item for item in self.books.invoices if item.connection == psa]
            links = link_invoices(theirs, [item for item in self.invoices if item.connection in self.ledger - {psa}])
            for invoice, candidates in links.ambiguous:  # which of them is unclear, but not that the PSA holds it
                found.update((key_of(item), key_of(invoice)) for item in candidates)
            for link in links.links:
                if link.how != "amount" and len(link.left) == len(link.right) == 1:
                    found[key_of(link.right[0])] = key_of(link.left[0])
        return found

    def has_psa_bill(self, invoice: Invoice) -> bool:
        """Does the PSA hold the bill that this invoice of the books repeats?"""
        return key_of(invoice) in self._in_psa

    def billed_apart(self, first: Invoice, second: Invoice) -> bool:
        """Does the PSA, where bills are made, hold two invoices behind these two?"""
        return None not in (self._in_psa.get(key_of(first)), self._in_psa.get(key_of(second)))

    def billed_once(self, first: Invoice, second: Invoice) -> bool:
        """Does the PSA, which the books repeat, hold only one of these two?"""
        known = [self._in_psa.get(key_of(item)) for item in (first, second)]
        psa = next((key.connection for key in known if key is not None), None)
        return psa is not None and None in known and mirrors(self.world, first.connection, psa)

    @cached_property
    def pays_for(self) -> Counter[str | None]:
        """How many of this client's payments are applied to invoices of each client."""
        return Counter(
            account
            for payment in self.payments
            for account in {self.world.account_of(item) for item in self.paid_invoices(payment)}
        )

    def used(self, payment: Payment) -> int:
        """Minor units of a payment that its applications take, net of credits it carried."""
        return sum(item.amount.minor for item in payment.allocations) - sum(item.amount.minor for item in payment.credits_used)

    def idle(self, payment: Payment) -> Money:
        """What of a payment nobody applied, never more than its amount leaves; nothing while it is on its way (E8).

        Where the vendor states less than the applications leave, the rest is idle too, unless an invoice shows itself
        paid by just that: then only the link is missing, which is a broken identity and not idle cash.
        """
        if payment.status is PaymentStatus.PENDING or not self.readable(payment):
            counted = 0 if payment.status is PaymentStatus.PENDING else payment.unapplied.minor
            return Money(counted, payment.amount.currency)
        left = max(payment.amount.minor - self.used(payment), 0)
        if left > payment.unapplied.minor and left - payment.unapplied.minor in self.unlinked_amounts:
            left = payment.unapplied.minor
        return Money(left, payment.amount.currency)

    def readable(self, payment: Payment) -> bool:
        """Do the applications of this payment say what became of it?"""
        same = all(item.amount.currency == payment.amount.currency for item in payment.allocations)
        same = same and all(item.total.currency == payment.amount.currency for item in self.paid_invoices(payment))
        return same and payment.connection in self.world.keeps_allocations

    def loose(self, payment: Payment) -> bool:
        """Is the payment applied to nothing at all?"""
        if payment.connection in self.world.keeps_allocations:
            return not payment.allocations and key_of(payment) not in self.world.half_read
        return payment.unapplied == payment.amount

    def unexplained(self, invoice: Invoice) -> int:
        """Minor units that the invoice shows as paid and nothing that counts has paid; negative where less is shown."""
        if invoice.status is DocumentStatus.VOID:
            return 0
        prepaid = invoice.prepaid.minor if invoice.prepaid else 0
        return invoice.total.minor - invoice.open.minor - prepaid - sum(item.amount.minor for item in self.applied(invoice))

    def is_history(self, invoice: Invoice) -> bool:
        """Was it settled before the first payment we know of? Books cut off at a date hold old bills without their payments."""
        first = self.world.first_payments.get(invoice.connection)
        settled = invoice.open.minor == 0 and not self.applied(invoice)
        return settled and first is not None and (invoice.due_on or invoice.issued_on) < first

    def unseen_use(self, note: CreditNote) -> int:
        """Minor units of a credit note that are gone without any application, refund or payment having taken them."""
        used = sum(item.amount.minor for item in note.allocations) + self.world.credit_uses.get(key_of(note), 0)
        place = (note.connection, note.ref)
        refunded = sum(item.amount.minor for item in self.books.refunds if (item.connection, item.source_ref) == place)
        return note.total.minor - used - refunded - note.remaining.minor

    @cached_property
    def carried_credit(self) -> frozenset[int]:
        """Amounts by which payments, zero ones included, were applied beyond what they brought: credit they carried unseen."""
        counted = (item for item in self.books.payments if item.connection in self.ledger and item.status in COUNTED_PAYMENTS)
        beyond = (self.used(item) + item.unapplied.minor - item.amount.minor for item in counted)
        return frozenset(amount for amount in beyond if amount > 0)

    @cached_property
    def unlinked_amounts(self) -> Mapping[int, tuple[Invoice, ...]]:
        """Invoices by the amount they show as paid without anything having paid it."""
        found: dict[int, list[Invoice]] = defaultdict(list)
        for invoice in self.invoices:
            if invoice.connection not in self.world.keeps_allocations or self.is_history(invoice):
                continue
            if key_of(invoice) in self.world.half_read:
                continue
            if (missing := self.unexplained(invoice)) > 0:
                found[missing].append(invoice)
        return {amount: tuple(items) for amount, items in found.items()}

    @cached_property
    def open_by_amount(self) -> Mapping[tuple[str, Money], tuple[Invoice, ...]]:
        """Open invoices that somebody really owes (no copies), by connection and open amount."""
        found: dict[tuple[str, Money], list[Invoice]] = defaultdict(list)
        for invoice in self.open_invoices:
            if key_of(invoice) not in self.extra_invoices:
                found[(invoice.connection, invoice.open)].append(invoice)
        return {key: tuple(items) for key, items in found.items()}

    def system(self, connection: str) -> str:
        """The vendor's short name, for wording."""
        return self.world.systems.get(connection, "csv")

    def find(
        self,
        kind: FindingKind,
        subjects: Iterable[Record],
        *,
        at_stake: Money,
        confidence: float,
        severity: Severity,
        what: str,
        proposal: str,
        more: Mapping[str, Any] | None = None,
        beside: Iterable[Record] = (),
    ) -> Finding:
        """A finding about `subjects`; `beside` are records that only help to check it."""
        records = tuple(subjects)
        told: dict[str, Fact] = {"what": what, "records": facts((*records, *beside))}
        return Finding(
            kind=kind,
            severity=severity,
            confidence=round(confidence, 4),
            account=self.account,
            connection=records[0].connection,
            subjects=tuple(key_of(record) for record in records),
            at_stake=abs(at_stake),
            evidence={**told, **(more or {})},
            proposal=proposal,
        )

    def naming(self, finding: Finding, key: RecordKey) -> Finding:
        """The same finding with `key` as its first subject: a record we know only by its name."""
        return replace(finding, subjects=(key, *finding.subjects))


def _transfer(payment: Payment) -> tuple[object, ...]:
    return (payment.connection, payment.paid_on, payment.method, payment.reference, payment.memo)
