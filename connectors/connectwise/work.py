"""Time entries as sums: minutes one client got in one calendar month, per invoice and agreement. Pure.

Never the notes. A month is counted in the organisation's zone. A sum is named by what it adds up: "2026-04.c250.a11.i2" is April,
company 250, agreement 11, invoice 2 (0 where there is none), so the same entries always give the same ref.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.connectwise import rows
from connectors.connectwise.mapping import Reading
from connectors.connectwise.rows import Row, Unreadable
from core.records import Entry, Malformed, Ref, Stream, Work

FIELDS = "id,company/id,agreement/id,invoice/id,timeStart,timeEnd,actualHours,_info"


@dataclass(frozen=True, slots=True, order=True)
class Heap:
    """What one sum adds up. Zero stands for none."""

    month: str  # "2026-04"
    company: int
    agreement: int
    invoice: int

    @property
    def ref(self) -> Ref:
        return Ref(f"{self.month}.c{self.company}.a{self.agreement}.i{self.invoice}")

    @property
    def days(self) -> tuple[date, date]:
        """First and last day of the month."""
        first = date.fromisoformat(f"{self.month}-01")
        return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)

    @property
    def unbilled(self) -> Heap:
        """The sum its entries were in before they were put on an invoice."""
        return replace(self, invoice=0)


@dataclass(frozen=True, slots=True)
class Spell:
    """One time entry, as far as a sum needs it."""

    heap: Heap
    hours: Decimal
    worked_on: date
    updated: str


def split_ref(ref: Ref) -> Heap | None:
    """The heap a ref names; None when it is none of ours."""
    match = re.fullmatch(r"([0-9]{4}-(?:0[1-9]|1[0-2]))\.c([0-9]{1,12})\.a([0-9]{1,12})\.i([0-9]{1,12})", ref)
    return Heap(match[1], int(match[2]), int(match[3]), int(match[4])) if match else None


def read_spells(found: Iterable[Any], using: Reading) -> tuple[list[Spell], list[Malformed]]:
    """Every readable time entry; the others by name. Entries of no company are nobody's and left out."""
    spells: list[Spell] = []
    malformed: list[Malformed] = []
    for place, row in enumerate(found):
        try:
            spell = _spell(row, using)
        except Unreadable as error:
            where = f"time/entries[{_name(row, place)}].{error.where}".rstrip(".")
            malformed.append(Malformed(stream=Stream.WORK, ref=None, where=where, problem=error.problem))
            continue
        if spell is not None:
            spells.append(spell)
    return spells, malformed


def _name(row: Any, place: int) -> str:
    found = row.get("id") if isinstance(row, dict) else None
    return f"id {found}" if isinstance(found, int) else str(place)


def _spell(row: Row, using: Reading) -> Spell | None:
    if not isinstance(row, dict):
        raise Unreadable("", "is not an object")
    company = rows.find_id(row, "company.id")
    if company is None:
        return None
    at = rows.instant(row, "timeStart")
    if at is None:
        raise Unreadable("timeStart", "is missing or not an ISO instant")
    day = at.astimezone(ZoneInfo(using.zone)).date()
    if not rows.EARLIEST <= day <= rows.LATEST:
        raise Unreadable("timeStart", f"{day} is not a plausible date")
    hours = rows.number(row, "actualHours") or Decimal(0)
    if not 0 <= hours <= 1000:
        raise Unreadable("actualHours", f"{hours} hours in one entry")
    heap = Heap(f"{day:%Y-%m}", company, rows.find_id(row, "agreement.id") or 0, rows.find_id(row, "invoice.id") or 0)
    return Spell(heap, hours, day, rows.text(row, "_info.lastUpdated") or "")


def sums(spells: Iterable[Spell], using: Reading) -> tuple[Entry, ...]:
    """One Work per heap, in order of ref. The version changes with any entry of the heap."""
    heaps: dict[Heap, list[Spell]] = {}
    for spell in spells:
        heaps.setdefault(spell.heap, []).append(spell)
    return tuple(_sum(heap, heaps[heap], using) for heap in sorted(heaps))


def _sum(heap: Heap, spells: list[Spell], using: Reading) -> Entry:
    minutes = int((sum((spell.hours for spell in spells), Decimal(0)) * 60).quantize(Decimal(1), ROUND_HALF_UP))
    newest = max(spell.updated for spell in spells)
    first, last = heap.days
    record = Work(
        connection=using.connection,
        ref=heap.ref,
        version=f"{newest}/{len(spells)}/{minutes}",
        updated_at=rows.read_instant(newest),
        party_ref=Ref(str(heap.company)),
        invoice_ref=Ref(str(heap.invoice)) if heap.invoice else None,
        agreement_ref=Ref(str(heap.agreement)) if heap.agreement else None,
        period_start=first,
        period_end=last,
        minutes=minutes,
        entries=len(spells),
        last_worked_on=max(spell.worked_on for spell in spells),
    )
    raw = f'{{"entries":{len(spells)},"minutes":{minutes},"lastUpdated":"{newest}"}}'
    return Entry(record=record, raw=raw.encode())
