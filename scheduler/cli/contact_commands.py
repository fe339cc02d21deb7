"""`duesync contacts …`: what was said to clients, what came back, and calls with their outcome."""

from __future__ import annotations

import csv
import hashlib
import io
import json as to_json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
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
from scheduler.cli.session import ConfigOption, JsonOption, actor, chosen, day_option, opened

app = typer.Typer(help="What was said to clients, and what came back.", no_args_is_help=True)
_COLUMNS = ("at", "account", "kind", "stage", "channel", "to", "subject", "content_hash", "outcome")
_REASONS = ", ".join(LateReason)


class Format(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


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


def contact_json(item: PastContact) -> dict[str, Any]:
    """One entry of the contact log."""
    return {
        "account": item.account,
        "kind": str(item.kind),
        "at": item.at.isoformat(),
        "channel": item.channel,
        "stage": item.stage,
        "cycle": item.cycle,
        "invoices": [console.plain(key) for key in item.invoices],
        "to": list(item.to),
        "subject": item.subject,
        "content_hash": item.content_hash,
        "outbox_id": item.outbox_id,
        "outcome": item.outcome,
    }


@app.command(name="log")
def contact_log(
    account: Annotated[str | None, typer.Option("--account", "-a", help="Only this client's.")] = None,
    export: Annotated[bool, typer.Option("--csv", help="Write CSV on stdout.")] = False,
    lines: Annotated[bool, typer.Option("--jsonl", help="Write one JSON object a line on stdout, each with its hash.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Every message, call, reply and bounce, oldest first."""
    with opened(config, json) as app_now:
        items = _entries(app_now, account)
    if chosen.json:
        console.print_json([contact_json(item) for item in items])
    elif lines or export:
        sys.stdout.write(_written(items, Format.JSONL if lines else Format.CSV))
    else:
        contact_table(items)


def _entries(app_now: App, account: str | None) -> list[PastContact]:
    found = app_now.store.contacts([find_account(app_now, account)] if account else None)
    return sorted((item for group in found.values() for item in group), key=lambda item: item.at)


def _written(items: Sequence[PastContact], form: Format) -> str:
    if form is Format.JSON:
        return to_json.dumps([contact_json(item) for item in items], default=console.plain, ensure_ascii=False, indent=2) + "\n"
    return _as_lines(items) if form is Format.JSONL else _as_csv(items)


def _as_lines(items: Sequence[PastContact]) -> str:
    """`line_hash` is the SHA-256 of the hash of the line before (none: empty) and the line's other fields: an edit shows."""
    chain, out = "", []
    for item in items:
        text = to_json.dumps(contact_json(item), default=console.plain, ensure_ascii=False, sort_keys=True)
        chain = hashlib.sha256(f"{chain}{text}".encode()).hexdigest()
        out.append(f'{text[:-1]}, "line_hash": "{chain}"}}\n')
    return "".join(out)


def _as_csv(items: Sequence[PastContact]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for item in items:
        row = (item.at.isoformat(), item.account, item.kind, item.stage, item.channel, " ".join(item.to), item.subject)
        writer.writerow([console.cell(value) for value in (*row, item.content_hash, item.outcome)])
    return out.getvalue()


@app.command(name="export")
def export_log(
    account: Annotated[str | None, typer.Option("--account", "-a", help="Only this client's.")] = None,
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
            for item in _entries(app_now, account)
            if (since is None or local_date(item.at, zone) >= since.date())
            and (until is None or local_date(item.at, zone) <= until.date())
        ]
    text = _written([_redacted(item) for item in items] if redact else items, Format.JSON if chosen.json else form)
    if out is None:
        sys.stdout.write(text)
        return
    out.write_text(text, encoding="utf-8")
    console.note(f"{len(items)} entries written to {out}")


def _redacted(item: PastContact) -> PastContact:
    """An entry without what is confidential. What a person wrote (a reply, a note) is left out; a call's outcome is a code."""
    hidden = tuple(f"…@{address.rpartition('@')[2]}" for address in item.to)
    told = item.outcome if item.kind in (ContactKind.MESSAGE, ContactKind.STATEMENT) or item.outcome in set(CallOutcome) else ""
    return replace(item, to=hidden, subject="", outcome=told)


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
        app_now.store.log_contact(item)
    if chosen.json:
        console.print_json(contact_json(item))
    else:
        console.say(f"recorded: {item.kind} with {item.account}")
