"""The tables of an evidence pack as CSV (RFC 4180, UTF-8): invoices, ledger, allocations, contacts, disputes, plans, delivery.

Every text passes the redaction, and no cell is run as a formula by a spreadsheet (OWASP, CSV injection).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from core.books import COUNTED_PAYMENTS
from core.collections.evidence import Evidence
from core.collections.redaction import strip_secrets
from core.messages.clean import one_line
from core.money import Money
from core.records import CreditNote, DocumentStatus, Invoice, Payment, key_of

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_LONGEST = 1000
_FORMULA = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")  # the full-width ones are formulas to some spreadsheets too
Cell = str | int | date | datetime | Money | bool | None


def safe_cell(value: Cell) -> str:
    """A cell as text: amounts in plain decimals, instants in UTC, texts redacted and never a formula."""
    if value is None:
        return ""
    if isinstance(value, Money):
        return str(value.decimal)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, int | date):
        return str(value)
    text = one_line(strip_secrets(value), _LONGEST)
    return f"'{text}" if text[:1] in _FORMULA and not _NUMBER.fullmatch(text) else text


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A table as a file."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


def invoices_csv(evidence: Evidence) -> bytes:
    """The claim, invoice by invoice, with its age: what agencies load first."""
    columns = ("number", "reference", "issued_on", "due_on", "days_past_due", "currency", "total", "open", "memo")
    rows = (
        (
            item.number or item.ref,
            item.reference,
            item.issued_on,
            item.due_on,
            max((evidence.today - item.due_on).days, 0) if item.due_on else None,
            item.open.currency,
            item.total,
            item.open,
            item.memo,
        )
        for item in evidence.invoices
    )
    return csv_bytes(columns, rows)


# ── the ledger ──────────────────────────────────────────────────────────────────────────────────────────────────────────
LedgerLine = tuple[date, str, str, Money | None, Money | None, Money]


def ledger_lines(evidence: Evidence) -> list[LedgerLine]:
    """(day, what, number, debit, credit, balance) of everything the client's ledger has in the claim's currency, oldest first.

    The last line is the balance of the books; where the lines do not lead there, a line before it says by how much.
    """
    balance = 0
    lines: list[LedgerLine] = []
    code = evidence.currency
    for day, _, what, number, minor in sorted(_entries(evidence)):
        balance += minor
        amount = Money(abs(minor), code)
        debit, credit = (amount, None) if minor >= 0 else (None, amount)
        lines.append((day, what, number, debit, credit, Money(balance, code)))
    net = evidence.books.balance(code).net
    rest = net.minor - balance
    if rest:
        other = Money(abs(rest), code)
        lines.append((evidence.today, "other entries", "", other if rest > 0 else None, other if rest < 0 else None, net))
    lines.append((evidence.today, "balance of the books", "", None, None, net))
    return lines


def _entries(evidence: Evidence) -> Iterator[tuple[date, int, str, str, int]]:
    books, code, ledger = evidence.books, evidence.currency, evidence.books.ledger_connections
    standing = (DocumentStatus.OPEN, DocumentStatus.CLOSED)
    for invoice in books.invoices:
        if invoice.connection in ledger and invoice.status in standing and invoice.total.currency == code:
            yield invoice.issued_on, 0, "invoice", invoice.number or invoice.ref, invoice.total.minor
            if invoice.prepaid is not None and invoice.prepaid.minor:
                yield invoice.issued_on, 1, "paid with the invoice", invoice.number or invoice.ref, -invoice.prepaid.minor
    for note in books.credit_notes:
        if note.connection in ledger and note.status in standing and note.total.currency == code:
            yield note.issued_on, 2, "credit note", note.number or note.ref, -note.total.minor
    for payment in books.payments:
        if payment.connection in ledger and payment.status in COUNTED_PAYMENTS and payment.amount.currency == code:
            yield payment.paid_on, 3, "payment", payment.reference or payment.ref, -payment.amount.minor
    for item in books.adjustments:
        if item.connection in ledger and item.amount.currency == code:
            yield item.adjusted_on, 4, "adjustment", item.number or item.ref, item.amount.minor


def ledger_csv(evidence: Evidence) -> bytes:
    """The ledger with its running balance."""
    return csv_bytes(("on", "what", "number", "debit", "credit", "balance"), ledger_lines(evidence))


def allocations_csv(evidence: Evidence) -> bytes:
    """Which payment or credit was applied to which invoice of the claim, and how much."""
    numbers = {(item.connection, item.ref): item.number or str(item.ref) for item in evidence.invoices}
    sources: list[Payment | CreditNote] = [*evidence.books.payments, *evidence.books.credit_notes]
    rows = [
        (
            part.applied_on or (source.paid_on if isinstance(source, Payment) else source.issued_on),
            "payment" if isinstance(source, Payment) else "credit note",
            source.reference or source.ref,
            numbers[source.connection, part.invoice_ref],
            part.amount,
        )
        for source in sources
        for part in source.allocations
        if (source.connection, part.invoice_ref) in numbers
    ]
    return csv_bytes(("on", "source", "number", "invoice", "amount"), sorted(rows, key=str))


# ── what was said, and agreed ───────────────────────────────────────────────────────────────────────────────────────────
def contacts_csv(evidence: Evidence) -> bytes:
    """Every message, call, reply and bounce."""
    names = {key_of(item): item.number or str(item.ref) for item in evidence.invoices}
    rows = (
        (
            item.at,
            item.kind.value,
            item.stage,
            item.channel,
            " ".join(item.to),
            item.subject,
            " ".join(names[key] for key in item.invoices if key in names),
            item.outcome,
            item.content_hash,
            item.waived,
        )
        for item in evidence.contacts
    )
    columns = ("at", "kind", "stage", "channel", "to", "subject", "invoices", "outcome", "content_hash", "waived")
    return csv_bytes(columns, rows)


def disputes_csv(evidence: Evidence) -> bytes:
    """What the client disputed, and when that ended."""
    names = {key_of(item): item.number or str(item.ref) for item in evidence.books.invoices}
    rows = (
        (
            item.placed_at,
            names.get(item.invoice, "") if item.invoice else "everything",
            item.reason,
            item.placed_by,
            item.lifted_at,
        )
        for item in evidence.disputes
    )
    return csv_bytes(("raised_at", "invoice", "reason", "recorded_by", "ended_at"), rows)


def arrangements_csv(evidence: Evidence) -> bytes:
    """Promises to pay and payment plans, and whether they were kept."""
    rows: list[Sequence[Cell]] = []
    code = evidence.currency
    for promise in evidence.promises:
        amount = Money(promise.amount_minor, promise.currency or code) if promise.amount_minor is not None else None
        rows.append(
            ("promise", promise.made_at, promise.due_on, amount, None, "open" if promise.due_on >= evidence.today else "past")
        )
    for plan, state in evidence.plans:
        for part in plan.instalments:
            word = "broken" if state.breached else "kept"
            rows.append(("plan", plan.agreed_at, part.due_on, part.amount, state.paid, word))
    return csv_bytes(("what", "made_at", "due_on", "amount", "paid_so_far", "state"), rows)


def delivery_csv(evidence: Evidence) -> bytes:
    """What shows that each invoice's service was delivered: time worked as sums, tickets by number. Never their notes."""
    rows: list[Sequence[Cell]] = []
    for invoice in evidence.invoices:
        rows += _delivered(evidence, invoice)
    columns = ("invoice", "what", "reference", "from", "to", "minutes", "entries", "state")
    return csv_bytes(columns, rows)


def _delivered(evidence: Evidence, invoice: Invoice) -> Iterator[Sequence[Cell]]:
    name = invoice.number or str(invoice.ref)
    for work in evidence.work_of(invoice):
        yield name, "time worked", work.ref, work.period_start, work.period_end, work.minutes, work.entries, None
    for ticket in evidence.tickets_of(invoice):
        state = "closed" if ticket.closed else "open"
        yield name, "ticket", ticket.ref, ticket.opened_at, ticket.closed_at, None, None, state
