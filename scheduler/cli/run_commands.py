"""`duesync run`, `pause`, `resume`: the daemon, and the switch that stops all sending."""

from __future__ import annotations

from typing import Annotated

import typer

from core.errors import StoreBusy
from scheduler.cli import console
from scheduler.cli.session import UNREACHABLE, ConfigOption, JsonOption, actor, chosen, opened
from scheduler.daemon import daemon, leave
from scheduler.doctor_machine import DAEMON
from scheduler.jobs import resume_sending

_PATIENCE = 5.0  # seconds: a daemon that is just ending makes room in that time
_SECOND = StoreBusy(
    "Another daemon runs on this store.",
    remedy="Stop it first; for work on several machines use `duesync worker` with PostgreSQL.",
)


def run(config: ConfigOption = None) -> None:
    """Run the daemon: pull, examine, decide and send on a cadence until SIGTERM or Ctrl-C. One for a store: a second exits 3."""
    with opened(config, service=True) as app, app.store.alone(DAEMON, wait=_PATIENCE, busy=_SECOND):
        drained = daemon(app).run()
    if not drained:
        leave(UNREACHABLE)


def pause(
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why, for whoever asks later.")] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Stop all sending at once, messages in flight included. Pulling and examining go on."""
    with opened(config, json) as app:
        app.store.pause("all", by=actor(), reason=reason, now=app.clock.now())
    _say(True)


def resume(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Let sending go on. Nothing is sent in a burst: each client hears at most its next step."""
    with opened(config, json) as app:
        resume_sending(app, actor())
    _say(False)


def _say(paused: bool) -> None:
    if chosen.json:
        console.print_json({"paused": paused})
    else:
        console.say("Sending is paused. `duesync resume` lets it go on." if paused else "Sending goes on.")
