"""Every command by its name: where it lives and what it is for. A command's module is imported when the command is asked for.

The words are those of the command's own help (a test holds them together), so that `duesync --help` need import none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group


@dataclass(frozen=True, slots=True)
class Command:
    """`place` is "module:attribute" in scheduler.cli: a function, or a Typer with commands of its own. `also` adds more to it.

    `late` are commands of its own, by name, that need much which its others do not: each is imported when it is asked for.
    `lasting`: its process goes on for minutes or years.
    """

    place: str
    about: str
    also: Callable[[Any], None] | None = None
    late: Mapping[str, str] = field(default_factory=dict, hash=False)
    lasting: bool = False


def _explain(app: Any) -> None:
    app.command(name="explain")(_at("explain_command:explain_account"))


def _collections(app: Any) -> None:
    for part in ("collections_checks", "collections_placing", "collections_agency"):
        _at(f"{part}:register")(app)


# In the order in which a newcomer meets them.
COMMANDS: dict[str, Command] = {
    "init": Command("config_commands:init", "Write a first configuration by asking."),
    "config": Command("config_commands:app", "Check the configuration, print its schema or an example."),
    "doctor": Command("doctor_command:doctor", "Check configuration, store and every connection."),
    "auth": Command("auth_command:auth", "Connect to a vendor that asks for consent (QuickBooks, Xero)."),
    "sync": Command("sync_commands:sync", "Pull the books into the store."),
    "reconcile": Command("sync_commands:reconcile", "Examine what the store knows and note what does not add up."),
    "findings": Command("findings_commands:app", "What does not add up in the books, and what you decide about it."),
    "preview": Command("preview_command:preview", "Show what would be sent, from what the store knows."),
    "run": Command(
        "run_commands:run", "Run the daemon: pull, examine, decide and send on a cadence until SIGTERM or Ctrl-C.", lasting=True
    ),
    "worker": Command(
        "worker_command:worker",
        "Run a worker: one of any number, on any number of machines, that share the work of many tenants.",
        lasting=True,
    ),
    "tenants": Command("worker_command:app", "See the tenants of a cluster, and check their files."),
    "pause": Command("run_commands:pause", "Stop all sending at once, messages in flight included."),
    "resume": Command("run_commands:resume", "Let sending go on."),
    "outbox": Command("outbox_commands:app", "What waits to be sent, what went, and what did not and why."),
    "hold": Command("account_commands:holds_app", "Reasons not to remind a client: disputes, promises, legal holds."),
    "plan": Command("plan_commands:app", "Payment plans: agreements to pay in instalments."),
    "account": Command("account_commands:accounts_app", "Clients: what they owe, and what is known of them.", _explain),
    "contacts": Command("contact_commands:app", "What was said to clients, and what came back."),
    "tasks": Command("task_commands:app", "What people should do: calls, payments to apply, addresses to mend."),
    "journal": Command("account_commands:journal_app", "The record of everything duesync decided and did."),
    "report": Command(
        "report_commands:app",
        "How receivables stand: ageing, health, statements.",
        late={"statement": "statement_command:statement", "collections": "collections_figures:show_lessons"},
    ),
    "match": Command("match_command:match_command", "Say which open invoices each payment settles, how surely and why."),
    "collections": Command(
        "collections_commands:app",
        "Cases on the way to a collection agency, and after: checks, evidence, placement, remittance.",
        _collections,
    ),
    "sandbox": Command("sandbox_commands:app", "Vendors in memory, served on loopback, to try things on.", lasting=True),
    "store": Command("store_commands:app", "Back up the store, or copy it to another database."),
    "migrate": Command("store_commands:migrate", "Bring the store's schema up to date."),
    "backup": Command("store_commands:backup", "Write a consistent copy of the store, as a SQLite file, while the daemon runs."),
    "restore": Command("restore_command:restore", "Put a backup in the place of the store, paused."),
    "restored": Command("restore_command:restored_app", "After a restore: what waits because of it, and ending that."),
    "vault": Command("vault_command:app", "The key that encrypts vendors' tokens: is it in use everywhere, and a new one."),
    "privacy": Command("privacy_commands:app", "A client's personal data: hand it out, or erase it."),
    "demo": Command(
        "demo_command:demo",
        "Play an MSP's 45 days: a QuickBooks sandbox and a mail sink on loopback, the real jobs on a fast clock, and the story.",
        lasting=True,
    ),
}
_loaded: dict[str, Any] = {}


def load(name: str) -> Any:
    """The command of that name, imported now if it was not before."""
    if name not in _loaded:
        wanted = COMMANDS[name]
        found = _at(wanted.place)
        if isinstance(found, typer.Typer):
            if wanted.also is not None:
                wanted.also(found)
            found.info.name = name
            found.rich_markup_mode = None  # its help is laid out as that of every other command
            found.info.cls = LateGroup
            _loaded[name] = group = get_group(found)
            late: dict[str, Any] = {item: _Late(item, place) for item, place in wanted.late.items()}
            group.commands.update(late)
        else:
            _loaded[name] = _single(name, found)
    return _loaded[name]


def _single(name: str, function: Any) -> Any:
    """A command made of one function."""
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name=name)(function)
    return get_command(single)


def every_command() -> dict[str, Any]:
    """All of them, imported."""
    return {name: load(name) for name in COMMANDS}


def _at(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"scheduler.cli.{module}"), name)


@dataclass(frozen=True, slots=True)
class _Late:
    """Stands for a command until it is asked for."""

    name: str
    place: str


class LateGroup(TyperGroup):
    """A group some of whose commands are imported when they are asked for; its help asks for all."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported; None when there is none of that name."""
        found: Any = super().get_command(ctx, cmd_name)
        if isinstance(found, _Late):
            found = self.commands[cmd_name] = _single(found.name, _at(found.place))
        return found


class LazyGroup(TyperGroup):
    """The top of the command line: knows every command by name and words, imports the one that is asked for."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        names: dict[str, Any] = dict.fromkeys(COMMANDS)
        self.commands = names  # for Typer's "Did you mean", which looks at the names only

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the table's order."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported; None when there is none of that name."""
        del ctx
        return load(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list in `duesync --help`, from the table alone."""
        del ctx
        width = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl([(name, _cut(item.about, width)) for name, item in COMMANDS.items()])


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 3, 1)].rsplit(" ", 1)[0] + "..."
