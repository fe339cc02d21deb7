"""Which allocation belongs to which payment or credit note, and how much of each invoice is covered. Pure.

A `source_ref` is looked up among payments and credit notes. Found in neither or in both, the allocation is malformed and
attached to nothing: attaching it to the wrong one would move money, leaving it out only makes duesync more careful. Where its
source is there but could not be read, the source is what is to be mended; the allocation is named beside it, so that nobody takes
its invoice for paid by nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connectors.csvfiles.cells import BadCell, Cells
from connectors.csvfiles.table import Bad, Line, Table
from core.money import Money
from core.records import Allocation, Malformed, Ref, Stream


@dataclass(frozen=True, slots=True)
class Source:
    """A payment or credit note as far as allocations care. `live` is false when void or reversed: then it covers nothing."""

    stream: Stream
    currency: str | None  # None: its row cannot be read
    live: bool


@dataclass(slots=True)
class Applied:
    """Allocations by source, what they cover by invoice, and those that belong nowhere."""

    payments: dict[Ref, tuple[Allocation, ...]] = field(default_factory=dict)
    credit_notes: dict[Ref, tuple[Allocation, ...]] = field(default_factory=dict)
    malformed: list[Malformed] = field(default_factory=list)
    _covered: dict[tuple[Ref, str], int] = field(default_factory=dict)

    def to_invoice(self, ref: Ref, currency: str) -> Money:
        """What live payments and credits in that currency are applied to an invoice."""
        return Money(self._covered.get((ref, currency), 0), currency)

    def add(self, source_ref: Ref, source: Source, allocation: Allocation) -> None:
        """Attach one allocation to its source."""
        mine = self.payments if source.stream is Stream.PAYMENTS else self.credit_notes
        mine[source_ref] = (*mine.get(source_ref, ()), allocation)
        if source.live:
            key = (allocation.invoice_ref, allocation.amount.currency)
            self._covered[key] = self._covered.get(key, 0) + allocation.amount.minor


def allocate(
    table: Table, sources: Mapping[Ref, list[Source]], open_row: Iterable[tuple[Line | Bad, Cells | BadCell]]
) -> Applied:
    """Attach every row of allocations.csv. `open_row` gives each row with its cells, or why it has none."""
    applied = Applied()
    for row, cells in open_row:
        try:
            if isinstance(cells, BadCell):
                raise cells
            source_ref = cells.ref("source_ref")
            source = _find_source(source_ref, sources)
            invoice_ref = cells.ref("invoice_ref")
            if source.currency is None:
                raise BadCell("source_ref", f"the row of {source_ref} cannot be read")
            applied.add(source_ref, source, _allocation(cells, invoice_ref, source.currency))
        except BadCell as bad:
            applied.malformed.append(_malformed(table.name, row, bad))
    return applied


def _allocation(cells: Cells, invoice_ref: Ref, currency: str) -> Allocation:
    amount = cells.money("amount", currency)
    if amount.minor == 0:
        raise BadCell("amount", "is zero")
    return Allocation(invoice_ref=invoice_ref, amount=amount, applied_on=cells.find_day("applied_on"))


def _find_source(ref: Ref, sources: Mapping[Ref, list[Source]]) -> Source:
    found = sources.get(ref, [])
    if not found:
        raise BadCell("source_ref", f"{ref} is neither in payments.csv nor in credit_notes.csv")
    if len(found) > 1:
        raise BadCell("source_ref", f"{ref} is in payments.csv and in credit_notes.csv: give one of them another ref")
    return found[0]


def _malformed(file: str, row: Line | Bad, bad: BadCell) -> Malformed:
    source, invoice = row.cells.get("source_ref"), row.cells.get("invoice_ref")
    named = source is not None and invoice is not None and (source + invoice).isprintable() and len(source + invoice) < 400
    where = f"{file}:{row.number}" + (f":{bad.column}" if bad.column else "")
    return Malformed(
        stream=Stream.ALLOCATIONS, ref=Ref(f"{source}>{invoice}") if named else None, where=where, problem=bad.problem
    )
