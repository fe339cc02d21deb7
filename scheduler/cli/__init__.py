"""The command line. Every command is a thin frame: open the app, call a use-case, show the answer in words or as JSON."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from core.log import configure
from scheduler.cli.session import ConfigOption, choose, chosen, guard

app = typer.Typer(
    name="duesync",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    help="""Accounts receivable for managed service providers: pull the books, find what does not add up, remind only who owes.

    Start here: duesync init, doctor, sync, reconcile, findings list, preview. Nothing is sent before you set a mode other than
    observe. Try it on invented books with: duesync demo""",
    epilog="Exit codes: 0 fine, 1 a problem it is meant to find, 2 usage or configuration, 3 could not reach or use something.",
)


@app.callback()
def root(
    config: ConfigOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")] = False,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Of a cluster with many: the tenant this is about.")] = None,
) -> None:
    """Options before the command hold for it as well."""
    choose(config, json)
    chosen.tenant = tenant


def _register() -> None:
    from scheduler.cli import (
        auth_command,
        collections_agency,
        collections_checks,
        collections_commands,
        collections_placing,
        config_commands,
        demo_command,
        doctor_command,
        findings_commands,
        match_command,
        preview_command,
        report_commands,
        run_commands,
        sandbox_commands,
        statement_command,
        sync_commands,
        worker_command,
    )

    app.command()(config_commands.init)
    app.add_typer(config_commands.app, name="config")
    app.command()(doctor_command.doctor)
    app.command()(auth_command.auth)
    app.command()(sync_commands.sync)
    app.command()(sync_commands.reconcile)
    app.add_typer(findings_commands.app, name="findings")
    app.command()(preview_command.preview)
    app.command()(run_commands.run)
    app.command()(worker_command.worker)
    app.add_typer(worker_command.app, name="tenants")
    app.command()(run_commands.pause)
    app.command()(run_commands.resume)
    _register_clients()
    report_commands.app.command(name="statement")(statement_command.statement)
    app.add_typer(report_commands.app, name="report")
    for part in (collections_checks, collections_placing, collections_agency):
        part.register(collections_commands.app)
    app.add_typer(collections_commands.app, name="collections")
    app.command(name="match")(match_command.match_command)
    app.add_typer(sandbox_commands.app, name="sandbox")
    _register_keeping()
    app.command()(demo_command.demo)


def _register_keeping() -> None:
    """What is about the store and what it keeps: copies, restoring, secrets, personal data."""
    from scheduler.cli import privacy_commands, restore_command, store_commands, vault_command

    app.add_typer(store_commands.app, name="store")
    app.command()(store_commands.migrate)
    app.command()(store_commands.backup)
    app.command()(restore_command.restore)
    app.add_typer(restore_command.restored_app, name="restored")
    app.add_typer(vault_command.app, name="vault")
    app.add_typer(privacy_commands.app, name="privacy")


def _register_clients() -> None:
    """What is about clients: their accounts, what was agreed, said and queued."""
    from scheduler.cli import account_commands, contact_commands, explain_command, outbox_commands, plan_commands, task_commands

    app.add_typer(outbox_commands.app, name="outbox")
    app.add_typer(account_commands.holds_app, name="hold")
    app.add_typer(plan_commands.app, name="plan")
    account_commands.accounts_app.command(name="explain")(explain_command.explain_account)
    app.add_typer(account_commands.accounts_app, name="account")
    app.add_typer(contact_commands.app, name="contacts")
    app.add_typer(task_commands.app, name="tasks")
    app.add_typer(account_commands.journal_app, name="journal")


def main(args: list[str] | None = None) -> None:
    """The console script `duesync`."""
    configure("warning")
    _register()
    sys.exit(guard(app, sys.argv[1:] if args is None else args))


__all__ = ["app", "main"]
