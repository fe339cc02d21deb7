"""From rows of text to records: pure, and as strict about money and dates as it is generous about words.

What a blank cell means is decided here (and told in docs/csv-files.md): a blank currency is the organisation's; a blank
`unapplied` or `remaining` is what the allocations leave; a blank `open` is the total less what live payments and credits are
applied to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import msgspec

from connectors.csvfiles.allocating import Applied
from connectors.csvfiles.cells import BadCell, Cells
from connectors.csvfiles.table import Bad, Line, Table
from connectors.csvfiles.words import ACTIVE_WORDS, DOCUMENT_WORDS, PAYMENT_WORDS, posting_of, says_disputed, says_partial
from core.money import Money, total
from core.records import (
    Allocation,
    CreditNote,
    Deposit,
    DepositLine,
    DocumentStatus,
    Entry,
    Invoice,
    Malformed,
    Party,
    Payment,
    PaymentStatus,
    Record,
    Ref,
    Stream,
)
from core.unread import calling_itself

COLUMNS: dict[str, tuple[str, ...]] = {
    "parties.csv": ("ref", "name", "email", "phone", "currency", "timezone", "country", "region", "active", "locale"),
    "invoices.csv": (
        *("ref", "party_ref", "number", "reference", "currency", "total", "open", "issued_on", "due_on", "status"),
        *("agreement_ref", "period_start", "period_end", "updated_at"),
    ),
    "payments.csv": (
        *(
            "ref",
            "party_ref",
            "currency",
            "amount",
            "unapplied",
            "paid_on",
            "reference",
            "memo",
            "method",
            "status",
            "updated_at",
        ),
    ),
    "credit_notes.csv": ("ref", "party_ref", "number", "currency", "total", "remaining", "issued_on", "status", "updated_at"),
    "allocations.csv": ("source_ref", "invoice_ref", "amount", "applied_on"),
    "deposits.csv": ("ref", "party_ref", "currency", "amount", "deposited_on", "posted_to", "memo", "payment_ref"),
}
_JSON = msgspec.json.Encoder(order="deterministic")
SETTLED = (DocumentStatus.CLOSED, DocumentStatus.VOID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What every row is read with: the connection's name, the organisation's currency and time zone."""

    connection: str
    currency: str
    zone: ZoneInfo


Rows = tuple[Entry | Malformed, ...]
Maker = Callable[[Cells, Reading], Record]


def read_rows(
    table: Table, stream: Stream, reading: Reading, make: Maker, *, extra: Callable[[Ref], object] = lambda _: None
) -> Rows:
    """One entry or one malformed row for every row of a file, in its order. The second row of a ref is malformed.

    `extra` is what else the record was made from (its allocations); it is kept with the row and counts for the version.
    """
    found: list[Entry | Malformed] = []
    lines: dict[Ref, int] = {}
    for row in table.rows:
        try:
            cells = open_row(row, reading)
            ref = cells.ref("ref")
            if ref in lines:
                raise BadCell("ref", f"{ref} was already used in line {lines[ref]}")
            lines[ref] = row.number
            record = make(cells, reading)
        except BadCell as bad:
            found.append(malformed(table.name, stream, row, bad))
            continue
        found.append(entry_of(record, row.cells, extra(ref)))
    return tuple(found)


def open_row(row: Line | Bad, reading: Reading) -> Cells:
    """The row's cells; BadCell when it could not be taken apart."""
    if isinstance(row, Bad):
        raise BadCell(row.column, row.problem)
    return Cells(row.cells, reading.zone)


def malformed(file: str, stream: Stream, row: Line | Bad, bad: BadCell) -> Malformed:
    """The row, named by its ref where it has a usable one, by file, line and column in any case."""
    ref = row.cells.get("ref", "")
    usable = ref.isprintable() and 0 < len(ref) <= 200
    where = f"{file}:{row.number}" + (f":{bad.column}" if bad.column else "")
    names = {} if stream is Stream.PARTIES else {"client": "party_ref"}
    if stream is Stream.INVOICES:
        names |= {"number": "number", "reference": "reference", "agreement": "agreement_ref"}
    problem = calling_itself(bad.problem, **{word: row.cells.get(column) for word, column in names.items()})
    return Malformed(stream=stream, ref=Ref(ref) if usable else None, where=where, problem=problem)


