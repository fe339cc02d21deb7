"""`duesync collections …`: cases, from the first document to the agency's last remittance. Nothing here happens by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from core.clock import local_date
from core.collections.case import (
    Attached,
    Attachment,
    AttachmentKind,
    Case,
    CaseClosed,
    CaseEvent,
    CaseState,
    Detached,
    Noted,
    Opened,
    Outcome,
    Reopened,
)
from core.collections.case_moves import kind_of
from core.collections.case_words import counted
from core.collections.telling import words_of
from core.errors import UsageError
from core.money import total
from core.records import Invoice, key_of
from scheduler.app import App
from scheduler.cli import console
from scheduler.cli.account_commands import AccountArgument, find_account, invoice_key
from scheduler.cli.session import ConfigOption, JsonOption, actor, chosen, opened

app = typer.Typer(
    help="""Cases on the way to a collection agency, and after: checks, evidence, placement, remittance.

    A case goes: open, checklist, attach, approve (two people), notice, pack, place; then status, remit, close. Nothing is ever
    placed by itself. This is no legal advice.""",
    no_args_is_help=True,
)
CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="The case's id, or how it begins.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would happen, and do nothing.")]


# ── opening ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@app.command(name="open")
def open_case(
    account: AccountArgument,
    invoice: Annotated[list[str] | None, typer.Option("--invoice", help="Only this invoice; repeat. None: all past due.")] = None,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why, for whoever asks later.")] = "",
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Open a case for a client's past-due invoices. Reminders go on as before until the case is placed."""
    with opened(config, json) as app_now:
        account_id = find_account(app_now, account)
        chosen_invoices = claimable(app_now, account_id, invoice)
        fact = Opened(
            account=account_id,
            invoices=tuple(key_of(item) for item in chosen_invoices),
            currency=chosen_invoices[0].open.currency,
            reason=reason,
        )
        if dry_run:
            owed = total((item.open for item in chosen_invoices), fact.currency)
            answer({"would_open": case_invoices(chosen_invoices), "amount": console.plain(owed)}, f"would open a case for {owed}")
            return
        case = app_now.store.open_case(fact, by=actor(), now=app_now.clock.now())
    answer(
        case_json(case),
        f"case {case.id} opened for {counted(len(case.invoices), 'invoice')}; next: duesync collections checklist {case.id}",
    )


def claimable(app_now: App, account_id: str, wanted: list[str] | None) -> list[Invoice]:
    """The invoices a case is to be about: those named, or all past due; in one currency. UsageError when there are none."""
    now = app_now.clock.now()
    books = app_now.store.load_books(now=now, accounts=[account_id]).accounts[account_id]
    today = local_date(now, app_now.zone)
    due = [item for item in books.open_invoices() if item.due_on is not None and item.due_on < today]
    if wanted:
        keys = {invoice_key(app_now, account_id, name) for name in wanted}
        due = [item for item in books.open_invoices() if key_of(item) in keys]
        if len(due) != len(keys):
            raise UsageError("an invoice named is not open in the ledger", remedy="See: duesync account show")
    if not due:
        raise UsageError("this client has no invoice past due", remedy="See: duesync account show")
    currencies = sorted({item.open.currency for item in due})
    if len(currencies) > 1:
        raise UsageError(f"a case is in one currency, not {', '.join(currencies)}", remedy="Name the invoices with --invoice.")
    return due


def case_invoices(invoices: list[Invoice]) -> list[dict[str, Any]]:
    """Invoices as the command line's JSON names them."""
    return [{**console.plain(key_of(item)), "number": item.number, "open": console.plain(item.open)} for item in invoices]


# ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@app.command(name="list")
def list_cases(
    account: Annotated[str | None, typer.Option("--account", "-a", help="Only this client's.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Also those closed.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List cases, the oldest first."""
    with opened(config, json) as app_now:
        account_id = find_account(app_now, account) if account else None
        found = app_now.store.cases(account_id, include_closed=closed)
        names = {item.id: item.name for item in app_now.store.accounts()}
    if chosen.json:
        console.print_json([case_json(case) for case in found])
        return
    rows = [
        (
            case.id,
            console.one_line(names.get(case.account, case.account), 40),
            state_word(case),
            len(case.invoices),
            case.placement.agency if case.placement else "",
            note_of(case),
        )
        for case in found
    ]
    columns = ("case", "client", "state", "invoices", "agency", "waits for")
    console.table(f"{len(found)} case{'' if len(found) == 1 else 's'}", columns, rows, right=("invoices",))


@app.command(name="show")
def show_case(case_id: CaseArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show one case: documents, waivers, approvals, what the agency said, and its whole history."""
    with opened(config, json) as app_now:
        case = app_now.store.case(case_id)
        events = app_now.store.case_events(case.id)
        names = {item.id: item.name for item in app_now.store.accounts()}
    if chosen.json:
        console.print_json({**case_json(case), "events": [event_json(event) for event in events]})
        return
    who, bills = console.one_line(names.get(case.account, case.account), 60), counted(len(case.invoices), "invoice")
    console.say(f"case {case.id} of {who}: {state_word(case)}, {bills} in {case.currency}")
    if note_of(case):
        console.say(f"  waits for: {note_of(case)}")
    for item in case.attachments:
        console.say(f"  {item.kind}: {console.one_line(item.filename)} ({item.sha256[:12]})")
    rows = [
        (event.number, f"{event.at:%Y-%m-%d %H:%M}", event.by, kind_of(event.fact).replace("_", " "), words_of(event, case))
        for event in events
    ]
    console.table("history (UTC)", ("", "at", "by", "what", "which"), rows)


def state_word(case: Case) -> str:
    """The state in words, with what stops it."""
    return f"{case.state.replace('_', ' ')}{' (stayed)' if case.stayed else ''}"


def note_of(case: Case) -> str:
    """What the case waits for, in a few words."""
    if case.stayed:
        return console.one_line(case.stayed, 60)
    if case.blocked:
        return console.one_line(case.blocked, 60)
    waits = {
        CaseState.PREPARING: f"{counted(2 - len(case.approvals), 'approval')}",
        CaseState.APPROVED: "the final notice",
        CaseState.NOTICED: f"placing, from {case.notice.placeable_on} on" if case.notice else "",
        CaseState.PLACED: "the agency's acknowledgement",
    }
    return waits.get(case.state, "")


def case_json(case: Case) -> dict[str, Any]:
    """A case as the command line's JSON."""
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(case)
    return {**plain, "open": case.open, "with_agency": case.with_agency, "blocked": case.blocked}


def event_json(event: CaseEvent) -> dict[str, Any]:
    """One event as JSON, with the name of what it states."""
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(event)
    return {**plain, "kind": kind_of(event.fact)}


# ── documents, remarks, the end ─────────────────────────────────────────────────────────────────────────────────────────
@app.command()
def attach(
    case_id: CaseArgument,
    kind: Annotated[AttachmentKind, typer.Argument(help="What the document proves.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The file.")],
    invoice: Annotated[str | None, typer.Option("--invoice", help="The invoice it is about; none: the whole case.")] = None,
    note: Annotated[str, typer.Option("--note", "-n", help="What it shows.")] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Keep a document as evidence: the signed agreement, a delivery note, a letter. Kept by its SHA-256, it never changes."""
    with opened(config, json) as app_now:
        case = app_now.store.case(case_id)
        now = app_now.clock.now()
        key = invoice_key(app_now, case.account, invoice) if invoice else None
        with app_now.store.unit():
            sha256 = app_now.store.put_document(file.read_bytes(), now=now)
            kept = Attachment(kind=kind, sha256=sha256, filename=file.name, by=actor(), at=now, invoice=key, note=note)
            case = app_now.store.append_case_event(case.id, Attached(attachment=kept), by=actor(), now=now)
    answer(case_json(case), f"{file.name} attached to case {case.id} as {kind}: {sha256}")


@app.command()
def detach(
    case_id: CaseArgument,
    sha256: Annotated[str, typer.Argument(help="The document's SHA-256, or how it begins.")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Take a document out again, before the case is placed. Approvals fall: they were given with it."""
    with opened(config, json) as app_now:
        case = app_now.store.case(case_id)
        found = [item.sha256 for item in case.attachments if item.sha256.startswith(sha256)]
        if len(found) != 1:
            raise UsageError(f"{len(found)} documents of case {case.id} begin with {sha256}")
        fact = Detached(sha256=found[0], reason=reason)
        case = app_now.store.append_case_event(case.id, fact, by=actor(), now=app_now.clock.now())
    answer(case_json(case), f"taken out of case {case.id}")


@app.command()
def note(
    case_id: CaseArgument,
    text: Annotated[str, typer.Argument(help="The remark.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Add a remark to a case."""
    with opened(config, json) as app_now:
        now = app_now.clock.now()
        case = app_now.store.append_case_event(app_now.store.case(case_id).id, Noted(text=text), by=actor(), now=now)
    answer(case_json(case), f"noted on case {case.id}")


@app.command()
def close(
    case_id: CaseArgument,
    outcome: Annotated[Outcome, typer.Argument(help="How it ended.")],
    cause: Annotated[
        str, typer.Option("--cause", help="Why it came to this, to learn from; see: duesync collections learn")
    ] = "",
    reason: Annotated[str, typer.Option("--note", "-n", help="Anything else.")] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Close a case. One that an agency has is recalled first."""
    with opened(config, json) as app_now:
        fact = CaseClosed(outcome=outcome, cause=cause, note=reason)
        case = app_now.store.append_case_event(app_now.store.case(case_id).id, fact, by=actor(), now=app_now.clock.now())
    answer(case_json(case), f"case {case.id} closed: {outcome.replace('_', ' ')}")


@app.command()
def reopen(
    case_id: CaseArgument,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Undo a close: the case stands where it stood before."""
    with opened(config, json) as app_now:
        fact = Reopened(reason=reason)
        case = app_now.store.append_case_event(app_now.store.case(case_id).id, fact, by=actor(), now=app_now.clock.now())
    answer(case_json(case), f"case {case.id} is {state_word(case)} again")


def answer(document: Any, words: str) -> None:
    """One JSON document, or a line."""
    if chosen.json:
        console.print_json(document)
    else:
        console.say(words)
