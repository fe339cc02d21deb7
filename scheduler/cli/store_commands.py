"""`duesync backup`, `duesync migrate` and `duesync store …`: the schema, backups, moving to another database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.errors import UsageError
from core.settings import check_store_url
from core.store import CopiedTable, open_store
from scheduler.cli import console
from scheduler.cli.session import ConfigOption, JsonOption, chosen, opened

app = typer.Typer(help="Back up the store, or copy it to another database.", no_args_is_help=True)


def migrate(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Bring the store's schema up to date. Other commands do so by themselves."""
    with opened(config, json) as opened_app:
        state = opened_app.store.schema()
    if chosen.json:
        console.print_json({"schema": state.found, "status": str(state.status)})
    else:
        console.say(f"schema {state.found}: {state.status}")


@app.command()
def backup(
    path: Annotated[Path, typer.Argument(help="Where to write the copy; must not exist.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write a consistent copy of the store, as a SQLite file, while the daemon runs. Back into place with `duesync restore`.

    The answer names the journal's last hash: kept elsewhere, it shows whether somebody rewrote the journal since.
    """
    if path.exists():
        raise UsageError(f"{path} exists already", remedy="Give another name.")
    with opened(config, json) as opened_app:
        opened_app.store.backup(path)
        entries, last = opened_app.store.journal_end()
    if chosen.json:
        end = {"entries": entries, "hash": last}
        console.print_json({"backup": str(path), "bytes": path.stat().st_size, "journal": end})
    else:
        console.say(f"{path} written, {path.stat().st_size:,} bytes; journal: {entries} entries, the last is {last}")
        console.say(f"To restore, stop the daemon and run: duesync restore {path}")


@app.command()
def copy(
    url: Annotated[str, typer.Argument(help="The other store: postgresql://… or sqlite:///…; must be empty.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Copy everything to another store and compare counts and hashes, table by table."""
    try:
        check_store_url(url)
    except ValueError as error:
        raise UsageError(f"URL: {error}") from None
    with opened(config, json) as opened_app:
        target = open_store(url, clock=opened_app.clock)
        try:
            target.migrate()
            report = opened_app.store.copy_to(target, note=lambda item: _progress(item, hide=chosen.json))
        finally:
            target.close()
    if chosen.json:
        console.print_json([{"table": item.table, "rows": item.rows, "hash": item.digest} for item in report])
    else:
        console.table("copied and compared", ("table", "rows"), [(item.table, item.rows) for item in report], right=("rows",))


def _progress(item: CopiedTable, *, hide: bool) -> None:
    if not hide and item.rows:
        console.note(f"{item.table}: {item.rows:,} rows, equal")
