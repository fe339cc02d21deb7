"""What agencies report, into the cases it is about: acknowledgements, statuses, remittances. Each file once, each row by itself.

A file is remembered by its name and hash, so the same file dropped twice, or under two names, counts once. A row that cannot be
read or belongs to no case is named and kept for `duesync collections status`; its neighbours count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from core.collections.acknowledge import read_acknowledgement, reference_in
from core.collections.after import Signals, share_of
from core.collections.agencies import AgencySettings, fee_of
from core.collections.case import (
    AcknowledgementRead,
    AgencyStatus,
    Case,
    CaseState,
    Fact,
    LegalStep,
    LegalStepTaken,
    Recalled,
    Remittance,
    Remitted,
    StatusRead,
)
from core.collections.case_moves import IllegalMove
from core.collections.remittance import read_remittance
from core.collections.reports import ReportKind, Table, Unreadable, money_in, read_table
from core.collections.statuses import HOLDS, read_statuses
from core.errors import ConnectorError, UsageError
from core.holds import Hold, HoldKind
from core.ports import AgencyReports
from core.records import Payment, RecordKey, key_of
from scheduler.app import MAIL, App
from scheduler.evidencing import signals_of, today_of
from scheduler.mailed_reports import drop_mailed, keep_problems, mailed

log = structlog.get_logger()
_READ = "agency.read."  # the store setting with names and hashes of files that were read
_MOST_KEPT = 5_000
_LEGAL = {item.value: item for item in (CaseState.LEGAL_REVIEW, CaseState.SUIT, CaseState.JUDGMENT, CaseState.SATISFIED)}


@dataclass(slots=True)
class Taken:
    """What one file brought: (case, fact) in order, and what could not be taken, in words."""

    name: str
    kind: ReportKind | None = None
    facts: list[tuple[str, Fact]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    known: bool = False
    waits: str = ""  # a case it is about is still on its way there: the file is read again


def read_reports(app: App, *, now: datetime) -> int:
    """Read what every agency's door has that is new; how many files. A door that does not open is told, the next one is tried."""
    count = 0
    for agency_id, agency in app.settings.agencies.items():
        count += _take_mailed(app, agency_id, now)
        if agency.connection == MAIL:
            continue
        try:
            with app.connection(agency.connection) as connector:
                if not isinstance(connector, AgencyReports):
                    continue
                seen = set(app.store.setting(f"{_READ}{agency_id}") or ())
                for file in connector.reports(lambda name, seen=seen: f"name {name}" in seen):  # type: ignore[misc]
                    count += 1
                    take_file(app, agency_id, file.name, file.content, now=now)
        except ConnectorError as error:
            log.warning("report.unreachable", agency=agency_id, error=error.message)
    return count


def _take_mailed(app: App, agency_id: str, now: datetime) -> int:
    """Take up what came by mail and was kept; what is about a case still on its way there stays for the next look."""
    count = 0
    for item in mailed(app.store, agency_id):
        content = app.store.document(item.sha256)
        with app.store.unit():
            taken = take_file(app, agency_id, item.name, content or b"", now=now)
            if not taken.waits:
                drop_mailed(app.store, agency_id, item)
                count += 1
    return count


def take_file(app: App, agency_id: str, name: str, content: bytes, *, now: datetime, dry_run: bool = False) -> Taken:
    """Read one file and take up what it says, in one commit with the memory that it was read."""
    agency = app.settings.agencies.get(agency_id)
    if agency is None:
        raise UsageError(f"there is no agency called {agency_id}", remedy="See [agencies] in the configuration.")
    digest = hashlib.sha256(content).hexdigest()
    taken = Taken(name=name)
    with app.store.unit():
        read = list(app.store.setting(f"{_READ}{agency_id}") or ())
        taken.known = f"sha256 {digest}" in read
        if not taken.known:
            _take(app, agency_id, agency, name, content, taken, now, dry_run=dry_run)
        if not dry_run and not taken.waits:
            kept = dict.fromkeys([*read, f"name {name}", f"sha256 {digest}"])
            app.store.put_setting(f"{_READ}{agency_id}", list(kept)[-_MOST_KEPT:])
            keep_problems(app.store, agency_id, taken.problems)
    return taken


def _take(
    app: App, agency_id: str, agency: AgencySettings, name: str, content: bytes, taken: Taken, now: datetime, *, dry_run: bool
) -> None:
    try:
        table = read_table(name, content)
    except Unreadable as error:
        taken.problems.append(f"{name}: {error}")
        return
    taken.kind = table.kind
    cases = {name: case for case in app.store.cases() if _is_theirs(case, agency_id) for name in _names(case)}
    named = (cases.get(row.get("reference") or row.get("case") or "") for row in table.rows)
    taken.waits = next((case.id for case in named if case is not None and case.state is CaseState.PLACING), "")
    if taken.waits:
        return
    _rows(app, agency, table, cases, taken, now, dry_run=dry_run)


