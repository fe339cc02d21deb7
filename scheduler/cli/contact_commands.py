"""`duesync contacts …`: what was said to clients, what came back, and calls with their outcome."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from core.calling import Call, record_call
from core.clock import local_date
from core.dunning.calls import SPOKEN, CallOutcome, LateReason
from core.errors import UsageError
from core.holds import Hold
from core.outbox import ContactKind, PastContact
from core.records import RecordKey, key_of
from scheduler.app import App
from scheduler.cli import console
from scheduler.cli.account_commands import AccountArgument, find_account, invoice_key
from scheduler.cli.contact_lines import Format, contact_json, log_lines, redacted, written
from scheduler.cli.session import ConfigOption, JsonOption, actor, chosen, day_option, opened

app = typer.Typer(help="What was said to clients, and what came back.", no_args_is_help=True)
_REASONS = ", ".join(LateReason)


def contact_table(contacts: Sequence[PastContact]) -> None:
    """The log as a table."""
    rows = [
        (
            item.at.isoformat(timespec="minutes"),
            str(item.kind),
            item.stage or "",
            ", ".join(item.to),
            console.one_line(item.subject, 60),
            console.one_line(item.outcome, 60),
        )
        for item in contacts
    ]
    console.table("contacts", ("at", "kind", "stage", "to", "subject", "outcome"), rows)


InvoiceOption = Annotated[
    str | None, typer.Option("--invoice", "-i", help="Only what was about this invoice: its number, or its id at the vendor.")
]


@app.command(name="log")
def contact_log(
    account: Annotated[str | None, typer.Option("--account", "-a", help="Only this client's.")] = None,
    invoice: InvoiceOption = None,
    export: Annotated[bool, typer.Option("--csv", help="Write CSV on stdout.")] = False,
    lines: Annotated[bool, typer.Option("--jsonl", help="Write one JSON object a line on stdout, each with its hash.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Every message, call, reply and bounce, and what other systems were told (push), oldest first.

    `duesync journal verify` says whether an entry was changed by hand since it was made.
    """
    with opened(config, json) as app_now:
        items = _entries(app_now, account, invoice)
        names = {item.id: item.name for item in app_now.store.accounts()}
        zone = ZoneInfo(app_now.zone)
    if chosen.json:
        console.print_json(items)
    elif lines or export:
        sys.stdout.write(written(items, Format.JSONL if lines else Format.CSV))
    else:
        _log_table(items, names, zone)


def _log_table(items: Sequence[Mapping[str, Any]], names: Mapping[str, str], zone: ZoneInfo) -> None:
    rows = [
        (
            datetime.fromisoformat(item["at"]).astimezone(zone).strftime("%Y-%m-%d %H:%M"),
            console.one_line(names.get(item["account"], item["account"]), 30),
            item["kind"],
            item["stage"] or "",
            ", ".join(item["to"]) or item["channel"],
            console.one_line(item["subject"], 60),
            console.one_line(item["outcome"], 60),
        )
        for item in items
    ]
    console.table("contacts", ("at", "client", "kind", "stage", "to", "subject", "outcome"), rows)


def _entries(app_now: App, account: str | None, invoice: str | None = None) -> list[dict[str, Any]]:
    account_id = find_account(app_now, account) if account else None
    items = log_lines(app_now, account_id)
    if invoice is None:
        return items
    books = app_now.store.load_books(now=app_now.clock.now(), accounts=[account_id] if account_id else None)
    clients = books.accounts.values() if account_id is None else [books.accounts[account_id]]
    about = [console.plain(key_of(item)) for some in clients for item in some.invoices if invoice in (item.ref, item.number)]
    if not about:
        raise UsageError(f'no invoice answers to "{invoice}"', remedy="See them with: duesync account show CLIENT")
    return [item for item in items if any(key in about for key in item["invoices"])]


