"""All files of one folder read together: what each stream holds, in the order of the files. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from connectors.csvfiles import mapping
from connectors.csvfiles.allocating import Applied, Source, allocate
from connectors.csvfiles.cells import BadCell, Cells
from connectors.csvfiles.mapping import COLUMNS, Reading, Rows
from connectors.csvfiles.table import Bad, Line, Table, read_table
from connectors.csvfiles.words import DOCUMENT_WORDS, PAYMENT_WORDS
from core.records import Allocation, DocumentStatus, Entry, Malformed, PaymentStatus, Ref, Stream

# Bump when the same bytes are to be read differently, so that every connection reads its files again.
READING_VERSION = 2

# The files a stream is made from; the first is its own.
FILES: dict[Stream, tuple[str, ...]] = {
    Stream.PARTIES: ("parties.csv",),
    Stream.INVOICES: ("invoices.csv", "payments.csv", "credit_notes.csv", "allocations.csv"),
    Stream.PAYMENTS: ("payments.csv", "allocations.csv", "credit_notes.csv"),
    Stream.CREDIT_NOTES: ("credit_notes.csv", "allocations.csv", "payments.csv"),
    Stream.DEPOSITS: ("deposits.csv",),
}


def digest_of(contents: Mapping[str, bytes], stream: Stream, reading: Reading) -> str:
    """Changes when anything the stream is made from changes, the organisation's currency and zone included."""
    seal = hashlib.blake2b(f"{READING_VERSION} {reading.currency} {reading.zone.key}".encode(), digest_size=16)
    for name in FILES[stream]:
        content = contents.get(name)
        seal.update(f" {name} {'-' if content is None else len(content)} ".encode())
        seal.update(content or b"")
    return seal.hexdigest()


@dataclass(frozen=True)
class Ledger:
    """The files' bytes and how to read them; streams are read when first asked for."""

    contents: Mapping[str, bytes]
    reading: Reading

    def rows(self, stream: Stream) -> Rows:
        """Every row of a stream, entries and malformed ones. Malformed allocations come with the payments."""
        return self._streams[stream]()

    def problem(self, stream: Stream) -> str | None:
        """Why a stream cannot be read at all: a file it is made from has no usable first line."""
        return next((table.problem for name in FILES[stream] if (table := self._table(name)).problem), None)

    def find(self, stream: Stream, ref: Ref) -> Entry | Malformed | None:
        """The row of a ref; the readable one where there are several."""
        return self._index(stream).get(ref)

    def _index(self, stream: Stream) -> Mapping[Ref, Entry | Malformed]:
        if stream not in self._indexes:
            found: dict[Ref, Entry | Malformed] = {}
            for row in self.rows(stream):
                if isinstance(row, Entry):
                    found[row.record.ref] = row
                elif row.ref is not None and row.stream is stream:
                    found.setdefault(row.ref, row)
            self._indexes[stream] = found
        return self._indexes[stream]

    @cached_property
    def _indexes(self) -> dict[Stream, Mapping[Ref, Entry | Malformed]]:
        return {}

    @cached_property
    def _tables(self) -> dict[str, Table]:
        return {}

    def _table(self, name: str) -> Table:
        if name not in self._tables:
            self._tables[name] = read_table(name, self.contents.get(name, b""), COLUMNS[name])
        return self._tables[name]

    @cached_property
    def _streams(self) -> Mapping[Stream, _Once]:
        read = mapping.read_rows
        return {
            Stream.PARTIES: _Once(lambda: read(self._table("parties.csv"), Stream.PARTIES, self.reading, mapping.party)),
            Stream.INVOICES: _Once(self._invoices),
            Stream.PAYMENTS: _Once(self._payments),
            Stream.CREDIT_NOTES: _Once(self._credit_notes),
            Stream.DEPOSITS: _Once(lambda: mapping.deposits(self._table("deposits.csv"), self.reading)),
        }

    def _invoices(self) -> Rows:
        return mapping.read_rows(self._table("invoices.csv"), Stream.INVOICES, self.reading, mapping.invoice(self._applied))

    def _payments(self) -> Rows:
        mine = self._applied.payments
        rows = mapping.read_rows(
            self._table("payments.csv"), Stream.PAYMENTS, self.reading, mapping.payment(mine), extra=lambda ref: _shown(mine, ref)
        )
        credited = _orphans(self.rows(Stream.CREDIT_NOTES), self._applied.credit_notes)
        return (*rows, *self._applied.malformed, *_orphans(rows, mine), *credited)

    def _credit_notes(self) -> Rows:
        mine = self._applied.credit_notes
        return mapping.read_rows(
            self._table("credit_notes.csv"),
            Stream.CREDIT_NOTES,
            self.reading,
            mapping.credit_note(mine),
            extra=lambda ref: _shown(mine, ref),
        )

    @cached_property
    def _applied(self) -> Applied:
        table = self._table("allocations.csv")
        return allocate(table, self._sources(), self._opened(table))

    def _sources(self) -> Mapping[Ref, list[Source]]:
        found: dict[Ref, list[Source]] = {}
        for name, stream in (("payments.csv", Stream.PAYMENTS), ("credit_notes.csv", Stream.CREDIT_NOTES)):
            mine: dict[Ref, Source] = {}
            for row, cells in self._opened(self._table(name)):
                ref = Ref(row.cells.get("ref", ""))
                mine.setdefault(ref, self._source(stream, cells))
            for ref, source in mine.items():
                found.setdefault(ref, []).append(source)
        return found

    def _source(self, stream: Stream, cells: Cells | BadCell) -> Source:
        if isinstance(cells, BadCell):
            return Source(stream, None, False)
        try:
            currency = cells.currency(self.reading.currency)
            if stream is Stream.PAYMENTS:
                live = cells.find_word("status", PAYMENT_WORDS) not in (PaymentStatus.VOID, PaymentStatus.REVERSED)
            else:
                live = cells.find_word("status", DOCUMENT_WORDS) not in (DocumentStatus.VOID, DocumentStatus.DRAFT)
        except BadCell:
            return Source(stream, None, False)
        return Source(stream, currency, live)

    def _opened(self, table: Table) -> Iterable[tuple[Line | Bad, Cells | BadCell]]:
        for row in table.rows:
            try:
                yield row, mapping.open_row(row, self.reading)
            except BadCell as bad:
                yield row, bad


class _Once:
    """Rows that are worked out when first asked for, and kept."""

    def __init__(self, make: Callable[[], Rows]) -> None:
        self._make = make
        self._rows: Rows | None = None

    def __call__(self) -> Rows:
        if self._rows is None:
            self._rows = self._make()
        return self._rows


def _shown(allocated: Mapping[Ref, tuple[object, ...]], ref: Ref) -> list[str]:
    """A source's allocations as text, for its raw payload and version."""
    return [str(item) for item in allocated.get(ref, ())]


def _orphans(rows: Rows, allocated: Mapping[Ref, tuple[Allocation, ...]]) -> Iterable[Malformed]:
    """Allocations of payments or credit notes whose own row cannot be read: they count for nothing, and somebody must know."""
    readable = {row.record.ref for row in rows if isinstance(row, Entry)}
    for row in rows:
        if isinstance(row, Malformed) and row.ref is not None and row.ref not in readable:
            for item in allocated.get(row.ref, ()):
                named = Ref(f"{row.ref}>{item.invoice_ref}")
                problem = f"the row of {row.ref} ({row.where}) cannot be read"
                yield Malformed(stream=Stream.ALLOCATIONS, ref=named, where=f"allocations of {row.ref}", problem=problem)
