"""Signs 4 to 6: write-offs and errors, complaints, and systems and people that are out of step (product notes A58-A66).

A finding counts from the day of its latest record until it was resolved or decided. Dismissed ones never counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from core.analytics.faults import OPEN_STATES, SeenFinding, began_on, ended_on
from core.analytics.flows import Flow, months_before
from core.analytics.history import History, Line
from core.analytics.signs import (
    ClientFigure,
    Measure,
    Scene,
    Sign,
    measure,
    per,
    plain_measure,
    window_start,
)
from core.books import AccountBooks
from core.findings import FindingKind, FindingState
from core.outbox import ContactKind
from core.records import CreditNote, DocumentStatus

_BAD_DEBT = ("write-off", "write off", "writeoff", "written off", "bad debt", "uncollect", "irrecoverable")
_DUPLICATES = frozenset({FindingKind.DUPLICATE_INVOICE, FindingKind.DUPLICATE_PAYMENT})
_MISAPPLIED = frozenset({FindingKind.MISAPPLIED_PAYMENT, FindingKind.MISAPPLIED_PARTY, FindingKind.DEPOSIT_TO_INCOME})
_BILLING = frozenset(
    {FindingKind.DUPLICATE_INVOICE, FindingKind.AMOUNT_MISMATCH, FindingKind.CURRENCY_MISMATCH, FindingKind.SHORT_PAYMENT}
)
_DISAGREE = frozenset(
    {
        FindingKind.MISSING_IN_BOOKS,
        FindingKind.MISSING_IN_PSA,
        FindingKind.AMOUNT_MISMATCH,
        FindingKind.STATUS_MISMATCH,
        FindingKind.PAYMENT_MISSING_IN_PSA,
        FindingKind.BALANCE_MISMATCH,
        FindingKind.AMBIGUOUS_LINK,
    }
)
_AGES = (0, 30, 60, 90)


# ── findings over time ─────────────────────────────────────────────────────────────────────────────────────────────────
def _counted(scene: Scene, kinds: frozenset[FindingKind] | None) -> Iterator[SeenFinding]:
    for item in scene.findings:
        if item.state is not FindingState.DISMISSED and (kinds is None or item.finding.kind in kinds):
            yield item


def _arrivals(scene: Scene, kinds: frozenset[FindingKind]) -> Flow:
    return Flow((began_on(item, scene.born), 1) for item in _counted(scene, kinds))


def _standing(scene: Scene, kinds: frozenset[FindingKind] | None) -> Flow:
    """How many were open, by day."""
    changes: list[tuple[date, int]] = []
    for item in _counted(scene, kinds):
        began, ended = began_on(item, scene.born), ended_on(item)
        changes.append((began, 1))
        if ended is not None:
            changes.append((max(began, ended), -1))
    return Flow(changes)


def _per_1000(scene: Scene, flow: Flow) -> Iterator[tuple[date, float | None]]:
    for day in scene.days:
        start = window_start(day)
        yield day, per(flow.between(start, day), scene.history.issued.between(start, day), 1000)


def _of_clients(scene: Scene, kinds: frozenset[FindingKind] | None) -> Counter[str]:
    """Findings of each client: those open now, and those that came up within the window."""
    start = window_start(scene.as_of)
    found: Counter[str] = Counter()
    for item in _counted(scene, kinds):
        began = began_on(item, scene.born)
        if item.finding.account and began <= scene.as_of and (item.state in OPEN_STATES or began > start):
            found[item.finding.account] += 1
    return found


# ── 4: write-offs and errors ────────────────────────────────────────────────────────────────────────────────────────────
def write_offs(scene: Scene) -> Sign:
    """Sign 4: debts given up and bills that had to be mended (A58-A61)."""
    lost = [(account, *item) for account, books in scene.books.accounts.items() for item in _given_up(books, scene)]
    flow = Flow((day, minor) for _, day, minor, _ in lost)
    by_client: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    for account, day, minor, cause in lost:
        if months_before(scene.as_of, 12) < day <= scene.as_of:
            by_client[account] += minor
            causes[cause] += minor
    return Sign(
        number=4,
        name="write_offs_and_errors",
        title="Debts are written off, and bills have to be mended",
        main=plain_measure(
            "write_off_share",
            "Written off as a share of sales",
            "%",
            _share_of_sales(scene, flow),
            "adjustments in clients' favour and credit notes named write-off or bad debt in three months / sales in them x 100",
            scene.thresholds.write_off_share,
        ),
        others=_mended(scene),
        clients=scene.ranked(by_client.items(), "minor", "written off in twelve months"),
        advice="Old debt is harder to collect: compare with the recovery by age, and offer automatic payment.",
        details={
            "by_cause": [{"cause": cause, "minor": minor} for cause, minor in causes.most_common()],
            "recovery_by_age": recovery_by_age(scene.history, scene.as_of),
        },
    )


def _mended(scene: Scene) -> tuple[Measure, ...]:
    """Bills that had to be put right: credited ones, and the ones findings tell of."""
    credited = Flow((day, minor) for books in scene.books.accounts.values() for day, minor in _credited(books, scene))
    return (
        measure(
            "credited_share",
            "Credited as a share of sales",
            "%",
            _share_of_sales(scene, credited),
            "other credit notes in three months / sales in them x 100",
            None,
            floor=1,
        ),
        plain_measure(
            "billing_errors_per_1000",
            "Billing errors per 1,000 invoices",
            "per 1,000",
            _per_1000(scene, _arrivals(scene, _BILLING)),
            "findings that a bill was doubled, differs between systems or was paid short, by the day of the record, "
            "in three months / invoices issued in them x 1,000",
            scene.thresholds.errors_per_1000,
        ),
    )


def _share_of_sales(scene: Scene, flow: Flow) -> Iterator[tuple[date, float | None]]:
    for day in scene.days:
        start = window_start(day)
        yield day, per(flow.between(start, day), scene.history.sales.between(start, day), 100)


def _given_up(books: AccountBooks, scene: Scene) -> Iterator[tuple[date, int, str]]:
    """Day, minor units and cause of everything written off."""
    for item in books.adjustments:
        if (
            item.connection in books.ledger_connections
            and item.amount.currency == scene.history.currency
            and item.amount.minor < 0
        ):
            yield item.adjusted_on, -item.amount.minor, (item.reason or item.memo or "no reason given").strip()
    for note in books.credit_notes:
        if _counts(note, books, scene) and _is_write_off(note):
            yield note.issued_on, note.total.minor, (note.memo or note.reference or "write-off").strip()


def _credited(books: AccountBooks, scene: Scene) -> Iterator[tuple[date, int]]:
    for note in books.credit_notes:
        if _counts(note, books, scene) and not _is_write_off(note):
            yield note.issued_on, note.total.minor


def _counts(note: CreditNote, books: AccountBooks, scene: Scene) -> bool:
    live = note.status in (DocumentStatus.OPEN, DocumentStatus.CLOSED) and note.connection in books.ledger_connections
    return live and note.total.currency == scene.history.currency


def _is_write_off(note: CreditNote) -> bool:
    text = f"{note.memo or ''} {note.reference or ''} {note.number or ''}".casefold()
    return any(word in text for word in _BAD_DEBT)


def recovery_by_age(history: History, as_of: date) -> list[dict[str, object]]:
    """Of the money still open so many days past due, how much came as cash afterwards; of invoices at least 90 days older."""
    rows: list[dict[str, object]] = []
    for age in _AGES:
        still = later = 0
        newest = as_of - timedelta(days=90 + age)
        old = timedelta(days=age)
        for line in history.late(age):
            if line.due_on <= newest and (left := line.open_on(line.due_on + old)):
                still += left
                later += sum([step.cash for step in line.steps if line.due_on + old < step.on <= as_of])
        rows.append(
            {"days_past_due": age, "open_minor": still, "collected_minor": later, "share": per(min(later, still), still, 100)}
        )
    return rows


# ── 5: complaints ───────────────────────────────────────────────────────────────────────────────────────────────────────
def complaints(scene: Scene) -> Sign:
    """Sign 5: what clients complain of or will: bills that never came or came twice, money put to the wrong place (A62, A63)."""
    bounced = [
        (account, item.at.date())
        for account, group in scene.contacts.items()
        for item in group
        if item.kind is ContactKind.BOUNCE and item.at.date() <= scene.as_of
    ]
    disputed = [line for line in scene.history.lines if line.invoice.disputed]
    parts = _parts(scene, bounced, disputed)
    rates = {name: [*_per_1000(scene, flow)] for name, (_, flow, _) in parts.items()}
    return Sign(
        number=5,
        name="complaints",
        title="Bills get lost or doubled, payments land in the wrong place",
        main=plain_measure(
            "complaints_per_1000",
            "Causes of complaint per 1,000 invoices",
            "per 1,000",
            _together(rates),
            "bounced messages, doubled bills and payments, misapplied money and disputed invoices in three months / invoices "
            "issued in them x 1,000",
            scene.thresholds.complaints_per_1000,
        ),
        others=(
            *(
                measure(
                    name,
                    title,
                    "per 1,000",
                    rates[name],
                    f"{what} in three months / invoices issued in them x 1,000",
                    None,
                    floor=5,
                )
                for name, (title, _, what) in parts.items()
            ),
            _oldest(scene, disputed),
        ),
        clients=_complaining(scene, bounced, disputed),
        advice="Answer the oldest first; correct addresses that bounce before the next bill.",
    )


def _parts(scene: Scene, bounced: list[tuple[str, date]], disputed: list[Line]) -> dict[str, tuple[str, Flow, str]]:
    """The four causes of complaint: title, when they came up, and what is counted."""
    return {
        "lost": ("Bills that did not arrive", Flow((day, 1) for _, day in bounced), "messages that bounced"),
        "duplicate": ("Doubled bills and payments", _arrivals(scene, _DUPLICATES), "findings of doubled bills or payments"),
        "misapplied": ("Payments put to the wrong place", _arrivals(scene, _MISAPPLIED), "findings of misapplied money"),
        "disputed": (
            "Disputed invoices",
            Flow((line.issued_on, 1) for line in disputed),
            "invoices marked as disputed, by their date",
        ),
    }


def _together(rates: Mapping[str, list[tuple[date, float | None]]]) -> Iterator[tuple[date, float | None]]:
    for row in zip(*rates.values(), strict=True):
        known = [value for _, value in row if value is not None]
        yield row[0][0], round(sum(known), 2) if known else None


def _oldest(scene: Scene, disputed: list[Line]) -> Measure:
    """How long the oldest cause of complaint has waited for an answer."""
    waiting = [began_on(item, scene.born) for item in _counted(scene, _DUPLICATES | _MISAPPLIED) if item.state in OPEN_STATES]
    waiting += [line.issued_on for line in disputed if line.open_on(scene.as_of) > 0]
    age = float(max((scene.as_of - day).days for day in waiting)) if waiting else 0.0
    return plain_measure(
        "oldest_complaint_days",
        "Oldest one waiting",
        "days",
        [(scene.as_of, age)],
        "days since the oldest open doubled bill, misapplied payment or disputed invoice",
        scene.thresholds.complaint_days,
    )


def _complaining(scene: Scene, bounced: list[tuple[str, date]], disputed: list[Line]) -> tuple[ClientFigure, ...]:
    start = window_start(scene.as_of)
    found = _of_clients(scene, _DUPLICATES | _MISAPPLIED)
    found.update(account for account, day in bounced if day > start)
    found.update(line.account for line in disputed if line.open_on(scene.as_of) > 0)
    return scene.ranked(found.items(), "cases", "cases: {figure}")


# ── 6: coordination ─────────────────────────────────────────────────────────────────────────────────────────────────────
def coordination(scene: Scene) -> Sign:
    """Sign 6: systems that disagree, and more loose ends than people to tie them (A64-A66)."""
    everything = _standing(scene, None)
    people = _people(scene)
    return Sign(
        number=6,
        name="poor_coordination",
        title="Systems disagree, and loose ends pile up",
        main=plain_measure(
            "disagreements_per_1000",
            "Places where systems disagree, per 1,000 invoices",
            "per 1,000",
            _standing_rate(scene, _standing(scene, _DISAGREE)),
            "open findings that PSA and books differ or a balance is off / invoices issued in three months x 1,000",
            scene.thresholds.disagreements_per_1000,
        ),
        others=(
            plain_measure(
                "exceptions_per_person",
                "Open exceptions per person",
                "findings",
                ((day, round(everything.upto(day) / len(people or "1"), 2)) for day in scene.days),
                "all open findings / people who logged calls or decided findings in three months (at least one)",
                scene.thresholds.exceptions_per_person,
            ),
        ),
        clients=scene.ranked(
            ((name, float(count)) for name, count in _of_clients(scene, None).items()),
            "findings",
            "open findings: {figure}",
        ),
        advice="Settle the findings of these clients, then see which system the wrong figure comes from.",
        details={"people": people, "open_by_kind": _open_by_kind(scene)},
    )


def _standing_rate(scene: Scene, flow: Flow) -> Iterator[tuple[date, float | None]]:
    for day in scene.days:
        yield day, per(flow.upto(day), scene.history.issued.between(window_start(day), day), 1000)


def _people(scene: Scene) -> list[str]:
    start = window_start(scene.as_of)
    callers = {
        item.channel
        for group in scene.contacts.values()
        for item in group
        if item.kind is ContactKind.CALL and start < item.at.date() <= scene.as_of
    }
    deciders = {
        item.decided_by for item in scene.findings if item.decided_by and item.decided_at and item.decided_at.date() > start
    }
    return sorted(callers | deciders)


def _open_by_kind(scene: Scene) -> dict[str, int]:
    return dict(Counter(str(item.finding.kind) for item in scene.findings if item.state in OPEN_STATES).most_common())
