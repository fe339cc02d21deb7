"""The clocks of every invoice past due, over all clients: which claims may soon be too old to sue for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from core.collections.clocks import ClockState, Reading
from core.dunning.calendars import place_of
from core.records import Invoice
from scheduler.app import App
from scheduler.casefacts import client_clocks, tables
from scheduler.jobs import rules

_URGENT = (ClockState.OVER, ClockState.PERHAPS_OVER, ClockState.WARNING, ClockState.UNKNOWN, ClockState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One invoice past due and how its clock stands."""

    account: str
    name: str
    invoice: Invoice
    reading: Reading

    @property
    def pressing(self) -> bool:
        """Is it over, perhaps over or soon over?"""
        return self.reading.state in _URGENT[:3]


def watch_clocks(app: App) -> tuple[Watched, ...]:
    """Every open invoice past due with its clock, the most urgent first."""
    now, data = app.clock.now(), tables(app)
    with app.store.snapshot():
        books = app.store.load_books(now=now)
        promises = app.store.promises()
        papers = {case.account: case.attachments for case in app.store.cases(include_closed=False)}
    organisation = rules(app).organisation
    found: list[Watched] = []
    for name, client in books.accounts.items():
        today = place_of(client, organisation).today(now)
        late = [item for item in client.open_invoices() if item.due_on is not None and item.due_on < today]
        if late:
            mine = [item for item in promises if item.account == name]
            _, readings = client_clocks(app, data, client, late, mine, papers.get(name, ()), now)
            pairs = zip(late, readings, strict=True)
            found += [Watched(account=name, name=client.account.name, invoice=item, reading=made) for item, made in pairs]
    return tuple(sorted(found, key=_urgency))


def _urgency(item: Watched) -> tuple[int, date, str, str]:
    reading = item.reading
    return (_URGENT.index(reading.state), reading.earliest or reading.started_on, item.account, item.invoice.ref)
