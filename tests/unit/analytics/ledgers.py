"""Small ledgers for reports: invoices with the day they were paid, per client."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from core.analytics.flows import months_before
from core.books import Account, AccountBooks, Books
from core.findings import Finding, FindingKind, FindingState, Severity
from core.money import Money
from core.outbox import ContactKind, PastContact
from core.records import Allocation, Contact, DocumentStatus, Invoice, Party, Payment, RecordKey, Ref, Role, Stream

TODAY = date(2026, 6, 30)


def usd(minor):
    return Money(minor, "USD")


def month_start(back):
    """The first of the month so many months before TODAY's."""
    return months_before(TODAY.replace(day=1), back)


def invoice(ref, party="p", *, issued_on, total=10_000, paid_on=None, terms=30, **more):
    """An invoice; `paid_on` closes it (see `paying`)."""
    given = {
        "connection": "books",
        "due_on": issued_on + timedelta(days=terms) if terms is not None else None,
        "open": usd(0 if paid_on else total),
        "status": DocumentStatus.CLOSED if paid_on else DocumentStatus.OPEN,
        "number": ref,
        **more,
    }
    return Invoice(ref=Ref(ref), party_ref=Ref(party), total=usd(total), issued_on=issued_on, **given)


def paying(bill, paid_on, minor=None):
    """The payment of an invoice."""
    amount = usd(bill.total.minor if minor is None else minor)
    return Payment(
        connection=bill.connection,
        ref=Ref(f"pay-{bill.ref}"),
        party_ref=bill.party_ref,
        amount=amount,
        unapplied=usd(0),
        paid_on=paid_on,
        allocations=(Allocation(invoice_ref=bill.ref, amount=amount),),
    )


def client(ref="p", bills=(), *, email="ap@client.example", connection="books", **more):
    """An account with one party; `bills` are (invoice, paid_on or None)."""
    party = Party(connection=connection, ref=Ref(ref), name=f"Client {ref}", email=email)
    account = Account(id=f"{connection}:{ref}", name=f"Client {ref}", parties=(RecordKey(connection, Stream.PARTIES, Ref(ref)),))
    payments = tuple(paying(bill, paid_on) for bill, paid_on in bills if paid_on)
    given = {"parties": (party,), "roles": {"books": Role.BOOKS, "psa": Role.PSA}, "payments": payments, **more}
    return AccountBooks(account=account, invoices=tuple(bill for bill, _ in bills), **given)


def books(*clients):
    """These clients' books."""
    roles = {"books": Role.BOOKS, "psa": Role.PSA}
    nobody = AccountBooks(account=Account(id="", name="", parties=()), roles=roles)
    named = {item.account.id: item for item in clients}
    return Books(as_of=datetime(2026, 6, 30, 12, tzinfo=UTC), accounts=named, unassigned=nobody, roles=roles)


def monthly(ref="p", months=12, *, late=-5, total=10_000, **more):
    """A client billed on the first of each month who pays `late` days after the due date."""
    bills = []
    for back in range(months - 1, -1, -1):
        issued = month_start(back)
        paid_on = issued + timedelta(days=30 + late)
        paid = paid_on if paid_on <= TODAY else None
        bills.append((invoice(f"{ref}-{back}", ref, issued_on=issued, total=total, paid_on=paid, **more), paid))
    return bills


@dataclass(frozen=True)
class Seen:
    """A finding as the store would give it."""

    finding: Finding
    state: FindingState = FindingState.OPEN
    first_seen_at: datetime = datetime(2026, 6, 1, tzinfo=UTC)
    last_seen_at: datetime = datetime(2026, 6, 30, tzinfo=UTC)
    decided_by: str | None = None
    decided_at: datetime | None = None


def seen(kind, account="books:p", subject=None, state=FindingState.OPEN, **more):
    """A finding of `kind` about one invoice."""
    found = Finding(
        kind=FindingKind(kind),
        severity=Severity.MEDIUM,
        confidence=0.9,
        account=account,
        connection="books",
        subjects=(RecordKey("books", Stream.INVOICES, Ref(subject or "p-0")),),
        at_stake=usd(10_000),
        evidence=more.pop("evidence", {}),
        proposal="look at it",
    )
    return Seen(found, state, **more)


def contacted(kind, on, *, account="books:p", outcome="", channel="mail", **more):
    """An entry of the contact log."""
    at = datetime(on.year, on.month, on.day, 15, tzinfo=UTC)
    return PastContact(account=account, kind=ContactKind(kind), at=at, channel=channel, outcome=outcome, **more)


def person(role=None, *, primary=False, email="x@client.example", party="p"):
    """A contact of a client."""
    return Contact(connection="books", ref=Ref("c"), party_ref=Ref(party), name="Kim", email=email, role=role, primary=primary)
