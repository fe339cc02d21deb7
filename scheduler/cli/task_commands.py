"""`duesync tasks`: what people should do, for every client: calls, payments to apply, addresses to mend, decisions to take."""

from __future__ import annotations

from typing import Annotated

import typer

from core.dunning.decision import Decision
from core.dunning.policy import Way
from core.messages.render import Rendered, render
from core.outbox import OutboxState
from scheduler.cli import console
from scheduler.cli.account_commands import find_account
from scheduler.cli.session import ConfigOption, JsonOption, chosen, opened
from scheduler.previewing import decided

app = typer.Typer(help="What people should do: calls, payments to apply, addresses to mend.", no_args_is_help=True)
_WAITING = {
    OutboxState.DRAFT: "wait for approval: duesync outbox list --state draft",
    OutboxState.AMBIGUOUS: "may have been sent, say which: duesync outbox list --state ambiguous",
    OutboxState.PARKED: "were refused by the vendor: duesync outbox list --state parked",
}


@app.command(name="list")
def list_tasks(
    account: Annotated[str | None, typer.Option("--account", "-a", help="Only this client's.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", "-k", help="Only such tasks (call, reply, bounce …); repeat.")
    ] = None,
    scripts: Annotated[bool, typer.Option("--scripts", help="With the words for each call.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List what people should do for clients, and what waits for a person in the outbox. Sends nothing."""
    with opened(config, json) as app_now:
        wanted = [find_account(app_now, account)] if account else None
        made = decided(app_now, wanted)
        names = {item.id: item.name for item in app_now.store.accounts()}
        counts = {item.state: item.rows for item in app_now.store.outbox_counts()}
        own = app_now.settings.dunning.templates
    found = [(item, task) for item in made.values() for task in item.tasks if not kind or task.kind in kind]
    words = {item.account: _script(item, own) for item in made.values()} if scripts else {}
    if chosen.json:
        rows = [
            {
                "account": item.account,
                "kind": task.kind,
                "text": task.text,
                "invoices": [console.plain(key) for key in task.invoices],
                "script": words.get(item.account) if task.kind == "call" else None,
            }
            for item, task in found
        ]
        console.print_json(rows)
        return
    lines = [
        (
            console.one_line(names.get(item.account, item.account), 28),
            task.kind.replace("_", " "),
            console.one_line(task.text, 110),
        )
        for item, task in found
    ]
    console.table(f"{len(found)} tasks", ("client", "kind", "what"), lines)
    for state, what in _WAITING.items():
        if counts.get(state):
            console.say(f"{counts[state]} in the outbox {what}")
    for text in (text for text in words.values() if text):
        console.say(f"\n── {text}")


def _script(decision: Decision, own: dict[str, str]) -> str | None:
    """The words of the call that is due for a client, if one is."""
    letter = next((entry.letter for entry in decision.entries if entry.channel is Way.CALL and entry.letter is not None), None)
    message = render(letter, own) if letter is not None else None
    return f"{message.subject}\n\n{message.text}" if isinstance(message, Rendered) else None
