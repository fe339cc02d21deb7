"""`duesync vault …`: which key the tokens are encrypted with, and a new one. No key is ever printed, logged or an argument."""

from __future__ import annotations

from typing import Annotated

import typer

from core.errors import UsageError
from core.secrets import SecretError, resolve
from core.store import Store, is_vault_key, open_store
from scheduler.app import App
from scheduler.cli import console
from scheduler.cli.session import PROBLEM_FOUND, ConfigOption, JsonOption, actor, chosen, opened
from scheduler.store_place import store_url, vault_keys

app = typer.Typer(help="The key that encrypts vendors' tokens: is it in use everywhere, and a new one.", no_args_is_help=True)


@app.command()
def status(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Say which tokens still need an old key. Exit 1 while there are any: then `duesync vault rotate`."""
    with opened(config, json) as opened_app:
        keys = len(vault_keys(opened_app.loaded))
        held = opened_app.store.vault.connections()
        behind = opened_app.store.vault.behind() if held else ()
    if chosen.json:
        console.print_json({"keys": keys, "connections": list(held), "behind": list(behind)})
    elif behind:
        console.say(f"{', '.join(behind)}: encrypted with an older key than the first of {keys}. Run: duesync vault rotate")
    else:
        console.say(f"{len(held)} connection(s) hold tokens; the first key opens all of them.")
    if behind:
        raise typer.Exit(PROBLEM_FOUND)


@app.command()
def rotate(
    new_key: Annotated[
        str | None,
        typer.Option(
            "--new-key",
            metavar="REFERENCE",
            help="Where the new key is: file:PATH, credential:NAME or env:NAME. None: [vault] key, the old in previous_keys.",
        ),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Encrypt all tokens with a new key, all or nothing; then the old key may go.

    While the daemon runs: put the new key into [vault] key and the old one into previous_keys, restart it, and run this without
    --new-key. With the daemon stopped: run this with --new-key, then put that reference into [vault] key.
    """
    with opened(config, json) as opened_app:
        if not vault_keys(opened_app.loaded):
            raise UsageError("[vault] key is not set", remedy="There is nothing to rotate.")
        count = _with_new_key(opened_app, new_key) if new_key else _rotated(opened_app, opened_app.store)
    if chosen.json:
        console.print_json({"rotated": count, "new_key": new_key})
        return
    then = f'Now write [vault] key = "{new_key}"' if new_key else "Now take the old key out of [vault] previous_keys"
    console.say(f"{count} connection(s) encrypted anew. {then}, destroy the old key, and start the daemon again.")


def _with_new_key(opened_app: App, reference: str) -> int:
    try:
        key = resolve(reference).encode()
    except SecretError as error:
        remedy = "Name a file: duesync config new-key > FILE, then --new-key file:FILE"
        raise UsageError(f"--new-key: {error}", remedy=remedy) from None
    if not is_vault_key(key):
        raise UsageError("--new-key: what it names is not a vault key", remedy="Make one with: duesync config new-key")
    keys = (key, *vault_keys(opened_app.loaded))
    store = open_store(store_url(opened_app.loaded), clock=opened_app.clock, vault_key=keys)
    try:
        return _rotated(opened_app, store)
    finally:
        store.close()


def _rotated(opened_app: App, store: Store) -> int:
    count = store.vault.rotate()
    store.journal_append(
        "vault.rotated", "vault/key", {"connections": list(store.vault.connections())}, now=opened_app.clock.now(), actor=actor()
    )
    return count
