"""What each stream of ConnectWise is: where its rows are, how often it is listed in full, and how its steps become pages.

Payments have no list of their own: they stand below their invoice (brief 2.2), so each invoice that has any is asked for once per
change. Time entries are summed (see `work`), so a change makes the sums of its client and month anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.connectwise import conditions, mapping, paging, payments, work
from connectors.connectwise.api import Api
from connectors.connectwise.mapping import CREDIT_MEMO, Reading, Rows
from connectors.connectwise.pulls import OPEN, Source, Step, Walker
from connectors.connectwise.settings import ConnectwiseSettings
from connectors.connectwise.tables import Tables
from core.clock import Clock
from core.records import Cursor, Entry, Listing, Malformed, Page, Stream, Tombstone

INVOICES = "/finance/invoices"
PATHS = {
    Stream.PARTIES: "/company/companies",
    Stream.CONTACTS: "/company/contacts",
    Stream.INVOICES: INVOICES,
    Stream.CREDIT_NOTES: INVOICES,
    Stream.AGREEMENTS: "/finance/agreements",
    Stream.TICKETS: "/service/tickets",
}
# A ticket has 116 fields and a tenant hundreds of thousands of tickets: only what is read. `_info` must be named (brief 1.4).
TICKET_FIELDS = "id,summary,company,board,status,priority,severity,closedFlag,closedDate,isInSla,externalXRef,_info"
PAYING_FIELDS = "id,invoiceNumber,type,status,company,billToCompany,currency,total,payments,credits,balance,_info"
_NOT_CREDITS = f'type != "{CREDIT_MEMO}"'
_CREDITS = f'type = "{CREDIT_MEMO}"'
_PER_COMMIT = 100  # invoices whose payments are read between two commits


def _since(settings: ConnectwiseSettings, field: str, zone: str) -> str | None:
    """Nothing from before the operator's day; `>` with a second less, because `>=` misses rows on some servers (brief 1.9)."""
    if settings.since is None:
        return None
    first = datetime.combine(settings.since, time(), ZoneInfo(zone if field != "date" else "UTC"))
    return f"{field} > {conditions.instant(first - timedelta(seconds=1))}"


