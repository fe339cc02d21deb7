"""The books as they stood at one moment: every account with its records over all connections, and what it owes.

Books are what the pure rooms work on. The balance of an account is defined here and nowhere else, so that a report, a mail, the
gate and an export can never disagree (product notes E4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from core.money import Money
from core.records import (
    Adjustment,
    Agreement,
    Contact,
    CreditNote,
    Deposit,
    DocumentStatus,
    Invoice,
    Malformed,
    Party,
    Payment,
    PaymentStatus,
    Posting,
    RecordKey,
    Ref,
    Refund,
    Role,
    Sale,
    Stream,
    Ticket,
    Work,
    key_of,
)

COUNTED_PAYMENTS = frozenset({PaymentStatus.RECEIVED, PaymentStatus.PENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A client. `id` never changes; `parties` are the customer records that stand for it, one or more per connection."""

    id: str
    name: str
    parties: tuple[RecordKey, ...]
    segment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetBalance:
    """What an account owes in one currency, and how it comes about. `net` may be negative: then we owe the client."""

    open_invoices: Money
    unapplied_payments: Money
    remaining_credits: Money
    direct_deposits: Money
    adjustments: Money

    @property
    def net(self) -> Money:
        """Open invoices - unapplied payments (cash in clearing included) - remaining credits - direct deposits + adjustments."""
        return self.open_invoices - self.unapplied_payments - self.remaining_credits - self.direct_deposits + self.adjustments


@dataclass(frozen=True, kw_only=True)
class AccountBooks:
    """One account's records. Sequences are sorted by connection and ref, so that order of pull never shows."""

    account: Account
    parties: tuple[Party, ...] = ()
    contacts: tuple[Contact, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    credit_notes: tuple[CreditNote, ...] = ()
    payments: tuple[Payment, ...] = ()
    deposits: tuple[Deposit, ...] = ()
    sales: tuple[Sale, ...] = ()
    refunds: tuple[Refund, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    work: tuple[Work, ...] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)

    @cached_property
    def ledger_connections(self) -> frozenset[str]:
        """The connections whose figures count: the books; where the account has none there, the PSA."""
        here = {party.connection for party in self.parties}
        for role in (Role.BOOKS, Role.PSA):
            found = frozenset(name for name in here if self.roles.get(name, Role.BOOKS) is role)
            if found:
                return found
        return frozenset(here)

    @cached_property
    def currencies(self) -> tuple[str, ...]:
        """Every currency in which the account has a document, sorted."""
        amounts = (
            *(invoice.total for invoice in self.invoices),
            *(payment.amount for payment in self.payments),
            *(note.total for note in self.credit_notes),
            *(item.amount for item in self.adjustments),
        )
        return tuple(sorted({amount.currency for amount in amounts}))

    def open_invoices(self, currency: str | None = None) -> tuple[Invoice, ...]:
        """Invoices of the ledger that are issued and not fully paid, oldest due first."""
        found = (
            invoice
            for invoice in self.invoices
            if invoice.connection in self.ledger_connections
            and invoice.status is DocumentStatus.OPEN
            and invoice.open.minor > 0
            and currency in (None, invoice.open.currency)
        )
        return tuple(sorted(found, key=lambda item: (item.due_on or item.issued_on, item.connection, item.ref)))

    def balance(self, currency: str) -> NetBalance:
        """What the account owes in `currency`, from the ledger's own figures."""
        ledger = self.ledger_connections
        return NetBalance(
            open_invoices=_sum((invoice.open for invoice in self.open_invoices(currency)), currency),
            unapplied_payments=_sum(
                (item.unapplied for item in self.payments if item.connection in ledger and item.status in COUNTED_PAYMENTS),
                currency,
            ),
            remaining_credits=_sum(
                (
                    note.remaining
                    for note in self.credit_notes
                    if note.connection in ledger and note.status in (DocumentStatus.OPEN, DocumentStatus.CLOSED)
                ),
                currency,
            ),
            direct_deposits=_sum(self._direct_deposits(), currency),
            adjustments=_sum((item.remaining for item in self.adjustments if item.connection in ledger), currency),
        )

    def _direct_deposits(self) -> Iterable[Money]:
        """Deposit lines posted straight to the receivable account, less what payments carried of them to invoices since."""
        mine = {(party.connection, party.ref) for party in self.parties}
        for deposit in self.deposits:
            if deposit.connection not in self.ledger_connections:
                continue
            for line in deposit.lines:
                posted_here = line.posting is Posting.RECEIVABLE and line.payment_ref is None
                if posted_here and (deposit.connection, line.party_ref) in mine:
                    yield line.amount
        for payment in self.payments:
            if payment.connection in self.ledger_connections:
                yield from (-use.amount for use in payment.credits_used if use.stream is Stream.DEPOSITS)


def _sum(amounts: Iterable[Money], currency: str) -> Money:
    return Money(sum(amount.minor for amount in amounts if amount.currency == currency), currency)


@dataclass(frozen=True, kw_only=True)
class Books:
    """All accounts at `as_of`. Records of parties that belong to no account (bank rows, strangers) stand in `unassigned`."""

    as_of: datetime
    accounts: Mapping[str, AccountBooks]
    unassigned: AccountBooks
    roles: Mapping[str, Role]
    malformed: tuple[tuple[str, Malformed], ...] = ()  # (connection, row that could not be read), still unreadable now

    @cached_property
    def account_of_party(self) -> Mapping[RecordKey, str]:
        return {key: books.account.id for books in self.accounts.values() for key in books.account.parties}

    @cached_property
    def invoices(self) -> Mapping[RecordKey, Invoice]:
        """Every invoice by its key."""
        return {key_of(item): item for books in self.all() for item in books.invoices}

    @cached_property
    def payments(self) -> Mapping[RecordKey, Payment]:
        """Every payment by its key."""
        return {key_of(item): item for books in self.all() for item in books.payments}

    def all(self) -> Iterable[AccountBooks]:
        yield from self.accounts.values()
        yield self.unassigned

    def find_party(self, connection: str, ref: Ref) -> str | None:
        """The account a party of a connection stands for, if it is known."""
        return self.account_of_party.get(RecordKey(connection, Stream.PARTIES, ref))

    def billed(self, records: Iterable[RecordKey]) -> frozenset[str]:
        """The accounts whose invoices are among these records."""
        owners = (
            self.find_party(bill.connection, bill.party_ref) for key in records if (bill := self.invoices.get(key)) is not None
        )
        return frozenset(owner for owner in owners if owner is not None)
