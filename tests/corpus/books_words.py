"""Short words for small ledgers in tests: `party`, `bill`, `pay`, `credit`, `deposit`, and `found` for what is said of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from core.findings import Finding
from core.money import Money
from core.reconcile.engine import reconcile
from core.records import (
    Allocation,
    CreditNote,
    Deposit,
    DepositLine,
    DocumentStatus,
    Invoice,
    Party,
    Payment,
    Posting,
    Record,
    Ref,
    Role,
)
from tests.corpus.books_assembly import assemble

TODAY = date(2026, 5, 5)
ROLES = {"books": Role.BOOKS, "psa": Role.PSA}


def day(text: str) -> date:
    """ "03-15" of 2026, or a full ISO day."""
    return date.fromisoformat(text if len(text) > 5 else f"2026-{text}")


def party(ref: str = "C", name: str = "Harbor Dental", connection: str = "books", **more: Any) -> Party:
    return Party(connection=connection, ref=Ref(ref), name=name, **more)


def bill(
    ref: str,
    total: str,
    on: str,
    owed: str | None = None,
    *,
    of: str = "C",
    code: str = "USD",
    connection: str = "books",
    **more: Any,
) -> Invoice:
    """An invoice; `owed` is its total unless given, its status follows unless given."""
    amount = Money.parse(total, code)
    left = Money.parse(owed, code) if owed is not None else amount
    more.setdefault("status", DocumentStatus.OPEN if left.minor > 0 else DocumentStatus.CLOSED)
    more.setdefault("number", f"INV-{ref}")
    more.setdefault("due_on", day(on) + timedelta(days=30))
    return Invoice(connection=connection, ref=Ref(ref), party_ref=Ref(of), total=amount, open=left, issued_on=day(on), **more)


def pay(
    ref: str, amount: str, on: str, to: dict[str, str] | None = None, *, of: str | None = "C", code: str = "USD", **more: Any
) -> Payment:
    """A payment applied to invoices `to`; the rest is unapplied unless given."""
    applied = tuple(Allocation(invoice_ref=Ref(name), amount=Money.parse(part, code)) for name, part in (to or {}).items())
    whole = Money.parse(amount, code)
    more.setdefault("unapplied", Money(whole.minor - sum(item.amount.minor for item in applied), code))
    more.setdefault("connection", "books")
    return Payment(ref=Ref(ref), party_ref=Ref(of) if of else None, amount=whole, paid_on=day(on), allocations=applied, **more)


def credit(
    ref: str, total: str, on: str, to: dict[str, str] | None = None, *, of: str = "C", code: str = "USD", **more: Any
) -> CreditNote:
    applied = tuple(Allocation(invoice_ref=Ref(name), amount=Money.parse(part, code)) for name, part in (to or {}).items())
    whole = Money.parse(total, code)
    left = Money(whole.minor - sum(item.amount.minor for item in applied), code)
    more.setdefault("remaining", left)
    more.setdefault("status", DocumentStatus.OPEN if left.minor else DocumentStatus.CLOSED)
    return CreditNote(
        connection="books",
        ref=Ref(ref),
        party_ref=Ref(of),
        number=f"CN-{ref}",
        total=whole,
        issued_on=day(on),
        allocations=applied,
        **more,
    )


def deposit(ref: str, amount: str, on: str, *, of: str | None = None, posting: Posting = Posting.INCOME, **more: Any) -> Deposit:
    """A deposit of one line."""
    whole = Money.parse(amount, "USD")
    line = DepositLine(amount=whole, posting=posting, party_ref=Ref(of) if of else None, **more)
    return Deposit(connection="books", ref=Ref(ref), amount=whole, deposited_on=day(on), lines=(line,))


def findings(records: Iterable[Record], **more: Any) -> tuple[Finding, ...]:
    """What the reconciler says of `records` on the fixed day."""
    roles = more.pop("roles", ROLES)
    return reconcile(assemble(records, roles=roles, malformed=more.pop("malformed", ())), today=more.pop("today", TODAY), **more)


def found(records: Iterable[Record], **more: Any) -> set[tuple[str, tuple[str, ...]]]:
    """Kinds with the refs of their subjects."""
    return {(str(item.kind), tuple(str(key.ref) for key in item.subjects)) for item in findings(records, **more)}