def entry_of(record: Record, cells: Mapping[str, str] | list[dict[str, str]], extra: object) -> Entry:
    """The record with its row as JSON. The version is a digest of that and of the record's own reading of blank cells."""
    raw = _JSON.encode({"row": cells, "with": extra} if extra else {"row": cells})
    version = hashlib.blake2b(raw + _derived(record).encode(), digest_size=12).hexdigest()
    return Entry(record=replace(record, version=version), raw=raw)


def _derived(record: Record) -> str:
    """The parts of a record that its own row may leave to other files or to the organisation's settings."""
    if isinstance(record, Invoice):
        return f"{record.open} {record.updated_at}"
    if isinstance(record, Payment):
        return f"{record.unapplied} {record.updated_at}"
    if isinstance(record, CreditNote):
        return f"{record.remaining} {record.updated_at}"
    return f"{record.amount}" if isinstance(record, Deposit) else ""


def party(cells: Cells, reading: Reading) -> Party:
    """One row of parties.csv."""
    ref = cells.ref("ref")
    active = cells.find_word("active", ACTIVE_WORDS)
    return Party(
        connection=reading.connection,
        ref=ref,
        name=cells.text("name") or ref,
        email=cells.text("email"),
        phone=cells.text("phone"),
        currency=cells.currency("") or None,
        timezone=cells.find_zone("timezone"),
        country=cells.text("country"),
        region=cells.text("region"),
        locale=cells.text("locale"),
        active=True if active is None else active,
    )


def invoice(applied: Applied) -> Maker:
    """Reads rows of invoices.csv, knowing what is applied to each."""

    def make(cells: Cells, reading: Reading) -> Invoice:
        ref = cells.ref("ref")
        currency = cells.currency(reading.currency)
        amount = cells.money("total", currency)
        status = cells.find_word("status", DOCUMENT_WORDS)
        still_open = cells.find_money("open", currency)
        if still_open is None:
            still_open = _open_of(amount, status, applied.to_invoice(ref, currency), partial=says_partial(cells.text("status")))
        if status is None or (status is DocumentStatus.OPEN and still_open.minor == 0):
            status = DocumentStatus.OPEN if still_open.minor else DocumentStatus.CLOSED
        return Invoice(
            connection=reading.connection,
            ref=ref,
            updated_at=cells.find_instant("updated_at"),
            party_ref=cells.ref("party_ref"),
            number=cells.text("number"),
            reference=cells.text("reference"),
            total=amount,
            open=still_open,
            issued_on=cells.day("issued_on"),
            due_on=cells.find_day("due_on"),
            status=status,
            agreement_ref=cells.find_ref("agreement_ref"),
            period_start=cells.find_day("period_start"),
            period_end=cells.find_day("period_end"),
            disputed=says_disputed(cells.text("status")),
        )

    return make


def _open_of(amount: Money, status: DocumentStatus | None, applied: Money, *, partial: bool) -> Money:
    """What a blank `open` stands for; BadCell where nothing tells (partly paid, and no allocation says how much)."""
    if status in SETTLED:
        return Money.zero(amount.currency)
    if partial and applied.minor == 0:
        raise BadCell("open", "is empty, and no allocation says how much of it is paid")
    left = amount - applied
    if left.minor < 0:
        raise BadCell("open", f"is empty, and {applied} is applied to a total of {amount}")
    return left


def payment(allocated: Mapping[Ref, tuple[Allocation, ...]]) -> Maker:
    """Reads rows of payments.csv, knowing the allocations of each."""

    def make(cells: Cells, reading: Reading) -> Payment:
        ref = cells.ref("ref")
        currency = cells.currency(reading.currency)
        amount = cells.money("amount", currency)
        mine = allocated.get(ref, ())
        return Payment(
            connection=reading.connection,
            ref=ref,
            updated_at=cells.find_instant("updated_at"),
            party_ref=cells.find_ref("party_ref"),
            amount=amount,
            unapplied=_left_of(cells, "unapplied", amount, mine),
            paid_on=cells.day("paid_on"),
            status=cells.find_word("status", PAYMENT_WORDS) or PaymentStatus.RECEIVED,
            allocations=mine,
            reference=cells.text("reference"),
            memo=cells.text("memo"),
            method=cells.text("method"),
        )

    return make


