"""`duesync doctor`: is everything as it must be, and if not, what to do."""

from __future__ import annotations

import typer

from core.ports import Check
from scheduler.cli import console
from scheduler.cli.session import PROBLEM_FOUND, ConfigOption, JsonOption, chosen, opened
from scheduler.doctor import examine


def doctor(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Check configuration, store and every connection. Exit 1 if something must be mended."""
    with opened(config, json) as app:
        checks = list(examine(app))
    if chosen.json:
        console.print_json([{"name": item.name, "ok": item.ok, "detail": item.detail, "remedy": item.remedy} for item in checks])
    else:
        _show(checks)
    if any(item.ok is False for item in checks):
        raise typer.Exit(PROBLEM_FOUND)


def _show(checks: list[Check]) -> None:
    marks = {True: "ok", False: "BAD", None: "?"}
    rows = [(marks[item.ok], item.name, item.detail, item.remedy) for item in checks]
    console.table("", ("", "what", "found", "to do"), rows)
