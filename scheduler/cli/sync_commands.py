"""`duesync sync` and `duesync reconcile`: pull now, examine now."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from core.pull import Progress as Report
from core.pull import PullReport
from core.records import Stream
from core.review import ReviewReport
from scheduler.cli import console
from scheduler.cli.session import UNREACHABLE, ConfigOption, JsonOption, chosen, opened
from scheduler.jobs import review_accounts, sync_connection


def sync(
    connections: Annotated[list[str] | None, typer.Argument(help="Which connections; all when none is named.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Forget the cursors and read everything again.")] = False,
    accept_deletes: Annotated[
        bool, typer.Option("--accept-deletes", help="Believe a vendor that suddenly has far fewer records.")
    ] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Pull the books into the store. Reads only; writes nothing upstream. Exit 3 if a connection could not be read."""
    with opened(config, json) as app:
        names = connections or list(app.settings.connections)
        for name in names:
            app.spec(name)  # names every unknown connection before anything is pulled
        with _bars(chosen.json) as bars:
            progress = _progress(bars) if bars else None
            reports = [sync_connection(app, name, full=full, accept_deletes=accept_deletes, progress=progress) for name in names]
    if chosen.json:
        console.print_json([_report(item) for item in reports])
    else:
        _show(reports)
    if any(item.errors for item in reports):
        raise typer.Exit(UNREACHABLE)


class _NoBars:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def _bars(json: bool) -> Progress | _NoBars:
    if json or not sys.stderr.isatty():
        return _NoBars()
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console.err, transient=True
    )


def _progress(bars: Progress) -> Report:
    tasks: dict[tuple[str, Stream], Any] = {}

    def report(connection: str, stream: Stream, done: int, expected: int | None) -> None:
        key = (connection, stream)
        if key not in tasks:
            tasks[key] = bars.add_task(f"{connection} {stream}", total=expected)
        bars.update(tasks[key], completed=done, total=expected)

    return report


def _report(report: PullReport) -> dict[str, Any]:
    return {
        "connection": report.connection,
        "streams": [
            {
                "stream": str(item.stream),
                "read": item.read,
                "inserted": item.inserted,
                "updated": item.updated,
                "unchanged": item.unchanged,
                "deleted": item.deleted,
                "malformed": item.malformed,
                "error": item.error,
                "remedy": item.remedy,
            }
            for item in report.streams
        ],
        "retry_after": report.retry_after,
    }


def _show(reports: list[PullReport]) -> None:
    columns = ("connection", "stream", "read", "new", "changed", "gone", "unreadable", "")
    rows = [
        (item.connection, str(s.stream), s.read, s.inserted, s.updated, s.deleted, s.malformed, "failed" if s.error else "")
        for item in reports
        for s in item.streams
    ]
    console.table("", columns, rows, right=columns[2:7])
    for item in reports:
        alike: dict[tuple[str, str], list[str]] = {}
        for failure in item.errors:
            alike.setdefault((failure.error or "", failure.remedy), []).append(str(failure.stream))
        for (error, remedy), streams in alike.items():
            console.complain(f"{item.connection} {', '.join(streams)}: {error}")
            if remedy:
                console.note(remedy)
    if any(s.malformed for item in reports for s in item.streams):
        console.note("Rows that could not be read were set aside; see them with: duesync findings list --kind malformed_record")


def reconcile(
    full: Annotated[bool, typer.Option("--full/--changed", help="Examine every account, or only those that changed.")] = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Examine what the store knows and note what does not add up. Sends nothing."""
    with opened(config, json) as app:
        report = review_accounts(app, full=full, enqueue=False)
    if chosen.json:
        console.print_json(_review(report))
        return
    counts = f"{report.opened} new findings, {report.seen} still open, {report.resolved} resolved"
    console.say(f"{report.accounts} accounts examined: {counts}.")
    if report.set_aside:
        names = console.one_line(", ".join(report.set_aside), 200)
        console.complain(f"{len(report.set_aside)} accounts could not be examined and wait: {names}. The log says why.")
    if report.opened or report.seen:
        console.note("See them with: duesync findings list")


def _review(report: ReviewReport) -> dict[str, Any]:
    return {
        "accounts": report.accounts,
        "opened": report.opened,
        "still_open": report.seen,
        "resolved": report.resolved,
        "by_kind": report.by_kind,
        "set_aside": report.set_aside,
    }
