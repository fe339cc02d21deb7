"""Whether the daemon does its work now: what a load balancer, an orchestrator or a pager should ask."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.errors import DuesyncError
from core.store import SchemaStatus, StreamState
from scheduler.app import App
from scheduler.runner import Runner

_PATIENCE = 4  # cadences a connection may fail before that is more than a passing trouble
_LEAST = timedelta(minutes=15)


def unready(app: App, runner: Runner) -> list[str]:
    """Why the daemon is not ready, empty when it is: the store cannot be used, its schema is not this release's, or a connection
    has failed for longer than four of its cadences (at least 15 minutes). One that fails and never worked is not ready either.

    Names connections and jobs, not what their vendors said: whoever asks need not be allowed to know that.
    """
    try:
        schema = app.store.schema()
        if schema.status is not SchemaStatus.CURRENT:
            return [f"the store's schema is {schema.found}, this release needs {schema.wanted}"]
        states = app.store.stream_states()
        now = app.clock.now()
    except DuesyncError:
        return ["the store cannot be reached or read"]
    return [line for name in app.settings.connections for line in _connection(app, runner, name, states, now)]


def _connection(app: App, runner: Runner, name: str, states: tuple[StreamState, ...], now: datetime) -> list[str]:
    section = app.settings.connections[name]
    limit = max(timedelta(seconds=_PATIENCE * (section.sync_every or app.settings.daemon.sync_every)), _LEAST)
    mine = [state for state in states if state.connection == name]
    broken = [state for state in mine if state.error is not None]
    if not broken and f"sync:{name}" not in runner.failing:
        return []
    since = min((state.last_ok_at for state in broken or mine if state.last_ok_at is not None), default=None)
    if since is None:
        return [f"{name} fails and has never been pulled"]
    return [f"{name} has failed since {since:%Y-%m-%d %H:%M} UTC"] if now - since > limit else []
