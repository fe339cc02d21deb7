"""`duesync outbox …`: what waits to be sent, what went, what did not and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from core.actions import HandOver, OpenTicket, PostNote, SendInvoice, SendReminder, SetField
from core.dunning.decision import REFERENCE_DIGITS
from core.errors import UsageError
from core.outbox import OutboxRow, OutboxState
from scheduler.app import App
from scheduler.cli import console
from scheduler.cli.account_commands import find_account
from scheduler.cli.session import ConfigOption, JsonOption, actor, chosen, opened

app = typer.Typer(help="What waits to be sent, what went, and what did not and why.", no_args_is_help=True)
IdArgument = Annotated[str, typer.Argument(help="The row's id, as `outbox list` shows it.")]


def summary(row: OutboxRow) -> str:
    """An action in a few words."""
    action = row.action
    if isinstance(action, SendReminder):
        return f"mail to {', '.join(action.to)}: {action.subject}"
    if isinstance(action, SendInvoice):
        return f"{action.connection} mails invoice {action.invoice.number or action.invoice.ref}"
    if isinstance(action, PostNote):
        return f"note on {action.stream} {action.ref} in {action.connection}"
    if isinstance(action, SetField):
        return f"set {action.field} of {action.stream} {action.ref} in {action.connection}"
    if isinstance(action, HandOver):
        return f"{action.what} of case {action.case} to {action.agency}: {action.subject}"
    return f"ticket in {action.connection}: {action.summary}"


def as_json(row: OutboxRow) -> dict[str, Any]:
    """An outbox row for machines."""
    action = row.action
    return {
        "id": row.id,
        "key": row.key,
        "state": str(row.state),
        "kind": type(action).__name__,
        "account": action.account,
        "connection": action.connection,
        "stage": action.stage if isinstance(action, SendReminder | SendInvoice | OpenTicket) else None,
        "summary": summary(row),
        "invoices": [
            {"connection": item.connection, "ref": item.ref, "number": item.number, "open": console.plain(item.open)}
            for item in (action.invoices if isinstance(action, SendReminder | SendInvoice | OpenTicket) else ())
        ],
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
        "not_before": row.not_before.isoformat(),
        "attempts": row.attempts,
        "reasons": list(row.reasons),
        "gate": [{"question": answer.question, "ok": answer.ok, "detail": answer.detail} for answer in row.gate],
        "receipt": row.receipt.ref if row.receipt else None,
        "error": row.error,
    }


@app.command(name="list")
def list_rows(
    state: Annotated[list[OutboxState] | None, typer.Option("--state", help="Only this state; may be repeated.")] = None,
    account: Annotated[str | None, typer.Option("--account", "-a", help="Only this client's: id, name or ref.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.")] = 200,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List actions, newest first, with why each went or did not go."""
    with opened(config, json) as opened_app:
        account_id = find_account(opened_app, account) if account else None
        rows = sorted(opened_app.store.outbox(states=state, account=account_id), key=lambda row: row.created_at, reverse=True)
    rows = rows[:limit]
    if chosen.json:
        console.print_json([as_json(row) for row in rows])
        return
    if not rows:
        console.say("The outbox is empty.")
        return
    columns = ("id", "state", "what", "why")
    lines = [(row.id, str(row.state), console.one_line(summary(row), 80), console.one_line(_why(row), 100)) for row in rows]
    console.table(f"{len(rows)} actions", columns, lines)


def _why(row: OutboxRow) -> str:
    if row.error:
        return row.error
    refused = [f"{answer.question}: {answer.detail}" for answer in row.gate if answer.ok is not True]
    return "; ".join(refused or row.reasons)


