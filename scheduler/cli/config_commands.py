"""`duesync init` and `duesync config …`: write a first configuration, check one, print its schema."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from core.errors import ConfigError, UsageError
from core.settings_organisation import Organisation
from core.store import new_vault_key
from scheduler.app import find_config, load_settings
from scheduler.cli import console
from scheduler.cli.session import USAGE, ConfigOption, JsonOption, choose, chosen
from scheduler.documents import configuration_schema, example_toml, first_toml

app = typer.Typer(help="Check the configuration, print its schema or an example.", no_args_is_help=True)


@app.command()
def check(config: ConfigOption = None, json: JsonOption = False) -> None:
    """List every problem of the configuration with its key, secrets included. Exit 2 if there is one."""
    choose(config, json)
    path = find_config(chosen.config)
    try:
        load_settings(path, check_secrets=True)
    except ConfigError as error:
        if chosen.json:
            console.print_json({"file": str(path), "ok": False, "problems": list(error.problems)})
            raise typer.Exit(USAGE) from None
        raise
    if chosen.json:
        console.print_json({"file": str(path), "ok": True, "problems": []})
    else:
        console.say(f"{path}: fine")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    console.print_json(configuration_schema())


@app.command()
def example() -> None:
    """Print every setting with its default and what it means."""
    console.out.out(example_toml(), end="", highlight=False)


@app.command(name="new-key")
def new_key(json: JsonOption = False) -> None:
    """Print a fresh key for the token vault: put it in a file or secret and name that in [vault] key."""
    choose(None, json)
    key = new_vault_key().decode()
    if chosen.json:
        console.print_json({"key": key})
    else:
        console.out.out(key, highlight=False)


def init(
    path: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("duesync.toml"),
    name: Annotated[str | None, typer.Option(help="Your organisation's name.")] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA zone, such as America/Chicago.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO code, such as USD.")] = None,
    country: Annotated[str | None, typer.Option(help="Two-letter code, such as US.")] = None,
    connection: Annotated[str | None, typer.Option(help="First connection: csv, quickbooks, xero or connectwise.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a first configuration by asking. Nothing will be sent: everything starts in observe mode.

    Without a terminal every answer is needed as an option; an option that is given is not asked for.
    """
    if path.exists() and not force:
        raise UsageError(f"{path} exists already", remedy="Give another name, or --force to overwrite it.")
    given = {"name": name, "timezone": timezone, "currency": currency, "country": country, "connection": connection}
    answers = _asked(given)
    kind = answers.pop("connection")
    _check_answers(answers)
    text = first_toml(**answers, kind=kind)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    console.say(f"{path} written. Next: duesync config check && duesync doctor && duesync sync && duesync preview")


# What init asks: the words of the question, and the answer that Enter gives.
_QUESTIONS = {
    "name": ("Your organisation's name", None),
    "timezone": ("Time zone", "America/New_York"),
    "currency": ("Currency of your books", "USD"),
    "country": ("Country", "US"),
    "connection": ("Where are your books (csv, quickbooks, xero, connectwise)", "csv"),
}


def _asked(given: Mapping[str, str | None]) -> dict[str, str]:
    """The answers given as options, and those to the questions that are left. UsageError where nobody is there to ask."""
    left = [key for key, value in given.items() if value is None]
    if left and not sys.stdin.isatty():
        examples = " ".join(f'--{key} "{_QUESTIONS[key][1] or "Example MSP"}"' for key in left)
        raise UsageError("Nobody is at a terminal to be asked.", remedy=f"Give the answers as options: duesync init {examples}")
    return {
        key: value if value is not None else str(typer.prompt(_QUESTIONS[key][0], default=_QUESTIONS[key][1]))
        for key, value in given.items()
    }


def _check_answers(answers: Mapping[str, str]) -> None:
    """UsageError names every answer the configuration would not take."""
    try:
        Organisation.model_validate({**answers, "currency": answers["currency"].upper()})
    except ValidationError as error:
        problems = [f"--{item['loc'][0]}: {str(item['msg']).removeprefix('Value error, ')}" for item in error.errors()]
        raise UsageError("; ".join(problems)) from None
