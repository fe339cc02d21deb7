"""`duesync worker` and `duesync tenants`: many machines, many tenants, one PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core import log as logging_setup
from core import traces
from core.errors import ConfigError, UsageError
from scheduler.app import find_config
from scheduler.cli import console
from scheduler.cli.session import PROBLEM_FOUND, UNREACHABLE, USAGE, ConfigOption, JsonOption, choose, chosen
from scheduler.daemon import leave
from scheduler.jobs import worker_name
from scheduler.tenants import read_cluster, read_tenant

if TYPE_CHECKING:
    from scheduler.engine.schedule import Standing

app = typer.Typer(help="See the tenants of a cluster, and check their files.", no_args_is_help=True)

TenantsOption = Annotated[
    Path | None,
    typer.Option("--tenants", "-t", help="Folder with one configuration per tenant, NAME.toml [default: cluster.tenants]"),
]


def worker(
    tenants: TenantsOption = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", "-n", min=1, max=64, help="Jobs at once [default: cluster.concurrency, 4]")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Do what is due now, then end: for a timer, or to try it out.")] = False,
    drain: Annotated[bool, typer.Option("--drain", help="Queue nothing new: work off what waits, then end.")] = False,
    config: ConfigOption = None,
) -> None:
    """Run a worker: one of any number, on any number of machines, that share the work of many tenants.

    Every worker needs the same configuration and tenants folder, and the PostgreSQL that [store] url names. Start as many
    as you like; stop one with SIGTERM (it finishes what it has begun) or lose one: the others take over what it held.

    \b
    duesync.toml              [store]   url = "postgresql://duesync@db/duesync"
                              [cluster] tenants = "tenants"
    tenants/acme.toml         as any duesync.toml, without [store]: acme's tables are in the schema tenant_acme
    duesync worker            on every machine
    duesync tenants list      what is late, what fails

    With an ordinary configuration on PostgreSQL and no folder it works for that one organisation.
    """
    choose(config)
    cluster = read_cluster(find_config(chosen.config), tenants)
    logging_setup.configure(cluster.log.level, cluster.log.style)
    slots = concurrency or cluster.settings.concurrency
    traces.configure(cluster.traces.endpoint, share=cluster.traces.share, place=worker_name())
    try:
        drained = _machinery().work(cluster, concurrency=slots, once=once, drain=drain)
    finally:
        traces.shut_down()
    if not drained:
        leave(UNREACHABLE)


def _machinery() -> ModuleType:
    try:
        from scheduler import worker as machinery
    except ModuleNotFoundError as error:
        remedy = "Install it: pip install 'duesync[cluster]'"
        raise UsageError(f"Many machines need a package that is not here: {error.name}.", remedy=remedy) from error
    return machinery


@app.command("list")
def list_tenants(tenants: TenantsOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """How every tenant stands: how late its work is, what it missed, which jobs fail. Exit 1 when a tenant stands still."""
    choose(config, json)
    cluster = read_cluster(find_config(chosen.config), tenants)
    found: list[Standing] = _machinery().read_standings(cluster)
    if chosen.json:
        console.print_json([_plain(item) for item in found])
    else:
        rows = [(item.tenant, item.jobs, _late(item.late), item.missed, _state(item)) for item in found]
        console.table("", ("tenant", "jobs", "late", "passed over", "state"), rows, right=("jobs", "late", "passed over"))
        if not found:
            console.note("No tenant has been taken in yet: start `duesync worker`.")
    if any(item.problem for item in found):
        raise typer.Exit(PROBLEM_FOUND)


def _plain(item: Standing) -> dict[str, Any]:
    return {
        "tenant": item.tenant,
        "problem": item.problem,
        "jobs": item.jobs,
        "late_seconds": round(item.late, 1),
        "passed_over": item.missed,
        "failing": dict(item.failing),
    }


def _late(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 1 else "-"


def _state(item: Standing) -> str:
    if item.problem:
        return f"stands still: {console.one_line(item.problem, 90)}"
    if item.failing:
        return "failing: " + "; ".join(f"{job}: {console.one_line(text, 60)}" for job, text in sorted(item.failing.items()))
    return "fine"


@app.command()
def check(tenants: TenantsOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Read every tenant's file and list every problem. Reaches out to nobody. Exit 2 if there is one."""
    choose(config, json)
    cluster = read_cluster(find_config(chosen.config), tenants)
    found = [read_tenant(cluster, name, path) for name, path in cluster.files().items()]
    if not found:
        raise ConfigError([f"cluster.tenants: there is no NAME.toml in {cluster.folder}"], source=str(cluster.file))
    broken = [item for item in found if item.problem]
    if chosen.json:
        console.print_json([{"tenant": item.name, "file": str(item.path), "problem": item.problem} for item in found])
    else:
        for item in broken:
            console.complain(f"{item.name}: {item.problem}")
        console.say(f"{len(found) - len(broken)} of {len(found)} tenants are fine.")
    if broken:
        raise typer.Exit(USAGE)
