"""What every command shares: its options, opening the app, and turning an error into one clear line and the right exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import ConfigError, ConnectorError, DuesyncError, StoreError, UsageError
from scheduler.cli import console

if TYPE_CHECKING:  # importing the app takes a second, and `duesync --help` needs none of it
    from scheduler.app import App

PROBLEM_FOUND = 1
USAGE = 2
UNREACHABLE = 3

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration [default: $DUESYNC_CONFIG, ./duesync.toml, /etc/duesync/duesync.toml]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]

chosen = console.Choices()


def day_option(flag: str, about: str) -> Any:
    """An option that takes one day, written 2026-01-31."""
    return typer.Option(flag, formats=["%Y-%m-%d"], metavar="yyyy-mm-dd", help=about)


def choose(config: Path | None, json: bool = False) -> None:
    """Take a command's own --config and --json; given before the command's name they hold as well."""
    if config is not None:
        chosen.config = config
    chosen.json = chosen.json or json


@contextmanager
def opened(config: Path | None = None, json: bool = False, *, service: bool = False) -> Iterator[App]:
    """The app of this command; with --tenant that of one tenant of a cluster."""
    from core import traces

    choose(config, json)
    with _open(service) as app:
        if service:
            section = app.settings.traces
            traces.configure(section.endpoint, share=section.share, place=app.settings.organisation.name)
        try:
            yield app
        finally:
            traces.shut_down()


def _open(service: bool) -> App:
    if chosen.tenant is None:
        return _open_own(service)
    if service:
        raise UsageError("A tenant of a cluster is served by workers.", remedy="Run `duesync worker` instead.")
    from scheduler.app import find_config
    from scheduler.tenants import open_tenant  # only here: most commands know no tenants

    return open_tenant(find_config(chosen.config), chosen.tenant)


def open_app(config: Path | None, *, service: bool = False) -> App:
    """The app over a configuration, with logging set up for a command or a service."""
    from scheduler import app

    return app.open_app(config, service=service)


def _open_own(service: bool) -> App:
    from core.settings import read_toml
    from scheduler.app import find_config

    try:
        return open_app(chosen.config, service=service)
    except ConfigError:
        file = find_config(chosen.config)
        section = read_toml(file).get("cluster")
        if isinstance(section, dict) and "tenants" in section:
            remedy = "Say which: duesync --tenant NAME …; `duesync tenants list` names them."
            raise UsageError(f"{file} is of a cluster with many tenants.", remedy=remedy) from None
        raise


def actor() -> str:
    """Who is at the keyboard, for the journal."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or os.environ.get("LOGNAME") or "operator"


def exit_code(error: DuesyncError) -> int:
    """2 for what must be edited or typed differently, 3 for what could not be reached or used."""
    if isinstance(error, ConfigError | UsageError):
        return USAGE
    return UNREACHABLE if isinstance(error, StoreError | ConnectorError) else PROBLEM_FOUND


def explain(error: DuesyncError) -> None:
    """One clear message on stderr: what happened, and what to do."""
    console.complain(error.message)
    if error.remedy:
        console.note(error.remedy)


def guard(run: typer.Typer, args: list[str]) -> int:
    """Run the command line; every error of ours becomes words and an exit code, never a traceback.

    typer answers a wrong usage itself, in words and with exit code 2, and ends every command by SystemExit.
    """
    try:
        run(args=args, prog_name="duesync")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except DuesyncError as error:
        explain(error)
        return exit_code(error)
    except OSError as error:
        import structlog

        log = structlog.get_logger()
        log.error("command.failed", error=str(error))
        console.complain(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return UNREACHABLE
    return 0
