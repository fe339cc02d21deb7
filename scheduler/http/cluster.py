"""The HTTP of a worker: is it at work, how does the whole cluster stand, and webhooks by tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import psycopg
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.routing import Route

from core.settings import HttpSettings
from scheduler.app import App
from scheduler.engine.schedule import Totals
from scheduler.http.server import Endpoints, Listener, tokens_of
from scheduler.http.webhooks import Webhooks

_SPARE_PORTS = 63  # a machine has fewer workers than this: each takes a core
# name, what it says, field of Totals. Few on purpose: a thousand tenants' own series belong in no monitor.
_GAUGES = (
    ("duesync_cluster_tenants", "Tenants taken in.", "tenants"),
    ("duesync_cluster_tenants_broken", "Tenants that stand still because their file cannot be used.", "broken"),
    ("duesync_cluster_tenants_failing", "Tenants of whom a job failed when it last ran.", "failing"),
    ("duesync_cluster_late_seconds", "How long the most overdue work waits.", "late"),
    ("duesync_cluster_jobs_waiting", "Jobs in the queue that no worker has begun.", "waiting"),
    ("duesync_cluster_jobs_running", "Jobs a worker is at.", "running"),
    ("duesync_cluster_workers", "Workers that say they live.", "workers"),
)


class ClusterCollector(Collector):
    """Gauges over the queue, read at each scrape."""

    def __init__(self, read: Callable[[], Totals]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        try:
            found = self._read()
        except psycopg.Error:
            yield GaugeMetricFamily("duesync_cluster_reachable", "1 while the queue's database answers.", value=0.0)
            return
        yield GaugeMetricFamily("duesync_cluster_reachable", "1 while the queue's database answers.", value=1.0)
        for name, text, field in _GAUGES:
            yield GaugeMetricFamily(name, text, value=float(getattr(found, field)))
        yield CounterMetricFamily(
            "duesync_cluster_ticks_passed_over", "Ticks skipped because an earlier one waited.", found.missed
        )


class ClusterHttp(Listener):
    """/healthz, /readyz, /metrics and /webhooks/TENANT/CONNECTION of a worker.

    `reasons` says why this worker is not at work, `read` counts the cluster, `app_of` opens a tenant, `wake` asks for a pull.
    """

    def __init__(
        self,
        section: HttpSettings,
        *,
        reasons: Callable[[], Sequence[str]],
        read: Callable[[], Totals],
        app_of: Callable[[str], App],
        wake: Callable[[str, str], None],
    ) -> None:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(ClusterCollector(read))
        endpoints = Endpoints(reasons, lambda: generate_latest(registry), tokens_of(section))
        webhooks = Webhooks(app_of, wake)
        hook = Route("/webhooks/{tenant}/{connection}", webhooks.receive, methods=["POST"])
        super().__init__([*endpoints.routes(), hook], section, spare=_SPARE_PORTS if section.port else 0)
