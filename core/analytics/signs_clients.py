"""Signs 1 to 3: receivables grow faster than sales, chasing eats the margin, and clients who are unclear or always late.

Product notes A49-A57 (seed 001).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from core.analytics.flows import Flow
from core.analytics.history import Line
from core.analytics.signs import ClientFigure, Measure, Scene, Sign, measure, per, plain_measure, window_start
from core.books import AccountBooks
from core.outbox import ContactKind, PastContact

_LAST = 6  # invoices a habit is read from
_HABIT = 3  # of them late
_TERMS = 2  # different terms that still are two habits of billing, not confusion
_SPREAD = 10  # days; "end of month" alone moves due dates by fewer
_OURS = frozenset({ContactKind.MESSAGE, ContactKind.STATEMENT, ContactKind.CALL})
_BY_HAND = frozenset({ContactKind.CALL, ContactKind.REPLY, ContactKind.NOTE})
_HOURS = re.compile(r"(\d{1,2})\s*(?:h|hours?|std)\b", re.IGNORECASE)
_MINUTES = re.compile(r"(\d{1,3})\s*(?:m|min|mins|minutes?)\b", re.IGNORECASE)
_PAYER = re.compile(r"payable|billing|bookkeep|accounting|finance|invoice", re.IGNORECASE)


# ── 1: receivables ──────────────────────────────────────────────────────────────────────────────────────────────────────
def rising_receivables(scene: Scene) -> Sign:
    """Sign 1: what is owed as a share of what is sold, and how much of it is old (A49-A51)."""
    book, limits = scene.history, scene.thresholds
    share = measure(
        "receivables_share",
        "Receivables as a share of three months' sales",
        "%",
        ((day, per(book.receivables.upto(day), book.sales.between(window_start(day), day), 100)) for day in scene.days),
        "open invoices at month end / invoices issued in the three months up to then x 100",
        limits.receivables_share,
    )
    return Sign(
        number=1,
        name="rising_receivables",
        title="Receivables grow faster than sales",
        main=share,
        others=_old_debt(scene),
        clients=_grown(scene),
        advice="Look at these clients: what they owe grew most in three months.",
    )


def _old_debt(scene: Scene) -> tuple[Measure, ...]:
    """What is more than 30 days past due, as a share, by count and by value (A51)."""
    book = scene.history
    late, count = book.past_due(30), book.past_due_count(30)
    return (
        measure(
            "past_30_share",
            "Share of receivables more than 30 days past due",
            "%",
            ((day, per(late.upto(day), book.receivables.upto(day), 100)) for day in scene.days),
            "open amount more than 30 days past due / open amount x 100",
            scene.thresholds.past_30_share,
            floor=10,
        ),
        measure(
            "past_30_count",
            "Invoices more than 30 days past due",
            "invoices",
            ((day, count.upto(day)) for day in scene.days),
            "number of invoices open more than 30 days past due",
            None,
            floor=5,
        ),
        measure(
            "past_30_value",
            "Amount more than 30 days past due",
            "minor",
            ((day, late.upto(day)) for day in scene.days),
            "its open amount",
            None,
            floor=book.sales.between(window_start(scene.as_of), scene.as_of) // 50,
        ),
    )


def _grown(scene: Scene) -> tuple[ClientFigure, ...]:
    before = window_start(scene.as_of)
    growth = (
        (account, sum(line.open_on(scene.as_of) - line.open_on(before) for line in lines if _moved(line, before)))
        for account, lines in scene.history.by_account.items()
    )
    return scene.ranked(growth, "minor", "more owed than three months ago")


def _moved(line: Line, before: date) -> bool:
    settled = line.settled_on
    return settled is None or settled > before


# ── 2: the cost of chasing ──────────────────────────────────────────────────────────────────────────────────────────────
def minutes_of(contact: PastContact, assumed_call: int) -> int:
    """Minutes a person spent: as the log entry says ("25 min", "1 h 10 min"), else `assumed_call` for a call, else none."""
    if contact.kind not in _BY_HAND or contact.waived:
        return 0
    hours, minutes = _HOURS.search(contact.outcome), _MINUTES.search(contact.outcome)
    if hours or minutes:
        return (int(hours[1]) * 60 if hours else 0) + (int(minutes[1]) if minutes else 0)
    return assumed_call if contact.kind is ContactKind.CALL else 0


def cost_of_chasing(scene: Scene) -> Sign:
    """Sign 2: the time and contacts it takes to be paid, which is margin nobody bills (A53)."""
    assumed = scene.thresholds.assumed_call_minutes
    ours = [item for group in scene.contacts.values() for item in group if not item.waived and item.at.date() <= scene.as_of]
    minutes = Flow((item.at.date(), minutes_of(item, assumed)) for item in ours)
    contacts = Flow((item.at.date(), 1) for item in ours if item.kind in _OURS)
    calls = Flow((item.at.date(), 1) for item in ours if item.kind is ContactKind.CALL)
    rate = partial(_per_100, scene)
    timed = f"minutes as logged; a call logged without its length counts {assumed}"
    recent = [item for item in ours if item.at.date() > window_start(scene.as_of)]
    return Sign(
        number=2,
        name="declining_margin",
        title="Chasing costs more and more",
        main=measure(
            "minutes_per_100_invoices",
            "Minutes of chasing per 100 invoices",
            "minutes",
            rate(minutes),
            f"minutes people spent on calls, replies and notes in three months / invoices issued in them x 100; {timed}",
            scene.thresholds.minutes_per_100,
            floor=60,
        ),
        others=(
            _count("contacts_per_100_invoices", "Contacts per 100 invoices", rate(contacts), "messages, statements and calls"),
            _count("calls_per_100_invoices", "Calls per 100 invoices", rate(calls), "calls"),
        ),
        clients=_costly(scene, recent),
        advice="Offer these clients automatic payment or other terms: they cost the most work.",
        details={"by_person": _by_person(recent, assumed)},
    )


def _count(name: str, title: str, series: Iterator[tuple[date, float | None]], what: str) -> Measure:
    return measure(name, title, "contacts", series, f"{what} in three months / invoices issued in them x 100", None, floor=50)


def _per_100(scene: Scene, flow: Flow) -> Iterator[tuple[date, float | None]]:
    for day in scene.days:
        start = window_start(day)
        yield day, per(flow.between(start, day), scene.history.issued.between(start, day), 100)


def _costly(scene: Scene, recent: Sequence[PastContact]) -> tuple[ClientFigure, ...]:
    """By minutes where any were spent, else by contacts."""
    minutes: Counter[str] = Counter()
    contacts: Counter[str] = Counter()
    for item in recent:
        minutes[item.account] += minutes_of(item, scene.thresholds.assumed_call_minutes)
        contacts[item.account] += item.kind in _OURS
    if any(minutes.values()):
        return scene.ranked(minutes.items(), "minutes", "{figure} minutes in three months")
    return scene.ranked(contacts.items(), "contacts", "{figure} contacts in three months")


def _by_person(recent: Sequence[PastContact], assumed: int) -> list[dict[str, object]]:
    """Calls and minutes of each person; who wrote an entry by hand stands in its channel."""
    calls: Counter[str] = Counter()
    minutes: Counter[str] = Counter()
    for item in recent:
        spent = minutes_of(item, assumed)
        if spent:
            calls[item.channel] += item.kind is ContactKind.CALL
            minutes[item.channel] += spent
    return [{"person": who, "calls": calls[who], "minutes": spent} for who, spent in minutes.most_common()]


# ── 3: unclear terms, habitual lateness ─────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Habit:
    """How one client paid its last due invoices: how many of them late, and by how many days on average."""

    late: int
    of: int
    mean_days: float

    @property
    def habitual(self) -> bool:
        return self.late >= _HABIT


def habit_on(lines: Sequence[Line], dues: Sequence[date], day: date, grace: int) -> Habit:
    """The habit as it showed on `day`. `lines` and their `dues` are in order of due date."""
    known = bisect_left(dues, day - timedelta(days=grace))
    late = days = seen = 0
    for line in reversed(lines[:known]):
        settled = line.settled_on
        if settled is None and line.open_on(day) <= 0:
            continue  # called paid, nobody says when
        seen += 1
        lateness = ((settled if settled is not None and settled <= day else day) - line.due_on).days
        late += lateness > grace
        days += max(lateness, 0)
        if seen == _LAST:
            break
    return Habit(late, seen, round(days / seen, 1) if seen else 0.0)


def miscommunication(scene: Scene) -> Sign:
    """Sign 3: clients who always pay late, or were never told clearly what, when and whom (A54-A56)."""
    grace = scene.thresholds.late_grace_days
    dues = {account: [line.due_on for line in lines] for account, lines in scene.history.by_account.items()}
    habits = {
        day: {account: habit_on(lines, dues[account], day, grace) for account, lines in scene.history.by_account.items()}
        for day in scene.days
    }
    unclear = {name: why for name in scene.history.by_account if (why := _unclear(scene.books.accounts[name], scene))}
    now = habits[scene.as_of]
    clients = scene.ranked(((name, habit.late) for name, habit in now.items() if habit.habitual), "invoices", "")
    return Sign(
        number=3,
        name="miscommunication",
        title="Terms are unclear, or clients are late by habit",
        main=measure(
            "habitually_late_share",
            "Clients who pay late by habit",
            "%",
            ((day, _habitual_share([*habits[day].values()])) for day in scene.days),
            f"clients with {_HABIT} or more of their last {_LAST} due invoices more than {grace} days late / clients "
            "with a due invoice x 100",
            scene.thresholds.habitual_share,
            floor=10,
        ),
        others=(
            plain_measure(
                "unclear_terms_share",
                "Clients whose terms are unclear",
                "%",
                [(scene.as_of, per(len(unclear), len(scene.history.by_account), 100))],
                "clients with invoices lately that have no due date, more than two different terms, an agreement without "
                "signature, or nobody to send bills to / clients invoiced x 100",
                scene.thresholds.unclear_share,
            ),
        ),
        clients=tuple(_told(client, now[client.account]) for client in clients) + _unclear_clients(scene, unclear, now),
        advice="Call them about terms and due dates before the next invoice; remind everybody of the terms once a year.",
    )


def _habitual_share(habits: Sequence[Habit]) -> float | None:
    known = [habit for habit in habits if habit.of]
    return per(sum(habit.habitual for habit in known), len(known), 100)


def _told(client: ClientFigure, habit: Habit) -> ClientFigure:
    words = f"{habit.late} of the last {habit.of} invoices late, {habit.mean_days:g} days on average"
    return ClientFigure(account=client.account, name=client.name, figure=client.figure, unit=client.unit, words=words)


def _unclear_clients(scene: Scene, unclear: dict[str, list[str]], habits: dict[str, Habit]) -> tuple[ClientFigure, ...]:
    """Those not named already; the ones with most reasons first."""
    rest = [name for name in unclear if not habits[name].habitual]
    ranked = scene.ranked(((name, len(unclear[name])) for name in rest), "reasons", "")
    return tuple(
        ClientFigure(
            account=item.account, name=item.name, figure=item.figure, unit="reasons", words="; ".join(unclear[item.account])
        )
        for item in ranked
    )


def _unclear(books: AccountBooks, scene: Scene) -> list[str]:
    """Why a client may not know what it owes when; empty where it can, or was not invoiced in the window."""
    start = window_start(scene.as_of)
    recent = [line.invoice for line in scene.history.by_account[books.account.id] if line.issued_on > start]
    if not recent:
        return []
    why = []
    if any(invoice.due_on is None for invoice in recent):
        why.append("invoices without a due date")
    terms = {(invoice.due_on - invoice.issued_on).days for invoice in recent if invoice.due_on is not None}
    if len(terms) > _TERMS and max(terms) - min(terms) > _SPREAD:
        why.append(f"{len(terms)} different terms in three months")
    if any(agreement.active and agreement.signed is False for agreement in books.agreements):
        why.append("an active agreement without a signature")
    if not _has_payer(books, any(invoice.bill_email for invoice in recent)):
        why.append("nobody known to send bills to")
    return why


def _has_payer(books: AccountBooks, billed_by_mail: bool) -> bool:
    """Somebody to bill: an address on the invoice or the client, or a contact for payables or at least a primary one."""
    people = (item for item in books.contacts if item.active and item.email)
    known = any(item.primary or _PAYER.search(item.role or "") for item in people)
    return billed_by_mail or known or any(party.email for party in books.parties)