def _rows(
    app: App,
    agency: AgencySettings,
    table: Table,
    cases: Mapping[str, Case],
    taken: Taken,
    now: datetime,
    *,
    dry_run: bool,
) -> None:
    today = today_of(app, now)
    if table.kind is ReportKind.STATUS:
        lines, bad = read_statuses(table, own=agency.codes, now=now, today=today)
        taken.problems += [f"{table.name}, row {item.number}: {item.problem}" for item in bad]
        for line in lines:
            case = cases.get(line.reference)
            if case is None:
                taken.problems.append(f"{table.name}: no case of ours is called {line.reference}")
            elif not _has_status(app.store.case(case.id), line.status):
                _take_status(app, app.store.case(case.id), line.status, taken, now, dry_run=dry_run)
        return
    for number, row in enumerate(table.rows, start=1):
        try:
            named = cases.get(reference_in(row))
            if named is None:
                raise ValueError(f"no case of ours is called {reference_in(row)}")
            fact = _fact(app, app.store.case(named.id), agency, table.kind, row, now)
            _append(app, named.id, fact, taken, now, dry_run=dry_run)
        except (ValueError, IllegalMove) as error:
            taken.problems.append(f"{table.name}, row {number}: {error}")


def _is_theirs(case: Case, agency_id: str) -> bool:
    return case.placement is not None and case.placement.agency == agency_id


def _names(case: Case) -> tuple[str, ...]:
    """By what an agency may call a case: our reference, the case's id, and its own reference once it told us one."""
    own = case.acknowledgement.reference if case.acknowledgement else ""
    return tuple(name for name in (case.placement.reference if case.placement else "", case.id, own) if name)


def _fact(app: App, case: Case, agency: AgencySettings, kind: ReportKind, row: Mapping[str, str], now: datetime) -> Fact:
    if kind is ReportKind.ACKNOWLEDGEMENT:
        return AcknowledgementRead(acknowledgement=read_acknowledgement(row, case, now=now))
    return Remitted(remittance=_remittance(app, case, agency, row, now))


def _remittance(app: App, case: Case, agency: AgencySettings, row: Mapping[str, str], now: datetime) -> Remittance:
    signals = signals_of(app, case, now=now)
    gross = money_in(row, "gross", case.currency)
    share = share_of(case, agency, signals)
    direct = {item.payment for item in case.direct_payments}
    return read_remittance(
        row,
        case,
        open_now=signals.open_now,
        payments=[item for item in _came_since(signals, case) if key_of(item) not in direct],
        today=signals.today,
        expected_fee=None if share is None else fee_of(gross, share),
    )


def _came_since(signals: Signals, case: Case) -> list[Payment]:
    """The client's payments in the ledger that were not there when the case was placed. The PSA's copies are no others."""
    placed_at = case.placed_at
    if placed_at is None or signals.books is None:
        return []
    ledger = signals.books.ledger_connections
    mine = (item for item in signals.books.payments if item.connection in ledger)
    return [item for item in mine if signals.first_seen.get(key_of(item), placed_at) > placed_at]


def _has_status(case: Case, status: AgencyStatus) -> bool:
    return any((item.code, item.on, item.note) == (status.code, status.on, status.note) for item in case.statuses)


def _take_status(app: App, case: Case, status: AgencyStatus, taken: Taken, now: datetime, *, dry_run: bool) -> None:
    """The status itself, and what follows from it: a hold, a step at law, the case given back."""
    try:
        _append(app, case.id, StatusRead(status=status), taken, now, dry_run=dry_run)
    except IllegalMove as error:
        taken.problems.append(f"case {case.id}: {error.message}")
        return
    for hold in () if dry_run else _holds(case, status, now):
        app.store.place_hold(hold)
    follows: Fact | None = None
    if status.meaning in _LEGAL:
        follows = LegalStepTaken(
            step=LegalStep(state=_LEGAL[status.meaning], on=status.on, reference=status.reference, note=status.note)
        )
    elif status.meaning == "returned":
        follows = Recalled(reason=f"status {status.code}: {status.note}".rstrip(": "), by_agency=True)
    if follows is not None:
        try:
            _append(app, case.id, follows, taken, now, dry_run=dry_run)
        except IllegalMove as error:
            taken.problems.append(f"case {case.id}, status {status.code}: {error.message}")


def _holds(case: Case, status: AgencyStatus, now: datetime) -> list[Hold]:
    """What keeps us back by what the agency heard. It outlasts the case: one given back is not chased on over a dispute."""
    kind = HOLDS.get(status.meaning)
    if kind is None:
        return []
    about: tuple[RecordKey | None, ...] = case.invoices if kind is HoldKind.DISPUTE else (None,)
    return [
        Hold(
            id=f"{status.meaning}-{case.id}-{status.on}{f'-{number}' if number else ''}",
            kind=kind,
            account=case.account,
            invoice=invoice,
            reason=f"the agency reported it on {status.on}: {status.note}".rstrip(": "),
            placed_at=now,
            placed_by="duesync",
        )
        for number, invoice in enumerate(about)
    ]


def _append(app: App, case_id: str, fact: Fact, taken: Taken, now: datetime, *, dry_run: bool) -> None:
    if not dry_run:
        app.store.append_case_event(case_id, fact, by="duesync", now=now)
    taken.facts.append((case_id, fact))
