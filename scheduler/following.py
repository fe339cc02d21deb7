"""Follows every open case: takes up what happened, tells agency and upstream systems, reads agencies' reports, rests reminders.

Each case is one commit, and looking twice changes nothing: what was taken up is part of the case, what was told has its key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from core.actions import PostNote
from core.collections.after import Alarm, Signals, alarms, happened, words_for_agency
from core.collections.case import Case, CaseEvent
from core.collections.case_moves import IllegalMove
from core.collections.telling import note_of
from core.errors import DuesyncError
from core.outbox import Queued
from core.records import RecordKey, Stream
from scheduler.app import App
from scheduler.evidencing import signals_of
from scheduler.jobs import rules
from scheduler.placing import agency_hold, mode_of, say_to_agency, take_notice
from scheduler.reporting import read_reports

log = structlog.get_logger()
_NOTED = "case.noted."  # the store setting with the last event of a case that upstream systems were told of
_ALARMED = "case.alarmed."  # the alarms of a case that were logged, so that each is logged once


@dataclass(slots=True)
class FollowReport:
    """What one round did."""

    cases: int = 0
    facts: int = 0
    told: int = 0
    noted: int = 0
    reports: int = 0
    alarms: int = 0
    failed: int = 0

    def summary(self) -> dict[str, int]:
        """The counts, for the run's record."""
        return {
            "cases": self.cases,
            "facts": self.facts,
            "told": self.told,
            "noted": self.noted,
            "reports": self.reports,
            "alarms": self.alarms,
            "failed": self.failed,
        }


def follow_cases(app: App) -> FollowReport:
    """Bring every case up to date, read what agencies report, and take that up. One case that fails stops no other."""
    report = FollowReport()
    now = app.clock.now()
    _follow_all(app, report, now)
    report.reports = read_reports(app, now=now)
    if report.reports:
        report.cases = report.alarms = 0
        _follow_all(app, report, now)
    if report.cases or report.reports:
        log.info("case.followed", **report.summary())
    return report


def _follow_all(app: App, report: FollowReport, now: datetime) -> None:
    for case in app.store.cases():
        if not case.open and int(app.store.setting(f"{_NOTED}{case.id}") or 0) >= case.number:
            continue
        report.cases += 1
        try:
            follow(app, case, report, now=now)
        except DuesyncError as error:
            report.failed += 1
            log.warning("case.unfollowed", case=case.id, error=error.message)


def follow(app: App, case: Case, report: FollowReport, *, now: datetime) -> Case:
    """Bring one case up to date, in one commit; the case as it is then."""
    with app.store.unit():
        if case.open:
            case = take_notice(app, case, by="duesync", now=now)
        for _ in range(3):  # a fact may make another true: a delivered case may be paid, a paid one must be told
            before = case.number
            case = _take_up(app, case, report, now)
            case = _tell_agency(app, case, report, now)
            if case.number == before:
                break
        _rest_or_resume(app, case, now)
        report.noted += _tell_upstream(app, case, now)
    report.alarms += _alarm(app, signals_of(app, case, now=now))
    return case


def alarms_of(app: App, case: Case, *, now: datetime) -> list[Alarm]:
    """What a person must see of one case."""
    return alarms(signals_of(app, case, now=now))


def _take_up(app: App, case: Case, report: FollowReport, now: datetime) -> Case:
    for fact in happened(signals_of(app, case, now=now)):
        try:
            case = app.store.append_case_event(case.id, fact, by="duesync", now=now)
            report.facts += 1
        except IllegalMove as error:
            log.info("case.unmoved", case=case.id, error=error.message)
    return case


def _tell_agency(app: App, case: Case, report: FollowReport, now: datetime) -> Case:
    signals = signals_of(app, case, now=now)
    if signals.agency is None or mode_of(app, signals.agency) == "observe":
        return case
    for word in words_for_agency(signals):
        case = say_to_agency(
            app,
            case,
            what=word.what,
            cause=word.cause,
            subject=word.subject,
            text=word.text,
            amount=word.amount,
            by="duesync",
            now=now,
        )
        report.told += 1
    return case


def _rest_or_resume(app: App, case: Case, now: datetime) -> None:
    """Our own dunning rests while the agency has the case, and resumes one step at a time once it has not."""
    if case.placement is None:
        mine = [hold for hold in app.store.holds(account=case.account) if hold.id.startswith(f"agency-{case.id}-")]
    else:
        hold = agency_hold(case, by="duesync", now=now)
        if case.with_agency:
            app.store.place_hold(hold)
            return
        mine = [item for item in app.store.holds(account=case.account) if item.id == hold.id]
    for item in mine:
        app.store.lift_hold(item.id, by="duesync", now=now)


# ── upstream ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _tell_upstream(app: App, case: Case, now: datetime) -> int:
    """A note in the PSA and the books for every step that was not noted yet; how many were queued."""
    key = f"{_NOTED}{case.id}"
    done = int(app.store.setting(key) or 0)
    if done >= case.number:
        return 0
    going_by = rules(app)
    queued: list[Queued] = []
    for event in app.store.case_events(case.id):
        text = note_of(event, case) if event.number > done else None
        if text is not None:
            queued += _notes(app, case, event, text, going_by.notes, now)
    outcome = app.store.enqueue(queued, now=now, run_id=None)
    app.store.put_setting(key, case.number)
    return len(outcome.added)


def _notes(app: App, case: Case, event: CaseEvent, text: str, modes: Mapping[str, str], now: datetime) -> Iterator[Queued]:
    """One note per connection that takes notes: on the case's invoices where it has them, else on the client."""
    places = _places(app, case)
    for connection, mode in sorted(modes.items()):
        if mode == "observe":
            continue
        for key in places.get(connection, ()):
            note = PostNote(
                connection=connection,
                account=case.account,
                stream=key.stream,
                ref=key.ref,
                text=text,
                cause=f"case {case.id} {event.number}",
            )
            why = (f"tells {connection} of case {case.id}",)
            yield Queued(action=note, reasons=why, not_before=now, draft=mode == "draft")


def _places(app: App, case: Case) -> dict[str, Sequence[RecordKey]]:
    found: dict[str, list[RecordKey]] = {}
    for key in case.invoices:
        found.setdefault(key.connection, []).append(key)
    account = next((item for item in app.store.accounts() if item.id == case.account), None)
    for party in account.parties if account is not None else ():
        if party.connection not in {key.connection for key in case.invoices}:
            found.setdefault(party.connection, []).append(replace(party, stream=Stream.PARTIES))
    return dict(found)


# ── alarms ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _alarm(app: App, signals: Signals) -> int:
    """Log each alarm once; how many stand."""
    key = f"{_ALARMED}{signals.case.id}"
    standing = sorted(f"{item.kind}: {item.text}" for item in alarms(signals))
    known = app.store.setting(key) or []
    for text in standing:
        if text not in known:
            log.warning("case.alarmed", case=signals.case.id, problem=text)
    if standing != known:
        app.store.put_setting(key, standing)
    return len(standing)
