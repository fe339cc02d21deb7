"""What people and integrations do wrong, planted into clean books with a label each (product.md E, the vendors' cases).

Each planter takes a bill or payment nobody touched yet, spoils it in one of several ways people really do, and says so.
Nothing here looks at how the reconciler finds things.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from core.findings import FindingKind
from core.records import DocumentStatus, PaymentStatus, RecordKey, Ref, Stream
from tests.corpus.books_drafts import BOOKS, PSA, Bill, Cash, Client, Credit, Drafts, Income, Label

K = FindingKind


class Planter:
    """Plants faults into `drafts`; no two touch the same bill or payment."""

    def __init__(self, drafts: Drafts, seed: int) -> None:
        self.drafts = drafts
        self.chance = random.Random(seed)
        self.touched: set[str] = set()
        self.owed = drafts.owed()
        self.payers: dict[str, list[Cash]] = {}
        for cash in drafts.cash.values():
            for ref in cash.applied:
                self.payers.setdefault(ref, []).append(cash)
        self.credited = {ref for credit in drafts.credits.values() for ref in credit.applied}

    # ── picking ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def bills(self, wanted: Callable[[Bill], bool]) -> list[Bill]:
        found = [
            item
            for item in self.drafts.bills.values()
            if item.ref not in self.touched and item.total > 20_000 and item.status is None and wanted(item)
        ]
        self.chance.shuffle(found)
        return found

    def open_bill(self, bill: Bill) -> bool:
        return self.owed[bill.ref] == bill.total and bill.ref not in self.credited

    def paid_bill(self, bill: Bill) -> bool:
        """Paid by one payment of its own that received cash."""
        payers = self.payers.get(bill.ref, [])
        return len(payers) == 1 and payers[0].applied == {bill.ref: bill.total} and self._plain(payers[0])

    def _plain(self, cash: Cash) -> bool:
        return (
            cash.amount == sum(cash.applied.values()) and cash.ref not in self.touched and cash.status is PaymentStatus.RECEIVED
        )

    def payment_of(self, bill: Bill) -> Cash:
        return self.payers[bill.ref][0]

    def take(self, *items: Bill | Cash) -> None:
        self.touched.update(item.ref for item in items)

    def label(self, kind: K, records: Iterable[RecordKey], minor: int, variant: str, *also: K) -> None:
        self.drafts.labels.append(Label(kind, frozenset(records), minor, variant, frozenset(also)))

    def add_cash(self, cash: Cash) -> Cash:
        self.drafts.cash[cash.ref] = cash
        self.take(cash)
        return cash

    def again(self, cash: Cash, days: int, **changes: object) -> Cash:
        """The same payment once more, some days later."""
        on = min(cash.on + timedelta(days=days), self.drafts.today)
        return self.add_cash(replace(cash, ref=self.drafts.ref("R"), on=on, applied={}, **changes))  # type: ignore[arg-type]


def duplicate_invoice(p: Planter) -> bool:
    for bill in p.bills(lambda item: p.open_bill(item) or p.paid_bill(item)):
        variant = p.chance.choice(("new number", "new number", "copy mark", "same number", "days later", "retainer again"))
        if variant == "retainer again" and not (bill.agreement and bill.period):
            continue
        days = 0 if variant in ("new number", "copy mark") else p.chance.randrange(1, 4)
        copy = replace(bill, ref=p.drafts.ref("I"), issued=bill.issued + timedelta(days=days), in_psa=False)
        copy.due = copy.issued + (bill.due - bill.issued)
        if copy.issued > p.drafts.today:
            continue
        copy.number = {
            "copy mark": bill.number + p.chance.choice((" ", "A", "-copy")),
            "same number": bill.number.replace("-", p.chance.choice(("", "-", " "))),
        }.get(variant, f"INV-{10000 + p.drafts.last}")
        p.drafts.bills[copy.ref] = copy
        p.take(bill, copy)
        p.label(K.DUPLICATE_INVOICE, (copy.key(),), copy.total, variant)
        return True
    return False


def duplicate_payment(p: Planter) -> bool:
    for bill in p.bills(p.paid_bill):
        cash = p.payment_of(bill)
        variant = p.chance.choice(("unapplied", "unapplied", "applied twice", "other door", "weeks later"))
        if variant == "unapplied":
            copy = p.again(cash, p.chance.randrange(0, 4))
        elif variant == "applied twice":
            copy = p.again(cash, p.chance.randrange(0, 4))
            copy.applied = {bill.ref: bill.total}
        elif variant == "other door":
            copy = p.again(cash, p.chance.randrange(0, 3), reference=f"ch_{p.chance.randrange(10**9)}", method="card", memo=None)
        else:
            copy = p.again(cash, p.chance.randrange(5, 20), reference=f"{bill.number}", memo=None)
        p.take(bill, cash)
        p.label(K.DUPLICATE_PAYMENT, (copy.key(),), copy.amount, variant)
        return True
    return False


def unapplied_payment(p: Planter) -> bool:
    for bill in p.bills(p.paid_bill):
        cash = p.payment_of(bill)
        variant = p.chance.choice(("forgotten", "forgotten", "half", "on account"))
        if variant == "on account":
            cash = p.add_cash(
                replace(cash, ref=p.drafts.ref("R"), amount=p.chance.randrange(10_001, 900_001), applied={}, memo=None)
            )
            cash.reference = None
        elif variant == "half":
            cash.applied = {bill.ref: bill.total // 2}
        else:
            cash.applied = {}
        p.take(bill, cash)
        p.label(K.UNAPPLIED_PAYMENT, (cash.key(),), cash.amount - sum(cash.applied.values()), variant)
        return True
    return False


def unapplied_credit(p: Planter) -> bool:
    for bill in p.bills(p.paid_bill):
        variant = p.chance.choice(("whole", "rest"))
        total = p.chance.randrange(3_001, 150_000)
        on = p.drafts.today - timedelta(days=p.chance.randrange(0, 200))
        credit = Credit(p.drafts.ref("N"), bill.client, total, on)
        p.drafts.credits[credit.ref] = credit
        if variant == "rest":
            open_bills = p.bills(lambda item, client=bill.client: item.client is client and p.open_bill(item))  # type: ignore[misc]
            if open_bills:
                credit.applied = {open_bills[0].ref: min(total // 3, open_bills[0].total // 3)}
                p.take(open_bills[0])
        p.label(K.UNAPPLIED_CREDIT, (credit.key(),), credit.total - sum(credit.applied.values()), variant)
        return True
    return False


def overpayment(p: Planter) -> bool:
    for bill in p.bills(p.paid_bill):
        cash = p.payment_of(bill)
        variant = p.chance.choice(("round up", "a tenth", "applied beyond"))
        extra = 100_00 - bill.total % 100_00 if variant == "round up" else bill.total // 10
        if extra < 100:
            continue
        cash.amount += extra
        if variant == "applied beyond":
            cash.applied = {bill.ref: bill.total + extra}
        p.take(bill, cash)
        p.label(K.OVERPAYMENT, (cash.key(), bill.key()), extra, variant)
        return True
    return False


def short_payment(p: Planter) -> bool:
    for bill in p.bills(lambda item: p.paid_bill(item) and item.total > 50_000):
        cash = p.payment_of(bill)
        variant = p.chance.choice(("bank fee", "discount", "rounding"))
        short = {"bank fee": p.chance.choice((1500, 2500)), "discount": bill.total // 50, "rounding": bill.total % 100 or 1}[
            variant
        ]
        cash.amount -= short
        cash.applied = {bill.ref: cash.amount}
        p.take(bill, cash)
        p.label(K.SHORT_PAYMENT, (cash.key(), bill.key()), short, variant)
        return True
    return False


def misapplied_payment(p: Planter) -> bool:
    for bill in p.bills(p.paid_bill):
        cash = p.payment_of(bill)
        others = [
            item
            for item in p.bills(p.open_bill)
            if item.client is bill.client and item.total == bill.total and item.ref != bill.ref and item.issued <= cash.on
        ] or [item for item in p.bills(p.open_bill) if item.client is bill.client and item.total > bill.total]
        if not others:
            continue
        wrong = others[0]
        cash.applied = {wrong.ref: cash.amount}
        text = p.chance.choice(("Payment for {}", "{}", "inv {} thanks", "Invoice #{}")).format(
            p.chance.choice((bill.number, bill.number.removeprefix("INV-")))
        )
        cash.reference, cash.memo = (None, text) if p.chance.random() < 0.7 or text[0].isdigit() else (text, None)
        p.take(bill, wrong, cash)
        p.label(K.MISAPPLIED_PAYMENT, (cash.key(),), cash.amount, "equal" if wrong.total == bill.total else "older")
        return True
    return False


def misapplied_party(p: Planter) -> bool:
    for bill in p.bills(lambda item: p.paid_bill(item) and item.client.parent is None):
        cash = p.payment_of(bill)
        stranger = p.chance.choice(
            [item for item in p.drafts.clients.values() if item.parent is None and item is not bill.client]
        )
        if stranger.currency != bill.client.currency:
            continue
        variant = p.chance.choice(("loose on another", "crossing", "on an equal bill"))
        if variant == "on an equal bill":
            equal = [item for item in p.bills(p.open_bill) if item.client is stranger and item.total >= bill.total]
            if not equal:
                continue
            cash.applied = {equal[0].ref: bill.total}
            p.take(equal[0])
        elif variant == "loose on another":
            cash.applied = {}
        cash.client, cash.reference, cash.memo = stranger, None, f"Payment {bill.number}"
        p.take(bill, cash)
        p.label(K.MISAPPLIED_PARTY, (cash.key(),), cash.amount, variant)
        return True
    return False


def deposit_to_income(p: Planter) -> bool:
    for bill in p.bills(lambda item: p.paid_bill(item) and item.client.parent is None):
        cash = p.payment_of(bill)
        variant = p.chance.choice(("party", "party", "name in memo", "number in memo"))
        del p.drafts.cash[cash.ref]
        income = Income(p.drafts.ref("D"), bill.client if variant == "party" else None, cash.amount, cash.on)
        if income.client is None and bill.client.currency != "USD":
            income.client = bill.client
        income.memo = {"name in memo": f"ACH {bill.client.name}", "number in memo": f"Payment {bill.number}"}.get(variant, "")
        p.drafts.income[income.ref] = income
        p.take(bill, cash)
        p.label(K.DEPOSIT_TO_INCOME, (income.key(),), income.amount, variant)
        return True
    return False


def allocation_to_void(p: Planter) -> bool:
    for bill in p.bills(p.paid_bill):
        bill.status = DocumentStatus.VOID
        p.take(bill, p.payment_of(bill))
        p.label(K.ALLOCATION_TO_VOID, (p.payment_of(bill).key(), bill.key()), bill.total, "void")
        return True
    return False


def reversed_payment(p: Planter) -> bool:
    for bill in p.bills(p.paid_bill):
        cash = p.payment_of(bill)
        cash.status = PaymentStatus.REVERSED
        bill.skew = -bill.total  # still shown as paid
        variant = p.chance.choice(("link kept", "link gone"))
        if variant == "link gone":
            cash.applied = {}
        p.take(bill, cash)
        p.label(K.REVERSED_PAYMENT, (cash.key(), bill.key()), bill.total, variant)
        return True
    return False


def balance_mismatch(p: Planter) -> bool:
    for bill in p.bills(lambda item: p.open_bill(item) or p.paid_bill(item)):
        owes = p.owed[bill.ref] > 0
        bill.skew = p.chance.choice((1, 37, 1250, bill.total // 4)) * (-1 if owes else 1)
        p.take(bill, *p.payers.get(bill.ref, []))
        p.label(K.BALANCE_MISMATCH, (bill.key(),), abs(bill.skew), "open" if owes else "paid")
        return True
    return False


def currency_mismatch(p: Planter) -> bool:
    for bill in p.bills(p.paid_bill):
        cash = p.payment_of(bill)
        cash.currency = "GBP"
        p.take(bill, cash)
        p.label(K.CURRENCY_MISMATCH, (cash.key(), bill.key()), bill.total, "payment")
        return True
    return False


def stale_undeposited(p: Planter) -> bool:
    for bill in p.bills(p.paid_bill):
        cash = p.payment_of(bill)
        if (p.drafts.today - cash.on).days > 25:
            cash.banked = False
            p.take(bill, cash)
            p.label(K.STALE_UNDEPOSITED, (cash.key(),), cash.amount, "not in a deposit")
            return True
    return False


# ── two systems ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _mirrored(p: Planter, bill: Bill) -> bool:
    return bill.client.in_psa and bill.in_psa and bill.in_books and (p.drafts.today - bill.issued).days > 10


def missing_in_books(p: Planter) -> bool:
    for bill in p.bills(lambda item: _mirrored(p, item) and p.open_bill(item)):
        bill.in_books = False
        p.take(bill)
        p.label(K.MISSING_IN_BOOKS, (bill.key(PSA),), bill.total, "missing")
        return True
    return False


def missing_in_psa(p: Planter) -> bool:
    for bill in p.bills(lambda item: _mirrored(p, item) and item.agreement is None):
        bill.in_psa = False
        p.take(bill)
        p.label(K.MISSING_IN_PSA, (bill.key(),), bill.total, "missing")
        return True
    return False


def amount_mismatch(p: Planter) -> bool:
    for bill in p.bills(lambda item: _mirrored(p, item)):
        bill.psa_total = bill.total + p.chance.choice((50, 1999, 10_000, -25, -5_000))
        p.take(bill)
        p.label(K.AMOUNT_MISMATCH, (bill.key(), bill.key(PSA)), abs(bill.psa_total - bill.total), "edited")
        return True
    return False


def status_mismatch(p: Planter) -> bool:
    for bill in p.bills(lambda item: _mirrored(p, item) and p.open_bill(item) and item.psa_total is None):
        variant = p.chance.choice(("void in PSA", "void in books", "paid in PSA"))
        if variant == "void in PSA":
            bill.psa_status = DocumentStatus.VOID
        elif variant == "void in books":
            bill.status, bill.psa_status, bill.psa_open = DocumentStatus.VOID, DocumentStatus.OPEN, bill.total
        else:
            bill.psa_open, bill.psa_status = 0, DocumentStatus.CLOSED
        p.take(bill)
        p.label(K.STATUS_MISMATCH, (bill.key(), bill.key(PSA)), bill.total, variant)
        return True
    return False


def payment_missing_in_psa(p: Planter) -> bool:
    for bill in p.bills(lambda item: _mirrored(p, item) and p.paid_bill(item)):
        cash = p.payment_of(bill)
        if (p.drafts.today - cash.on).days > 10:
            bill.psa_open = bill.psa_total or bill.total
            p.take(bill, cash)
            p.label(K.PAYMENT_MISSING_IN_PSA, (bill.key(), bill.key(PSA), cash.key()), bill.total, "never written")
            return True
    return False


def billing_gap(p: Planter) -> bool:
    for bill in p.bills(lambda item: p.open_bill(item) or p.paid_bill(item)):
        series = [item for item in p.drafts.bills.values() if item.agreement and item.agreement == bill.agreement and item.total]
        months = sorted({item.period[0] for item in series if item.period})
        inside = bill.period is not None and bill.period[0] in months[2:-2]
        if not inside or bill.agreement in p.touched:
            continue
        assert bill.period is not None
        if sum(item.period == bill.period for item in series) > 1:
            continue
        for cash in p.payers.get(bill.ref, []):
            p.drafts.cash.pop(cash.ref, None)
        del p.drafts.bills[bill.ref]
        p.touched.update((bill.ref, bill.agreement or ""))
        key = RecordKey(PSA if bill.client.in_psa else BOOKS, Stream.AGREEMENTS, Ref(bill.agreement or ""))
        p.label(K.BILLING_GAP, (key,), bill.total, "month")
        return True
    return False


def duplicate_party(p: Planter) -> bool:
    known = {next(iter(label.records)).ref for label in p.drafts.labels if label.kind is K.DUPLICATE_PARTY}
    for client in p.chance.sample(sorted(p.drafts.clients.values(), key=lambda item: item.ref), len(p.drafts.clients)):
        if client.parent or client.ref in p.touched or client.ref in known or client.in_psa:
            continue
        bare = (
            client.name.rsplit(" ", 1)[0]
            if client.name.rsplit(" ", 1)[-1] in ("Inc", "LLC", "Ltd", "Corp", "PC")
            else client.name
        )
        variant, name = p.chance.choice(
            (("form", f"{bare}, Incorporated"), ("case", client.name.upper()), ("copy", f"{client.name}-1"), ("typo", f"{bare}s"))
        )
        twin = Client(p.drafts.ref("C"), name, client.email if variant == "typo" else "", client.currency)
        p.drafts.clients[twin.ref] = twin
        p.touched.update((client.ref, twin.ref))
        keys = (RecordKey(BOOKS, Stream.PARTIES, Ref(item.ref)) for item in (client, twin))
        p.label(K.DUPLICATE_PARTY, keys, 0, variant)
        return True
    return False


PLANTERS: tuple[tuple[FindingKind, Callable[[Planter], bool]], ...] = (
    (K.BILLING_GAP, billing_gap),
    (K.DUPLICATE_PARTY, duplicate_party),
    (K.DUPLICATE_INVOICE, duplicate_invoice),
    (K.DUPLICATE_PAYMENT, duplicate_payment),
    (K.MISAPPLIED_PAYMENT, misapplied_payment),
    (K.MISAPPLIED_PARTY, misapplied_party),
    (K.UNAPPLIED_PAYMENT, unapplied_payment),
    (K.UNAPPLIED_CREDIT, unapplied_credit),
    (K.OVERPAYMENT, overpayment),
    (K.SHORT_PAYMENT, short_payment),
    (K.DEPOSIT_TO_INCOME, deposit_to_income),
    (K.ALLOCATION_TO_VOID, allocation_to_void),
    (K.REVERSED_PAYMENT, reversed_payment),
    (K.BALANCE_MISMATCH, balance_mismatch),
    (K.CURRENCY_MISMATCH, currency_mismatch),
    (K.STALE_UNDEPOSITED, stale_undeposited),
    (K.MISSING_IN_BOOKS, missing_in_books),
    (K.MISSING_IN_PSA, missing_in_psa),
    (K.AMOUNT_MISMATCH, amount_mismatch),
    (K.STATUS_MISMATCH, status_mismatch),
    (K.PAYMENT_MISSING_IN_PSA, payment_missing_in_psa),
)


def plant(drafts: Drafts, seed: int, *, each: int) -> Drafts:
    """Plant about `each` faults of every kind into `drafts`, in place."""
    planter = Planter(drafts, seed)
    for _ in range(each):
        for _kind, spoil in PLANTERS:
            spoil(planter)
    return drafts
