"""What a QuickBooks payment is applied to. Decides which of its lines are charges paid and which are credits used. Pure.

Every line's Amount is positive and only its LinkedTxn says what it is: an invoice is a charge, a credit memo a credit. A journal
entry, cheque, expense, card credit or deposit can be either, so their side is solved from the payment's own identity
TotalAmt = charges - credits + UnappliedAmt (checked on a recorded company, 20 of 20 payments).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from connectors.quickbooks.ledger import purchase_ref
from connectors.quickbooks.reading import Row
from core.money import Money
from core.records import Adjustment, Allocation, CreditUse, Payment, Ref, Stream

# Intuit, "Manage linked transactions": what a payment line may link to. None: either side.
_SIDES: Mapping[str, tuple[Stream, int | None]] = {
    "Invoice": (Stream.INVOICES, 1),
    "CreditMemo": (Stream.CREDIT_NOTES, -1),
    "JournalEntry": (Stream.ADJUSTMENTS, None),
    "Expense": (Stream.ADJUSTMENTS, None),
    "Check": (Stream.ADJUSTMENTS, None),
    "CreditCardCredit": (Stream.ADJUSTMENTS, None),
    "RefundReceipt": (Stream.REFUNDS, None),
    "Deposit": (Stream.DEPOSITS, None),
}
PURCHASES = frozenset({"Expense", "Check", "CreditCardCredit"})  # what links call the three faces of a Purchase
_MOST_UNSETTLED = 12  # 2**12 sign choices; more such lines on one payment were never seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Applications:
    """The lines of a payment, sorted out. A charge that is no invoice stands in `credits_used` with a negative amount."""

    allocations: tuple[Allocation, ...]
    credits_used: tuple[CreditUse, ...]

    def __bool__(self) -> bool:
        return bool(self.allocations or self.credits_used)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    stream: Stream
    ref: Ref
    amount: Money
    side: int | None
    where: Row


def read_applications(row: Row, *, total: Money, unapplied: Money) -> Applications:
    """Sort the lines of a payment row into invoices paid and credits used; Unreadable when they cannot be told apart."""
    lines = [line for item in row.rows("Line") if (line := _line(item, total.currency)) is not None]
    settled = _settle(row, lines, total.minor - unapplied.minor)
    return Applications(
        allocations=tuple(
            Allocation(invoice_ref=line.ref, amount=line.amount) for line in lines if line.stream is Stream.INVOICES
        ),
        credits_used=tuple(
            CreditUse(stream=line.stream, ref=line.ref, amount=line.amount if side < 0 else -line.amount)
            for line, side in zip(lines, settled, strict=True)
            if line.stream is not Stream.INVOICES
        ),
    )


def _line(item: Row, currency: str) -> _Line | None:
    links = list(item.rows("LinkedTxn"))
    amount = item.amount("Amount", currency)
    if not links or not amount:
        return None
    if len(links) > 1:
        raise item.fail("LinkedTxn", f"names {len(links)} transactions for one amount")
    link = links[0]
    kind = link.text("TxnType")
    if kind not in _SIDES:
        raise link.fail("TxnType", f"{kind!r} is not a transaction a payment can be applied to")
    if amount.minor < 0:
        raise item.fail("Amount", f"is negative ({amount})")
    stream, side = _SIDES[kind]
    ref = link.text("TxnId")
    return _Line(stream=stream, ref=Ref(purchase_ref(ref) if kind in PURCHASES else ref), amount=amount, side=side, where=item)


def _settle(row: Row, lines: list[_Line], applied: int) -> list[int]:
    """A side for every line so that charges - credits = `applied` (minor units)."""
    open_at = [index for index, line in enumerate(lines) if line.side is None]
    sides = [line.side or 0 for line in lines]
    if not open_at:
        return sides
    if len(open_at) > _MOST_UNSETTLED:
        raise row.fail("Line", f"links {len(open_at)} entries that may be charges or credits")
    known = sum(side * line.amount.minor for side, line in zip(sides, lines, strict=True))
    solutions = [
        choice
        for choice in itertools.product((-1, 1), repeat=len(open_at))
        if known + sum(side * lines[index].amount.minor for side, index in zip(choice, open_at, strict=True)) == applied
    ]
    if not solutions:
        raise row.fail("Line", "does not add up: TotalAmt is not charges - credits + UnappliedAmt whichever side its links are")
    for index, side in zip(open_at, solutions[0], strict=True):
        sides[index] = side
    return sides


def with_remaining(found: Iterable[Adjustment], payments: Iterable[Payment]) -> list[Adjustment]:
    """Adjustments with what is left of them after `payments` of their own party used them, never beyond zero."""
    used: dict[tuple[str, Ref | None], int] = {}
    for payment in payments:
        for use in payment.credits_used:
            if use.stream is Stream.ADJUSTMENTS:
                key = (use.ref, payment.party_ref)
                used[key] = used.get(key, 0) + abs(use.amount.minor)
    return [replace(item, remaining=_shrunk(item.amount, used.get((entry_of(item.ref), item.party_ref), 0))) for item in found]


def entry_of(ref: str) -> str:
    """What stands behind an adjustment's ref: a journal entry's id, or a Purchase's with its mark."""
    return ref.partition(":")[0]


def _shrunk(amount: Money, taken: int) -> Money:
    left = max(abs(amount.minor) - taken, 0)
    return Money(left if amount.minor > 0 else -left, amount.currency)
