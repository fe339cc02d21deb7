"""The command line. Every command is a thin frame: open the app, call a use-case, show the answer in words or as JSON."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import Annotated

import typer

from scheduler.cli.commands import COMMANDS, LazyGroup
from scheduler.cli.session import ConfigOption, choose, chosen, guard

# Most commands are a short process over values that live to its end: looking for cycles as often as a service does costs a third
# of a report over 100,000 invoices and finds nothing. The books of these are three million values.
_SELDOM = (5_000_000, 50, 100)
_USUAL = gc.get_threshold()

app = typer.Typer(
    name="duesync",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks show local variables, and a secret may be one
    add_completion=True,
    rich_markup_mode=None,
    help="""Accounts receivable for managed service providers: pull the books, find what does not add up, remind only who owes.

    Start here: duesync init, doctor, sync, reconcile, findings list, preview. Nothing is sent before you set a mode other than
    observe. Try it on invented books with: duesync demo""",
    epilog="Exit codes: 0 fine, 1 a problem it is meant to find, 2 usage or configuration, 3 could not reach or use something.",
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"duesync {version('duesync')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    config: ConfigOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")] = False,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Of a cluster with many: the tenant this is about.")] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the release and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Options before the command hold for it as well."""
    from core.log import configure

    del version  # answered by its callback
    if COMMANDS[str(context.invoked_subcommand)].lasting:
        gc.set_threshold(*_USUAL)
    configure("warning")
    choose(config, json)
    chosen.tenant = tenant


def main(args: list[str] | None = None) -> None:
    """The console script `duesync`. Whatever it writes is its user's alone: reports and letters name clients and their debts."""
    os.umask(0o077)
    gc.set_threshold(*_SELDOM)  # before the command is imported: its libraries alone would be looked at two hundred times
    atexit.register(gc.freeze)  # an ending process needs no last look either: a third of a second over very many records
    sys.exit(guard(app, sys.argv[1:] if args is None else args))


__all__ = ["app", "main"]
