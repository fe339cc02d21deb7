"""`duesync sandbox serve`: a vendor in memory on loopback, to try things on."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from pydantic import BaseModel, SecretStr

from connectors import registry
from connectors.testing.serve import serve
from core.clock import SystemClock
from core.errors import UsageError
from core.ports import Sandbox
from core.records import Role, Stream
from scheduler.cli import console
from scheduler.cli.session import JsonOption, choose, chosen
from scheduler.documents import toml_section

app = typer.Typer(help="Vendors in memory, served on loopback, to try things on.", no_args_is_help=True)


@app.command(name="serve")
def serve_sandbox(
    vendor: Annotated[str, typer.Option("--vendor", help="Which connector's sandbox: quickbooks, xero, connectwise …")],
    port: Annotated[int, typer.Option("--port", help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    recorded: Annotated[Path | None, typer.Option("--recorded", help="Seed from a folder of recorded responses.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="Stop by itself after so long.")] = None,
    json: JsonOption = False,
) -> None:
    """Serve a sandbox until interrupted, and print the configuration that points a connection at it."""
    choose(None, json)
    if vendor not in registry.installed():
        raise UsageError(f'no connector is called "{vendor}"', remedy=f"Installed: {', '.join(registry.installed())}.")
    spec = registry.load(vendor)
    if spec.sandbox is None:
        raise UsageError(f"{vendor} talks to no vendor and has no sandbox")
    sandbox = spec.sandbox(SystemClock())
    if recorded is not None:
        _seed(sandbox, vendor, recorded)
    with serve(sandbox, port=port) as base_url:
        role = Role.PSA if Stream.TICKETS in spec.streams else Role.BOOKS if spec.streams else Role.CHANNEL
        keys, secrets = _by_reference(vendor, spec.settings, sandbox.settings(base_url))
        if chosen.json:
            console.print_json({"vendor": vendor, "base_url": base_url, "settings": keys, "environment": secrets})
        else:
            console.say(f"{vendor} sandbox at {base_url}; stop it with Ctrl-C. Point a connection at it:\n")
            console.say(toml_section(f"connections.{vendor}", {"type": vendor, "role": role, **keys}))
            console.say("\n".join(f"export {name}='{value}'" for name, value in secrets.items()))
        threading.Event().wait(seconds)


def _seed(sandbox: Sandbox, vendor: str, folder: Path) -> None:
    seed = getattr(sandbox, "seed_recorded", None)
    if seed is None:
        raise UsageError(f"the {vendor} sandbox cannot be seeded from recorded responses")
    count = seed(folder)
    if not count:
        raise UsageError(f"nothing below {folder} is an answer of {vendor}")
    console.note(f"{count:,} recorded records")


def _by_reference(vendor: str, model: type[BaseModel], keys: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The keys with every secret replaced by a reference, and the environment that holds them."""
    shown, secrets = dict(keys), {}
    for name, field in model.model_fields.items():
        if name in keys and SecretStr in (field.annotation, *get_args(field.annotation)):
            variable = f"DUESYNC_{vendor}_{name}".upper()
            shown[name], secrets[variable] = f"env:{variable}", str(keys[name])
    return shown, secrets
