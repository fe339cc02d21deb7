"""Agencies' reports that came by mail, kept until they are taken up, and what of any report could not be taken.

The mailbox is read once and in order, so what it brings is kept in the store first: a report about a case that is still on its
way to the agency is taken up later, and nothing is lost if the process dies between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from connectors.smtp.reports import Mailed
from core.messages.clean import one_line
from core.settings import Settings
from core.store import Store
from scheduler.app import App

log = structlog.get_logger()
_MAILED = "agency.mailed."  # the store setting with the files of an agency that wait, by name and hash
_PROBLEMS = "agency.problems."  # rows and files of an agency that could not be taken, the last ones
_MOST_WAITING = 500
_MOST_PROBLEMS = 200


@dataclass(frozen=True, slots=True)
class MailedReport:
    """A file that waits, by its name and where the store keeps its bytes."""

    name: str
    sha256: str


def agency_senders(settings: Settings) -> frozenset[str]:
    """Every address an agency reports from, in lower case."""
    return frozenset(address.casefold() for agency in settings.agencies.values() for address in agency.reports_from)


def keep_mailed(app: App, found: Mailed, now: datetime) -> int:
    """Keep the files of one mail for the agency they are from, or say why they are not taken; how many are kept."""
    known = app.settings.agencies.items()
    agencies = [name for name, agency in known if found.sender in {item.casefold() for item in agency.reports_from}]
    for name in agencies:
        if found.problem:
            keep_problems(app.store, name, [f"a mail from {found.sender} was not taken: {found.problem}"])
            continue
        waiting = {(item.name, item.sha256): None for item in mailed(app.store, name)}
        for file in found.files:
            waiting[one_line(file.name, 130), app.store.put_document(file.content, now=now)] = None
        app.store.put_setting(f"{_MAILED}{name}", [list(item) for item in waiting][-_MOST_WAITING:])
    return len(found.files) if agencies else 0


def mailed(store: Store, agency_id: str) -> tuple[MailedReport, ...]:
    """What waits for one agency's cases, oldest first."""
    return tuple(MailedReport(name, sha256) for name, sha256 in store.setting(f"{_MAILED}{agency_id}") or ())


def drop_mailed(store: Store, agency_id: str, item: MailedReport) -> None:
    """It was taken up."""
    rest = [[other.name, other.sha256] for other in mailed(store, agency_id) if other != item]
    store.put_setting(f"{_MAILED}{agency_id}", rest or None)


def keep_problems(store: Store, agency_id: str, found: list[str]) -> None:
    """Log what could not be taken, and keep it for `duesync collections status`; the same words once."""
    known = problems_of(store, agency_id)
    fresh = [problem for problem in dict.fromkeys(found) if problem not in known]
    for problem in fresh:
        log.warning("report.unreadable", agency=agency_id, problem=problem)
    if fresh:
        store.put_setting(f"{_PROBLEMS}{agency_id}", [*known, *fresh][-_MOST_PROBLEMS:])


def problems_of(store: Store, agency_id: str) -> list[str]:
    """What of an agency's reports could not be taken, the last ones."""
    return list(store.setting(f"{_PROBLEMS}{agency_id}") or ())
