"""`duesync preview`: what would be said, to whom, and why; and what would not, and why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from core.dunning.decision import Entry, preview_row
from core.errors import UsageError
from core.messages.render import MessageIncomplete, Rendered, render
from scheduler.cli import console
from scheduler.cli.session import ConfigOption, JsonOption, chosen, day_option, opened
from scheduler.previewing import preview as look_ahead
from scheduler.previewing import settings_for_nobody


def preview(
    as_of: Annotated[datetime | None, day_option("--as-of", "Decide as on this day.")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="Look this many days ahead, as if each message went.")] = 1,
    save: Annotated[Path | None, typer.Option("--save", help="Write each message as text and HTML into this folder.")] = None,
    text: Annotated[bool, typer.Option("--text", help="Show the words of each message.")] = False,
    since: Annotated[datetime | None, day_option("--since", "Back-test from this day on.")] = None,
    until: Annotated[datetime | None, day_option("--until", "Last day [default: yesterday].")] = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="TOML with another [dunning]; with --since: compare.")] = None,
    each: Annotated[bool, typer.Option("--each/--no-each", help="With --policy: try each difference alone as well.")] = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show what would be sent, from what the store knows. Sends nothing, in any mode.

    With --since it looks back instead: what the policy, and the one of --policy, would have said day by day with what was known
    then, and which of it about invoices already paid or on hold. Where the policies differ in several settings, what each of
    them comes to alone is told too.
    """
    if since is not None:
        _look_back(since.date(), until.date() if until else None, policy, config, json, each=each)
        return
    if until is not None or policy is not None:
        raise UsageError("--until and --policy belong to a back-test", remedy="Say from which day on with --since.")
    with opened(config, json) as app:
        entries = look_ahead(app, as_of=as_of.date() if as_of else None, days=days)
        names = {item.id: item.name for item in app.store.accounts()}
        own = app.settings.dunning.templates
        for said in settings_for_nobody(app):
            console.complain(f"{said}: it changes nothing")
    entries = [_with_problems(entry, own) for entry in entries]
    if save is not None:
        _save(entries, save, own)
    if chosen.json:
        console.print_json([preview_row(entry) for entry in entries])
        return
    sends = [entry for entry in entries if entry.would_send]
    kept = [entry for entry in entries if not entry.would_send]
    _show(f"{len(sends)} would be sent", sends, names)
    _show(f"{len(kept)} would not", kept, names)
    for problem, count in Counter(_problems(entry, own) for entry in sends).items():
        if problem:
            console.complain(f"{count} of what would be sent cannot be written yet: {problem}")
    if text:
        for entry in sends:
            _print(entry, own)


def _look_back(since: date, until: date | None, policy: Path | None, config: Path | None, json: bool, *, each: bool) -> None:
    from scheduler.backtesting import backtest, read_policy
    from scheduler.cli.backtest_view import backtest_json, show_backtest

    proposed = read_policy(policy) if policy is not None else None
    with opened(config, json) as app:
        found = backtest(app, since=since, until=until, policy=proposed, each=each)
        names = {item.id: item.name for item in app.store.accounts()}
    if chosen.json:
        console.print_json(backtest_json(found))
    else:
        show_backtest(found, names, compared=policy is not None)


def _show(title: str, entries: list[Entry], names: dict[str, str]) -> None:
    columns = ("on", "client", "stage", "by", "to", "invoices", "why")
    rows = [
        (
            _day(entry),
            console.one_line(names.get(entry.account, entry.account), 28),
            entry.stage.replace("_", " "),
            str(entry.channel),
            console.one_line(entry.recipient, 30),
            console.one_line(", ".join(item.number or item.ref for item in entry.invoices), 30),
            console.one_line("; ".join(entry.reasons), 110),
        )
        for entry in entries
    ]
    if rows:
        console.table(title, columns, rows)
    else:
        console.say(title)


def _day(entry: Entry) -> date:
    """The day it would go; for what is kept back, the day its step was or is due."""
    return max(entry.due_on, entry.not_before.date()) if entry.would_send else entry.due_on


def _problems(entry: Entry, own: Mapping[str, str]) -> str:
    """Why the message of an entry cannot be written; empty where it can be."""
    message = render(entry.letter, own) if entry.letter is not None and entry.would_send else None
    return str(message) if isinstance(message, MessageIncomplete) else ""


def _with_problems(entry: Entry, own: Mapping[str, str]) -> Entry:
    problem = _problems(entry, own)
    return replace(entry, reasons=(*entry.reasons, f"it cannot be written yet: {problem}")) if problem else entry


def _rendered(entry: Entry, own: Mapping[str, str]) -> Rendered | None:
    message = render(entry.letter, own) if entry.letter is not None else None
    return message if isinstance(message, Rendered) else None


def _print(entry: Entry, own: Mapping[str, str]) -> None:
    message = _rendered(entry, own)
    if message is not None:
        console.say(f"\n── to {entry.recipient}\nSubject: {message.subject}\n\n{message.text}")


def _save(entries: list[Entry], folder: Path, own: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, entry in enumerate(entries, start=1):
        message = _rendered(entry, own)
        if message is not None:
            stem = folder / f"{number:03d}-{entry.stage}"
            stem.with_suffix(".txt").write_text(f"Subject: {message.subject}\n\n{message.text}", encoding="utf-8")
            stem.with_suffix(".html").write_text(message.html, encoding="utf-8")