@app.command(name="export")
def export_log(
    account: Annotated[str | None, typer.Option("--account", "-a", help="Only this client's.")] = None,
    invoice: InvoiceOption = None,
    since: Annotated[datetime | None, day_option("--since", "From this day on.")] = None,
    until: Annotated[datetime | None, day_option("--until", "To this day, included.")] = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="csv, json, or jsonl with a hash chain.")] = Format.CSV,
    redact: Annotated[bool, typer.Option("--redact", help="Without addresses, subjects and what clients wrote.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write into this file [default: stdout].")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write the contact log for somebody else: an auditor, a lawyer, an agency. Days are the organisation's.

    With --redact it proves when and how often a client was contacted without saying what was said.
    """
    with opened(config, json) as app_now:
        zone = app_now.zone
        items = [
            item
            for item in _entries(app_now, account, invoice)
            if (since is None or local_date(datetime.fromisoformat(item["at"]), zone) >= since.date())
            and (until is None or local_date(datetime.fromisoformat(item["at"]), zone) <= until.date())
        ]
    text = written([redacted(item) for item in items] if redact else items, Format.JSON if chosen.json else form)
    if out is None:
        sys.stdout.write(text)
        return
    out.write_text(text, encoding="utf-8")
    console.note(f"{len(items)} entries written to {out}")


@app.command(name="log-call")
def log_call(
    account: AccountArgument,
    outcome: Annotated[CallOutcome, typer.Option("--outcome", "-o", help="What came of it.")],
    by: Annotated[str | None, typer.Option("--by", help="Who called [default: you].")] = None,
    why: Annotated[LateReason | None, typer.Option("--why", "-w", help="Why they are late, where you spoke to them.")] = None,
    note: Annotated[str, typer.Option("--note", "-n", help="What was said.")] = "",
    promised: Annotated[datetime | None, day_option("--promised", "Day a promise is for.")] = None,
    invoice: Annotated[list[str] | None, typer.Option("--invoice", help="About this invoice; repeat. None: all late.")] = None,
    at: Annotated[
        datetime | None, typer.Option("--at", formats=["%Y-%m-%dT%H:%M"], help="When, in the organisation's zone [default: now].")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Record a call with its outcome. The final notice waits for one, and so does a hand-over to collections.

    promised (with --promised DATE) and disputed stop reminders at once; already_paid stops them until you have looked; hardship
    makes them gentle; a wrong_number is no call, and asks for another number. Where you spoke to the client, say why it is late.
    """
    _check(outcome, why, promised)
    who = by or actor()
    with opened(config, json) as app_now:
        now = app_now.clock.now()
        moment = now if at is None else at.replace(tzinfo=ZoneInfo(app_now.zone)).astimezone(UTC)
        _check_days(local_date(now, app_now.zone), moment - now, promised)
        account_id = find_account(app_now, account)
        entry = PastContact(
            account=account_id,
            kind=ContactKind.CALL,
            at=moment,
            channel=who,
            invoices=_about(app_now, account_id, invoice or []),
            subject=": ".join(text for text in (str(why) if why else "", note.strip()) if text),
            outcome=str(outcome),
        )
        day = promised.date() if promised else None
        call = Call(entry=entry, outcome=outcome, by=who, reason=entry.subject, promised_on=day, invoices_only=bool(invoice))
        holds = record_call(app_now.store, call, now)
    _answer(entry, holds)


def _check_days(today: date, ahead: timedelta, promised: datetime | None) -> None:
    if ahead > timedelta():
        raise UsageError("the call is still to come", remedy="Record it once it was made.")
    if promised is not None and promised.date() < today:
        raise UsageError(f"{promised.date()} is past; a promise is for a day to come")


def _check(outcome: CallOutcome, why: LateReason | None, promised: datetime | None) -> None:
    if outcome is CallOutcome.PROMISED and promised is None:
        raise UsageError("a promise is for a day", remedy="Say which with --promised YYYY-MM-DD.")
    if outcome is not CallOutcome.PROMISED and promised is not None:
        raise UsageError("only a promise has a day", remedy="Say --outcome promised, or leave --promised away.")
    if outcome in SPOKEN and outcome is not CallOutcome.ALREADY_PAID and why is None:
        raise UsageError("why is the client late? Whoever was spoken to can be asked", remedy=f"Say --why: {_REASONS}.")


def _about(app_now: App, account_id: str, wanted: Sequence[str]) -> tuple[RecordKey, ...]:
    """The invoices named, else every late one; () where none is late, which is about the client as a whole."""
    if wanted:
        return tuple(invoice_key(app_now, account_id, name) for name in wanted)
    now = app_now.clock.now()
    books = app_now.store.load_books(now=now, accounts=[account_id]).accounts[account_id]
    today = local_date(now, app_now.zone)
    return tuple(key_of(item) for item in books.open_invoices() if item.due_on is not None and item.due_on <= today)


def _answer(entry: PastContact, holds: Sequence[Hold]) -> None:
    if chosen.json:
        placed = [
            {"id": item.id, "kind": str(item.kind), "until": item.until.isoformat() if item.until else None} for item in holds
        ]
        console.print_json({**contact_json(entry), "holds": placed})
        return
    console.say(f"recorded: call with {entry.account}, {entry.outcome.replace('_', ' ')}")
    for hold in holds:
        end = f"until {hold.until}" if hold.until else f"until you lift it: duesync hold lift {hold.id}"
        console.say(f"  {hold.kind} {end}")
    if any(item.until is not None for item in holds):
        console.say("  put the promise in writing to the client")


@app.command(name="add")
def add_contact(
    kind: Annotated[ContactKind, typer.Argument(help="reply, note … (a call: see log-call)")],
    account: AccountArgument,
    outcome: Annotated[str, typer.Option("--outcome", "-o", help="What came of it; required for a call.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Record a reply you had or a note you made, so that the cadence knows. For calls `log-call` does more."""
    with opened(config, json) as app_now:
        account_id = find_account(app_now, account)
        item = PastContact(account=account_id, kind=kind, at=app_now.clock.now(), channel=actor(), outcome=outcome)
        app_now.store.log_contact(item, by=actor())
    if chosen.json:
        console.print_json(contact_json(item))
    else:
        console.say(f"recorded: {item.kind} with {item.account}")