def credit_note(allocated: Mapping[Ref, tuple[Allocation, ...]]) -> Maker:
    """Reads rows of credit_notes.csv, knowing the allocations of each."""

    def make(cells: Cells, reading: Reading) -> CreditNote:
        ref = cells.ref("ref")
        currency = cells.currency(reading.currency)
        amount = cells.money("total", currency)
        status = cells.find_word("status", DOCUMENT_WORDS)
        mine = allocated.get(ref, ())
        if cells.text("remaining") is None and status in SETTLED:
            remaining = Money.zero(currency)
        else:
            remaining = _left_of(cells, "remaining", amount, mine)
        if status is None or (status is DocumentStatus.OPEN and remaining.minor == 0):
            status = DocumentStatus.OPEN if remaining.minor else DocumentStatus.CLOSED
        return CreditNote(
            connection=reading.connection,
            ref=ref,
            updated_at=cells.find_instant("updated_at"),
            party_ref=cells.ref("party_ref"),
            number=cells.text("number"),
            total=amount,
            remaining=remaining,
            issued_on=cells.day("issued_on"),
            status=status,
            allocations=mine,
        )

    return make


def _left_of(cells: Cells, column: str, amount: Money, allocated: tuple[Allocation, ...]) -> Money:
    """The cell, or what the allocations leave of the amount."""
    found = cells.find_money(column, amount.currency)
    if found is not None:
        if found.minor < 0:
            raise BadCell(column, f"{found} is negative")
        return found
    left = amount - total((item.amount for item in allocated), amount.currency)
    if left.minor < 0:
        raise BadCell(column, f"is empty, and its allocations are {-left} more than its amount")
    return left


def deposits(table: Table, reading: Reading) -> Rows:
    """Rows of deposits.csv with the same ref are the lines of one deposit; one bad line makes it malformed as a whole."""
    groups: dict[str, list[Line | Bad]] = {}
    for row in table.rows:
        groups.setdefault(row.cells.get("ref") or f"\0{row.number}", []).append(row)
    return tuple(_deposit(table.name, rows, reading) for rows in groups.values())


def _deposit(file: str, rows: list[Line | Bad], reading: Reading) -> Entry | Malformed:
    row = rows[0]
    lines: list[DepositLine] = []
    try:
        for row in rows:
            cells = open_row(row, reading)
            first = lines[0].amount.currency if lines else cells.currency(reading.currency)
            if cells.currency(first if lines else reading.currency) != first:
                raise BadCell("currency", f"differs from {first} in line {rows[0].number} of the same deposit")
            if cells.day("deposited_on") != Cells(rows[0].cells, reading.zone).day("deposited_on"):
                raise BadCell("deposited_on", f"differs from line {rows[0].number} of the same deposit")
            lines.append(_deposit_line(cells, first))
        head = Cells(rows[0].cells, reading.zone)
        record = Deposit(
            connection=reading.connection,
            ref=head.ref("ref"),
            amount=total((line.amount for line in lines), lines[0].amount.currency),
            deposited_on=head.day("deposited_on"),
            lines=tuple(lines),
            memo=lines[0].memo if len({line.memo for line in lines}) == 1 else None,
        )
    except BadCell as bad:
        return malformed(file, Stream.DEPOSITS, row, bad)
    return entry_of(record, [item.cells for item in rows], None)


def _deposit_line(cells: Cells, currency: str) -> DepositLine:
    payment_ref = cells.find_ref("payment_ref")
    posted_to = cells.text("posted_to")
    return DepositLine(
        amount=cells.money("amount", currency, negative=True),
        posting=posting_of(posted_to, is_payment=payment_ref is not None),
        posted_to=posted_to,
        party_ref=cells.find_ref("party_ref"),
        payment_ref=payment_ref,
        memo=cells.text("memo"),
    )
