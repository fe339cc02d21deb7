"""`duesync restore` and `duesync restored …`: a backup in the place of the store, and the way back to normal after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from core.clock import SystemClock
from core.errors import UsageError
from core.lost_span import MAY_HAVE_GONE, LostSpan, end_lost_span, lost_span
from core.outbox import OutboxRow, OutboxState
from core.settings import check_store_url
from core.store import Restored, restore_backup
from scheduler.app import App, find_config, load_settings
from scheduler.cli import console
from scheduler.cli.session import ConfigOption, JsonOption, actor, choose, chosen, opened
from scheduler.store_place import store_url

restored_app = typer.Typer(help="After a restore: what waits because of it, and ending that.", no_args_is_help=True)
_NEXT = """\
Sending is paused. Next:
  1. start the daemon; it pulls what the vendors have today (a refused sign-in: duesync auth NAME)
  2. duesync resume: each message is looked for at its channel; found ones are put on record, the others wait as drafts
  3. duesync restored show: read the drafts, approve the right ones; put holds and promises agreed since then in again
  4. duesync restored finish: when you have seen to everything of that time, messages go by themselves again"""


def restore(
    backup: Annotated[Path, typer.Argument(help="The file `duesync backup` wrote.")],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="URL", help="Where to: sqlite:///… or postgresql://… [default: [store] url]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what the store holds. A SQLite file is kept beside.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Put a backup in the place of the store, paused. Stop the daemon first.

    The backup is checked first: whole, of this release or an older one, its journal intact. What was sent since it was made is
    not known to it: nothing goes until you say `resume`, and then nothing a client could hear twice goes without your approval.
    """
    choose(config, json)
    url = _checked_url(to) if to is not None else store_url(load_settings(find_config(chosen.config)))
    clock = SystemClock()
    done = restore_backup(backup, url, clock=clock, by=actor(), now=clock.now(), force=force)
    if chosen.json:
        console.print_json(_as_json(backup, done))
    else:
        _say(backup, done)


def _checked_url(url: str) -> str:
    try:
        return check_store_url(url)
    except ValueError as error:
        raise UsageError(f"--to: {error}") from None


def _as_json(backup: Path, done: Restored) -> dict[str, object]:
    return {
        "backup": str(backup),
        "store": done.where,
        "migrated": list(done.migrated),
        "journal_entries": done.journal_entries,
        "known_until": done.known_until.isoformat() if done.known_until else None,
        "paused": True,
        "kept": str(done.kept) if done.kept else None,
    }


def _say(backup: Path, done: Restored) -> None:
    console.say(f"{done.where} is restored from {backup}: journal intact, {done.journal_entries:,} entries.")
    if done.migrated:
        console.say(f"Its schema was brought to this release: {', '.join(done.migrated)}.")
    if done.kept:
        console.say(f"What was there is kept as {done.kept}.")
    known = f"{done.known_until:%Y-%m-%d %H:%M} UTC" if done.known_until else "its making"
    console.say(f"Nothing that happened after {known} is known to it.")
    console.say(_NEXT)


# ── afterwards ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@restored_app.command()
def show(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show the span this store knows nothing of, and the messages that wait for you because of it."""
    with opened(config, json) as app:
        span = _span(app)
        waiting = [row for row in app.store.outbox(states=[OutboxState.DRAFT]) if MAY_HAVE_GONE in row.reasons]
        found = _found(app)
    if chosen.json:
        console.print_json(
            {
                "since": span.since.isoformat() if span.since else None,
                "until": span.until.isoformat(),
                "backup": span.backup,
                "by": span.by,
                "waiting": [row.id for row in waiting],
                "found": [row.id for row in found],
            }
        )
        return
    since = f"{span.since:%Y-%m-%d %H:%M}" if span.since else "the backup"
    console.say(f"Restored from {span.backup} by {span.by}. Unknown: {since} to {span.until:%Y-%m-%d %H:%M} UTC.")
    _table("sent in that time, found at their channel", found)
    _table("waiting: approve (duesync outbox approve ID) or drop (duesync outbox resolve ID not-sent)", waiting)


def _found(app: App) -> list[OutboxRow]:
    """The rows found done at their vendor since the restore, by the journal's order: clocks may have been wrong."""
    restored_at = app.store.journal_entries(subject="store/restored", kind="restored")[-1].seq
    later = app.store.journal_entries(kind="outbox.settled", after=restored_at)
    rows = [app.store.outbox_row(entry.subject.partition("/")[2]) for entry in later if (entry.detail or {}).get("found")]
    return [row for row in rows if row is not None]


def _table(title: str, rows: Sequence[OutboxRow]) -> None:
    from scheduler.cli.outbox_commands import summary

    lines = [(row.id, row.action.account, console.one_line(summary(row), 80)) for row in rows]
    console.table(f"{len(rows)} {title}", ("id", "client", "what"), lines)


@restored_app.command()
def finish(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Say that you have seen to everything of the lost span: messages go by themselves again. Drafts stay drafts."""
    with opened(config, json) as app:
        span = _span(app)
        end_lost_span(app.store, by=actor(), now=app.clock.now())
        paused = sorted(app.store.paused())
    if chosen.json:
        console.print_json({"backup": span.backup, "finished": True, "paused": paused})
    else:
        console.say("Messages go by themselves again." + (" Sending is still paused: duesync resume." if paused else ""))


def _span(app: App) -> LostSpan:
    span = lost_span(app.store)
    if span is None:
        raise UsageError("This store was not restored, or that was finished.", remedy="There is nothing to do.")
    return span
