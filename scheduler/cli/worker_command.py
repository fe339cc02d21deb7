"""`duesync worker` and `duesync tenants`: many machines, many tenants, one PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated, Any, cast

import psycopg
import structlog
import typer

from core import log as logging_setup
from core.errors import ConfigError, StoreError
from core.settings import StoreSettings, with_secrets
from core.store import Pools
from core.store.failures import translated
from scheduler.app import find_config, with_password
from scheduler.cli import console
from scheduler.cli.session import PROBLEM_FOUND, UNREACHABLE, USAGE, ConfigOption, JsonOption, choose, chosen
from scheduler.daemon import Service, leave, progress
from scheduler.engine.procrastinate import ProcrastinateEngine
from scheduler.engine.queue_log import listen_to_queue
from scheduler.engine.queue_schema import connection_info, in_schema
from scheduler.engine.schedule import Standing, standings
from scheduler.tenants import Cluster, Tenants, read_cluster, read_tenant

log = structlog.get_logger()
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
    listen_to_queue()
    slots = concurrency or cluster.settings.concurrency
    stopping = threading.Event()
    pools = Pools(connections_of(slots))
    engine = ProcrastinateEngine(
        Tenants(cluster, pools, stopping=stopping),
        queue_url(cluster.store),
        concurrency=slots,
        drain=cluster.daemon.drain,
        stopping=stopping,
        clock=not drain,
        once=once,
        progress=progress,
    )
    drained = Service(engine, stopping=stopping, drain=cluster.daemon.drain).run()
    if not drained:
        leave(UNREACHABLE)
    pools.close()
    if engine.problem:
        raise StoreError(f"The worker could not go on: {engine.problem}", remedy="See the log: the traceback stands there.")


def connections_of(concurrency: int) -> int:
    """Most connections to one tenants' database: two per job, for one that refreshes a token writes while it holds the lock."""
    return 2 * concurrency + 1


def queue_url(section: StoreSettings) -> str:
    """The queue's database with the password put in. ConfigError when the password cannot be read."""
    opened = cast("StoreSettings", with_secrets(section, "[store]"))
    return with_password(section.url, opened.password.get_secret_value() if opened.password is not None else None)


@app.command("list")
def list_tenants(tenants: TenantsOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """How every tenant stands: how late its work is, what it missed, which jobs fail. Exit 1 when a tenant stands still."""
    choose(config, json)
    cluster = read_cluster(find_config(chosen.config), tenants)
    found = _standings(cluster)
    if chosen.json:
        console.print_json([_plain(item) for item in found])
    else:
        rows = [(item.tenant, item.jobs, _late(item.late), item.missed, _state(item)) for item in found]
        console.table("", ("tenant", "jobs", "late", "missed", "state"), rows, right=("jobs", "late", "missed"))
        if not found:
            console.note("No tenant has been taken in yet: start `duesync worker`.")
    if any(item.problem for item in found):
        raise typer.Exit(PROBLEM_FOUND)


def _standings(cluster: Cluster) -> list[Standing]:
    arguments: dict[str, Any] = in_schema(cluster.settings.schema_name)
    where = cluster.store.url
    with translated(where), psycopg.connect(connection_info(queue_url(cluster.store)), connect_timeout=10, **arguments) as tx:
        if tx.execute("select to_regclass('duesync_tenants')").fetchone() == (None,):
            return []
        return list(standings(tx))


def _plain(item: Standing) -> dict[str, Any]:
    return {
        "tenant": item.tenant,
        "problem": item.problem,
        "jobs": item.jobs,
        "late_seconds": round(item.late, 1),
        "missed": item.missed,
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
    broken = [item for item in found if item.problem]
    if chosen.json:
        console.print_json([{"tenant": item.name, "file": str(item.path), "problem": item.problem} for item in found])
    else:
        for item in broken:
            console.complain(f"{item.name}: {item.problem}")
        console.say(f"{len(found) - len(broken)} of {len(found)} tenants are fine.")
    if broken:
        raise typer.Exit(USAGE)
    if not found:
        raise ConfigError([f"cluster.tenants: there is no NAME.toml in {cluster.folder}"], source=str(cluster.file))