def source_of(stream: Stream, settings: ConnectwiseSettings, zone: str) -> Source:
    """The list behind a stream, with the operator's limits in it."""
    often, rarely = timedelta(hours=settings.sweep_hours), timedelta(hours=settings.slow_sweep_hours)
    issued = _since(settings, "date", zone)
    invoices = conditions.every(_NOT_CREDITS, conditions.some(issued, OPEN) if issued else None)
    if stream is Stream.PAYMENTS:
        return Source(
            path=INVOICES, where=invoices, plain=_NOT_CREDITS, fields=PAYING_FIELDS, sweep=rarely, watched=True, chunk=_PER_COMMIT
        )
    if stream is Stream.WORK:
        return Source(path="/time/entries", where=_since(settings, "timeStart", zone) or "", fields=work.FIELDS, sweep=rarely)
    path = PATHS[stream]
    if stream is Stream.INVOICES:
        return Source(path=path, where=invoices, plain=_NOT_CREDITS, sweep=often, watched=True)
    if stream is Stream.CREDIT_NOTES:
        return Source(path=path, where=_CREDITS, plain=_CREDITS, sweep=often, watched=True)
    if stream is Stream.TICKETS:
        named = [f"board/name = {conditions.text(name)}" for name in settings.boards]
        boards = conditions.some(*named) if named else None
        where = conditions.every(boards, _since(settings, "dateEntered", zone))
        return Source(path=path, where=where, fields=TICKET_FIELDS, sweep=rarely)
    return Source(path=path, sweep=often)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """The streams of one connection."""

    api: Api
    tables: Tables
    clock: Clock
    zone: str
    walker: Walker

    def pull(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """Pages of one pass."""
        source = source_of(stream, self.api.settings, self.zone)
        if stream is Stream.WORK:
            yield from self._work(source, cursor)
            return
        for step in self.walker.steps(source, cursor):
            if step.listing is not None and step.listing.first:
                self.tables.forget()
            using = self.tables.reading(stream, step.rows)
            if stream is Stream.PAYMENTS:
                yield _page(stream, step, self.payments_of(step.rows, using))
            else:
                yield _page(stream, step, mapping.read_rows(stream, step.rows, using))

    # ── payments ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def payments_of(self, invoices: Iterable[Any], using: Reading) -> Rows:
        """The payments of every invoice row that has any."""
        entries: list[Entry] = []
        malformed: list[Malformed] = []
        for row in invoices:
            if isinstance(row, dict) and paging.row_id(row) and _has_payments(row):
                found = self.api.all_pages(f"{INVOICES}/{row['id']}/payments")
                read = payments.read_payments(row, found, using)
                entries += read.entries
                malformed += read.malformed
        return Rows(tuple(entries), tuple(malformed), ())

    # ── time entries ────────────────────────────────────────────────────────────────────────────────────────────────────
    def _work(self, source: Source, cursor: Cursor | None) -> Iterator[Page]:
        now = self.clock.now()
        place = paging.begin(paging.read(cursor), now=now, sweep_every=source.sweep)
        if place.listing:
            yield self._all_work(source, place)
            return
        steps = list(self.walker.steps(source, cursor))
        using = self.tables.reading(Stream.WORK, ())
        spells, malformed = work.read_spells([row for step in steps for row in step.rows], using)
        entries, gone, more_malformed = self._renewed(spells, using)
        bad = {item.where: item for item in (*malformed, *more_malformed)}
        yield Page(
            stream=Stream.WORK,
            entries=entries,
            cursor=steps[-1].cursor,
            more=False,
            malformed=tuple(bad.values()),
            deleted=gone,
        )

    def _all_work(self, source: Source, place: paging.Place) -> Page:
        """Every sum, in one page: a sum is only known when the last entry was read, and there are few sums."""
        whole = replace(source, chunk=None)
        found, cursor = [], Cursor("")
        for step in self.walker.listed(whole, place):
            found += step.rows
            cursor = step.cursor
        using = self.tables.reading(Stream.WORK, ())
        spells, malformed = work.read_spells(found, using)
        return Page(
            stream=Stream.WORK,
            entries=work.sums(spells, using),
            cursor=cursor,
            more=False,
            malformed=tuple(malformed),
            listing=Listing(id=place.swept, first=True),
        )

    def _renewed(
        self, changed: list[work.Spell], using: Reading
    ) -> tuple[tuple[Entry, ...], tuple[Tombstone, ...], list[Malformed]]:
        """The sums of every client and month that a changed entry belongs to, and those whose last entry was put on an invoice.

        An entry moved from one invoice, agreement or client to another leaves its old sum standing until the next listing.
        """
        touched: dict[str, set[int]] = {}
        for spell in changed:
            touched.setdefault(spell.heap.month, set()).add(spell.heap.company)
        spells: list[work.Spell] = []
        malformed: list[Malformed] = []
        for month, companies in sorted(touched.items()):
            found, bad = self.month_of(month, companies, using)
            spells += found
            malformed += bad
        entries = work.sums(spells, using)
        alive = {entry.record.ref for entry in entries}
        before = {spell.heap.unbilled.ref for spell in changed} - alive
        gone = tuple(Tombstone(stream=Stream.WORK, ref=ref) for ref in sorted(before))
        return entries, gone, malformed

    def month_of(self, month: str, companies: Iterable[int], using: Reading) -> tuple[list[work.Spell], list[Malformed]]:
        """The time entries of some clients in one month. Asked a day wider, as a server may read the bounds in its own zone."""
        first, last = work.Heap(month, 0, 0, 0).days
        start = datetime.combine(first, time(), ZoneInfo(self.zone)) - timedelta(days=1)
        end = datetime.combine(last, time(), ZoneInfo(self.zone)) + timedelta(days=2)
        bounds = f"timeStart > {conditions.instant(start)} and timeStart < {conditions.instant(end)}"
        found: list[Any] = []
        for batch in conditions.among("company/id", companies, longest=1200):
            for page in self.api.all_rows("/time/entries", where=f"{batch} and {bounds}", fields=work.FIELDS):
                found += page
        spells, malformed = work.read_spells(found, using)
        return [spell for spell in spells if spell.heap.month == month], malformed


def _has_payments(row: dict[str, Any]) -> bool:
    """Anything but a plain zero in both sums: what is absent may hide a payment."""
    sums = (row.get("payments"), row.get("credits"))
    return any(not isinstance(value, int | Decimal) or value != 0 for value in sums)


def _page(stream: Stream, step: Step, read: Rows) -> Page:
    return Page(
        stream=stream,
        entries=read.entries,
        cursor=step.cursor,
        more=step.more,
        malformed=read.malformed,
        deleted=read.deleted,
        listing=step.listing,
    )
