"""`duesync demo`: the whole of duesync on invented books, with nothing but loopback."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn

from core.errors import UsageError
from core.log import configure
from scheduler.cli import console
from scheduler.cli.session import PROBLEM_FOUND, JsonOption, choose, chosen


def demo(
    days: Annotated[int, typer.Option("--days", min=1, max=45, help="How many days to play.")] = 45,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep the store, the mail and the configuration in this folder.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Play an MSP's 45 days: a QuickBooks sandbox and a mail sink on loopback, the real jobs on a fast clock, and the story."""
    choose(None, json)
    if importlib.util.find_spec("aiosmtpd") is None:
        raise UsageError("the demo needs a mail server in Python", remedy="Run: pip install aiosmtpd")
    from scheduler.demo.play import play_all

    folder = keep or Path(tempfile.mkdtemp(prefix="duesync-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _bar() as show:
            story, sample = play_all(folder, days=days, on_day=show)
    finally:
        configure("warning")
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    if chosen.json:
        console.print_json(story)
    else:
        from scheduler.demo.story import tell

        tell(story, sample)
        if keep is not None:
            console.note(f"Look around: duesync --config {folder / 'duesync.toml'} findings list")
    again = story["again"]
    if any(again.values()) or not story["journal"]["ok"] or story["waiting"]:
        raise typer.Exit(PROBLEM_FOUND)


@contextmanager
def _bar() -> Iterator[Callable[[int], None]]:
    """Shows the day on a terminal; says nothing elsewhere."""
    if chosen.json or not sys.stderr.isatty():
        yield lambda _: None
        return
    with Progress(TextColumn("day {task.completed} of 45"), BarColumn(), console=console.err, transient=True) as bar:
        task = bar.add_task("days", total=45)
        yield lambda day: bar.update(task, completed=day)