@app.command()
def show(
    row_id: Annotated[str, typer.Argument(help="The row's id, as `outbox list` shows it, or the reference a message ends with.")],
    save: Annotated[Path | None, typer.Option(help="Write the message as text and HTML into this folder.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show one action: its words, its reasons and the gate's answers."""
    with opened(config, json) as opened_app:
        row = _named(opened_app, row_id)
    if save is not None and isinstance(row.action, SendReminder):
        save.mkdir(parents=True, exist_ok=True)
        (save / f"{row.id}.txt").write_text(f"Subject: {row.action.subject}\n\n{row.action.text}", encoding="utf-8")
        (save / f"{row.id}.html").write_text(row.action.html, encoding="utf-8")
    if chosen.json:
        action = row.action
        body = {"subject": action.subject, "text": action.text, "html": action.html} if isinstance(action, SendReminder) else None
        console.print_json({**as_json(row), "message": body})
        return
    console.say(f"{row.id} {row.state}: {summary(row)}")
    for reason in row.reasons:
        console.say(f"  because {reason}")
    for answer in row.gate:
        mark = {True: "yes", False: "NO", None: "CANNOT TELL"}[answer.ok]
        console.say(f"  {mark:<12}{answer.question}: {answer.detail}")
    if row.error:
        console.say(f"  error: {row.error}")
    if row.receipt:
        console.say(f"  receipt: {row.receipt.ref} {row.receipt.detail}".rstrip())
    if isinstance(row.action, SendReminder):
        console.say(f"\nSubject: {row.action.subject}\n\n{row.action.text}")


@app.command()
def approve(
    row_ids: Annotated[list[str] | None, typer.Argument(help="Which drafts.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every draft.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Let drafts go. The gate still asks its questions before each is sent."""
    with opened(config, json) as opened_app:
        drafts = (
            opened_app.store.outbox(states=[OutboxState.DRAFT]) if everything else [_find(opened_app, i) for i in row_ids or ()]
        )
        if not drafts and not everything:
            raise UsageError("name the drafts to approve, or --all")
        done = [opened_app.store.approve(row.id, by=actor(), now=opened_app.clock.now()) for row in drafts]
    _answer([row.id for row in done], "approved")


@app.command()
def retry(row_id: IdArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Try a parked action again now. An ambiguous one must be resolved first: it may have been done."""
    with opened(config, json) as opened_app:
        row = _find(opened_app, row_id)
        if row.state is not OutboxState.PARKED:
            raise UsageError(f"{row.id} is {row.state}, not parked", remedy="Only parked actions can be retried.")
        opened_app.store.resolve(row.id, outcome="retry", by=actor(), now=opened_app.clock.now())
    _answer([row.id], "queued")


@app.command()
def resolve(
    row_id: IdArgument,
    outcome: Annotated[str, typer.Argument(help="sent: it was done. not-sent: it was not, drop it. retry: it was not, again.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Say what became of an ambiguous or parked action, after you looked at the vendor or the mailbox."""
    if outcome not in ("sent", "not-sent", "retry"):
        raise UsageError(f'"{outcome}" is not an outcome', remedy="Say sent, not-sent or retry.")
    with opened(config, json) as opened_app:
        row = _find(opened_app, row_id)
        if row.state not in (OutboxState.AMBIGUOUS, OutboxState.PARKED, OutboxState.DRAFT, OutboxState.QUEUED):
            raise UsageError(f"{row.id} is {row.state}: nothing is left to decide")
        opened_app.store.resolve(row.id, outcome=outcome, by=actor(), now=opened_app.clock.now())
    _answer([row.id], outcome)


def _find(opened_app: App, row_id: str) -> OutboxRow:
    row = opened_app.store.outbox_row(row_id)
    if row is None:
        raise UsageError(f"no action has the id {row_id}", remedy="See them with: duesync outbox list")
    return row


def _named(opened_app: App, row_id: str) -> OutboxRow:
    """The row of that id, or the latest of the message that calls itself so to its reader ("Our reference")."""
    referred = opened_app.store.outbox() if len(row_id) == REFERENCE_DIGITS else ()
    found = [row for row in referred if row.id.startswith(row_id.lower())]
    return found[-1] if found else _find(opened_app, row_id)


def _answer(ids: list[str], what: str) -> None:
    if chosen.json:
        console.print_json([{"id": item, "state": what} for item in ids])
    else:
        console.say(f"{', '.join(ids) or 'nothing'}: {what}")
