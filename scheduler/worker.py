"""A worker put together: queue, tenants, connections and HTTP. Needs the extra `cluster`, which no other command does."""

from __future__ import annotations

import threading
from typing import Any, cast

import psycopg

from core.errors import StoreError
from core.settings import StoreSettings, with_secrets
from core.store import Pools
from core.store.failures import translated
from scheduler.daemon import Service, progress
from scheduler.engine.procrastinate import ProcrastinateEngine
from scheduler.engine.queue_log import listen_to_queue
from scheduler.engine.queue_schema import connection_info, in_schema
from scheduler.engine.schedule import Standing, Totals, standings, totals
from scheduler.http.cluster import ClusterHttp
from scheduler.store_place import with_password
from scheduler.tenants import Cluster, Tenants


def work(cluster: Cluster, *, concurrency: int, once: bool, drain: bool) -> bool:
    """Work until told to stop, or with `once` or `drain` until nothing is left; true when all work begun was ended.

    StoreError when the queue cannot be used, ConfigError when its password cannot be read.
    """
    listen_to_queue()
    stopping = threading.Event()
    pools = Pools(connections_of(concurrency))
    tenants = Tenants(cluster, pools, stopping=stopping)
    engine = ProcrastinateEngine(
        tenants,
        queue_url(cluster.store),
        concurrency=concurrency,
        drain=cluster.daemon.drain,
        stopping=stopping,
        clock=not drain,
        once=once,
        progress=progress,
    )
    http = _listener(cluster, engine, tenants) if cluster.http.enabled else None
    if not Service(engine, stopping=stopping, drain=cluster.daemon.drain, http=http).run():
        return False
    pools.close()
    if engine.problem:
        raise StoreError(f"The worker could not go on: {engine.problem}", remedy="See the log: the traceback stands there.")
    return True


def _listener(cluster: Cluster, engine: ProcrastinateEngine, tenants: Tenants) -> ClusterHttp:
    def read() -> Totals:
        with _queue_connection(cluster) as tx:
            return totals(tx, cluster.settings.dead_after)

    return ClusterHttp(
        cluster.http, reasons=engine.reasons, read=read, app_of=lambda name: tenants.open(name).app, wake=engine.wake
    )


def connections_of(concurrency: int) -> int:
    """Most connections to one tenants' database: two per job, for one that refreshes a token writes while it holds the lock."""
    return 2 * concurrency + 1


def queue_url(section: StoreSettings) -> str:
    """The queue's database with the password put in. ConfigError when the password cannot be read."""
    opened = cast("StoreSettings", with_secrets(section, "[store]"))
    return with_password(section.url, opened.password.get_secret_value() if opened.password is not None else None)


def read_standings(cluster: Cluster) -> list[Standing]:
    """How every tenant stands; empty before the first worker ran. StoreError when the queue cannot be read."""
    with translated(cluster.store.url), _queue_connection(cluster) as tx:
        if tx.execute("select to_regclass('duesync_tenants')").fetchone() == (None,):
            return []
        return list(standings(tx))


def _queue_connection(cluster: Cluster) -> psycopg.Connection[Any]:
    arguments: dict[str, Any] = in_schema(cluster.settings.schema_name)
    return psycopg.connect(connection_info(queue_url(cluster.store)), connect_timeout=10, **arguments)
