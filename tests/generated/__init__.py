"""Pages that are made from the code. `make docs` writes them; a test compares."""

from __future__ import annotations

from collections.abc import Callable

from core.events import CATALOGUE
from scheduler.documents import example_toml


def events_page() -> str:
    """docs/events.md: every log event with its level and meaning."""
    lines = [
        "# Log events",
        "",
        "Every event duesync logs. JSON lines carry `event`, `level`, `at` and, inside a job, `job`, `run` and",
        "`connection`; names are stable.",
        "",
        "This page is made from `core/events.py` by `make docs`.",
        "",
        "| event | level | when |",
        "|---|---|---|",
        *(f"| `{name}` | {event.level} | {event.when} |" for name, event in sorted(CATALOGUE.items())),
        "",
    ]
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {"config.example.toml": example_toml, "docs/events.md": events_page}
