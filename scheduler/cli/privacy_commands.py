"""`duesync privacy …`: everything held about a client, handed out or erased. An erasure cannot be undone, and says so first."""

from __future__ import annotations

import csv
import io
import json as to_json
import os
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from core.clock import local_date
from core.errors import UsageError
from core.holds import HARD_HOLDS, HoldKind
from core.store import Erasure
from scheduler.app import App
from scheduler.cli import console
from scheduler.cli.account_commands import AccountArgument, find_account
from scheduler.cli.session import PROBLEM_FOUND, ConfigOption, JsonOption, actor, chosen, opened

app = typer.Typer(help="A client's personal data: hand it out, or erase it.", no_args_is_help=True)
_BLOCKING = HARD_HOLDS - {HoldKind.DO_NOT_CONTACT}  # one who wants to hear nothing more may well want to be forgotten
_JSON_COLUMNS = frozenset(
    {"subjects", "evidence", "invoices", "instalments", "action", "reasons", "gate", "receipt", "recipients"}
)
_JSON_COLUMNS |= {"detail", "fact", "tags"}


# ── export ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
@app.command()
def export(
    account: AccountArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder, or a new file ending in .zip or .json.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write everything held about a client: client.json, and each table as CSV that spreadsheets may open.

    Vendors' own answers are in it as they came. Of a deposit shared with other clients only this client's lines.
    """
    if output.exists():
        raise UsageError(f"{output} exists already", remedy="Name a new folder or file.")
    with opened(config, json) as opened_app:
        account_id = find_account(opened_app, account)
        tables = dict(opened_app.store.held_about(account_id))
        moment = opened_app.clock.now()
    about = {"account": account_id, "written_at": moment.isoformat(), "rows": {name: len(rows) for name, rows in tables.items()}}
    files = dict(_files(about, tables))
    _write(output, files)
    if chosen.json:
        console.print_json({**about, "output": str(output)})
    else:
        rows = sum(len(found) for found in tables.values())
        console.say(f"{output}: {rows:,} rows of {len(tables)} tables about {account_id}; the sent folder's mails are not in it.")


def _files(about: Mapping[str, Any], tables: Mapping[str, list[dict[str, Any]]]) -> Iterator[tuple[str, str]]:
    document = {"about": about, "tables": {name: [_readable(row) for row in rows] for name, rows in tables.items()}}
    yield "client.json", to_json.dumps(document, default=console.plain, ensure_ascii=False, indent=2) + "\n"
    for name, rows in tables.items():
        yield f"{name}.csv", _as_csv(rows)


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with what is kept as JSON text opened up."""
    return {name: _opened_up(value) if name in _JSON_COLUMNS else value for name, value in row.items()}


def _opened_up(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, str) and value.startswith(("[", "{")) else value


def _as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([value if isinstance(value, int | float) else console.cell(value) for value in row.values()])
    return text.getvalue()


def _write(output: Path, files: Mapping[str, str]) -> None:
    """Into a folder or file that nobody but its owner may read."""
    if output.suffix == ".json":
        _private(output, files["client.json"].encode())
    elif output.suffix == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        _private(output, packed.getvalue())
    else:
        output.mkdir(mode=0o700)
        for name, text in files.items():
            _private(output / name, text.encode())


def _private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


# ── erase ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
@app.command()
def erase(
    account: AccountArgument,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why, for the journal; name nobody in it.")],
    by: Annotated[str | None, typer.Option("--by", help="Who decided it [default: you].")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be emptied.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: needed where nobody is at a terminal.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Although something is open: a legal hold, a case, money.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Empty names, addresses, free text, messages and vendors' answers about a client. THIS CANNOT BE UNDONE.

    Numbers, amounts and days stay, and the journal's chain; collections cases stay as evidence. Erase the client at the vendor
    first: what the vendor still has comes back with its next change (duesync privacy list says so). Backups and the mailbox of
    sent messages still know the client.
    """
    with opened(config, json) as opened_app:
        account_id = find_account(opened_app, account)
        planned = opened_app.store.erasure(account_id)
        obstacles = _obstacles(opened_app, account_id)
        if dry_run:
            _show(planned, obstacles, done=False)
            return
        if obstacles and not force:
            remedy = "Settle these first; or --force, if you are sure that the law does not oblige you to keep it."
            raise UsageError(f"{account_id} is not erased: {'; '.join(obstacles)}.", remedy=remedy)
        if not yes:
            _confirm(planned)
        keep = opened_app.settings.retention.keep_on_erasure
        now = opened_app.clock.now()
        planned = opened_app.store.erase(account_id, by=by or actor(), reason=reason, now=now, keep=keep)
    _show(planned, obstacles, done=True)


def _obstacles(opened_app: App, account_id: str) -> list[str]:
    """Why the law may want it kept: a claim that is open."""
    store, now = opened_app.store, opened_app.clock.now()
    today = local_date(now, opened_app.zone)
    holds = [hold for hold in store.holds(account=account_id) if hold.kind in _BLOCKING and hold.stands(today)]
    books = store.load_books(now=now, accounts=[account_id]).accounts[account_id]
    balances = [str(books.balance(code).net) for code in books.currencies if books.balance(code).net.minor]
    return [
        *(f"{str(hold.kind).replace('_', ' ')} hold {hold.id} stands" for hold in holds),
        *(f"collections case {case.id} is open" for case in store.cases(account_id, include_closed=False)),
        *([f"{len(books.open_invoices())} invoices are open"] if books.open_invoices() else []),
        *([f"the balance is {', '.join(balances)}"] if balances else []),
    ]


def _confirm(planned: Erasure) -> None:
    if not sys.stdin.isatty():
        raise UsageError("Nobody is at a terminal to confirm it.", remedy="Say --yes to erase without asking.")
    rows = sum(planned.emptied.values())
    console.say(f"{rows:,} rows about {planned.account} will be emptied. This cannot be undone, not even from the journal.")
    if typer.prompt("Type the client's id to go on") != planned.account:
        raise UsageError("That is not its id; nothing was erased.")


def _show(planned: Erasure, obstacles: list[str], *, done: bool) -> None:
    if chosen.json:
        document = {
            "account": planned.account,
            "erased": done,
            "emptied": dict(planned.emptied),
            "dropped": list(planned.dropped),
        }
        console.print_json({**document, "kept_cases": list(planned.cases), "obstacles": obstacles})
        return
    word = "emptied" if done else "would be emptied"
    console.table(f"{planned.account}: {word}", ("table", "rows"), list(planned.emptied.items()), right=("rows",))
    if planned.dropped:
        console.say(f"Never sent and dropped: {', '.join(planned.dropped)}")
    if planned.cases:
        console.say(f"Kept as evidence: collections cases {', '.join(planned.cases)}")
    for obstacle in obstacles:
        console.say(f"In the way: {obstacle}")
    if done:
        console.say("It cannot be undone. Backups made before, the sent mail and the vendor still know the client.")


@app.command(name="list")
def list_erased(config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the clients that were erased, and whether a vendor brought one back. Exit 1 if one is back."""
    with opened(config, json) as opened_app:
        erased = opened_app.store.erased()
        back = set(opened_app.store.returned())
    if chosen.json:
        console.print_json(
            [{"account": name, "at": entry["at"], "by": entry["by"], "returned": name in back} for name, entry in erased.items()]
        )
    else:
        again = "BACK: erase it at the vendor, then again here"
        rows = [(name, entry["at"], entry["by"], again if name in back else "") for name, entry in erased.items()]
        console.table(f"{len(rows)} erased", ("client", "at", "by", ""), rows)
    if back:
        raise typer.Exit(PROBLEM_FOUND)
